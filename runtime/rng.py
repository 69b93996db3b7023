"""The random stream behind every song: xoshiro128**, the same numbers in Python, TorchScript and a browser.

Source: Blackman and Vigna 2021, "Scrambled linear pseudorandom number generators"; seeded by SplitMix64 (Steele, Lea
and Flood 2014), as its authors advise. Only 32-bit words are used while drawing, so JavaScript needs no BigInt.
"""

from __future__ import annotations

_MASK32, _MASK64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF


class Rng:
    """xoshiro128** 1.1. `state`: four 32-bit words, not all zero; it can be read, stored and set."""

    __slots__ = ("state",)

    def __init__(self, seed: int):
        words: list[int] = []
        for _ in range(2):
            seed = (seed + 0x9E3779B97F4A7C15) & _MASK64
            z = ((seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK64
            z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK64
            z ^= z >> 31
            words += [z & _MASK32, z >> 32]
        self.state: tuple[int, int, int, int] = (words[0], words[1], words[2], words[3])

    def next32(self) -> int:
        """The next 32 bits."""
        a, b, c, d = self.state
        x = (b * 5) & _MASK32
        result = (((x << 7 | x >> 25) & _MASK32) * 9) & _MASK32
        t = (b << 9) & _MASK32
        c ^= a
        d ^= b
        b ^= c
        a ^= d
        c ^= t
        d = (d << 11 | d >> 21) & _MASK32
        self.state = (a, b, c, d)
        return result

    def uniform(self) -> float:
        """A float64 in [0, 1) from 53 bits: the first draw's upper 27, the second's upper 26."""
        high = self.next32() >> 5
        low = self.next32() >> 6
        return (high * 67108864 + low) / 9007199254740992
