"""A brake on repetition: bars that come back, one after the other, without an end."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ugen.data.codecs.columns import Column

MOST_RETURNS = 8  # bars in a row: a strain of eight bars, played again; 0 turns the brake off
SHARE = 0.8  # of a bar's tokens
TOKENS = 24  # that count as a bar where the codec has none


class Returns:
    """Counts the bars in a row that only repeated an earlier one. After `most` it hides what
    came earlier from the model, until a bar is new.

    A bar is a return when more than SHARE of its tokens were those that one column `back_n` or
    `after_n` named. `columns`: those of a row. All rows are of one cursor. Without bars (None)
    so many TOKENS are one, and only `after_n` counts: a step that lasts, as `back_1` names it, does
    not return.
    """

    def __init__(self, columns: Sequence[str], most: int = MOST_RETURNS):
        found = [Column(name, 0) for name in columns]
        self._places = [n for n, each in enumerate(found) if each.lag or each.length]
        self._lasting = [found[place].lag > 0 for place in self._places]
        self._span = slice(min(self._places, default=0), max(self._places, default=-1) + 1)
        self._held = next((n for n, each in enumerate(found) if each.lag == 1), -1)
        self._most = most or math.inf
        self._ids: list[int] = []  # of the row that stands
        self._bar: int | None = 0
        self.counts = (0, 0, *[0] * len(self._places))

    @property
    def counts(self) -> tuple[int, ...]:
        """Returns in a row, the tokens of this bar so far, and how many of them each column
        named."""
        self._count()
        return self._in_a_row, self._tokens, *self._hits

    @counts.setter
    def counts(self, counts: tuple[int, ...]) -> None:
        self._in_a_row, self._tokens, *hits = counts
        self._hits = [*hits]
        # tokens that were named, and the ids there; counted together, which takes less time
        self._came: list[tuple[int, list[int]]] = []

    def _count(self) -> None:
        """Count the tokens that were named."""
        for n, place in enumerate(self._places):
            if self._bar is not None or not self._lasting[n]:
                self._hits[n] += sum(ids[place] == named for named, ids in self._came)
        self._came.clear()

    def shown(self, ids: list[int], bar: int | None) -> list[int]:
        """The ids of a row as the model is shown them. `bar`: the cursor's."""
        self._ids = ids
        self._bar = bar
        if self._in_a_row < self._most:
            return ids
        return [0 if place in self._places else each for place, each in enumerate(ids)]

    def follow(self, token: int, ids: list[int], bar: int | None) -> list[int]:
        """Count a token. Gives the ids of the row after it as `shown` does."""
        before, self._ids = self._ids, ids
        if bar is not None or self._held < 0 or before[self._held] != token + 1:
            self._tokens += 1
            if token + 1 in before[self._span]:
                self._came.append((token + 1, before))
            if bar != self._bar or (bar is None and self._tokens >= TOKENS):
                self._end_bar(bar)
        return ids if self._in_a_row < self._most else self.shown(ids, bar)

    def _end_bar(self, bar: int | None) -> None:
        """Say whether the bar that ends is a return, and begin the next."""
        self._count()
        is_return = max(self._hits, default=0) > SHARE * self._tokens
        self._in_a_row = self._in_a_row + 1 if is_return else 0
        self._tokens = 0
        self._hits = [0] * len(self._hits)
        self._bar = bar
