"""Where a stream of `beats` events stands: in musical time, and in the grammar of what may come
next."""

from __future__ import annotations

from copy import copy
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from ugen.data.codecs.base import Mask

from .table import DRUMS, GRID, LONGEST_SHIFT, bar_steps


class Clock:
    """Position in steps, bars and seconds, moved by time events. `tempo`: holds for all of the
    piece, whatever the events say."""

    __slots__ = ("bar_end", "bar_steps", "bars", "fixed", "now", "seconds", "step_seconds")

    def __init__(self, tempo: float | None = None) -> None:
        self.now = 0
        self.seconds = 0.0
        self.bars = 0
        self.bar_steps = bar_steps((4, 4))
        self.bar_end = self.bar_steps
        self.fixed = tempo is not None
        self.step_seconds = _step_seconds(tempo or 120)

    def feed(self, kind: str, value: Any) -> None:
        """Take an event; those that are not about time change nothing."""
        if kind == "shift":
            self.now += value
            self.seconds += value * self.step_seconds
            while self.now >= self.bar_end:  # never so in a valid stream
                self.bar_end += self.bar_steps
                self.bars += 1
        elif kind == "bar":
            self.bars += 1
            self.seconds += (self.bar_end - self.now) * self.step_seconds
            self.now = self.bar_end
            self.bar_end += self.bar_steps
        elif kind == "meter":
            self.bar_steps = bar_steps(value)
            self.bar_end = self.now + self.bar_steps
        elif kind == "tempo" and not self.fixed:
            self.step_seconds = _step_seconds(value)


def _step_seconds(tempo: float) -> float:
    # in whole microseconds per beat, as in a MIDI file, so that time is the same there
    return round(60e6 / tempo) / 1e6 / GRID


# What may follow what. A state is the last event's kind, or more where the kind alone does not
# decide.
_NOTE_START = ("program", "velocity", "pitch")
_FOLLOWS: dict[str, tuple[str, ...]] = {
    "piece": ("meter",),
    "bar": ("piece", "bar", "shift", "meter", "tempo", *_NOTE_START),
    "shift": ("meter", "tempo", *_NOTE_START),
    "meter": ("bar", "shift", "tempo", *_NOTE_START),
    "tempo": _NOTE_START,
    "program": ("velocity", "pitch"),
    "velocity": ("pitch",),
    "pitch": ("duration",),
    "duration": ("piece", "bar", "shift", *_NOTE_START),
    "program of drums": ("velocity", "drum"),
    "velocity of drums": ("drum",),
    "drum": ("piece", "bar", "shift", "velocity", "drum"),
    "longest shift": ("shift", "meter", "tempo", *_NOTE_START),
}


class Grammar(NamedTuple):
    """Masks, bool [..., vocabulary]: by state, by steps left in the bar, by last pitch + 1, by last
    program + 1."""

    after: dict[str, Mask]
    shifts_within: Mask
    pitches_above: Mask
    programs_above: Mask

    @classmethod
    def of(cls, pairs: list[tuple[str, Any]]) -> Grammar:
        """The masks of a table, given as pairs of kind and value."""
        kinds = np.array([kind for kind, _ in pairs])
        values = np.array([value if isinstance(value, int) else -1 for _, value in pairs])

        def below(kind: tuple[str, ...], limits: NDArray[np.int64]) -> Mask:
            return ~np.isin(kinds, kind)[None, :] | (values[None, :] < limits[:, None])

        def above(kind: tuple[str, ...], limits: NDArray[np.int64]) -> Mask:
            return ~np.isin(kinds, kind)[None, :] | (values[None, :] > limits[:, None])

        after = {state: np.isin(kinds, allowed) for state, allowed in _FOLLOWS.items()}
        pitches_above = above(("pitch", "drum"), np.arange(-1, 128))
        pitches_above[-1] &= kinds != "velocity"  # no pitch is left for it to hold for
        return cls(
            after,
            below(("shift",), np.arange(LONGEST_SHIFT + 2)),
            pitches_above,
            above(("program",), np.arange(-1, DRUMS + 1)),
        )


class BeatsCursor:
    """Cursor of the beats codec: a clock, and the place in the grammar."""

    def __init__(self, pairs: list[tuple[str, Any]], grammar: Grammar, tempo: float | None = None):
        self._pairs = pairs
        self._grammar = grammar
        self._clock = Clock(tempo)
        self._state = "piece"
        self._pitch = -1
        self._program = -1
        self._drums = False

    @property
    def seconds(self) -> float:
        """Musical time moved forward so far."""
        return self._clock.seconds

    @property
    def now(self) -> int:
        """Steps moved forward so far."""
        return self._clock.now

    @property
    def bars(self) -> int:
        """Bar lines reached so far."""
        return self._clock.bars

    def _begin_program(self, program: int) -> None:
        self._pitch = -1
        self._program = program
        self._drums = program == DRUMS

    def feed(self, token: int) -> None:
        """Take the next token."""
        kind, value = self._pairs[token]
        state = kind
        if kind in ("shift", "bar", "meter", "tempo", "piece"):
            self._clock.feed(kind, value)
            self._begin_program(-1)
            if kind == "shift" and value == LONGEST_SHIFT:
                state = "longest shift"
        elif kind == "program":
            self._begin_program(value)
            state = "program of drums" if self._drums else kind
        elif kind == "velocity":
            state = "velocity of drums" if self._drums else kind
        elif kind in ("pitch", "drum"):
            self._pitch = value
        self._state = state

    def mask(self) -> Mask:
        """bool [vocabulary]: what may come next."""
        grammar = self._grammar
        mask = grammar.after[self._state]
        if self._pitch >= 0:
            mask = mask & grammar.pitches_above[self._pitch + 1]
        if self._program >= 0:
            mask = mask & grammar.programs_above[self._program + 1]
        left = self._clock.bar_end - self._clock.now
        if left <= LONGEST_SHIFT:
            mask = mask & grammar.shifts_within[left]
        return mask

    def copy(self) -> BeatsCursor:
        """Another cursor at the same place."""
        other = copy(self)
        other._clock = copy(self._clock)
        return other
