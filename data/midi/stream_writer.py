"""A MIDI file written while its music is made: one track, format 0, in constant memory."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
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
    The track cannot be longer than 4 GB."""

    def __init__(self, file: BinaryIO, ticks_per_beat: int):
        self._file = file
        self._track = TrackEncoder()
        self._channels = Channels()
        self._pending: list[PendingEvent] = []
        self._count = 0
        self._length = 0
        self._port = 0
        start = header_chunk(0, 1, ticks_per_beat) + chunk(b"MTrk", b"")
        self._length_at = len(start) - 4
        file.write(start)

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
        self._write_before(onset)
        channel, is_new = self._channels.place(row)
        on = Message("note_on", channel=channel.number, note=pitch, velocity=velocity)
        off = Message("note_off", channel=channel.number, note=pitch, velocity=0)
        if is_new:
            change = Message("program_change", channel=channel.number, program=program)
            self._add(onset, _ON, change, channel.port)
        self._add(onset, _ON, on, channel.port)
        self._add(end, _OFF, off, channel.port)

    def finish(self, end: int, texts: Sequence[str] = ()) -> None:
        """End the track at a tick, with text events, and say in the header how long it is."""
        self._write_before(end + 1)
        for text in texts:
            self._write(max(self._track.tick, end), text_event(text))
        self._append(self._track.end(end))
        self._file.seek(self._length_at)
        self._file.write(self._length.to_bytes(4, "big"))

    def _add(
        self, tick: int, order: int, event: Message | MetaMessage, port: int | None = None
    ) -> None:
        self._count += 1
        heapq.heappush(self._pending, PendingEvent(tick, order, self._count, event, port))

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
        self._append(self._track.encode(tick, event))

    def _append(self, data: bytes) -> None:
        self._file.write(data)
        self._length += len(data)


def _to_port(port: int) -> MetaMessage:
    from mido import MetaMessage

    return MetaMessage("midi_port", port=port)
