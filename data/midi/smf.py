"""The frame of Standard MIDI Files: header, chunks, variable-length quantities, delta times."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ugen.data.errors import MidiError

MIDI_SUFFIXES = (".mid", ".midi", ".kar", ".rmi", ".smf")
MAX_BYTES = 64 << 20  # the largest MIDI file worth believing; checked before it is read
MAX_QUANTITY = 0x0FFFFFFF  # the largest variable-length quantity, in 4 bytes


class DamageError(Exception):
    """The rest of a track makes no sense."""

    def __init__(self, reason: str, offset: int):
        self.reason, self.offset = reason, offset


class Header(NamedTuple):
    """What a file says before its music.

    `division`: as in the file; negative for SMPTE time. `ticks_per_beat`: with SMPTE time, ticks
    per second. `tracks`: each one's (start, end) in bytes.
    """

    format: int
    division: int
    ticks_per_beat: int
    tracks: list[tuple[int, int]]
    warnings: list[str]

    @property
    def is_smpte(self) -> bool:
        """Whether time is in frames of video, not in beats."""
        return self.division < 0


def read_file(path: Path) -> bytes:
    """The bytes of a file no larger than a MIDI file can be. Raises MidiError that names it."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise MidiError(
                str(path), f"{size >> 20} MiB is too large for a MIDI file (the limit is 64 MiB)"
            )
        return path.read_bytes()
    except OSError as error:
        raise MidiError(str(path), error.strerror or str(error)) from None


def read_header(data: bytes, name: str) -> Header:
    """The header of a file. Raises MidiError when it is no MIDI file; `name` stands for it."""
    start = 0
    if data[:4] == b"RIFF" and data[8:12] == b"RMID":
        start = max(data.find(b"MThd", 12), 0)
    if data[start : start + 4] != b"MThd":
        raise MidiError(name, "not a MIDI file (it does not begin with MThd)", start)
    header = data[start + 8 : start + 14]
    if len(header) < 6:
        raise MidiError(name, "the file ends inside its header", len(data))
    length = int.from_bytes(data[start + 4 : start + 8], "big")
    file_format, declared = (int.from_bytes(header[i : i + 2], "big") for i in (0, 2))
    division = int.from_bytes(header[4:], "big", signed=True)
    # SMPTE time: frames a second, negative, and ticks a frame
    ticks = division if division >= 0 else -(division >> 8) * (division & 0xFF)
    if ticks == 0:
        raise MidiError(name, "a division of 0 ticks gives notes no time", start + 12)
    warnings = []
    if file_format > 2:
        warnings = [f"format {file_format} does not exist; read as format 1"]
    tracks = _find_tracks(data, start + 8 + max(length, 6), warnings)
    if len(tracks) != declared:
        warnings.append(f"the header names {declared} tracks, the file has {len(tracks)}")
    return Header(file_format, division, ticks, tracks[:declared], warnings)


def _find_tracks(data: bytes, pos: int, warnings: list[str]) -> list[tuple[int, int]]:
    tracks: list[tuple[int, int]] = []
    while pos + 8 <= len(data):
        kind, size = data[pos : pos + 4], int.from_bytes(data[pos + 4 : pos + 8], "big")
        if kind == b"MTrk":
            tracks.append((pos + 8, min(pos + 8 + size, len(data))))
            if pos + 8 + size > len(data):
                warnings.append(f"track {len(tracks)}: shorter than its length says")
        elif not (kind.isascii() and kind.decode("ascii").isprintable()):
            break  # trailing garbage, not a chunk
        pos += 8 + size
    return tracks


def header_chunk(file_format: int, tracks: int, division: int) -> bytes:
    """The chunk that begins a file. `division`: negative for SMPTE time."""
    numbers = file_format, tracks, division & 0xFFFF
    return chunk(b"MThd", b"".join(number.to_bytes(2, "big") for number in numbers))


def chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk: its type of four letters, its length and its content."""
    return kind + len(body).to_bytes(4, "big") + body


def read_variable_length(data: bytes, pos: int) -> tuple[int, int]:
    """A variable-length quantity (at most 4 bytes) and the position after it."""
    value = 0
    for offset in range(4):
        byte = data[pos + offset]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, pos + offset + 1
    raise DamageError("a variable-length quantity of more than 4 bytes", pos)


def variable_length(value: int) -> bytes:
    """A variable-length quantity."""
    if value < 0x80:
        return bytes([value])
    assert value <= MAX_QUANTITY
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F | 0x80)
    return bytes(reversed(groups))
