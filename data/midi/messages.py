"""The events of MIDI files: one table, from which reading, midicsv's text and checks derive.

Constants are named after the specification (MIDI 1.0 Detailed Specification; Standard MIDI Files
1.0; MMA, 1996), `EventKind.name` after midicsv's text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from .smf import variable_length

DRUM_CHANNEL = 9  # channel 10 as people count
MELODIC_CHANNELS = tuple(channel for channel in range(16) if channel != DRUM_CHANNEL)
BANK_SELECT, SUSTAIN, ALL_SOUND_OFF, ALL_NOTES_OFF = 0, 64, 120, 123  # controllers
# data bytes of the system messages that files may not hold
SYSTEM_DATA = {0xF1: 1, 0xF2: 2, 0xF3: 1}


class Field(NamedTuple):
    """A number of an event. `size`: in bytes; 0 where it is added to the event's code."""

    name: str
    size: int
    low: int
    high: int
    # used of each byte: 7 in channel messages, lowest byte first; 8 in meta events, highest first
    bits: int = 8
    words: tuple[str, ...] = ()  # what the numbers from 0 on mean, where they have names

    def decode(self, data: bytes) -> int:
        """The number that bytes hold."""
        if self.bits == 7:
            return sum((byte & 0x7F) << 7 * place for place, byte in enumerate(data))
        return int.from_bytes(data, "big", signed=self.low < 0)

    def encode(self, value: int) -> bytes:
        """The bytes of a number."""
        if self.bits == 7:
            return bytes(value >> 7 * place & 0x7F for place in range(self.size))
        return value.to_bytes(self.size, "big", signed=self.low < 0)


@dataclass(frozen=True, eq=False)
class EventKind:
    """A kind of event.

    `code`: its status byte, or 0xFF and its meta type; that of channel 0 in channel messages, 0
    where it is no event of a track. `rest`: what follows its numbers.
    """

    name: str
    code: int = 0
    fields: tuple[Field, ...] = ()
    rest: Literal["", "text", "data"] = ""

    @cached_property
    def size(self) -> int:
        """How many bytes its numbers take."""
        return sum(field.size for field in self.fields)

    @cached_property
    def adds_to_code(self) -> bool:
        """Whether its first number, such as a channel, is added to its code."""
        return bool(self.fields) and not self.fields[0].size

    def encode(self, *values: int, rest: bytes = b"") -> bytes:
        """An event's bytes, without the time before it. `values`: those of its fields."""
        code = self.code + (values[0] if self.adds_to_code else 0)
        body = self.encode_values(values) + rest
        if code < 0xF0:
            return bytes([code]) + body
        status = code.to_bytes(2 if code > 0xFF else 1, "big")
        return status + variable_length(len(body)) + body

    def encode_values(self, values: Iterable[int]) -> bytes:
        """The numbers that are not in the code."""
        fields = zip(self.fields, values, strict=True)
        return b"".join(field.encode(value) for field, value in fields if field.size)

    def decode(self, data: bytes, code: int | None = None) -> tuple[int, ...]:
        """Its numbers, from its data. `code`: with the number that is added to it."""
        values, pos = [], 0
        for field in self.fields:
            part = data[pos : pos + field.size]
            values.append(field.decode(part) if field.size else (code or self.code) - self.code)
            pos += field.size
        return tuple(values)


def _bytes(names: str) -> tuple[Field, ...]:
    return tuple(Field(name, 1, 0, 255) for name in names.split())


def _channel_and(names: str = "") -> tuple[Field, ...]:
    return (Field("channel", 0, 0, 15), *(Field(name, 1, 0, 127, bits=7) for name in names.split()))


NOTE_OFF = EventKind("Note_off_c", 0x80, _channel_and("note velocity"))
NOTE_ON = EventKind("Note_on_c", 0x90, _channel_and("note velocity"))
CONTROL_CHANGE = EventKind("Control_c", 0xB0, _channel_and("controller value"))
PROGRAM_CHANGE = EventKind("Program_c", 0xC0, _channel_and("program"))
UNKNOWN_META = EventKind("Unknown_meta_event", 0xFF00, (Field("type", 0, 0, 255),), "data")
TEXT = EventKind("Text_t", 0xFF01, rest="text")
TITLE = EventKind("Title_t", 0xFF03, rest="text")
MIDI_PORT = EventKind("MIDI_port", 0xFF21, _bytes("port"))
END_OF_TRACK = EventKind("End_track", 0xFF2F)
SET_TEMPO = EventKind("Tempo", 0xFF51, (Field("tempo", 3, 0, 0xFFFFFF),))
TIME_SIGNATURE = EventKind("Time_signature", 0xFF58, _bytes("numerator denominator clicks notes"))
_KEY, _MODE = Field("key", 1, -7, 7), Field("mode", 1, 0, 1, words=("major", "minor"))
EVENTS = (
    UNKNOWN_META,  # before other meta events, which take their codes from it
    NOTE_OFF,
    NOTE_ON,
    EventKind("Poly_aftertouch_c", 0xA0, _channel_and("note value")),
    CONTROL_CHANGE,
    PROGRAM_CHANGE,
    EventKind("Channel_aftertouch_c", 0xD0, _channel_and("value")),
    EventKind("Pitch_bend_c", 0xE0, (*_channel_and(), Field("value", 2, 0, 16383, bits=7))),
    EventKind("System_exclusive", 0xF0, rest="data"),
    EventKind("System_exclusive_packet", 0xF7, rest="data"),
    EventKind("Sequence_number", 0xFF00, (Field("number", 2, 0, 65535),)),
    TEXT,
    EventKind("Copyright_t", 0xFF02, rest="text"),
    TITLE,
    EventKind("Instrument_name_t", 0xFF04, rest="text"),
    EventKind("Lyric_t", 0xFF05, rest="text"),
    EventKind("Marker_t", 0xFF06, rest="text"),
    EventKind("Cue_point_t", 0xFF07, rest="text"),
    EventKind("Channel_prefix", 0xFF20, _bytes("channel")),
    MIDI_PORT,
    END_OF_TRACK,
    SET_TEMPO,
    EventKind("SMPTE_offset", 0xFF54, _bytes("hour minute second frame fraction")),
    TIME_SIGNATURE,
    EventKind("Key_signature", 0xFF59, (_KEY, _MODE)),
    EventKind("Sequencer_specific", 0xFF7F, rest="data"),
)
BY_CODE = {
    kind.code + added: kind
    for kind in EVENTS
    for added in range(kind.fields[0].high + 1 if kind.adds_to_code else 1)
}
