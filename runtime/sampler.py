"""Draw the next step from a model's logits, in float64: a token, or the keys of a vector that sound.

Every step is fixed, so that any implementation draws the same from the same logits.

Tokens: mask, temperature, top-k, top-p, then the inverse of the cumulative distribution. Top-k keeps the k largest
weights and all equal to the least of them; top-p (Holtzman et al. 2020) adds weights from the largest down until they
reach p of the sum, and keeps all not less than the last added; the draw is the first id, in rising order, at which
the cumulative weight exceeds u times the sum.

Vectors: each key by itself sounds with the logistic of its logit over the temperature. Top-p takes chances under 1 - p
for 0 and those over p for 1; top-k lets only the k likeliest sound, and all as likely as the least of them. One random
number a key, in rising order.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .model_file import Sampling


def draw(logits: NDArray[np.float32], mask: NDArray[np.bool_], sampling: Sampling, u: float) -> int:
    """A token id from logits float32 [vocabulary] and mask bool [vocabulary] (True: may come), by u in [0, 1)."""
    allowed = mask.nonzero()[0]
    scores = logits[allowed].astype(np.float64)
    if sampling.temperature == 0:
        return int(allowed[scores.argmax()])
    weights = np.exp((scores - scores.max()) / sampling.temperature)
    if 0 < sampling.top_k < len(weights):
        least = np.partition(weights, -sampling.top_k)[-sampling.top_k]
        weights[weights < least] = 0.0
    if sampling.top_p < 1:
        falling = np.sort(weights)[::-1]
        sums = falling.cumsum()
        weights[weights < falling[sums.searchsorted(sampling.top_p * sums[-1])]] = 0.0
    sums = weights.cumsum()
    at = int(sums.searchsorted(u * sums[-1], side="right"))
    if at == len(sums):  # u * sum rounded up to the sum: the last token that has any weight
        at = int(sums.searchsorted(sums[-1]))
    return int(allowed[at])


def draw_keys(logits: NDArray[np.float32], sampling: Sampling, u: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which keys sound, bool [keys], from logits float32 [keys] and u float64 [keys] in [0, 1).

    Temperature 0 is the threshold: every key sounds that is likelier to than not.
    """
    scores = logits.astype(np.float64)
    if sampling.temperature == 0:
        sounding = scores > 0
    else:
        scores = np.clip(scores / sampling.temperature, -700, 700)
        chances = 1 / (1 + np.exp(-scores))
        if sampling.top_p < 1:
            chances = np.where(chances < 1 - sampling.top_p, 0.0, np.where(chances > sampling.top_p, 1.0, chances))
        sounding = u < chances
    if 0 < sampling.top_k < len(scores):
        sounding = sounding & (scores >= np.partition(scores, -sampling.top_k)[-sampling.top_k])
    out: NDArray[np.bool_] = sounding
    return out
