"""originality.json: what a run keeps of its training music, to find what a song copied from it.

It has hashes of runs of notes, and the file names of the pieces without their folders. It is no
secret: docs/scoring.md says what can be found out with it. Without it, exported model files have
no such table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePath

from ugen.data import Score, UgenError
from ugen.data.analysis.fingerprint_table import Table, table_from_json
from ugen.data.analysis.originality import (
    LEAST_CHARACTERS,
    MOST_CHARACTERS,
    MOST_PIECES,
    is_known,
    make_table,
)
from ugen.data.cli.progress import progress_bar
from ugen.data.corpus.corpus import Corpus, ManifestRow
from ugen.data.files import read_json, write_json

MOST_COMPARED = 100  # pieces


def write_originality(path: Path, corpus: Corpus, weights: int, first: Table | None = None) -> None:
    """Write the table of a corpus, and of what the first model learned from, but for very many
    pieces, of which too little would be found."""
    if len(corpus.pieces("train")) <= MOST_PIECES:
        write_json(path, table_of(corpus, weights, first).to_json())


def known_fraction(corpus: Corpus, rows: Sequence[ManifestRow], table: Table) -> float:
    """How many of some pieces, or of a hundred of them, are in a table."""
    some = _some(rows)
    with progress_bar("comparing", len(some), "pieces") as advance_to:
        known = sum(is_known(score, table) for score in _scores(corpus, some, advance_to))
    return known / max(len(some), 1)


def table_of(corpus: Corpus, weights: int, first: Table | None = None) -> Table:
    """The table of a corpus: at most a tenth of the size of a file that has this many weights
    of one byte each, and more only where passages of SURE notes would be missed otherwise.

    The pieces are hashed as the model knows them: arranged, and on the codec's grid.
    """
    rows, held_out = corpus.pieces("train"), corpus.pieces("valid") or corpus.pieces("test")
    room = min(max(weights // 10, LEAST_CHARACTERS), MOST_CHARACTERS)
    others = _scores(corpus, _some(held_out))
    if first is not None:  # what it learned from is there, and has all in common with itself
        others = (score for score in others if not is_known(score, first))
        pairs = zip(rows, _scores(corpus, rows), strict=True)
        rows = [row for row, score in pairs if not is_known(score, first)]
    names = [PurePath(row.file).name for row in rows]
    with progress_bar("hashing notes", len(rows), "pieces") as advance_to:
        scores = _scores(corpus, rows, advance_to)
        return make_table(names, scores, others, preferred=room, first=first)


def read_originality(path: Path) -> Table | None:
    """What `write_originality` wrote, or None where there is none. Raises UgenError that names the
    file."""
    if not path.exists():
        return None
    try:
        return table_from_json(read_json(path))
    except (ValueError, TypeError, KeyError) as error:
        raise UgenError(f"{path}: {error}") from None


def _some(rows: Sequence[ManifestRow]) -> Sequence[ManifestRow]:
    return rows[:: -(-len(rows) // MOST_COMPARED) or 1]


def _scores(
    corpus: Corpus,
    rows: Sequence[ManifestRow],
    advance_to: Callable[[float], None] = lambda done: None,
) -> Iterator[Score]:
    for number, row in enumerate(rows, 1):
        yield corpus.codec.decode(corpus.piece(row))
        advance_to(number)
