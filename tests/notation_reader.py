"""Reads the MusicXML that ugen writes, and nothing else, by the specification, and checks that
every bar adds up."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

_CLASSES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_TYPES = {"whole": 96, "half": 48, "quarter": 24, "eighth": 12, "16th": 6, "32nd": 3, "64th": 1.5}
_TYPES["breve"] = 192


class Read(NamedTuple):
    """A file. `notes`: (part, onset, end, pitch) in divisions, ties joined and releases heeded,
    drums with their onset as their end; `bars`: the length of each; `measures`: the elements of
    each part."""

    notes: list[tuple[int, int, int, int]]
    bars: list[int]
    parts: list[Element]
    measures: list[list[Element]]


def number(element: Element, path: str) -> int:
    """The number that an element below holds."""
    return int(element.findtext(path) or "0")


def read(path: Path) -> Read:
    """Read a file; AssertionError where it is wrong."""
    root = ElementTree.parse(path).getroot()
    parts = root.findall("part")
    notes, lengths = [], []
    for index, part in enumerate(parts):
        found, bars = _part(part)
        notes += [(index, *note) for note in found]
        lengths.append(bars)
    assert all(bars == lengths[0] for bars in lengths)
    score_parts = root.findall("part-list/score-part")
    return Read(sorted(notes), lengths[0], score_parts, [part.findall("measure") for part in parts])


def _part(part: Element) -> tuple[list[tuple[int, int, int]], list[int]]:
    start, bars = 0, []
    notes: list[tuple[int, int, int]] = []
    tied: dict[tuple[int, int], int] = {}  # by end and pitch, the onset
    meter = 0
    for measure in part.findall("measure"):
        if (time := measure.find("attributes/time")) is not None:
            meter = 96 * number(time, "beats") // number(time, "beat-type")
        length = _voices_add_up(measure)
        assert (length == meter) == ("implicit" not in measure.attrib)
        now = onset = 0
        for element in measure:
            if element.tag in ("backup", "forward"):
                now += number(element, "duration") * (1 if element.tag == "forward" else -1)
            if element.tag != "note":
                continue
            steps = number(element, "duration")
            _is_written_right(element, steps)
            if element.find("chord") is None:
                onset, now = now, now + steps
            if element.find("rest") is None:
                _take(element, start + onset, start + onset + steps, tied, notes)
        start += length
        bars.append(length)
    assert not tied, "every tie leads to a note"
    return notes, bars


def _take(
    element: Element,
    onset: int,
    end: int,
    tied: dict[tuple[int, int], int],
    notes: list[tuple[int, int, int]],
) -> None:
    """Take a note, or a part of one."""
    ties = [tie.get("type") for tie in element.findall("tie")]
    assert ties == [tie.get("type") for tie in element.findall("notations/tied")]
    if (instrument := element.find("instrument")) is not None:
        pitch = int(instrument.get("id", "").rpartition("-I")[2]) - 1
        notes.append((onset, onset, pitch))
        return
    letter = _CLASSES[element.findtext("pitch/step") or ""]
    pitch = 12 * (number(element, "pitch/octave") + 1) + letter + number(element, "pitch/alter")
    first = tied.pop((onset, pitch)) if "stop" in ties else onset
    if "start" in ties:
        assert "release" not in element.attrib
        tied[end, pitch] = first
    else:
        notes.append((first, end + int(element.get("release", "0")), pitch))


def _voices_add_up(measure: Element) -> int:
    """The length of a measure, the same for all of its voices."""
    sums: dict[str, int] = defaultdict(int)
    for element in measure:
        if element.tag in ("note", "forward") and element.find("chord") is None:
            sums[element.findtext("voice") or ""] += number(element, "duration")
    assert len(set(sums.values())) == 1, sums
    backups = {number(each, "duration") for each in measure.findall("backup")}
    assert backups <= set(sums.values())
    return next(iter(sums.values()))


def _is_written_right(note: Element, steps: int) -> None:
    """Type, dots and triplet give the length."""
    if note.find("rest[@measure]") is not None:
        return
    length = _TYPES[note.findtext("type") or ""] * (2 - 0.5 ** len(note.findall("dot")))
    if note.find("time-modification") is not None:
        length = length * 2 / 3
    assert length == steps
