"""What can be counted in a prepared corpus: the facts behind its report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from ugen.data.codecs.base import Codec, split_event

from .corpus import SPLITS, Code, Corpus, ManifestRow

QUANTILES = {
    "shortest": 0.0,
    "a tenth below": 0.1,
    "a quarter below": 0.25,
    "half below": 0.5,
    "three quarters below": 0.75,
    "nine tenths below": 0.9,
    "longest": 1.0,
}
_CHUNK = 1 << 20  # tokens counted at once: bounds memory, however long a piece is


@dataclass(frozen=True)
class SplitFacts:
    """The kept pieces of a split, added up. `asked`: the fraction of all pieces that it was asked
    to have, where that is known."""

    name: str
    pieces: int
    notes: int
    seconds: float
    tokens: int
    asked: float = 0.0


@dataclass(frozen=True)
class KindFacts:
    """A kind of event: how many the codec's table has, how many of those occur in training, and how
    often they occur in all splits."""

    name: str
    events: int
    in_training: int
    count: int


@dataclass(frozen=True)
class Facts:
    """What can be said of a corpus without listening to it. Sums are over the kept files.

    `kept`: rows of the kept files. `repaired`: those of them that were damaged.
    `dropped`: rows of the dropped files by code, the most frequent first.
    `families`: files that are versions of a piece, by the first file of the family.
    `lengths`: seconds per piece at QUANTILES.
    `unseen`: events that never occur in training. `held_out_only`: those of them that occur in
    held-out pieces, with how often.
    `pitches`: 128 counts of pitch events. `tempos`: counts by beats per minute, empty where the
    codec has no tempo.
    """

    name: str
    codec: str
    arrangement: str
    rows: tuple[ManifestRow, ...]
    kept: tuple[ManifestRow, ...]
    repaired: tuple[ManifestRow, ...]
    splits: tuple[SplitFacts, ...]
    total: SplitFacts
    notes_in: int
    lost: int
    dropped: dict[Code, tuple[ManifestRow, ...]]
    families: dict[str, tuple[str, ...]]
    lengths: tuple[float, ...]
    kinds: tuple[KindFacts, ...]
    unseen: tuple[str, ...]
    held_out_only: dict[str, int]
    pitches: tuple[int, ...]
    tempos: dict[int, int]


def facts(corpus: Corpus) -> Facts:
    """Count a corpus, a piece at a time."""
    kept = tuple(row for row in corpus.rows if row.status == "kept")
    codec, trained = corpus.codec, _token_counts(corpus, "train")
    everywhere = sum((_token_counts(corpus, split) for split in SPLITS[1:]), trained)
    tempos = np.array(
        [value if kind == "tempo" else -1 for kind, value in map(split_event, codec.events)]
    )
    unseen = [i for i, n in enumerate(trained.tolist()) if n == 0]
    return Facts(
        name=corpus.path.resolve().name,
        codec=codec.name,
        arrangement=corpus.arrangement,
        rows=corpus.rows,
        kept=kept,
        repaired=tuple(row for row in kept if row.warnings),
        splits=tuple(
            _sum(split, corpus.pieces(split), corpus.asked.get(split, 0.0)) for split in SPLITS
        ),
        total=_sum("all", kept),
        notes_in=sum(row.notes_in for row in kept),
        lost=sum(row.lost for row in kept),
        dropped=_by_code(corpus.rows),
        families=_versions(kept),
        lengths=tuple(
            np.quantile([row.seconds for row in kept] or [0.0], list(QUANTILES.values())).tolist()
        ),
        kinds=_kinds(codec, everywhere, trained),
        unseen=tuple(codec.events[i] for i in unseen),
        held_out_only={codec.events[i]: int(everywhere[i]) for i in unseen if everywhere[i]},
        pitches=tuple(_histogram(codec.pitches(), everywhere, 128)),
        tempos={bpm: n for bpm, n in enumerate(_histogram(tempos, everywhere)) if n},
    )


def _sum(name: str, rows: Sequence[ManifestRow], asked: float = 0.0) -> SplitFacts:
    notes, tokens = sum(row.notes for row in rows), sum(row.tokens for row in rows)
    return SplitFacts(name, len(rows), notes, sum(row.seconds for row in rows), tokens, asked)


def _versions(kept: Iterable[ManifestRow]) -> dict[str, tuple[str, ...]]:
    families: dict[str, list[str]] = defaultdict(list)
    for row in kept:
        if row.family != row.file:
            families[row.family].append(row.file)
    return {head: tuple(files) for head, files in families.items()}


def _token_counts(corpus: Corpus, split: str) -> NDArray[np.int64]:
    """int64 [vocabulary]: how often each token stands in the pieces of a split."""
    counts = np.zeros(corpus.codec.vocabulary, np.int64)
    for row in corpus.pieces(split):
        tokens = corpus.piece(row)
        for at in range(0, len(tokens), _CHUNK):
            counts += corpus.codec.counts(tokens[at : at + _CHUNK])
    return counts


def _kinds(
    codec: Codec, everywhere: NDArray[np.int64], trained: NDArray[np.int64]
) -> tuple[KindFacts, ...]:
    kinds = np.array([split_event(event)[0] for event in codec.events])
    names = dict.fromkeys(kinds.tolist())  # in order of the table
    found = ((name, kinds == name) for name in names)
    return tuple(
        KindFacts(name, int(at.sum()), int((trained[at] > 0).sum()), int(everywhere[at].sum()))
        for name, at in found
    )


def _histogram(values: NDArray[np.int64], counts: NDArray[np.int64], length: int = 0) -> list[int]:
    """How often each value from 0 stands in the tokens; an event whose value is negative has
    none."""
    sums = np.bincount(values[values >= 0], counts[values >= 0], length)
    return [int(n) for n in sums]


def _by_code(rows: Iterable[ManifestRow]) -> dict[Code, tuple[ManifestRow, ...]]:
    """The dropped files by the code of their reason, the most frequent first."""
    found: dict[Code, list[ManifestRow]] = defaultdict(list)
    for row in rows:
        if row.status == "dropped":
            found[row.code].append(row)
    ordered = sorted(found.items(), key=lambda item: -len(item[1]))
    return {code: tuple(members) for code, members in ordered}
