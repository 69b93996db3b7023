"""Arrays as compressed text, for JSON."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray


def packed(values: NDArray[Any]) -> str:
    """An array as text, compressed."""
    return base64.b64encode(zlib.compress(values.tobytes(), 9)).decode()


def unpacked(text: str, dtype: str, most: int) -> NDArray[Any]:
    """The array of such a text. Raises ValueError, TypeError or zlib.error, also for more than
    `most` values."""
    inflater = zlib.decompressobj()
    data = inflater.decompress(
        base64.b64decode(text, validate=True), most * np.dtype(dtype).itemsize + 1
    )
    if not inflater.eof or len(data) > most * np.dtype(dtype).itemsize:
        raise ValueError(f"more than {most} values")
    return np.frombuffer(data, dtype)
