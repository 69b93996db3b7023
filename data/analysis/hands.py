"""Which hand plays which notes on a piano."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from ugen.data.score import Score

Floats = NDArray[np.float32]
Ticks = NDArray[np.int64]

_SPLITS = np.arange(36, 85)  # the left hand plays the notes below a split
_MIDDLE = 60
_HELD = 4  # beats; a note that is held longer is the pedal's
_PART = 1 << 12  # moments worked on at once
# What a split costs, chosen by Mutopia's piano pieces, whose tracks are the hands: the reach of a
# hand in octaves, squared; a note nearer than a whole tone to the split; an octave away from the
# middle of the keyboard; and to move it by an octave from one moment to the next.
_REACH, _NEAR, _AWAY, _MOVED = 1.0, 0.2, 0.06, 1.0


def left_hand(score: Score) -> NDArray[np.bool_]:
    """Which notes are the left hand's, drums never: those below a split that follows the music.

    Of all ways that the split can take through the piece, the one is found on which hands reach
    least far, and the split keeps clear of the notes, near the middle of the keyboard, and still.
    Notes of one pitch that begin together are one hand's.
    """
    notes, left = score.notes, np.zeros(len(score.notes), bool)
    pitched = np.flatnonzero(~notes["drum"])
    mine = notes[pitched]
    onsets, moment = np.unique(mine["onset"], return_inverse=True)
    held = np.minimum(mine["end"], mine["onset"] + _HELD * score.ticks_per_beat)
    left[pitched] = mine["pitch"] < _path(mine["pitch"], moment, onsets, held)[moment]
    return left


def _path(pitch: NDArray[np.uint8], moment: Ticks, onsets: Ticks, held: Ticks) -> Ticks:
    """The split at each moment, some moments at a time, to bound memory."""
    change = np.concatenate([moment, np.searchsorted(onsets, held)])
    sign = np.repeat(np.array([1, -1], np.int16), len(pitch))
    order = np.argsort(change, kind="stable")
    change, sign, key = change[order], sign[order], np.tile(pitch, 2)[order]
    sounding = np.zeros(128, np.int16)
    best, parts = np.zeros(len(_SPLITS), np.float32), [np.zeros(0, np.int64)]
    for first, end in pairwise([*range(0, len(onsets), _PART), len(onsets)]):
        here = slice(*np.searchsorted(change, [first, end]))
        counts = np.zeros((end - first, 128), np.int16)
        np.add.at(counts, (change[here] - first, key[here]), sign[here])
        counts[0] += sounding
        counts = np.cumsum(counts, axis=0, dtype=np.int16)
        sounding = counts[-1]
        costs = _costs(counts > 0)
        for row in costs:
            best = row + _nearby(best)
            row[:] = best
        parts.append(_SPLITS[_traced(costs)])
    return np.concatenate(parts)


def _costs(sounds: NDArray[np.bool_]) -> Floats:
    """What each split costs by itself at each moment. `sounds`: [moments, pitches]."""
    pitches = np.arange(128, dtype=np.float32)
    highest = np.maximum.accumulate(np.where(sounds, pitches, -np.inf), axis=1)
    lowest = np.minimum.accumulate(np.where(sounds, pitches, np.inf)[:, ::-1], axis=1)[:, ::-1]
    below, above = highest[:, _SPLITS - 1], lowest[:, _SPLITS]
    with np.errstate(invalid="ignore"):  # a hand that plays nothing reaches from -inf to inf
        reach = np.nan_to_num(below - lowest[:, :1], neginf=0, nan=0) ** 2
        reach += np.nan_to_num(highest[:, -1:] - above, neginf=0, nan=0) ** 2
    near = np.maximum(2 - np.minimum(_SPLITS - 0.5 - below, above - _SPLITS + 0.5), 0)
    away = np.abs(_SPLITS - _MIDDLE)
    costs: Floats = _REACH / 144 * reach + _NEAR * near + _AWAY / 12 * away
    return costs.astype(np.float32)


_STEPS = np.arange(len(_SPLITS), dtype=np.float32) * np.float32(_MOVED / 12)


def _nearby(costs: Floats) -> Floats:
    """The least of all costs, each with that of moving from there."""
    up = np.minimum.accumulate(costs - _STEPS) + _STEPS
    down = np.minimum.accumulate((costs + _STEPS)[::-1])[::-1] - _STEPS
    nearest: Floats = np.minimum(up, down)
    return nearest


def _traced(costs: Floats) -> Ticks:
    """The best way back through the costs of the best ways there."""
    path = np.zeros(len(costs), np.int64)
    at = int(costs[-1].argmin())
    path[-1] = at
    for n in range(len(costs) - 2, -1, -1):
        at = int((costs[n] + np.abs(_STEPS - _STEPS[at])).argmin())
        path[n] = at
    return path
