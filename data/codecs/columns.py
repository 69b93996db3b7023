"""What a model is fed at a step beside the last token: ids that a codec's cursor knows and an LSTM
forgets.

A step is a row of ids: the last token, then one id per column, 0 where it has nothing to say. A
column is one of a place in the bar (`beat`, `phase`), of what came at this very place before
(`back_1` is one bar ago), or of a wish for the whole piece (`key`, `left`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass

NO_KEY = 0
KEYS = 24
# `left` is 1 plus the number of these that the bars left exceed
LEFT = (1, 2, 3, 4, 8, 16)
LEFT_SECONDS = 2.0  # a codec without bars counts so many seconds as one


@dataclass(frozen=True)
class Column:
    """One id of a row. Its ids are 0 to `size` - 1."""

    name: str
    size: int

    @property
    def lag(self) -> int:
        """How far back `back_n` looks; 0 for a column that holds no token."""
        prefix, _, number = self.name.partition("_")
        return int(number) if prefix == "back" and number.isdigit() else 0


@dataclass(frozen=True)
class Wishes:
    """What is wanted of a whole piece. `key`: a tonic, 0 for C to 11, and whether it is minor.
    `bars` or `seconds`: of musical time, from a cursor's start to the piece's end. None leaves each
    open."""

    key: tuple[int, bool] | None = None
    bars: float | None = None
    seconds: float | None = None


NO_WISHES = Wishes()
WISHES = Column("key", KEYS + 1), Column("left", len(LEFT) + 2)


def sized(columns: Sequence[Column], vocabulary: int) -> tuple[Column, ...]:
    """Columns, with the ids of those that hold tokens: 0, then one more than each token."""
    return tuple(Column(each.name, vocabulary + 1) if each.lag else each for each in columns)


def key_id(key: tuple[int, bool] | None) -> int:
    """The id of a key in the column `key`."""
    return NO_KEY if key is None else 1 + key[0] + 12 * key[1]


def transposed_key(number: int, semitones: int) -> int:
    """The id of a key that is moved."""
    mode, tonic = divmod(number - 1, 12)
    return NO_KEY if number == NO_KEY else 1 + 12 * mode + (tonic + semitones) % 12


def left_id(bars: float | None) -> int:
    """The id, in the column `left`, of a number of bars until the end."""
    return 0 if bars is None else 1 + bisect_left(LEFT, bars - 1e-6)


class Recall:
    """The tokens that came at each place of the last bars, in order of rank.

    A rank orders what comes at one place: a chord's notes by pitch. `lags`: how many bars ago to
    look. Memory is that of the longest lag.
    """

    def __init__(self, lags: Sequence[int], kinds: Sequence[str]):
        self._kinds = kinds
        self._bars: deque[dict[int, tuple[list[int], list[int]]]] = deque(
            [{}], maxlen=max(lags, default=0) + 1
        )
        self.place = 0
        self.rank = 0
        self._ranks: list[int] = []
        self._tokens: list[int] = []
        self._bars[-1][0] = self._ranks, self._tokens

    def record(self, token: int) -> None:
        """The next token came at this place, after this rank."""
        self._ranks.append(self.rank)
        self._tokens.append(token)

    def move(self, place: int, *, bar: bool = False) -> None:
        """Go to a later place of this bar, or to one of the next."""
        if bar:
            self._bars.append({})
        self.place = place
        self.rank = 0
        self._ranks, self._tokens = self._bars[-1].setdefault(place, ([], []))

    def token(self, lag: int, allowed: Collection[str]) -> int:
        """What came `lag` bars ago at this place, after the last token of no higher rank, of a kind
        that is `allowed`: the nearest after it, else before it; -1 where nothing did."""
        if lag >= len(self._bars):
            return -1
        ranks, tokens = self._bars[-1 - lag].get(self.place, _NOTHING)
        at = max(bisect_right(ranks, self.rank) - 1, 0)
        for token in tokens[at:]:
            if self._kinds[token] in allowed:
                return token
        for token in tokens[:at][::-1]:
            if self._kinds[token] in allowed:
                return token
        return -1

    def copy(self) -> Recall:
        """An independent one with the same memory."""
        other = Recall((), self._kinds)
        now = {place: (ranks[:], tokens[:]) for place, (ranks, tokens) in self._bars[-1].items()}
        other._bars = deque([*self._bars][:-1] + [now], maxlen=self._bars.maxlen)
        other.place = self.place
        other.rank = self.rank
        other._ranks, other._tokens = now[self.place]
        return other


_NOTHING: tuple[list[int], list[int]] = ([], [])


class Row:
    """The ids of some columns, kept up to date by a cursor that names what changes.

    `kinds`: of each token, its kind of event.
    """

    def __init__(self, columns: Sequence[str], wishes: Wishes, kinds: Sequence[str]):
        self._columns = [(name, Column(name, 0).lag) for name in columns]
        self._kinds = kinds
        self.wishes = wishes
        self.ids: dict[str, int] = {"key": key_id(wishes.key), "left": 0}
        self.recall = Recall([lag for _, lag in self._columns if lag], kinds)

    def list(self, allowed: Collection[str]) -> list[int]:
        """The ids. `allowed`: the kinds of event that may come next."""
        return [
            self.recall.token(lag, allowed) + 1 if lag else self.ids[name]
            for name, lag in self._columns
        ]

    def copy(self) -> Row:
        """An independent one at the same place."""
        other = Row((), self.wishes, self._kinds)
        other._columns = self._columns
        other.ids = dict(self.ids)
        other.recall = self.recall.copy()
        return other
