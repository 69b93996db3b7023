"""Chords and their symbols, as musicians write them: `Am | F | C G | N.C.`

A chord is a number: 0 is no chord, then 1 + 12 * quality + root, qualities as in QUALITIES and
roots from 0 for C to 11. A progression is a list of bars, each of one to four chords.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ugen.data.errors import UgenError
from ugen.data.text import printable

Bar = tuple[int, ...]

NO_CHORD = 0
# how each quality is written after a root, and its semitones from there up
QUALITIES = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "m7b5": (0, 3, 6, 10),
    "dim7": (0, 3, 6, 9),
    "sus4": (0, 5, 7),
}
_NAMES = list(QUALITIES)
_ROOTS = "C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"
MOST_IN_BAR = 4
MOST_BARS = 500
_LONGEST = 32  # characters of a symbol: some of many could be matched in too many ways
FLAG = "--chords"

# spellings of the same, in the order in which they are replaced
_SPELLINGS = (
    (r"[(),]", ""),
    ("♯", "#"),
    ("♭", "b"),
    (r"[–−]", "-"),
    (r"-(?=5|9)", "b"),
    (r"\+(?=5|9|11)", "#"),
    (r"[Δ△]7?", "^7"),
    (r"maj|Maj|ma|M", "^"),
    (r"min|mi|-", "m"),
    (r"[øØ]7?", "m7b5"),
    (r"°|º|(?<!n)o(?!m)", "dim"),
    (r"\+", "aug"),
    (r"sus(?![24])", "sus4"),
    (r"^(m?\^?)(9|11|13)", r"\g<1>7add\2"),
    (r"^alt", "7alt"),
)
# the beginnings of what stands after a root, longest first, and their qualities
_BEGINNINGS = {"m7b5": "m7b5", "dim7": "dim7", "sus2": "sus2", "sus4": "sus4", "dim": "dim"}
_BEGINNINGS |= {"mb5": "dim", "aug": "aug", "m7": "m7", "^7": "maj7", "#5": "aug", "m": "m"}
_BEGINNINGS |= {"7": "7", "4": "sus4", "^": "", "": ""}
_MORE = re.compile(r"(\^?(2|4|5|6|7|9|11|13)|/9|add[#b]?\d+|sus[24]|[#b]\d+|no\d|omit\d|alt)*")
_SYMBOL = re.compile(r"([A-G])([#♯]{1,2}|[b♭]{1,2}|)(.*?)(/[A-G](?:[#♯]|[b♭])?)?")


class Progression(NamedTuple):
    """`bars`: the chords of each. `warnings`: which symbols were taken for simpler ones."""

    bars: tuple[Bar, ...]
    warnings: tuple[str, ...]


def parse_chords(text: str) -> Progression:
    """The chords of bars with | between them; without any |, one bar for each chord.

    A bar has one to four chords; % repeats the bar before, and / the chord before. Raises UgenError
    that names what is wrong, and what would do.
    """
    parts = text.split("|") if "|" in text else text.split()
    if "|" in text:
        first = not parts[0].strip()  # lines before the first bar and after the last
        parts = parts[first : len(parts) - (not parts[-1].strip())]
    if not parts:
        raise _error("has no chords; write bars, as in Am | F | C G | Am")
    if len(parts) > MOST_BARS:
        raise _error(f"has {len(parts)} bars; {MOST_BARS} are the most")
    bars, warnings = list[Bar](), dict[str, None]()
    for number, part in enumerate(parts, 1):
        symbols = part.split()
        if not symbols:
            raise _error(f"bar {number} is empty; write % to repeat the bar before it, or N.C.")
        if symbols == ["%"] and bars:
            bars.append(bars[-1])
            continue
        if len(symbols) > MOST_IN_BAR:
            raise _error(f"bar {number} has {len(symbols)} chords; {MOST_IN_BAR} are the most")
        chords = list[int]()
        for symbol in symbols:
            if symbol == "/" and chords:
                chords.append(chords[-1])
                continue
            chord, simpler = parse_chord(symbol)
            chords.append(chord)
            if simpler:
                warnings[f"{symbol} is taken for {chord_name(chord)}"] = None
        bars.append(tuple(chords))
    return Progression(tuple(bars), tuple(warnings))


def parse_chord(symbol: str) -> tuple[int, bool]:
    """The chord of a symbol, and whether it says more than that. Raises UgenError."""
    if symbol.upper() in ("N.C.", "N.C", "NC"):
        return NO_CHORD, False
    found = _SYMBOL.fullmatch(symbol) if len(symbol) <= _LONGEST else None
    quality, more = _quality(found[3]) if found else (None, "")
    if found is None or quality is None:
        hint = " (German H is B, and B is Bb)" if symbol[:1] in ("H", "h") else ""
        reason = (
            f"no chord symbol{hint}; write a capital from A to G and a quality such as m, 7, maj7, "
            "m7, dim, m7b5, aug or sus4, as in F#m7, or N.C."
        )
        raise UgenError(reason, flag=FLAG, value=printable(symbol[:80]))
    root = _ROOTS.index(found[1]) + len(found[2]) * (1 if found[2][:1] in ("#", "♯") else -1)
    if quality == "sus2":  # it has the notes of another sus4
        quality, root, more = "sus4", root + 7, "2"
    return chord_number(root % 12, _NAMES.index(quality)), bool(more or found[4])


def _quality(written: str) -> tuple[str | None, str]:
    """The quality of what stands after a root, None where it is unknown; and what else it says."""
    for spelling, meaning in _SPELLINGS:
        written = re.sub(spelling, meaning, written)
    if sus := re.search("sus[24]", written):
        written = sus[0] + written.replace(sus[0], "", 1)
    start = next(start for start in _BEGINNINGS if written.startswith(start))
    more = written.removeprefix(start)
    return (_BEGINNINGS[start] if _MORE.fullmatch(more) else None), more


def chord_at(bar: Sequence[int], beat: int, beats: int) -> int:
    """The chord of a beat in a bar of so many, both from 0. Each chord begins at a beat: of two
    chords in 3/4 the second begins at the last."""
    return bar[beat * len(bar) // beats]


def chord_number(root: int, quality: int) -> int:
    """The number of a chord."""
    return 1 + 12 * quality + root


def chord_name(chord: int) -> str:
    """C, F#m7, N.C."""
    quality, root = divmod(chord - 1, 12)
    return "N.C." if chord == NO_CHORD else _ROOTS[root] + _NAMES[quality]


def chords_text(bars: Iterable[Bar]) -> str:
    """Bars of chords as `parse_chords` reads them."""
    return " | ".join(" ".join(map(chord_name, bar)) for bar in bars)


def _error(reason: str) -> UgenError:
    return UgenError(reason, flag=FLAG)
