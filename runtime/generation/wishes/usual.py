"""What a model is asked for when nobody says: a key and instruments as its music has them; and how
it is kept to its key."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
from numpy.typing import NDArray
from ugen.data.analysis.key import parse_key
from ugen.data.analysis.wishes import KEY_NAMES
from ugen.runtime.model_file.card import Card
from ugen.runtime.sampling.rng import Rng

# in the random stream of a seed: far from the numbers that a song takes
_KEY_PLACE = 1 << 53
_ENSEMBLE_PLACE = _KEY_PLACE + 1
_RAREST = 0.02  # of the median: a pitch class is not forbidden


def drawn_key(card: Card, seed: int) -> str:
    """A key, each as likely as it is in the training music. A seed has one."""
    sums = list(accumulate(card.known["key"].counts))
    u = Rng(seed, _KEY_PLACE).uniform() * sums[-1]
    names = zip(KEY_NAMES, sums, strict=True)
    return next((key for key, total in names if u < total), KEY_NAMES[-1])


def key_pull(card: Card, key: str, strength: float) -> NDArray[np.float32] | None:
    """float32 [vocabulary]: what is added to the logits, so that a song keeps its key. None where
    that is nothing.

    Training pieces in this mode have f notes of a pitch class, counted from the tonic. A pitch
    rarer than the median class gets strength * ln(f / median), at least strength * ln(1 / 50): at
    a strength of 1 it is as much rarer once more as it is in the music.
    """
    tonic, minor = parse_key(key)
    found = np.array(card.pitch_classes(minor), np.float64)
    if not strength or not found.any():
        return None
    rarity = np.log(np.clip(found / max(float(np.median(found)), 1.0), _RAREST, 1))
    pitches = card.codec.pitches()
    pull = np.where(pitches >= 0, strength * rarity[(pitches - tonic) % 12], 0)
    return pull.astype(np.float32)


def drawn_ensemble(card: Card, seed: int) -> tuple[int, ...]:
    """The instruments of a training piece; none where the file does not say. A seed has one."""
    found = card.ensembles
    u = Rng(seed, _ENSEMBLE_PLACE).uniform()
    return found[int(u * len(found))] if found else ()
