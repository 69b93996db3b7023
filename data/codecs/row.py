"""The ids of a row's columns while a piece grows: what came at each place of the last bars, and
where the same items came before."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from copy import copy

from .columns import CONSTANT, LEFT_SECONDS, Column, Wishes, left_id

_Place = tuple[list[int], list[int]]  # the ranks and tokens of what came at a place


class Recall:
    """The tokens that came at each place of the last bars, in order of rank.

    A rank orders what comes at one place: a chord's notes by pitch. `lags`: how many bars ago to
    look, and the column for it. `memory`: how many bars to keep, at least those. `kinds`: of each
    token, its kind of event. `before`: the columns for which anything came here, and what.
    """

    def __init__(self, lags: Mapping[int, int], kinds: Sequence[str], memory: int = 0):
        self._lags = lags
        self._kinds = kinds
        self.before: list[tuple[int, _Place]] = []
        self._bars: deque[dict[int, _Place]] = deque([], max([*lags, memory]) + 1)
        self.move(0, bar=True)

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
        bars = self._bars
        self.before = [
            (column, bars[-1 - lag][place])
            for lag, column in self._lags.items()
            if lag < len(bars) and place in bars[-1 - lag]
        ]

    def here(self, lag: int) -> _Place | None:
        """What came at this place so many bars ago."""
        return self._bars[-1 - lag].get(self.place) if lag < len(self._bars) else None

    def name(
        self,
        ids: list[int],
        places: Iterable[tuple[int, _Place]],
        allowed: Sequence[int],
        anywhere: bool = False,
    ) -> None:
        """Set the id of each column to what came at its place after the last token of no higher
        rank than now: the first that is `allowed`, before another program begins. Where it may be
        `anywhere`, the first of any program, or else the last before."""
        rank, kinds = self.rank, self._kinds
        for column, (ranks, tokens) in places:
            at = bisect_right(ranks, rank)
            last = tokens[at - 1] if at else -1
            if at and allowed[last]:
                ids[column] = last + 1
            elif at < len(tokens) and allowed[tokens[at]] and kinds[last] != "program":
                ids[column] = tokens[at] + 1
            elif tokens:
                ids[column] = self._search(tokens, max(at - 1, 0), allowed, anywhere) + 1

    def _search(
        self, tokens: Sequence[int], at: int, allowed: Sequence[int], anywhere: bool
    ) -> int:
        """The first token from `at` on that is allowed, as `name` seeks it; -1 for none."""
        for place in range(at, len(tokens)):
            token = tokens[place]
            if allowed[token]:
                return token
            if self._kinds[token] == "program" and not anywhere:
                return -1
        for token in reversed(tokens[:at]) if anywhere else ():
            if allowed[token]:
                return token
        return -1

    def copy(self) -> Recall:
        """An independent one with the same memory."""
        other = copy(self)
        now = {place: (ranks[:], tokens[:]) for place, (ranks, tokens) in self._bars[-1].items()}
        other._bars = self._bars.copy()
        other._bars[-1] = now
        other._ranks, other._tokens = now[self.place]
        return other


class Repeats:
    """Where the same last items came before: the latest such place.

    `lengths`: how many items must be the same. `memory`: how many items ago the first of them may
    have come; so a stream's last items tell what all of it does. Items are numbers from 1 to
    2 ** `bits` - 2. `found`: the lengths that came before, and how many items ago.
    """

    def __init__(self, lengths: Sequence[int], memory: int, bits: int):
        self._memory = memory
        self._bits = bits
        # the last items in one number, which is faster to look up than a tuple; all ones: none yet
        self._masks = [(length, (1 << bits * length) - 1) for length in sorted(lengths)]
        self._most = memory * len(self._masks)
        self._last = self._all = self._masks[-1][1]
        self._now = 0
        # by items: when the last of them came; the older half is dropped in time
        self._recent: dict[int, int] = {}
        self._older: dict[int, int] = {}
        self.found: list[tuple[int, int]] = []

    def record(self, item: int) -> None:
        """The next item came."""
        self._last = last = (self._last << self._bits | item) & self._all
        self._now = now = self._now + 1
        if len(self._recent) >= self._most:
            self._older = self._recent
            self._recent = {}
        recent, older = self._recent, self._older
        self.found = found = []
        is_known = True
        for length, mask in self._masks:
            key = last & mask
            if is_known:  # else longer ones are not, either
                before = recent.get(key) or older.get(key, 0)
                if before > 0 and now - before + length <= self._memory:
                    found.append((length, now - before))
                else:
                    is_known = False
            recent[key] = now

    def copy(self) -> Repeats:
        """An independent one with the same memory."""
        other = copy(self)
        other._recent = dict(self._recent)
        return other


class Row:
    """The ids of some columns, kept up to date by a cursor that names what changes.

    `kinds`: of each token, its kind of event. `memory`: how many places `after_n` looks back to:
    tokens, or where they are listed in steps, `steps`. `bits`: of the items that it compares.
    """

    def __init__(
        self,
        columns: Sequence[str],
        wishes: Wishes,
        kinds: Sequence[str],
        memory: int,
        bits: int,
        *,
        steps: bool = False,
    ):
        found = [Column(name, 0) for name in columns]
        self._places = {name: place for place, name in enumerate(columns)}
        self._ids = [0] * len(found)  # of the columns that change when the cursor says so
        self._lags = {each.lag: place for place, each in enumerate(found) if each.lag}
        self._lengths = {each.length: place for place, each in enumerate(found) if each.length}
        self._repeats = Repeats([*self._lengths], memory, bits) if self._lengths else None
        self._memory = memory
        self._tokens: deque[int] | None = None if steps else deque(maxlen=memory)
        self._steps = deque[int](maxlen=memory)  # where each item came
        self._now = 0  # in steps
        self.recall = Recall(self._lags, kinds, memory if self._lengths and steps else 0)
        self.ask(wishes)

    def set(self, name: str, number: int) -> None:
        """From now on the id of that column, if there is one."""
        if name in self._places:
            self._ids[self._places[name]] = number

    def record(self, token: int, item: int) -> None:
        """The next token came. `item`: what it counts as, where `after_n` compares it."""
        if self._lags:
            self.recall.record(token)
        if self._repeats is not None and self._tokens is not None:
            self._tokens.append(token)
            self._repeats.record(item)

    def follow_step(self, item: int) -> None:
        """The next step came; `item` as in `follow`, and 0 where it is like the one before."""
        self._now += 1
        if self._repeats is not None and item:
            self._steps.append(self._now)
            self._repeats.record(item)

    def list(self, allowed: Sequence[int], anywhere: bool = False) -> list[int]:
        """The ids. `allowed`: of each token, whether its kind may come next. `anywhere`: whether
        one of another rank, or program, is better than none."""
        ids, recall, tokens = self._ids.copy(), self.recall, self._tokens
        if recall.before:
            recall.name(ids, recall.before, allowed, anywhere)
        for length, ago in self._repeats.found if self._repeats is not None else ():
            if tokens is not None:
                ids[self._lengths[length]] = tokens[-ago] + 1
            elif step := self._step_before(length, ago):
                recall.name(ids, [(self._lengths[length], step)], allowed)
        return ids

    def _step_before(self, length: int, ago: int) -> _Place | None:
        """What came at the step that lies as far back as that of an item so many items ago, the
        last of so many that came twice."""
        first, then = self._steps[-ago - length], self._steps[-ago - 1]
        if self._now - first >= self._memory:
            return None
        return self.recall.here(self._steps[-1] - then)

    def ask(self, wishes: Wishes) -> None:
        """Change what is wanted of the piece. The cursor says how much of it is left."""
        self.wishes = wishes
        for name in CONSTANT:
            self.set(name, wishes.ids.get(name, 0))

    def reach(self, seconds: float) -> None:
        """So much of the piece has passed, where the codec has no bars."""
        wanted = self.wishes.seconds
        self.set("left", left_id(None if wanted is None else (wanted - seconds) / LEFT_SECONDS))

    def copy(self) -> Row:
        """An independent one at the same place."""
        other = copy(self)
        other._ids = self._ids.copy()
        other._repeats = self._repeats and self._repeats.copy()
        other._steps = self._steps.copy()
        other._tokens = None if self._tokens is None else self._tokens.copy()
        other.recall = self.recall.copy()
        return other
