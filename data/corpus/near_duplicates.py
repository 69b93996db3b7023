"""Pieces that are versions of one another: same notes, perhaps transposed or at another speed.

Each piece gets a sketch: the smallest hashes of its runs of pitch intervals. The fraction of hashes
that two sketches have in common estimates how alike the pieces are (bottom-k MinHash: Broder 1997,
"On the resemblance and containment of documents"). Intervals are the same in any key and at any
tempo, so transposed and re-timed versions match too.
"""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
from numpy.typing import NDArray
from ugen.data.score import Score, together

RUN = 10  # intervals in a run: long enough that scales and ostinati seldom match by chance
# hashes per sketch; the standard deviation of an estimated resemblance of 0.5 is 0.04
SKETCH = 128
ALIKE = 0.5  # resemblance from which two pieces belong to one family
# pieces that are remembered for a hash, of one family and of all: more would be compared in vain,
# and a thousand versions of one piece take time with their square
MOST_RELATIVES, MOST_HOLDERS = 4, 64


def sketch(score: Score) -> NDArray[np.uint64]:
    """uint64 [at most SKETCH], ascending: the smallest hashes of the runs of intervals of a score's
    pitched notes."""
    least, pitches = np.zeros(0, np.uint64), np.zeros(0, np.int64)
    for part in together(score.notes["onset"]):
        notes = score.notes[part]
        notes = notes[~notes["drum"]]
        order = np.lexsort((notes["pitch"], notes["onset"]))
        # with the pitches before, without which runs across the border would be missed
        pitches = np.concatenate([pitches[-RUN:], notes["pitch"][order]])
        intervals = np.diff(pitches)
        if len(intervals) >= RUN:
            runs = np.lib.stride_tricks.sliding_window_view(intervals, RUN)
            least = np.unique(np.concatenate([least, _hash_rows(runs)]))[:SKETCH]
    return least.copy()  # a view would keep more hashes alive


def _hash_rows(rows: NDArray[np.int64]) -> NDArray[np.uint64]:
    """One hash per row: a polynomial, then the finalizer of SplitMix64 (Steele et al. 2014)."""
    value = np.zeros(len(rows), np.uint64)
    for column in rows.T:
        value = value * np.uint64(0x9E3779B97F4A7C15) + (column + 128).astype(np.uint64)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


def resemblance(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> float:
    """Estimated Jaccard index of the runs behind two sketches; 0 when either is empty."""
    if not len(a) or not len(b):
        return 0.0
    union = np.union1d(a, b)[: min(max(len(a), len(b)), SKETCH)]
    return float(np.isin(union, np.intersect1d(a, b)).mean())


def _shared(sketches: list[NDArray[np.uint64]]) -> list[NDArray[np.bool_]]:
    """Which hashes of each sketch occur in others too: few, so an index of them stays small."""
    every = np.concatenate([np.zeros(0, np.uint64), *sketches])
    _, which, counts = np.unique(every, return_inverse=True, return_counts=True)
    return np.split(counts[which] > 1, np.cumsum([len(mine) for mine in sketches]))[: len(sketches)]


def families(sketches: list[NDArray[np.uint64]]) -> list[int]:
    """For each piece, the lowest index of a piece of its family. Pieces alike in a chain are one
    family."""
    parent = list(range(len(sketches)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    holders: dict[int, list[int]] = defaultdict(list)  # hash -> some of the pieces that have it
    for i, (mine, elsewhere) in enumerate(zip(sketches, _shared(sketches), strict=True)):
        values = mine[elsewhere].tolist()
        shared = Counter(other for value in values for other in holders[value])
        for other, count in shared.most_common():
            if count < ALIKE * len(mine) / 2:
                break
            if root(i) != root(other) and resemblance(mine, sketches[other]) >= ALIKE:
                low, high = sorted((root(i), root(other)))
                parent[high] = low
        for value in values:
            relatives = sum(root(other) == root(i) for other in holders[value])
            if relatives < MOST_RELATIVES and len(holders[value]) < MOST_HOLDERS:
                holders[value].append(i)
    return [root(i) for i in range(len(sketches))]
