"""Held-out music kept with a run, so that an export can test and measure its files without the
corpus.

held_out_excerpt.npy: of each excerpt STEPS + 1 steps as a model is fed them when nothing is wished:
uint16 [excerpts, STEPS + 1, 1 + columns], or for vectors uint16 [excerpts, words], packed as a
corpus stores them. Excerpts that open a piece come first.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from ugen.data import Codec, UgenError
from ugen.data.codecs.base import Rows
from ugen.data.files import read_bytes, replacing
from ugen.data.text import line

STEPS = 1024
EXCERPTS = 16
MAX_BYTES = 4 << 20  # of the file: 16 excerpts of vectors take a sixteenth


def write_excerpt(path: Path, pieces: Sequence[Rows], codec: Codec) -> None:
    """Keep up to EXCERPTS excerpts of held-out pieces, which are given as rows. Where all are
    shorter than an excerpt, they are concatenated."""
    excerpts = [
        (at, number, rows[at : at + STEPS + 1])
        for number, rows in enumerate(pieces)
        for at in range(0, len(rows) - STEPS, STEPS)
    ]
    kept = [rows for _, _, rows in sorted(excerpts, key=lambda excerpt: excerpt[:2])[:EXCERPTS]]
    if not kept:
        joined = np.concatenate(list(pieces))
        kept = [np.concatenate([joined] * (STEPS // len(joined) + 1))[: STEPS + 1]]
    if codec.input == "frame":
        kept = [codec.from_inputs(vectors) for vectors in kept]
    with replacing(path) as partial, open(partial, "wb") as stream:
        np.save(stream, np.stack(kept).astype(np.uint16), allow_pickle=False)


def read_excerpt(path: Path, codec: Codec, sizes: Sequence[int]) -> Rows:
    """What `write_excerpt` kept: int64 [excerpts, STEPS + 1, 1 + columns] rows, or float32
    [excerpts, STEPS + 1, keys] vectors. `sizes`: the number of ids of each part of a row.

    Raises UgenError that names the file.
    """
    data = read_bytes(path, MAX_BYTES)
    try:
        words = np.load(BytesIO(data), allow_pickle=False)
        if words.dtype != np.uint16 or not len(words):
            raise ValueError(f"{words.dtype} {list(words.shape)} is no held-out music")
        excerpts = _vectors(words, codec) if codec.input == "frame" else _rows(words, sizes)
        if excerpts.shape[1] != STEPS + 1:
            raise ValueError(f"excerpts of {excerpts.shape[1]} steps, not {STEPS + 1}")
    except Exception as error:  # numpy lets Python parse the header, which may fail in many ways
        reason = f"{line(error)}; did another version of ugen train the run?"
        raise UgenError(reason, path=path) from None
    return excerpts


def _vectors(words: NDArray[np.uint16], codec: Codec) -> NDArray[np.float32]:
    for row in words:
        codec.check(row)
    return np.stack([codec.to_inputs(row) for row in words]).astype(np.float32)


def _rows(words: NDArray[np.uint16], sizes: Sequence[int]) -> NDArray[np.int64]:
    if words.ndim != 3 or words.shape[2] != len(sizes):
        raise ValueError(f"{list(words.shape)}, and a row has {len(sizes)} ids")
    if (words >= np.array(sizes)).any():
        raise ValueError("ids of other columns")
    return words.astype(np.int64)
