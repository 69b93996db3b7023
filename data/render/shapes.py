"""What pictures are made of: panels, one under another, of boxes and texts in inks.

Places are whole pixels from a panel's upper left corner. What an ink looks like is the palette's
affair (`inks`), and how it gets into a file that of `svg` and `bitmap`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

WIDE = 1200  # pixels, of every picture


class Box(NamedTuple):
    """A filled rectangle."""

    x: int
    y: int
    wide: int
    high: int
    ink: str


class Text(NamedTuple):
    """A line of text. `x`: where it begins, or by `anchor` its middle or end; `y`: its baseline;
    `size`: the height of its capitals."""

    x: int
    y: int
    words: str
    ink: str = "soft"
    size: int = 8
    anchor: str = "start"


@dataclass
class Panel:
    """A part of a picture, as wide as the picture. Boxes are drawn in their order, then texts."""

    high: int
    boxes: list[Box] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)

    def box(self, x: int, y: int, wide: int, high: int, ink: str) -> None:
        """Draw a box, if anything of it is to be seen."""
        if wide > 0 and high > 0:
            self.boxes.append(Box(x, y, wide, high, ink))

    def text(
        self, x: int, y: int, words: str, ink: str = "soft", size: int = 8, anchor: str = "start"
    ) -> None:
        """Write a line."""
        self.texts.append(Text(x, y, words, ink, size, anchor))
