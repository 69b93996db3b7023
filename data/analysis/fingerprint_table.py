"""The table of hashed runs of notes that a model file carries, and its form as JSON.

A row is a hash, cut to its highest `bits` bits, and the number of the piece that has it; rows are
in order of hash, then piece. `table` is base64 of one zlib stream (RFC 1950). In it stands, as
little-endian numbers, how much each hash exceeds the one before, then each row's piece: first the
lowest byte of every row, then the second byte of every row, and so on. Hashes have as many bytes as
`bits` needs, pieces as many as the highest number of a piece needs.

A hash that no piece has is found with a chance of rows / 2 ** bits, which is at most 2 ** -SPARE.
"""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ugen.data.json_values import from_json, to_json

from .fingerprints import Hashes, N

FORMAT = 1
SPARE = 12
MOST_NOTES = 64
MOST_WINDOW = 1 << 30
MOST_ROWS = 1 << 20
MOST_BITS = 62
_FEWEST_ROWS = 1 << 17  # that bits are made for
# of notes that a song may share with a piece, whatever held-out pieces do; the upper one bounds
# what the guard remembers
LIMITS = 16, 512


@dataclass(frozen=True)
class HeldOut:
    """What held-out pieces have in common with the training pieces: `median` and `most` notes of
    their longest passages, and the median `share` of their notes that lie in any. `common`: 17 in
    20 of them, cut to their first minute, have no passage of more notes."""

    pieces: int
    median: float
    most: int
    share: float
    common: int = 0

    def __post_init__(self) -> None:
        if min(self.pieces, self.median, self.most, self.share, self.common) < 0:
            raise ValueError("held_out has a number below 0")


@dataclass(frozen=True, eq=False)
class Table:
    """Which piece has which runs of `n` notes.

    `window`: of that many neighbouring runs at least one is here. `keys`: uint64 [rows], rising,
    the upper `bits` bits of hashes. `owners`: int64 [rows], places in `pieces`, their names.
    """

    pieces: tuple[str, ...]
    keys: Hashes
    owners: NDArray[np.int64]
    bits: int
    window: int = 1
    n: int = N
    held_out: HeldOut | None = None

    @property
    def certain(self) -> int:
        """How many notes a copied passage must have to be found for certain, unless it only repeats
        itself."""
        return self.n + self.window - 1

    @property
    def limit(self) -> int:
        """How many notes of a piece a song may have in a row without being called a copy, measured
        with this table."""
        common = self.held_out.common if self.held_out else 0
        return min(max(common, LIMITS[0]), LIMITS[1])

    @property
    def false_positives(self) -> float:
        """The chance that a run of notes which no piece has is taken for one that some piece
        has."""
        return len(self.keys) / 2.0**self.bits

    def lookup(self, hashes: Hashes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """All pairs of a hash and a piece that has it, as places in `hashes` and in `pieces`."""
        asked = hashes >> np.uint64(64 - self.bits)
        first = np.searchsorted(self.keys, asked, "left")
        counts = np.searchsorted(self.keys, asked, "right") - first
        rows = np.arange(counts.sum()) + np.repeat(first - np.cumsum(counts) + counts, counts)
        return np.repeat(np.arange(len(hashes)), counts), self.owners[rows]

    def encoded(self) -> str:
        """The rows as text."""
        steps = np.diff(self.keys, prepend=np.uint64(0))
        planes = _planes(steps, _width(self.bits)) + _planes(self.owners, self._owner_width)
        return base64.b64encode(zlib.compress(planes, 9)).decode()

    def to_json(self) -> dict[str, Any]:
        """The table as JSON."""
        stored = _Stored(
            FORMAT,
            self.n,
            self.window,
            self.bits,
            len(self.keys),
            self.pieces,
            self.held_out,
            self.encoded(),
        )
        return to_json(stored)  # type: ignore[no-any-return]

    @property
    def _owner_width(self) -> int:
        return _width(max(len(self.pieces) - 1, 0).bit_length())


def bits_for(rows: int) -> int:
    """How many bits of a hash keep the chance of a false positive under 2 ** -SPARE, also when the
    rows of another table come to these."""
    return max(rows - 1, _FEWEST_ROWS - 1).bit_length() + SPARE


def _width(bits: int) -> int:
    """Bytes for that many bits."""
    return (bits + 7) // 8


def _planes(values: NDArray[Any], width: int) -> bytes:
    """The lowest `width` bytes of each value: the lowest of all, then the next of all."""
    return values.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :width].T.tobytes()


# reading: nothing is believed


@dataclass(frozen=True)
class _Stored:
    """What a file holds."""

    format: int
    n: int
    window: int
    bits: int
    rows: int
    pieces: tuple[str, ...]
    held_out: HeldOut | None
    table: str

    def __post_init__(self) -> None:
        for name, (least, most) in _RANGES.items():
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} must be from {least} to {most}")


_RANGES = {
    "format": (FORMAT, FORMAT),
    "n": (2, MOST_NOTES),
    "window": (1, MOST_WINDOW),
    "bits": (1, MOST_BITS),
    "rows": (0, MOST_ROWS),
}


def table_from_json(value: Any) -> Table:
    """Read what `to_json` wrote, all of it checked. Raises ValueError with what is wrong."""
    stored = from_json(_Stored, value)
    rows, bits = stored.rows, stored.bits
    widths = _width(bits), _width(max(len(stored.pieces) - 1, 0).bit_length())
    planes = _unzipped(base64.b64decode(stored.table, validate=True), rows * sum(widths))
    steps, owners = (_values(part, rows) for part in np.split(planes, [rows * widths[0]]))
    keys = np.cumsum(steps, dtype=np.uint64)
    if rows and ((keys[1:] < keys[:-1]).any() or int(keys[-1]) >> bits):
        raise ValueError("the table has a hash of too many bits")
    if rows and owners.max() >= len(stored.pieces):
        raise ValueError("the table has a piece that is not among the pieces")
    return Table(
        stored.pieces, keys, owners.astype(np.int64), bits, stored.window, stored.n, stored.held_out
    )


def _unzipped(data: bytes, size: int) -> NDArray[np.uint8]:
    """The bytes of a zlib stream. Raises ValueError, before more memory is taken, when they are not
    `size`."""
    stream = zlib.decompressobj()
    try:
        found = stream.decompress(data, size + 1)
    except zlib.error as error:
        raise ValueError(f"the table is damaged ({error})") from None
    if len(found) != size or not stream.eof or stream.unused_data:
        raise ValueError(f"the table must have {size} bytes, and nothing after them")
    return np.frombuffer(found, np.uint8)


def _values(planes: NDArray[np.uint8], rows: int) -> Hashes:
    """What `_planes` took apart."""
    width = len(planes) // max(rows, 1)
    values = np.zeros((rows, 8), np.uint8)
    values[:, :width] = planes.reshape(width, rows).T
    return values.view("<u8").reshape(-1)
