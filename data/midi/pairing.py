"""Note-offs that are missing: which end belongs to which note, after the first guess went wrong.

The reader lets a note-off end the oldest note of its key that sounds. Where one is missing, every
later note of that key would take the next one's end. So the keys of notes that never end are paired
again:

- A note struck right after a note-off of its silent key, on one tick, and not ended before the key
  is struck again, has no length: its on and off came in the wrong order.
- From the last moment on at which a key is silent, a strike ends what sounds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from ugen.data.score import SOUNDING


class KeyEvent(NamedTuple):
    """A key is struck, or let go. `at`: the byte of the file. `row`: of the note that begins; -1
    where the key is let go."""

    at: int
    tick: int
    row: int


def pair_again(notes: NDArray[np.int64], strays: NDArray[np.int64]) -> NDArray[np.int64]:
    """The notes of a track, with other ends where notes of their key never end.

    `notes`: int64 [n, 6]: onset, end or SOUNDING, key, sound, and the bytes of the file where they
    begin and end. `strays`: int64 [m, 3]: key, tick and byte of note-offs without a note.
    """
    broken, notes = np.unique(notes[notes[:, 1] == SOUNDING, 2]), notes.copy()
    rows = np.flatnonzero(np.isin(notes[:, 2], broken))
    struck = np.column_stack([notes[rows][:, [2, 4, 0]], rows])
    ended = rows[notes[rows, 1] != SOUNDING]
    strays = strays[np.isin(strays[:, 0], broken)]
    let_go = np.concatenate([notes[ended][:, [2, 5, 1]], strays[:, [0, 2, 1]]])
    let_go = np.column_stack([let_go, np.full(len(let_go), -1)])
    events = np.concatenate([struck, let_go])
    events = events[np.lexsort((events[:, 1], events[:, 0]))]
    notes[rows, 1] = SOUNDING
    for _, of_key in groupby(events.tolist(), key=itemgetter(0)):
        for row, end, at in _ends([KeyEvent(*event[1:]) for event in of_key]):
            notes[row, 1], notes[row, 5] = end, at
    return notes


def _ends(events: Sequence[KeyEvent]) -> Iterator[tuple[int, int, int]]:
    """Row, end, and the byte where that stands, of the notes of one key that end."""
    events, without_length = _apart(events)
    yield from ((event.row, event.tick, event.at) for event in without_length)
    # the last place before which all notes have ended
    depth = last_silence = 0
    for place, event in enumerate(events, 1):
        depth = depth + 1 if event.row >= 0 else max(depth - 1, 0)
        last_silence = last_silence if depth else place
    sounding: deque[KeyEvent] = deque()
    for place, event in enumerate(events):
        is_strike = event.row >= 0 and place >= last_silence
        while sounding and (event.row < 0 or (is_strike and sounding[0].tick < event.tick)):
            yield sounding.popleft().row, event.tick, event.at
            if event.row < 0:
                break
        if event.row >= 0:
            sounding.append(event)


def _apart(events: Sequence[KeyEvent]) -> tuple[list[KeyEvent], list[KeyEvent]]:
    """The events of one key without its notes of no length, and those notes."""

    def is_reversed(place: int) -> bool:
        off, on = (*events[place : place + 2], None, None)[:2]
        return bool(off and on and off.row < 0 <= on.row and off.tick == on.tick)

    others: list[KeyEvent] = []
    without_length: list[KeyEvent] = []
    place = depth = 0
    while place < len(events):
        after = place
        while not depth and is_reversed(after):
            after += 2
        if after > place and (after == len(events) or events[after].row >= 0):
            without_length += events[place + 1 : after : 2]
            place = after
            continue
        others.append(events[place])
        depth = depth + 1 if events[place].row >= 0 else max(depth - 1, 0)
        place += 1
    return others, without_length
