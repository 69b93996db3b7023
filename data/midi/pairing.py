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
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise

import numpy as np
from numpy.typing import NDArray
from ugen.data.score import SOUNDING

from .table import BLOCK, blocks

_KEYS = 1 << 19  # how many keys a track has


def pair_again(notes: NDArray[np.void], strays: NDArray[np.void], broken: list[int]) -> None:
    """Give notes other ends where notes of their key never end.

    `notes`: a track's rows of `Events.notes`. `strays`: key, tick and place of note-offs without a
    note. `broken`: the keys.
    """
    is_broken = np.zeros(_KEYS, bool)
    is_broken[broken] = True
    rows, keys = _by_key(notes, is_broken)
    offs, off_keys = _by_key(strays, is_broken)
    # the first note of each key, and of each group of keys, since many have few notes
    firsts = np.flatnonzero(keys[1:] != keys[:-1]) + 1
    firsts = firsts[np.unique(firsts // BLOCK, return_index=True)[1]]
    places = np.searchsorted(off_keys, keys[firsts])
    del keys
    for mine, near in zip(np.split(rows, firsts), np.split(offs, places), strict=True):
        _pair_keys(notes, mine, strays[near])


def _by_key(
    events: NDArray[np.void], is_broken: NDArray[np.bool_]
) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Which events have a broken key, and those keys, in order of the keys."""
    found = [np.zeros(0, np.uint32)]
    for block in blocks(len(events)):
        found.append(np.flatnonzero(is_broken[events["key"][block]]).astype("u4") + block.start)
    rows = np.concatenate(found, dtype=np.uint32)
    keys = events["key"][rows]
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    return rows[order], keys


def _pair_keys(notes: NDArray[np.void], rows: NDArray[np.uint32], strays: NDArray[np.void]) -> None:
    """Pair the notes of whole keys. `rows`: which notes. Memory is short here: a damaged file may
    have a note in every third byte."""
    offs = notes[rows[notes["end"][rows] != SOUNDING]]
    notes["end"][rows] = SOUNDING
    at = np.concatenate([notes["begin"][rows], offs["finish"], strays["place"]])
    off_ticks = np.concatenate([offs["end"], strays["tick"]])
    key = np.concatenate([notes["key"][rows], offs["key"], strays["key"]])
    order = np.lexsort((at, key))
    at = at[order]
    key = key[order]
    borders = [0, *(np.flatnonzero(key[1:] != key[:-1]) + 1).tolist(), len(order)]
    del key
    begins = np.full(len(order), -1, np.int32)  # the note that an event begins, -1 where none
    ticks = order  # takes its place
    for block in blocks(len(order)):
        event = order[block]
        begins_one = event < len(rows)
        row = rows[event[begins_one]]
        tick = np.empty(len(event), np.int64)
        tick[begins_one] = notes["onset"][row]
        tick[~begins_one] = off_ticks[event[~begins_one] - len(rows)]
        begins[block][begins_one] = row
        ticks[block] = tick
    keys = (range(*border) for border in pairwise(borders))
    found = (pair for key in keys for pair in _ends(ticks.data, begins.data, key))
    while pairs := list(islice(found, BLOCK)):
        row, event = np.array(pairs).T
        notes["end"][row], notes["finish"][row] = ticks[event], at[event]


def _ends(ticks: Sequence[int], begins: Sequence[int], key: range) -> Iterator[tuple[int, int]]:
    """The notes of one key that end, each with the event that ends it. `key`: its events."""
    is_done = bytearray(len(key))
    for event in _too_early(ticks, begins, key):
        yield begins[event + 1], event + 1
        is_done[event - key.start] = is_done[event - key.start + 1] = 1
    depth, last_silence = 0, key.start
    for event in key:
        if not is_done[event - key.start]:
            depth = depth + 1 if begins[event] >= 0 else max(depth - 1, 0)
            last_silence = last_silence if depth else event + 1
    sounding, oldest = array("i"), 0
    for event in key:
        if is_done[event - key.start]:
            continue
        is_on = begins[event] >= 0
        if not is_on and oldest < len(sounding):
            yield begins[sounding[oldest]], event
            oldest += 1
        while is_on and event >= last_silence and oldest < len(sounding):
            if ticks[sounding[oldest]] >= ticks[event]:
                break
            yield begins[sounding[oldest]], event
            oldest += 1
        if is_on:
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
