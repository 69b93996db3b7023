"""Ticks and seconds of music that is still being made."""

from __future__ import annotations

from bisect import bisect_right

from .score import DEFAULT_USEC


class TempoMap:
    """Tempo changes as they come, each at or after the one before; 120 beats a minute until the
    first. Seconds are those of a Score with the same changes. `forget` keeps it small."""

    def __init__(self, ticks_per_beat: int):
        self._rate = 1e-6 / ticks_per_beat  # seconds per tick, by microseconds per beat
        self._ticks = [0]
        self._usecs = [DEFAULT_USEC]
        self._seconds = [0.0]

    def add(self, tick: int, usec: int) -> None:
        """From this tick on, `usec` microseconds per beat."""
        if usec == self._usecs[-1]:
            return
        at = self.seconds(tick)
        if tick == self._ticks[-1]:
            self._usecs[-1] = usec
        else:
            self._ticks.append(tick)
            self._usecs.append(usec)
            self._seconds.append(at)

    def usec(self, tick: int) -> int:
        """The tempo at a tick."""
        return self._usecs[self._at(tick)]

    def seconds(self, tick: int) -> float:
        """Seconds from tick 0."""
        i = self._at(tick)
        return self._seconds[i] + (tick - self._ticks[i]) * self._usecs[i] * self._rate

    def tick(self, seconds: float) -> int:
        """The last tick that begins at or before `seconds`."""
        i = max(bisect_right(self._seconds, seconds) - 1, 0)
        return self._ticks[i] + int(
            (seconds - self._seconds[i]) / (self._usecs[i] * self._rate) + 1e-9
        )

    def forget(self, tick: int) -> None:
        """Forget what is known of ticks before this one."""
        i = self._at(tick)
        del self._ticks[:i], self._usecs[:i], self._seconds[:i]

    def _at(self, tick: int) -> int:
        return max(bisect_right(self._ticks, tick) - 1, 0)
