"""Which pitches sound at each step of a fixed time grid: what `frames` and `khot` share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from ugen.data.errors import CodecError
from ugen.data.score import NOTE, Score

from .base import require_notes

STEP = 0
PITCHES = 128
REFERENCE_BEAT = 480  # ticks per beat
REFERENCE_USEC = 500_000  # 120 beats per minute
VELOCITY = 80

# 14 hours at 25 ticks; with MAX_CELLS it bounds memory
MAX_STEPS = 2_000_000
MAX_CELLS = 20_000_000

# [n, 3]: pitch, first step, step after the last; by pitch, then step; none overlap
Runs = NDArray[np.int64]


def sounding_runs(score: Score, ticks: int) -> Runs:
    """When each pitch sounds, in steps of `ticks`, with repeated notes kept apart where possible.

    Raises CodecError, before memory is taken, for more steps than memory or the notes allow.
    """
    onsets, ends = (_steps(score, score.notes[field], ticks) for field in ("onset", "end"))
    ends = np.maximum(ends, onsets + 1)
    last, sounding = int(ends.max(initial=0)), int((ends - onsets).sum())
    for steps in (last, sounding):
        require_notes(len(ends), seconds=steps * step_seconds(ticks))
    if last > MAX_STEPS:
        raise CodecError(f"lasts {last:,} steps; {MAX_STEPS:,} are the most")
    if sounding > MAX_CELLS:
        raise CodecError(f"its notes sound for {sounding:,} steps; {MAX_CELLS:,} are the most")
    parts = [np.zeros((0, 3), np.int64)]
    for pitch in np.unique(score.notes["pitch"]).tolist():
        mine = score.notes["pitch"] == pitch
        runs = np.array(_runs_of(onsets[mine], ends[mine]), np.int64)
        parts.append(np.column_stack([np.full(len(runs), pitch), runs]))
    return np.concatenate(parts)


def step_seconds(ticks: int) -> float:
    """The length of a step."""
    return ticks * REFERENCE_USEC / (REFERENCE_BEAT * 1e6)


def step_at(score: Score, tick: int, ticks: int) -> int:
    """The step that a tick falls into."""
    return int(_steps(score, np.array([tick]), ticks)[0])


def _steps(score: Score, at: NDArray[np.int64], ticks: int) -> NDArray[np.int64]:
    """Ticks as steps. Halves round to even, as in the original."""
    flat = np.rint(score.seconds_at(at) * REFERENCE_BEAT * 1e6 / REFERENCE_USEC)
    return np.rint(flat / ticks).astype(np.int64)


def _runs_of(onsets: NDArray[np.int64], ends: NDArray[np.int64]) -> list[tuple[int, int]]:
    """The runs of steps that the notes of one pitch fill.

    Notes are taken in order of onset. A note that begins inside a run, or right after it, clears
    the step before when the run is at least two steps old; otherwise it becomes part of the run.
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
    """Join runs of a pitch with at most `steps` steps of silence between them; 0 joins those that
    touch."""
    if not len(runs):
        return runs
    begins = np.ones(len(runs), bool)
    begins[1:] = (runs[1:, 0] != runs[:-1, 0]) | (runs[1:, 1] - runs[:-1, 2] > steps)
    ends = np.append(begins[1:], True)
    return np.stack([runs[begins, 0], runs[begins, 1], runs[ends, 2]], axis=1)
