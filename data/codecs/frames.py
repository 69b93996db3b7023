"""The `frames` codec: every step lists the pitches that sound, then ends. The original text form of
ugen.

Token 0 ends a step, token p + 1 is MIDI pitch p. Tempo is flattened into time: ticks are scaled to
480 per beat at 120 beats per minute, and a step is `ticks` of those (25 by default: 26.04 ms).
Velocity, program and drums are not kept.

A pitch sounds while any note of it sounds. When a pitch begins again and the two steps before are
filled, the step just before is cleared, so that repeated notes stay apart. With `fold`, a step and
its repetitions become one: token 0 still means one step, and tokens from 129 on mean that the
listed pitches last 2, 3, ... steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ugen.data.score import Score

from .base import Codec, Encoded, Mask, Tokens, split_event
from .columns import LEFT_SECONDS, NO_WISHES, WISHES_WITHOUT_BARS, Column, Wishes, sized
from .decoder import GridDecoder
from .pitch_grid import (
    PITCHES,
    REFERENCE_BEAT,
    STEP,
    VELOCITY,
    Runs,
    merge_gaps,
    runs_to_score,
    sounding_runs,
    step_seconds,
)
from .row import Row

_PART = 1 << 16  # tokens at once: bounds memory
LONGEST_FOLD = 96  # steps: 2.5 seconds at 25 ticks
MEMORY = 1024  # listed steps that columns look back to: 27 seconds at 25 ticks, without `fold`
COLUMNS = (
    *(Column(f"back_{lag}", 0) for lag in (1, 2, 4)),
    *(Column(f"after_{length}", 0) for length in (1, 2, 4)),
    *WISHES_WITHOUT_BARS,
)
_KINDS = frozenset(("step", "pitch"))


class FramesCodec(Codec):
    """Sounding pitches, step by step. Vocabulary 129, or 224 with `fold`.

    `ticks`: length of a step, 1 to 1920, in ticks of 1/480 beat at 120 beats per minute.
    `fold`: whether a step's repetitions are folded into it.
    """

    name = "frames"
    about = "time steps"
    pitch_kinds = ("pitch",)

    def __init__(self, ticks: int = 25, fold: bool = False):
        if not 1 <= ticks <= 1920:
            raise ValueError(f"ticks must be 1 to 1920, not {ticks}")
        self.ticks = ticks
        self.fold = bool(fold)
        self.step_seconds = step_seconds(ticks)
        longer = range(2, LONGEST_FOLD + 1) if self.fold else ()
        self.events = (
            "step",
            *(f"pitch:{pitch}" for pitch in range(PITCHES)),
            *(f"step:{n}" for n in longer),
        )
        self.start = STEP
        self.end = None
        self.steps = np.array([1, *[0] * PITCHES, *longer])  # steps that each token ends
        self.is_time = self.steps > 0
        # after pitch p only higher pitches or the end of the step; row 0 is the state after a step
        ids, states = np.arange(len(self.events)), np.arange(PITCHES + 1)
        self.masks: Mask = (ids[None, :] > states[:, None]) | self.is_time[None, :]

    def options(self) -> dict[str, Any]:
        return {"ticks": self.ticks, "fold": self.fold}

    def encode(self, score: Score) -> Encoded:
        runs = sounding_runs(score, self.ticks)
        if not len(runs):
            return Encoded(np.zeros(0, np.uint16), 0, len(score.notes))
        points = self._points(runs)  # where a step is listed; the last is the end of the piece
        first, after = np.searchsorted(points, runs[:, 1]), np.searchsorted(points, runs[:, 2])
        counts = after - first
        offsets = first - np.cumsum(counts) + counts
        cells = np.repeat(offsets * PITCHES + runs[:, 0], counts)
        cells += np.arange(len(cells)) * PITCHES
        cells.sort()  # by place in `points`, then pitch
        lengths = np.diff(points)
        ends = np.where(lengths == 1, STEP, PITCHES - 1 + lengths)
        tokens = np.zeros(len(cells) + len(ends), np.uint16)
        place = np.arange(len(cells)) + cells // PITCHES
        tokens[place] = cells % PITCHES + 1
        closing = np.ones(len(tokens), bool)
        closing[place] = False
        tokens[closing] = ends
        return Encoded(tokens, len(runs), len(score.notes) - len(runs))

    def _points(self, runs: Runs) -> NDArray[np.int64]:
        last = int(runs[:, 2].max())
        if not self.fold:
            return np.arange(last + 1)
        changes = np.unique(np.concatenate([[0], runs[:, 1], runs[:, 2]]))
        parts = -(-np.diff(changes) // LONGEST_FOLD)  # tokens between changes
        offsets = np.arange(parts.sum()) - np.repeat(np.cumsum(parts) - parts, parts)
        return np.append(np.repeat(changes[:-1], parts) + offsets * LONGEST_FOLD, last)

    def decode(self, tokens: NDArray[np.integer]) -> Score:
        return runs_to_score(self.runs(tokens), self.ticks)

    def context(self, tokens: Tokens) -> Tokens:
        """The last whole steps, those that columns look back to, and the pitches listed since."""
        ends = np.flatnonzero(self.is_time[tokens])
        return tokens[ends[-2 - MEMORY] + 1 :] if len(ends) > MEMORY + 1 else tokens

    def decoder(self) -> _FramesDecoder:
        return _FramesDecoder(self)

    def runs(self, tokens: NDArray[np.integer]) -> Runs:
        """When each pitch sounds without a break."""
        tokens = np.asarray(tokens)
        closings = np.flatnonzero(self.is_time[tokens])
        # of each step; one left open lasts a step
        lengths = np.append(self.steps[tokens[closings]], 1)
        firsts = np.cumsum(lengths) - lengths
        found = [np.zeros((0, 3), np.int64)]
        for at in range(0, len(tokens), _PART):
            part = tokens[at : at + _PART]
            places = np.flatnonzero(~self.is_time[part])
            step = np.searchsorted(closings, places + at)
            first, length = firsts[step], lengths[step]
            pitch = part[places].astype(np.int64) - 1
            found.append(_joined(np.stack([pitch, first, first + length], axis=1)))
        return _joined(np.concatenate(found))

    @property
    def columns(self) -> tuple[Column, ...]:
        return sized(COLUMNS, self.vocabulary)

    def cursor(
        self, tempo: float | None = None, columns: Sequence[str] = (), wishes: Wishes = NO_WISHES
    ) -> _FramesCursor:
        return _FramesCursor(self, columns, wishes)

    @property
    def onset_tokens(self) -> Mask:
        return np.zeros(self.vocabulary, bool)  # a held pitch is listed like a new one


def _joined(cells: Runs) -> Runs:
    """The runs that cells make, in any order."""
    return merge_gaps(cells[np.lexsort((cells[:, 1], cells[:, 0]))], 0)


class _FramesDecoder(GridDecoder):
    def __init__(self, codec: FramesCodec):
        super().__init__(REFERENCE_BEAT, codec.ticks, VELOCITY)
        self._steps, self._listed = codec.steps.tolist(), set[int]()

    def feed(self, token: int) -> None:
        if steps := self._steps[token]:
            self.step(self._listed, steps)
            self._listed = set()
        else:
            self._listed.add(token - 1)

    def _finish(self) -> None:
        if self._listed:
            self.step(self._listed)
        super()._finish()


class _FramesCursor:
    """Seconds passed, the last pitch listed, and the columns of a row: a step is a place, and an
    item to compare is a step that differs from the one before."""

    bars = 0
    bar_seconds = LEFT_SECONDS

    def __init__(self, codec: FramesCodec, columns: Sequence[str], wishes: Wishes):
        self._masks = codec.masks
        self._seconds = (codec.steps * codec.step_seconds).tolist()
        self._steps = codec.steps.tolist()
        self._last = STEP
        self.seconds = 0.0
        self.now = 0
        kinds = [split_event(event)[0] for event in codec.events]
        self._allowed = bytes(kind in _KINDS for kind in kinds)
        bits = PITCHES + 2
        self._row = Row(columns, wishes, kinds, MEMORY, bits, steps=True) if columns else None
        self._listed = 1  # a bit of each pitch listed, and one more
        self._step = 0  # the one before
        if self._row is not None:
            self._row.reach(0)

    def feed(self, token: int) -> None:
        self._last = token if token <= PITCHES else STEP
        self.seconds += self._seconds[token]
        self.now += self._steps[token]
        if self._row is None:
            return
        recall = self._row.recall
        recall.record(token)
        recall.rank = self._last
        if self._last != STEP:
            self._listed |= 1 << token
            return
        recall.move(0, bar=True)
        self._row.follow_step(self._listed if self._listed != self._step else 0)
        self._step = self._listed
        self._listed = 1
        self._row.reach(self.seconds)

    def mask(self) -> Mask:
        row: Mask = self._masks[self._last]
        return row

    def row(self) -> list[int]:
        return [] if self._row is None else self._row.list(self._allowed)

    def ask(self, wishes: Wishes) -> None:
        if self._row is not None:
            self._row.ask(wishes)
            self._row.reach(self.seconds)

    def copy(self) -> _FramesCursor:
        other = copy(self)
        other._row = self._row and self._row.copy()
        return other
