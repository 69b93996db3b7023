"""The bars of a score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from ugen.data.score import Score

Ticks = NDArray[np.int64]

# per beat: muspy's own resolution; unlike ticks the same for every file
STEPS = 24


class Bars:
    """The bars of a score, in time steps of which a beat has `beat`.

    A bar is a whole number of steps, at least one. A change of meter begins a bar and cuts the one
    before it short; muspy has no changes of meter and is given one length for all bars.
    """

    def __init__(self, score: Score, beat: int = STEPS) -> None:
        meters = score.meters
        self._scale = beat / score.ticks_per_beat
        self.starts: Ticks = self.steps(meters["tick"])
        whole = 4 * beat * meters["numerator"].astype(np.int64)
        self.lengths: Ticks = np.maximum(whole // meters["denominator"], 1)
        self.first: Ticks = np.cumsum([0, *(-(-np.diff(self.starts) // self.lengths[:-1]))])

    def steps(self, ticks: Ticks) -> Ticks:
        """The nearest step to each tick."""
        nearest: Ticks = np.rint(ticks * self._scale).astype(np.int64)
        return nearest

    def locate(self, times: Ticks) -> Ticks:
        """The bar of each time, and the place in it: two rows."""
        meter = np.searchsorted(self.starts, times, side="right") - 1
        bar, place = np.divmod(times - self.starts[meter], self.lengths[meter])
        return np.stack([self.first[meter] + bar, place])

    def counted(self, bar: Ticks) -> Ticks:
        """The numbers of bars as a codec's cursor counts: one that a change of meter cuts short has
        the number of the next."""
        is_cut = np.diff(self.starts) % self.lengths[:-1] != 0
        before: Ticks = np.cumsum([0, *is_cut])
        whole: Ticks = bar - before[self._meter_of(bar)]
        return whole

    def length_of(self, bar: Ticks) -> Ticks:
        """The length of each bar in steps, as if none were cut short."""
        return self.lengths[self._meter_of(bar)]

    def start_of(self, bar: Ticks) -> Ticks:
        """The step at which each bar begins."""
        meter = self._meter_of(bar)
        return self.starts[meter] + (bar - self.first[meter]) * self.lengths[meter]

    def _meter_of(self, bar: Ticks) -> Ticks:
        return np.searchsorted(self.first, bar, side="right") - 1
