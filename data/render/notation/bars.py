"""Music on the grid of the beats codec, and its bars."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from ugen.data.codecs.base import require_notes
from ugen.data.codecs.beats.table import GRID, MAX_BARS
from ugen.data.errors import CodecError
from ugen.data.score import METER, TEMPO, Score

_WHOLE = 4 * GRID
_UNITS = (1, 2, 4, 8, 16, 32)  # the denominators whose notes last a whole number of steps
_SOUND = "drum", "program", "pitch"


def quantized(score: Score) -> Score:
    """The score with a tick for each step of the grid. A note that sounds when its pitch begins
    again in its part ends there; of equal notes that begin together the longest stays."""
    notes = score.notes.copy()
    notes["onset"] = _steps(score, notes["onset"])
    notes["end"] = np.maximum(_steps(score, notes["end"]), notes["onset"] + 1)
    order = np.lexsort([-notes["end"], notes["onset"], *(notes[field] for field in _SOUND)])
    notes = notes[order]
    follows = np.logical_and.reduce([notes[field][1:] == notes[field][:-1] for field in _SOUND])
    is_new = np.append(True, ~follows | (notes["onset"][1:] != notes["onset"][:-1]))
    notes = notes[is_new[: len(notes)]]
    follows = np.logical_and.reduce([notes[field][1:] == notes[field][:-1] for field in _SOUND])
    ends = np.where(follows, np.minimum(notes["end"][:-1], notes["onset"][1:]), notes["end"][:-1])
    notes["end"][:-1] = ends
    tempos, meters = score.tempos.astype(TEMPO), score.meters.astype(METER)
    for changes in (tempos, meters):
        changes["tick"] = _steps(score, changes["tick"])
    return Score.build(notes, GRID, tempos, meters)


def _steps(score: Score, ticks: NDArray[np.int64]) -> NDArray[np.int64]:
    by = score.ticks_per_beat
    steps: NDArray[np.int64] = (2 * GRID * ticks + by) // (2 * by)
    return steps


class Meter(NamedTuple):
    """A time signature."""

    numerator: int
    denominator: int

    @property
    def steps(self) -> int:
        """The length of a bar."""
        return _WHOLE * self.numerator // self.denominator

    @property
    def is_compound(self) -> bool:
        """Whether beats have three parts, as in 6/8."""
        return self.numerator % 3 == 0 and self.numerator > 3 and self.denominator >= 8

    @property
    def beat(self) -> int:
        """The length of a beat; a quarter at most, but for compound meters."""
        unit = _WHOLE // self.denominator
        return 3 * unit if self.is_compound else min(unit, GRID)


class Bar(NamedTuple):
    """`lacks`: the steps that a pickup, or a bar cut short, has less than its meter says, and
    whether they are missing at its beginning."""

    start: int
    length: int
    meter: Meter
    lacks: int = 0
    is_pickup: bool = False

    @property
    def end(self) -> int:
        """The step where the next one begins."""
        return self.start + self.length


def bars_of(score: Score, last: int) -> list[Bar]:
    """The bars of a quantized score, up to the one of step `last`. A change of meter cuts a bar
    short; the first bar, if it is shorter than the next, is a pickup. Raises CodecError, before
    memory is taken, when they are too many for the notes."""
    changes = [(tick, _written(*meter)) for tick, *meter in score.meters.tolist() if tick <= last]
    ends = [tick for tick, _ in changes[1:]] + [max(last, 1)]
    counts = [
        -(-(end - tick) // meter.steps) for (tick, meter), end in zip(changes, ends, strict=True)
    ]
    total = sum(counts)
    require_notes(len(score.notes), bars=total)
    if total > MAX_BARS:
        raise CodecError(f"has {total:,} bars; {MAX_BARS:,} are the most")
    bars = []
    for (tick, meter), end, count in zip(changes, ends, counts, strict=True):
        bars += [Bar(tick + n * meter.steps, meter.steps, meter) for n in range(count)]
        lacks = bars[-1].end - end
        if lacks and end != ends[-1]:
            bars[-1] = Bar(bars[-1].start, meter.steps - lacks, meter, lacks)
    return _with_pickup(bars)


def _with_pickup(bars: list[Bar]) -> list[Bar]:
    if len(bars) > 1 and (lacks := bars[1].meter.steps - bars[0].length) > 0:
        bars[0] = Bar(0, bars[0].length, bars[1].meter, lacks, True)
    return bars


def _written(numerator: int, denominator: int) -> Meter:
    """The meter itself, or where notation or the grid has none such, the one in quarters whose bar
    is nearest in length."""
    if denominator in _UNITS and numerator > 0:
        return Meter(numerator, denominator)
    return Meter(max(round(4 * numerator / denominator), 1), 4)
