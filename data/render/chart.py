"""Line charts as inline SVG, for pages without scripts.

The drawing is stretched to the page's width. Text and dots stay outside it, where a narrow screen
does not shrink them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ugen.data.html_page import escaped

CHART_STYLE = """
.chart { min-width: 0; margin-bottom: 1.2rem; }
.legend { display: flex; flex-wrap: wrap; gap: .1rem 1rem; font-size: .8rem; margin-bottom: .6rem; }
.legend svg { display: inline-block; width: 1.6rem; height: .5rem; margin-right: .4rem; background: none; }
.plot { position: relative; margin: 0 .6rem 2.6rem 3.4rem; }
.plot svg { height: 12rem; }
.chart path { fill: none; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round;
  vector-effect: non-scaling-stroke; }
.chart .rule { stroke: var(--line); stroke-width: 1; }
.plot span { position: absolute; font-size: .75rem; color: var(--soft); white-space: nowrap; }
.plot .y { right: 100%; transform: translateY(-50%); padding-right: .4rem; }
.plot .x { top: 100%; transform: translateX(-50%); } .plot .unit { top: calc(100% + 1.1rem); right: 0; }
.dot { display: inline-block; width: .7rem; height: .7rem; margin-right: .4rem; border-radius: 50%;
  background: var(--alarm); }
.plot .dot { transform: translate(-50%, -50%); margin: 0; border: 2px solid var(--card); }
"""
_DASHES = ("7 5", "1 5", "12 5 1 5")  # of levels, one after another
_MOST_TICKS = 5
_MOST_ABOVE = (
    2.5  # of the height that three quarters of the values take; the rest may run off the top
)


class Line(NamedTuple):
    """A curve: name, colour in CSS, and points (x, y) by rising x, where y is None or not finite if
    it is not known."""

    name: str
    colour: str
    points: Sequence[tuple[float, float | None]]
    dash: str = ""


class Mark(NamedTuple):
    """A point to show on a chart."""

    name: str
    x: float
    y: float


class _Scale(NamedTuple):
    """x from 0 to `right`, y over the whole of `ticks`; `decimals` to write y with, as a percentage
    or not."""

    right: float
    ticks: Sequence[float]
    decimals: int
    percent: bool

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Percents from the left and from the top."""
        return 100 * x / self.right, 100 * (self.ticks[-1] - y) / (self.ticks[-1] - self.ticks[0])

    def tick(self, y: float) -> str:
        """A tick as text."""
        return (
            f"{100 * y:.{max(self.decimals - 2, 0)}f}%"
            if self.percent
            else f"{y:,.{self.decimals}f}"
        )

    def words(self, y: float) -> str:
        """A value as text, more precise than ticks are."""
        return f"{y:.1%}" if self.percent else f"{y:.4g}"


def line_chart(
    title: str,
    lines: Sequence[Line],
    unit: str,
    *,
    levels: Mapping[str, float] | None = None,
    mark: Mark | None = None,
    percent: bool = False,
    zero: bool = False,
    crop: bool = False,
) -> str:
    """Curves over x from 0, in `unit`; nothing where no value is known. The legend gives each
    curve's last value.

    `levels`: dashed horizontals, left out where they lie off the chart. `percent`: y is a share of
    1. `zero`: the chart reaches to 0. `crop`: a few values that dwarf the others may run off the
    top. The page's style must hold CHART_STYLE.
    """
    known = [
        line for line in (line._replace(points=_finite(line)) for line in lines) if line.points
    ]
    if not known:
        return ""
    values = sorted([y for line in known for _, y in _finite(line)] + [0.0] * zero)
    ticks, decimals = _ticks(values[0], _top(values) if crop else values[-1])
    right = max(line.points[-1][0] for line in known) or 1.0
    scale = _Scale(right, ticks, decimals, percent)
    within = [(name, y) for name, y in (levels or {}).items() if ticks[0] <= y <= ticks[-1]]
    flat = [
        Line(name, "var(--soft)", ((0.0, y), (right, y)), _DASHES[i % 3])
        for i, (name, y) in enumerate(within)
    ]
    paths = "".join((*_rules(scale), *(_path(line, scale) for line in (*flat, *known))))
    cut = (
        "; higher values are off the top"
        if values[-1] - ticks[-1] > 1e-6 * (ticks[-1] - ticks[0])
        else ""
    )
    return (
        f'<figure class="chart"><figcaption>{escaped(title + cut)}</figcaption>'
        f'<div class="legend">{"".join(_legend((*known, *flat), mark, scale))}</div><div class="plot">'
        f'<svg role="img" aria-label="{escaped(title)}" viewBox="0 0 100 100" preserveAspectRatio="none">{paths}</svg>'
        f"{''.join(_labels(scale, unit))}{_dot(mark, scale)}</div></figure>"
    )


def _finite(line: Line) -> list[tuple[float, float]]:
    return [(x, y) for x, y in line.points if y is not None and math.isfinite(y)]


def _top(values: Sequence[float]) -> float:
    """The highest of rising values to show, without the few that dwarf the others, as an untrained
    model's do."""
    usual = values[0] + _MOST_ABOVE * (values[3 * (len(values) - 1) // 4] - values[0])
    return max(y for y in values if y <= usual) if usual > values[0] else values[-1]


def _ticks(low: float, high: float) -> tuple[list[float], int]:
    """Round numbers in even steps from `low` or less to `high` or more, and how many decimals they
    have."""
    rough = ((high - low) or abs(high) or 1.0) / _MOST_TICKS
    power = math.floor(math.log10(rough))
    step = next(k for k in (1, 2, 5, 10) if k * 10.0**power >= rough * 0.999) * 10.0**power
    first, last = math.floor(low / step + 1e-6), math.ceil(high / step - 1e-6)
    return [i * step for i in range(first, max(last, first + 1) + 1)], max(
        -math.floor(math.log10(step * 1.001)), 0
    )


def _rules(scale: _Scale) -> Iterator[str]:
    """A line across the chart at each tick."""
    for y in scale.ticks:
        yield f'<path class="rule" d="M0 {scale.place(0, y)[1]:.2f}h100"/>'


def _path(line: Line, scale: _Scale) -> str:
    points = [scale.place(x, y) for x, y in _finite(line)]
    way = "L".join(f"{x:.2f} {y:.2f}" for x, y in points) + (
        "h0" if len(points) == 1 else ""
    )  # h0 draws a dot
    return f'<path d="M{way}" style="stroke:{line.colour}"{_dashed(line)}/>'


def _dashed(line: Line) -> str:
    return f' stroke-dasharray="{line.dash}"' if line.dash else ""


def _legend(lines: Sequence[Line], mark: Mark | None, scale: _Scale) -> Iterator[str]:
    for line in lines:
        swatch = f'<path d="M1 4h22" style="stroke:{line.colour}"{_dashed(line)}/>'
        last = scale.words(_finite(line)[-1][1])
        yield f'<span><svg viewBox="0 0 24 8" aria-hidden="true">{swatch}</svg>{escaped(line.name)} {last}</span>'
    if mark:
        yield f'<span><i class="dot"></i>{escaped(mark.name)} {scale.words(mark.y)}</span>'


def _labels(scale: _Scale, unit: str) -> Iterator[str]:
    """The numbers along both axes."""
    for y in scale.ticks:
        yield f'<span class="y" style="top:{scale.place(0, y)[1]:.2f}%">{scale.tick(y)}</span>'
    ticks, decimals = _ticks(0.0, scale.right)
    for x in ticks:
        if x <= scale.right * 1.001:
            yield f'<span class="x" style="left:{100 * x / scale.right:.2f}%">{x:,.{decimals}f}</span>'
    yield f'<span class="unit">{escaped(unit)}</span>'


def _dot(mark: Mark | None, scale: _Scale) -> str:
    if mark is None:
        return ""
    x, y = scale.place(mark.x, mark.y)
    return f'<span class="dot" style="left:{x:.2f}%;top:{y:.2f}%"></span>'
