"""The `frames` codec: every step lists the pitches that sound, then ends. The original text form of ugen.

Token 0 ends a step, token p + 1 is MIDI pitch p. Tempo is flattened into time: ticks are scaled to 480 a beat at
120 beats a minute, and a step is `ticks` of those (25 by default: 26.04 ms). Velocity, program and drums are not kept.

A pitch sounds while any note of it sounds. When a pitch is struck again while the two steps before are filled, the
step just before is cleared, so that repeated notes stay apart. With `fold`, a step and its repetitions are one: token
0 still means one step, and tokens 129 and up that the pitches listed last 2, 3, … steps.
"""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .codec import Codec, Encoded, Mask, Tokens
from .decoder import GridDecoder
from .errors import CodecError
from .score import NOTE, Score

STEP = 0
PITCHES = 128
REFERENCE_BEAT = 480  # ticks a beat
REFERENCE_USEC = 500_000  # 120 beats a minute
VELOCITY = 80
LONGEST_FOLD = 96  # steps: 2.5 seconds at 25 ticks
MAX_STEPS = 2_000_000  # 14 hours at 25 ticks; with MAX_CELLS it bounds memory when a file claims centuries of music
MAX_CELLS = 20_000_000

Runs = NDArray[np.int64]  # [n, 3]: pitch, first step, step after the last; by pitch, then step; none overlap


class FramesCodec(Codec):
    """Sounding pitches, step by step. Vocabulary 129, or 224 with `fold`.

    `ticks`: length of a step, 1 to 1920, in ticks of 1/480 beat at 120 beats a minute.
    `fold`: whether a step's repetitions are folded into it.
    """

    name = "frames"
    pitch_kinds = ("pitch",)

    def __init__(self, ticks: int = 25, fold: bool = False):
        if not 1 <= ticks <= 1920:
            raise ValueError(f"ticks must be 1 to 1920, not {ticks}")
        self.ticks, self.fold = ticks, bool(fold)
        self.step_seconds = ticks * REFERENCE_USEC / (REFERENCE_BEAT * 1e6)
        longer = range(2, LONGEST_FOLD + 1) if self.fold else ()
        self.events = ("step", *(f"pitch:{pitch}" for pitch in range(PITCHES)), *(f"step:{n}" for n in longer))
        self.start, self.end = STEP, None
        self.steps = np.array([1, *[0] * PITCHES, *longer])  # how many steps each token ends
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
        at = np.arange(counts.sum()) + np.repeat(first - np.cumsum(counts) + counts, counts)
        pitch = np.repeat(runs[:, 0], counts)
        order = np.lexsort((pitch, at))
        lengths = np.diff(points)
        ends = np.where(lengths == 1, STEP, PITCHES - 1 + lengths)
        tokens = np.zeros(len(at) + len(ends), np.uint16)
        place = np.arange(len(at)) + at[order]
        tokens[place] = pitch[order] + 1
        closing = np.ones(len(tokens), bool)
        closing[place] = False
        tokens[closing] = ends
        return Encoded(tokens, len(runs), len(score.notes) - len(runs))

    def _points(self, runs: Runs) -> NDArray[np.int64]:
        last = int(runs[:, 2].max())
        if not self.fold:
            return np.arange(last + 1)
        changes = np.unique(np.concatenate([[0], runs[:, 1], runs[:, 2]]))
        parts = -(-np.diff(changes) // LONGEST_FOLD)  # how many tokens each stretch needs
        offsets = np.arange(parts.sum()) - np.repeat(np.cumsum(parts) - parts, parts)
        return np.append(np.repeat(changes[:-1], parts) + offsets * LONGEST_FOLD, last)

    def decode(self, tokens: NDArray[np.integer]) -> Score:
        return runs_to_score(self.runs(tokens), self.ticks)

    def recall(self, tokens: Tokens) -> Tokens:
        """The last whole step, and what is listed since."""
        ends = np.flatnonzero(self.is_time[tokens])
        return tokens[ends[-2] + 1 :] if len(ends) > 1 else tokens

    def decoder(self) -> _FramesDecoder:
        return _FramesDecoder(self)

    def runs(self, tokens: NDArray[np.integer]) -> Runs:
        """The stretches in which each pitch sounds without a break."""
        tokens = np.asarray(tokens, np.int64)
        lengths = self.steps[tokens]
        at = np.cumsum(lengths) - lengths
        closings = np.flatnonzero(lengths)
        places = np.flatnonzero(lengths == 0)
        closing = np.searchsorted(closings, places)  # the step that each pitch is listed in; one left open lasts a step
        length = np.append(lengths[closings], 1)[closing]
        pitch, first = tokens[places] - 1, at[places]
        _, once = np.unique(pitch * (int(lengths.sum()) + 1) + first, return_index=True)  # by pitch, then step
        cells = np.stack([pitch[once], first[once], first[once] + length[once]], axis=1)
        return merge_gaps(cells, 0)

    def cursor(self, tempo: float | None = None) -> _FramesCursor:
        return _FramesCursor(self)

    @property
    def strikes(self) -> Mask:
        return np.zeros(self.vocabulary, bool)  # a pitch is listed at every step, struck or not


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
    bars = 0

    def __init__(self, codec: FramesCodec):
        self._masks = codec.masks
        self._seconds = (codec.steps * codec.step_seconds).tolist()
        self._last = STEP
        self.seconds = 0.0

    def feed(self, token: int) -> None:
        self._last = token if token <= PITCHES else STEP
        self.seconds += self._seconds[token]

    def mask(self) -> Mask:
        row: Mask = self._masks[self._last]
        return row

    def copy(self) -> _FramesCursor:
        return copy(self)


def sounding_runs(score: Score, ticks: int) -> Runs:
    """When each pitch sounds, in steps of `ticks`, with repeated notes kept apart where that is possible.

    Raises CodecError when a score is too long to hold in memory as steps.
    """
    onsets, ends = _steps(score, "onset", ticks), _steps(score, "end", ticks)
    if len(ends) and ends.max() > MAX_STEPS:
        hours = float(ends.max()) * ticks / REFERENCE_BEAT * REFERENCE_USEC / 3.6e9
        raise CodecError(f"lasts {hours:.0f} hours; this codec takes {MAX_STEPS:,} steps at most")
    ends = np.maximum(ends, onsets + 1)
    if int((ends - onsets).sum()) > MAX_CELLS:
        raise CodecError(f"its notes sound for more than {MAX_CELLS:,} steps in all, the most that this codec takes")
    runs: list[tuple[int, int, int]] = []
    for pitch in np.unique(score.notes["pitch"]).tolist():
        mine = score.notes["pitch"] == pitch
        runs += [(pitch, *run) for run in _strikes(onsets[mine], ends[mine])]
    return np.array(runs, np.int64).reshape(-1, 3)


def _steps(score: Score, field: str, ticks: int) -> NDArray[np.int64]:
    """Each note's onset or end as a step. Halves round to even, as the original's did."""
    flat = np.rint(score.seconds_at(score.notes[field]) * REFERENCE_BEAT * 1e6 / REFERENCE_USEC)
    return np.rint(flat / ticks).astype(np.int64)


def _strikes(onsets: NDArray[np.int64], ends: NDArray[np.int64]) -> list[tuple[int, int]]:
    """The runs of steps that one pitch fills.

    Notes are swept in order of onset. A strike inside a run or right after it clears the step before, when the run is
    at least two steps old; else it melts into the run.
    """
    order = np.argsort(onsets, kind="stable")
    runs: list[tuple[int, int]] = []
    for onset, end in zip(onsets[order].tolist(), ends[order].tolist(), strict=True):
        if runs and onset <= runs[-1][1]:
            start, until = runs[-1]
            if onset - start >= 2:
                runs[-1] = (start, onset - 1)
                runs.append((onset, max(until, end)))
            else:
                runs[-1] = (start, max(until, end))
        else:
            runs.append((onset, end))
    return runs


def runs_to_score(runs: Runs, ticks: int, velocity: int = VELOCITY) -> Score:
    """Runs of steps as notes."""
    notes = np.zeros(len(runs), NOTE)
    notes["pitch"], notes["velocity"] = runs[:, 0], velocity
    notes["onset"], notes["end"] = runs[:, 1] * ticks, runs[:, 2] * ticks
    return Score.build(notes, REFERENCE_BEAT)


def drop_short(runs: Runs, steps: int) -> Runs:
    """Leave out notes shorter than `steps`."""
    return runs[runs[:, 2] - runs[:, 1] >= steps]


def merge_gaps(runs: Runs, steps: int) -> Runs:
    """Join runs of a pitch with at most `steps` steps of silence between them; 0 joins those that touch."""
    if not len(runs):
        return runs
    begins = np.ones(len(runs), bool)
    begins[1:] = (runs[1:, 0] != runs[:-1, 0]) | (runs[1:, 1] - runs[:-1, 2] > steps)
    ends = np.append(begins[1:], True)
    return np.stack([runs[begins, 0], runs[begins, 1], runs[ends, 2]], axis=1)
