"""The kinds of row of midicsv's text, their bytes and fields: reading, writing and checks derive
from this table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from .smf import MAX_VLQ


class RowError(Exception):
    """What is wrong with a line."""


class Field(NamedTuple):
    """A number of a row. `size` in bytes; 0 says that it is added to the event's code."""

    name: str
    size: int
    low: int
    high: int
    # of each byte that are used; numbers of 7-bit bytes begin with the lowest, others with the
    # highest
    bits: int = 8
    words: tuple[str, ...] = ()  # rows have one of these, in place of the number

    def unpack(self, body: bytes) -> int:
        """The number that bytes hold."""
        if self.bits == 7:
            return sum((byte & 0x7F) << 7 * place for place, byte in enumerate(body))
        return int.from_bytes(body, "big", signed=self.low < 0)

    def pack(self, value: int) -> bytes:
        """The bytes of a number."""
        if self.bits == 7:
            return bytes(value >> 7 * place & 0x7F for place in range(self.size))
        return value.to_bytes(self.size, "big", signed=self.low < 0)

    def parse(self, text: str) -> int:
        """The number that a row's text means. Raises RowError when it is none, or out of range."""
        if self.words and text.lower() in self.words:
            return self.words.index(text.lower())
        # 15 digits: more than any number has, and int() refuses the longest
        if (
            not self.words
            and re.fullmatch("-?[0-9]{1,15}", text)
            and self.low <= int(text) <= self.high
        ):
            return int(text)
        due = " or ".join(self.words) or f"a number from {self.low} to {self.high}"
        raise RowError(f"{self.name} is {text[:20]!a}, not {due}")


@dataclass(frozen=True, eq=False)
class Kind:
    """A type of row: its name, the bytes its event begins with (0: no event), its numbers, and what
    follows them."""

    name: str
    code: int = 0
    fields: tuple[Field, ...] = ()
    rest: Literal["", "text", "data"] = ""

    @cached_property
    def size(self) -> int:
        """How many bytes its numbers take."""
        return sum(field.size for field in self.fields)


def _byte_fields(names: str) -> tuple[Field, ...]:
    return tuple(Field(name, 1, 0, 255) for name in names.split())


def _on_channel(names: str = "") -> tuple[Field, ...]:
    return (Field("channel", 0, 0, 15), *(Field(name, 1, 0, 127, bits=7) for name in names.split()))


TRACK, TIME = Field("track", 0, 0, 65535), Field("time", 0, 0, 10**14)
LENGTH, BYTE = Field("length", 0, 0, MAX_VLQ), Field("a data byte", 0, 0, 255)
HEADER = Kind(
    "Header",
    fields=(
        Field("format", 2, 0, 2),
        Field("number of tracks", 2, 0, 65535),
        Field("division", 2, -32768, 32767),
    ),
)
START, END, END_OF_FILE = Kind("Start_track"), Kind("End_track", 0xFF2F), Kind("End_of_file")
UNKNOWN = Kind("Unknown_meta_event", 0xFF00, (Field("type", 0, 0, 255),), "data")
# meta types from 1 on
_TEXTS = "Text_t Copyright_t Title_t Instrument_name_t Lyric_t Marker_t Cue_point_t"
EVENTS = (
    UNKNOWN,  # before other meta events, which have their codes from it
    Kind("Note_off_c", 0x80, _on_channel("note velocity")),
    Kind("Note_on_c", 0x90, _on_channel("note velocity")),
    Kind("Poly_aftertouch_c", 0xA0, _on_channel("note value")),
    Kind("Control_c", 0xB0, _on_channel("controller value")),
    Kind("Program_c", 0xC0, _on_channel("program")),
    Kind("Channel_aftertouch_c", 0xD0, _on_channel("value")),
    Kind("Pitch_bend_c", 0xE0, (*_on_channel(), Field("value", 2, 0, 16383, bits=7))),
    Kind("System_exclusive", 0xF0, rest="data"),
    Kind("System_exclusive_packet", 0xF7, rest="data"),
    Kind("Sequence_number", 0xFF00, (Field("number", 2, 0, 65535),)),
    *(Kind(name, code, rest="text") for code, name in enumerate(_TEXTS.split(), 0xFF01)),
    Kind("Channel_prefix", 0xFF20, _byte_fields("channel")),
    Kind("MIDI_port", 0xFF21, _byte_fields("port")),
    END,
    Kind("Tempo", 0xFF51, (Field("tempo", 3, 0, 0xFFFFFF),)),
    Kind("SMPTE_offset", 0xFF54, _byte_fields("hour minute second frame fraction")),
    Kind("Time_signature", 0xFF58, _byte_fields("numerator denominator clicks notes")),
    Kind(
        "Key_signature",
        0xFF59,
        (Field("key", 1, -7, 7), Field("mode", 1, 0, 1, words=("major", "minor"))),
    ),
    Kind("Sequencer_specific", 0xFF7F, rest="data"),
)
BY_NAME = {kind.name.lower(): kind for kind in (HEADER, START, *EVENTS, END_OF_FILE)}
BY_CODE = {
    kind.code + added: kind
    for kind in EVENTS
    for added in range(kind.fields[0].high + 1 if kind.fields and not kind.fields[0].size else 1)
}
