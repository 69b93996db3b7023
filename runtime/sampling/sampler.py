"""Sample the next step from a model's logits, in float64: a token, or the keys of a vector that
sound.

Every operation is fixed, so that any implementation samples the same from the same logits.

Tokens: each has a weight, exp((logit - the largest) / temperature), 0 where the mask forbids it.
The sample is the first id, in rising order, at which the running sum of the weights exceeds u times
the total. Top-k keeps the k largest weights and all equal to the least of them; top-p (Holtzman et
al. 2020) adds weights from the largest down until they reach p of the sum, and keeps all not less
than the last added; min-p (Nguyen et al. 2024) keeps weights of at least that fraction of the
largest. A sample that they do not keep is taken again with the next u, among the kept tokens only.
(So each kept token is as likely as if the others had been left out at once, and most samples need
no sorting.) A repetition penalty divides the weights of the last WINDOW onset tokens; "the largest"
above is then still that of before.

Vectors: each key sounds independently, with the logistic of its logit over the temperature. Top-p
rounds probabilities under 1 - p to 0 and those over p to 1; min-p rounds those under that fraction
of the largest to 0; top-k lets only the k likeliest keys sound, and all as likely as the least of
them. One random number per key, in rising order.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .config import Sampling
from .rng import Rng

WINDOW = 32  # notes that a repetition penalty remembers
# Logits are float32: two are equal, or differ by 1e-45 to 1e39. So all temperatures under this one
# sample the same, and dividing by a much smaller one would overflow.
COLDEST = 1e-250


class Sampler:
    """Samples tokens. It keeps its arrays between calls: at a few hundred tokens, making them would
    cost most.

    `onset_tokens`: bool [vocabulary], the tokens that a repetition penalty applies to.
    """

    def __init__(
        self, vocabulary: int, sampling: Sampling, onset_tokens: NDArray[np.bool_] | None = None
    ):
        self._sampling = sampling
        self._weights = np.empty(vocabulary)
        self._sums = np.empty(vocabulary)
        # a token of more than 1 - p of the total is certainly kept by top-p
        self._certain = 1 - sampling.top_p if sampling.top_k == 0 and sampling.min_p == 0 else 2.0
        penalized = onset_tokens is not None and sampling.repetition_penalty > 1
        self._onset_tokens = onset_tokens if penalized else None
        self.recent_onsets: tuple[int, ...] = ()  # the last onset tokens

    def sample(self, logits: NDArray[np.float32], mask: NDArray[np.bool_], rng: Rng) -> int:
        """A token id from logits float32 [vocabulary] and mask bool [vocabulary] (True: may
        come)."""
        weights, temperature = self._weights, self._sampling.temperature
        if temperature == 0:
            return self._remembered(self._likeliest(logits, mask))
        np.subtract(logits, logits.item(logits.argmax()), out=weights, dtype=np.float64)
        if temperature != 1:
            np.divide(weights, max(temperature, COLDEST), out=weights)
        np.exp(weights, out=weights)
        np.multiply(weights, mask, out=weights)
        if self.recent_onsets:
            weights[list(set(self.recent_onsets))] /= self._sampling.repetition_penalty
        np.add.accumulate(weights, out=self._sums)
        if self._sums.item(-1) < 1e-250:  # the mask forbids all that the model thinks possible
            self._refill(logits, mask)
        token = self._pick(rng)
        if weights.item(token) > self._certain * self._sums.item(-1):
            return self._remembered(token)
        return self._remembered(self._among_kept(token, rng))

    def _likeliest(self, logits: NDArray[np.float32], mask: NDArray[np.bool_]) -> int:
        scores = np.where(mask, logits.astype(np.float64), -np.inf)
        if self.recent_onsets:
            scores[list(set(self.recent_onsets))] -= math.log(self._sampling.repetition_penalty)
        return int(scores.argmax())

    def _remembered(self, token: int) -> int:
        """The token, remembered if it is an onset."""
        if self._onset_tokens is not None and self._onset_tokens[token]:
            self.recent_onsets = (*self.recent_onsets[1 - WINDOW :], token)
        return token

    def _pick(self, rng: Rng) -> int:
        """The first id at which the running sum exceeds u times the whole."""
        sums = self._sums
        whole = sums.item(-1)
        token = int(sums.searchsorted(rng.uniform() * whole, side="right"))
        # u times the whole can round up to the whole: then the last id with any weight
        return token if token < len(sums) else int(sums.searchsorted(whole))

    def _among_kept(self, token: int, rng: Rng) -> int:
        """The token if top-k, top-p and min-p keep it, else another among those that they keep."""
        weights, sampling = self._weights, self._sampling
        least = sampling.min_p * weights.max().item()
        if 0 < sampling.top_k < len(weights):
            least = max(least, np.partition(weights, -sampling.top_k)[-sampling.top_k].item())
        if sampling.top_p < 1:
            falling = np.sort(weights[weights >= least])[::-1]
            sums = falling.cumsum()
            least = falling[sums.searchsorted(sampling.top_p * sums[-1])].item()
        if weights.item(token) >= least:
            return token
        weights[weights < least] = 0.0
        np.add.accumulate(weights, out=self._sums)
        return self._pick(rng)

    def _refill(self, logits: NDArray[np.float32], mask: NDArray[np.bool_]) -> None:
        """The weights once more, relative to the largest that the mask allows."""
        scores = np.where(mask, logits.astype(np.float64), -np.inf)
        temperature = max(self._sampling.temperature, COLDEST)
        np.exp((scores - scores.max()) / temperature, out=self._weights)
        if self.recent_onsets:
            self._weights[list(set(self.recent_onsets))] /= self._sampling.repetition_penalty
        np.add.accumulate(self._weights, out=self._sums)


def sample_keys(
    logits: NDArray[np.float32], sampling: Sampling, u: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Which keys sound, bool [keys], from logits float32 [keys] and u float64 [keys] in [0, 1).

    Temperature 0 is the threshold: every key sounds that is likelier to than not.
    """
    scores = logits.astype(np.float64)
    if sampling.temperature == 0:
        sounding = scores > 0
    else:
        scores = np.clip(scores / max(sampling.temperature, COLDEST), -700, 700)
        chances = 1 / (1 + np.exp(-scores))
        if sampling.top_p < 1:
            chances = np.where(
                chances < 1 - sampling.top_p, 0.0, np.where(chances > sampling.top_p, 1.0, chances)
            )
        sounding = u < np.where(chances < sampling.min_p * chances.max(), 0.0, chances)
    if 0 < sampling.top_k < len(scores):
        sounding = sounding & (scores >= np.partition(scores, -sampling.top_k)[-sampling.top_k])
    out: NDArray[np.bool_] = sounding
    return out
