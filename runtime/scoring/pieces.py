"""The pieces that a model is scored on."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ugen.data import UgenError, arrange, read_midi
from ugen.data.arrangement import LONGEST_INTRODUCTION, cut_silence
from ugen.data.codecs.base import Tokens
from ugen.data.folders import why_no_file
from ugen.runtime.model_file.card import Card


class Piece(NamedTuple):
    """A piece as a model reads it."""

    tokens: Tokens

    notes: int
    """Notes in the tokens."""

    seconds: float
    """Length of the arranged piece."""

    lost: int = 0
    """Notes that the codec's grid could not hold."""

    warnings: tuple[str, ...] = ()
    """What was wrong with the file, in words."""


def read_piece(path: str | Path, card: Card, sustain: bool = False) -> Piece:
    """A MIDI file as a piece to `score`: arranged and encoded as the corpus of the model with that
    card (`model.card`) was.

    `sustain`: fold the sustain pedal into the ends of notes. Raises UgenError that names the file.
    """
    try:
        if reason := why_no_file(Path(path)):
            raise UgenError(reason)
        score = read_midi(path, sustain=sustain)
        arranged = cut_silence(arrange(score, card.arrangement), LONGEST_INTRODUCTION)
        encoded = card.codec.encode(arranged)
    except UgenError as error:
        raise UgenError(error.reason, path=path) from None
    except OSError as error:
        raise UgenError(error.strerror or str(error), path=path) from None
    if not encoded.notes:
        reason = "holds no notes that this model knows"
        if score.warnings and not len(score.notes):
            reason = f"no notes could be read: {score.warnings[0]}"
        raise UgenError(reason, path=path)
    return Piece(encoded.tokens, encoded.notes, arranged.seconds, encoded.lost, arranged.warnings)
