"""Score: what a MIDI file means to ugen. Notes, a tempo map and time signatures, all in ticks.

A Score is a value: nothing changes one in place. Seconds are a view of its ticks through the tempo
map.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NOTE = np.dtype(
    [
        ("onset", "<i8"),
        ("end", "<i8"),
        ("pitch", "u1"),
        ("velocity", "u1"),
        ("program", "u1"),
        ("drum", "?"),
    ]
)
TEMPO = np.dtype([("tick", "<i8"), ("usec", "<i8")])  # microseconds per beat, as in the file
METER = np.dtype([("tick", "<i8"), ("numerator", "<i4"), ("denominator", "<i4")])

NoteRow = list[int]  # onset and end in ticks, pitch, velocity, program, drum: the fields of a NOTE
SOUNDING = -1  # the end of a note that has none yet
_PART = 1 << 14
DEFAULT_USEC = 500_000  # 120 beats a minute, where a file names no tempo (Standard MIDI Files 1.0)


class Note(NamedTuple):
    """One note in time: `onset` and `end` in seconds from the beginning, `program` 0 where
    `drum`."""

    onset: float
    end: float
    pitch: int
    velocity: int
    program: int = 0
    drum: bool = False


@dataclass(frozen=True, eq=False)
class Score:
    """Notes and their time base.

    `notes`: NOTE array sorted by (onset, drum, program, pitch, end); `end` > `onset`, both in
    ticks. `tempos`, `meters`: TEMPO and METER arrays, strictly increasing in tick, the first at
    tick 0. `warnings`: what the reader repaired or left out, in words; empty for a valid
    file.
    """

    notes: NDArray[np.void]
    ticks_per_beat: int
    tempos: NDArray[np.void]
    meters: NDArray[np.void]
    warnings: tuple[str, ...] = ()

    @classmethod
    def build(
        cls,
        notes: NDArray[np.void] | Iterable[tuple[int, int, int, int, int, bool]],
        ticks_per_beat: int,
        tempos: NDArray[np.void] | Iterable[tuple[int, int]] = (),
        meters: NDArray[np.void] | Iterable[tuple[int, int, int]] = (),
        warnings: Iterable[str] = (),
    ) -> Score:
        """A score from notes in any order. Defaults are filled in (120 bpm, 4/4 at tick 0); of
        changes on one tick the last is kept."""
        array = notes if isinstance(notes, np.ndarray) else np.array(list(notes), dtype=NOTE)
        return cls(
            array[note_order(array)],
            ticks_per_beat,
            _changes((0, DEFAULT_USEC), tempos, TEMPO),
            _changes((0, 4, 4), meters, METER),
            tuple(warnings),
        )

    @property
    def end_tick(self) -> int:
        """The tick where the last note ends; 0 for a score without notes."""
        return int(self.notes["end"].max()) if len(self.notes) else 0

    @property
    def seconds(self) -> float:
        """Length in seconds, from tick 0 to the end of the last note."""
        return float(self.seconds_at(np.array([self.end_tick]))[0])

    def seconds_at(self, ticks: NDArray[np.int64]) -> NDArray[np.float64]:
        """Ticks to seconds through the tempo map. Same shape, float64."""
        starts = self.tempos["tick"]
        rate = self.tempos["usec"] / (1e6 * self.ticks_per_beat)  # seconds per tick
        elapsed = np.concatenate([[0.0], np.cumsum(np.diff(starts) * rate[:-1])])
        segment = np.maximum(np.searchsorted(starts, ticks, side="right") - 1, 0)
        seconds: NDArray[np.float64] = elapsed[segment] + (ticks - starts[segment]) * rate[segment]
        return seconds

    def tick_at(self, seconds: float) -> int:
        """The last tick that begins at or before `seconds`."""
        starts = self.seconds_at(self.tempos["tick"])
        segment = max(int(np.searchsorted(starts, seconds, side="right")) - 1, 0)
        rate = int(self.tempos["usec"][segment]) / (1e6 * self.ticks_per_beat)
        return int(self.tempos["tick"][segment]) + int((seconds - starts[segment]) / rate + 1e-9)

    def at(self, ticks_per_beat: int) -> Score:
        """The score with finer ticks; itself where they would not fall on all of its own."""
        scale, rest = divmod(ticks_per_beat, self.ticks_per_beat)
        if rest or scale == 1:
            return self
        notes, tempos, meters = self.notes.copy(), self.tempos.copy(), self.meters.copy()
        for times in (notes["onset"], notes["end"], tempos["tick"], meters["tick"]):
            times *= scale
        return Score(notes, ticks_per_beat, tempos, meters, self.warnings)

    def until(self, tick: int) -> Score:
        """The score cut at `tick`: later notes left out, notes still sounding ended there."""
        notes = self.notes[self.notes["onset"] < tick]
        notes["end"] = np.minimum(notes["end"], tick)
        return Score(notes, self.ticks_per_beat, self.tempos, self.meters, self.warnings)

    def since(self, tick: int) -> Score:
        """The score from `tick` on, which becomes tick 0: notes that begin earlier left out."""
        notes = self.notes[self.notes["onset"] >= tick]
        for field in ("onset", "end"):
            notes[field] -= tick
        tempos, meters = _since(self.tempos, tick), _since(self.meters, tick)
        return Score(notes, self.ticks_per_beat, tempos, meters, self.warnings)


def note_order(notes: NDArray[np.void]) -> NDArray[np.int64]:
    """Where each note of a score stands in a NOTE array."""
    return np.lexsort(
        (notes["end"], notes["pitch"], notes["program"], notes["drum"], notes["onset"])
    )


def together(times: NDArray[np.int64]) -> Iterator[slice]:
    """Places of rising times, some thousands at once; equal times stay together. To work on music
    in such parts bounds memory."""
    first, length = 0, len(times)
    while first < length:
        end = min(first + _PART, length)
        later = np.zeros(0, np.int64)
        while end < length and not len(later):
            later = np.flatnonzero(times[end : end + _PART] != times[end - 1])
            end = end + int(later[0]) if len(later) else min(end + _PART, length)
        yield slice(first, end)
        first = end


def _since(changes: NDArray[np.void], tick: int) -> NDArray[np.void]:
    """Changes from `tick` on, and at their beginning the one in force there."""
    kept = changes[max(int(np.searchsorted(changes["tick"], tick, side="right")) - 1, 0) :].copy()
    kept["tick"] = np.maximum(kept["tick"] - tick, 0)
    return kept


def _changes(
    first: tuple[int, ...],
    rows: NDArray[np.void] | Iterable[tuple[int, ...]],
    dtype: np.dtype[np.void],
) -> NDArray[np.void]:
    """One row per tick, the last given, after `first`; tempos that change nothing are left out."""
    given = rows.astype(dtype) if isinstance(rows, np.ndarray) else np.array(list(rows), dtype)
    changes = np.concatenate([np.array([first], dtype), given])
    if not (changes["tick"][1:] >= changes["tick"][:-1]).all():
        changes = changes[np.argsort(changes["tick"], kind="stable")]
    kept: NDArray[np.void]
    kept = changes[np.append(changes["tick"][1:] != changes["tick"][:-1], True)]
    if dtype is TEMPO:
        kept = kept[np.append(True, kept["usec"][1:] != kept["usec"][:-1])]
    return kept
