"""Line charts as SVG inside a page, in the page's own colours, so that they suit dark pages too."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from ugen.data.html_page import escaped
from ugen.data.text import printable

# placeholders in the drawing for the colours of the page's style
COLOURS = {name: f"#0000{i:02x}" for i, name in enumerate(("train", "valid", "test"), 1)}
_SOFT, _LINE, _ALARM = "#000004", "#000005", "#000006"
_PAGE = {**{code: name for name, code in COLOURS.items()}, _SOFT: "soft", _LINE: "line"}
_PAGE[_ALARM] = "alarm"
_FONT_SIZE = 8
_STYLE = {
    "axes.edgecolor": _LINE,
    "axes.labelcolor": _SOFT,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": _FONT_SIZE,
    "grid.color": _LINE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.labelcolor": _SOFT,
    "svg.fonttype": "none",
    "svg.hashsalt": "ugen",
    "text.color": _SOFT,
    "text.parse_math": False,
    "xtick.color": _LINE,
    "xtick.labelcolor": _SOFT,
    "ytick.color": _LINE,
    "ytick.labelcolor": _SOFT,
}
_MOST_ABOVE = 2.5  # times the height of the lower three quarters of the values; see `_top`


class Curve(NamedTuple):
    """A name, one of COLOURS, and points (x, y) by rising x; y is None or not finite where it is
    not known."""

    name: str
    colour: str
    points: Sequence[tuple[float, float | None]]
    dotted: bool = False


class Mark(NamedTuple):
    """A point to show on a chart."""

    name: str
    x: float
    y: float


def line_chart(
    title: str,
    curves: Sequence[Curve],
    *,
    levels: Mapping[str, float] | None = None,
    mark: Mark | None = None,
    percent: bool = False,
    zero: bool = False,
    crop: bool = False,
    wide: bool = False,
) -> str:
    """Curves over epochs; nothing where no value is known. The legend has each curve's last value.

    `levels`: horizontal lines, left out where they lie off the chart. `percent`: y is a fraction.
    `zero`: the chart reaches to 0. `crop`: a few values that dwarf the others run off the top.
    """
    known = [(curve, points) for curve in curves if (points := _finite(curve.points))]
    if not known:
        return ""
    values = sorted([y for _, points in known for _, y in points] + [0.0] * zero)
    low, high = values[0], _top(values) if crop else values[-1]
    margin = 0.04 * (high - low) or abs(high) or 1.0
    top, bottom = high + margin, low - margin * (low != 0.0)
    flat = {name: y for name, y in (levels or {}).items() if bottom <= y <= top}
    text = "{:.1%}".format if percent else "{:.4g}".format
    with mpl.rc_context(_STYLE):
        figure: Any = Figure((8, 3) if wide else (4.4, 2.3), layout="constrained")
        figure.patch.set_visible(False)
        axes = figure.add_subplot(xlabel="epochs", ylim=(bottom, top))
        axes.patch.set_visible(False)
        axes.margins(x=0.01)
        axes.grid(axis="y")
        for curve, points in known:
            _plot(axes, curve, points, f"{curve.name} {text(points[-1][1])}")
        for dashes, (name, level) in zip(itertools.cycle(("--", ":", "-.")), flat.items()):
            label = f"{printable(name)} {text(level)}"
            axes.axhline(level, color=_SOFT, linestyle=dashes, linewidth=1, label=label)
        if mark is not None:
            axes.plot(mark.x, mark.y, "o", color=_ALARM, label=f"{mark.name} {text(mark.y)}")
        if percent:
            axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        figure.legend(loc="outside upper left", ncols=4 if wide else 2)
        svg = _svg(figure, title)
    caption = escaped(f"{title}; higher values are off the top" if values[-1] > top else title)
    kind = "large scroll" if wide else ""
    return f'<figure class="{kind}"><figcaption>{caption}</figcaption>{svg}</figure>'


def _plot(axes: Any, curve: Curve, points: Sequence[tuple[float, float]], label: str) -> None:
    x, y = zip(*points, strict=True)
    style, dot = ":" if curve.dotted else "-", "." if len(points) == 1 else None
    axes.plot(x, y, color=COLOURS[curve.colour], linestyle=style, marker=dot, label=label)


def _finite(points: Sequence[tuple[float, float | None]]) -> list[tuple[float, float]]:
    return [(x, y) for x, y in points if y is not None and math.isfinite(y)]


def _top(values: Sequence[float]) -> float:
    """The highest of rising values to show, without the few that dwarf the others, as an untrained
    model's do."""
    usual = values[0] + _MOST_ABOVE * (values[3 * (len(values) - 1) // 4] - values[0])
    return max(y for y in values if y <= usual) if usual > values[0] else values[-1]


def _svg(figure: Any, title: str) -> str:
    """A figure as an SVG element for a page: no ids that other charts have too, short numbers, the
    page's font and colours."""
    out = StringIO()
    no_date = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(out, format="svg", metadata=no_date)
    drawing = out.getvalue()
    text = drawing[drawing.index("<svg") :]
    for unwanted in (
        r"<metadata>.*?</metadata>|<!--.*?-->|<style.*?</style>",
        r'(?<=<svg)[^>]*(?= viewBox)| xmlns[:\w]*="[^"]*"| version="[^"]*"',
        r' id="[a-z0-9.]+_\d+"| transform="rotate\(-0 [^"]*"',
        r"font(-size|-family)?: [^;\"]*; ",  # the page's own, in one size
        r"\n\s*",
    ):
        text = re.sub(unwanted, "", text, flags=re.DOTALL)
    text = re.sub(r"<[^>]*>", lambda tag: re.sub(r"(\d+\.\d)\d+", r"\1", tag[0]), text)
    for code, name in _PAGE.items():
        text = text.replace(code, f"var(--{name})")
    font = f"font: {_FONT_SIZE}px system-ui, sans-serif"
    return text.replace("<svg", f'<svg role="img" aria-label="{escaped(title)}" style="{font}"', 1)
