"""Pictures as SVG, in the reader's colours: light or dark."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from itertools import groupby

from ugen.data.text import printable

from .inks import class_of, style_sheet
from .shapes import WIDE, Panel, Text

_FONT = 1.38  # the size of a font whose capitals are 1 high


def svg_text(panels: Sequence[Panel], dark: bool | None = None) -> str:
    """A picture. `dark`: for a dark page, or a light one; None: as the reader has it."""
    high = sum(panel.high for panel in panels)
    inks = {"page"}
    for panel in panels:
        inks |= {box.ink for box in panel.boxes} | {text.ink for text in panel.texts}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDE}" height="{high}" '
        f'viewBox="0 0 {WIDE} {high}" font-family="system-ui,sans-serif">\n'
        f"<style>{style_sheet(inks, dark)}</style>\n"
        f'<path class="page" d="M0 0h{WIDE}v{high}H0z"/>\n'
    ]
    top = 0
    for panel in panels:
        parts += [f'<g transform="translate(0 {top})">\n', *_drawn(panel), "</g>\n"]
        top += panel.high
    return "".join([*parts, "</svg>\n"])


def _drawn(panel: Panel) -> Iterator[str]:
    for ink, boxes in groupby(panel.boxes, key=lambda box: box.ink):
        path = "".join(f"M{x} {y}h{wide}v{high}h-{wide}z" for x, y, wide, high, _ in boxes)
        yield f'<path class="{class_of(ink)}" d="{path}"/>\n'
    for text in panel.texts:
        yield _written(text)


def _written(text: Text) -> str:
    anchor = "" if text.anchor == "start" else f' text-anchor="{text.anchor}"'
    size = f"{text.size * _FONT:.3g}"
    words = html.escape(printable(text.words))
    place = f'x="{text.x}" y="{text.y}" font-size="{size}"{anchor}'
    return f'<text class="{class_of(text.ink)}" {place}>{words}</text>\n'
