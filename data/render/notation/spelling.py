"""How pitches are written in a key."""

from __future__ import annotations

from typing import NamedTuple

from ugen.data.analysis.key import accidentals, spelled

# the twelve notes of a key, in fifths from its tonic: in major from the minor third to the raised
# fifth, in minor from the Neapolitan second to the raised fourth
_LOWEST = {False: -3, True: -5}
NAMES = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}


class Written(NamedTuple):
    """A pitch on paper. `alter`: its sharps, or below 0 its flats."""

    letter: str
    alter: int
    octave: int


class Spelling:
    """The spelling of a key. `fifths`: the sharps of its signature, or below 0 the flats."""

    def __init__(self, key: tuple[int, bool]):
        self.fifths = accidentals(key)
        self.is_minor = key[1]
        tonic = self.fifths + 3 * self.is_minor
        lowest = tonic + _LOWEST[self.is_minor]
        classes = {7 * fifth % 12: spelled(fifth) for fifth in range(lowest, lowest + 12)}
        self.pitches = [
            Written(letter, alter, (pitch - alter) // 12 - 1)
            for pitch in range(128)
            for letter, alter in [classes[pitch % 12]]
        ]
        scale = range(self.fifths - 1, self.fifths + 6)
        self._signature = dict(map(spelled, scale))
        self._altered: dict[tuple[str, int], int] = {}

    def begin_bar(self) -> None:
        """From here on the signature alone holds."""
        self._altered.clear()

    def accidental(self, pitch: int) -> str:
        """The accidental that the next note needs; none where the key or an earlier note in the bar
        has it."""
        letter, alter, octave = self.pitches[pitch]
        if self._altered.get((letter, octave), self._signature[letter]) == alter:
            return ""
        self._altered[letter, octave] = alter
        return NAMES[alter]
