"""Rows of numbers, packed: as Python's objects they would take ten times the memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 1 << 14  # rows worked on at once: bounds memory


class Table:
    """Rows that are appended one by one. `data`: their bytes."""

    def __init__(self, **columns: str) -> None:
        """`columns`: their names, and the types that `struct` and NumPy both know by a letter."""
        self.data = bytearray()
        self.dtype, self.pack = _layout(tuple(columns.items()))

    def append(self, *row: int) -> None:
        """Append a row."""
        self.data += self.pack(*row)

    def __len__(self) -> int:
        return len(self.data) // self.dtype.itemsize

    def rows(self, first: int = 0) -> NDArray[np.void]:
        """The rows from `first` on. While they are in use none can be appended."""
        size = self.dtype.itemsize
        return np.frombuffer(self.data, self.dtype, len(self) - first, first * size)


@cache
def _layout(columns: tuple[tuple[str, str], ...]) -> tuple[np.dtype[np.void], Callable[..., bytes]]:
    """The type of a row, and what packs one."""
    dtype = np.dtype([(name, f"<{kind}") for name, kind in columns])
    return dtype, Struct("<" + "".join(kind for _, kind in columns)).pack


def blocks(length: int) -> Iterator[slice]:
    """Places 0 to `length`, some at a time."""
    return (slice(at, at + BLOCK) for at in range(0, length, BLOCK))


def tuples(rows: NDArray[Any], order: NDArray[np.int64] | None = None) -> Iterator[Any]:
    """Rows as tuples of Python's numbers, of which few exist at once. `order`: of the rows."""
    for block in blocks(len(rows) if order is None else len(order)):
        yield from (rows[block] if order is None else rows[order[block]]).tolist()


def by_channel(rows: NDArray[np.void]) -> dict[int, NDArray[np.void]]:
    """The rows of each channel in order of their ticks; on one tick, in the order they have."""
    order = np.argsort(rows["channel"], kind="stable")
    found: dict[int, NDArray[np.void]] = {}
    counts = np.bincount(rows["channel"]) if len(rows) else np.zeros(0, np.int64)
    ends = np.cumsum(counts)
    for channel in np.flatnonzero(counts).tolist():
        mine = rows[order[ends[channel] - counts[channel] : ends[channel]]]
        is_sorted = bool((mine["tick"][1:] >= mine["tick"][:-1]).all())
        found[channel] = mine if is_sorted else mine[np.argsort(mine["tick"], kind="stable")]
    return found
