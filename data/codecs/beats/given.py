"""Music that stands already, in a stream of `beats` events: what a model is told of it, and what
may be sampled around it.

The columns name the next of its notes: at this place (`given_now`), and after it the lowest and
highest of those that begin together (`given_next`, `given_top`) and when (`given_in`). In training
they are computed for a whole piece at once, in which some notes count as given; in a song by the
cursor, which also masks whatever would pass over a given event or cut a given note short.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from copy import copy
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from ugen.data.codecs.base import Mask
from ugen.data.codecs.columns import GIVEN_NAMES, LEFT, Column, Given

from .notes import NoteTable, TokenKinds
from .table import DRUMS, LONGEST_SHIFT

_WAITS = 1 + LONGEST_SHIFT + len(LEFT) + 1
GIVEN_COLUMNS = tuple(Column(name, _WAITS if name == "given_in" else 0) for name in GIVEN_NAMES)


def _wait_ids(steps: NDArray[np.int64], bar_steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Ids of `given_in`: so many steps, or where they are more than a shift has, bars."""
    bars = np.searchsorted(LEFT, steps / bar_steps - 1e-6, side="left")
    return np.where(steps <= LONGEST_SHIFT, steps, LONGEST_SHIFT + 1 + bars)


def given_ids(
    tokens: NDArray[np.integer], notes: NoteTable, is_given: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """int64 [tokens, 4]: the ids of GIVEN_COLUMNS after each token. `is_given`: of each note."""
    index, onset = notes.at[is_given], notes.onset[is_given]
    found = np.zeros((len(tokens), len(GIVEN_COLUMNS)), np.int64)
    if not len(index):
        return found
    its = np.append(tokens[index].astype(np.int64) + 1, 0)
    coming = np.searchsorted(index, np.arange(len(tokens)), side="right")
    at = np.append(onset, -1)
    found[:, 0] = np.where(at[coming] == notes.now, its[coming], 0)
    later = np.searchsorted(onset, notes.now, side="right")
    found[:, 1] = its[later]
    there = later < len(onset)
    last = np.searchsorted(onset, onset[later[there]], side="right") - 1
    found[there, 2] = its[last]
    wait = onset[later[there]] - notes.now[there]
    found[there, 3] = _wait_ids(wait, notes.bar_steps[there])
    return found


class _Event(NamedTuple):
    """A given note, meter or tempo. `tokens`: those it is made of; of a note its velocity, its
    pitch, and its duration, which a hit has not. `end`: of a note, in steps."""

    step: int
    program: int  # -1 of a meter or a tempo
    pitch: int
    tokens: tuple[int, ...]
    end: int


class Place(NamedTuple):
    """Where a cursor stands. `program`: that of the last note at this step, -1 before any."""

    now: int
    bar: int
    bar_end: int
    program: int


class GivenMusic:
    """The given events, and which of them is next. `pairs`: of the table."""

    def __init__(self, pairs: Sequence[tuple[str, Any]], given: Given):
        kinds = TokenKinds(pairs)
        self._open = given.open
        self._values = kinds.values
        self._is = {kind: kinds.kinds == kind for kind in {*kinds.kinds.tolist(), "program"}}
        self._is_pitch = np.isin(kinds.kinds, ("pitch", "drum"))
        self._is_note = np.isin(kinds.kinds, ("program", "velocity", "pitch", "drum"))
        self._is_change = np.isin(kinds.kinds, ("meter", "tempo"))
        self._is_time = np.isin(kinds.kinds, ("bar", "shift"))
        self._bar = int(np.flatnonzero(self._is["bar"])[0])
        self._shift = int(np.flatnonzero(self._is["shift"])[0])
        self._programs = {v: n for n, (kind, v) in enumerate(pairs) if kind == "program"}
        self._closed = given.closed
        is_program = kinds.kinds == "program"
        self._is_closed = is_program & np.isin(kinds.values, [*self._closed])
        self._events = _events(pairs, kinds, given.tokens)
        notes = [event for event in self._events if event.program >= 0]
        self._steps = [event.step for event in notes]
        self._tokens = [event.tokens[1] for event in notes]
        self._at = 0  # the event that is next
        self._note = 0  # the note that is next
        self._owed = -1  # a duration that must come now
        self._velocity: dict[int, int] = {}  # the token that holds, by program
        self._sounding: dict[tuple[int, int], int] = {}  # ends of given notes, by program and pitch

    def copy(self) -> GivenMusic:
        """An independent one at the same place."""
        other = copy(self)
        other._velocity = self._velocity.copy()
        other._sounding = self._sounding.copy()
        return other

    def ids(self, now: int, bar_steps: int) -> list[int]:
        """The ids of GIVEN_COLUMNS at a step of a bar that has so many."""
        at, steps, tokens = self._note, self._steps, self._tokens
        here = tokens[at] + 1 if at < len(steps) and steps[at] == now else 0
        later = bisect_left(steps, now + 1, at)
        if later == len(steps):
            return [here, 0, 0, 0]
        top = bisect_left(steps, steps[later] + 1, later) - 1
        wait = int(_wait_ids(np.array(steps[later] - now), np.array(bar_steps)))
        return [here, tokens[later] + 1, tokens[top] + 1, wait]

    def follow(self, token: int, now: int, program: int) -> None:
        """The next token came, of a program, and led to a step."""
        program = max(program, 0)
        self._owed = -1
        if self._is["velocity"][token]:
            self._velocity[program] = token
        event = self._next
        if event is None or event.step != now:
            return
        if event.program < 0:
            self._at += token == event.tokens[0]
        elif token == event.tokens[1] and program == event.program:
            self._at += 1
            self._note += 1
            self._owed = event.tokens[2] if len(event.tokens) > 2 else -1
            self._sounding[program, event.pitch] = event.end

    @property
    def _next(self) -> _Event | None:
        return self._events[self._at] if self._at < len(self._events) else None

    def narrow(self, mask: Mask, place: Place) -> Mask:
        """Of what may come next, what leaves the given music as it is."""
        if self._owed >= 0:
            return self._only(self._owed)
        event, valid = self._next, mask
        is_open = any(first <= place.bar < end for first, end in self._open)
        mask = mask & ~self._is_change
        if not is_open:
            mask &= ~self._is_note
        elif self._programs:
            mask &= ~self._is_closed
            if max(place.program, 0) in self._closed:
                mask &= ~(self._is_pitch | self._is["velocity"])
        self._spare_sounding(mask, place)
        if event is None:
            return mask if is_open else self._only(self._bar)
        mask[0] = False  # the piece does not end before it
        if event.step > place.now:
            return self._until(mask, event, place, is_open)
        if event.program < 0:
            return self._only(event.tokens[0])
        mask &= ~self._is_time
        its = self._leave_room(mask, event, place)
        mask[its] = valid[its]
        return mask

    def _spare_sounding(self, mask: Mask, place: Place) -> None:
        """Mask the pitches of given notes that sound: a new note would end them."""
        for (program, pitch), end in [*self._sounding.items()]:
            if end <= place.now:
                del self._sounding[program, pitch]
            elif program == max(place.program, 0):
                mask &= ~self._is_pitch | (self._values != pitch)

    def _until(self, mask: Mask, event: _Event, place: Place, is_open: bool) -> Mask:
        """What may come before the step of an event that is later."""
        if event.step >= place.bar_end:
            return mask if is_open else self._only(self._bar)
        wait = event.step - place.now
        if not is_open:
            return self._only(self._shift + min(wait, LONGEST_SHIFT) - 1)
        mask &= ~self._is["bar"] & (~self._is["shift"] | (self._values <= wait))
        return mask

    def _leave_room(self, mask: Mask, note: _Event, place: Place) -> int:
        """Mask what comes after a given note of this step. Gives the next token of that note."""
        if self._programs and place.program != note.program:
            mask &= ~self._is["program"] | (self._values < note.program)
            if place.program < 0:
                mask &= ~(self._is_pitch | self._is["velocity"])
            return self._programs[note.program]
        if self._programs:
            mask &= ~self._is["program"]
        mask &= ~self._is_pitch | (self._values < note.pitch)
        if not (mask & self._is_pitch).any():
            mask &= ~self._is["velocity"]
        velocity, pitch, *_ = note.tokens
        return pitch if self._velocity.get(note.program) == velocity else velocity

    def _only(self, token: int) -> Mask:
        mask: Mask = np.zeros(len(self._values), bool)
        mask[token] = True
        return mask


def _events(
    pairs: Sequence[tuple[str, Any]], kinds: TokenKinds, tokens: NDArray[np.integer]
) -> list[_Event]:
    """The notes, meters and tempos of a stream, in order."""
    stream = np.append(0, tokens)
    table = kinds.notes(stream)
    notes = zip(
        table.at.tolist(),
        table.onset.tolist(),
        table.end.tolist(),
        table.pitch.tolist(),
        table.program.tolist(),
        strict=True,
    )
    coming = {index: each for index, *each in notes}
    velocity: dict[int, int] = {}
    program, events = 0, []
    for index, token in enumerate(stream.tolist()):
        kind, value = pairs[token]
        if kind in ("meter", "tempo"):
            events.append(_Event(int(table.now[index]), -1, -1, (token,), 0))
        elif kind == "program":
            program = value
        elif kind in ("bar", "shift"):
            program = 0
        elif kind == "velocity":
            velocity[program] = token
        elif index in coming:
            onset, end, pitch, program_of = coming[index]
            its = [velocity.get(program_of, -1), token]
            if program_of != DRUMS:
                its.append(int(stream[index + 1]))
            events.append(_Event(onset, program_of, pitch, tuple(its), end))
    return events
