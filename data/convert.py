"""Read and write scores by file extension."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .errors import UgenError
from .files import write_atomically
from .frames import FramesCodec
from .midi_read import read_midi
from .midi_write import write_midi
from .picture import piano_roll
from .prepare import MIDI_SUFFIXES
from .score import Score

READABLE = (*MIDI_SUFFIXES, ".txt")
WRITABLE = (".mid", ".midi", ".txt", ".png", ".jpg", ".jpeg")
PAD_TICKS = 1920  # a bar of silence after music that came from a text


def convert(source: Path, target: Path, ticks: int, row_seconds: float) -> Score:
    """Convert one file into another, kinds by extension; gives the score that was written.

    `ticks`: step length of frames text. `row_seconds`: length of a row in a picture. Raises UgenError.
    """
    kind = target.suffix.lower()
    if kind not in WRITABLE:
        raise UgenError(f"{target}: cannot write {kind or 'a file with no extension'}; choose {', '.join(WRITABLE)}")
    score = _read(source, ticks)
    if kind == ".txt":
        tokens = FramesCodec(ticks).encode(score).tokens
        write_atomically(target, (" ".join(map(str, tokens.tolist())) + "\n").encode())
    elif kind in (".mid", ".midi"):
        write_midi(score, target, pad_ticks=PAD_TICKS if source.suffix.lower() == ".txt" else 0)
    else:
        piano_roll(score, target, row_seconds)
    return score


def _read(source: Path, ticks: int) -> Score:
    kind = source.suffix.lower()
    if kind in MIDI_SUFFIXES:
        return read_midi(source)
    if kind == ".txt":
        return FramesCodec(ticks).decode(_read_text(source))
    raise UgenError(f"{source}: cannot read {kind or 'a file with no extension'}; choose {', '.join(READABLE)}")


def _read_text(source: Path) -> np.ndarray:
    try:
        words = source.read_text("ascii").split()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text of numbers"
        raise UgenError(f"{source}: {reason}") from None
    for place, word in enumerate(words, 1):
        if not (word.isdigit() and int(word) <= 128):
            raise UgenError(f"{source}: word {place} is {word[:20]!r}; frames text holds numbers from 0 to 128")
    return np.array(words, np.int64)
