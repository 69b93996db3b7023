"""Arrangements: which notes of a score a model learns from, and as what."""

from __future__ import annotations

import numpy as np

from .errors import UgenError
from .score import Score

ARRANGEMENTS = ("piano", "band")


def arrange(score: Score, arrangement: str) -> Score:
    """`piano`: all pitched notes merged on one piano, without drums. `band`: programs and drums as
    they are.

    Either way, of notes that begin on the same tick with the same sound only the longest stays: a
    doubled voice is one key on a piano. Raises UgenError for any other name.
    """
    if arrangement not in ARRANGEMENTS:
        choices = ", ".join(ARRANGEMENTS)
        raise UgenError(f"choose one of {choices}", flag="--arrange", value=arrangement)
    notes = score.notes
    if arrangement == "piano":
        notes = notes[~notes["drum"]].copy()
        notes["program"] = 0
    notes = notes[
        np.lexsort((-notes["end"], notes["pitch"], notes["program"], notes["drum"], notes["onset"]))
    ]
    doubled = np.zeros(len(notes), bool)
    same = [
        notes[field][1:] == notes[field][:-1] for field in ("onset", "drum", "program", "pitch")
    ]
    doubled[1:] = np.logical_and.reduce(same)
    return Score.build(
        notes[~doubled],
        score.ticks_per_beat,
        score.tempos.tolist(),
        score.meters.tolist(),
        score.warnings,
    )
