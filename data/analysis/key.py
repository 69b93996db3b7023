"""Keys: their names, and the likeliest one of a score."""

from __future__ import annotations

import re

import numpy as np
from ugen.data.errors import UgenError
from ugen.data.score import Score

# how well each degree fits a key, from the tonic up (Krumhansl and Kessler 1982)
MAJOR = 6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88
MINOR = 6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17
_DIGITS = 9  # keys that fit equally well but for rounding are equal: the first of them is taken

MODES = "major", "minor"
_NAMES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SHARP = "C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"


def parse_key(name: str) -> tuple[int, bool]:
    """A key's tonic, 0 for C to 11, and whether it is minor. Raises UgenError."""
    short = re.sub(r" ?(major|minor)$", lambda mode: "m" * (mode[1] == "minor"), name.strip())
    found = re.fullmatch(r"([A-Ga-g])([#b]?)(m?)", short)
    if not found:
        raise UgenError("must be a key such as C, F#, Bbm or D minor", flag="--key", value=name)
    letter, sign, minor = found.groups()
    return (_NAMES[letter.upper()] + {"": 0, "#": 1, "b": -1}[sign]) % 12, bool(minor)


def key_of(score: Score) -> tuple[int, bool]:
    """The likeliest key of the pitched notes, as `parse_key` gives it: the one whose profile
    correlates best with how long each pitch class sounds (Krumhansl 1990). C major for silence."""
    notes = score.notes[~score.notes["drum"]]
    lengths = (notes["end"] - notes["onset"]).astype(np.float64)
    sounding = np.bincount(notes["pitch"] % 12, lengths, minlength=12)
    if sounding.max() == sounding.min():
        return 0, False
    fits = {
        (tonic, minor): round(float(np.corrcoef(sounding, np.roll(profile, tonic))[0, 1]), _DIGITS)
        for minor, profile in ((False, MAJOR), (True, MINOR))
        for tonic in range(12)
    }
    return max(fits, key=lambda key: fits[key])


def key_words(key: tuple[int, bool]) -> str:
    """C major, F# major, Bb minor."""
    return f"{_SHARP[key[0]]} {'minor' if key[1] else 'major'}"


def key_name(key: tuple[int, bool]) -> str:
    """C, F#, Bbm."""
    return _SHARP[key[0]] + "m" * key[1]


def accidentals(key: tuple[int, bool]) -> int:
    """The sharps of its signature, or below 0 the flats; six at most."""
    tonic, minor = key
    return (7 * (tonic + 3 * minor) + 5 + minor) % 12 - 5 - minor


def spelled(fifths: int) -> tuple[str, int]:
    """A note so many fifths above C: its letter, and its sharps, or below 0 its flats."""
    return "FCGDAEB"[(fifths + 1) % 7], (fifths + 1) // 7


def signature_name(key: tuple[int, bool]) -> str:
    """Db, F#m: a key as its signature spells it."""
    letter, sharps = spelled(accidentals(key) + 3 * key[1])
    return letter + ("#" * sharps or "b" * -sharps) + "m" * key[1]
