"""The pieces that a model is scored on."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ugen.data import ARRANGEMENTS, UgenError, arrange, read_midi
from ugen.data.codecs.base import Tokens
from ugen.data.midi.smf import MIDI_SUFFIXES
from ugen.runtime.model_file.card import Card


class Piece(NamedTuple):
    """A piece as a model reads it. `notes`: in the tokens. `seconds`: of the arranged piece.
    `lost`: notes that the codec's grid could not hold."""

    tokens: Tokens
    notes: int
    seconds: float
    lost: int = 0


# music in


def midi_files(path: Path) -> list[Path]:
    """All files under a folder that are MIDI by their names, or one file. Raises UgenError when
    there is none."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UgenError(f"{path}: no such file or folder")
    files = sorted(
        each
        for each in path.rglob("*")
        if each.is_file() and each.name.lower().endswith(MIDI_SUFFIXES)
    )
    if not files:
        raise UgenError(f"{path}: no MIDI files in it ({', '.join(MIDI_SUFFIXES)})")
    return files


def arrangement_of(card: Card) -> str:
    """How the music that a model learned from was arranged."""
    corpus = card.provenance.get("corpus")
    told = corpus.get("arrangement") if isinstance(corpus, dict) else None
    return told if told in ARRANGEMENTS else "band" if card.codec.options().get("band") else "piano"


def read_piece(path: str | Path, card: Card, sustain: bool = False) -> Piece:
    """A MIDI file arranged and encoded as a model's corpus was. Raises UgenError that names the
    file."""
    try:
        arranged = arrange(read_midi(path, sustain=sustain), arrangement_of(card))
        encoded = card.codec.encode(arranged)
    except UgenError as error:
        raise UgenError(
            str(error) if str(error).startswith(f"{path}: ") else f"{path}: {error}"
        ) from None
    except OSError as error:
        raise UgenError(f"{path}: {error.strerror or error}") from None
    if not encoded.notes:
        raise UgenError(f"{path}: holds no notes that this model could know")
    return Piece(*encoded[:2], arranged.seconds, encoded.lost)
