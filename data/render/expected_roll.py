"""What a model expected of a piece, under the outlines of its notes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from ugen.data.score import Score

from .inks import shade
from .piano_roll import ROW_SECONDS, division, save
from .roll_rows import LEFT, RIGHT, Row, bars_of, scale_of
from .shapes import WIDE, Panel

Floats = NDArray[np.float64]

_FAINTEST = 0.01  # probabilities below are left white: most pitches have next to none
_WIDEST = 0.12  # seconds that an expectation is drawn, where the next one is far away
_COLUMNS = 400  # at most in a row of the picture, so that each is a few pixels wide
_SAID = 0.0, 0.05, 0.2, 0.5, 1.0  # in the legend


def expected_roll(
    truth: Score,
    seconds: Floats,
    chances: Floats,
    path: str | Path,
    row_seconds: float = ROW_SECONDS / 2,
) -> None:
    """Draw what a model expected of a piece under the outlines of its notes, in the formats of
    `piano_roll`.

    `seconds`: float64 [n], rising: when the model was asked. `chances`: float64 [n, 128], the
    probability it gave each pitch then; of times too near to tell apart, such as the notes of a
    chord, the highest is drawn.

    Raises UgenError when the piece is too long to draw.
    """
    left, right, highest = _columns(seconds, chances, row_seconds / _COLUMNS)
    column, pitch = np.nonzero(highest >= _FAINTEST)
    rows, length = division(max(truth.seconds, *right, 0.0), row_seconds, path)
    pitched = truth.notes[~truth.notes["drum"]]
    scale = scale_of(np.concatenate([pitched["pitch"], pitch]), np.zeros(0, int), length, None)
    begin, end = truth.seconds_at(pitched["onset"]), truth.seconds_at(pitched["end"])
    panels, bars = [_heading()], bars_of(truth)
    for number in range(rows):
        row = Row(scale, number * length, bars)
        for k, key in zip(column.tolist(), pitch.tolist(), strict=True):
            _cell(row, left[k], right[k], key, float(highest[k, key]))
        for note, one, other in zip(pitched, begin, end, strict=True):
            _outline(row, one, other, int(note["pitch"]))
        panels.append(row.panel)
    save(panels, path, dark=False)


def _heading() -> Panel:
    panel = Panel(34)
    words = "Shade: the probability of a pitch just before it came. Outlines: the music."
    panel.text(LEFT, 22, words, "ink")
    at = WIDE - RIGHT - 30
    for chance in reversed(_SAID):
        panel.text(at, 22, f"{chance:.0%}")
        panel.box(at - 20, 13, 16, 10, "edge")
        panel.box(at - 19, 14, 14, 8, f"shade{shade(chance)}")
        at -= 62
    return panel


def _cell(row: Row, begin: float, end: float, pitch: int, chance: float) -> None:
    left, right = _clipped(row, begin, end)
    if right > left:
        scale = row.scale
        row.panel.box(left, scale.y(pitch), right - left, scale.tall, f"shade{shade(chance)}")


def _outline(row: Row, begin: float, end: float, pitch: int) -> None:
    left, right = _clipped(row, begin, end)
    if right <= left:
        return
    top, wide, tall = row.scale.y(pitch), max(right - left, 3), row.scale.tall
    for x, y, across, down in (
        (left, top, wide, 1),
        (left, top + tall - 1, wide, 1),
        (left, top, 1, tall),
        (left + wide - 1, top, 1, tall),
    ):
        row.panel.box(x, y, across, down, "truth")


def _clipped(row: Row, begin: float, end: float) -> tuple[int, int]:
    """The pixels between two times that lie in a row."""
    if end <= row.begin or begin >= row.end:
        return 0, 0
    left, right = row.x(begin), max(row.x(end), row.x(begin) + 1)
    return max(left, LEFT), min(right, WIDE - RIGHT)


def _columns(seconds: Floats, chances: Floats, narrowest: float) -> tuple[Floats, Floats, Floats]:
    """Left and right ends [k] of the columns to draw, and their chances [k, 128].

    Places less than `narrowest` apart share a column. Columns in even steps touch; others end where
    the next begins, or sooner.
    """
    firsts: list[int] = []
    for i, at in enumerate(seconds):
        if not firsts or at - seconds[firsts[-1]] >= narrowest:
            firsts.append(i)
    if not firsts:
        return np.zeros(0), np.zeros(0), np.zeros((0, 128))
    left = seconds[firsts]
    steps = np.diff(left)
    widest = steps.max() if len(steps) > 1 and np.ptp(steps) < 0.01 * steps.max() else _WIDEST
    return (
        left,
        left + np.minimum(np.append(steps, widest), widest),
        np.maximum.reduceat(chances, firsts),
    )
