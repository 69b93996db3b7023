"""What a model is fed at a step beside the last token: ids that a codec's cursor knows and an LSTM
forgets.

A step is a row of ids: the last token, then one id per column, 0 where it has nothing to say. A
column is one of a place in the bar (`beat`, `phase`), of what came at this very place before
(`back_1` is one bar ago), of a wish for the piece (`key`, `left`, `density`), or of music that
stands already (`given_now`). `ugen.data.codecs.row` keeps them up to date.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

KEYS = 24
# `left` is 1 plus the number of these that the bars left exceed
LEFT = (1, 2, 3, 4, 8, 16)
LEFT_SECONDS = 2.0  # a codec without bars counts so many seconds as one
LEVELS = 3  # of density and polyphony
# that can be wished for
METERS = ("2/4", "3/4", "4/4", "5/4", "6/4", "2/2", "3/2", "3/8", "6/8", "7/8", "9/8", "12/8")
TEMPO_BOUNDS = (60, 76, 92, 108, 126, 144, 168)  # beats a minute
CHORD_NAMES = "chord", "next_chord"
CHORDS = 120  # twelve roots for each quality; 0 is no chord
GIVEN_NAMES = "given_now", "given_next", "given_top", "given_in"


@dataclass(frozen=True)
class Column:
    """One id of a row. Its ids are 0 to `size` - 1."""

    name: str
    size: int

    @property
    def lag(self) -> int:
        """How far back `back_n` looks; 0 for another column."""
        return self._number("back")

    @property
    def length(self) -> int:
        """How much `after_n` compares; 0 for another column."""
        return self._number("after")

    @property
    def holds_token(self) -> bool:
        """Whether its ids are tokens: 0, then one more than each token."""
        return bool(self.lag or self.length or self.name in ("oldest", *GIVEN_NAMES[:3]))

    def _number(self, of: str) -> int:
        prefix, _, number = self.name.partition("_")
        return int(number) if prefix == of and number.isdigit() else 0


@dataclass(frozen=True, eq=False)
class Given:
    """Music that stands already. `tokens`: a piece without its end. `open`: the bars, from one to
    before another, in which other notes may begin; `closed`: the instruments which play none."""

    tokens: NDArray[np.uint16]
    open: tuple[tuple[int, int], ...]
    closed: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Wishes:
    """What is wanted of a whole piece. `ids`: of columns that stay as they are, by name; 0 for
    those left out. `bars` or `seconds`: of musical time, from a cursor's start to the piece's end,
    or None. `chords`: of each bar from bar number `chords_from` on, again and again, one or more
    that divide its beats; ids of the column `chord`. `given`: music that stands already."""

    ids: Mapping[str, int] = field(default_factory=dict)
    bars: float | None = None
    seconds: float | None = None
    chords: Sequence[Sequence[int]] = ()
    chords_from: int = 0
    given: Given | None = None

    def chords_of(self, bar: int) -> Sequence[int]:
        """The chords of a bar; (0,) where none is asked for."""
        if not self.chords or bar < self.chords_from:
            return (0,)
        return self.chords[(bar - self.chords_from) % len(self.chords)]

    def chords_at(self, bar: int, beat: int, beats: int) -> tuple[int, int]:
        """The chord of a beat of a bar that has so many, and the one that follows."""
        here = self.chords_of(bar)
        place = beat * len(here) // beats
        following = here[place + 1] if place + 1 < len(here) else self.chords_of(bar + 1)[0]
        return here[place], following


NO_WISHES = Wishes()
# what can be wished of a piece; the music names its labels (`fitted` of a corpus sizes the column)
WISHES = (
    Column("key", KEYS + 1),
    Column("left", len(LEFT) + 2),
    Column("density", LEVELS + 1),
    Column("polyphony", LEVELS + 1),
    Column("label", 1),
    Column("meter", len(METERS) + 1),
    Column("tempo", len(TEMPO_BOUNDS) + 2),
    *(Column(name, CHORDS + 1) for name in CHORD_NAMES),
)
WISH_NAMES = tuple(each.name for each in WISHES)
# all through a piece
CONSTANT = tuple(name for name in WISH_NAMES if name not in ("left", *CHORD_NAMES))
_OF_BARS = "meter", "tempo", *CHORD_NAMES
WISHES_WITHOUT_BARS = tuple(each for each in WISHES if each.name not in _OF_BARS)


def sized(columns: Sequence[Column], vocabulary: int) -> tuple[Column, ...]:
    """Columns, with the size of those that hold tokens."""
    return tuple(
        Column(each.name, vocabulary + 1) if each.holds_token else each for each in columns
    )


def transposed_chord(chord: int, semitones: int) -> int:
    """The id of a chord that is moved."""
    quality, root = divmod(chord - 1, 12)
    return chord and 1 + 12 * quality + (root + semitones) % 12


def left_id(bars: float | None) -> int:
    """The id, in the column `left`, of a number of bars until the end."""
    return 0 if bars is None else 1 + bisect_left(LEFT, bars - 1e-6)
