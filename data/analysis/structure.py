"""Measures of whether a piece holds together: bars that return, a key that stays, an end.

Drums are left out: their patterns return in nearly every bar, and they have no key. Time and memory
grow with the number of notes, never with the ticks or bars that a file claims to last.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from ugen.data.score import Score

from .bars import STEPS, Bars, Ticks
from .chords import find_chords, in_chords
from .key import key_of

LOOK_BACK = 16  # bars in which a bar may return
WINDOW = 8  # bars whose scale is asked for
# pitch classes by key signature, which go around the circle of fifths
_SIGNATURES = (np.arange(12)[:, None] - 7 * np.arange(12)) % 12
_MAJOR_SCALES = np.isin(_SIGNATURES, (0, 2, 4, 5, 7, 9, 11)).astype(np.float64)
_MINOR_SCALES = np.isin(_SIGNATURES, (9, 11, 0, 2, 4, 5, 8)).astype(np.float64)
_TONIC_TRIAD = {0, 3, 4, 7}  # with either third: a piece in minor may end in major

STRUCTURE = (
    "bars_returning",
    "rhythms_returning",
    "bars_returning_transposed",
    "key_stability",
    "in_scale",
    "in_chords",
    "ends",
)


def structure(score: Score) -> dict[str, float]:
    """The measures by name; all 0 for a piece without pitched notes."""
    notes = score.notes[~score.notes["drum"]]
    if not len(notes):
        return dict.fromkeys(STRUCTURE, 0.0)
    values = (*_returning(score, notes), *_scales(score, notes), _in_chords(score), ends(score))
    return dict(zip(STRUCTURE, map(float, values), strict=True))


def _returning(score: Score, notes: NDArray[np.void]) -> tuple[float, float, float]:
    """Fractions of bars that return: as they are, in rhythm alone, and up to transposition.

    A bar is the set of (onset within it in twenty-fourths of a beat, pitch) of its notes. It
    returns if one of the 16 bars before has nearly the same: what both have is at least 0.8 of what
    either has (the index of Jaccard 1901). In rhythm it is the set of onsets alone. Up to
    transposition, the earlier bar may be moved so that the lowest notes of both meet, or the
    highest. Only bars in which a note begins are counted.
    """
    bars = Bars(score)
    bar, place = bars.locate(bars.steps(notes["onset"]))
    place, pitch = place * 256, notes["pitch"].astype(np.int64)
    first = np.flatnonzero(np.diff(bar, prepend=-1))
    sizes = np.diff(first, append=len(bar))
    as_is = _returns(bar, place + pitch)
    moved = [
        _returns(bar, place + np.abs(pitch - np.repeat(edge.reduceat(pitch, first), sizes)))
        for edge in (np.minimum, np.maximum)
    ]
    up_to_transposition = np.logical_or.reduce([as_is, *moved])
    return as_is.mean(), _returns(bar, place).mean(), up_to_transposition.mean()


def _returns(bar: Ticks, item: Ticks) -> NDArray[np.bool_]:
    """Whether each bar with items returns, by rising bar."""
    order = np.lexsort((bar, item))
    bar, item = bar[order], item[order]
    fresh = (np.diff(bar, prepend=-1) != 0) | (np.diff(item, prepend=-1) != 0)
    bar, item = bar[fresh], item[fresh]
    bars, rank, size = np.unique(bar, return_inverse=True, return_counts=True)
    common = np.zeros(len(bars) * LOOK_BACK, np.int64)
    for shift in range(1, min(LOOK_BACK, len(bar) - 1) + 1):
        ago = bar[shift:] - bar[:-shift]
        pair = (item[shift:] == item[:-shift]) & (ago <= LOOK_BACK)
        if not pair.any():
            break  # nor are there pairs that are further apart
        common += np.bincount(rank[shift:][pair] * LOOK_BACK + ago[pair] - 1, minlength=len(common))
    met = np.flatnonzero(common)
    later, ago = np.divmod(met, LOOK_BACK)
    earlier = np.searchsorted(bars, bars[later] - ago - 1)
    either = size[later] + size[earlier] - common[met]
    found = np.zeros(len(bars), bool)
    found[later[5 * common[met] >= 4 * either]] = True
    return found


def _scales(score: Score, notes: NDArray[np.void]) -> tuple[float, float]:
    """Key stability, and the fraction of note time inside scales.

    The music is cut into windows of 8 bars. Each has its best scales: those major and harmonic
    minor scales that hold most of the time of the notes that begin in it (until its end; the
    natural minor is a major scale). Windows in which no note begins are left out. Key stability is
    the fraction of neighbouring windows with best scales whose key signatures differ by one
    accidental at most; 1 for a single window.
    """
    bars = Bars(score, score.ticks_per_beat)
    window = bars.locate(notes["onset"])[0] // WINDOW
    end = np.minimum(notes["end"], bars.start_of((window + 1) * WINDOW))
    windows, rank = np.unique(window, return_inverse=True)
    sounding = np.bincount(
        rank * 12 + notes["pitch"] % 12, end - notes["onset"], minlength=12 * len(windows)
    ).reshape(-1, 12)
    fits = np.maximum(sounding @ _MAJOR_SCALES, sounding @ _MINOR_SCALES)
    most = fits.max(axis=1, keepdims=True)
    best = fits == most
    near = best | np.roll(best, 1, axis=1) | np.roll(best, -1, axis=1)
    stays = (near[1:] & best[:-1]).any(axis=1)
    return stays.mean() if len(stays) else 1.0, most.sum() / sounding.sum()


def _in_chords(score: Score) -> float:
    """The fraction of note time in which notes are tones of the likeliest chord of their half
    bar."""
    return in_chords(score, find_chords(score).get)


def ends(score: Score) -> bool:
    """Whether the piece ends, instead of being broken off; False without pitched notes.

    The last notes are those that sound on after the last has begun. They end together: most of them
    within half a beat of the last end. They are on a beat: one of them begins or ends on a beat of
    its bar or halfway to the next, to within a twenty-fourth. They are in the key: tones of the
    tonic's triad, major or minor, the tonic among them, in the likeliest key of the whole piece or
    of its last 8 bars (`key_of`). And the last of them lasts as long as the median note at least,
    which a chord that is cut off seldom does.
    """
    notes = score.notes[~score.notes["drum"]]
    if not len(notes):
        return False
    last = notes["onset"].max()
    chord = notes[notes["end"] > last]
    end = chord["end"].max()
    bars = Bars(score)
    bar = bars.locate(bars.steps(notes["onset"]))[0]
    place = bars.locate(bars.steps(np.concatenate([chord["onset"], chord["end"]])))[1]
    closing = replace(score, notes=notes[bar > bar.max() - WINDOW])
    classes = chord["pitch"].astype(np.int64) % 12
    degrees = ({*((classes - key_of(part)[0]) % 12).tolist()} for part in (score, closing))
    return bool(
        2 * np.median(end - chord["end"]) <= score.ticks_per_beat
        and ((place + 1) % (STEPS // 2) <= 2).any()
        and end - last >= np.median(notes["end"] - notes["onset"])
        and any(0 in degree and degree <= _TONIC_TRIAD for degree in degrees)
    )
