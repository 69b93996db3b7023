"""What no song should do: fall silent, hold a chord or a note for ever, strike one key, go round in
circles, leave the keyboard.

Thresholds come from 2,171 pieces of game music, piano music and songs; all together alarm on at
most 3 in 1,000 of them (`make check-corpora`). It knows of codecs only when which pitch is struck,
and the steps themselves for what repeats.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from ugen.data import Codec, UgenError
from ugen.data.codecs.base import split_event

QUIET_SECONDS = (
    15.0  # with nothing struck: rests, or a chord held; of real pieces 99.5% stay under 8.4
)
HELD_SECONDS = 60.0  # one note
WINDOW_SECONDS, FEWEST = (
    24.0,
    24,
)  # what is looked back on for the next two, and the fewest notes that count
ONE_PITCH = 0.85  # share of them that is one pitch; of real pieces 0.05% have more
OUTSIDE = (
    0.65  # share of them off a piano's keys, 21 to 108; of real pieces 0.05% have more than 0.6
)
LOOP_TIMES, LOOP_SECONDS = 8, 40.0  # the same steps over and over; real: 99.9% never
LOOKED_BACK = 4096  # steps
_TAIL = 8  # steps that must be alike for a loop to be looked for


class GuardError(UgenError):
    """A model that keeps making what is no music."""

    exit_code = 3


class Window(NamedTuple):
    """Steps of music: `items`, one comparable thing a step; `seconds` reached after each; the
    `pitches` struck, and when; how long the longest note sounds that still does."""

    items: NDArray[Any]
    seconds: NDArray[np.float64]
    pitches: NDArray[np.int64]
    struck: NDArray[np.float64]
    held: float


class FaultDetector:
    """Hears the steps of a codec."""

    def __init__(self, codec: Codec):
        self._codec = codec
        kinds = [split_event(event) for event in codec.events]
        self._released = np.array([value if kind == "note_off" else -1 for kind, value in kinds])
        self._struck = np.array(
            [
                split_event(event)[1] if onset_tokens else -1
                for event, onset_tokens in zip(codec.events, codec.onset_tokens, strict=True)
            ]
        )

    def observe(self, steps: Sequence[Any], seconds: Sequence[float]) -> Window:
        """The last LOOKED_BACK steps, and the time reached after each."""
        now = np.array(seconds[-LOOKED_BACK:], float)
        if self._codec.onset_tokens.any():
            items = np.array(steps[-LOOKED_BACK:])
            pitches = self._struck[items]
            at = np.flatnonzero(pitches >= 0)
            held = self._held(items, pitches, now) if (self._released >= 0).any() else 0.0
            return Window(items, now, pitches[at], now[at], held)
        return self._sounding(steps[-LOOKED_BACK:], now)

    def _held(
        self, items: NDArray[Any], pitches: NDArray[np.int64], now: NDArray[np.float64]
    ) -> float:
        """How long the longest note sounds that was struck and not released."""
        released, since = self._released[items], 0.0
        for pitch in np.unique(pitches[pitches >= 0]).tolist():
            strike = int(np.flatnonzero(pitches == pitch)[-1])
            if not (released[strike:] == pitch).any():
                since = max(since, float(now[-1] - now[strike]))
        return since

    def _sounding(self, steps: Sequence[Any], now: NDArray[np.float64]) -> Window:
        """Codecs that list what sounds: a pitch is struck where it did not sound in the step
        before."""
        rows, ends = _grid(self._codec, steps, now)
        new = rows.copy()
        new[1:] &= ~rows[:-1]
        at, pitches = np.nonzero(new)
        held = 0.0
        if len(rows):
            silent = np.where(
                rows[:, rows[-1]].all(axis=0),
                -1,
                len(rows) - 1 - (~rows[::-1][:, rows[-1]]).argmax(axis=0),
            )
            begun = np.where(silent < 0, now[0], ends[np.maximum(silent, 0)])
            held = float((ends[-1] - begun).max(initial=0.0))
        keys = np.array([hash(row.tobytes()) for row in rows])
        return Window(keys, ends, pitches, ends[at], held)


def find_fault(heard: Window, begun: float = 0.0) -> str | None:
    """What is wrong with music up to here, in words; None when nothing is. `begun`: seconds at
    which it began."""
    now = heard.seconds[-1] if len(heard.seconds) else begun
    last = (
        heard.struck[-1]
        if len(heard.struck)
        else max(begun, heard.seconds[0] if len(heard.seconds) else begun)
    )
    if now - last > QUIET_SECONDS:
        return f"nothing was struck for {now - last:.0f} seconds"
    if heard.held > HELD_SECONDS:
        return f"a note was held for {heard.held:.0f} seconds"
    recent = heard.pitches[heard.struck > now - WINDOW_SECONDS]
    if len(recent) >= FEWEST and now - begun >= WINDOW_SECONDS:
        share = np.bincount(recent).max() / len(recent)
        if share > ONE_PITCH:
            return f"one pitch was {share:.0%} of the notes of {WINDOW_SECONDS:.0f} seconds"
        outside = ((recent < 21) | (recent > 108)).mean()
        if outside > OUTSIDE:
            return (
                f"{outside:.0%} of the notes of {WINDOW_SECONDS:.0f} seconds were off the keyboard"
            )
    return _loop(heard)


def _loop(heard: Window) -> str | None:
    items, seconds = heard.items, heard.seconds
    if len(items) < 2 * _TAIL:
        return None
    windows = np.lib.stride_tricks.sliding_window_view(items[:-1], _TAIL)
    for at in np.flatnonzero((windows == items[-_TAIL:]).all(axis=1))[::-1].tolist():
        period = len(items) - _TAIL - at
        differs = np.flatnonzero(items[period:] != items[:-period])
        first = int(differs[-1]) + 1 if len(differs) else 0  # the loop is items[first:]
        times = (len(items) - first) / period
        lasted = seconds[-1] - seconds[first]
        if times >= LOOP_TIMES and lasted >= LOOP_SECONDS:
            return f"the same {period} steps came {times:.0f} times over {lasted:.0f} seconds"
        if period * LOOP_TIMES > len(items):
            break
    return None


def _grid(
    codec: Codec, steps: Sequence[Any], now: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Which keys sound, bool [steps of the grid, 128], and when each step ends."""
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
