"""The sustain pedal folded into the ends of notes, as a listener hears them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pedals = dict[tuple[int, int], tuple[NDArray[np.int64], NDArray[np.int64]]]


def sustained_ends(columns: NDArray[np.int64], pedals: Pedals) -> NDArray[np.int64]:
    """New ends of notes, int64 [n].

    `columns`: int64 [n, 6]: onset, end, channel, pitch, velocity, port. `pedals`: for a port and
    channel, ticks in rising order and 1 where the pedal goes down, 0 where it is lifted. A note
    whose end falls while the pedal is down lasts until the pedal is lifted, or until its pitch is
    struck again on that channel, whichever is first; a pedal never lifted holds to the last end of
    any note.
    """
    ends = columns[:, 1].copy()
    last = int(ends.max()) if len(ends) else 0
    for (port, channel), (ticks, down) in pedals.items():
        mine = np.flatnonzero((columns[:, 2] == channel) & (columns[:, 5] == port))
        state = np.searchsorted(ticks, ends[mine], side="right") - 1
        held = mine[(state >= 0) & (down[np.maximum(state, 0)] == 1)]
        lifts = np.append(ticks[down == 0], max(last, int(ticks[-1])))
        lifted = lifts[np.searchsorted(lifts[:-1], ends[held], side="right")]
        ends[held] = np.maximum(
            ends[held], np.minimum(lifted, _next_onsets(columns, mine)[np.isin(mine, held)])
        )
    return ends


def _next_onsets(columns: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each of some notes, when its pitch is next struck among them; the largest integer where
    it never is."""
    onset, pitch = columns[rows, 0], columns[rows, 3]
    order = np.lexsort((onset, pitch))
    following = np.full(len(rows), np.iinfo(np.int64).max)
    again = (pitch[order[1:]] == pitch[order[:-1]]) & (onset[order[1:]] > onset[order[:-1]])
    following[order[:-1][again]] = onset[order[1:][again]]
    return following
