"""The key that a model is asked for when nobody names one."""

from __future__ import annotations

from itertools import accumulate

from ugen.data.analysis.key import key_name
from ugen.runtime.model_file.card import Card
from ugen.runtime.sampling.rng import Rng

KEYS = [key_name((tonic, minor)) for minor in (False, True) for tonic in range(12)]
_PLACE = 1 << 53  # in the random stream of a seed: far from the numbers that a song takes


def training_keys(card: Card) -> list[int]:
    """How often each of KEYS occurs in the training music; 1 each where the file does not say."""
    corpus = card.provenance.get("corpus")
    found = corpus.get("keys") if isinstance(corpus, dict) else None
    counts = [found.get(name, 0) for name in KEYS] if isinstance(found, dict) else []
    if all(type(each) is int and 0 <= each < 1 << 53 for each in counts) and any(counts):
        return counts
    return [1] * len(KEYS)


def drawn_key(card: Card, seed: int) -> str:
    """A key, each as likely as it is in the training music. A seed has one."""
    sums = list(accumulate(training_keys(card)))
    u = Rng(seed, _PLACE).uniform() * sums[-1]
    return next((key for key, total in zip(KEYS, sums, strict=True) if u < total), KEYS[-1])
