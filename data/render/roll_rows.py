"""The rows of a piano roll: keyboard, bar lines, seconds, and what lies on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from ugen.data.analysis.bars import STEPS, Bars
from ugen.data.analysis.beat_grid import LEAST_ON_GRID, on_grid
from ugen.data.score import Score

from .shapes import WIDE, Panel

Floats = NDArray[np.float64]

LEFT, RIGHT = 66, 12  # margins of a row
ACROSS = WIDE - LEFT - RIGHT
_ABOVE, _BELOW = 16, 17  # room for the numbers of bars, and for seconds
_KEYS = 26  # how wide the keyboard is, and of it
_BLACK_KEYS = 16
LANE = 10  # how high a drum's lane is
_NEAREST_LINES, _NEAREST_NUMBERS, _NEAREST_SECONDS = 7, 34, 60  # in pixels
_LEAST_PITCHES = 25
_MIDDLE_C = 60
_BLACK = 1, 3, 6, 8, 10
# drums by what they are, from below
_KIT = {
    "kick": (35, 36),
    "snare": (37, 38, 39, 40),
    "toms": (41, 43, 45, 47, 48, 50),
    "hi-hat": (42, 44, 46),
    "cymbals": (49, 51, 52, 53, 55, 57, 59),
}
_OTHER_DRUMS = "percussion"
_LANE_OF = {pitch: name for name, pitches in _KIT.items() for pitch in pitches}


class Bar(NamedTuple):
    """A bar line: its second, and the bar's number from 1 on."""

    second: float
    number: int


# the bar lines between two times; none where they would be nearer than so many seconds
BarLines = Callable[[float, float, float], list[Bar]]


@dataclass(frozen=True)
class Scale:
    """What all rows of a picture share: the lowest and the highest pitch, pixels per pitch, the
    names of the drums' lanes from below, and seconds in a row."""

    low: int
    high: int
    tall: int
    lanes: tuple[str, ...]
    seconds: float

    @property
    def roll_high(self) -> int:
        """Pixels of all pitches."""
        return (self.high - self.low + 1) * self.tall

    @property
    def inner_high(self) -> int:
        """Pixels of all pitches and lanes."""
        return self.roll_high + len(self.lanes) * LANE + 3 * bool(self.lanes)

    def y(self, pitch: int) -> int:
        """The upper edge of a pitch."""
        return _ABOVE + (self.high - pitch) * self.tall

    def lane_y(self, pitch: int) -> int:
        """The upper edge of a drum's lane."""
        lane = self.lanes.index(_LANE_OF.get(pitch, _OTHER_DRUMS))
        return _ABOVE + self.inner_high - (lane + 1) * LANE


def scale_of(
    pitches: NDArray[np.integer], drums: NDArray[np.integer], seconds: float, tall: int | None
) -> Scale:
    """The scale on which all these can be drawn. `tall`: pixels per pitch; None for what suits
    their range."""
    used = {_LANE_OF.get(pitch, _OTHER_DRUMS) for pitch in np.unique(drums).tolist()}
    lanes = tuple(name for name in (*_KIT, _OTHER_DRUMS) if name in used)
    low, high = (int(pitches.min()), int(pitches.max())) if len(pitches) else (60, 60)
    low, high = max(low - 1, 0), min(high + 1, 127)
    missing = max(_LEAST_PITCHES - (high - low + 1), 0)
    low = max(low - missing // 2, 0)
    high = min(max(high + (missing + 1) // 2, low + _LEAST_PITCHES - 1), 127)
    if tall is None:
        tall = 6 if high - low < 60 else 5 if high - low < 76 else 4
    return Scale(low, high, tall, lanes, seconds)


class Row:
    """A row from second `begin` on, and where in it a time is."""

    def __init__(self, scale: Scale, begin: float, bars: BarLines, has_seconds: bool = True):
        self.scale, self.begin = scale, begin
        self.end = begin + scale.seconds
        self.panel = Panel(_ABOVE + scale.inner_high + (_BELOW if has_seconds else 3))
        self._paper()
        if has_seconds:
            self._seconds()
        self._bars(bars)
        self._keyboard()

    def x(self, second: float) -> int:
        """The pixel of a time, which may lie outside."""
        return LEFT + round((second - self.begin) / self.scale.seconds * ACROSS)

    def _paper(self) -> None:
        scale, panel = self.scale, self.panel
        for pitch in range(scale.low, scale.high + 1):
            if pitch % 12 in _BLACK:
                panel.box(LEFT, scale.y(pitch), ACROSS, scale.tall, "stripe")
            elif pitch % 12 == 0:
                panel.box(LEFT, scale.y(pitch) + scale.tall, ACROSS, 1, "line")
        top = _ABOVE + scale.roll_high + 3
        for number, name in enumerate(reversed(scale.lanes)):
            panel.box(LEFT, top + number * LANE, ACROSS, 1, "line")
            panel.text(LEFT - 6, top + number * LANE + 8, name, size=7, anchor="end")
        panel.box(LEFT, _ABOVE + scale.inner_high, ACROSS, 1, "bar")

    def _seconds(self) -> None:
        every = next(
            (each for each in (1, 2, 5, 10, 30) if self._apart(each) >= _NEAREST_SECONDS),
            max(round(self.scale.seconds / 10), 1),
        )
        base = _ABOVE + self.scale.inner_high
        for second in range(-(-int(self.begin) // every) * every, int(self.end) + 1, every):
            at = self.x(second)
            if LEFT <= at <= LEFT + ACROSS - 8:
                self.panel.box(at, base, 1, 4, "edge")
                self.panel.text(at, base + 15, f"{second} s", anchor="middle")

    def _apart(self, seconds: float) -> float:
        return seconds / self.scale.seconds * ACROSS

    def _bars(self, bars: BarLines) -> None:
        numbered = LEFT - _NEAREST_NUMBERS
        for bar in bars(self.begin, self.end, _NEAREST_LINES / ACROSS * self.scale.seconds):
            at = self.x(bar.second)
            if not LEFT <= at < LEFT + ACROSS:
                continue
            self.panel.box(at, _ABOVE, 1, self.scale.inner_high, "bar")
            if at - numbered >= _NEAREST_NUMBERS:
                numbered = at
                self.panel.text(at + 2, _ABOVE - 4, str(bar.number))

    def _keyboard(self) -> None:
        scale, panel, left = self.scale, self.panel, LEFT - _KEYS
        panel.box(left, _ABOVE, _KEYS - 1, scale.roll_high, "white")
        pitches = range(scale.low, scale.high + 1)
        for y in (scale.y(pitch) for pitch in pitches if pitch % 12 in (0, 5)):
            panel.box(left, y + scale.tall - 1, _KEYS - 1, 1, "edge")  # no black key below
        black = [scale.y(pitch) for pitch in pitches if pitch % 12 in _BLACK]
        for y in black:
            panel.box(left, y + scale.tall // 2, _KEYS - 1, 1, "edge")
        for y in black:
            panel.box(left, y, _BLACK_KEYS, scale.tall, "black")
        for pitch in (pitch for pitch in pitches if pitch % 12 == 0):
            y, ink = scale.y(pitch), "ink" if pitch == _MIDDLE_C else "soft"
            panel.text(left - 5, y + scale.tall // 2 + 4, f"C{pitch // 12 - 1}", ink, 8, "end")
            if pitch == _MIDDLE_C:
                panel.box(left, y, _KEYS - 1, scale.tall - 1, "middle")
        panel.box(LEFT - 1, _ABOVE, 1, scale.inner_high, "edge")


def bars_of(score: Score) -> BarLines:
    """The bar lines of a score; none of music that has no beat."""
    if not len(score.notes) or on_grid(score) < LEAST_ON_GRID:
        return lambda begin, end, apart: []
    bars, ticks = Bars(score), score.ticks_per_beat

    def between(begin: float, end: float, apart: float) -> list[Bar]:
        edges = np.array([score.tick_at(begin), score.tick_at(end)])
        first, last = bars.locate(bars.steps(edges))[0].tolist()
        if (last - first) * apart > end - begin:
            return []
        numbers = np.arange(first, last + 1)
        starts = bars.start_of(numbers) * ticks // STEPS
        return [*map(Bar, score.seconds_at(starts).tolist(), (numbers + 1).tolist())]

    return between
