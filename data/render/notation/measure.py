"""A voice's bar: its notes and rests as they are written, with their beams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .bars import Bar, Meter
from .rhythm import Event, Piece, written
from .voices import Chord

_BEAMS = {"eighth": 1, "16th": 2, "32nd": 3, "64th": 4}


class Voice:
    """A voice that is read bar by bar."""

    def __init__(self, chords: list[Chord]):
        self._chords = chords
        self._next = 0

    def within(self, bar: Bar) -> list[Chord]:
        """The next bar's chords."""
        found = []
        for chord in self._chords[self._next : self._next + bar.length]:
            if chord.start >= bar.end:
                break
            found.append(chord.within(bar.start, bar.end))
            if chord.end > bar.end:
                break
            self._next += 1
        return found


class Symbol(NamedTuple):
    """A note, a chord or a rest. `length`: in steps; `tied_from`, `tied_to`, `released`: as of
    a chord; `beams`: begin, continue, end, forward hook or backward hook."""

    length: int
    piece: Piece
    pitches: list[int]
    tied_from: frozenset[int]
    tied_to: frozenset[int]
    released: dict[int, int]
    beams: tuple[str, ...]


def symbols(chords: list[Chord], bar: Bar, has_ties: bool = True) -> Iterator[Symbol]:
    """A bar of a voice. Without `has_ties`, as for drums, rests stand where notes would go on."""
    origin = bar.start - (bar.lacks if bar.is_pickup else 0)
    pieces = list(written(_events(chords, bar, origin), bar.meter))
    if not has_ties:
        pieces = [
            piece._replace(number=None) if before and before.number == piece.number else piece
            for before, piece in zip([None, *pieces], pieces, strict=False)
        ]
    beams = _beams(pieces, bar.meter)
    for piece, its in zip(pieces, beams, strict=True):
        if piece.number is None:
            nothing = frozenset[int]()
            yield Symbol(piece.end - piece.start, piece, [], nothing, nothing, {}, its)
            continue
        chord = chords[piece.number].within(piece.start + origin, piece.end + origin)
        yield Symbol(
            piece.end - piece.start,
            piece,
            chord.pitches,
            chord.tied_from,
            chord.tied_to if has_ties else frozenset(),
            chord.released,
            its,
        )


def _events(chords: list[Chord], bar: Bar, origin: int) -> list[Event]:
    """Chords, and rests between them."""
    events = []
    now = bar.start
    for number, chord in enumerate(chords):
        if chord.start > now:
            events.append(Event(now - origin, chord.start - origin, None))
        events.append(Event(chord.start - origin, chord.end - origin, number))
        now = chord.end
    if now < bar.end:
        events.append(Event(now - origin, bar.end - origin, None))
    return events


def _beams(pieces: list[Piece], meter: Meter) -> list[tuple[str, ...]]:
    """The beams of each piece: they join short notes of one beat."""
    beat = meter.steps if meter == (3, 8) else max(meter.beat, 24)
    counts = [_BEAMS.get(piece.kind, 0) if piece.number is not None else 0 for piece in pieces]
    found = []
    for n, piece in enumerate(pieces):
        group = piece.start // beat
        before = counts[n - 1] if n and pieces[n - 1].start // beat == group else 0
        follows = n + 1 < len(pieces) and pieces[n + 1].start // beat == group
        after = counts[n + 1] if follows else 0
        found.append(tuple(_beam(level, before, after) for level in range(1, counts[n] + 1)))
    return [beams if any(beams[:1]) else () for beams in found]


def _beam(level: int, before: int, after: int) -> str:
    """A note's beam of a level, between notes of so many beams."""
    if before >= level:
        return "continue" if after >= level else "end"
    if after >= level:
        return "begin"
    if level == 1 and not before and not after:
        return ""
    return "backward hook" if before else "forward hook"
