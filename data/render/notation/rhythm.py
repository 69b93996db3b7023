"""How lengths are written: as notes with dots, ties and tuplets.

Positions are steps of the grid, counted so that the bar's whole meter begins at 0. Multiples of
three steps are 32nds. Others need triplets: three notes in the time of two, which fill a span of
the meter, from a 16th to a half; within it all lengths are written half as long again as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from .bars import Meter

_TYPES = "32nd", "16th", "eighth", "quarter", "half", "whole", "breve"
# by their steps, the type and the dots of notes
_PLAIN = {3 << n: (kind, 0) for n, kind in enumerate(_TYPES)}
_PLAIN |= {9 << n: (kind, 1) for n, kind in enumerate(_TYPES[1:6])}
_TRIPLET = {1 << n: (kind, 0) for n, kind in enumerate(("64th", *_TYPES[:5]))}
_TRIPLET |= {3 << n: (kind, 1) for n, kind in enumerate(_TYPES[:4])}
_SPANS = (6, 12, 24, 48)  # of triplets
_BEAT = 24


class Event(NamedTuple):
    """A chord, or a rest, in a bar. `number`: which one it is; None for a rest."""

    start: int
    end: int
    number: int | None


class Triplet(NamedTuple):
    """Three notes in the time of two, and all that is as long as they. `kind`: of the three."""

    start: int
    end: int
    kind: str


class Piece(NamedTuple):
    """A note, chord or rest as it is written. `is_triplet`: its length is that of a triplet's
    note."""

    start: int
    end: int
    number: int | None
    kind: str
    dots: int
    is_triplet: bool
    triplet: Triplet | None


@lru_cache(256)
def levels_of(meter: Meter) -> tuple[int, ...]:
    """The distances of the places in a bar, from strong to weak: of bars, halves, beats, ...

    Those of one level are not all of the level before: a bar of 3/4 has thirds, no halves.
    """
    unit = 96 // meter.denominator
    group = meter.beat if meter.is_compound else unit
    levels, length = [meter.steps], meter.steps
    while length % (2 * group) == 0 and length > group:
        length //= 2
        levels.append(length)
    if group not in levels:
        levels.append(group)
    if unit not in levels:
        levels.append(unit)
    while unit % 6 == 0:
        unit //= 2
        levels.append(unit)
    return tuple(levels)


def written(events: list[Event], meter: Meter) -> Iterator[Piece]:
    """The pieces of events that follow each other without gaps."""
    levels = levels_of(meter)
    triplets = iter(_triplets(events, levels))
    triplet = next(triplets, None)
    for start, end, number in events:
        while start < end:
            while triplet is not None and triplet.end <= start:
                triplet = next(triplets, None)
            if triplet is None or triplet.start >= end:
                until, inside = end, None
            elif triplet.start > start:
                until, inside = triplet.start, None
            else:
                until, inside = min(end, triplet.end), triplet
            yield from _pieces(start, until, number, levels, inside)
            start = until


def _triplets(events: list[Event], levels: tuple[int, ...]) -> list[Triplet]:
    """The triplets that the events need, none within another."""
    spans = [span for span in _SPANS if span in levels]
    found: list[Triplet] = []
    for before, after in zip(events[:-1], events[1:], strict=True):
        if after.start % 3 == 0 or not spans:
            continue
        span = _span(before, after, spans)
        start = after.start // span * span
        if start < events[0].start or start + span > events[-1].end:  # a bar cut short
            continue
        while found and found[-1].start >= start:
            found.pop()
        if not found or found[-1].end <= start:
            found.append(Triplet(start, start + span, _TRIPLET[span // 3][0]))
    return found


def _span(before: Event, after: Event, spans: list[int]) -> int:
    """The length of the triplet around the point between two events: it holds the notes of both,
    and a third of it is as long as the shorter one, if there is such a triplet."""
    at = after.start
    notes = [event for event in (before, after) if event.number is not None]
    shortest = min((end - start for start, end, _ in notes), default=0)
    for span in spans:
        first = at // span * span
        is_held = all(start >= first and end <= first + span for start, end, _ in notes)
        if is_held and span >= 3 * shortest and at % (span // 6) == 0:
            return span
    return max([span for span in spans if at % (span // 3) == 0 and span <= _BEAT] or spans[:1])


def _pieces(
    start: int, end: int, number: int | None, levels: tuple[int, ...], triplet: Triplet | None
) -> Iterator[Piece]:
    """A length as notes that show where the strong places are."""
    table, places, origin = _PLAIN, levels, 0
    if triplet is not None:
        third = (triplet.end - triplet.start) // 3
        table, origin = _TRIPLET, triplet.start
        places = (3 * third, *(third >> n for n in range(third.bit_length())))
    for first, last in _split(start - origin, end - origin, number is None, places, table):
        kind, dots = table.get(last - first) or _TRIPLET[last - first]
        is_triplet = triplet is not None or last - first not in table
        yield Piece(first + origin, last + origin, number, kind, dots, is_triplet, triplet)


def _split(
    start: int, end: int, is_rest: bool, levels: tuple[int, ...], table: dict[int, tuple[str, int]]
) -> Iterator[tuple[int, int]]:
    """Cut a length at its strongest places until notes can be written."""
    inside = next((n for n, d in enumerate(levels) if (start // d + 1) * d < end), len(levels))
    if inside == len(levels) or (
        end - start in table and _reads(start, end, is_rest, inside, levels, table)
    ):
        yield start, end
        return
    distance = levels[inside]
    cuts = range((start // distance + 1) * distance, end, distance)
    cut = next((at for at in reversed(cuts) if at - start in table), cuts[0])
    yield from _split(start, cut, is_rest, levels, table)
    yield from _split(cut, end, is_rest, levels, table)


def _reads(
    start: int,
    end: int,
    is_rest: bool,
    inside: int,
    levels: tuple[int, ...],
    table: dict[int, tuple[str, int]],
) -> bool:
    """Whether a length over a strong place, of level `inside`, may be one note: one that begins or
    ends at a place as strong, or a plain syncopation."""
    is_dotted = table[end - start][1] > 0
    begins, ends = (
        next((n for n, d in enumerate(levels) if at % d == 0), len(levels)) for at in (start, end)
    )
    if is_rest:
        return begins <= inside and (not is_dotted or end - start in levels)
    return begins <= inside or ends <= inside or (not is_dotted and begins == ends == inside + 1)
