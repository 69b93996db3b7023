"""The parts of a score: instruments, staves and their voices."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from ugen.data.analysis.hands import left_hand
from ugen.data.midi.general_midi import DRUMS, instrument_name
from ugen.data.score import Score

from .bars import Bar
from .lengths import written_ends
from .voices import Chord, voices_of

_KEYBOARDS = {*range(8), *range(16, 21)}  # pianos and organs: they have a staff for each hand
_OCTAVE_LOWER = {*range(24, 40), 43}  # guitars and basses sound an octave lower than written
_MIDDLE = 57  # the mean pitch of a part below which it has a bass clef


class Clef(NamedTuple):
    """Its sign and line, and the octaves by which its notes sound higher than they look."""

    sign: str
    line: int = 0
    octaves: int = 0


TREBLE, BASS, PERCUSSION = Clef("G", 2), Clef("F", 4), Clef("percussion")


class Staff(NamedTuple):
    """Voices under one clef."""

    clef: Clef
    voices: list[list[Chord]]


class Part(NamedTuple):
    """An instrument. `drums`: the keys it uses, where it is a drum kit."""

    name: str
    program: int
    drums: tuple[int, ...]
    staves: tuple[Staff, ...]


def parts_of(score: Score, bars: list[Bar], as_played: bool) -> Iterator[Part]:
    """The parts of a quantized score: one for each program, then one for each drum kit; a piano's
    where there is no note. `as_played`: notes are as long as they sound."""
    notes = score.notes
    kinds = np.unique(notes[["drum", "program"]]).tolist() or [(False, 0)]
    for drum, program in kinds:
        own = notes[(notes["drum"] == drum) & (notes["program"] == program)]
        name = instrument_name(DRUMS if drum else program).capitalize()
        if drum:
            drums = tuple(np.unique(own["pitch"]).tolist())
            staff = Staff(PERCUSSION, [_hits(own, bars)] if len(own) else [])
            yield Part(name, program, drums, (staff,))
        else:
            music = replace(score, notes=own)
            yield Part(name, program, (), _staves(music, program, None if as_played else bars))


def _staves(score: Score, program: int, bars: list[Bar] | None) -> tuple[Staff, ...]:
    notes = score.notes
    if program in _KEYBOARDS:
        left = left_hand(score)
        return _staff(notes[~left], TREBLE, bars), _staff(notes[left], BASS, bars)
    octaves = -1 if program in _OCTAVE_LOWER else 0
    mean = float(notes["pitch"].mean()) if len(notes) else _MIDDLE
    clef = BASS if mean - 12 * octaves < _MIDDLE else TREBLE
    return (_staff(notes, clef._replace(octaves=octaves), bars),)


def _staff(notes: NDArray[np.void], clef: Clef, bars: list[Bar] | None) -> Staff:
    rows = notes[["onset", "end", "pitch"]].tolist()
    ends = [end for _, end, _ in rows] if bars is None else written_ends(rows, bars)
    written = [
        (onset, until, pitch, end - until)
        for (onset, end, pitch), until in zip(rows, ends, strict=True)
    ]
    return Staff(clef, voices_of(written))


def _hits(notes: NDArray[np.void], bars: list[Bar]) -> list[Chord]:
    """Drums as one voice: a hit lasts until the next, or to the end of its beat."""
    chords = [
        Chord(onset, onset, [pitch for _, pitch in group])
        for onset, group in groupby(notes[["onset", "pitch"]].tolist(), key=lambda note: note[0])
    ]
    starts = [bar.start for bar in bars]
    for chord, following in pairwise([*chords, Chord(bars[-1].end, 0, [])]):
        bar = bars[bisect_right(starts, chord.start) - 1]
        beat = bar.meter.beat
        origin = bar.start - (bar.lacks if bar.is_pickup else 0)
        until = chord.start + beat - (chord.start - origin) % beat
        chord.end = min(following.start, until, bar.end)
    return chords
