"""Passages that a song copies from the training music, found while it is made."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from ugen.data import Codec
from ugen.data.analysis.fingerprint_table import Table
from ugen.data.analysis.fingerprints import grams
from ugen.data.analysis.originality import passages
from ugen.data.codecs.base import split_event
from ugen.data.text import count, printable

from .faults import Fault, FaultKind, sounding_rows

_NOTE = np.dtype([("onset", "<i8"), ("pitch", "<i8")])
_LONGEST_NAME = 60


class Copy(NamedTuple):
    """A copied passage, and the onset of its first note, in steps of the codec's grid."""

    fault: Fault
    onset: int


class CopyFinder:
    """Reads a growing song, and finds passages of more notes than the table's limit.

    It measures as `originality` does, and remembers no more notes than that needs. `start`: where
    the song begins on the codec's grid; what was before does not count.
    """

    def __init__(self, codec: Codec, table: Table, start: int):
        self._onsets = OnsetReader(codec)
        self._table = table
        self._notes = np.zeros(0, _NOTE)
        self._read = start  # all notes before are in `_notes`

    def find(self, steps: Sequence[Any], nows: Sequence[int]) -> Copy | None:
        """The longest copied passage that ends in what is new; `nows`: where the song stood after
        each of the steps. The notes at the last point of time are left for the next call."""
        table, before = self._table, len(self._notes)
        new = self._onsets.between(steps, nows, self._read, nows[-1])
        self._read = nows[-1]
        self._notes = np.concatenate([self._notes, new])
        hashes, _ = grams(self._notes[max(before - table.n + 1, 0) :], table.n)
        if not len(table.lookup(hashes)[0]):
            return None
        first, lengths, owners = passages(self._notes, table)
        lengths[first + lengths <= before] = 0
        longest = int(lengths.max(initial=0))
        if longest <= table.limit:
            return None
        at = int(lengths.argmax())
        name = printable(table.pieces[owners[at]][:_LONGEST_NAME])
        fault = Fault(FaultKind.COPY, f"{count(longest, 'note')} of {name}")
        return Copy(fault, int(self._notes["onset"][first[at]]))

    def take_back(self, now: int) -> None:
        """The song was taken back to here."""
        self._notes = self._notes[self._notes["onset"] < now]
        self._read = min(self._read, now)

    def settle(self, now: int) -> None:
        """The song will not be taken back to before here: forget what no passage of more notes than
        the limit needs."""
        table = self._table
        needed = table.limit + 2 * (table.n + table.window)
        settled = int(np.searchsorted(self._notes["onset"], now))
        self._notes = self._notes[max(settled - needed, 0) :]


class OnsetReader:
    """Reads steps of a codec as onsets of notes that have a pitch."""

    def __init__(self, codec: Codec):
        self._codec = codec
        kinds = [split_event(event) for event in codec.events]
        self._pitches = np.array(
            [value if kind in ("pitch", "note_on") else -1 for kind, value in kinds]
        )
        self._lists_sounding = not codec.onset_tokens.any()

    def between(
        self, steps: Sequence[Any], nows: Sequence[int], begin: int, end: int
    ) -> NDArray[np.void]:
        """The notes that begin at `begin` or later and before `end`, by onset, then pitch, each
        once."""
        read = self._struck if not self._lists_sounding else self._newly_sounding
        onsets, pitches = read(steps, nows, begin, end)
        found = np.unique(onsets * 128 + pitches)
        notes = np.zeros(len(found), _NOTE)
        notes["onset"], notes["pitch"] = found // 128, found % 128
        return notes

    def _struck(
        self, steps: Sequence[Any], nows: Sequence[int], begin: int, end: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        within = slice(bisect_left(nows, begin), bisect_left(nows, end))
        pitches = self._pitches[np.array(steps[within], np.int64)]
        struck = pitches >= 0
        return np.array(nows[within], np.int64)[struck], pitches[struck]

    def _newly_sounding(
        self, steps: Sequence[Any], nows: Sequence[int], begin: int, end: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pitches that were not in the grid step before, which is read again, too."""
        first, is_frame = bisect_left(nows, begin), self._codec.input == "frame"
        before = bisect_left(nows, nows[first - 1]) if first and not is_frame else first
        within = slice(before, bisect_right(nows, end))
        rows, ends = sounding_rows(self._codec, steps[within], np.array(nows[within], np.int64))
        starts = ends - 1 if is_frame else np.concatenate([[-1 if first else begin], ends])[:-1]
        rows[1:] &= ~rows[:-1]
        rows[(starts < begin) | (starts >= end)] = False
        at, pitches = np.nonzero(rows)
        return starts[at], pitches
