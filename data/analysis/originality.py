"""How much of a song is copied from the music that a model was trained on, and from which piece.

A passage is copied when all its notes, in order, occur in a piece: in any key, at any tempo, with
any durations, velocities and instruments. `fingerprints` hashes runs of notes. A table holds those
of the training pieces, all or as many as there is room for. Neighbouring runs of a song that all
occur in one piece make a passage.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from ugen.data.score import Score
from ugen.data.text import printable

from .fingerprint_table import MOST_BITS, HeldOut, Table, bits_for
from .fingerprints import Hashes, N, grams, notes_in_order, reach

MOST_PIECES = 1 << 14  # beyond, a table has room for hardly more than whole pieces
# of a table in base64; with the names of the pieces a metadata entry holds 1 MiB
MOST_CHARACTERS = 704 << 10
LEAST_CHARACTERS = 64 << 10
MOST_WITH_NAMES = 960 << 10  # of a table that took in another, with the names
SURE = 26  # notes: a copied passage of so many should be found for certain
KNOWN = (
    0.5  # of a piece's notes lie in passages of the table: it is one of the pieces, or a version
)
_NAMES, _LONGEST_NAME = 256 << 10, 100  # characters of all names, and of one


@dataclass(frozen=True)
class Passage:
    """Notes of a song that also occur in a piece. `first`: their place among the song's pitched
    notes. `begin`, `end`: seconds from the song's beginning. `pieces`: names of all that have
    it."""

    notes: int
    first: int
    begin: float
    end: float
    pieces: tuple[str, ...]


@dataclass(frozen=True)
class Originality:
    """`notes` of a song that have a pitch; the `longest` passage copied, if there is any; the
    `share` (0 to 1) of the notes that lie in a passage of the table's `n` notes or more; `seconds`
    of the song."""

    notes: int
    seconds: float
    longest: Passage | None
    share: float


def originality(score: Score, table: Table) -> Originality:
    """Find the longest copied passage of a score, which must be arranged and decoded from tokens as
    the table's pieces were.

    A passage of `table.certain` notes or more is always found, unless it is mere repetition (see
    `fingerprints`), which counts inside a passage but not at its ends. Where the table's window is
    over 1, up to window - 1 more notes at either end may be missed.
    """
    notes = notes_in_order(score)
    if not len(notes):
        return Originality(0, 0.0, None, 0.0)
    first, lengths, owner = passages(notes, table)
    inside = np.zeros(len(notes) + 1, np.int64)
    np.add.at(inside, first, 1)
    np.add.at(inside, first + lengths, -1)
    share = float((np.cumsum(inside)[:-1] > 0).mean())
    return Originality(
        len(notes), score.seconds, _longest(score, notes, first, lengths, owner, table), share
    )


def is_known(score: Score, table: Table) -> bool:
    """Whether a piece is one of those that a table is of, or nearly."""
    return originality(score, table).share > KNOWN


def passages(
    notes: NDArray[np.void], table: Table
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """All copied passages among notes as `notes_in_order` gives them: the place of the first note,
    how many there are, and the piece."""
    hashes, places = grams(notes, table.n)
    begin, last, owner = _runs(hashes, table)
    return places[begin], places[last] - places[begin] + table.n, owner


def _longest(
    score: Score,
    notes: NDArray[np.void],
    first: NDArray[np.int64],
    lengths: NDArray[np.int64],
    owner: NDArray[np.int64],
    table: Table,
) -> Passage | None:
    """The longest of some runs, the first of equals, with all pieces that have it."""
    if not len(first):
        return None
    length = int(lengths.max())
    begin = int(first[lengths == length].min())
    names = tuple(table.pieces[k] for k in np.unique(owner[(lengths == length) & (first == begin)]))
    inside = notes[begin : begin + length]
    ends = score.seconds_at(np.array([inside["onset"][0], inside["end"].max()]))
    return Passage(length, begin, float(ends[0]), float(ends[1]), names)


def _runs(
    hashes: Hashes, table: Table
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Runs of neighbouring hashes of which every one that the table would keep is one piece's:
    first and last hash, and the piece.

    Between two that follow one another there must be no hash that winnowing would keep, since the
    piece does not have it.
    """
    place, owner = table.lookup(hashes)
    order = np.lexsort((place, owner))
    place, owner = place[order], owner[order]
    begins = np.ones(len(place), bool)
    begins[1:] = (owner[1:] != owner[:-1]) | (place[1:] - place[:-1] > table.window)
    if not begins.all():
        # how many before each place
        kept = np.concatenate([[0], np.cumsum(reach(hashes) >= table.window)])
        begins[1:] |= kept[place[1:]] > kept[place[:-1] + 1]
    ends = np.append(begins[1:], True)[: len(place)]
    return place[begins], place[ends], owner[begins]


def make_table(
    names: Sequence[str],
    scores: Iterable[Score],
    held_out: Iterable[Score] = (),
    characters: int = MOST_CHARACTERS,
    n: int = N,
    preferred: int | None = None,
    first: Table | None = None,
) -> Table:
    """A table of training pieces' runs of n notes, encoded in at most `characters` characters; what
    does not fit is winnowed away. With `preferred`, in at most so many characters, and in more only
    where passages of SURE notes would be missed otherwise.

    `names`, `scores`: of the same pieces. `first`: another table, which is taken in beside them, in
    characters of its own; of one that leaves too little room, the last pieces are left out. Memory
    is bounded by `characters` and the largest piece.
    """
    assert len(names) <= MOST_PIECES
    window, parts, count = 1, [np.zeros(0, _ROW)], 0
    most = characters // 2  # a row takes more than two characters
    for number, score in enumerate(scores):
        parts.append(_rows_of(score, number, window, n))
        count += len(parts[-1])
        if count > 2 * most:
            rows = np.concatenate(parts)
            window = max(window, int(np.sort(rows["reach"])[-most - 1]) + 1)
            parts = [rows[rows["reach"] >= window]]
            count = len(parts[0])
    rows = np.concatenate(parts)
    if first is None or first.n != n:
        first = Table((), np.zeros(0, np.uint64), np.zeros(0, np.int64), MOST_BITS, 1, n)
    room = MOST_WITH_NAMES - _length(_short(names))
    first = _cut(first, room - LEAST_CHARACTERS)
    room = min(len(first.encoded()) + characters, room - _length(first.pieces))
    usual = min(len(first.encoded()) + (preferred or characters), room)
    table = _fitting(rows, window, _short(names), usual, first)
    if table.certain > SURE and preferred:
        table = _fitting(rows, max(window, SURE - n + 1), _short(names), room, first)
    return replace(table, held_out=_proportion(held_out, table) or first.held_out)


def _length(names: Sequence[str]) -> int:
    """The characters of names in JSON."""
    return sum(len(name) + 4 for name in names)  # quotes, comma and space


def _cut(table: Table, characters: int) -> Table:
    """A table, without its last pieces where it would have more characters, names among them."""
    while len(table.encoded()) + _length(table.pieces) > characters:
        count = len(table.pieces) * 9 // 10
        kept = table.owners < count
        table = replace(
            table, pieces=table.pieces[:count], keys=table.keys[kept], owners=table.owners[kept]
        )
    return table


_ROW = np.dtype([("hash", "<u8"), ("owner", "<u4"), ("reach", "<i8")])


def _rows_of(score: Score, number: int, window: int, n: int) -> NDArray[np.void]:
    """A piece's different hashes whose reach is at least `window`, each with its longest reach."""
    hashes, _ = grams(notes_in_order(score), n)
    far = reach(hashes)
    order = np.lexsort((-far, hashes))
    values, first = np.unique(hashes[order], return_index=True)
    rows = np.zeros(len(values), _ROW)
    rows["hash"], rows["owner"], rows["reach"] = values, number, far[order][first]
    return rows[rows["reach"] >= window]


def _fitting(
    rows: NDArray[np.void], window: int, names: tuple[str, ...], characters: int, first: Table
) -> Table:
    """The table of the smallest window, from `window` on, whose text is not too long."""
    windows = [window, *(np.unique(rows["reach"][rows["reach"] >= window]) + 1).tolist()]
    low, high = 0, len(windows) - 1
    while low < high:
        middle = (low + high) // 2
        table = _table(rows, windows[middle], names, first)
        low, high = (low, middle) if len(table.encoded()) <= characters else (middle + 1, high)
    return _table(rows, windows[low], names, first)


def _table(rows: NDArray[np.void], window: int, names: tuple[str, ...], first: Table) -> Table:
    """A table of another one and the rows whose reach is at least `window`. More rows than its own
    window asks for do no harm."""
    rows = rows[rows["reach"] >= window]
    bits = min(bits_for(len(rows) + len(first.keys)), first.bits)
    keys = [first.keys >> np.uint64(first.bits - bits), rows["hash"] >> np.uint64(64 - bits)]
    owners = [first.owners.astype(np.uint64), rows["owner"] + np.uint64(len(first.pieces))]
    pairs = np.unique(np.stack([np.concatenate(keys), np.concatenate(owners)], axis=1), axis=0)
    return Table(
        first.pieces + names,
        pairs[:, 0],
        pairs[:, 1].astype(np.int64),
        bits,
        max(window, first.window),
        first.n,
    )


def _short(names: Sequence[str]) -> tuple[str, ...]:
    """Names that are safe to print and that JSON does not lengthen, cut so that together they have
    at most _NAMES characters."""
    most = min(_LONGEST_NAME, _NAMES // max(len(names), 1) - 4)  # quotes, comma and space
    return tuple(printable(name).replace('"', "'").replace("\\", "/")[:most] for name in names)


def _proportion(scores: Iterable[Score], table: Table) -> HeldOut | None:
    """What held-out pieces have in common with those in the table."""
    found, minutes = [], []
    for score in scores:
        found.append(originality(score, table))
        minutes.append(originality(score.until(score.tick_at(60.0)), table))
    if not found:
        return None
    longest, shares = [_notes(each) for each in found], [each.share for each in found]
    return HeldOut(
        len(found),
        float(np.median(longest)),
        max(longest),
        round(float(np.median(shares)), 4),
        int(np.quantile([_notes(each) for each in minutes], 0.85, method="inverted_cdf")),
    )


def _notes(found: Originality) -> int:
    return found.longest.notes if found.longest else 0
