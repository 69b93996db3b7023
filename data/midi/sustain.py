"""The sustain pedal folded into the ends of notes, as a listener hears them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


def sustained_ends(
    onset: NDArray[np.int64],
    end: NDArray[np.int64],
    place: NDArray[np.int64],
    key: NDArray[np.int64],
    pedals: Mapping[int, NDArray[np.void]],
) -> NDArray[np.int64]:
    """New ends of notes, int64 [n].

    `place`: where in the file a note's end stands, which tells whether it comes before or after a
    pedal on its tick. `key`: channel and pitch. `pedals`: by channel, tick, place, and 1 where the
    pedal goes down, in order of time. A note whose end falls while the pedal is down
    lasts until the pedal is lifted, or until its pitch is struck again on that channel, whichever
    is first; a pedal never lifted holds to the last end of any note.
    """
    ends = end.copy()
    last = int(ends.max()) if len(ends) else 0
    for channel, rows in pedals.items():
        mine = np.flatnonzero(key >> 7 == channel)
        before = _count_before(rows, end[mine], place[mine])
        held = (before > 0) & (rows["down"][np.maximum(before - 1, 0)] == 1)
        # the tick of the first lift from each pedal event on
        lifts = np.where(rows["down"] == 0, rows["tick"], np.iinfo(np.int64).max)
        lifts = np.append(np.minimum.accumulate(lifts[::-1])[::-1], np.iinfo(np.int64).max)
        lifted = np.minimum(lifts[before], max(last, int(rows["tick"][-1])))
        until = np.minimum(lifted, _next_onsets(onset[mine], key[mine]))
        ends[mine[held]] = np.maximum(ends[mine[held]], until[held])
    return ends


def _count_before(
    rows: NDArray[np.void], tick: NDArray[np.int64], place: NDArray[np.int64]
) -> NDArray[np.int64]:
    """How many pedal events come before each (tick, place)."""
    order = np.lexsort((np.append(rows["place"], place), np.append(rows["tick"], tick)))
    counts = np.zeros(len(order), np.int64)
    counts[order] = np.cumsum(order < len(rows))
    return counts[len(rows) :]


def _next_onsets(onset: NDArray[np.int64], key: NDArray[np.int64]) -> NDArray[np.int64]:
    """When the key of each note is next struck; the largest integer where it never is."""
    order = np.lexsort((onset, key))
    following = np.full(len(onset), np.iinfo(np.int64).max)
    again = (key[order[1:]] == key[order[:-1]]) & (onset[order[1:]] > onset[order[:-1]])
    following[order[:-1][again]] = onset[order[1:][again]]
    return following
