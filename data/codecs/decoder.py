"""Music from a growing stream of tokens, note by note, in constant memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable
from itertools import takewhile
from typing import Any

import numpy as np
from ugen.data.score import NOTE, SOUNDING, NoteRow, Score


class Decoder(ABC):
    """Takes items one after the other, and gives notes as soon as no later item can change them.

    `now`: the tick reached. `tempos`, `meters`: the changes so far, as (tick, microseconds per
    beat) and (tick, numerator, denominator); a caller that decodes without end empties them.
    """

    def __init__(self, ticks_per_beat: int):
        self.ticks_per_beat = ticks_per_beat
        self.now = 0
        self.tempos: list[tuple[int, int]] = []
        self.meters: list[tuple[int, int, int]] = []
        self._rows: deque[NoteRow] = deque()  # in order of onset

    @abstractmethod
    def feed(self, item: Any) -> None:
        """Take the next token, or vector."""

    def settled(self) -> list[NoteRow]:
        """Notes that have ended, each once, in the order of a Score, up to the first that has
        not."""
        found: list[NoteRow] = []
        while self._rows:
            onset = self._rows[0][0]
            chord = list(takewhile(lambda row: row[0] == onset, self._rows))  # noqa: B023
            if onset >= self.now or any(row[1] == SOUNDING or row[1] > self.now for row in chord):
                break
            for _ in chord:
                self._rows.popleft()
            found += sorted((row for row in chord if row[1] > onset), key=_order)
        return found

    def rest(self) -> list[NoteRow]:
        """The remaining notes; those that still sound end here."""
        self._finish()
        found = sorted((row for row in self._rows if row[1] > row[0]), key=_order)
        self._rows.clear()
        return found

    def whole(self, items: Iterable[Any]) -> Score:
        """All of a piece."""
        for item in items:
            self.feed(item)
        notes = np.array([tuple(row) for row in self.rest()], NOTE)
        return Score.build(notes, self.ticks_per_beat, self.tempos, self.meters)

    def _finish(self) -> None:
        """End the notes that still sound."""
        for row in self._rows:
            if row[1] == SOUNDING:
                row[1] = self.now


class GridDecoder(Decoder):
    """Steps that list which pitches sound: a note lasts while its pitch is listed."""

    def __init__(self, ticks_per_beat: int, ticks: int, velocity: int):
        super().__init__(ticks_per_beat)
        self._ticks, self._velocity = ticks, velocity
        self._sounding: dict[int, NoteRow] = {}

    def step(self, pitches: set[int], steps: int = 1) -> None:
        """Take the pitches that sound in the next `steps` steps."""
        for pitch in self._sounding.keys() - pitches:
            self._sounding.pop(pitch)[1] = self.now
        for pitch in sorted(pitches - self._sounding.keys()):
            row = [self.now, SOUNDING, pitch, self._velocity, 0, False]
            self._sounding[pitch] = row
            self._rows.append(row)
        self.now += steps * self._ticks


def _order(row: NoteRow) -> tuple[int, ...]:
    onset, end, pitch, _, program, drum = row
    return onset, drum, program, pitch, end
