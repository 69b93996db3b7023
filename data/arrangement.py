"""Arrangements: which notes of a score a model learns from, and as what."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .errors import UgenError
from .score import Score
from .text import clock

ARRANGEMENTS = ("piano", "band")
LONGEST_INTRODUCTION = 4  # bars before the first note that a corpus keeps; drums may play there


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


def cut_silence(score: Score, bars: int = 0) -> Score:
    """The score without the bars before the one of its first note, if those are more than `bars`;
    `warnings` say so."""
    if not len(score.notes):
        return score
    first = int(score.notes["onset"][0])
    since, numerator, denominator = score.meters[score.meters["tick"] <= first][-1].tolist()
    bar = max(4 * score.ticks_per_beat * numerator // denominator, 1)
    start = since + (first - since) // bar * bar
    if start <= bars * bar:
        return score
    silence = clock(float(score.seconds_at(np.array([start]))[0]))
    return replace(
        score.since(start),
        warnings=(*score.warnings, f"{silence} of silence before the first note, cut"),
    )
