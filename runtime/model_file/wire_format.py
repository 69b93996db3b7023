"""Protocol buffers' wire format, read where it lies (protobuf.dev, "Encoding").

A message is a sequence of fields. A field is a key, which has its number and how its value is
stored, and the value: a number, or bytes, which may be a message again. A table says which fields a
message has and how each is read. Nothing here is recursive: messages nest only as far as there are
tables for them, whatever a file claims.
"""

from __future__ import annotations

import numpy as np

from .format import ModelError

Span = tuple[int, int]  # where a value begins and ends in the file
Table = dict[int, tuple[str, str]]  # a field's name and kind by its number

# kinds: one number, several, bytes once, bytes several times, of no interest, refused
NUMBER, NUMBERS, BYTES, MANY, SKIP, NEVER = "number", "numbers", "bytes", "many", "skip", "never"
_WIRES = {NUMBER: (0,), NUMBERS: (0, 2), BYTES: (2,), MANY: (2,), SKIP: (0, 1, 2, 5)}
_SIZES = {1: 8, 5: 4}  # bytes of the wire types that have no length before them

# bounds the time and memory that reading takes: 64 layers with skips have a quarter of it
MAX_FIELDS = 1 << 16
MAX_NAME = 1000
# such numbers must be counted one by one; only zero points are written so, of 10 bytes at most
MAX_PACKED = 1 << 20


def table(**kinds: str) -> Table:
    """A table from its fields by kind, as in `table(number="2 version", bytes="1 domain")`."""
    fields = [(kind, *each.split()) for kind, those in kinds.items() for each in those.split(", ")]
    return {int(number): (name, kind) for kind, number, name in fields}


class Message:
    """A message's fields by name: numbers, and where the others lie."""

    def __init__(self) -> None:
        self.numbers: dict[str, list[int]] = {}
        self.spans: dict[str, list[Span]] = {}

    def number(self, name: str) -> int:
        """The number of a field; 0 where it is left out."""
        return self.numbers.get(name, [0])[0]

    def span(self, name: str) -> Span:
        """Where a field is; (0, 0) where it is left out."""
        return self.spans.get(name, [(0, 0)])[0]

    def many(self, name: str) -> list[Span]:
        """Where each occurrence of a field is."""
        return self.spans.get(name, [])


class Wire:
    """Reads the messages of one file. Raises ModelError, one line that names the file and the part
    at fault."""

    def __init__(self, data: bytes, file: str):
        self._data = data
        self._file = file
        self._fields = 0

    def fail(self, what: str) -> ModelError:
        """The error to raise for what is wrong with the file."""
        return ModelError(f"{self._file}: {what}")

    def message(self, span: Span, table: Table, what: str) -> Message:
        """A message's fields, checked against its table. `what`: the message in words."""
        found, (at, end) = Message(), span
        while at < end:
            self._fields += 1
            if self._fields > MAX_FIELDS:
                raise self.fail(f"more than {MAX_FIELDS} fields; no model has as many")
            key, at = self._number(at, end, what)
            name, kind = table.get(key >> 3, (f"field {key >> 3}", NEVER))
            if kind == NEVER:
                raise self.fail(f"{what} has {name}, which is no part of format 1")
            at = self._field(found, name, kind, key & 7, at, end, what)
        return found

    def text(self, span: Span, what: str, most: int = MAX_NAME) -> str:
        """UTF-8 of at most `most` bytes."""
        if span[1] - span[0] > most:
            raise self.fail(f"{what} is longer than {most} bytes")
        try:
            return self._data[span[0] : span[1]].decode("utf-8")
        except UnicodeDecodeError:
            raise self.fail(f"{what} is not UTF-8") from None

    def name(self, message: Message, field: str, what: str) -> str:
        """A field's text, printable in one line of an error."""
        name = self.text(message.span(field), f"{field} of {what}")
        if not name.isprintable():
            raise self.fail(f"{field} of {what} cannot be printed")
        return name

    def packed(self, span: Span, most: int, what: str) -> list[int]:
        """Numbers back to back, at most `most`."""
        numbers: list[int] = []
        at, end = span
        while at < end and len(numbers) < most:
            number, at = self._number(at, end, what)
            numbers.append(number)
        if at < end:
            raise self.fail(f"{what} has more than {most} numbers")
        return numbers

    def numbers(self, message: Message, field: str, most: int, what: str) -> list[int]:
        """Numbers of a field, back to back or one by one."""
        numbers = list(message.numbers.get(field, []))
        for span in message.many(field):
            numbers += self.packed(span, most, what)
        return numbers

    def int64s(self, tensor: Message, what: str) -> list[int]:
        """The items of a tensor of a few int64."""
        begin, end = tensor.span("raw_data")
        if begin < end:
            found: list[int] = np.frombuffer(self._data, "<i8", (end - begin) // 8, begin).tolist()
            return found
        return self.packed(tensor.span("int64_data"), MAX_PACKED, what)

    def packed_count(self, span: Span, what: str) -> int:
        """How many numbers are back to back: each ends with a byte whose highest bit is not
        set."""
        if span[1] - span[0] > MAX_PACKED:
            raise self.fail(
                f"{what} has more than {MAX_PACKED} bytes of numbers that are not raw_data"
            )
        ends = np.frombuffer(self._data[span[0] : span[1]], np.uint8) < 128
        if not ends[-1:].all():
            raise self.fail(f"{what} is cut short")
        return int(np.count_nonzero(ends))

    def _field(
        self, found: Message, name: str, kind: str, wire: int, at: int, end: int, what: str
    ) -> int:
        """Read a field whose value begins at `at`; gives where it ends."""
        what = f"{name} of {what}"
        if wire not in _WIRES[kind]:
            raise self.fail(f"{what} is damaged: stored as wire type {wire}")
        # readers differ on which of two holds
        if kind in (NUMBER, BYTES) and (name in found.numbers or name in found.spans):
            raise self.fail(f"{what} is there twice")
        if wire == 0:
            number, at = self._number(at, end, what)
            found.numbers.setdefault(name, []).append(number)
            return at
        size, at = (_SIZES[wire], at) if wire in _SIZES else self._number(at, end, what)
        if not 0 <= size <= end - at:
            raise self.fail(f"{what} is cut short: {size} bytes, and {end - at} are left")
        found.spans.setdefault(name, []).append((at, at + size))
        return at + size

    def _number(self, at: int, end: int, what: str) -> tuple[int, int]:
        """An int64, seven bits a byte, the lowest first; and where it ends."""
        value = 0
        for shift in range(0, 70, 7):
            if at >= end:
                raise self.fail(f"{what} is cut short")
            byte = self._data[at]
            at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return (value + (1 << 63)) % (1 << 64) - (1 << 63), at
        raise self.fail(f"{what} is damaged: a number of more than 64 bits")
