"""Steps without meaning, as models are fed them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ugen.data.codecs.base import Codec
from ugen.data.codecs.columns import Column, Wishes
from ugen.runtime.inference.model import Step

WISHES = Wishes({"key": 22}, bars=60.0)


def noise(codec: Codec, columns: Sequence[Column], batch: int, steps: int) -> Step:
    """Rows int64 [batch, steps, 1 + columns], or float32 [batch, steps, keys] in which every
    twentieth key sounds."""
    chance = np.random.default_rng(0)
    if codec.input == "frame":
        return (chance.random((batch, steps, codec.vocabulary)) < 0.05).astype(np.float32)
    return np.stack([_rows(codec, columns, steps, chance) for _ in range(batch)])


def _rows(
    codec: Codec, columns: Sequence[Column], steps: int, chance: np.random.Generator
) -> np.ndarray:
    """Tokens where a cursor allows them, each kind as likely as another, and what it says beside
    them."""
    cursor = codec.cursor(columns=[each.name for each in columns], wishes=WISHES)
    kinds = np.unique([event.split(":")[0] for event in codec.events], return_inverse=True)[1]
    rows = [[codec.start, *cursor.row()]]
    while len(rows) < steps:
        allowed = cursor.mask().copy()
        if codec.end is not None:
            allowed[codec.end] = False
        ids = np.flatnonzero(allowed)
        of_kind = ids[kinds[ids] == chance.choice(np.unique(kinds[ids]))]
        # few of each, so that much comes again
        token = int(of_kind[: 1 + len(of_kind) // 8][chance.integers(1 + len(of_kind) // 8)])
        cursor.feed(token)
        rows.append([token, *cursor.row()])
    return np.array(rows, np.int64)
