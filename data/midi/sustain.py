"""The sustain pedal folded into the ends of notes, as a listener hears them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

# by channel key, int64 [n, 3]: tick, place in the file, 1 where the pedal goes down
Pedals = dict[int, NDArray[np.int64]]


def pedals_by_channel(events: Iterable[tuple[int, int, int, int]]) -> Pedals:
    """Pedals in order of time, from (channel key, tick, place, down)."""
    rows: dict[int, list[tuple[int, ...]]] = defaultdict(list)
    for channel, *row in events:
        rows[channel].append(tuple(row))
    return {channel: np.array(sorted(each), np.int64) for channel, each in rows.items()}


def sustained_ends(
    onset: NDArray[np.int64],
    end: NDArray[np.int64],
    place: NDArray[np.int64],
    key: NDArray[np.int64],
    pedals: Pedals,
) -> NDArray[np.int64]:
    """New ends of notes, int64 [n].

    `place`: where in the file a note's end stands, which tells whether it comes before or after a
    pedal on its tick. `key`: channel key and pitch. A note whose end falls while the pedal is down
    lasts until the pedal is lifted, or until its pitch is struck again on that channel, whichever
    is first; a pedal never lifted holds to the last end of any note.
    """
    ends = end.copy()
    last = int(ends.max()) if len(ends) else 0
    for channel, rows in pedals.items():
        mine = np.flatnonzero(key >> 7 == channel >> 7)
        before = _count_before(rows, end[mine], place[mine])
        held = (before > 0) & (rows[np.maximum(before - 1, 0), 2] == 1)
        # the tick of the first lift from each pedal event on
        lifts = np.where(rows[:, 2] == 0, rows[:, 0], np.iinfo(np.int64).max)
        lifts = np.append(np.minimum.accumulate(lifts[::-1])[::-1], np.iinfo(np.int64).max)
        lifted = np.minimum(lifts[before], max(last, int(rows[-1, 0])))
        until = np.minimum(lifted, _next_onsets(onset[mine], key[mine]))
        ends[mine[held]] = np.maximum(ends[mine[held]], until[held])
    return ends


def _count_before(
    rows: NDArray[np.int64], tick: NDArray[np.int64], place: NDArray[np.int64]
) -> NDArray[np.int64]:
    """How many pedal events come before each (tick, place)."""
    order = np.lexsort((np.append(rows[:, 1], place), np.append(rows[:, 0], tick)))
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
