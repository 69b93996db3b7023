"""Degenerate output, detected: silence, stuck notes, one pitch only, endless loops, notes outside
the piano's range.

The thresholds come from 2,171 pieces of game music, piano music and songs: all checks together are
wrong about at most 3 in 1,000 of them (`make check-corpora`). Of a codec only its onset pitches
matter; loops are found by comparing the steps themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from ugen.data import Codec, UgenError
from ugen.data.codecs.base import split_event

MAX_SILENCE = 15.0  # seconds without an onset: rests, or a held chord; 99.5% of pieces: below 8.4
MAX_HELD = 60.0  # seconds of one note
RECENT_SECONDS = 24.0  # how far the next two checks look back
MIN_RECENT = 24  # notes, with fewer of which they do not judge
MAX_ONE_PITCH = 0.85  # fraction of recent notes; 0.05% of pieces have more
MAX_OUTSIDE = 0.65  # fraction of recent notes off keys 21 to 108; 0.05% of pieces have over 0.6
LOOP_TIMES = 8  # repetitions of the same steps, which together last
LOOP_SECONDS = 40.0  # at least; 99.9% of pieces have no such loop
MAX_STEPS = 4096  # how far all checks look back
_TAIL = 8  # steps that must be equal before a loop is looked for


class FaultKind(str, Enum):
    """The kinds of degenerate output."""

    SILENCE = "silence"
    STUCK_NOTE = "stuck-note"
    ONE_PITCH = "one-pitch"
    OUT_OF_RANGE = "out-of-range"
    LOOP = "loop"
    NO_TIME = "no-time"
    NO_NOTES = "no-notes"
    COPY = "copy"


class Fault(NamedTuple):
    """What is wrong: its kind, and the figures in words."""

    kind: FaultKind
    text: str


class GuardError(UgenError):
    """A model whose output stays degenerate. `fault`: the last one found, if known."""

    exit_code = 3

    def __init__(self, reason: str, fault: Fault | None = None):
        super().__init__(reason)
        self.fault = fault


class Window(NamedTuple):
    """The last steps. `items`: one comparable value per step. `seconds`: the time reached after
    each. `pitches`, `onsets`: of the notes in them, in order. `held`: seconds of the longest note
    that still sounds."""

    items: NDArray[Any]
    seconds: NDArray[np.float64]
    pitches: NDArray[np.int64]
    onsets: NDArray[np.float64]
    held: float


class FaultDetector:
    """Reads steps of a codec as notes."""

    def __init__(self, codec: Codec):
        self._codec = codec
        kinds = [split_event(event) for event in codec.events]
        self._released = np.array([value if kind == "note_off" else -1 for kind, value in kinds])
        values = np.array([value for _, value in kinds])
        self._onset_pitches = np.where(codec.onset_tokens, values, -1)

    def observe(self, steps: Sequence[Any], seconds: Sequence[float]) -> Window:
        """The last MAX_STEPS steps; `seconds`: the time reached after each."""
        now = np.array(seconds[-MAX_STEPS:], float)
        if not self._codec.onset_tokens.any():
            return self._observe_grid(steps[-MAX_STEPS:], now)
        items = np.array(steps[-MAX_STEPS:])
        pitches = self._onset_pitches[items]
        at = np.flatnonzero(pitches >= 0)
        held = self._held(items, pitches, now) if (self._released >= 0).any() else 0.0
        return Window(items, now, pitches[at], now[at], held)

    def _held(
        self, items: NDArray[Any], pitches: NDArray[np.int64], now: NDArray[np.float64]
    ) -> float:
        """Seconds of the longest note that has begun and was not released."""
        released, longest = self._released[items], 0.0
        for pitch in np.unique(pitches[pitches >= 0]).tolist():
            onset = int(np.flatnonzero(pitches == pitch)[-1])
            if not (released[onset:] == pitch).any():
                longest = max(longest, float(now[-1] - now[onset]))
        return longest

    def _observe_grid(self, steps: Sequence[Any], now: NDArray[np.float64]) -> Window:
        """Codecs that list the sounding pitches: an onset is a pitch that was not in the step
        before."""
        rows, ends = sounding_rows(self._codec, steps, now)
        new = rows.copy()
        new[1:] &= ~rows[:-1]
        at, pitches = np.nonzero(new)
        held = 0.0
        if len(rows):
            sounding = rows[:, rows[-1]]
            last_silent = np.where(
                sounding.all(axis=0), -1, len(rows) - 1 - (~sounding[::-1]).argmax(axis=0)
            )
            starts = np.where(last_silent < 0, now[0], ends[np.maximum(last_silent, 0)])
            held = float((ends[-1] - starts).max(initial=0.0))
        items = np.array([hash(row.tobytes()) for row in rows])
        return Window(items, ends, pitches, ends[at], held)


def find_fault(window: Window, start: float = 0.0) -> Fault | None:
    """What is wrong with the music so far; None when nothing is. `start`: seconds at which it
    began."""
    now = window.seconds[-1] if len(window.seconds) else start
    last = window.onsets[-1] if len(window.onsets) else max([start, *window.seconds[:1]])
    if now - last > MAX_SILENCE:
        return Fault(FaultKind.SILENCE, f"no new note for {now - last:.0f} s")
    if window.held > MAX_HELD:
        return Fault(FaultKind.STUCK_NOTE, f"a note held for {window.held:.0f} s")
    recent = window.pitches[window.onsets > now - RECENT_SECONDS]
    if len(recent) >= MIN_RECENT and now - start >= RECENT_SECONDS:
        share = np.bincount(recent).max() / len(recent)
        if share > MAX_ONE_PITCH:
            text = f"one pitch in {share:.0%} of the notes of {RECENT_SECONDS:.0f} s"
            return Fault(FaultKind.ONE_PITCH, text)
        share = ((recent < 21) | (recent > 108)).mean()
        if share > MAX_OUTSIDE:
            text = f"{share:.0%} of the notes of {RECENT_SECONDS:.0f} s outside the piano's range"
            return Fault(FaultKind.OUT_OF_RANGE, text)
    return _find_loop(window)


def _find_loop(window: Window) -> Fault | None:
    items, seconds = window.items, window.seconds
    if len(items) < 2 * _TAIL:
        return None
    views = np.lib.stride_tricks.sliding_window_view(items[:-1], _TAIL)
    for at in np.flatnonzero((views == items[-_TAIL:]).all(axis=1))[::-1].tolist():
        period = len(items) - _TAIL - at
        differs = np.flatnonzero(items[period:] != items[:-period])
        first = int(differs[-1]) + 1 if len(differs) else 0  # the loop is items[first:]
        times = (len(items) - first) / period
        lasted = seconds[-1] - seconds[first]
        if times >= LOOP_TIMES and lasted >= LOOP_SECONDS:
            text = f"the same {period} steps repeated {times:.0f} times over {lasted:.0f} s"
            return Fault(FaultKind.LOOP, text)
        if period * LOOP_TIMES > len(items):
            break
    return None


def sounding_rows(
    codec: Codec, steps: Sequence[Any], now: NDArray[Any]
) -> tuple[NDArray[np.bool_], NDArray[Any]]:
    """The sounding pitches, bool [grid steps, 128], and when each grid step ends. `now`: the time
    reached after each of the steps."""
    if codec.input == "frame":
        return np.array(steps, bool).reshape(-1, codec.vocabulary), now
    tokens = np.array(steps)
    closing = codec.is_time[tokens]
    ends = np.flatnonzero(closing)
    rows = np.zeros((len(ends), 128), bool)
    listed = np.flatnonzero(~closing)
    listed = listed[listed < (ends[-1] if len(ends) else 0)]
    pitches = np.array([max(split_event(event)[1], 0) for event in codec.events])
    rows[np.searchsorted(ends, listed), pitches[tokens[listed]]] = True
    return rows, now[ends]
