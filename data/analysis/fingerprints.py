"""Runs of notes as hashes that know neither key nor tempo, and which of a piece's hashes to keep.

A piece's pitched notes are taken in order of onset, then pitch. From each note to the next there is
a step: its interval in semitones, and its kind of onset: 0 at the same time as the last note, else
1, 2 or 3 where the time between onsets is shorter than, like or longer than the last such time.
Times are alike when one is less than 2 ** 0.5 times the other, so that a grid's rounding seldom
matters; the first time in a run, which has none before it, counts as alike. A run of n notes is
n - 1 steps, and its hash is of those alone:

    hash = mix(hash + (step + 1) * 0x9E3779B97F4A7C15), from 0 on
    step = (interval + 127) * 4 + kind of onset

mix is the finalizer of SplitMix64 (Steele et al. 2014), all modulo 2 ** 64.

Runs that only repeat a pattern of one to four steps are no evidence of copying: a repeated note, a
scale, a broken chord. They are left out everywhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from ugen.data.score import Score

N = 12  # notes in a run; docs/scoring.md has what 8, 10 and 16 find in music that is not copied
PATTERN = 4  # steps
_GOLDEN, _LAST_SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(31)
_MIXING = (
    (np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)),
    (np.uint64(27), np.uint64(0x94D049BB133111EB)),
)
_CHUNK = 1 << 16  # runs hashed at once: bounds memory

Hashes = NDArray[np.uint64]


def notes_in_order(score: Score) -> NDArray[np.void]:
    """The pitched notes as NOTE rows by onset, then pitch; of equal ones the longest. Drums have no
    pitch."""
    notes = score.notes[~score.notes["drum"]]
    notes = notes[np.lexsort((-notes["end"], notes["pitch"], notes["onset"]))]
    again = np.zeros(len(notes), bool)
    again[1:] = (notes["onset"][1:] == notes["onset"][:-1]) & (
        notes["pitch"][1:] == notes["pitch"][:-1]
    )
    found: NDArray[np.void] = notes[~again]
    return found


def grams(notes: NDArray[np.void], n: int = N) -> tuple[Hashes, NDArray[np.int64]]:
    """The runs of n notes that are not mere repetition, of notes as `notes_in_order` gives them:
    uint64 hashes, and int64 places of their first notes, ascending."""
    pitch, onset = notes["pitch"].astype(np.int64), notes["onset"].astype(np.int64)
    intervals, onsets = pitch[1:] - pitch[:-1] + 127, _onset_kinds(onset[1:] - onset[:-1])
    hashes, places = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
    for at in range(0, len(notes) - n + 1, _CHUNK):
        within = slice(at, at + _CHUNK + n - 2)
        steps = _steps(intervals[within], onsets[within], n - 1)
        kept = ~_repetitive(steps)
        hashes.append(hash_rows(steps[kept]))
        places.append(np.flatnonzero(kept) + at)
    return np.concatenate(hashes), np.concatenate(places)


def _onset_kinds(gaps: NDArray[np.int64]) -> NDArray[np.int64]:
    """0 to 3 for each time between onsets, as the module's docstring defines them."""
    kinds = np.zeros(len(gaps), np.int64)
    moves = np.flatnonzero(gaps)
    now, before = gaps[moves[1:]].astype(float), gaps[moves[:-1]].astype(float)
    kinds[moves[:1]] = 2
    kinds[moves[1:]] = 2 - (now**2 * 2 <= before**2) + (now**2 >= before**2 * 2)
    return kinds


def _steps(
    intervals: NDArray[np.int64], onsets: NDArray[np.int64], length: int
) -> NDArray[np.int64]:
    """int64 [runs, length]: the steps of each run."""
    rows = np.arange(len(onsets) - length + 1)
    within = rows[:, None] + np.arange(length)
    kinds = onsets[within]
    first = (kinds > 0).argmax(axis=1)
    kinds[rows, first] = np.minimum(kinds[rows, first], 1) * 2
    steps: NDArray[np.int64] = intervals[within] * 4 + kinds
    return steps


def _repetitive(steps: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which runs only repeat a pattern of up to PATTERN steps, at least twice."""
    found = np.zeros(len(steps), bool)
    for period in range(1, min(PATTERN, steps.shape[1] // 2) + 1):
        found |= (steps[:, period:] == steps[:, :-period]).all(axis=1)
    return found


def hash_rows(steps: NDArray[np.int64]) -> Hashes:
    """The hash of each row of steps, as the module's docstring defines it."""
    value = np.zeros(len(steps), np.uint64)
    for column in (steps.T + 1).astype(np.uint64) * _GOLDEN:
        value = _mix(value + column)
    return value


def _mix(value: Hashes) -> Hashes:
    for shift, factor in _MIXING:
        value = (value ^ (value >> shift)) * factor
    return value ^ (value >> _LAST_SHIFT)


def reach(hashes: Hashes) -> NDArray[np.int64]:
    """int64 [hashes]: the longest window of neighbouring hashes of which each is the least, the
    last of equals.

    Hashes whose reach is at least w are those that winnowing with windows of w keeps (Schleimer,
    Wilkerson and Aiken 2003): of any w neighbours one is kept, and two pieces that share w
    neighbours keep the same one of them.
    """
    values = hashes.tolist()
    before, after = [-1] * len(values), [len(values)] * len(values)
    rising: list[int] = []  # places whose hashes are less than all later ones so far
    for place, value in enumerate(values):
        while rising and values[rising[-1]] >= value:
            after[rising.pop()] = place
        rising.append(place)
    rising = []
    for place in range(len(values) - 1, -1, -1):
        while rising and values[rising[-1]] > values[place]:
            before[rising.pop()] = place
        rising.append(place)
    return np.array(after, np.int64) - np.array(before, np.int64) - 1
