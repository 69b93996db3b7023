"""Piano rolls: the notes of a score, a long one in rows.

Every note begins with a mark across its whole key and ends a pixel or two before the next, so that
repeated notes are told apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from ugen.data.analysis.hands import left_hand
from ugen.data.analysis.key import key_of, key_words
from ugen.data.errors import UgenError
from ugen.data.files import replacing
from ugen.data.midi.general_midi import DRUMS, NAMES
from ugen.data.score import Score
from ugen.data.text import clock, count

from .bitmap import write_jpeg, write_png
from .inks import LEVELS, OTHERS, PARTS, level
from .lettering import width_of
from .roll_rows import LANE, LEFT, RIGHT, Row, Scale, bars_of, scale_of
from .shapes import WIDE, Panel
from .svg import svg_text

Floats = NDArray[np.float64]

ROW_SECONDS = 30.0
_MOST_ROWS = 200
_SPARE = 0.25  # of a row, by which all rows together may be longer than asked
_FIRST_HAND = DRUMS + 1
_PARTS = (*NAMES, "drums", "right hand", "left hand")
_PIANOS = 8  # the programs that two hands play


class Notes(NamedTuple):
    """Notes to draw: begin and end in seconds [n], pitch, ink and whether it is a drum."""

    begin: Floats
    end: Floats
    pitch: NDArray[np.uint8]
    ink: list[str]
    is_drum: NDArray[np.bool_]


def piano_roll(
    score: Score, path: str | Path, row_seconds: float = ROW_SECONDS, dark: bool = False
) -> None:
    """Draw a score as SVG, PNG or, where Pillow is installed, JPEG, by the file's name.

    Each instrument has a colour, and of a piano each hand; loud notes stand out, quiet ones are
    pale. `dark`: on a dark page; SVG has both.

    Raises UgenError when the piece is too long to draw.
    """
    kinds = _kinds(score)
    inks = _inks([kinds])
    notes = _notes(score, kinds, inks)
    rows, seconds = division(score.seconds, row_seconds, path)
    scale = _scale([notes], seconds)
    panels = [_heading(Path(path).stem, _facts(score), inks)]
    bars = bars_of(score)
    for number in range(rows):
        row = Row(scale, number * seconds, bars)
        _draw(row, notes)
        panels.append(row.panel)
    save(panels, path, dark)


def contact_sheet(rolls: Sequence[tuple[str, Score]], path: str | Path, dark: bool = False) -> None:
    """Draw several scores as one picture, each in one row under its title. Formats and colours as
    for `piano_roll`. Raises UgenError when they are too many to draw."""
    seconds = max([score.seconds for _, score in rolls] + [1.0])
    _check_rows(len(rolls), "", path)
    kinds = [_kinds(score) for _, score in rolls]
    inks = _inks(kinds)
    drawn = [_notes(score, each, inks) for (_, score), each in zip(rolls, kinds, strict=True)]
    scale = _scale(drawn, seconds, tall=3)
    panels = [_heading(count(len(rolls), "song"), "", inks)]
    for number, ((title, score), notes) in enumerate(zip(rolls, drawn, strict=True), 1):
        name = Panel(18)
        name.text(LEFT, 14, f"{title}  ({_facts(score)})", "ink")
        row = Row(scale, 0.0, bars_of(score), has_seconds=number == len(rolls))
        _draw(row, notes)
        panels += [name, row.panel]
    save(panels, path, dark)


def save(panels: Sequence[Panel], path: str | Path, dark: bool) -> None:
    """Write a picture in the format that its name asks for."""
    kind = Path(path).suffix.lower()
    with replacing(path) as partial:
        if kind == ".svg":
            partial.write_text(svg_text(panels, dark or None), encoding="utf-8")
        elif kind == ".png":
            write_png(panels, partial, dark)
        else:
            write_jpeg(panels, partial, dark)


# parts and their colours


def _kinds(score: Score) -> NDArray[np.int64]:
    """Of each note the place of its part's name in `_PARTS`: its instrument, or the hand that plays
    it where there is nothing else but a piano."""
    notes = score.notes
    kinds = np.where(notes["drum"], DRUMS, notes["program"]).astype(np.int64)
    played = np.unique(kinds)
    if len(played) == 1 and played[0] < _PIANOS:
        return _FIRST_HAND + left_hand(score)
    return kinds


def _inks(kinds: Sequence[NDArray[np.int64]]) -> dict[int, str]:
    """The ink of each part; those with most notes get a colour of their own."""
    counts = Counter(np.concatenate([*kinds, np.zeros(0, np.int64)]).tolist())
    pitched = [kind for kind, _ in counts.most_common() if kind != DRUMS]
    if min(pitched, default=0) >= _FIRST_HAND:
        pitched.sort()
    coloured = [ink for ink in PARTS if ink not in (OTHERS, "drums")]
    inks = dict.fromkeys(pitched, OTHERS) | dict(zip(pitched, coloured, strict=False))
    return {**inks, DRUMS: "drums"} if DRUMS in counts else inks


def _notes(score: Score, kinds: NDArray[np.int64], inks: dict[int, str]) -> Notes:
    """In the order in which they are drawn: short ones and smaller parts upon the others."""
    notes = score.notes
    places = {ink: place for place, ink in enumerate(inks.values())}
    names = [inks[kind] for kind in kinds.tolist()]
    part = np.array([places[name] for name in names], np.int64)
    order = np.lexsort((notes["onset"], notes["velocity"], part))
    notes = notes[order]
    loudness = [level(velocity) for velocity in notes["velocity"].tolist()]
    return Notes(
        score.seconds_at(notes["onset"]),
        score.seconds_at(notes["end"]),
        notes["pitch"],
        [f"{names[i]}-{loud}" for i, loud in zip(order.tolist(), loudness, strict=True)],
        notes["drum"],
    )


# a picture's parts


def _heading(title: str, facts: str, inks: dict[int, str]) -> Panel:
    """Title, facts, what the colours mean."""
    panel = Panel(34)
    panel.text(LEFT, 24, title, "ink", 11)
    panel.text(LEFT + width_of(title, 11) + 24, 24, facts)
    if not inks:
        return panel
    first = next(iter(inks.values()))
    at = WIDE - RIGHT - width_of("loud", 8)
    panel.text(at, 24, "loud")
    for loudness in reversed(range(LEVELS)):
        at -= 16
        panel.box(at - 6, 15, 14, 9, f"{first}-{loudness}")
    panel.text(at - 14, 24, "quiet", anchor="end")
    at, y = LEFT, 46
    for words, ink in _legend(inks):
        if at + 20 + width_of(words, 8) > WIDE - RIGHT:
            at, y = LEFT, y + 18
        panel.box(at, y - 9, 12, 9, f"{ink}-{LEVELS // 2}")
        panel.box(at, y - 10, 2, 11, f"{ink}-{LEVELS // 2}+")
        panel.text(at + 18, y, words)
        at += 18 + round(1.15 * width_of(words, 8)) + 24
    panel.high = y + 10
    return panel


def _legend(inks: dict[int, str]) -> Iterator[tuple[str, str]]:
    others = [kind for kind, ink in inks.items() if ink == OTHERS]
    for kind, ink in inks.items():
        if ink != OTHERS:
            yield _PARTS[kind], ink
    if others:
        yield _PARTS[others[0]] if len(others) == 1 else f"{len(others)} others", OTHERS


def _facts(score: Score) -> str:
    """Key, meter, tempo, length, notes."""
    words = [] if score.notes["drum"].all() else [key_words(key_of(score))]
    if len(score.notes) and len(score.meters) == 1:
        words.append("{}/{}".format(*score.meters[0].tolist()[1:]))
    if len(score.notes) and len(score.tempos) == 1:
        words.append(f"{60e6 / int(score.tempos['usec'][0]):.0f} beats per minute")
    return ", ".join([*words, clock(score.seconds), count(len(score.notes), "note")])


def _draw(row: Row, notes: Notes) -> None:
    """Draw the notes that sound in a row: bodies, then where they begin."""
    here = np.flatnonzero((notes.begin < row.end) & (notes.end > row.begin)).tolist()
    scale, panel = row.scale, row.panel
    inset = scale.tall >= 6
    marks = []
    for i in here:
        pitch, ink = int(notes.pitch[i]), notes.ink[i]
        left, right = max(row.x(notes.begin[i]), LEFT), min(row.x(notes.end[i]), WIDE - RIGHT)
        if notes.is_drum[i]:
            if notes.begin[i] >= row.begin:
                panel.box(left, scale.lane_y(pitch) + 1, 2, LANE - 1, ink)
            continue
        y = scale.y(pitch)
        wide = right - left
        panel.box(left, y + inset, max(wide - 1 - (wide > 9), 2), scale.tall - 1 - inset, ink)
        if notes.begin[i] >= row.begin:
            marks.append((left, y, min(2, max(wide - 1, 1)), scale.tall, f"{ink}+"))
    for mark in marks:
        panel.box(*mark)


def _scale(drawn: Sequence[Notes], seconds: float, tall: int | None = None) -> Scale:
    pitches = [each.pitch[~each.is_drum] for each in drawn]
    drums = [each.pitch[each.is_drum] for each in drawn]
    nothing = np.zeros(0, np.uint8)
    return scale_of(
        np.concatenate([*pitches, nothing]), np.concatenate([*drums, nothing]), seconds, tall
    )


def division(length: float, row_seconds: float, path: str | Path) -> tuple[int, float]:
    """How many rows, and the seconds of each: what would hardly fill a row, as the last bar of a
    song of a minute, is no row of its own."""
    rows = max(1, int(np.ceil(length / row_seconds - _SPARE)))
    _check_rows(rows, f" of {row_seconds:g} s", path)
    return rows, length / rows if rows > 1 else max(row_seconds, length)


def _check_rows(rows: int, each: str, path: str | Path) -> None:
    if rows > _MOST_ROWS:
        reason = f"{rows} rows{each} are too many to draw; the limit is {_MOST_ROWS}"
        raise UgenError(reason, path=path)
