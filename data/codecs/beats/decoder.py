"""Music from a stream of `beats` events."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from ugen.data.codecs.decoder import Decoder
from ugen.data.score import NoteRow

from .cursor import Clock
from .table import DEFAULT_VELOCITY, DRUM_STEPS, DRUMS, DURATIONS, GRID


class BeatsDecoder(Decoder):
    """Decoder of the beats codec.

    A note that still sounds when its pitch begins again ends by then, as on a piano: it gets the
    longest duration in the table that fits, so that encoding the result loses nothing. Of equal
    notes that begin together the longest stays.
    """

    def __init__(self, pairs: list[tuple[str, Any]]):
        super().__init__(GRID)
        self._pairs = pairs
        self._clock = Clock()
        self._program = 0
        self._pitch = -1
        self._velocity: dict[int, int] = {}
        # the last note by pitch, program and drum
        self._struck: dict[tuple[int, int, int], NoteRow] = {}

    def feed(self, token: int) -> None:
        kind, value = self._pairs[token]
        if kind == "pitch":
            self._pitch = value
        elif kind == "duration":
            if self._pitch >= 0:
                voice = 0 if self._program == DRUMS else self._program
                self._strike(
                    self._pitch,
                    value,
                    self._velocity.get(self._program, DEFAULT_VELOCITY),
                    voice,
                    False,
                )
                self._pitch = -1
        elif kind == "velocity":
            self._velocity[self._program] = value
        elif kind == "program":
            self._program = value
        elif kind == "drum":
            self._strike(value, DRUM_STEPS, self._velocity.get(DRUMS, DEFAULT_VELOCITY), 0, True)
        else:
            self._clock.feed(kind, value)
            self.now = self._clock.now
            if kind == "tempo":
                self.tempos.append((self.now, round(60e6 / value)))
            elif kind == "meter":
                self.meters.append((self.now, *value))
            elif kind in ("bar", "shift"):
                self._program = 0

    def _strike(self, pitch: int, steps: int, velocity: int, program: int, drum: bool) -> None:
        row = [self.now, self.now + steps, pitch, velocity, program, drum]
        before = self._struck.get((pitch, program, drum))
        if before is not None and before[0] == self.now:
            before[1] = max(before[1], row[1])
            return
        if before is not None and before[1] > self.now:
            before[1] = before[0] + DURATIONS[bisect_right(DURATIONS, self.now - before[0]) - 1]
        self._struck[pitch, program, drum] = row
        self._rows.append(row)
