"""What somebody plays on a MIDI keyboard, note by note, and a phrase of it as a score."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from ugen.data import Score
from ugen.data.analysis.played import beats_of, tempo_of
from ugen.data.midi.messages import DRUM_CHANNEL
from ugen.data.score import NOTE

from .midi_port import NOTE_OFF, NOTE_ON, PROGRAM

TICKS = 480  # per beat
_SHORTEST = 1 / 12  # beats; a drum pad lets go at once
_SLACK = 0.5  # beats by which the silence may fall short of a bar, so that an entry is on a beat


@dataclass
class Key:
    """A note that was played: seconds by the clock; its end is infinite while the key is down."""

    onset: float
    pitch: int
    velocity: int
    program: int
    drum: bool
    end: float = math.inf


class Phrase(NamedTuple):
    """A phrase as a score that begins with a bar, in beats of `tempo`; whether the tempo is the
    player's; and how many bars it takes."""

    score: Score
    tempo: float
    bars: int


@dataclass
class Listener:
    """Notes as their messages come. The sustain pedal is not heard: a note ends with its key."""

    keys: list[Key] = field(default_factory=list)
    _down: dict[tuple[int, int], Key] = field(default_factory=dict)  # by channel and pitch
    _programs: dict[int, int] = field(default_factory=dict)  # by channel

    def hear(self, at: float, message: tuple[int, ...]) -> bool:
        """A message and its second. Whether a note begins."""
        kind, channel = message[0] & 0xF0, message[0] & 0x0F
        if kind == PROGRAM:
            self._programs[channel] = message[1]
        if kind not in (NOTE_ON, NOTE_OFF) or len(message) < 3:
            return False
        key = self._down.pop((channel, message[1]), None)
        if key is not None:
            key.end = at
        if kind == NOTE_OFF or not message[2]:
            return False
        is_drum = channel == DRUM_CHANNEL
        program = 0 if is_drum else self._programs.get(channel, 0)
        self.keys.append(Key(at, message[1], message[2], program, is_drum))
        self._down[channel, message[1]] = self.keys[-1]
        return True

    @property
    def is_silent(self) -> bool:
        """Whether something was played, and no key is down."""
        return bool(self.keys) and not self._down

    def tempo(self, usual: float) -> float:
        """Beats per minute; the usual one where there are too few notes to tell."""
        return tempo_of(self._onsets(), usual) or usual

    def entry(self, tempo: float, bar: float) -> float:
        """The second to answer at: a beat about a bar after the last note. `bar`: beats in one."""
        beat, last = 60 / tempo, self.keys[-1]
        silent_from = max(key.end for key in self.keys)
        place = float(beats_of(self._onsets(), tempo)[-1])
        earliest = silent_from + (bar - _SLACK) * beat
        beats = math.ceil(place + (earliest - last.onset) / beat - 1e-6) - place
        return last.onset + beats * beat

    def phrase(self, tempo: float, bar: float) -> Phrase:
        """What was played until now, on the grid."""
        places = beats_of(self._onsets(), tempo)
        notes = np.zeros(len(self.keys), NOTE)
        for note, key, place in zip(notes, self.keys, places.tolist(), strict=True):
            beats = max((key.end - key.onset) * tempo / 60, _SHORTEST)
            note["onset"], note["end"] = round(place * TICKS), round((place + beats) * TICKS)
            note["pitch"], note["velocity"] = key.pitch, key.velocity
            note["program"], note["drum"] = key.program, key.drum
        score = Score.build(notes, TICKS, [(0, round(60e6 / tempo))])
        # a note held into the next bar does not begin it
        bars = math.floor(float(places[-1]) / bar) + 1
        return Phrase(score, tempo, bars)

    def _onsets(self) -> np.ndarray:
        return np.array([key.onset for key in self.keys])
