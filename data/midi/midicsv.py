"""MIDI files to and from the text format of John Walker's midicsv 1.1: a line per event.

The rows are those that `midicsv` prints, and `csv_to_midi` makes the events that `csvmidi` makes of
them. The differences:

- A meta event whose data do not fit its kind (a tempo of two bytes) is an Unknown_meta_event of the
  same type and bytes. midicsv prints what lies beyond its end, or drops bytes.
- A damaged track ends where `read_midi` stops, and the header names the tracks that are there.
  midicsv goes on through damage, at worst without end.
- System messages that files may not hold are skipped, a note of a pitch over 127 is left out, a
  velocity over 127 is 127, and other data bytes over 127 lose their top bit, as in `read_midi`.
- RIFF wrappers, long headers, chunks that are no tracks, blank lines and SMPTE divisions are read.
- The first bad row or escape is an error; csvmidi takes a nearby value.

Text is Latin-1: write what `midi_to_csv` gives as Latin-1, for midicsv's programs to read it.

Source: midicsv(5), and what Debian's midicsv 1.1 prints.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ugen.data.errors import UgenError

from .events import read_events
from .messages import END_OF_TRACK, EVENTS, UNKNOWN_META, EventKind, Field
from .smf import MAX_QUANTITY, Header, chunk, header_chunk, read_header, variable_length

HEADER = EventKind(
    "Header",
    fields=(
        Field("format", 2, 0, 2),
        Field("number of tracks", 2, 0, 65535),
        Field("division", 2, -32768, 32767),
    ),
)
START_TRACK, END_OF_FILE = EventKind("Start_track"), EventKind("End_of_file")
_BY_NAME = {kind.name.lower(): kind for kind in (HEADER, START_TRACK, *EVENTS, END_OF_FILE)}
_TRACK, _TIME = Field("track", 0, 0, 65535), Field("time", 0, 0, 10**14)
_LENGTH, _BYTE = Field("length", 0, 0, MAX_QUANTITY), Field("a data byte", 0, 0, 255)
_ESCAPES = {byte: f"\\{byte:03o}" for byte in (*range(32), *range(127, 161))} | {
    ord('"'): '""',
    ord("\\"): "\\\\",
}
_COLUMN = re.compile(r'[ \t]*(?:"([^"]*(?:""[^"]*)*)"|([^",]*))[ \t]*(,|\Z)')


class RowError(Exception):
    """What is wrong with a line."""


class CsvRow(NamedTuple):
    """One line. `rest`: the text or data after its numbers."""

    track: int
    tick: int
    kind: EventKind
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
    return "".join(csv_lines(data, name))


def csv_lines(data: bytes, name: str) -> Iterator[str]:
    """What `midi_to_csv` gives, line by line: the text is ten times as long as the file."""
    header = read_header(data, name)
    file_format = header.format if header.format <= 2 else 1  # as read_midi reads it
    return (f"{row}\n" for row in _csv_rows(data, header, file_format))


def _csv_rows(data: bytes, header: Header, file_format: int) -> Iterator[CsvRow]:
    yield CsvRow(0, 0, HEADER, (file_format, len(header.tracks), header.division))
    for track, span in enumerate(header.tracks, 1):
        yield CsvRow(track, 0, START_TRACK)
        for event in read_events(data, span):
            yield CsvRow(track, *event)
    yield CsvRow(0, 0, END_OF_FILE)


def csv_to_midi(text: str, name: str) -> bytes:
    """The MIDI file that midicsv's rows describe. `name` stands for the text in messages.

    Raises UgenError with the name, the line and the reason at the first line that makes no sense.
    """
    lines = _Lines()
    try:
        return b"".join(_chunks(lines.rows(text)))
    except RowError as error:
        raise UgenError(f"line {lines.number}: {error}", path=name) from None


class _Lines:
    """The rows of a text."""

    number = 0  # the line of the row given last

    def rows(self, text: str) -> Iterator[CsvRow]:
        # not splitlines: that splits at control characters within texts, too
        for self.number, line in enumerate(re.finditer(r"(?m)^[^\n]*", text), 1):
            content = line[0].strip(" \t\r")
            if content and content[0] not in "#;":
                yield _parse(content)


def _chunks(rows: Iterator[CsvRow]) -> Iterator[bytes]:
    """The file's chunks, from all its rows."""
    header = next(rows, None)
    if header is None or header.kind is not HEADER:
        raise RowError("the first row is not a Header")
    _, declared, division = header.numbers
    if not division or division < 0 and not division & 0xFF:
        raise RowError("a division of 0 ticks gives notes no time")
    yield header_chunk(*header.numbers)
    count = last = 0
    while (row := _next(rows)).kind is not END_OF_FILE:
        if row.kind is not START_TRACK:
            raise RowError(f"{row.kind.name} outside of a track (Start_track to End_track)")
        if row.track <= last:
            raise RowError(f"track {row.track} comes after track {last}")
        body = _track(row.track, rows)
        count += 1
        last = row.track
        yield chunk(b"MTrk", body)
    if count != declared:
        raise RowError(f"the Header names {declared} tracks, the text has {count}")
    if next(rows, None):
        raise RowError("a row after End_of_file")


def _next(rows: Iterator[CsvRow]) -> CsvRow:
    if row := next(rows, None):
        return row
    raise RowError("the text ends before its End_of_file")


def _track(track: int, rows: Iterator[CsvRow]) -> bytes:
    """The events of a track, from the rows after its Start_track."""
    body, now, kind = bytearray(), 0, START_TRACK
    while kind is not END_OF_TRACK:
        number, tick, kind, numbers, rest = _next(rows)
        if not kind.code:
            raise RowError(f"{kind.name} where track {track} has no End_track yet")
        if number != track:
            raise RowError(f"a row of track {number} within track {track}")
        if not 0 <= tick - now <= MAX_QUANTITY:
            why = "it runs backwards"
            if tick > now:
                why = f"a file has room for {MAX_QUANTITY} ticks between events"
            raise RowError(f"the time goes from {now} to {tick}; {why}")
        if kind is UNKNOWN_META and numbers[0] + kind.code == END_OF_TRACK.code:
            raise RowError(f"{kind.name} of type {numbers[0]} would end the track; write End_track")
        body += variable_length(tick - now) + kind.encode(*numbers, rest=rest)
        now = tick
    return bytes(body)


def _parse(line: str) -> CsvRow:
    fields = _split(line.rstrip(", \t"))  # spreadsheets pad rows with empty fields
    if len(fields) < 3:
        raise RowError("not a row of track, time and type")
    kind = _BY_NAME.get(fields[2].lower())
    if kind is None:
        raise RowError(f"unknown record type {fields[2][:30]!a}")
    try:
        return CsvRow(
            _number(_TRACK, fields[0]), _number(_TIME, fields[1]), kind, *_values(kind, fields[3:])
        )
    except RowError as error:
        raise RowError(f"{kind.name}: {error}") from None


def _split(line: str) -> list[str]:
    """The fields of a line, quotes and escapes undone."""
    fields: list[str] = []
    pos, comma = 0, ","
    while comma:
        match = _COLUMN.match(line, pos)
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


def _number(field: Field, text: str) -> int:
    """The number that a row's text means. Raises RowError when it is none, or out of range."""
    if field.words and text.lower() in field.words:
        return field.words.index(text.lower())
    # 15 digits: more than any number has, and int() refuses the longest
    if not field.words and re.fullmatch("-?[0-9]{1,15}", text):
        number = int(text)
        if field.low <= number <= field.high:
            return number
    due = " or ".join(field.words) or f"a number from {field.low} to {field.high}"
    raise RowError(f"{field.name} is {text[:20]!a}, not {due}")


def _values(kind: EventKind, texts: list[str]) -> tuple[tuple[int, ...], bytes]:
    """The numbers and the rest of a row of `kind`, from the fields after its name."""
    names = [field.name for field in kind.fields] + {"": [], "text": ["text"], "data": ["length"]}[
        kind.rest
    ]
    data = texts[len(names) :]
    if len(texts) < len(names) or data and kind.rest != "data":
        due = f"{len(names)}: {', '.join(names)}" if names else "none"
        raise RowError(f"{len(texts)} fields after the type where it has {due}")
    numbers = tuple(_number(*pair) for pair in zip(kind.fields, texts, strict=False))
    if kind.rest != "text":
        if kind.rest and _number(_LENGTH, texts[len(names) - 1]) != len(data):
            length = texts[len(names) - 1]
            raise RowError(f"the length is {length}, but {len(data)} data bytes follow")
        return numbers, bytes(_number(_BYTE, text) for text in data)
    try:
        return numbers, texts[-1].encode("latin-1")
    except UnicodeEncodeError as error:
        raise RowError(f"{texts[-1][error.start]!a} is not a Latin-1 character") from None
