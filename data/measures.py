"""Measures of a piece that a person can check by ear."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .score import Score

RUN = 8  # notes in a run, for `repeated`


def measures(score: Score) -> dict[str, float]:
    """Measures by name. Seconds are of music; shares are of 1; a piece without notes has zeros.

    `seconds`, `notes`, `notes_per_second`; `pitches` (different ones), `lowest`, `highest` (MIDI numbers);
    `polyphony`: mean number of notes sounding while any does; `longest_silence`: seconds in which nothing sounds,
    before or between notes; `commonest_pitch`: share of notes that have the commonest pitch; `repeated`: share of
    runs of 8 notes (pitches and steps of a twelfth of a beat between onsets) heard earlier in the piece: a loop comes
    near 1.
    """
    notes = score.notes
    if not len(notes):
        return dict.fromkeys(_NAMES, 0.0)
    onset, end = score.seconds_at(notes["onset"]), score.seconds_at(notes["end"])
    silence, sounding = _silence(onset, end)
    pitch = notes["pitch"]
    values = (
        score.seconds, len(notes), len(notes) / score.seconds, len(np.unique(pitch)), pitch.min(), pitch.max(),
        (end - onset).sum() / sounding, silence, np.bincount(pitch).max() / len(notes), _repeated(score),
    )  # fmt: skip
    return dict(zip(_NAMES, map(float, values), strict=True))


_NAMES = (
    "seconds", "notes", "notes_per_second", "pitches", "lowest", "highest",
    "polyphony", "longest_silence", "commonest_pitch", "repeated",
)  # fmt: skip


def _silence(onset: NDArray[np.float64], end: NDArray[np.float64]) -> tuple[float, float]:
    """The longest time nothing sounds, from second 0 on, and the time that anything does."""
    order = np.argsort(onset)
    onset = onset[order]
    until = np.concatenate([[0.0], np.maximum.accumulate(end[order])])
    gaps = np.maximum(onset - until[:-1], 0.0)
    return float(gaps.max()), float(until[-1] - gaps.sum())


def _repeated(score: Score) -> float:
    notes = score.notes
    if len(notes) < RUN + 1:
        return 0.0
    gaps = np.rint(np.diff(notes["onset"]) * 12 / score.ticks_per_beat).astype(np.int64)
    events = np.stack([notes["pitch"][1:].astype(np.int64), gaps], axis=1)
    runs = np.lib.stride_tricks.sliding_window_view(events, RUN, axis=0).reshape(-1, 2 * RUN)
    return 1 - len(np.unique(runs, axis=0)) / len(runs)
