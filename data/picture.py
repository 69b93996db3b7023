"""Piano rolls: pitch against time, a long piece in rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .errors import UgenError
from .files import replacing
from .score import Score

ROW_SECONDS = 30.0
_MOST_ROWS = 200


def piano_roll(score: Score, path: str | Path, row_seconds: float = ROW_SECONDS, colour: str = "program") -> None:
    """Draw a score as PNG or JPEG, by the file's name.

    `colour`: `program` gives each program a colour, drums grey, quiet notes pale; `velocity` goes from blue (quiet) to
    yellow (loud).

    Raises UgenError when matplotlib is missing or the piece is too long to draw.
    """
    from .command import require

    require("matplotlib", "plot")
    from matplotlib import colormaps
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import to_rgb
    from matplotlib.figure import Figure

    rows = max(1, int(np.ceil(score.seconds / row_seconds)))
    if rows > _MOST_ROWS:
        raise UgenError(f"{path}: {rows} rows of {row_seconds:g} s are too many to draw; the limit is {_MOST_ROWS}")
    onset, end = score.seconds_at(score.notes["onset"]), score.seconds_at(score.notes["end"])
    pitch = score.notes["pitch"].astype(float)
    boxes = np.stack([np.stack([x, y], 1) for x, y in (
        (onset, pitch - 0.45), (end, pitch - 0.45), (end, pitch + 0.45), (onset, pitch + 0.45)
    )], 1) if len(pitch) else np.zeros((0, 4, 2))  # fmt: skip
    if colour == "velocity":
        rgba = colormaps["viridis"](score.notes["velocity"] / 127)
    else:
        hues = np.array([to_rgb(f"C{program % 10}") for program in range(128)])
        rgb = np.where(score.notes["drum"][:, None], 0.45, hues[score.notes["program"]])
        rgba = np.hstack([rgb, 0.35 + 0.65 * score.notes["velocity"][:, None] / 127])
    figure = Figure(figsize=(14, 0.4 + 2.1 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    low, high = (pitch.min() - 2, pitch.max() + 2) if len(pitch) else (60, 72)
    for row, axes in enumerate(np.atleast_1d(figure.subplots(rows, 1))):
        left = row * row_seconds
        here = (onset < left + row_seconds) & (end > left)
        axes.add_collection(PolyCollection(list(boxes[here]), facecolors=rgba[here]))
        octaves = np.arange(np.ceil(low / 12), high / 12) * 12
        axes.set(xlim=(left, left + row_seconds), ylim=(low, high), yticks=octaves)
        axes.set_yticklabels([f"C{int(c) // 12 - 1}" for c in octaves])
        axes.grid(alpha=0.25)
    axes.set_xlabel("seconds")
    kind = "png" if Path(path).suffix.lower() == ".png" else "jpg"
    with replacing(path) as partial:
        figure.savefig(partial, format=kind, dpi=100)
