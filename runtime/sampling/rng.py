"""The random stream behind every song: SplitMix64, the same numbers in every language.

Source: Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators"; Vigna's
splitmix64.c. Its n-th number is a function of the seed and n alone, so numbers are made a block at
a time, and a stream can be entered anywhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SHIFTS = np.uint64(30), np.uint64(27), np.uint64(31)
_BLOCK = 1024
_MASK = (1 << 64) - 1


class Rng:
    """The stream of a seed, from its number `position` on."""

    def __init__(self, seed: int, position: int = 0):
        self.seed = seed & _MASK
        self._numbers: list[float] = []
        self._end = position  # position just past the numbers in hand, which lie last first

    @property
    def position(self) -> int:
        """How many numbers of the stream have been taken."""
        return self._end - len(self._numbers)

    def uniform(self) -> float:
        """The next number: float64 in [0, 1), from the upper 53 bits."""
        if not self._numbers:
            self._numbers = self._block(_BLOCK)[::-1].tolist()
        return self._numbers.pop()

    def uniforms(self, count: int) -> NDArray[np.float64]:
        """The next `count` numbers."""
        return np.array([self.uniform() for _ in range(count)])

    def words(self, count: int) -> NDArray[np.uint64]:
        """The `count` 64-bit words that follow the numbers in hand; nothing is taken."""
        z = (
            np.uint64(self.seed)
            + np.arange(self._end + 1, self._end + count + 1, dtype=np.uint64) * _GOLDEN
        )
        for shift, factor in zip(_SHIFTS, _MIX, strict=False):
            z = (z ^ (z >> shift)) * factor
        return z ^ (z >> _SHIFTS[2])

    def _block(self, count: int) -> NDArray[np.float64]:
        words = self.words(count)
        self._end += count
        return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
