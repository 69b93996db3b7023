"""The chords of a score, a half bar at a time, and how well a score keeps to chords.

A half bar is half of a bar with an even number of beats; of another, as in 3/4, it is the whole.
Drums are left out. Time and memory grow with the number of notes, never with the ticks or bars that
a file claims to last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from ugen.data.errors import UgenError
from ugen.data.score import Score

from .bars import Bars, Ticks
from .chord_symbols import MOST_BARS, NO_CHORD, QUALITIES, Bar, chord_at
from .key import key_of

_TONES = np.array(
    [np.roll(np.isin(range(12), tones), root) for tones in QUALITIES.values() for root in range(12)]
).astype(np.float64)
# fitted to half of three collections with published analyses (docs/scoring.md)
_PRESENT = 0.1  # of what sounds: less of a tone is missing in part
_MISSING = 0.9
_ROOT = 0.8
_LOWEST = 0.15
_CHANGE = 0.4
_PRIORS = np.repeat([0, 0, -0.1, -0.25, 0.2, -0.3, -0.2, -0.15, -0.15, -0.5], 12)

_MOST_PARTS = 256  # of a note that lasts very long, those that are heard
_EACH, _ANYHOW = 2, 4096  # half bars or beats for each note, and for any: long notes share them
_SLICE = 128  # notes whose parts are weighed together: bounds memory
_BLOCK = 4096  # half bars that are decided together: bounds memory


class _Parts(NamedTuple):
    """What sounds in the stretches of a grid in which anything does. `number`: of each stretch.
    `weights`: float64 [n, 12], how long each pitch class sounds, in stretches; what sounds from the
    beginning counts `twice` where that is asked for. `lowest`: the lowest pitch."""

    number: Ticks
    weights: NDArray[np.float64]
    lowest: NDArray[np.int64]

    def some(self, which: slice) -> _Parts:
        """Some of the stretches."""
        return _Parts(self.number[which], self.weights[which], self.lowest[which])


def find_chords(score: Score) -> dict[int, Bar]:
    """The likeliest chords of each bar in which a note sounds, by its number: of its two halves, or
    one of all of it. NO_CHORD where nothing sounds. A bar that a change of meter cuts short has the
    number of the next.

    Each half bar is compared with a template of each chord, as Pardo and Birmingham do (2002,
    "Algorithms for Chordal Analysis", Computer Music Journal 26:2): the weight of its notes that
    are in the chord, less that of those that are not, less a penalty for each tone of the chord
    that is missing. A note weighs how long it sounds, twice if from the beginning of the half bar,
    as a share of all. Added are the weight of the root, a bonus where it is the lowest note, and
    how common the quality is. Of all sequences of chords that one is taken which fits best in all,
    where each change costs the same (Viterbi 1967).
    """
    meters = score.meters.copy()
    even = meters["numerator"] % 2 == 0
    meters["numerator"] //= np.where(even, 2, 1)
    halves = Bars(replace(score, meters=meters), score.ticks_per_beat)
    parts = _parts(score, halves, twice=True)
    chords = [
        _likeliest(_fits(parts.some(slice(at, at + _BLOCK))))
        for at in range(0, len(parts.number), _BLOCK)
    ]
    bars = Bars(score, score.ticks_per_beat)
    starts = halves.start_of(parts.number)
    bar, place = bars.locate(starts)
    halved = even[np.searchsorted(score.meters["tick"], starts, side="right") - 1]
    half = halved & (2 * place >= bars.length_of(bar))
    bar = bars.counted(bar)
    found: dict[int, list[int]] = {}
    rows = zip(bar.tolist(), halved.tolist(), half.tolist(), chain(*chords), strict=True)
    for number, is_halved, at, chord in rows:
        if len(found.get(number, ())) != 1 + is_halved:
            found[number] = [NO_CHORD] * (1 + is_halved)
        found[number][at] = chord
    return {number: tuple(each) for number, each in found.items()}


def chords_of_bars(score: Score) -> list[Bar]:
    """The chords of all bars from the first on, at most MOST_BARS. Raises UgenError where there are
    none."""
    found = find_chords(score)
    if not found:
        raise UgenError("has no notes with a pitch, and so no chords")
    bars = [found.get(bar, (NO_CHORD,)) for bar in range(min(max(found) + 1, MOST_BARS))]
    return [bar[: len(set(bar))] for bar in bars]  # a chord for both halves is one


def key_of_chords(bars: Iterable[Sequence[int]]) -> tuple[int, bool]:
    """The likeliest key of chords, each as long as the others of its bar."""
    notes = []
    for at, bar in enumerate(bars):
        for part, chord in enumerate(bar):
            span = 12 * at + 12 * part // len(bar), 12 * at + 12 * (part + 1) // len(bar)
            tones = np.flatnonzero(_TONES[chord - 1]).tolist() if chord != NO_CHORD else []
            notes += [(*span, tone, 64, 0, False) for tone in tones]
    return key_of(Score.build(notes, 12))


def in_chords(score: Score, chords_of: Callable[[int], Sequence[int] | None]) -> float:
    """The fraction of the time of notes in which they are tones of the chord there. `chords_of`: a
    bar's chords by its number, which divide its beats. Beats without a chord do not count; 0 where
    none has one."""
    meters = score.meters.copy()
    meters["numerator"] = 1
    grid = Bars(replace(score, meters=meters), score.ticks_per_beat)
    beats, bars = _parts(score, grid), Bars(score, score.ticks_per_beat)
    starts = grid.start_of(beats.number)
    bar, place = bars.locate(starts)
    meter = np.searchsorted(score.meters["tick"], starts, side="right") - 1
    of = score.meters["numerator"][meter].astype(np.int64)
    beat = np.minimum(place * of // bars.length_of(bar), of - 1)
    inside = whole = 0.0
    bar = bars.counted(bar)
    rows = zip(bar.tolist(), beat.tolist(), of.tolist(), beats.weights, strict=True)
    for number, at, count, weights in rows:
        chords = chords_of(number)
        chord = chord_at(chords, at, count) if chords else NO_CHORD
        if chord != NO_CHORD:
            inside += float(weights @ _TONES[chord - 1])
            whole += float(weights.sum())
    return inside / whole if whole else 0.0


def _parts(score: Score, grid: Bars, twice: bool = False) -> _Parts:
    notes = score.notes[~score.notes["drum"]]
    onset, end, pitch = notes["onset"], notes["end"], notes["pitch"].astype(np.int64)
    first = grid.locate(onset)[0]
    count = np.minimum(grid.locate(end - 1)[0] - first + 1, _MOST_PARTS)
    fresh, rank = _ranks(first, count)
    while fresh.sum() > _EACH * len(notes) + _ANYHOW:
        count = (count + 1) // 2
        fresh, rank = _ranks(first, count)
    number = _ranges(first + count - fresh, fresh)
    weights = np.zeros((len(number), 12))
    lowest = np.full(len(number), 128)
    for at in range(0, len(notes), _SLICE):
        some = slice(at, at + _SLICE)
        note = at + np.repeat(np.arange(len(count[some])), count[some])
        part, to = _ranges(first[some], count[some]), _ranges(rank[some], count[some])
        start, stop = grid.start_of(part), grid.start_of(part + 1)
        weight = (np.minimum(end[note], stop) - np.maximum(onset[note], start)) / (stop - start)
        if twice:
            weight[onset[note] <= start] *= 2
        np.add.at(weights, (to, pitch[note] % 12), weight)
        np.minimum.at(lowest, to, pitch[note])
    return _Parts(number, weights, lowest)


def _ranks(first: Ticks, count: Ticks) -> tuple[Ticks, Ticks]:
    """Of notes by rising first stretch: in how many stretches each sounds that none before it
    does, which are its last; and the rank of its first among all in which any does."""
    if not len(first):
        return first, first
    after = np.maximum.accumulate(first + count)
    before = np.concatenate([first[:1], after[:-1]])
    fresh: Ticks = after - np.maximum(before, first)
    rank: Ticks = np.cumsum(fresh) - fresh - np.maximum(before - first, 0)
    return fresh, rank


def _ranges(first: Ticks, count: Ticks) -> Ticks:
    """So many numbers from each first on, one range after the other."""
    numbers: Ticks = np.arange(count.sum()) + np.repeat(first - np.cumsum(count) + count, count)
    return numbers


def _fits(parts: _Parts) -> NDArray[np.float64]:
    """How well each chord fits each stretch: float64 [n, chords without NO_CHORD]."""
    shares = parts.weights / parts.weights.sum(axis=1, keepdims=True)
    missing = np.maximum(0, 1 - shares / _PRESENT)
    fits: NDArray[np.float64] = shares @ (2 * _TONES.T) - 1 - _MISSING * missing @ _TONES.T
    roots = _ROOT * shares + _LOWEST * (parts.lowest[:, None] % 12 == np.arange(12))
    fits += np.tile(roots, len(_TONES) // 12) + _PRIORS
    return fits


def _likeliest(fits: NDArray[np.float64]) -> list[int]:
    """The chords of the best sequence."""
    best = fits[0]  # of the sequences that end in each chord
    before = []
    for fit in fits[1:]:
        top = int(best.argmax())
        stays = best >= best[top] - _CHANGE
        before.append((top, stays))
        best = np.where(stays, best, best[top] - _CHANGE) + fit
    chord = int(best.argmax())
    found = [chord]
    for top, stays in reversed(before):
        chord = chord if stays[chord] else top
        found.append(chord)
    return [chord + 1 for chord in reversed(found)]
