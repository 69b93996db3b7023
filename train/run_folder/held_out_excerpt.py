"""Held-out music kept with a run, so that an export can test and measure its files without the
corpus.

held_out_excerpt.npy: uint16 [rows, words], inputs and targets as a corpus stores them; a row is
STEPS + 1 steps. Rows that open a piece come first.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from ugen.data import Codec, UgenError
from ugen.data.codecs.base import Inputs
from ugen.data.files import read_bytes, replacing
from ugen.data.text import line

STEPS = 1024
ROWS = 16
MAX_BYTES = 4 << 20  # of the file: 16 rows of vectors take a sixteenth


def write_excerpt(path: Path, pieces: Sequence[Inputs], codec: Codec) -> None:
    """Keep up to ROWS excerpts of held-out pieces. Where all pieces are shorter than a row, they
    are concatenated."""
    wholes = [codec.with_start(piece) for piece in pieces]
    excerpts = [
        (at, number, whole[at : at + STEPS + 1])
        for number, whole in enumerate(wholes)
        for at in range(0, len(whole) - STEPS, STEPS)
    ]
    rows = [items for _, _, items in sorted(excerpts, key=lambda excerpt: excerpt[:2])[:ROWS]]
    if not rows:
        joined = np.concatenate(wholes)
        rows = [np.concatenate([joined] * (STEPS // len(joined) + 1))[: STEPS + 1]]
    with replacing(path) as partial, open(partial, "wb") as stream:
        np.save(stream, np.stack([codec.from_inputs(items) for items in rows]), allow_pickle=False)


def read_excerpt(path: Path, codec: Codec) -> Inputs:
    """What `write_excerpt` kept: int64 [rows, STEPS + 1] tokens, or float32 [rows, STEPS + 1, keys]
    vectors.

    Raises UgenError that names the file.
    """
    data = read_bytes(path, MAX_BYTES)
    try:
        words = np.load(BytesIO(data), allow_pickle=False)
        if words.dtype != np.uint16 or words.ndim != 2 or not len(words):
            raise ValueError(f"{words.dtype} {list(words.shape)} is no held-out music")
        for row in words:
            codec.check(row)
    except Exception as error:  # numpy lets Python parse the header, which may fail in many ways
        reason = f"{line(error)}; did another version of ugen train the run?"
        raise UgenError(reason, path=path) from None
    rows = np.stack([codec.to_inputs(row) for row in words])
    if rows.shape[1] != STEPS + 1:
        raise UgenError(f"rows of {rows.shape[1]} steps, not {STEPS + 1}", path=path)
    return rows.astype(np.float32 if codec.input == "frame" else np.int64)
