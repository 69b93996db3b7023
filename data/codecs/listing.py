"""Tokens as text that a person can read."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .base import Codec


def token_lines(codec: Codec, tokens: NDArray[np.integer]) -> Iterator[str]:
    """The names of a piece's events, each line after the time at which it begins, in seconds: one
    line per bar where the codec has bars, otherwise one per move of time."""
    cursor = codec.cursor()
    names: list[str] = []
    begin = 0.0
    for item in codec.to_inputs(tokens):
        bars, seconds = cursor.bars, cursor.seconds
        cursor.feed(item)
        if cursor.bars > bars:
            yield _line(begin, names)
            names, begin = [], cursor.seconds
        names += _names(codec, item)
        if not codec.has_bars and cursor.seconds > seconds:
            yield _line(begin, names)
            names, begin = [], cursor.seconds
    if names:
        yield _line(begin, names)


def _names(codec: Codec, item: NDArray[np.generic]) -> list[str]:
    """The events of an item: of a token itself, of a vector those that are set."""
    places = [int(item)] if codec.input == "token" else np.flatnonzero(item).tolist()
    return [codec.events[place] for place in places]


def _line(begin: float, names: list[str]) -> str:
    return f"{begin:9.3f}  {' '.join(names)}".rstrip()
