"""What is done to a finished song: another key, another program, another loudness. Pure functions of scores."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
from ugen.data import Score, UgenError
from ugen.data.decoder import Row

# how well each degree fits a key, from the tonic up (Krumhansl and Kessler 1982)
_MAJOR = 6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88
_MINOR = 6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17
_NAMES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SHARP = "C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"


@dataclass(frozen=True)
class Finish:
    """`transpose`: semitones, -24 to 24. `key`: as in C, F# or Bbm; the song goes to its tonic by the shorter way, and
    its mode stays. `program`: of all notes but drums, 0 to 127. `velocity`: the mean of all notes, 1 to 127."""

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
        for flag, value, least in (("--program", self.program, 0), ("--velocity", self.velocity, 1)):
            if value is not None and not least <= value <= 127:
                raise UgenError(f"{flag} {value}: must be {least} to 127")

    def apply(self, score: Score) -> Score:
        """The score, changed. A pitch that would leave 0 to 127 goes to the nearest octave within."""
        semitones = self.transpose
        if self.key is not None:
            semitones = (parse_key(self.key)[0] - key_of(score)[0] + 5) % 12 - 5
        notes = score.notes.copy()
        pitched = ~notes["drum"]
        notes["pitch"][pitched] = np.array([_moved(pitch, semitones) for pitch in range(128)])[notes["pitch"][pitched]]
        if self.program is not None:
            notes["program"][pitched] = self.program
        if self.velocity is not None and len(notes):
            louder = notes["velocity"] * (self.velocity / notes["velocity"].mean())
            notes["velocity"] = np.clip(np.rint(louder), 1, 127)
        order = np.lexsort((notes["end"], notes["pitch"], notes["program"], notes["drum"], notes["onset"]))
        return replace(score, notes=notes[order])

    def row(self, row: Row) -> Row:
        """One note of a song that is not whole yet, changed; key and velocity would need all of it."""
        onset, end, pitch, velocity, program, drum = row
        if drum:
            return row
        program = program if self.program is None else self.program
        return [onset, end, _moved(pitch, self.transpose), velocity, program, drum]


def _moved(pitch: int, semitones: int) -> int:
    moved = pitch + semitones
    return moved % 12 if moved < 0 else moved % 12 + 108 if moved > 127 else moved


def parse_key(name: str) -> tuple[int, bool]:
    """A key's tonic, 0 for C to 11, and whether it is minor. Raises UgenError."""
    found = re.fullmatch(r"([A-Ga-g])([#b]?)(m?)", name)
    if not found:
        raise UgenError(f"--key {name}: name a key as in C, F# or Bbm")
    letter, sign, minor = found.groups()
    return (_NAMES[letter.upper()] + {"": 0, "#": 1, "b": -1}[sign]) % 12, bool(minor)


def key_of(score: Score) -> tuple[int, bool]:
    """The likeliest key of the pitched notes, as `parse_key` gives it: the profile that goes best with how long each
    pitch class sounds (Krumhansl 1990). C major where nothing sounds."""
    notes = score.notes[~score.notes["drum"]]
    sounding = np.bincount(notes["pitch"] % 12, notes["end"] - notes["onset"], minlength=12).astype(np.float64)
    if sounding.max(initial=0) == sounding.min(initial=0):
        return 0, False
    fits = {
        (tonic, minor): float(np.corrcoef(sounding, np.roll(profile, tonic))[0, 1])
        for minor, profile in ((False, _MAJOR), (True, _MINOR)) for tonic in range(12)
    }  # fmt: skip
    return max(fits, key=lambda key: fits[key])


def key_name(key: tuple[int, bool]) -> str:
    """C, F#, Bbm."""
    return _SHARP[key[0]] + "m" * key[1]
