"""A 5-gram to sample from: Kneser-Ney, interpolated, the baseline that every loss stands beside.

It is the model that `ugen.train.evaluation.baselines.n_gram` scores.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from ugen.data import Codec, Score
from ugen.runtime.sampling.rng import Rng


class _Order:
    """What came after each context of n - 1 tokens, and how often. `counted`: the last n tokens at
    each place that counts, int64 [places, n]."""

    def __init__(self, counted: NDArray[np.int64], vocabulary: int):
        self._powers = vocabulary ** np.arange(counted.shape[1] - 1, dtype=np.int64)
        codes = counted[:, :-1] @ self._powers * vocabulary + counted[:, -1]
        found, self._counts = np.unique(codes, return_counts=True)
        self._contexts, self._words = np.divmod(found, vocabulary)
        once, twice = (int((self._counts == n).sum()) for n in (1, 2))
        self._discount = once / (once + 2 * twice) if once else 0.5

    def over(self, lower: NDArray[np.float64], context: NDArray[np.int64]) -> NDArray[np.float64]:
        """The chances after a context, float64 [vocabulary], where those of the shorter one are
        `lower`."""
        code = context @ self._powers
        span = slice(*np.searchsorted(self._contexts, [code, code + 1]))
        counts = self._counts[span]
        if not len(counts):
            return lower
        chances = self._discount * len(counts) * lower
        chances[self._words[span]] += counts - self._discount
        normalized: NDArray[np.float64] = chances / counts.sum()
        return normalized


class NGram:
    """Counts of pieces, each int [tokens], over a vocabulary whose pieces begin after `start`."""

    def __init__(
        self, pieces: Sequence[NDArray[np.integer]], vocabulary: int, start: int, n: int = 5
    ):
        self.vocabulary, self._start, self._n = vocabulary, start, n
        rows = []
        for piece in pieces:
            padded = np.concatenate([np.full(n - 1, start), piece]).astype(np.int64)
            rows.append(np.lib.stride_tricks.sliding_window_view(padded, n))
        last = np.concatenate(rows)
        self._orders = [_Order(last, vocabulary)]
        for order in range(n - 1, 0, -1):
            # shorter ones count in how many contexts a word came, not how often
            longer = last[:, n - 1 - order :]
            self._orders.append(_Order(np.unique(longer, axis=0)[:, 1:], vocabulary))
        self._orders.reverse()

    def chances(self, tokens: Sequence[int]) -> NDArray[np.float64]:
        """How likely each token is after these, float64 [vocabulary]."""
        padded = [self._start] * self._n + list(tokens)
        found = np.full(self.vocabulary, 1 / self.vocabulary)
        for order, each in enumerate(self._orders):
            found = each.over(found, np.array(padded[len(padded) - order :], np.int64))
        return found

    def song(self, codec: Codec, seconds: float, seed: int) -> Score:
        """Music of that length, sampled token by token; the codec's mask holds, so that it can be
        decoded."""
        rng, cursor, tokens = Rng(seed), codec.cursor(), []
        while cursor.seconds < seconds:
            chances = self.chances(tokens[-self._n :]) * cursor.mask()
            if codec.end is not None:
                chances[codec.end] = 0.0
            sums = np.cumsum(chances)
            tokens.append(int(np.searchsorted(sums, rng.uniform() * sums[-1], side="right")))
            cursor.feed(tokens[-1])
        score = codec.decode(np.array(tokens))
        return score.until(score.tick_at(seconds))
