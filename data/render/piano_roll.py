"""Piano rolls, a long piece in rows: the notes of a score, or what a model expected of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from ugen.data.errors import UgenError
from ugen.data.files import replacing
from ugen.data.score import Score

Floats = NDArray[np.float64]

ROW_SECONDS = 30.0
_MOST_ROWS = 200
_SPARE = 0.25  # of a row, by which all rows together may be longer than asked
_FAINTEST = 0.01  # probabilities below are left white: most pitches have next to none
_WIDEST = 0.12  # seconds that an expectation is drawn, where the next one is far away
_COLUMNS = 400  # at most in a row of the picture, so that each is a few pixels wide


class Boxes(NamedTuple):
    """Rectangles to draw: left and right in seconds [n], pitch [n], RGBA inside [n, 4], height in
    pitches. `style`: more of matplotlib's properties."""

    left: Floats
    right: Floats
    pitch: Floats
    inside: Floats
    height: float = 0.9
    style: Mapping[str, Any] = {}


def piano_roll(
    score: Score, path: str | Path, row_seconds: float = ROW_SECONDS, colour: str = "program"
) -> None:
    """Draw a score as PNG or JPEG, by the file's name.

    `colour`: `program` gives each program a colour, drums grey, quiet notes pale; `velocity` goes
    from blue (quiet) to yellow (loud).

    Raises UgenError when matplotlib is missing or the piece is too long to draw.
    """
    _need_matplotlib()
    figure, _ = _drawn([_notes(score, _colours(score, colour))], path, row_seconds, tall=2.1)
    _save(figure, path)


def contact_sheet(rolls: Sequence[tuple[str, Score]], path: str | Path) -> None:
    """Draw several scores as one PNG or JPEG, each in one row under its title.

    Raises UgenError when matplotlib is missing or they are too many to draw.
    """
    _need_matplotlib()
    figure, rows = _rows(len(rolls), path, tall=1.8)
    longest = max((score.seconds for _, score in rolls), default=1.0)
    for axes, (title, score) in zip(rows, rolls, strict=False):
        notes = _notes(score, _colours(score, "program"))
        _draw_row(axes, [notes], 0.0, max(longest, 1.0))
        _scale(axes, notes.pitch)
        axes.set_title(title, loc="left", fontsize=9)
    rows[-1].set_xlabel("seconds")
    _save(figure, path)


def expected_roll(
    truth: Score,
    seconds: Floats,
    chances: Floats,
    path: str | Path,
    row_seconds: float = ROW_SECONDS / 2,
) -> None:
    """Draw what a model expected of a piece under the outlines of its notes, as PNG or JPEG.

    `seconds`: float64 [n], rising: when the model was asked. `chances`: float64 [n, 128], the
    probability it gave each pitch then; of times too near to tell apart, such as the notes of a
    chord, the highest is drawn.

    Raises UgenError when matplotlib is missing or the piece is too long to draw.
    """
    _need_matplotlib()
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, PowerNorm

    shades = ScalarMappable(
        PowerNorm(0.5, 0, 1),  # so that a few percent, as most are, can be seen
        LinearSegmentedColormap.from_list("expected", ["#ffffff", "#9ec5ee", "#2f6fb5", "#0b2a5b"]),
    )
    left, right, highest = _columns(seconds, chances, row_seconds / _COLUMNS)
    column, pitch = np.nonzero(highest >= _FAINTEST)
    inside = shades.to_rgba(highest[column, pitch])
    cells = Boxes(
        left[column], right[column], pitch.astype(float), inside, 1.0, {"antialiased": False}
    )
    outlines = _notes(
        truth, np.zeros((len(truth.notes), 4)), {"edgecolors": "#c23a00", "linewidths": 0.9}
    )
    figure, rows = _drawn([cells, outlines], path, row_seconds, tall=3.2)
    rows[0].set_title(
        "Shade: the probability of a pitch just before it came. Outlines: the music.", loc="left"
    )
    key = figure.colorbar(shades, ax=rows[0], pad=0.01, ticks=[0, 0.05, 0.2, 0.5, 1])
    key.ax.set_yticklabels(["0", "5%", "20%", "50%", "100%"])
    _save(figure, path)


def _need_matplotlib() -> None:
    from ugen.data.optional_imports import require

    require("matplotlib", "plot")


def _colours(score: Score, colour: str) -> Floats:
    """RGBA of each note."""
    from matplotlib import colormaps
    from matplotlib.colors import to_rgb

    if colour == "velocity":
        found: Floats = colormaps["viridis"](score.notes["velocity"] / 127)
        return found
    hues = np.array([to_rgb(f"C{program % 10}") for program in range(128)])
    rgb = np.where(score.notes["drum"][:, None], 0.45, hues[score.notes["program"]])
    return np.hstack([rgb, 0.35 + 0.65 * score.notes["velocity"][:, None] / 127])


def _notes(score: Score, inside: Floats, style: Mapping[str, Any] = {}) -> Boxes:
    onset, end = score.seconds_at(score.notes["onset"]), score.seconds_at(score.notes["end"])
    return Boxes(onset, end, score.notes["pitch"].astype(float), inside, style=style)


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


def _drawn(
    layers: list[Boxes], path: str | Path, row_seconds: float, tall: float
) -> tuple[Any, list[Any]]:
    """A figure of boxes, the last layer on top, and its rows, each `tall` inches high."""
    length = max((float(boxes.right.max()) for boxes in layers if len(boxes.right)), default=0.0)
    # what would hardly fill a row, as the last bar of a song of a minute, is no row of its own
    rows = max(1, int(np.ceil(length / row_seconds - _SPARE)))
    figure, drawn = _rows(rows, path, tall, f" of {row_seconds:g} s")
    row_seconds = max(row_seconds, length / rows)
    pitches = np.concatenate([boxes.pitch for boxes in layers])
    for row, axes in enumerate(drawn):
        _draw_row(axes, layers, row * row_seconds, (row + 1) * row_seconds)
        _scale(axes, pitches)
    drawn[-1].set_xlabel("seconds")
    return figure, drawn


def _rows(count: int, path: str | Path, tall: float, each: str = "") -> tuple[Any, list[Any]]:
    """An empty figure, and its rows."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if count > _MOST_ROWS:
        reason = f"{count} rows{each} are too many to draw; the limit is {_MOST_ROWS}"
        raise UgenError(reason, path=path)
    figure = Figure(figsize=(14, 0.4 + tall * count), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(np.atleast_1d(figure.subplots(count, 1)))


def _scale(axes: Any, pitches: Floats) -> None:
    """Show all pitches, with a line for every C."""
    low, high = (pitches.min() - 2, pitches.max() + 2) if len(pitches) else (60, 72)
    octaves = np.arange(np.ceil(low / 12), high / 12) * 12
    axes.set(ylim=(low, high), yticks=octaves)
    axes.set_yticklabels([f"C{int(c) // 12 - 1}" for c in octaves])
    axes.grid(alpha=0.25)


def _draw_row(axes: Any, layers: list[Boxes], begin: float, end: float) -> None:
    """Draw what lies between two times."""
    from matplotlib.collections import PolyCollection

    for boxes in layers:
        here = (boxes.left < end) & (boxes.right > begin)
        corners = list(_corners(boxes)[here])
        axes.add_collection(PolyCollection(corners, facecolors=boxes.inside[here], **boxes.style))
    axes.set(xlim=(begin, end))


def _corners(boxes: Boxes) -> Floats:
    """float64 [n, 4, 2]"""
    low, high = boxes.pitch - boxes.height / 2, boxes.pitch + boxes.height / 2
    x = np.stack([boxes.left, boxes.right, boxes.right, boxes.left], 1)
    return np.stack([x, np.stack([low, low, high, high], 1)], 2)


def _save(figure: Any, path: str | Path) -> None:
    kind = "png" if Path(path).suffix.lower() == ".png" else "jpg"
    with replacing(path) as partial:
        figure.savefig(partial, format=kind, dpi=100)
