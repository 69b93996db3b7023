"""MIDI files to and from the text format of John Walker's midicsv 1.1: one line an event, whatever
its kind.

The rows are those that `midicsv` prints, and `csv_to_midi` makes of them the events that `csvmidi`
makes, save that:

- A meta event whose data do not fit its kind (a tempo of two bytes) is an Unknown_meta_event of the
same type and
  bytes. midicsv prints what lies beyond its end, or drops bytes.
- A damaged track ends where `read_midi` stops, and the header names the tracks that are there.
midicsv goes on
  through damage, at worst without end.
- System messages that files may not hold are skipped, and data bytes over 127 lose their top bit,
as in `read_midi`. - RIFF wrappers, long headers, chunks that are no tracks, blank lines and SMPTE
divisions are read as well. - The first bad row or escape is an error; csvmidi makes do with a
nearby value.

Text is Latin-1: write what `midi_to_csv` gives as Latin-1, for midicsv's programs to read it.

Source: midicsv(5), and what Debian's midicsv 1.1 prints.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from ugen.data.errors import UgenError

from .messages import (
    BY_CODE,
    BY_NAME,
    BYTE,
    END,
    END_OF_FILE,
    HEADER,
    LENGTH,
    START,
    TIME,
    TRACK,
    UNKNOWN,
    Kind,
    RowError,
)
from .smf import MAX_VLQ, SYSTEM_DATA, DamageError, read_header, read_variable

_ESCAPES = {byte: f"\\{byte:03o}" for byte in (*range(32), *range(127, 161))} | {
    ord('"'): '""',
    ord("\\"): "\\\\",
}
_FIELD = re.compile(r'[ \t]*(?:"([^"]*(?:""[^"]*)*)"|([^",]*))[ \t]*(,|\Z)')


class _Row(NamedTuple):
    track: int
    tick: int
    kind: Kind
    numbers: tuple[int, ...] = ()
    rest: bytes = b""

    def __str__(self) -> str:
        values = [str(self.track), str(self.tick), self.kind.name]
        for field, number in zip(self.kind.fields, self.numbers, strict=True):
            values.append(f'"{field.words[number]}"' if field.words else str(number))
        if self.kind.rest == "text":
            values.append(f'"{self.rest.decode("latin-1").translate(_ESCAPES)}"')
        elif self.kind.rest == "data":
            values += map(str, (len(self.rest), *self.rest))
        return ", ".join(values)


def midi_to_csv(data: bytes, name: str) -> str:
    """The events of a MIDI file as midicsv's rows. `name` stands for the file in messages.

    Damage as the module says; raises MidiError when `data` are no MIDI file.
    """
    chunks = read_header(data, name)[3]
    start = data.find(b"MThd", 12 if data.startswith(b"RIFF") else 0) + 8
    file_format, _, division = (
        field.unpack(data[start + 2 * i :][:2]) for i, field in enumerate(HEADER.fields)
    )
    # formats that do not exist are read as format 1
    rows = [
        _Row(0, 0, HEADER, (file_format if 0 <= file_format <= 2 else 1, len(chunks), division))
    ]
    for track, (first, end) in enumerate(chunks, 1):
        rows.append(_Row(track, 0, START))
        rows += _read_rows(data[first:end], track)
    rows.append(_Row(0, 0, END_OF_FILE))
    return "\n".join(map(str, rows)) + "\n"


def _read_rows(body: bytes, track: int) -> Iterator[_Row]:
    """The events of a track up to its end or to the first damage, and an End_track."""
    pos = tick = status = 0
    with suppress(IndexError, DamageError):
        while pos < len(body):
            delta, pos = read_variable(body, pos)
            tick += delta
            code, data, pos = _read_event(body, pos, status)
            if code == END.code:
                break
            if code in BY_CODE:
                yield _unpack(code, data, track, tick)
            if code <= 0xFF:  # as in read_midi, meta events do not cancel running status
                status = code if code < 0xF0 else 0
    yield _Row(track, tick, END)


def _read_event(body: bytes, pos: int, status: int) -> tuple[int, bytes, int]:
    """The code of the event at `pos`, its data, and the position after it. `status` is the running
    status."""
    code, pos = (body[pos], pos + 1) if body[pos] >= 0x80 else (status, pos)
    if code == 0xFF:
        code, pos = 0xFF00 + body[pos], pos + 1
    if code >= 0xFF00 or code in (0xF0, 0xF7):
        length, pos = read_variable(body, pos)
    elif code > 0xF0:
        return code, b"", pos + SYSTEM_DATA.get(code, 0)
    elif code:
        length = BY_CODE[code].size
    else:
        raise DamageError("a data byte where a status byte is due", pos)
    data = body[pos : pos + length]
    if len(data) < length or code < 0xA0 and max(data) > 127:
        raise DamageError(
            "an event that runs past the end of its track, or a note with a data byte over 127", pos
        )
    return code, data, pos + length


def _unpack(code: int, body: bytes, track: int, tick: int) -> _Row:
    kind, numbers, pos = BY_CODE[code], [], 0
    for field in kind.fields:
        numbers.append(
            field.unpack(body[pos : pos + field.size]) if field.size else code - kind.code
        )
        pos += field.size
    fits = kind.rest or len(body) == kind.size
    if fits and all(f.low <= n <= f.high for f, n in zip(kind.fields, numbers, strict=True)):
        return _Row(track, tick, kind, tuple(numbers), body[pos:])
    return _Row(track, tick, UNKNOWN, (code - UNKNOWN.code,), body)


def csv_to_midi(text: str, name: str) -> bytes:
    """The MIDI file that midicsv's rows describe. `name` stands for the text in messages.

    Raises UgenError with the name, the line and the reason at the first line that makes no sense.
    """
    lines = _Lines()
    try:
        return b"".join(_chunks(lines.rows(text)))
    except RowError as error:
        raise UgenError(f"{name}: line {lines.number}: {error}") from None


class _Lines:
    """The rows of a text."""

    number = 0  # the line of the row given last

    def rows(self, text: str) -> Iterator[_Row]:
        # not splitlines: that splits at control characters within texts, too
        for self.number, line in enumerate(text.split("\n"), 1):
            content = line.strip(" \t\r")
            if content and content[0] not in "#;":
                yield _parse(content)


def _chunks(rows: Iterator[_Row]) -> Iterator[bytes]:
    """The file's chunks, from all its rows."""
    header = next(rows, None)
    if header is None or header.kind is not HEADER:
        raise RowError("the first row is not a Header")
    _, declared, division = header.numbers
    if not division or division < 0 and not division & 0xFF:
        raise RowError("a division of 0 ticks gives notes no time")
    yield b"MThd" + (6).to_bytes(4, "big") + _pack(header)
    count = last = 0
    while (row := _next(rows)).kind is not END_OF_FILE:
        if row.kind is not START:
            raise RowError(f"{row.kind.name} outside of a track (Start_track to End_track)")
        if row.track <= last:
            raise RowError(f"track {row.track} comes after track {last}")
        count, last, body = count + 1, row.track, _track(row.track, rows)
        yield b"MTrk" + len(body).to_bytes(4, "big") + body
    if count != declared:
        raise RowError(f"the Header names {declared} tracks, the text has {count}")
    if next(rows, None):
        raise RowError("a row after End_of_file")


def _next(rows: Iterator[_Row]) -> _Row:
    if row := next(rows, None):
        return row
    raise RowError("the text ends before its End_of_file")


def _track(track: int, rows: Iterator[_Row]) -> bytes:
    """The events of a track, from the rows after its Start_track."""
    body, now, kind = bytearray(), 0, START
    while kind is not END:
        number, tick, kind, numbers, _ = row = _next(rows)
        if not kind.code:
            raise RowError(f"{kind.name} where track {track} has no End_track yet")
        if number != track:
            raise RowError(f"a row of track {number} within track {track}")
        if not 0 <= tick - now <= MAX_VLQ:
            why = (
                f"a file has room for {MAX_VLQ} ticks between events"
                if tick > now
                else "it runs backwards"
            )
            raise RowError(f"the time goes from {now} to {tick}; {why}")
        if kind is UNKNOWN and numbers[0] + kind.code == END.code:
            raise RowError(f"{kind.name} of type {numbers[0]} would end the track; write End_track")
        body += _quantity(tick - now) + _event_bytes(row)
        now = tick
    return bytes(body)


def _event_bytes(row: _Row) -> bytes:
    kind, body = row.kind, _pack(row)
    code = kind.code + (row.numbers[0] if kind.fields and not kind.fields[0].size else 0)
    head = code.to_bytes(2 if code > 0xFF else 1, "big")
    return head + body if code < 0xF0 else head + _quantity(len(body)) + body


def _pack(row: _Row) -> bytes:
    fields = zip(row.kind.fields, row.numbers, strict=True)
    return b"".join(field.pack(number) for field, number in fields if field.size) + row.rest


def _quantity(value: int) -> bytes:
    """A variable-length quantity."""
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F | 0x80)
    return bytes(reversed(groups))


def _parse(line: str) -> _Row:
    fields = _split(line.rstrip(", \t"))  # spreadsheets pad rows with empty fields
    if len(fields) < 3:
        raise RowError("not a row of track, time and type")
    kind = BY_NAME.get(fields[2].lower())
    if kind is None:
        raise RowError(f"unknown record type {fields[2][:30]!a}")
    try:
        return _Row(TRACK.parse(fields[0]), TIME.parse(fields[1]), kind, *_values(kind, fields[3:]))
    except RowError as error:
        raise RowError(f"{kind.name}: {error}") from None


def _split(line: str) -> list[str]:
    """The fields of a line, quotes and escapes undone."""
    fields: list[str] = []
    pos, comma = 0, ","
    while comma:
        match = _FIELD.match(line, pos)
        if match is None:
            raise RowError(
                f"field {len(fields) + 1} has a quote that is not closed, or text beside its quotes"
            )
        quoted, bare, comma = match.groups()
        fields.append(bare.strip() if quoted is None else _unescape(quoted.replace('""', '"')))
        pos = match.end()
    return fields


def _unescape(text: str) -> str:
    def character(match: re.Match[str]) -> str:
        if match[1] == "\\":
            return "\\"
        if not match[1] or int(match[1], 8) > 255:
            raise RowError(
                f"{match[0]} is no escape; those are two backslashes, and \\000 to \\377"
            )
        return chr(int(match[1], 8))

    return re.sub(r"\\(\\|[0-7]{0,3})", character, text)


def _values(kind: Kind, texts: list[str]) -> tuple[tuple[int, ...], bytes]:
    """The numbers and the rest of a row of `kind`, from the fields after its name."""
    names = [field.name for field in kind.fields] + {"": [], "text": ["text"], "data": ["length"]}[
        kind.rest
    ]
    data = texts[len(names) :]
    if len(texts) < len(names) or data and kind.rest != "data":
        due = f"{len(names)}: {', '.join(names)}" if names else "none"
        raise RowError(f"{len(texts)} fields after the type where it has {due}")
    numbers = tuple(field.parse(text) for field, text in zip(kind.fields, texts, strict=False))
    if kind.rest == "data" and LENGTH.parse(texts[len(names) - 1]) != len(data):
        raise RowError(f"the length is {texts[len(names) - 1]}, but {len(data)} data bytes follow")
    try:
        return numbers, texts[-1].encode("latin-1") if kind.rest == "text" else bytes(
            map(BYTE.parse, data)
        )
    except UnicodeEncodeError as error:
        raise RowError(f"{texts[-1][error.start]!a} is not a Latin-1 character") from None
