"""The beats of music as it is played: a tempo for its onsets, and their places on a grid.

The tempo is the one whose beats, and their halves, quarters and thirds, fit best the times between
onsets that are at most two seconds apart. Of tempos that fit alike, it is the one near the usual
one, with most notes about half a beat apart. Times between near onsets are compared, and not all
onsets with one pulse, for people speed up and slow down.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SLOWEST, FASTEST = 50.0, 190.0  # beats per minute
USUAL = 105.0
_CHORD = 0.04  # seconds: onsets nearer than that are one
_NEAR = 2.0  # seconds between onsets that are compared
_PAIRS = 8  # onsets that each is compared with, at most
_LEAST = 3  # onsets that have a tempo
# how much the fit of beats, halves and the finer grid counts, and that a tempo is usual
_BEAT, _HALF, _FINE, _PRIOR = 0.7, 1.0, 1.0, 0.5
_DENSE, _TYPICAL = 0.8, 0.5  # that notes are mostly so many beats apart, and how many
_SPREAD = 0.45  # of usual tempos, on a logarithmic scale
_PLACES = np.array([0, 3, 4, 6, 8, 9, 12])  # twelfths of a beat: sixteenths, and triplets
_FOLLOWED = 0.7  # how much of what a note is early or late the beat follows


def tempo_of(onsets: Floats, usual: float = USUAL) -> float | None:
    """Beats per minute. `onsets`: rising seconds. None for fewer than three of them."""
    chords = _chords(onsets)
    apart = _times_between(chords)
    if not len(apart):
        return None
    tempos = np.exp(np.arange(np.log(SLOWEST), np.log(FASTEST), 0.002))
    beats = apart * tempos[:, None] / 60
    beat, half, third, quarter = (np.cos(2 * np.pi * k * beats).mean(axis=1) for k in (1, 2, 3, 4))
    fit = _BEAT * beat + _HALF * half + _FINE * np.maximum(third, quarter)
    fit -= _PRIOR * (np.log(tempos / usual) / _SPREAD) ** 2
    typical = float(np.median(np.diff(chords))) * tempos / 60
    fit -= _DENSE * np.log(typical / _TYPICAL) ** 2
    return float(tempos[fit.argmax()])


def beats_of(onsets: Floats, tempo: float) -> Floats:
    """The place of each onset on the grid, in beats after the first. `onsets`: rising seconds.

    The beat follows the player: from each note on it is counted anew, from between where
    the note was and where it should have been, nearer to where it was.
    """
    found = np.zeros(len(onsets))
    beat, at = 0.0, float(onsets[0]) if len(onsets) else 0.0
    for i, onset in enumerate(onsets.tolist()):
        place = beat + (onset - at) * tempo / 60
        whole = np.floor(place)
        rest = _PLACES / 12
        found[i] = max(whole + rest[np.abs(rest - (place - whole)).argmin()], beat)
        late = (place - found[i]) * 60 / tempo
        beat, at = float(found[i]), onset - (1 - _FOLLOWED) * late
    return found


def _chords(onsets: Floats) -> Floats:
    """One onset for the notes of a chord: the first."""
    kept = [
        onset
        for before, onset in zip([-np.inf, *onsets.tolist()], onsets.tolist(), strict=False)
        if onset - before > _CHORD
    ]
    return np.array(kept)


def _times_between(onsets: Floats) -> Floats:
    if len(onsets) < _LEAST:
        return np.zeros(0)
    apart = [onsets[k:] - onsets[:-k] for k in range(1, min(_PAIRS, len(onsets) - 1) + 1)]
    times = np.concatenate(apart)
    near = times[times <= _NEAR]
    return near if len(near) else times
