"""What is done to a finished song: another key, another program, another loudness. Pure functions
of scores."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from ugen.data import Score, UgenError
from ugen.data.analysis.key import key_of, parse_key
from ugen.data.score import NoteRow


@dataclass(frozen=True)
class Transform:
    """`transpose`: semitones, -24 to 24. `key`: as in C, F# or Bbm; the song goes to its tonic by
    the shorter way, and its mode stays. `program`: of all notes but drums, 0 to 127. `velocity`:
    the mean of all notes, 1 to 127."""

    transpose: int = 0
    key: str | None = None
    program: int | None = None
    velocity: int | None = None

    def __post_init__(self) -> None:
        if not -24 <= self.transpose <= 24:
            raise UgenError(f"--transpose {self.transpose}: must be -24 to 24 semitones")
        if self.key is not None:
            parse_key(self.key)
            if self.transpose:
                raise UgenError("--key and --transpose: give one of them")
        for flag, value, least in (
            ("--program", self.program, 0),
            ("--velocity", self.velocity, 1),
        ):
            if value is not None and not least <= value <= 127:
                raise UgenError(f"{flag} {value}: must be {least} to 127")

    def apply(self, score: Score) -> Score:
        """The score, changed. A pitch that would leave 0 to 127 goes to the nearest octave
        within."""
        semitones = self.transpose
        if self.key is not None:
            semitones = (parse_key(self.key)[0] - key_of(score)[0] + 5) % 12 - 5
        notes = score.notes.copy()
        pitched = ~notes["drum"]
        notes["pitch"][pitched] = np.array([transposed(pitch, semitones) for pitch in range(128)])[
            notes["pitch"][pitched]
        ]
        if self.program is not None:
            notes["program"][pitched] = self.program
        if self.velocity is not None and len(notes):
            louder = notes["velocity"] * (self.velocity / notes["velocity"].mean())
            notes["velocity"] = np.clip(np.rint(louder), 1, 127)
        order = np.lexsort(
            (notes["end"], notes["pitch"], notes["program"], notes["drum"], notes["onset"])
        )
        return replace(score, notes=notes[order])

    def row(self, row: NoteRow) -> NoteRow:
        """One note of a song that is not whole yet, changed; key and velocity would need all of
        it."""
        onset, end, pitch, velocity, program, drum = row
        if drum:
            return row
        program = program if self.program is None else self.program
        return [onset, end, transposed(pitch, self.transpose), velocity, program, drum]


def transposed(pitch: int, semitones: int) -> int:
    moved = pitch + semitones
    return moved % 12 if moved < 0 else moved % 12 + 108 if moved > 127 else moved
