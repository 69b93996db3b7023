"""How many processors this process may use: not those of the machine, but its share of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from .text import count


def usable_processors(root: Path = Path("/")) -> int:
    """At least 1: what the process's affinity and its control group's quota allow, rounded down.

    Two threads under a quota of less than two processors wait for each other, and take several
    times as long as one. `root`: where /proc and /sys are.
    """
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    return max(int(min(allowed, _quota(root))), 1)


def usable_threads(asked: int, say: Callable[[str], None]) -> int:
    """The threads to use of those that --threads asks for: more than there are processors would
    only wait for each other. Says so where that is fewer."""
    most = usable_processors()
    if asked > most:
        what = count(most, "processor")
        say(f"--threads {asked}: this process may use {what}, and uses {count(most, 'thread')}")
    return min(asked, most)


def _quota(root: Path) -> float:
    """Processors that the control group and those above it may use; infinite without a limit."""
    least = float("inf")
    groups = root / "proc/self/cgroup"
    for line in _text(groups).splitlines():
        number, controllers, own = [*line.split(":", 2), "", ""][:3]
        if number != "0" and "cpu" not in controllers.split(","):
            continue
        # inside a container `own` may be the host's name for the group, which is not there
        names = own.strip("/").split("/")
        for depth in range(len(names) + 1):
            for mount in {controllers, "cpu" if controllers else ""}:
                folder = root.joinpath("sys/fs/cgroup", mount, *names[:depth])
                least = min(least, _limit(folder))
    return least


def _limit(folder: Path) -> float:
    """The quota of one control group, of version 2 or 1."""
    words = _text(folder / "cpu.max").split() or [
        *_text(folder / "cpu.cfs_quota_us").split(),
        *_text(folder / "cpu.cfs_period_us").split(),
    ]
    with suppress(ValueError):  # the quota is "max" or -1 where there is none
        quota, period = map(float, words)
        if quota > 0 and period > 0:
            return quota / period
    return float("inf")


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
