"""Read the events of one track of a MIDI file."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from struct import Struct

import numpy as np
from numpy.typing import NDArray
from ugen.data.score import SOUNDING

from .drums import DrumEvent, exclusive_event
from .messages import (
    ALL_NOTES_OFF,
    ALL_SOUND_OFF,
    BANK_SELECT,
    BY_CODE,
    CONTROL_CHANGE,
    END_OF_TRACK,
    MIDI_PORT,
    NOTE_ON,
    PROGRAM_CHANGE,
    SET_TEMPO,
    SUSTAIN,
    SYSTEM_DATA,
    TIME_SIGNATURE,
)
from .pairing import pair_again
from .smf import DamageError, TrackSpan, read_variable_length

TRACK, PORT, CHANNEL = 19, 11, 7  # places of these in a key, in bits; below them the pitch
UNNAMED = 128  # the program of a note whose track has named none
# onset, end, key, program and velocity, and the positions where it begins and ends
NOTE_COLUMNS = 6

_ON, _OFF = Struct("4q"), Struct("3q")
_SIZES = {kind.code: kind.size for kind in BY_CODE.values() if kind.code < 0xF0}
_CONTROLS = {BANK_SELECT, SUSTAIN, ALL_SOUND_OFF, ALL_NOTES_OFF}


@dataclass
class TrackContent:
    """What one track holds, but for its notes. Ticks count from its start; channel keys have
    neither track nor pitch."""

    programs: list[tuple[int, int, int]] = field(default_factory=list)  # channel key, tick, program
    # channel key, tick, byte of the file, 1 for down
    pedals: list[tuple[int, int, int, int]] = field(default_factory=list)
    drums: list[DrumEvent] = field(default_factory=list)
    tempos: list[tuple[int, int]] = field(default_factory=list)
    meters: list[tuple[int, int, int]] = field(default_factory=list)
    warnings: Counter[str] = field(default_factory=Counter)
    end: int = 0


class NoteEvents:
    """The note-ons and note-offs of all tracks, in packed numbers.

    `ons`: tick, key, program and velocity, position. `offs`: place of the note-on, tick, position.
    `strays`, where no note sounds: key, tick, position. Positions are bytes of the track.
    """

    def __init__(self) -> None:
        self.ons = bytearray()
        self.offs = bytearray()
        self.strays = bytearray()

    def notes(self) -> NDArray[np.int64]:
        """int64 [n, NOTE_COLUMNS], in order of note-ons; the end is SOUNDING where there is
        none."""
        ons = np.frombuffer(self.ons, np.int64).reshape(-1, _ON.size // 8)
        offs = np.frombuffer(self.offs, np.int64).reshape(-1, _OFF.size // 8)
        notes = np.zeros((len(ons), NOTE_COLUMNS), np.int64)
        notes[:, [0, 2, 3, 4]] = ons
        notes[:, 1] = SOUNDING
        place = offs[:, 0] // _ON.size
        notes[place, 1], notes[place, 5] = offs[:, 1], offs[:, 2]
        return notes

    def pair_again(self, notes: NDArray[np.int64]) -> None:
        """Repair the ends of notes where note-offs are missing."""
        pair_again(notes, np.frombuffer(self.strays, np.int64).reshape(-1, _OFF.size // 8))


class TrackReader:
    """Reads one track: its notes into `events`, the rest into `track`."""

    def __init__(self, data: bytes, span: TrackSpan, number: int, events: NoteEvents):
        self.track = TrackContent()
        self._body = data[span.start : span.limit]
        self._start = span.start
        self._size = span.end - span.start
        self._number = number
        self._events = events
        self._sounding: dict[int, deque[int]] = defaultdict(deque)  # places of note-ons, by key
        self._programs: dict[int, int] = defaultdict(lambda: UNNAMED)  # by channel key
        # channels on which all notes were ended, and how many bytes of note-ons there were
        self._silent: dict[int, int] = {}
        self._port, self._has_port = 0, False
        # whether an End of Track was read, and whether it stood where the track ends
        self._ended = self._is_over = False

    def read(self) -> None:
        """Read to the end, or to the first damage, which becomes a warning."""
        reason = ""
        try:
            if self._read_events() > self._size:
                self.track.warnings["longer than its length says"] += 1
        except IndexError:
            reason = f"ends inside an event (byte {self._start + len(self._body)})"
        except DamageError as damage:
            where = f"{damage.reason} (byte {self._start + damage.offset})"
            reason = f"{where}; the rest of the track is left out"
        if reason and self._ended:
            reason = "bytes after its End of Track that make no sense, left out"
        if reason:
            self.track.warnings[reason] += 1

    def _read_events(self) -> int:
        """Read to the end of the track, a position that is returned. The hot loop: kept flat."""
        body, size, note_on, events = self._body, len(self._body), NOTE_ON.code, self._events
        ons, offs, sounding, programs = events.ons, events.offs, self._sounding, self._programs
        track, pack_on, pack_off = self.track, _ON.pack, _OFF.pack
        pos = tick = kind = channel = port = 0
        in_track = self._number << TRACK
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
            if byte >= 0x80:
                if byte >= 0xF0:
                    pos = self._system_event(pos, tick)
                    if self._is_over:
                        break
                    port = self._port << PORT
                    channel = port | channel & 0xF << CHANNEL
                    continue
                kind, channel = byte & 0xF0, port | (byte & 0xF) << CHANNEL
                pos += 1
            elif not kind:
                raise DamageError("a data byte where a status byte is due", pos)
            first = body[pos]
            if kind <= note_on:  # or note off, the only kind below
                velocity = body[pos + 1]
                pos += 2
                if first > 127 or velocity > 127:
                    velocity = self._out_of_range(kind, first)
                    if first > 127:
                        continue
                key = in_track | channel | first
                if kind == note_on and velocity:
                    sounding[key].append(len(ons))
                    ons += pack_on(tick, key, programs[channel] << 7 | velocity, pos)
                elif sounding[key]:
                    offs += pack_off(sounding[key].popleft(), tick, pos)
                else:
                    events.strays += pack_off(key, tick, pos)
            else:
                if kind == PROGRAM_CHANGE.code or kind == CONTROL_CHANGE.code:
                    self._change(kind, channel, tick, pos)
                pos += _SIZES[kind]
        return pos

    def _change(self, kind: int, channel: int, tick: int, pos: int) -> None:
        """A program or a controller, whose number stands at `pos`."""
        number = self._body[pos]
        if kind == PROGRAM_CHANGE.code:
            self._programs[channel] = number & 127
            self.track.programs.append((channel, tick, number & 127))
        elif number in _CONTROLS:
            self._control(channel, tick, pos, number, self._body[pos + 1])

    def _out_of_range(self, kind: int, pitch: int) -> int:
        """The velocity of a note with a data byte over 127."""
        if pitch > 127:
            self.track.warnings["a note of a pitch over 127, left out"] += kind == NOTE_ON.code
        elif kind == NOTE_ON.code:
            self.track.warnings["a velocity over 127, read as 127"] += 1
        return 127

    def _control(self, channel: int, tick: int, pos: int, control: int, value: int) -> None:
        """A controller that says how notes sound, or when they end."""
        if control == SUSTAIN:
            self.track.pedals.append((channel, tick, self._start + pos, int(value >= 64)))
        elif control == BANK_SELECT:
            self.track.drums.append(DrumEvent(tick, channel, bank=value))
        else:
            self._end_all(channel, tick, pos)

    def _end_all(self, channel: int, tick: int, pos: int) -> None:
        """End the notes of a channel but those that begin on this tick: this clears what was before
        them."""
        ons = self._events.ons
        if self._silent.get(channel) == len(ons):
            return
        self._silent[channel] = len(ons)
        for pitch in range(128):
            sounding = self._sounding.get(self._number << TRACK | channel | pitch)
            while sounding and _ON.unpack_from(ons, sounding[0])[0] < tick:
                self._events.offs += _OFF.pack(sounding.popleft(), tick, pos)
            if sounding:
                self._silent.pop(channel, None)

    def _system_event(self, pos: int, tick: int) -> int:
        """Read a meta, exclusive or system event at `pos`, and give the position after it."""
        body, status = self._body, self._body[pos]
        if status not in (0xFF, 0xF0, 0xF7):
            name = f"0x{status:02X}"
            self.track.warnings[f"a system message {name} that files may not hold, skipped"] += 1
            return pos + 1 + SYSTEM_DATA.get(status, 0)
        begin = pos + (2 if status == 0xFF else 1)
        length, begin = read_variable_length(body, begin)
        if begin + length > len(body):
            raise DamageError("an event that runs past the end of its track", pos)
        value = body[begin : begin + length]
        if status == 0xFF:
            self._meta_event(body[pos + 1], value, tick)
            if body[pos + 1] == END_OF_TRACK.code & 0xFF:
                self._ended, self._is_over = True, begin + length >= self._size
                if not self._is_over:
                    self.track.warnings["goes on after its End of Track"] = 1
        elif status == 0xF0:
            event = exclusive_event(value, tick, self._port << PORT)
            self.track.drums += [event] if event else []
        return begin + length

    def _meta_event(self, kind: int, value: bytes, tick: int) -> None:
        kind += 0xFF00
        if kind == SET_TEMPO.code:
            (usec,) = SET_TEMPO.decode(value)
            if len(value) == SET_TEMPO.size and usec > 0:
                self.track.tempos.append((tick, usec))
            else:
                self.track.warnings["a tempo without a meaning, skipped"] += 1
        elif kind == TIME_SIGNATURE.code:
            numerator, power, *_ = TIME_SIGNATURE.decode(value)
            if len(value) >= 2 and numerator and power <= 6:
                self.track.meters.append((tick, numerator, 1 << power))
            else:
                self.track.warnings["a time signature without a meaning, skipped"] += 1
        elif kind == MIDI_PORT.code and len(value) == 1:
            self._to_port(value[0])

    def _to_port(self, port: int) -> None:
        """Events go to another port; before any note also those that stand before the first port,
        as notation programs write it."""
        if not (self._has_port or self._sounding):
            added, track = port << PORT, self.track
            track.programs = [(row[0] | added, *row[1:]) for row in track.programs]
            track.pedals = [(row[0] | added, *row[1:]) for row in track.pedals]
            track.drums = [
                event._replace(channel=event.channel | added) if event.channel >= 0 else event
                for event in track.drums
            ]
            for key, program in list(self._programs.items()):
                self._programs[key | added] = program
        self._port, self._has_port = port, True
