"""The key that a model is asked for when nobody names one."""

from __future__ import annotations

from itertools import accumulate

from ugen.data.analysis.wishes import KEY_NAMES
from ugen.runtime.model_file.card import Card
from ugen.runtime.sampling.rng import Rng

_PLACE = 1 << 53  # in the random stream of a seed: far from the numbers that a song takes


def drawn_key(card: Card, seed: int) -> str:
    """A key, each as likely as it is in the training music. A seed has one."""
    sums = list(accumulate(card.known["key"].counts))
    u = Rng(seed, _PLACE).uniform() * sums[-1]
    names = zip(KEY_NAMES, sums, strict=True)
    return next((key for key, total in names if u < total), KEY_NAMES[-1])
