"""Where the notes of a whole stream of `beats` tokens stand, all at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .table import DRUM_STEPS, DRUMS, bar_steps

Ints = NDArray[np.int64]


class NoteTable(NamedTuple):
    """Of every note of a stream, in order: `at`, the place of its pitch or drum token, its onset
    and end in steps, its pitch, and its program, DRUMS for a hit. `now` and `bar`, of every token:
    the steps moved forward by then, and the number of the bar; `bar_steps`: that bar's length."""

    at: Ints
    onset: Ints
    end: Ints
    pitch: Ints
    program: Ints
    now: Ints
    bar: Ints
    bar_steps: Ints


class TokenKinds:
    """The events of a table as arrays, by token id: their kinds and values."""

    def __init__(self, pairs: Sequence[tuple[str, Any]]):
        self.kinds = np.array([kind for kind, _ in pairs])
        values = [bar_steps(value) if kind == "meter" else value for kind, value in pairs]
        self.values = np.array(values, np.int64)  # of a meter the steps of its bar

    def notes(self, tokens: NDArray[np.integer]) -> NoteTable:
        """The notes of a valid stream, from a piece's first token on."""
        kinds, values = self.kinds[tokens], self.values[tokens]
        now, bar, steps = _places(kinds, values)
        moves = np.isin(kinds, ("bar", "shift", "meter", "tempo", "piece"))
        program = _held(np.where(moves, 0, values), moves | (kinds == "program"), 0)
        is_hit = kinds == "drum"
        index = np.flatnonzero(is_hit | (kinds == "pitch"))
        after = np.append(values, 1)[index + 1]
        length = np.where(is_hit[index], DRUM_STEPS, after)
        onset = now[index]
        number = np.where(is_hit[index], DRUMS, program[index])
        return NoteTable(index, onset, onset + length, values[index], number, now, bar, steps)


def _places(kinds: NDArray[np.str_], values: Ints) -> tuple[Ints, Ints, Ints]:
    """Steps moved forward, bars begun, and the length of the bar, after each token."""
    is_bar, is_meter = kinds == "bar", kinds == "meter"
    shift = np.where(kinds == "shift", values, 0)
    steps = _held(values, is_meter, bar_steps((4, 4)))
    begins = np.flatnonzero(is_bar | is_meter)
    # how far each stretch without bar lines and meters goes, and where it begins
    lasts = np.add.reduceat(shift, np.append(0, begins)) if len(shift) else np.zeros(1, np.int64)
    if len(begins) and begins[0] == 0:
        lasts[0] = 0
    to_line = is_bar[begins]
    before = steps[np.maximum(begins - 1, 0)]
    reached = np.zeros(len(begins) + 1, np.int64)
    line = 0  # where the present bar begins
    for n, (whole, length) in enumerate(zip(to_line.tolist(), before.tolist(), strict=True)):
        line = line + length if whole else int(reached[n] + lasts[n])
        reached[n + 1] = line
    stretch = np.cumsum(is_bar | is_meter)
    moved = np.cumsum(shift)
    start = np.append(0, moved[begins])
    return reached[stretch] + moved - start[stretch], np.cumsum(is_bar), steps


def _held(values: Ints, where: NDArray[np.bool_], first: int) -> Ints:
    """The last of some values so far; `first` before any."""
    at = np.maximum.accumulate(np.where(where, np.arange(1, len(where) + 1), 0))
    held: Ints = np.append(first, values)[at]
    return held
