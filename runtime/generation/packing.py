"""Arrays as text, for dataclasses that are stored as JSON."""

from __future__ import annotations

import base64
import zlib
from dataclasses import MISSING, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


def packed_array(
    dtype: str,
    most: int,
    default: Any = MISSING,
    bound: float | None = None,
    is_compressed: bool = True,
) -> Any:
    """A dataclass field that holds a flat array of at most `most` values, or None where that is the
    default, and is stored as text. `dtype` is little-endian, as in "<f4"; `bound` is the largest
    absolute value that is read. What is not compressed has the same text everywhere: versions of
    zlib compress differently, and cut even stored bytes into other blocks."""

    def encode(values: NDArray[Any] | None) -> str | None:
        return None if values is None else _pack(values.astype(dtype), is_compressed)

    def decode(text: Any) -> NDArray[Any] | None:
        if text is None and default is None:
            return None
        limit = most * np.dtype(dtype).itemsize
        data = _unpack(text, limit) if is_compressed else _bytes_of(text)
        if len(data) > limit:
            raise ValueError(f"more than {most} values")
        values = np.frombuffer(data, dtype).astype(np.dtype(dtype).newbyteorder("="))
        if bound is not None and not (np.abs(values) <= bound).all():
            raise ValueError(f"values beyond {bound:g}, or not finite")
        return values

    return field(default=default, metadata={"from_json": decode, "to_json": encode})


def _pack(values: NDArray[Any], is_compressed: bool) -> str:
    data = values.tobytes()
    return base64.b64encode(zlib.compress(data, 9) if is_compressed else data).decode()


def _bytes_of(text: Any) -> bytes:
    if not isinstance(text, str):
        raise ValueError("must be a text")
    return base64.b64decode(text, validate=True)


def _unpack(text: Any, limit: int) -> bytes:
    """What was compressed, or a byte more than the limit. Raises ValueError."""
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(_bytes_of(text), limit + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if len(data) <= limit and not inflater.eof:
        raise ValueError("incomplete")
    return data
