"""Read MIDI files event by event, whatever their kind: all that a file holds, in the order it has.

`ugen.data.midi.reader` reads the notes alone, several times as fast.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from .messages import BY_CODE, END_OF_TRACK, SYSTEM_DATA, TEXT, TITLE, UNKNOWN_META, EventKind
from .smf import DamageError, TrackSpan, read_header, read_variable_length


class Event(NamedTuple):
    """One event. `numbers`: those of its kind's fields; `rest`: the text or data after them."""

    tick: int
    kind: EventKind
    numbers: tuple[int, ...] = ()
    rest: bytes = b""


def read_texts(data: bytes, name: str) -> list[str]:
    """The text events of a MIDI file's first track, read as UTF-8. `name` stands for the file in
    messages. Raises MidiError when `data` are no MIDI file."""
    for span in read_header(data, name).tracks[:1]:
        texts = [event.rest for event in read_events(data, span) if event.kind is TEXT]
        return [text.decode("utf-8", "replace") for text in texts]
    return []


def track_names(data: bytes, name: str) -> tuple[str, ...]:
    """The names of a MIDI file's tracks, empty where one has none."""
    names = []
    for span in read_header(data, name).tracks:
        found = (event.rest for event in read_events(data, span) if event.kind is TITLE)
        names.append(next(found, b"").decode("utf-8", "replace"))
    return tuple(names)


def read_events(data: bytes, span: TrackSpan) -> Iterator[Event]:
    """The events of a track up to its end or to the first damage, and its end. What is damaged is
    read as by `read_midi`."""
    body, size = data[span.start : span.limit], span.end - span.start
    pos = tick = status = 0
    with suppress(IndexError, DamageError):
        while pos < len(body):
            delta, pos = read_variable_length(body, pos)
            tick += delta
            code, content, pos = _read_event(body, pos, status)
            if code < 0xF0:
                status = code
            if code == END_OF_TRACK.code:
                if pos >= size:
                    break
            elif code < 0xA0 and max(content) > 127:
                if content[0] <= 127:
                    yield _decoded(code, bytes([content[0], 127]), tick)
            elif code in BY_CODE:
                yield _decoded(code, content, tick)
    yield Event(tick, END_OF_TRACK)


def _read_event(body: bytes, pos: int, status: int) -> tuple[int, bytes, int]:
    """The code of the event at `pos`, its data, and the position after it. `status` is the running
    status."""
    code, pos = (body[pos], pos + 1) if body[pos] >= 0x80 else (status, pos)
    if code == 0xFF:
        code, pos = 0xFF00 + body[pos], pos + 1
    if code >= 0xFF00 or code in (0xF0, 0xF7):
        length, pos = read_variable_length(body, pos)
    elif code > 0xF0:
        return code, b"", pos + SYSTEM_DATA.get(code, 0)
    elif code:
        length = BY_CODE[code].size
    else:
        raise DamageError("a data byte where a status byte is due", pos)
    data = body[pos : pos + length]
    if len(data) < length:
        raise DamageError("an event that runs past the end of its track", pos)
    return code, data, pos + length


def _decoded(code: int, data: bytes, tick: int) -> Event:
    """An event; one whose data do not fit its kind as an unknown meta event."""
    kind = BY_CODE[code]
    numbers = kind.decode(data, code)
    fits = kind.rest or len(data) == kind.size
    if fits and all(f.low <= n <= f.high for f, n in zip(kind.fields, numbers, strict=True)):
        return Event(tick, kind, numbers, data[kind.size :])
    return Event(tick, UNKNOWN_META, (code - UNKNOWN_META.code,), data)
