"""Pictures as PNG by the standard library, and as JPEG where Pillow is installed."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from ugen.data.optional_imports import require

from .inks import colour
from .lettering import lettered, width_of
from .shapes import WIDE, Panel, Text

Pixels = NDArray[np.uint8]


def write_png(panels: Sequence[Panel], path: Path, dark: bool) -> None:
    """Write a picture. Of its pixels a panel's are in memory at a time."""
    high = sum(panel.high for panel in panels)
    compressor, above = zlib.compressobj(6), np.zeros((1, WIDE, 3), np.uint8)
    with open(path, "wb") as stream:
        stream.write(b"\x89PNG\r\n\x1a\n")
        # 8 bits a channel; red, green, blue
        _chunk(stream.write, b"IHDR", struct.pack(">IIBBBBB", WIDE, high, 8, 2, 0, 0, 0))
        for panel in panels:
            lines = np.concatenate([above, pixels(panel, dark)])
            above = lines[-1:]
            # each line begins with its filter: 2, less the line above
            filtered = np.full((panel.high, 1 + 3 * WIDE), 2, np.uint8)
            filtered[:, 1:] = (lines[1:] - lines[:-1]).reshape(panel.high, -1)
            _chunk(stream.write, b"IDAT", compressor.compress(filtered.tobytes()))
        _chunk(stream.write, b"IDAT", compressor.flush())
        _chunk(stream.write, b"IEND", b"")


def write_jpeg(panels: Sequence[Panel], path: Path, dark: bool) -> None:
    """Write a picture. Raises UgenError when Pillow is missing."""
    require("PIL", "plot")
    from PIL import Image

    image = np.concatenate([pixels(panel, dark) for panel in panels])
    Image.fromarray(image).save(path, "JPEG", quality=90)


def pixels(panel: Panel, dark: bool) -> Pixels:
    """A panel's colours, uint8 [high, WIDE, 3]."""
    image = np.full((panel.high, WIDE, 3), colour("page", dark), np.uint8)
    colours = {ink: colour(ink, dark) for ink in {box.ink for box in panel.boxes}}
    for x, y, wide, high, ink in panel.boxes:
        image[max(y, 0) : y + high, max(x, 0) : x + wide] = colours[ink]
    for text in panel.texts:
        _write(image, text, dark)
    return image


def _write(image: Pixels, text: Text, dark: bool) -> None:
    """Mix a text's ink into the pixels below it."""
    ink = lettered(text.words, text.size)
    shift = {"start": 0.0, "middle": 0.5, "end": 1.0}[text.anchor]
    left = text.x - round(shift * width_of(text.words, text.size))
    top = text.y - 3 * text.size // 2
    part = image[max(top, 0) : top + len(ink), max(left, 0) : left + ink.shape[1]]
    cover = ink[max(-top, 0) :, max(-left, 0) :][: part.shape[0], : part.shape[1], None]
    part[:] = np.rint(part + cover * (np.array(colour(text.ink, dark)) - part.astype(float)))


def _chunk(write: Callable[[bytes], object], kind: bytes, data: bytes) -> None:
    checksum = zlib.crc32(kind + data)
    write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum))
