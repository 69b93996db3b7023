"""Read Standard MIDI Files: formats 0, 1 and 2, beats or SMPTE time, RIFF wrappers, and most damage.

The rules, where files in the wild leave room:

- A track that breaks off or turns to nonsense keeps the notes read up to there; `Score.remarks` says where and why.
- A note-off ends the oldest sounding note of its channel and pitch in its own track. Notes never ended end with the
  track. A note of no length is given one tick. A note-on of velocity 0 is a note-off.
- A channel's program is shared by all tracks of a port (meta event 0x21). Channel 10 is drums.
- Tracks beyond the number that the header names are left out, as players do, and remarked on.
- Tracks of format 2 are independent patterns: they are laid end to end.
- SMPTE time has no beats: a beat is taken to be half a second.

Source: The Complete MIDI 1.0 Detailed Specification, Standard MIDI Files 1.0 (MMA, 1996).
mido is not used here because it refuses valid files (an unknown chunk before the first track), gives no byte
offsets, and takes seven times as long.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .errors import MidiError
from .score import NOTE, Score

DRUM_CHANNEL = 9  # channel 10 as people count
MAX_BYTES = 64 << 20  # the largest MIDI file worth believing; checked before it is read
MAX_VLQ = 0x0FFFFFFF
# data bytes after each status: channel messages by high nibble, system messages by whole byte
_CHANNEL_DATA = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}
_SYSTEM_DATA = {0xF1: 1, 0xF2: 2, 0xF3: 1}


@dataclass
class _Track:
    """What one track holds. Ticks count from the start of the track."""

    notes: list[tuple[int, int, int, int, int, int]] = field(default_factory=list)  # onset end channel pitch vel port
    programs: list[tuple[int, int, int, int]] = field(default_factory=list)  # port, channel, tick, program
    tempos: list[tuple[int, int]] = field(default_factory=list)
    meters: list[tuple[int, int, int]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    end: int = 0


class _DamageError(Exception):
    """The rest of a track makes no sense."""

    def __init__(self, reason: str, offset: int):
        self.reason, self.offset = reason, offset


def read_midi(source: str | Path | bytes, name: str | None = None) -> Score:
    """Read a MIDI file, given by its path or its bytes. `name` stands for the bytes in messages.

    Raises MidiError when the file cannot be opened or is no MIDI file.
    """
    if isinstance(source, bytes):
        name, data = name or "<bytes>", source
    else:
        name, data = name or str(source), _read_file(Path(source))
    ticks_per_beat, smpte, file_format, chunks, remarks = _header(data, name)
    tracks = [_read_track(data, start, end) for start, end in chunks]
    for number, track in enumerate(tracks, 1):
        remarks += [f"track {number}: {remark}" for remark in track.remarks]
    return _assemble(tracks, ticks_per_beat, smpte, file_format, remarks)


def _read_file(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise MidiError(str(path), f"{size >> 20} MiB is too large for a MIDI file (the limit is 64 MiB)")
        return path.read_bytes()
    except OSError as error:
        raise MidiError(str(path), error.strerror or str(error)) from None


def _header(data: bytes, name: str) -> tuple[int, bool, int, list[tuple[int, int]], list[str]]:
    """Ticks per beat, whether time is SMPTE, the format, each track's (start, end) in bytes, and remarks."""
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
    remarks = [] if file_format <= 2 else [f"format {file_format} does not exist; read as format 1"]
    smpte = division >= 0x8000
    if smpte:  # frames a second (negative) and ticks a frame; ticks are doubled later, so a beat is half a second
        division = (256 - (division >> 8)) * (division & 0xFF)
    if division == 0:
        raise MidiError(name, "a division of 0 ticks gives notes no time", start + 12)
    chunks, pos = [], start + 8 + max(length, 6)
    while pos + 8 <= len(data):
        kind, size = data[pos : pos + 4], int.from_bytes(data[pos + 4 : pos + 8], "big")
        if kind == b"MTrk":
            chunks.append((pos + 8, min(pos + 8 + size, len(data))))
            if pos + 8 + size > len(data):
                remarks.append(f"track {len(chunks)}: shorter than its length says")
        elif not (kind.isascii() and kind.decode("ascii").isprintable()):
            break  # trailing garbage, not a chunk
        pos += 8 + size
    if len(chunks) != declared:
        remarks.append(f"the header names {declared} tracks, the file has {len(chunks)}")
    return division, smpte, file_format, chunks[:declared], remarks


def _read_track(data: bytes, start: int, end: int) -> _Track:
    track = _Track()
    sounding: dict[int, deque[tuple[int, int, int]]] = defaultdict(deque)  # channel and pitch -> onset, velocity, port
    try:
        _read_events(data[start:end], track, sounding)
    except IndexError:
        track.remarks.append(f"ends inside an event (byte {end})")
    except _DamageError as damage:
        track.remarks.append(f"{damage.reason} (byte {start + damage.offset}); the rest of the track is left out")
    hanging = sum(len(notes) for notes in sounding.values())
    if hanging:
        track.remarks.append(f"{hanging} notes never end; ended with the track")
    for key, notes in sounding.items():
        for onset, velocity, port in notes:
            track.notes.append((onset, track.end, key >> 7, key & 127, velocity, port))
    return track


def _read_events(body: bytes, track: _Track, sounding: dict[int, deque[tuple[int, int, int]]]) -> None:
    """Read events until the end of the track. IndexError: the bytes ran out. The hot loop of reading: kept flat."""
    pos, size, tick, status, port = 0, len(body), 0, 0, 0
    notes, mask = track.notes, 0x7F
    while pos < size:
        byte = body[pos]
        pos += 1
        if byte < 0x80:
            tick += byte
        else:
            delta, pos = _variable(body, pos - 1)
            tick += delta
        track.end = tick
        byte = body[pos]
        if byte >= 0xF0:
            pos, port, finished = _system_event(body, pos, tick, port, track)
            if finished:
                return
            if byte != 0xFF:
                status = 0  # system messages cancel running status; meta events, in practice, do not
            continue
        if byte >= 0x80:
            status = byte
            pos += 1
        elif not status:
            raise _DamageError("a data byte where a status byte is due", pos)
        kind = status >> 4
        first = body[pos]
        if kind == 0x9 or kind == 0x8:
            velocity = body[pos + 1]
            pos += 2
            if first > mask or velocity > mask:
                raise _DamageError("a note with a data byte over 127", pos - 2)
            key = (status & 0xF) << 7 | first
            if kind == 0x9 and velocity:
                sounding[key].append((tick, velocity, port))
            elif sounding[key]:
                onset, struck, note_port = sounding[key].popleft()
                notes.append((onset, tick, key >> 7, first, struck, note_port))
        elif kind == 0xC:
            track.programs.append((port, status & 0xF, tick, first & mask))
            pos += 1
        else:
            pos += _CHANNEL_DATA[kind]


def _variable(body: bytes, pos: int) -> tuple[int, int]:
    """A variable-length quantity (at most 4 bytes) and the position after it."""
    value = 0
    for offset in range(4):
        byte = body[pos + offset]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, pos + offset + 1
    raise _DamageError("a variable-length quantity of more than 4 bytes", pos)


def _system_event(body: bytes, pos: int, tick: int, port: int, track: _Track) -> tuple[int, int, bool]:
    """Read a meta, exclusive or system event at `pos`. Gives the next position, the port, and whether it ends."""
    status = body[pos]
    if status == 0xFF:
        kind = body[pos + 1]
        length, start = _variable(body, pos + 2)
        value = body[start : start + length]
        if len(value) < length:
            raise _DamageError("an event that runs past the end of its track", pos)
        if kind == 0x51:
            _tempo(value, tick, track)
        elif kind == 0x58:
            _meter(value, tick, track)
        elif kind == 0x21 and length == 1:
            port = value[0]
        return start + length, port, kind == 0x2F
    if status in (0xF0, 0xF7):
        length, start = _variable(body, pos + 1)
        if start + length > len(body):
            raise _DamageError("an exclusive message that runs past the end of its track", pos)
        return start + length, port, False
    track.remarks.append(f"a system message 0x{status:02X} that files may not hold, skipped")
    return pos + 1 + _SYSTEM_DATA.get(status, 0), port, False


def _tempo(value: bytes, tick: int, track: _Track) -> None:
    usec = int.from_bytes(value, "big")
    if len(value) == 3 and usec > 0:
        track.tempos.append((tick, usec))
    else:
        track.remarks.append("a tempo without a meaning, skipped")


def _meter(value: bytes, tick: int, track: _Track) -> None:
    if len(value) >= 2 and value[0] and value[1] <= 6:
        track.meters.append((tick, value[0], 1 << value[1]))
    else:
        track.remarks.append("a time signature without a meaning, skipped")


def _assemble(tracks: list[_Track], division: int, smpte: bool, file_format: int, remarks: list[str]) -> Score:
    starts = [0] * len(tracks)
    if file_format == 2:
        for i in range(1, len(tracks)):
            starts[i] = starts[i - 1] + tracks[i - 1].end
    scale = 2 if smpte else 1
    parts = [_note_array(track, start) for track, start in zip(tracks, starts, strict=True) if track.notes]
    columns = np.concatenate(parts) if parts else np.zeros((0, 6), np.int64)
    notes = np.zeros(len(columns), NOTE)
    notes["onset"] = columns[:, 0] * scale
    notes["end"] = np.maximum(columns[:, 1], columns[:, 0] + 1) * scale
    notes["pitch"], notes["velocity"] = columns[:, 3], columns[:, 4]
    notes["drum"] = columns[:, 2] == DRUM_CHANNEL
    notes["program"] = _programs_at(columns, tracks, starts)
    timed = list(zip(tracks, starts, strict=True))
    tempos = [] if smpte else [(start + tick, usec) for track, start in timed for tick, usec in track.tempos]
    meters = [] if smpte else [(start + tick, n, d) for track, start in timed for tick, n, d in track.meters]
    return Score.build(notes, division, tempos, meters, remarks)


def _note_array(track: _Track, start: int) -> np.ndarray:
    columns = np.array(track.notes, np.int64)
    columns[:, :2] += start
    return columns


def _programs_at(columns: np.ndarray, tracks: list[_Track], starts: list[int]) -> np.ndarray:
    """The program in force on each note's port and channel at its onset; 0 before the first change."""
    changes: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for track, start in zip(tracks, starts, strict=True):
        for port, channel, tick, program in track.programs:
            changes[port, channel].append((start + tick, program))
    programs = np.zeros(len(columns), np.uint8)
    for (port, channel), rows in changes.items():
        rows.sort(key=lambda row: row[0])
        ticks, values = (np.array(column) for column in zip(*rows, strict=True))
        mine = np.flatnonzero((columns[:, 2] == channel) & (columns[:, 5] == port))
        index = np.searchsorted(ticks, columns[mine, 0], side="right") - 1
        programs[mine] = np.where(index >= 0, values[np.maximum(index, 0)], 0)
    return programs
