"""Where a stream of `beats` events stands: in musical time, and in the grammar of what may come
next."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from ugen.data.codecs.base import Mask
from ugen.data.codecs.columns import (
    CHORD_NAMES,
    GIVEN_NAMES,
    NO_WISHES,
    WISHES,
    Column,
    Wishes,
    left_id,
)
from ugen.data.codecs.row import Row

from .given import GIVEN_COLUMNS, GivenMusic, Place
from .table import DRUMS, GRID, LONGEST_SHIFT, METERS, bar_steps


class Clock:
    """Position in steps, bars and seconds, moved by time events. `tempo`: holds for all of the
    piece, whatever the events say."""

    __slots__ = ("bar_end", "bar_steps", "bars", "beats", "fixed", "now", "seconds", "step_seconds")

    def __init__(self, tempo: float | None = None) -> None:
        self.now = 0
        self.seconds = 0.0
        self.bars = 0
        self.bar_steps = bar_steps((4, 4))
        self.beats = 4
        self.bar_end = self.bar_steps
        self.fixed = tempo is not None
        self.step_seconds = _step_seconds(tempo or 120)

    @property
    def place(self) -> int:
        """Steps since the last bar line."""
        return self.now - self.bar_end + self.bar_steps

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
            self.beats = value[0]
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
    program + 1. `allowed`: those by state, once more, as bytes."""

    after: dict[str, Mask]
    shifts_within: Mask
    pitches_above: Mask
    programs_above: Mask
    allowed: dict[str, bytes]

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
            {state: mask.tobytes() for state, mask in after.items()},
        )


LAGS = (1, 2, 4, 8)  # bars
MEMORY = 2048  # tokens
BEATS = max(n * 4 / d for n, d in METERS)  # quarters in a bar
COLUMNS = (
    Column("beat", int(BEATS) + 1),
    Column("phase", GRID + 1),
    *(Column(f"back_{lag}", 0) for lag in LAGS),
    *(Column(f"after_{length}", 0) for length in (3, 6, 12)),
    *WISHES,
    *GIVEN_COLUMNS,
)

# the ranks at one place: of a meter and a tempo, then of notes, by program, pitch and part
_METER, _TEMPO, _NOTES = 1, 2, 4
_PARTS = {"program": 0, "pitch": 1, "duration": 2, "drum": 2, "velocity": 3}


class BeatsCursor:
    """Cursor of the beats codec: a clock, the place in the grammar, and the columns of a row."""

    def __init__(
        self,
        pairs: list[tuple[str, Any]],
        grammar: Grammar,
        tempo: float | None = None,
        columns: Sequence[str] = (),
        wishes: Wishes = NO_WISHES,
    ):
        self._pairs = pairs
        self._grammar = grammar
        self._clock = Clock(tempo)
        self._state = "piece"
        self._pitch = -1
        self._program = -1
        self._drums = False
        self._row: Row | None = None
        if columns:
            kinds = [kind for kind, _ in pairs]
            self._row = Row(columns, wishes, kinds, MEMORY, (len(pairs) + 2).bit_length())
        self._given = None if wishes.given is None else GivenMusic(pairs, wishes.given)
        self._arrive()

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

    @property
    def bar_seconds(self) -> float:
        """How long a bar lasts here."""
        return self._clock.bar_steps * self._clock.step_seconds

    def _begin_program(self, program: int) -> None:
        self._pitch = -1
        self._program = program
        self._drums = program == DRUMS

    def feed(self, token: int) -> None:
        """Take the next token."""
        kind, value = self._pairs[token]
        row = self._row
        if row is not None:
            row.record(token, 1 + (len(self._pairs) if kind == "velocity" else token))
        part = _PARTS.get(kind)
        if part is None:
            self._pass(kind, value)
            if self._given is not None:
                self._given.follow(token, self._clock.now, -1)
            return
        self._state = kind
        if kind in ("pitch", "drum"):
            self._pitch = value
        elif kind != "duration":
            if kind == "program":
                self._begin_program(value)
            if self._drums:
                self._state = f"{kind} of drums"
        if row is not None:
            note = (self._program + 1) * 129 + self._pitch + 1
            row.recall.rank = _NOTES * (1 + note) + part
        if self._given is not None:
            self._given.follow(token, self._clock.now, self._program)
            self._show_given()

    def _pass(self, kind: str, value: Any) -> None:
        """Take an event that is about time: move the row to where it leads."""
        clock = self._clock
        bars = clock.bars
        clock.feed(kind, value)
        self._begin_program(-1)
        self._state = "longest shift" if kind == "shift" and value == LONGEST_SHIFT else kind
        if self._row is None:
            return
        recall = self._row.recall
        if kind == "tempo":
            recall.rank = _TEMPO
        elif kind != "piece":
            place, is_meter = clock.place, kind == "meter"
            if not is_meter or place != recall.place:  # a meter begins a bar
                recall.move(place, bar=is_meter or clock.bars != bars)
            recall.rank = _METER if is_meter else 0
            self._arrive()

    def _arrive(self) -> None:
        """Note the place in the bar, and how many bars are left."""
        if self._row is None:
            return
        clock, row = self._clock, self._row
        beat, phase = divmod(clock.place, GRID)
        row.set("beat", min(beat, int(BEATS) - 1) + 1)
        row.set("phase", phase + 1)
        wishes, left = row.wishes, None
        here = clock.place * clock.beats // clock.bar_steps
        chords = wishes.chords_at(clock.bars, here, clock.beats)
        for name, chord in zip(CHORD_NAMES, chords, strict=True):
            row.set(name, chord)
        if wishes.bars is not None:
            left = wishes.bars - clock.bars - clock.place / clock.bar_steps
        elif wishes.seconds is not None:
            left = (wishes.seconds - clock.seconds) / self.bar_seconds
        row.set("left", left_id(left))
        if self._given is not None:
            self._show_given()

    def _show_given(self) -> None:
        """Note what stands already, here and next."""
        if self._row is None or self._given is None:
            return
        ids = self._given.ids(self._clock.now, self._clock.bar_steps)
        for name, number in zip(GIVEN_NAMES, ids, strict=True):
            self._row.set(name, number)

    def row(self) -> list[int]:
        """The ids of its columns here."""
        if self._row is None:
            return []
        state = self._state
        # a duration is like its neighbours
        return self._row.list(self._grammar.allowed[state], state == "pitch")

    def ask(self, wishes: Wishes) -> None:
        """Change what is wanted of the piece, from here on."""
        if self._row is not None:
            self._row.ask(wishes)
            self._arrive()

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
        if self._given is None:
            return mask
        clock = self._clock
        place = Place(clock.now, clock.bars, clock.bar_end, self._program)
        return self._given.narrow(mask, place)

    def copy(self) -> BeatsCursor:
        """Another cursor at the same place."""
        other = copy(self)
        other._clock = copy(self._clock)
        other._row = self._row and self._row.copy()
        other._given = self._given and self._given.copy()
        return other
