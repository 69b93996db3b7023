"""The voices of a staff: chords that follow each other, without overlaps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from statistics import fmean

from ugen.data.errors import CodecError

MOST = 4  # voices in a staff, as many as notation programs have
# into which notes are cut on average, and some for short music: bounds memory
_MOST_PIECES, _SPARE_PIECES = 16, 10_000
Note = tuple[int, int, int, int]  # its onset, end and pitch, and how much later it is released


@dataclass
class Chord:
    """Notes that begin and end together. `tied_from`, `tied_to`: the pitches that began before, and
    that sound on. `released`: how much later than written pitches end, or below 0 earlier."""

    start: int
    end: int
    pitches: list[int]
    tied_from: frozenset[int] = frozenset()
    tied_to: frozenset[int] = frozenset()
    released: dict[int, int] = field(default_factory=dict)

    def within(self, start: int, end: int) -> Chord:
        """The part of it between two times, tied to the others."""
        if self.start >= start and self.end <= end:
            return self
        every = frozenset(self.pitches)
        return Chord(
            max(start, self.start),
            min(end, self.end),
            self.pitches,
            every if self.start < start else self.tied_from,
            every if self.end > end else self.tied_to,
            self.released,
        )


def voices_of(notes: Iterable[Note]) -> list[list[Chord]]:
    """The voices of a staff's notes, which come by onset; the highest first. Notes that would need
    more voices than a staff has share the last one, cut into tied ones."""
    voices: list[list[Chord]] = [[] for _ in range(MOST)]
    for passage in _passages(_chords(notes)):
        own = sorted(filter(None, _apart(passage)), key=_height, reverse=True)
        for voice, chords in zip(voices, own, strict=False):
            voice += chords
    return [voice for voice in voices if voice]


def _chords(notes: Iterable[Note]) -> Iterator[Chord]:
    """Chords by onset, then by end, the longest first."""
    for start, group in groupby(notes, key=lambda note: note[0]):
        by_end: dict[int, dict[int, int]] = {}
        for _, end, pitch, later in group:
            by_end.setdefault(end, {})[pitch] = later
        for end, released in sorted(by_end.items(), reverse=True):
            yield Chord(start, end, sorted(released), released=released)


def _passages(chords: Iterable[Chord]) -> Iterator[list[Chord]]:
    """The music between the points at which no note sounds on."""
    passage: list[Chord] = []
    end = 0
    for chord in chords:
        if passage and chord.start >= end:
            yield passage
            passage = []
        passage.append(chord)
        end = max(end, chord.end)
    if passage:
        yield passage


def _apart(passage: list[Chord]) -> list[list[Chord]]:
    """The voices of a passage: a chord follows the nearest in pitch of those that have ended."""
    voices: list[list[Chord]] = []
    for chord in passage:
        free = [voice for voice in voices if voice[-1].end <= chord.start]
        if free:
            min(free, key=lambda voice: abs(_middle(voice[-1]) - _middle(chord))).append(chord)  # noqa: B023
        elif len(voices) < MOST:
            voices.append([chord])
        else:
            voices[-1].append(chord)
    return [*voices[:-1], _sliced(voices[-1])]


def _middle(chord: Chord) -> float:
    return (chord.pitches[0] + chord.pitches[-1]) / 2


def _height(voice: list[Chord]) -> float:
    return fmean(_middle(chord) for chord in voice)


def _sliced(chords: list[Chord]) -> list[Chord]:
    """Chords that may overlap, cut into tied ones wherever one begins or ends."""
    if all(a.end <= b.start for a, b in pairwise(chords)):
        return chords
    changes = sorted({time for chord in chords for time in (chord.start, chord.end)})
    found: list[Chord] = []
    count, most = 0, _MOST_PIECES * sum(len(chord.pitches) for chord in chords) + _SPARE_PIECES
    sounding: dict[int, Chord] = {}  # by pitch
    coming = iter([*chords, Chord(changes[-1], changes[-1], [])])
    chord = next(coming)
    for start, end in pairwise(changes):
        sounding = {pitch: each for pitch, each in sounding.items() if each.end > start}
        while chord.start <= start:
            sounding |= dict.fromkeys(chord.pitches, chord)
            chord = next(coming)
        if sounding:
            before = frozenset(p for p, each in sounding.items() if each.start < start)
            after = frozenset(p for p, each in sounding.items() if each.end > end)
            released = {p: sounding[p].released[p] for p in sounding.keys() - after}
            found.append(Chord(start, end, sorted(sounding), before, after, released))
            count += len(sounding)
            if count > most:
                raise CodecError("has too many notes at once to be written as notation")
    return found
