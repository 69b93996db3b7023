"""Colours of pictures: each ink on a light page and on a dark one.

Parts differ in hue and lightness, so that the colour-blind tell them apart, too. Within a part the
loudest notes stand out most: dark on a light page, bright on a dark one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

RGB = tuple[int, int, int]

LEVELS = 5  # of velocity
SHADES = 24  # of a probability
OTHERS = "others"  # a part for those that have no colour of their own
# of parts on light and on dark pages, at middle velocity
PARTS = {
    "part0": ("#0072b2", "#4aa8e8"),
    "part1": ("#d55e00", "#ff8a3c"),
    "part2": ("#6100f6", "#c33aff"),
    "part3": ("#8f1b5c", "#f100b1"),
    "part4": ("#c97779", "#ffb6ce"),
    "part5": ("#6e4621", "#a7755b"),
    "part6": ("#a359ff", "#0ff08f"),
    OTHERS: ("#6b7280", "#9aa5b5"),
    "drums": ("#4b5563", "#b4bcc9"),
}
_PLAIN = {
    "page": ("#ffffff", "#14181f"),
    "ink": ("#1c2330", "#e4e8ee"),
    "soft": ("#5b6575", "#9aa5b5"),
    "line": ("#d9dee6", "#333c49"),
    "bar": ("#b4bcc9", "#4b5666"),
    "stripe": ("#f1f4f8", "#1a2029"),
    "white": ("#ffffff", "#c9d0da"),
    "black": ("#2b3342", "#0a0d12"),
    "edge": ("#8792a2", "#5b6575"),
    "middle": ("#ffd24d", "#ffd24d"),
    "truth": ("#c23a00", "#ff9a5c"),
}
_QUIET, _LOUD = 0.36, 0.3  # how far the extremes of velocity are from the middle
_SCALE = "#ffffff", "#9ec5ee", "#2f6fb5", "#0b2a5b"
_DARK_SCALE = "#14181f", "#24507f", "#5ea2e6", "#dceeff"


def level(velocity: int) -> int:
    """The level of a velocity."""
    return min(velocity * LEVELS // 128, LEVELS - 1)


def shade(chance: float) -> int:
    """The shade of a probability; a few percent, as most are, can be seen."""
    return round(math.sqrt(max(min(chance, 1.0), 0.0)) * (SHADES - 1))


def colour(ink: str, dark: bool) -> RGB:
    """What an ink looks like. Inks: those above; `part0-3` for a velocity's level, and `part0-3+`
    for where such a note begins; `shade7`."""
    if ink.startswith("shade"):
        return _on_scale(_DARK_SCALE if dark else _SCALE, int(ink[5:]) / (SHADES - 1))
    name, _, loudness = ink.partition("-")
    plain = _rgb(({**PARTS, **_PLAIN})[name][dark])
    if not loudness:
        return plain
    away = int(loudness.rstrip("+")) / (LEVELS // 2) - 1  # -1 to 1
    page, most = _rgb(_PLAIN["page"][dark]), _rgb(_PLAIN["ink"][dark])
    found = _mixed(plain, page, -away * _QUIET) if away < 0 else _mixed(plain, most, away * _LOUD)
    return _mixed(found, most, 0.5) if loudness.endswith("+") else found


def style_sheet(inks: Iterable[str], dark: bool | None) -> str:
    """CSS for the classes of inks; None for `dark`: as the reader has it."""
    used = sorted(inks)
    if dark is not None:
        return _rules(used, dark)
    night = _rules(used, True)
    return f"{_rules(used, False)}@media(prefers-color-scheme:dark){{{night}}}"


def class_of(ink: str) -> str:
    """The CSS class of an ink."""
    return ink.replace("+", "o")


def _rules(inks: list[str], dark: bool) -> str:
    return "".join(
        ".{}{{fill:#{:02x}{:02x}{:02x}}}".format(class_of(ink), *colour(ink, dark)) for ink in inks
    )


def _rgb(text: str) -> RGB:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:], 16)


def _mixed(one: RGB, other: RGB, share: float) -> RGB:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _on_scale(scale: tuple[str, ...], place: float) -> RGB:
    at = min(int(place * (len(scale) - 1)), len(scale) - 2)
    return _mixed(_rgb(scale[at]), _rgb(scale[at + 1]), place * (len(scale) - 1) - at)
