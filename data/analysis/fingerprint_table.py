"""The table of hashed runs of notes that a model file carries, and its form as JSON.

A row is a hash, cut to its highest `bits` bits, and the number of the piece that has it; rows are
in order of hash, then piece. `table` is three rows of bits, each filled up to whole bytes, the
lowest bit of a byte first, in base64:

lowest    the lowest bits of every hash, `bits` - high bits each, where high = ceil(log2(rows))
upper     rows + 2 ** high bits: for row i, whose upper bits are the number q, bit q + i is set
(Elias 1974, Fano 1971) owners    the piece of every row, as many bits each as the highest number of
a piece has

A hash that no piece has is found with a chance of rows / 2 ** bits, which is at most 2 ** -SPARE.
"""

from __future__ import annotations

import base64
import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .fingerprints import Hashes, N

FORMAT = 1
SPARE = 12
MOST_NOTES, MOST_WINDOW, MOST_BITS = 64, 1 << 30, 62
_PLAIN = ("format", "n", "window", "bits", "rows", "pieces", "held_out", "table")


@dataclass(frozen=True)
class HeldOut:
    """What pieces that were not learned from have in common with those that were: `median` and
    `most` notes of their longest passages, and the median `share` of their notes that lie in
    any."""

    pieces: int
    median: float
    most: int
    share: float

    def __post_init__(self) -> None:
        whole = type(self.pieces) is type(self.most) is int and min(self.pieces, self.most) >= 0
        if not whole or not all(
            type(x) in (int, float) and x >= 0 for x in (self.median, self.share)
        ):
            raise ValueError("held_out has numbers that cannot be")


@dataclass(frozen=True, eq=False)
class Table:
    """Which piece has which runs of `n` notes.

    `window`: of so many neighbouring runs at least one is here. `keys`: uint64 [rows], rising, the
    upper `bits` bits of hashes. `owners`: int64 [rows], places in `pieces`, their names.
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
        """How many notes a copied passage must have to be found for certain, those of mere
        repetitions aside."""
        return self.n + self.window - 1

    @property
    def false_positives(self) -> float:
        """The chance that a run of notes which no piece has is taken for one that some piece
        has."""
        return len(self.keys) / 2.0**self.bits

    @property
    def characters(self) -> int:
        """The length of the table in base64."""
        return base64_size(len(self.keys), len(self.pieces), self.bits)

    def lookup(self, hashes: Hashes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """All pairs of a hash and a piece that has it, as places in `hashes` and in `pieces`."""
        asked = hashes >> np.uint64(64 - self.bits)
        first, after = (
            np.searchsorted(self.keys, asked, "left"),
            np.searchsorted(self.keys, asked, "right"),
        )
        counts = after - first
        rows = np.arange(counts.sum()) + np.repeat(first - np.cumsum(counts) + counts, counts)
        return np.repeat(np.arange(len(hashes)), counts), self.owners[rows]

    def to_json(self) -> dict[str, Any]:
        """The table as JSON."""
        high = _log2(len(self.keys))
        upper = np.zeros(len(self.keys) + (1 << high), np.uint8)
        upper[
            (self.keys >> np.uint64(self.bits - high)).astype(np.int64) + np.arange(len(self.keys))
        ] = 1
        packed = [
            _packed(self.keys, self.bits - high),
            np.packbits(upper, bitorder="little").tobytes(),
            _packed(self.owners.astype(np.uint64), _log2(len(self.pieces))),
        ]
        return {
            "format": FORMAT,
            "n": self.n,
            "window": self.window,
            "bits": self.bits,
            "rows": len(self.keys),
            "pieces": list(self.pieces),
            "held_out": asdict(self.held_out) if self.held_out else None,
            "table": base64.b64encode(b"".join(packed)).decode(),
        }


def bits_for(rows: int) -> int:
    """How many bits of a hash keep the chance of a false positive under 2 ** -SPARE."""
    return _log2(rows) + SPARE


def base64_size(rows: int, pieces: int, bits: int) -> int:
    """How many characters a table of so many rows takes."""
    return 4 * math.ceil(sum(_sizes(rows, pieces, bits)) / 3)


def _sizes(rows: int, pieces: int, bits: int) -> tuple[int, int, int]:
    """Bytes of the three parts."""
    high = _log2(rows)
    sizes = rows * (bits - high), rows + (1 << high), rows * _log2(pieces)
    return (sizes[0] + 7) // 8, (sizes[1] + 7) // 8, (sizes[2] + 7) // 8


def _log2(number: int) -> int:
    """ceil(log2(number)): as many bits as numbers under it need; 0 for 0 and 1."""
    return max(number - 1, 0).bit_length()


def _packed(values: NDArray[np.uint64], width: int) -> bytes:
    """The lowest `width` bits of each value, back to back."""
    bits = (values[:, None] >> np.arange(width, dtype=np.uint64)) & np.uint64(1)
    return np.packbits(bits.astype(np.uint8).ravel(), bitorder="little").tobytes()


def _unpacked(data: bytes, count: int, width: int) -> NDArray[np.uint64]:
    """What `_packed` packed. Raises ValueError when bits that fill up the last byte are set."""
    bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
    if bits[count * width :].any():
        raise ValueError("the table has bits set that stand for nothing")
    values = np.zeros(count, np.uint64)
    for place, column in enumerate(bits[: count * width].reshape(count, width).T):
        values |= column.astype(np.uint64) << np.uint64(place)
    return values


# reading: nothing is believed


def table_from_json(value: Any) -> Table:
    """Read what `to_json` wrote, all of it checked. Raises ValueError, TypeError or KeyError with
    what is wrong."""
    if not isinstance(value, dict) or set(value) != set(_PLAIN):
        raise ValueError(f"it must have {', '.join(_PLAIN)}, and nothing else")
    if type(value["format"]) is not int or value["format"] != FORMAT:
        raise ValueError(f"this ugen reads format {FORMAT} of it")
    n, window, rows = (_whole(value, name, *ends) for name, ends in _RANGES.items())
    bits = _whole(value, "bits", max(_log2(rows), 1), MOST_BITS)
    pieces, held_out = value["pieces"], value["held_out"]
    if not isinstance(pieces, list) or not all(isinstance(name, str) for name in pieces):
        raise TypeError("pieces must be a list of texts")
    sizes = _sizes(rows, len(pieces), bits)
    data = _decoded(value["table"], sum(sizes))
    lowest, upper, owners = (
        data[: sizes[0]],
        data[sizes[0] : sizes[0] + sizes[1]],
        data[sizes[0] + sizes[1] :],
    )
    high = _log2(rows)
    keys = _unpacked(lowest, rows, bits - high)
    keys |= _upper(upper, rows, 1 << high) << np.uint64(bits - high)
    owner = _unpacked(owners, rows, _log2(len(pieces))).astype(np.int64)
    if rows and owner.max() >= len(pieces):
        raise ValueError("the table has a piece that is not among the pieces")
    if (keys[1:] < keys[:-1]).any():
        raise ValueError("the table is not in order")
    return Table(
        tuple(pieces),
        keys,
        owner,
        bits,
        window,
        n,
        None if held_out is None else HeldOut(**held_out),
    )


_RANGES = {"n": (2, MOST_NOTES), "window": (1, MOST_WINDOW), "rows": (0, 1 << 26)}


def _whole(value: dict[str, Any], name: str, least: int, most: int) -> int:
    number = value[name]
    if type(number) is not int or not least <= number <= most:
        raise ValueError(f"{name} must be a whole number from {least} to {most}")
    return number


def _decoded(text: Any, size: int) -> bytes:
    """Bytes from base64. Raises ValueError when there are not as many as there must be."""
    if not isinstance(text, str):
        raise TypeError("table must be a text")
    data = base64.b64decode(text.encode("ascii", "replace"), validate=True)
    if len(data) != size:
        raise ValueError(f"the table has {len(data)} bytes, and must have {size}")
    return data


def _upper(data: bytes, rows: int, buckets: int) -> NDArray[np.uint64]:
    """The upper bits of every hash, from the bits set in `data`."""
    places = np.flatnonzero(_unpacked(data, rows + buckets, 1))
    if len(places) != rows:
        raise ValueError(f"the table has {len(places)} rows, and claims {rows}")
    upper = places - np.arange(rows)
    if rows and upper.max() >= buckets:
        raise ValueError("the table has a hash that cannot be")
    return upper.astype(np.uint64)
