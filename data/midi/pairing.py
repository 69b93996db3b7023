"""Note-offs that are missing: which end belongs to which note, after the first guess went wrong.

The reader lets a note-off end the oldest note of its key that sounds. Where one is missing, every
later note of that key would take the next one's end. So the keys of notes that never end are paired
again:

- A note struck right after a note-off of its silent key, on one tick, and not ended before the key
  is struck again, has no length: its on and off came in the wrong order.
- From the last moment on at which a key is silent, a strike ends what sounds.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from ugen.data.score import SOUNDING


def pair_again(notes: NDArray[np.int64], strays: NDArray[np.int64]) -> None:
    """Give notes other ends where notes of their key never end.

    `notes`: int64 [n, 6]: onset, end or SOUNDING, key, sound, and the positions where they begin
    and end. `strays`: int64 [m, 3]: key, tick and position of note-offs without a note.
    """
    broken = np.unique(notes[notes[:, 1] == SOUNDING, 2])
    rows = np.flatnonzero(np.isin(notes[:, 2], broken))
    ended = rows[notes[rows, 1] != SOUNDING]
    strays = strays[np.isin(strays[:, 0], broken)]
    key = np.concatenate([notes[rows, 2], notes[ended, 2], strays[:, 0]])
    tick = np.concatenate([notes[rows, 0], notes[ended, 1], strays[:, 1]])
    at = np.concatenate([notes[rows, 4], notes[ended, 5], strays[:, 2]])
    order = np.lexsort((at, key))
    # the note that an event begins, -1 where it ends one
    begins = np.append(rows, np.full(len(ended) + len(strays), -1))[order]
    key, tick, at = key[order], tick[order], at[order]
    notes[rows, 1] = SOUNDING
    found = array("q")
    borders = [0, *(np.flatnonzero(np.diff(key)) + 1).tolist(), len(key)]
    for first, end in pairwise(borders):
        for pair in _ends(tick.data, begins.data, range(first, end)):
            found.extend(pair)
    row, event = np.frombuffer(found, np.int64).reshape(-1, 2).T
    notes[row, 1], notes[row, 5] = tick[event], at[event]


def _ends(ticks: Sequence[int], begins: Sequence[int], key: range) -> Iterator[tuple[int, int]]:
    """The notes of one key that end, each with the event that ends it. `key`: its events."""
    too_early = set(_too_early(ticks, begins, key))
    yield from ((begins[event + 1], event + 1) for event in too_early)
    others = [event for event in key if not {event, event - 1} & too_early]
    depth, last_silence = 0, key.start
    for event in others:
        depth = depth + 1 if begins[event] >= 0 else max(depth - 1, 0)
        last_silence = last_silence if depth else event + 1
    sounding: deque[int] = deque()
    for event in others:
        if begins[event] < 0:
            if sounding:
                yield begins[sounding.popleft()], event
            continue
        while event >= last_silence and sounding and ticks[sounding[0]] < ticks[event]:
            yield begins[sounding.popleft()], event
        sounding.append(event)


def _too_early(ticks: Sequence[int], begins: Sequence[int], key: range) -> Iterator[int]:
    """The note-offs that come just before their note-ons."""

    def is_reversed(event: int) -> bool:
        is_pair = event + 1 < key.stop and begins[event] < 0 <= begins[event + 1]
        return is_pair and ticks[event] == ticks[event + 1]

    event, depth = key.start, 0
    while event < key.stop:
        after = event
        while not depth and is_reversed(after):
            after += 2
        if after > event and (after == key.stop or begins[after] >= 0):
            yield from range(event, after, 2)
            event = after
            continue
        depth = depth + 1 if begins[event] >= 0 else max(depth - 1, 0)
        event += 1
