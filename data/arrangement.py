"""Arrangements: which notes of a score a model learns from, and as what."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .errors import UgenError
from .score import Score, together
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
    kept = _longest(notes)
    if arrangement == "band":
        return replace(score, notes=notes[kept])
    notes = notes[kept & ~notes["drum"]]
    notes["program"] = 0
    length = 0
    for part in together(notes["onset"]):
        mine = notes[part]
        mine = mine[np.lexsort((mine["end"], mine["pitch"], mine["onset"]))]
        mine = mine[_longest(mine)]
        # written over what was read: an array of its own would take as much memory again
        notes[length : length + len(mine)] = mine
        length += len(mine)
    return replace(score, notes=notes[:length])


def _longest(notes: NDArray[np.void]) -> NDArray[np.bool_]:
    """Which notes, in a score's order, are the longest of those that begin on their tick with their
    sound; of equal ones the first."""
    fields = "onset", "drum", "program", "pitch"
    is_new = np.ones(len(notes), bool)
    is_new[1:] = np.logical_or.reduce([notes[field][1:] != notes[field][:-1] for field in fields])
    is_longer = is_new.copy()
    is_longer[1:] |= notes["end"][1:] != notes["end"][:-1]
    places = np.flatnonzero(is_longer)
    kept = np.zeros(len(notes), bool)
    kept[places[np.append(is_new[places[1:]], True)[: len(places)]]] = True
    return kept


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
