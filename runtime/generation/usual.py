"""What a model is asked for when nobody says: a key and instruments as its music has them."""

from __future__ import annotations

from itertools import accumulate

from ugen.data.analysis.wishes import KEY_NAMES
from ugen.runtime.model_file.card import Card
from ugen.runtime.sampling.rng import Rng

# in the random stream of a seed: far from the numbers that a song takes
_KEY_PLACE = 1 << 53
_ENSEMBLE_PLACE = _KEY_PLACE + 1


def drawn_key(card: Card, seed: int) -> str:
    """A key, each as likely as it is in the training music. A seed has one."""
    sums = list(accumulate(card.known["key"].counts))
    u = Rng(seed, _KEY_PLACE).uniform() * sums[-1]
    names = zip(KEY_NAMES, sums, strict=True)
    return next((key for key, total in names if u < total), KEY_NAMES[-1])


def drawn_ensemble(card: Card, seed: int) -> tuple[int, ...]:
    """The instruments of a training piece; none where the file does not say. A seed has one."""
    found = card.ensembles
    u = Rng(seed, _ENSEMBLE_PLACE).uniform()
    return found[int(u * len(found))] if found else ()
