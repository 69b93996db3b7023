"""Read Standard MIDI Files: formats 0, 1 and 2, beats or SMPTE time, RIFF wrappers, and most
damage.

The rules, where files in the wild leave room:

- A track that breaks off or turns to nonsense keeps the notes read up to there; `Score.warnings`
  says where and why.
- A note-off ends the oldest sounding note of its port, channel and pitch in its own track. Notes
  never ended end with the track. A note of no length gets one tick. A note-on of velocity 0 is a
  note-off.
- The sustain pedal (controller 64) is left alone unless asked for: with `sustain`, a note that ends
  while the pedal is down sounds until it is lifted or the note is struck again.
- A channel's program is shared by all tracks of a port (meta event 0x21). Channel 10 is drums.
- Tracks beyond the number that the header names are left out, as players do, with a warning.
- Tracks of format 2 are independent patterns: they are laid end to end.
- SMPTE time has no beats: a beat is taken to be half a second.

Source: The Complete MIDI 1.0 Detailed Specification, Standard MIDI Files 1.0 (MMA, 1996). Events are
written with mido, and not read with it: it refuses valid files (an unknown chunk before the first
track), gives no byte offsets, and takes eight times as long on the bundled music.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from ugen.data.score import NOTE, Score

from .messages import (
    BY_CODE,
    CONTROL_CHANGE,
    DRUM_CHANNEL,
    END_OF_TRACK,
    MIDI_PORT,
    NOTE_ON,
    PROGRAM_CHANGE,
    SET_TEMPO,
    SUSTAIN,
    SYSTEM_DATA,
    TIME_SIGNATURE,
)
from .smf import DamageError, Header, read_file, read_header, read_variable_length
from .sustain import sustained_ends

Changes = dict[tuple[int, int], tuple[np.ndarray, np.ndarray]]  # port, channel -> ticks and values
Sounding = dict[int, deque[tuple[int, int]]]  # port, channel and pitch -> onsets and velocities
_PORT, _CHANNEL = 11, 7  # places in the keys of Sounding, in bits


@dataclass
class TrackContent:
    """What one track holds. Ticks count from the start of the track."""

    # onset, end, channel, pitch, velocity, port
    notes: list[tuple[int, int, int, int, int, int]] = field(default_factory=list)
    # port, channel, tick, program
    programs: list[tuple[int, int, int, int]] = field(default_factory=list)
    # port, channel, tick, 1 for down
    pedals: list[tuple[int, int, int, int]] = field(default_factory=list)
    tempos: list[tuple[int, int]] = field(default_factory=list)
    meters: list[tuple[int, int, int]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    end: int = 0


def read_midi(
    source: str | Path | bytes, name: str | None = None, *, sustain: bool = False
) -> Score:
    """Read a MIDI file, given by its path or its bytes. `name` stands for the bytes in messages.

    `sustain`: fold the sustain pedal into the ends of notes.

    Raises MidiError when the file cannot be opened or is no MIDI file.
    """
    if isinstance(source, bytes):
        name, data = name or "<bytes>", source
    else:
        name, data = name or str(source), read_file(Path(source))
    header = read_header(data, name)
    tracks = [_read_track(data, start, end) for start, end in header.tracks]
    for number, track in enumerate(tracks, 1):
        header.warnings.extend(f"track {number}: {warning}" for warning in track.warnings)
    return _to_score(header, tracks, sustain)


def _read_track(data: bytes, start: int, end: int) -> TrackContent:
    track = TrackContent()
    sounding: Sounding = defaultdict(deque)
    try:
        _read_events(data[start:end], track, sounding)
    except IndexError:
        track.warnings.append(f"ends inside an event (byte {end})")
    except DamageError as damage:
        track.warnings.append(
            f"{damage.reason} (byte {start + damage.offset}); the rest of the track is left out"
        )
    hanging = sum(len(notes) for notes in sounding.values())
    if hanging:
        track.warnings.append(f"{hanging} notes never end; ended with the track")
    for key, notes in sounding.items():
        port, channel, pitch = key >> _PORT, key >> _CHANNEL & 0xF, key & 0x7F
        for onset, velocity in notes:
            track.notes.append((onset, track.end, channel, pitch, velocity, port))
    return track


def _read_events(body: bytes, track: TrackContent, sounding: Sounding) -> None:
    """Read events until the end of the track. IndexError: the bytes ran out. The hot loop of
    reading: kept flat."""
    pos, size, tick, status, port = 0, len(body), 0, 0, 0
    notes, note_on, mask = track.notes, NOTE_ON.code, 0x7F
    while pos < size:
        byte = body[pos]
        if byte < 0x80:
            tick += byte
            pos += 1
        else:
            delta, pos = read_variable_length(body, pos)
            tick += delta
        track.end = tick
        byte = body[pos]
        if byte >= 0xF0:
            pos, port, is_last = _system_event(body, pos, tick, port, track)
            if is_last:
                return
            if byte != 0xFF:  # meta events, in practice, do not cancel running status
                status = 0
            continue
        if byte >= 0x80:
            status = byte
            pos += 1
        elif not status:
            raise DamageError("a data byte where a status byte is due", pos)
        kind, first = status & 0xF0, body[pos]
        if kind <= note_on:  # or note off, the only kind below
            velocity = body[pos + 1]
            if first > mask or velocity > mask:
                raise DamageError("a note with a data byte over 127", pos)
            pos += 2
            key = port << _PORT | (status & 0xF) << _CHANNEL | first
            if kind == note_on and velocity:
                sounding[key].append((tick, velocity))
            elif sounding[key]:
                onset, velocity = sounding[key].popleft()
                notes.append((onset, tick, status & 0xF, first, velocity, port))
        elif kind == PROGRAM_CHANGE.code:
            track.programs.append((port, status & 0xF, tick, first & mask))
            pos += 1
        else:
            if kind == CONTROL_CHANGE.code and first == SUSTAIN:
                track.pedals.append((port, status & 0xF, tick, int(body[pos + 1] >= 64)))
            pos += BY_CODE[kind].size


def _system_event(
    body: bytes, pos: int, tick: int, port: int, track: TrackContent
) -> tuple[int, int, bool]:
    """Read a meta, exclusive or system event at `pos`. Gives the next position, the port, and
    whether it ends."""
    status = body[pos]
    if status == 0xFF:
        kind = BY_CODE[0xFF00 + body[pos + 1]]
        length, start = read_variable_length(body, pos + 2)
        value = body[start : start + length]
        if len(value) < length:
            raise DamageError("an event that runs past the end of its track", pos)
        if kind is SET_TEMPO:
            _tempo(value, tick, track)
        elif kind is TIME_SIGNATURE:
            _meter(value, tick, track)
        elif kind is MIDI_PORT and length == 1:
            port = value[0]
        return start + length, port, kind is END_OF_TRACK
    if status in (0xF0, 0xF7):
        length, start = read_variable_length(body, pos + 1)
        if start + length > len(body):
            raise DamageError("an exclusive message that runs past the end of its track", pos)
        return start + length, port, False
    track.warnings.append(f"a system message 0x{status:02X} that files may not hold, skipped")
    return pos + 1 + SYSTEM_DATA.get(status, 0), port, False


def _tempo(value: bytes, tick: int, track: TrackContent) -> None:
    (usec,) = SET_TEMPO.decode(value)
    if len(value) == SET_TEMPO.size and usec > 0:
        track.tempos.append((tick, usec))
    else:
        track.warnings.append("a tempo without a meaning, skipped")


def _meter(value: bytes, tick: int, track: TrackContent) -> None:
    numerator, power, *_ = TIME_SIGNATURE.decode(value)
    if len(value) >= 2 and numerator and power <= 6:
        track.meters.append((tick, numerator, 1 << power))
    else:
        track.warnings.append("a time signature without a meaning, skipped")


def _to_score(header: Header, tracks: list[TrackContent], sustain: bool) -> Score:
    starts = [0] * len(tracks)
    if header.format == 2:
        for i in range(1, len(tracks)):
            starts[i] = starts[i - 1] + tracks[i - 1].end
    timed = list(zip(tracks, starts, strict=True))
    parts = [_note_array(track, start) for track, start in timed if track.notes]
    columns = np.concatenate(parts) if parts else np.zeros((0, 6), np.int64)
    if sustain:
        columns[:, 1] = sustained_ends(columns, _changes_of("pedals", tracks, starts))
    # ticks of SMPTE time are half as long, so that a beat is half a second
    scale = 2 if header.is_smpte else 1
    notes = np.zeros(len(columns), NOTE)
    notes["onset"] = columns[:, 0] * scale
    notes["end"] = np.maximum(columns[:, 1], columns[:, 0] + 1) * scale
    notes["pitch"] = columns[:, 3]
    notes["velocity"] = columns[:, 4]
    notes["drum"] = columns[:, 2] == DRUM_CHANNEL
    notes["program"] = _programs_at(columns, tracks, starts)
    if header.is_smpte:
        return Score.build(notes, header.ticks_per_beat, warnings=header.warnings)
    tempos = [(start + tick, usec) for track, start in timed for tick, usec in track.tempos]
    meters = [(start + tick, n, d) for track, start in timed for tick, n, d in track.meters]
    return Score.build(notes, header.ticks_per_beat, tempos, meters, header.warnings)


def _note_array(track: TrackContent, start: int) -> np.ndarray:
    columns = np.array(track.notes, np.int64)
    columns[:, :2] += start
    return columns


def _changes_of(what: str, tracks: list[TrackContent], starts: list[int]) -> Changes:
    """Programs or pedals of all tracks, by port and channel, in order of time."""
    changes: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for track, start in zip(tracks, starts, strict=True):
        for port, channel, tick, value in getattr(track, what):
            changes[port, channel].append((start + tick, value))
    columns = {}
    for key, rows in changes.items():
        rows.sort(key=lambda row: row[0])
        columns[key] = np.array([tick for tick, _ in rows]), np.array([value for _, value in rows])
    return columns


def _programs_at(columns: np.ndarray, tracks: list[TrackContent], starts: list[int]) -> np.ndarray:
    """The program in force on each note's port and channel at its onset; 0 before the first
    change."""
    programs = np.zeros(len(columns), np.uint8)
    for (port, channel), (ticks, values) in _changes_of("programs", tracks, starts).items():
        mine = np.flatnonzero((columns[:, 2] == channel) & (columns[:, 5] == port))
        index = np.searchsorted(ticks, columns[mine, 0], side="right") - 1
        programs[mine] = np.where(index >= 0, values[np.maximum(index, 0)], 0)
    return programs
