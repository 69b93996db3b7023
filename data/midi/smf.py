"""The bytes of Standard MIDI Files: header, chunks, variable-length quantities. What every reader
of them shares."""

from __future__ import annotations

from pathlib import Path

from ugen.data.errors import MidiError

DRUM_CHANNEL = 9  # channel 10 as people count
MAX_BYTES = 64 << 20  # the largest MIDI file worth believing; checked before it is read
MAX_VLQ = 0x0FFFFFFF
# data bytes after each status: channel messages by high nibble, system messages by whole byte
CHANNEL_DATA = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}
SYSTEM_DATA = {0xF1: 1, 0xF2: 2, 0xF3: 1}


class DamageError(Exception):
    """The rest of a track makes no sense."""

    def __init__(self, reason: str, offset: int):
        self.reason, self.offset = reason, offset


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


def read_header(data: bytes, name: str) -> tuple[int, bool, int, list[tuple[int, int]], list[str]]:
    """Ticks per beat, whether time is SMPTE, the format, each track's (start, end) in bytes, and
    warnings."""
    start = 0
    if data[:4] == b"RIFF" and data[8:12] == b"RMID":
        start = max(data.find(b"MThd", 12), 0)
    if data[start : start + 4] != b"MThd":
        raise MidiError(name, "not a MIDI file (it does not begin with MThd)", start)
    header = data[start + 8 : start + 14]
    if len(header) < 6:
        raise MidiError(name, "the file ends inside its header", len(data))
    length = int.from_bytes(data[start + 4 : start + 8], "big")
    file_format, declared, division = (int.from_bytes(header[i : i + 2], "big") for i in (0, 2, 4))
    warnings = (
        [] if file_format <= 2 else [f"format {file_format} does not exist; read as format 1"]
    )
    smpte = division >= 0x8000
    # frames a second (negative) and ticks a frame; ticks are doubled later, so a beat is half a
    # second
    if smpte:
        division = (256 - (division >> 8)) * (division & 0xFF)
    if division == 0:
        raise MidiError(name, "a division of 0 ticks gives notes no time", start + 12)
    chunks, pos = [], start + 8 + max(length, 6)
    while pos + 8 <= len(data):
        kind, size = data[pos : pos + 4], int.from_bytes(data[pos + 4 : pos + 8], "big")
        if kind == b"MTrk":
            chunks.append((pos + 8, min(pos + 8 + size, len(data))))
            if pos + 8 + size > len(data):
                warnings.append(f"track {len(chunks)}: shorter than its length says")
        elif not (kind.isascii() and kind.decode("ascii").isprintable()):
            break  # trailing garbage, not a chunk
        pos += 8 + size
    if len(chunks) != declared:
        warnings.append(f"the header names {declared} tracks, the file has {len(chunks)}")
    return division, smpte, file_format, chunks[:declared], warnings


def read_variable(body: bytes, pos: int) -> tuple[int, int]:
    """A variable-length quantity (at most 4 bytes) and the position after it."""
    value = 0
    for offset in range(4):
        byte = body[pos + offset]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, pos + offset + 1
    raise DamageError("a variable-length quantity of more than 4 bytes", pos)


MIDI_SUFFIXES = (".mid", ".midi", ".kar", ".rmi", ".smf")
