"""Read the events of one track of a MIDI file."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator
from struct import Struct

import numpy as np
from ugen.data.score import SOUNDING
from ugen.data.text import count

from .drums import NO_CHANNEL, DrumEvent, drum_events, exclusive_event
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
from .table import Table

# a channel is a port and one of its 16 channels: so many bits below the port. A key is a channel
# and a pitch; a sound a program and a velocity: 7 bits for the last
PORT, LOW = 4, 7
UNNAMED = 128  # the program of a note whose track has named none

_ONSET, _END = Struct("<q"), Struct("<Iq")
_END_PLACE = 20  # where in its row what _END packs stands
_SIZES = {kind.code: kind.size for kind in BY_CODE.values() if kind.code < 0xF0}
_CONTROLS = {BANK_SELECT, SUSTAIN, ALL_SOUND_OFF, ALL_NOTES_OFF}


class Events:
    """What the tracks of a file hold. Ticks are those of the file, places its bytes. Of notes,
    `begin` and `finish` are the bytes of the track where their note-on and note-off stand, and
    `end` is SOUNDING where there is none."""

    def __init__(self) -> None:
        self.notes = Table(onset="q", key="I", sound="I", begin="I", finish="I", end="q")
        self.programs = Table(tick="q", channel="H", program="B")
        self.pedals = Table(tick="q", channel="H", place="I", down="B")
        self.drums = drum_events()
        self.tempos = Table(tick="q", usec="I")
        self.meters = Table(tick="q", numerator="B", denominator="B")

    def changes(self) -> tuple[Table, ...]:
        """The tables that have a channel."""
        return self.programs, self.pedals, self.drums


class TrackReader:
    """Reads one track into `events`.

    `warnings`: what was wrong with it. `end`: the tick where it ends; at first where it starts.
    """

    def __init__(self, data: bytes, span: TrackSpan, start: int, events: Events):
        self.end = start
        self.warnings: Counter[str] = Counter()
        self._body = data[span.start : span.limit]
        self._start = span.start
        self._size = span.end - span.start
        self._events = events
        self._first_note = len(events.notes)
        self._first_changes = [len(table) for table in events.changes()]
        self._strays = Table(key="I", tick="q", place="I")  # note-offs where no note sounds
        # by key, the place in the table's data of the oldest note that sounds, and later ones
        self._sounding: dict[int, int] = {}
        self._waiting: dict[int, tuple[array[int], Iterator[int]]] = {}
        # programs by channel, in the places that they have in sounds and keys
        self._programs: dict[int, int] = defaultdict(lambda: UNNAMED << LOW)
        # channels on which all notes were ended, and how many bytes of notes there were
        self._silent: dict[int, int] = {}
        self._port, self._has_port = 0, False
        # whether an End of Track was read, and whether it stood where the track ends
        self._ended = self._is_over = False

    def read(self) -> None:
        """Read to the end, or to the first damage, which becomes a warning."""
        reason = ""
        try:
            if self._read_events() > self._size:
                self.warnings["longer than its length says"] += 1
        except IndexError:
            reason = f"ends inside an event (byte {self._start + len(self._body)})"
        except DamageError as damage:
            where = f"{damage.reason} (byte {self._start + damage.offset})"
            reason = f"{where}; the rest of the track is left out"
        if reason and self._ended:
            reason = "bytes after its End of Track that make no sense, left out"
        if reason:
            self.warnings[reason] += 1
        if self._sounding:
            self._repair_ends()

    def _read_events(self) -> int:
        """Read to the end of the track, a position that is returned. The hot loop: kept flat."""
        body, size, note_on = self._body, len(self._body), NOTE_ON.code
        notes, strays = self._events.notes.data, self._strays.data
        sounding, waiting, programs = self._sounding, self._waiting, self._programs
        pack_note, pack_stray = self._events.notes.pack, self._strays.pack
        end_note, take = _END.pack_into, sounding.pop
        tick = self.end
        pos = kind = channel = port = 0
        while pos < size:
            byte = body[pos]
            if byte < 0x80:
                tick += byte
                pos += 1
            else:
                delta, pos = read_variable_length(body, pos)
                tick += delta
            self.end = tick
            byte = body[pos]
            if byte >= 0x80:
                if byte >= 0xF0:
                    pos = self._system_event(pos, tick)
                    if self._is_over:
                        break
                    port = self._port << PORT + LOW
                    channel = port | channel & 0xF << LOW
                    continue
                kind, channel = byte & 0xF0, port | (byte & 0xF) << LOW
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
                key = channel | first
                if kind == note_on and velocity:
                    if key in sounding:
                        self._wait(key)
                    else:
                        sounding[key] = len(notes)
                    notes += pack_note(tick, key, programs[channel] | velocity, pos, 0, SOUNDING)
                elif (place := take(key, -1)) >= 0:
                    end_note(notes, place + _END_PLACE, pos, tick)
                    if waiting and key in waiting:
                        self._next(key)
                else:
                    strays += pack_stray(key, tick, pos)
            else:
                if kind == PROGRAM_CHANGE.code or kind == CONTROL_CHANGE.code:
                    self._change(kind, channel >> LOW, tick, pos)
                pos += _SIZES[kind]
        return pos

    def _wait(self, key: int) -> None:
        """The next note begins while another of its key sounds, and will end after it."""
        if key not in self._waiting:
            places = array("I")
            self._waiting[key] = places, iter(places)
        self._waiting[key][0].append(len(self._events.notes.data))

    def _next(self, key: int) -> None:
        """The next note of a key becomes the oldest that sounds."""
        place = next(self._waiting[key][1], None)
        if place is None:
            del self._waiting[key]
        else:
            self._sounding[key] = place

    def _change(self, kind: int, channel: int, tick: int, pos: int) -> None:
        """A program or a controller, whose number stands at `pos`."""
        number = self._body[pos]
        if kind == PROGRAM_CHANGE.code:
            self._programs[channel << LOW] = (number & 127) << LOW
            self._events.programs.append(tick, channel, number & 127)
        elif number in _CONTROLS:
            self._control(channel, tick, pos, number, self._body[pos + 1])

    def _out_of_range(self, kind: int, pitch: int) -> int:
        """The velocity of a note with a data byte over 127."""
        if pitch > 127:
            self.warnings["a note of a pitch over 127, left out"] += kind == NOTE_ON.code
        elif kind == NOTE_ON.code:
            self.warnings["a velocity over 127, read as 127"] += 1
        return 127

    def _control(self, channel: int, tick: int, pos: int, control: int, value: int) -> None:
        """A controller that says how notes sound, or when they end."""
        if control == SUSTAIN:
            self._events.pedals.append(tick, channel, self._start + pos, value >= 64)
        elif control == BANK_SELECT:
            self._events.drums.append(*DrumEvent(tick, channel, bank=value))
        else:
            self._end_all(channel, tick, pos)

    def _end_all(self, channel: int, tick: int, pos: int) -> None:
        """End the notes of a channel but those that begin on this tick: this clears what was before
        them."""
        notes, sounding = self._events.notes.data, self._sounding
        if self._silent.get(channel) == len(notes):
            return
        self._silent[channel] = len(notes)
        for key in range(channel << LOW, channel + 1 << LOW):
            while key in sounding and _ONSET.unpack_from(notes, sounding[key])[0] < tick:
                place = sounding.pop(key) + _END_PLACE
                _END.pack_into(notes, place, pos, tick)
                if key in self._waiting:
                    self._next(key)
            if key in sounding:
                self._silent.pop(channel, None)

    def _repair_ends(self) -> None:
        """Note-offs are missing: pair the notes of these keys with their ends again."""
        notes = self._events.notes.rows(self._first_note)
        broken, self._sounding, self._waiting = self._sounding.keys(), {}, {}
        self._body = b""
        hanging = int(np.count_nonzero(notes["end"] == SOUNDING))
        what = f"{count(hanging, 'note')} without an end"
        self.warnings[f"{what}; ended when struck again, or with the music"] += 1
        pair_again(notes, self._strays.rows(), list(broken))

    def _system_event(self, pos: int, tick: int) -> int:
        """Read a meta, exclusive or system event at `pos`, and give the position after it."""
        body, status = self._body, self._body[pos]
        if status not in (0xFF, 0xF0, 0xF7):
            name = f"0x{status:02X}"
            self.warnings[f"a system message {name} that files may not hold, skipped"] += 1
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
                    self.warnings["goes on after its End of Track"] = 1
        elif status == 0xF0 and (event := exclusive_event(value, tick, self._port << PORT)):
            self._events.drums.append(*event)
        return begin + length

    def _meta_event(self, kind: int, value: bytes, tick: int) -> None:
        kind += 0xFF00
        if kind == SET_TEMPO.code:
            (usec,) = SET_TEMPO.decode(value)
            if len(value) == SET_TEMPO.size and usec > 0:
                self._events.tempos.append(tick, usec)
            else:
                self.warnings["a tempo without a meaning, skipped"] += 1
        elif kind == TIME_SIGNATURE.code:
            numerator, power, *_ = TIME_SIGNATURE.decode(value)
            if len(value) >= 2 and numerator and power <= 6:
                self._events.meters.append(tick, numerator, 1 << power)
            else:
                self.warnings["a time signature without a meaning, skipped"] += 1
        elif kind == MIDI_PORT.code and len(value) == 1:
            self._to_port(value[0])

    def _to_port(self, port: int) -> None:
        """Events go to another port; before any note also those that stand before the first port,
        as notation programs write it."""
        has_notes = len(self._events.notes) > self._first_note or len(self._strays)
        if not (self._has_port or has_notes):
            for table, first in zip(self._events.changes(), self._first_changes, strict=True):
                channels = table.rows(first)["channel"]
                channels[channels != NO_CHANNEL] |= port << PORT
            for channel, program in list(self._programs.items()):
                self._programs[channel | port << PORT + LOW] = program
        self._port, self._has_port = port, True
