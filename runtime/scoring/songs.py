"""What a model's songs are like: measured beside pieces, and searched for what they copied."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ugen.data import Score, UgenError
from ugen.data.analysis.fingerprint_table import Table
from ugen.data.analysis.measures import measures
from ugen.data.analysis.originality import Originality, is_known, originality
from ugen.data.analysis.spread import Spread, distance, measures_of_beginning, spreads
from ugen.runtime.generation.guard.faults import FaultKind, GuardError
from ugen.runtime.generation.song import generate
from ugen.runtime.inference.model import Model
from ugen.runtime.model_file.card import Card

from .pieces import Piece

LONGEST_SONG = 60.0


class SongComparison(NamedTuple):
    """A model's songs and some pieces, measured alike."""

    songs: int
    """Songs that were made and measured."""

    retried: int
    """Songs of these that the guard had to take back in part, as degenerate."""

    copied: int
    """Songs of these that it took back in part as copied."""

    given_up: int
    """Songs that the guard gave up on, which are not measured."""

    seconds: float
    """The length of each song, and what longer pieces were cut to."""

    measures: dict[str, Spread]

    distance: float | None
    """The mean difference of ten of these, see `ugen.data.analysis.spread`."""


def compare_songs(
    model: Model,
    pieces: Sequence[Piece],
    songs: int,
    on_progress: Callable[[float], None] = lambda seconds: None,
) -> SongComparison:
    """Make songs with the model's own sampling and seeds 1 to `songs`, and measure them and pieces.

    A song is as long as the median piece, at most a minute. Pieces are measured out of the codec,
    as songs are, and cut to the songs' length, on which many measures depend; whether a piece
    `ends` is asked of the whole. `copied_notes` and `copied_fraction` are added where the model's
    file has a table: the longest passage copied from its training music, and the fraction of notes
    in any.
    """
    seconds = song_seconds(pieces)
    decoded = (model.card.codec.decode(piece.tokens) for piece in pieces)
    theirs = [
        measures_of_beginning(piece, seconds)
        | _copied(piece.until(piece.tick_at(seconds)), model.card)
        for piece in decoded
    ]
    ours, retried, copied = [], 0, 0
    for number in range(songs):

        def advance(done: float, before: float = number * seconds) -> None:
            on_progress(before + min(done, seconds))

        with suppress(GuardError):  # degenerate output is counted, not measured
            song = generate(model, seconds=seconds, seed=number + 1, on_progress=advance)
            ours.append(measures(song.score) | _copied(song.score, model.card))
            kinds = {retry.fault.kind for retry in song.retries}
            retried += bool(kinds - {FaultKind.COPY})
            copied += FaultKind.COPY in kinds
        advance(seconds)
    found = spreads(theirs, ours)
    given_up = songs - len(ours)
    return SongComparison(len(ours), retried, copied, given_up, seconds, found, distance(found))


def song_seconds(pieces: Sequence[Piece]) -> float:
    """How long the songs are that are compared with pieces."""
    return float(min(np.median([piece.seconds for piece in pieces]), LONGEST_SONG))


def _copied(score: Score, card: Card) -> dict[str, float]:
    """What a score has in common with the training music, where the model's file can tell."""
    if card.originality is None:
        return {}
    copied = originality(score, card.originality)
    notes = copied.longest.notes if copied.longest else 0
    return {"copied_notes": float(notes), "copied_fraction": copied.share}


def table_of(card: Card, path: str | Path) -> Table:
    """The table of a model file. Raises UgenError where there is none."""
    if card.originality is None:
        raise UgenError(
            "has no ugen.originality entry, so that what a song copied is unknown; train-ugen "
            "writes it into new runs of up to 16,384 pieces, and export-ugen takes it along",
            path=path,
        )
    return card.originality


def known_pieces(pieces: Sequence[Piece], card: Card) -> int:
    """How many of some pieces a model learned from, as far as its file can tell."""
    table, decode = card.originality, card.codec.decode
    return sum(is_known(decode(piece.tokens), table) for piece in pieces) if table else 0


def originality_of(song: Piece, card: Card, table: Table) -> Originality:
    """What a song copied. It went through the codec first, as the pieces in the table did."""
    return originality(card.codec.decode(song.tokens), table)
