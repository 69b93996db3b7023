"""Letters as strokes of a round pen, for pictures made of pixels, at any size.

A glyph is a character and its strokes. A stroke is a path through points of two digits: x from the
left, y from below, where letters stand on 2, small ones end at 6 and capitals at 8.
"""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_TABLE = r"""
A022842|1434 B02083847463505|3544433202 C4738180703123243 D02083847433202 E48080242|0535
F480802|0535 G47381807031232434525 H0208|4248|0545 I0208 J3833221203 K0208|4804|1542 L080242
M0208254842 N02084248 O183847433212030718 P02083847463505 Q183847433212030718|2442
R02083847463505|2542 S473818070615354443321203 T0848|2822 U080312324348 V082248 W0812263248
X0842|0248 Y082548|2522 Z08480242 a3632|3526160503122233 b0802|0516263533221203 c3526160503122233
d3832|3526160503122233 e0434352616050312 f38281712|0626 g3526160503122233|36312000 h0802|0516263532
i0602|0808 j16110000|1818 k0802|3603|1432 l080312 m0602|05162522|25364542 n0602|0516263532
o162635332212030516 p0600|0516263533221203 q3630|3526160503122233 r0602|051626 s3616051424332202
t18132232|0626 u0603122233|3632 v062246 w0612253246 x0632|0236 y0622|4610 z06360232
0182837332212030718 1071812 207182837360232 3071828373625|152534332212 434042822 53808052534332202
6372818070312223334251504 7083812 8182837362515060718|150403122233342515 9031222333728180706152536
.0202 ,0201 :0202|0505 ;0201|0505 !0804|0202 ?07182837361514|1212 '0807 "0807|1817 (18070312
)08171302 [18080212 ]08181202 {28171605141322 }08171625141302 /0238 \0832 |0801 -0434 +0444|2226
=0333|0535 _0141 *1735|3715|0646 #1218|3238|0444|0646 %0248|0808|4242 &42060718270403122244
$473818070615354443321203|2921 @332414233545472703120222 ^062846 ~04152435 `0817 <370533 >073503
"""
_GLYPHS = {entry[0]: entry[1:].split("|") for entry in _TABLE.split()}
_PEN = 1.0  # its width; as are all others, in units of the grid
_BETWEEN = 1.8  # from one letter to the next
_BLANK = 2.0
_MISSING = ["0208484202"]  # a box


def width_of(words: str, size: int) -> int:
    """Pixels that a text takes, its capitals `size` high."""
    return round(sum(_wide(each) + _BETWEEN for each in _known(words)) * size / 6)


def lettered(words: str, size: int) -> Floats:
    """A text: how much of each pixel is ink, float64 [2 * size, width], its baseline `size / 2`
    above the lower end."""
    image = np.zeros((2 * size, width_of(words, size) + size))
    at = 0.0
    for each in _known(words):
        left = round(at * size / 6)
        glyph = _glyph(each, size)
        part = image[:, left : left + glyph.shape[1]]
        np.maximum(part, glyph[:, : part.shape[1]], out=part)
        at += _wide(each) + _BETWEEN
    return image


@cache
def _glyph(character: str, size: int) -> Floats:
    """A character, with a margin of half a unit."""
    unit = size / 6
    wide = int(np.ceil((_wide(character) + 2) * unit))
    x = (np.arange(wide) + 0.5) / unit - 0.5
    y = 2 + (1.5 * size - np.arange(2 * size) - 0.5) / unit
    points = np.stack(np.meshgrid(x, y), axis=-1)
    distance = np.full(points.shape[:2], np.inf)
    for stroke in _strokes(character):
        for begin, end in zip(stroke, [*stroke[1:], stroke[-1]], strict=True):
            along = end - begin
            place = np.clip((points - begin) @ along / max(float(along @ along), 1e-9), 0, 1)
            nearest = begin + place[..., None] * along
            distance = np.minimum(distance, np.hypot(*np.moveaxis(points - nearest, -1, 0)))
    ink: Floats = np.clip((_PEN / 2 - distance) * unit + 0.5, 0, 1)
    return ink


def _strokes(character: str) -> list[Floats]:
    paths = [] if character == " " else _GLYPHS.get(character, _MISSING)
    return [np.array([*map(int, path)], float).reshape(-1, 2) for path in paths]


@cache
def _wide(character: str) -> float:
    return max((float(stroke[:, 0].max()) for stroke in _strokes(character)), default=_BLANK)


def _known(words: str) -> str:
    """A text without its accents."""
    plain = unicodedata.normalize("NFKD", words)
    return "".join(each for each in plain if not unicodedata.combining(each))
