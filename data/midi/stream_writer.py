"""A MIDI file written while its music is made: one track, format 0, in constant memory."""

from __future__ import annotations

import heapq
import struct
from collections.abc import Sequence
from typing import BinaryIO

from ugen.data.score import NoteRow

from .channels import Channels

_OFF, _TEMPO, _METER, _ON = range(4)  # the order of events on one tick
_HEADER = struct.Struct(">4sIHHH4sI")


class MidiRecorder:
    """Writes to a file that can be sought in. Programs share the channels as `Channels` hands them
    out; what does not fit a track of 4 GB is beyond it."""

    def __init__(self, file: BinaryIO, ticks_per_beat: int):
        self._file, self._ticks_per_beat = file, ticks_per_beat
        self._channels, self._waiting = Channels(), list[tuple[int, int, int, bytes]]()
        self._now, self._number, self._length = 0, 0, 0
        self._file.write(_HEADER.pack(b"MThd", 6, 0, 1, ticks_per_beat, b"MTrk", 0))

    def tempo(self, tick: int, usec: int) -> None:
        """A tempo, at or after the onset of the last note."""
        self._wait(tick, _TEMPO, b"\xff\x51\x03" + usec.to_bytes(3, "big"))

    def meter(self, tick: int, numerator: int, denominator: int) -> None:
        """A time signature, likewise."""
        self._wait(
            tick, _METER, bytes([0xFF, 0x58, 4, numerator, denominator.bit_length() - 1, 24, 8])
        )

    def note(self, row: NoteRow) -> None:
        """The next note, in order of onset."""
        onset, end, pitch, velocity, program, drum = row
        self._write_before(onset)
        channel, new = self._channels.of(program, bool(drum))
        if new:
            self._wait(onset, _ON, bytes([0xC0 | channel, program]))
        self._wait(onset, _ON, bytes([0x90 | channel, pitch, velocity]))
        self._wait(end, _OFF, bytes([0x80 | channel, pitch, 0]))

    def finish(self, end: int, texts: Sequence[str] = ()) -> None:
        """End the track at a tick, with text events, and say in the header how long it is."""
        self._write_before(end + 1)
        for text in texts:
            data = text.encode("latin-1", "replace")
            self._write(max(self._now, end), b"\xff\x01" + _vlq(len(data)) + data)
        self._write(max(self._now, end), b"\xff\x2f\x00")
        self._file.seek(_HEADER.size - 4)
        self._file.write(self._length.to_bytes(4, "big"))

    def _wait(self, tick: int, order: int, data: bytes) -> None:
        self._number += 1
        heapq.heappush(self._waiting, (tick, order, self._number, data))

    def _write_before(self, tick: int) -> None:
        while self._waiting and self._waiting[0][0] < tick:
            at, order, _, data = heapq.heappop(self._waiting)
            replaced = (
                order in (_TEMPO, _METER) and self._waiting and self._waiting[0][:2] == (at, order)
            )
            if not replaced:
                self._write(at, data)

    def _write(self, tick: int, data: bytes) -> None:
        delta = _vlq(tick - self._now)
        self._file.write(delta + data)
        self._now = tick
        self._length += len(delta) + len(data)


def _vlq(value: int) -> bytes:
    """A variable-length quantity (Standard MIDI Files 1.0)."""
    out = [value & 0x7F]
    while value := value >> 7:
        out.append(value & 0x7F | 0x80)
    return bytes(reversed(out))
