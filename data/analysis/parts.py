"""Parts of a score that have no track of their own: its top line, and its lowest."""

from __future__ import annotations

from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


def top_line(onset: Ints, end: Ints, pitch: Ints) -> Flags:
    """Which notes are the top line: those with no higher one beginning or sounding at their
    onset. Of equal notes that begin together all are."""
    is_top = np.zeros(len(onset), bool)
    sounding: list[tuple[int, int]] = []  # the highest first, as -pitch and end
    order = np.lexsort((-pitch, onset)).tolist()
    rows = zip(onset[order].tolist(), end[order].tolist(), pitch[order].tolist(), strict=True)
    for note, (begins, ends, height) in zip(order, rows, strict=True):
        while sounding and sounding[0][1] <= begins:
            heappop(sounding)
        is_top[note] = not sounding or -sounding[0][0] <= height
        heappush(sounding, (-height, ends))
    return is_top


def bottom_line(onset: Ints, end: Ints, pitch: Ints) -> Flags:
    """Which notes are the lowest line, likewise."""
    return top_line(onset, end, -pitch)
