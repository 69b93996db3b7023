"""What happened while music was played."""

from __future__ import annotations

from typing import NamedTuple


class PlaybackStats(NamedTuple):
    """`seconds` of music played; how often it stopped because it was not made in time, and for how
    long in all; `notes`, and how late they were sent, where they are sent one by one."""

    seconds: float
    gaps: int
    gap_seconds: float
    notes: int = 0
    mean_late_ms: float = 0.0
    worst_late_ms: float = 0.0
