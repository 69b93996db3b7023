"""The `frames` codec: every step lists the pitches that sound, then ends. The original text form of ugen.

Token 0 ends a step, token p + 1 is MIDI pitch p. Tempo is flattened into time: ticks are scaled to 480 a beat at
120 beats a minute, and a step is `ticks` of those (25 by default: 26.04 ms). Velocity, program and drums are not kept.

A pitch sounds while any note of it sounds. When a pitch is struck again while the two steps before are filled, the
step just before is cleared, so that repeated notes stay apart.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .codec import Codec, Encoded, Mask, Tokens
from .errors import CodecError
from .score import NOTE, Score

STEP = 0
REFERENCE_BEAT = 480  # ticks a beat
REFERENCE_USEC = 500_000  # 120 beats a minute
VELOCITY = 80
MAX_STEPS = 2_000_000  # 14 hours at 25 ticks; with MAX_CELLS it bounds memory when a file claims centuries of music
MAX_CELLS = 20_000_000


class FramesCodec(Codec):
    """Sounding pitches, step by step. Vocabulary 129.

    `ticks`: length of a step, 1 to 1920, in ticks of 1/480 beat at 120 beats a minute.
    """

    name = "frames"
    pitch_kinds = ("pitch",)

    def __init__(self, ticks: int = 25):
        if not 1 <= ticks <= 1920:
            raise ValueError(f"ticks must be 1 to 1920, not {ticks}")
        self.ticks = ticks
        self.step_seconds = ticks * REFERENCE_USEC / (REFERENCE_BEAT * 1e6)
        self.events = ("step", *(f"pitch:{pitch}" for pitch in range(128)))
        self.start, self.end = STEP, None
        self.is_time = np.arange(129) == STEP
        # after pitch p only higher pitches or the end of the step; row 0 is the state after a step
        self.masks: Mask = (np.arange(129)[None, :] > np.arange(129)[:, None]) | (np.arange(129)[None, :] == STEP)

    def options(self) -> dict[str, Any]:
        return {"ticks": self.ticks}

    def encode(self, score: Score) -> Encoded:
        onsets, ends = self._steps(score, "onset"), self._steps(score, "end")
        if len(ends) and ends.max() > MAX_STEPS:
            hours = float(ends.max()) * self.step_seconds / 3600
            raise CodecError(f"lasts {hours:.0f} hours; the frames codec takes {MAX_STEPS:,} steps at most")
        ends = np.maximum(ends, onsets + 1)
        if int((ends - onsets).sum()) > MAX_CELLS:
            raise CodecError(f"its notes sound for more than {MAX_CELLS:,} steps in all, the most that frames takes")
        steps, pitches, kept = [], [], 0
        for pitch in np.unique(score.notes["pitch"]):
            mine = score.notes["pitch"] == pitch
            filled, struck = _fill(onsets[mine], ends[mine])
            steps.append(filled)
            pitches.append(np.full(len(filled), pitch, np.int64))
            kept += struck
        tokens = _interleave(np.concatenate(steps), np.concatenate(pitches)) if steps else np.zeros(0, np.uint16)
        return Encoded(tokens, kept, len(score.notes) - kept)

    def _steps(self, score: Score, field: str) -> NDArray[np.int64]:
        """Each note's onset or end as a step. Halves round to even, as the original's did."""
        flat = np.rint(score.seconds_at(score.notes[field]) * REFERENCE_BEAT * 1e6 / REFERENCE_USEC)
        return np.rint(flat / self.ticks).astype(np.int64)

    def decode(self, tokens: NDArray[np.integer]) -> Score:
        tokens = np.asarray(tokens, np.int64)
        is_step = tokens == STEP
        step = (np.cumsum(is_step) - is_step)[~is_step]
        span = int(is_step.sum()) + 2  # a gap between pitches, so that runs of neighbours never join
        cells = np.unique((tokens[~is_step] - 1) * span + step)  # by pitch, then step
        if not len(cells):
            return Score.build([], REFERENCE_BEAT)
        begins = np.diff(cells, prepend=-2) != 1  # a note begins where the pitch did not sound a step before
        first, last = cells[begins], cells[np.append(begins[1:], True)]
        notes = np.zeros(len(first), NOTE)
        notes["onset"] = first % span * self.ticks
        notes["end"] = (last % span + 1) * self.ticks
        notes["pitch"], notes["velocity"] = first // span, VELOCITY
        return Score.build(notes, REFERENCE_BEAT)

    def cursor(self) -> _FramesCursor:
        return _FramesCursor(self)


class _FramesCursor:
    def __init__(self, codec: FramesCodec):
        self._masks, self._step_seconds = codec.masks, codec.step_seconds
        self._last = STEP
        self.seconds = 0.0

    def feed(self, token: int) -> None:
        self._last = token
        if token == STEP:
            self.seconds += self._step_seconds

    def mask(self) -> Mask:
        row: Mask = self._masks[self._last]
        return row


def _fill(onsets: NDArray[np.int64], ends: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """The steps that one pitch fills, and how many of its notes can still be told apart.

    Notes are swept in order of onset. `start`..`end` is the run being filled; a strike inside or right after it
    either clears the step before (when the run is at least two steps old) or melts into the run.
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
    starts, stops = np.array(runs).T
    lengths = stops - starts
    filled = np.arange(lengths.sum()) + np.repeat(starts - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths)
    return filled, len(runs)


def _interleave(steps: NDArray[np.int64], pitches: NDArray[np.int64]) -> Tokens:
    """Pitches in ascending order in their steps, a STEP after every step up to the last filled one."""
    order = np.lexsort((pitches, steps))
    steps = steps[order]
    tokens = np.zeros(len(steps) + int(steps[-1]) + 1, np.uint16)
    tokens[np.arange(len(steps)) + steps] = pitches[order] + 1
    return tokens
