"""The table of `ugen-data stats`: measures of pieces, what each means, and what is usual."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from ugen.data.text import printable


class _About(NamedTuple):
    """What a measure means; and what it is in most pieces, from the tenth to the ninetieth of a
    hundred of the bundled music."""

    meaning: str
    low: float | None = None
    high: float | None = None


_ABOUT = {
    "seconds": _About("length"),
    "notes": _About("how many"),
    "notes_per_second": _About("how dense", 9, 36),
    "pitches": _About("different ones", 24, 50),
    "lowest": _About("pitch, MIDI number", 22, 36),
    "highest": _About("pitch, MIDI number", 72, 95),
    "polyphony": _About("notes at once", 3.5, 9),
    "longest_silence": _About("seconds", 0, 0.5),
    "commonest_pitch": _About("share of one pitch", 0.08, 0.25),
    "repeated": _About("share heard before", 0.27, 0.74),
    "pitch_range": _About("semitones", 42, 65),
    "pitch_entropy": _About("variety of pitches", 3.6, 5),
    "pitch_class_entropy": _About("variety, octaves aside", 2.4, 3.2),
    "polyphony_rate": _About("time with 2+ notes", 0.73, 1),
    "scale_consistency": _About("share in one scale", 0.78, 1),
    "groove_consistency": _About("bars alike in rhythm", 0.81, 0.99),
    "empty_beat_rate": _About("beats of silence", 0, 0),
    "empty_measure_rate": _About("bars of silence", 0, 0),
    "drum_share": _About("share of drums", 0, 0.53),
    "bars_returning": _About("bars that come back", 0, 0.73),
    "rhythms_returning": _About("rhythms that come back", 0.59, 0.96),
    "bars_returning_transposed": _About("in any key", 0, 0.77),
    "key_stability": _About("how it keeps its key", 0.5, 1),
    "in_scale": _About("share in its scale", 0.86, 1),
    "in_chords": _About("share in its chords", 0.73, 0.94),
    "ends": _About("1: with an ending", 0, 1),
}
_NAME, _CELL, _MEANING, _USUAL = 26, 12, 24, 14


def stats_lines(found: Mapping[str, Mapping[str, float]], width: int | None) -> Iterator[str]:
    """Measures by file as lines that fit a terminal: files beside one another as far as there is
    room, the others below them, and what the measures mean beside a single one."""
    files = list(found)
    room = len(files) if width is None else max((width - _NAME) // _CELL, 1)
    explained = len(files) == 1 and (width is None or width >= _NAME + _CELL + _USUAL)
    meant = explained and (width is None or width >= _NAME + _CELL + _USUAL + _MEANING)
    for at in range(0, len(files), room):
        shown = files[at : at + room]
        head = "".join(f"{printable(Path(file).stem[:11]):>{_CELL}}" for file in shown)
        usual = f"{'usual':>{_USUAL}}" if explained else ""
        yield ("" if not at else "\n") + f"{'':{_NAME}}{head}{usual}"
        for name in found[shown[0]]:
            values = "".join(f"{found[file][name]:{_CELL}.4g}" for file in shown)
            about = _ABOUT.get(name, _About(""))
            usual = f"{_usual(about):>{_USUAL}}" if explained else ""
            yield f"{name:{_NAME}}{values}{usual}{'  ' + about.meaning if meant else ''}".rstrip()
    if explained:
        yield "(usual: in 8 of 10 pieces of the bundled music)"


def _usual(about: _About) -> str:
    return "" if about.low is None else f"{about.low:g} to {about.high:g}"
