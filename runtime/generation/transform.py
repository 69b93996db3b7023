"""Changes to a finished song: key, program, velocity. Pure functions of scores."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from ugen.data import Score, UgenError
from ugen.data.analysis.key import key_of, parse_key
from ugen.data.score import NoteRow
from ugen.data.settings import check_settings, setting


@dataclass(frozen=True)
class Transform:
    """How to change a song. `key`: move it there, the shorter way; the mode stays."""

    PANEL: ClassVar[str] = "Changes to the finished song"

    transpose: int = setting(0, "Semitones up, or down below 0.", minimum=-24, maximum=24)
    program: int | None = setting(
        None, "General MIDI program of all notes but drums.", minimum=0, maximum=127
    )
    velocity: int | None = setting(None, "Mean velocity of the notes.", minimum=1, maximum=127)
    key: str | None = None

    def __post_init__(self) -> None:
        check_settings(self)
        if self.key is not None:
            parse_key(self.key)
            if self.transpose:
                raise UgenError("--key and --transpose: give one of them")

    def apply(self, score: Score) -> Score:
        """The score, changed."""
        semitones = self.transpose
        if self.key is not None:
            semitones = (parse_key(self.key)[0] - key_of(score)[0] + 5) % 12 - 5
        notes = score.notes.copy()
        pitched = ~notes["drum"]
        table = np.array([transposed(pitch, semitones) for pitch in range(128)])
        notes["pitch"][pitched] = table[notes["pitch"][pitched]]
        if self.program is not None:
            notes["program"][pitched] = self.program
        if self.velocity is not None and len(notes):
            louder = notes["velocity"] * (self.velocity / notes["velocity"].mean())
            notes["velocity"] = np.clip(np.rint(louder), 1, 127)
        order = np.lexsort([notes[name] for name in ("end", "pitch", "program", "drum", "onset")])
        return replace(score, notes=notes[order])

    def row(self, row: NoteRow) -> NoteRow:
        """One note of an unfinished song, changed; key and velocity need the whole song."""
        onset, end, pitch, velocity, program, drum = row
        if drum:
            return row
        program = program if self.program is None else self.program
        return [onset, end, transposed(pitch, self.transpose), velocity, program, drum]


def transposed(pitch: int, semitones: int) -> int:
    """A pitch moved; one that would leave 0 to 127 goes to the nearest octave within."""
    moved = pitch + semitones
    if moved < 0:
        return moved % 12
    return moved % 12 + 108 if moved > 127 else moved
