"""A MIDI file written while its music is made: one track, format 0, in constant memory, and whole
each time that it is saved."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from contextlib import suppress
from copy import copy
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from ugen.data.score import NoteRow

from .channels import Channels
from .smf import chunk, header_chunk
from .track import TrackEncoder, text_event

if TYPE_CHECKING:
    from mido import Message, MetaMessage

_OFF, _TEMPO, _METER, _ON = range(4)  # the order of events on one tick


class PendingEvent(NamedTuple):
    """An event that waits for those before it. `number`: in the order of their coming; `port`: of
    channel messages."""

    tick: int
    order: int
    number: int
    event: Message | MetaMessage
    port: int | None


class MidiRecorder:
    """Writes to a file that can be sought in. The same notes can be read from it, by readers that
    know ports where more programs, or notes of one pitch, sound at once than there are channels.
    The track cannot be longer than 4 GB.

    Events wait in memory for the next `save`, which leaves a whole file: whoever ends the process
    after it, all up to there can be read.
    """

    def __init__(self, file: BinaryIO, ticks_per_beat: int, scale: int = 1, key: str | None = None):
        """`ticks_per_beat`: of the music; the file has `scale` times as many. `key`: the signature,
        as in Bb or F#m."""
        self._file = file
        self._scale = scale
        self._track = TrackEncoder()
        self._channels = Channels()
        self._pending: list[PendingEvent] = []
        self._count = 0
        self._port = 0
        self._unsaved = bytearray()
        self._ending = b""  # of the last save; what comes next overwrites it
        start = header_chunk(0, 1, ticks_per_beat * scale) + chunk(b"MTrk", b"")
        self._at = self._start = len(start)  # where the next events go
        self._put(0, start)
        if key is not None:
            from mido import MetaMessage

            self._add(0, _OFF, MetaMessage("key_signature", key=key))

    def tempo(self, tick: int, usec: int) -> None:
        """A tempo, at or after the onset of the last note."""
        from mido import MetaMessage

        self._add(tick, _TEMPO, MetaMessage("set_tempo", tempo=usec))

    def meter(self, tick: int, numerator: int, denominator: int) -> None:
        """A time signature, likewise."""
        from mido import MetaMessage

        event = MetaMessage("time_signature", numerator=numerator, denominator=denominator)
        self._add(tick, _METER, event)

    def note(self, row: NoteRow) -> None:
        """The next note, in order of onset."""
        from mido import Message

        onset, end, pitch, velocity, program, _ = row
        self._write_before(onset * self._scale)
        channel, is_new = self._channels.place(row)
        on = Message("note_on", channel=channel.number, note=pitch, velocity=velocity)
        off = Message("note_off", channel=channel.number, note=pitch, velocity=0)
        if is_new:
            change = Message("program_change", channel=channel.number, program=program)
            self._add(onset, _ON, change, channel.port)
        self._add(onset, _ON, on, channel.port)
        self._add(end, _OFF, off, channel.port)

    def save(self, texts: Sequence[str] = (), end: int | None = None) -> None:
        """Write what has been made, and end the track there, at a tick or with its last note, with
        text events. Where the disk is full the file stays as it was saved before."""
        ending = self._end(texts, end)
        data = bytes(self._unsaved) + ending
        try:
            # first the length: until the rest is there, a track's old end is found before it
            self._put_length(self._at + len(data))
            self._put(self._at, data)
        except OSError:
            with suppress(OSError):
                self._put(self._at, self._ending)
                self._file.truncate()
                self._put_length(self._file.tell())
            raise
        self._at += len(self._unsaved)
        self._unsaved, self._ending = bytearray(), ending

    def _end(self, texts: Sequence[str], end: int | None) -> bytes:
        """The end of the track, as it would be written now."""
        rest = copy(self)
        rest._unsaved = bytearray()
        rest._track = copy(self._track)
        rest._pending = self._pending[:]
        last = max((event.tick for event in rest._pending), default=0)
        if end is not None:
            last = end * self._scale
        rest._write_before(last + 1)
        for text in texts:
            rest._write(max(rest._track.tick, last), text_event(text))
        return bytes(rest._unsaved) + rest._track.end(last)

    def _put_length(self, end: int) -> None:
        self._put(self._start - 4, (end - self._start).to_bytes(4, "big"))

    def _put(self, at: int, data: bytes) -> None:
        self._file.seek(at)
        while data:  # a file without a buffer may take a part
            data = data[self._file.write(data) :]
        self._file.flush()

    def _add(
        self, tick: int, order: int, event: Message | MetaMessage, port: int | None = None
    ) -> None:
        self._count += 1
        at = tick * self._scale
        heapq.heappush(self._pending, PendingEvent(at, order, self._count, event, port))

    def _write_before(self, tick: int) -> None:
        while self._pending and self._pending[0].tick < tick:
            at, order, _, event, port = heapq.heappop(self._pending)
            is_replaced = self._pending and self._pending[0][:2] == (at, order)
            if order in (_TEMPO, _METER) and is_replaced:
                continue
            if port is not None and port != self._port:
                self._port = port
                self._write(at, _to_port(port))
            self._write(at, event)

    def _write(self, tick: int, event: Message | MetaMessage) -> None:
        self._unsaved += self._track.encode(tick, event)


def _to_port(port: int) -> MetaMessage:
    from mido import MetaMessage

    return MetaMessage("midi_port", port=port)
