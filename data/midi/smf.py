"""The frame of Standard MIDI Files: header, chunks, variable-length quantities, delta times."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ugen.data.errors import MidiError, UgenError
from ugen.data.files import read_bytes

MIDI_SUFFIXES = (".mid", ".midi", ".kar", ".rmi", ".smf")
MAX_BYTES = 64 << 20  # the largest MIDI file worth believing; checked before it is read
MAX_TRACKS = 65535  # what a header can name
MAX_QUANTITY = 0x0FFFFFFF  # the largest variable-length quantity, in 4 bytes


class DamageError(Exception):
    """The rest of a track makes no sense."""

    def __init__(self, reason: str, offset: int):
        self.reason, self.offset = reason, offset


class TrackSpan(NamedTuple):
    """Where a track's events are, in bytes.

    `end`: where its length puts its end. `limit`: how far it can reach, if its length is wrong and
    it has not ended there.
    """

    start: int
    end: int
    limit: int


class Header(NamedTuple):
    """What a file says before its music.

    `division`: as in the file; negative for SMPTE time. `ticks_per_beat`: with SMPTE time, of beats
    of `usec` microseconds; 0 where the file says how long they are.
    """

    format: int
    division: int
    ticks_per_beat: int
    usec: int
    tracks: list[TrackSpan]
    warnings: list[str]


def read_file(path: Path) -> bytes:
    """The bytes of a file no larger than a MIDI file can be. Raises MidiError that names it."""
    try:
        return read_bytes(path, MAX_BYTES, "a MIDI file")
    except UgenError as error:
        raise MidiError(str(path), error.reason) from None


def read_header(data: bytes, name: str) -> Header:
    """The header of a file. Raises MidiError when it is no MIDI file; `name` stands for it."""
    start = data.find(b"MThd")
    if start < 0:
        raise MidiError(name, f"not a MIDI file ({_kind_of(data)})", 0)
    header = data[start + 8 : start + 14]
    if len(header) < 6:
        raise MidiError(name, "the file ends inside its header", len(data))
    file_format, declared = (int.from_bytes(header[i : i + 2], "big") for i in (0, 2))
    division = int.from_bytes(header[4:], "big", signed=True)
    ticks, usec = _time_base(division)
    if ticks == 0:
        raise MidiError(name, "a division of 0 ticks gives notes no time", start + 12)
    warnings = []
    if start and data[:4] != b"RIFF":
        warnings.append(f"{start} bytes before the header (MThd), skipped")
    if file_format > 2:
        warnings.append(f"format {file_format} does not exist; read as format 1")
    pos = start + 8 + int.from_bytes(data[start + 4 : start + 8], "big")
    tracks = _find_tracks(data, start + 14, pos, warnings)
    if len(tracks) != declared:
        warnings.append(f"the header names {declared} tracks, the file has {len(tracks)}")
    return Header(file_format, division, ticks, usec, tracks[:declared], warnings)


def _kind_of(data: bytes) -> str:
    """What a file without a header is, for a person who wonders."""
    if not data:
        return "it is empty"
    archives = b"PK\3\4", b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf", b"BZh", b"\xfd7zXZ"
    return "it is an archive" if data.startswith(archives) else "it has no MThd"


def _time_base(division: int) -> tuple[int, int]:
    """Ticks a beat, and its microseconds where the file does not say them."""
    if division >= 0:
        return division, 0
    frames, ticks = -(division >> 8), division & 0xFF
    # a beat is half a second; 29 stands for 30 frames in 1.001 s
    return (30 * ticks, 500_500) if frames == 29 else (frames * ticks, 500_000)


def _find_tracks(data: bytes, first: int, pos: int, warnings: list[str]) -> list[TrackSpan]:
    """The tracks from `pos` on, where the header's length puts the first chunk; it may be anywhere
    from `first` on. Where a length leads to no chunk, the next track is searched for."""
    tracks: list[TrackSpan] = []
    found = data.find(b"MTrk", first)
    if 0 <= found < pos or pos < first or not _is_chunk(data, pos):
        pos = found
        if found >= 0:
            warnings.append(f"the header's length is wrong; the first track is at byte {found}")
    while 0 <= pos <= len(data) - 8:
        end = pos + 8 + int.from_bytes(data[pos + 4 : pos + 8], "big")
        following = end
        if end != len(data) and not _is_chunk(data, end):
            following = data.find(b"MTrk", pos + 4)
        if data[pos : pos + 4] == b"MTrk":
            limit = following if following >= 0 else len(data)
            tracks.append(TrackSpan(pos + 8, min(end, limit), limit))
            if end > len(data) and following < 0:
                warnings.append(f"track {len(tracks)}: shorter than its length says")
            elif following not in (end, -1):
                where = f"the next track is at byte {following}"
                warnings.append(f"track {len(tracks)}: its length is wrong; {where}")
        pos = following
    return tracks


def _is_chunk(data: bytes, pos: int) -> bool:
    """Whether a chunk that fits into the file, or a track, begins at `pos`."""
    kind = data[pos : pos + 4]
    size = int.from_bytes(data[pos + 4 : pos + 8], "big")
    fits = pos + 8 + size <= len(data) and kind.isascii() and kind.decode("ascii").isprintable()
    return kind == b"MTrk" or (fits and len(kind) == 4)


def header_chunk(file_format: int, tracks: int, division: int) -> bytes:
    """The chunk that begins a file. `division`: negative for SMPTE time."""
    numbers = file_format, tracks, division & 0xFFFF
    return chunk(b"MThd", b"".join(number.to_bytes(2, "big") for number in numbers))


def chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk: its type of four letters, its length and its content."""
    return kind + len(body).to_bytes(4, "big") + body


def read_variable_length(data: bytes, pos: int) -> tuple[int, int]:
    """A variable-length quantity (at most 4 bytes, after any that are 0) and the position after
    it."""
    value, start = 0, pos
    while value <= MAX_QUANTITY >> 7:
        byte = data[pos]
        pos += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, pos
    raise DamageError("a variable-length quantity of more than 4 bytes", start)


def variable_length(value: int) -> bytes:
    """A variable-length quantity."""
    if value < 0x80:
        return bytes([value])
    assert value <= MAX_QUANTITY
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F | 0x80)
    return bytes(reversed(groups))
