"""The report of a prepared corpus: what was kept, what was not and why, what the music is like, what to look at."""

from __future__ import annotations

import re
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .codec import Codec, split_event
from .corpus import SPLITS, Corpus, Row
from .errors import UgenError

QUANTILES = {"shortest": 0.0, "a tenth below": 0.1, "a quarter below": 0.25, "half below": 0.5,
             "three quarters below": 0.75, "nine tenths below": 0.9, "longest": 1.0}  # fmt: skip
FEW_PIECES = {"train": 10, "valid": 4, "test": 4}  # fewer, and a score says more of the pieces than of the model
LITTLE_MUSIC = 1800.0  # seconds; a model of any size soon knows this by heart
MUCH_LOST, MOST_LOST = 0.02, 0.1  # share of the notes of a corpus, and of a file
MANY_SURPRISES = 0.001  # share of the held-out tokens
_CHUNK = 1 << 20  # tokens counted at once; bounds memory whatever a piece's length
_WIDTH, _MOST_ADVICE, _MOST_ROWS = 100, 6, 3


@dataclass(frozen=True)
class SplitFacts:
    """The kept pieces of a split, added up."""

    name: str
    pieces: int
    notes: int
    seconds: float
    tokens: int


@dataclass(frozen=True)
class KindFacts:
    """A kind of event: how many the codec's table has, how many of them training holds, how often all splits do."""

    name: str
    events: int
    in_training: int
    count: int


@dataclass(frozen=True)
class Facts:
    """What can be said of a corpus without listening to it. Sums are over the kept files.

    `kept`: rows of the kept files; `mended`: those of them that were damaged.
    `dropped`: files by reason, the most frequent first. `copies`: (file, the kept file with the same music).
    `families`: near-duplicates by the file they match. `lengths`: seconds of a piece at QUANTILES.
    `unseen`: events that training never holds; `surprises`: those of them that held-out pieces do hold, counted.
    `pitches`: 128 counts of pitch events. `tempos`: counts by beats a minute, empty where the codec has no tempo.
    """

    name: str
    codec: str
    arrangement: str
    rows: tuple[Row, ...]
    kept: tuple[Row, ...]
    mended: tuple[Row, ...]
    splits: tuple[SplitFacts, ...]
    total: SplitFacts
    notes_in: int
    lost: int
    dropped: dict[str, tuple[str, ...]]
    copies: tuple[tuple[str, str], ...]
    families: dict[str, tuple[str, ...]]
    lengths: tuple[float, ...]
    kinds: tuple[KindFacts, ...]
    unseen: tuple[str, ...]
    surprises: dict[str, int]
    pitches: tuple[int, ...]
    tempos: dict[int, int]


def facts(corpus: Corpus) -> Facts:
    """Count a corpus, a piece at a time. Raises UgenError when its tokens are not its codec's."""
    kept = tuple(row for row in corpus.rows if row.status == "kept")
    codec, trained = corpus.codec, _token_counts(corpus, "train")
    everywhere = sum((_token_counts(corpus, split) for split in SPLITS[1:]), trained)
    tempos = np.array([value if kind == "tempo" else -1 for kind, value in map(split_event, codec.events)])
    unseen = [i for i, n in enumerate(trained.tolist()) if n == 0]
    return Facts(
        name=corpus.path.resolve().name, codec=codec.name, arrangement=corpus.arrangement, rows=corpus.rows,
        kept=kept, mended=tuple(row for row in kept if row.remarks),
        splits=tuple(_sum(split, corpus.pieces(split)) for split in SPLITS), total=_sum("all", kept),
        notes_in=sum(row.notes_in for row in kept), lost=sum(row.lost for row in kept),
        dropped=_by_reason(corpus.rows),
        copies=tuple((row.file, row.family) for row in corpus.rows if row.status == "dropped" and row.family),
        families=_versions(kept),
        lengths=tuple(np.quantile([row.seconds for row in kept] or [0.0], list(QUANTILES.values())).tolist()),
        kinds=_kinds(codec, everywhere, trained), unseen=tuple(codec.events[i] for i in unseen),
        surprises={codec.events[i]: int(everywhere[i]) for i in unseen if everywhere[i]},
        pitches=tuple(_histogram(codec.pitches(), everywhere, 128)),
        tempos={bpm: n for bpm, n in enumerate(_histogram(tempos, everywhere)) if n},
    )  # fmt: skip


def _sum(name: str, rows: Sequence[Row]) -> SplitFacts:
    notes, tokens = sum(row.notes for row in rows), sum(row.tokens for row in rows)
    return SplitFacts(name, len(rows), notes, sum(row.seconds for row in rows), tokens)


def _versions(kept: Iterable[Row]) -> dict[str, tuple[str, ...]]:
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
            found = np.bincount(tokens[at : at + _CHUNK], minlength=len(counts))
            if len(found) > len(counts):
                raise UgenError(
                    f"{corpus.path}: {row.file} holds token {len(found) - 1}, but the codec has {len(counts)}; "
                    "prepare the corpus again"
                )
            counts += found
    return counts


def _kinds(codec: Codec, everywhere: NDArray[np.int64], trained: NDArray[np.int64]) -> tuple[KindFacts, ...]:
    kinds = np.array([split_event(event)[0] for event in codec.events])
    found = ((name, kinds == name) for name in dict.fromkeys(kinds.tolist()))  # in order of the table
    return tuple(KindFacts(name, int(at.sum()), int((trained[at] > 0).sum()), int(everywhere[at].sum()))
                 for name, at in found)  # fmt: skip


def _histogram(values: NDArray[np.int64], counts: NDArray[np.int64], length: int = 0) -> list[int]:
    """How often each value from 0 stands in the tokens; an event whose value is negative has none."""
    sums = np.bincount(values[values >= 0], counts[values >= 0], length)
    return [int(n) for n in sums]


def _by_reason(rows: Iterable[Row]) -> dict[str, tuple[str, ...]]:
    """Files by reason. Reasons that differ in their numbers only are one, with dots where they differ."""
    found: dict[tuple[str, ...], list[tuple[Row, str]]] = defaultdict(list)
    for row in rows:
        if row.status == "dropped":
            reason = "the same music as another file" if row.family else row.reason
            found[tuple(re.split(r"\d+", reason))].append((row, reason))
    named: dict[str, tuple[str, ...]] = {}
    for members in sorted(found.values(), key=len, reverse=True):
        parts = zip(*(re.split(r"(\d+)", reason) for _, reason in members), strict=True)
        name = "".join(part[0] if len(set(part)) == 1 else "..." for part in parts)
        named[name] = tuple(row.file for row, _ in members)
    return named


def advice(facts: Facts) -> list[str]:
    """What a person should look at, in words, the gravest first; empty when nothing stands out."""
    return [*_about_files(facts), *_about_splits(facts), *_about_music(facts)]


def _about_files(facts: Facts) -> Iterator[str]:
    dropped = sum(len(files) for files in facts.dropped.values())
    if dropped * 2 >= len(facts.rows) > 0:
        share = "half" if dropped * 2 == len(facts.rows) else "more than half"
        reason, files = next(iter(facts.dropped.items()))
        yield f"{share} of the files were dropped: most often ({len(files)} of {dropped}) {reason}"
    if facts.mended:
        yield f"{count(len(facts.mended), 'damaged file')} mended while reading: worth a listen"


def _about_splits(facts: Facts) -> Iterator[str]:
    words = {"train": "training", "valid": "validation", "test": "the test"}
    for split in facts.splits:
        if split.name == "valid" and not split.pieces:
            yield "there is no validation: nothing will show when a model begins to learn by heart"
        elif 0 < split.pieces < FEW_PIECES[split.name]:
            yield f"{words[split.name]} has only {count(split.pieces, 'piece')}"
        rows = [row for row in facts.kept if row.split == split.name]
        largest = max(rows, key=lambda row: row.tokens, default=None)
        if largest and len(rows) > 1 and largest.tokens * 2 > split.tokens:
            yield f"one piece is {largest.tokens / split.tokens:.0%} of {words[split.name]}: {largest.file}"
    if facts.splits[0].seconds < LITTLE_MUSIC:
        yield f"training lasts only {clock(facts.splits[0].seconds)}: a model soon knows that by heart"


def _about_music(facts: Facts) -> Iterator[str]:
    if facts.lost > MUCH_LOST * facts.total.notes:
        yield f"{facts.lost / (facts.total.notes + facts.lost):.1%} of the notes did not fit the codec's time grid"
    poor = [row for row in facts.kept if row.lost > MOST_LOST * (row.notes + row.lost)]
    if poor:
        worst = max(poor, key=lambda row: row.lost / (row.notes + row.lost)).file
        yield f"{count(len(poor), 'file')} lost more than a tenth of the notes to the grid, most of all {worst}"
    if facts.families and (largest := max(len(files) + 1 for files in facts.families.values())) * 5 > len(facts.kept):
        yield f"{largest} of {count(len(facts.kept), 'piece')} are versions of one"
    if len(facts.tempos) == 1 and len(facts.kept) > 1:
        yield (f"every piece is at {next(iter(facts.tempos))} beats a minute: of recorded performances the beats may "
               "mean nothing, and the frames codec fits those better")  # fmt: skip
    if sum(facts.surprises.values()) > MANY_SURPRISES * sum(split.tokens for split in facts.splits[1:]):
        names = ", ".join(sorted(facts.surprises, key=lambda event: -facts.surprises[event])[:3])
        yield f"held-out pieces use {count(len(facts.surprises), 'event')} that training never shows, mostly {names}"


def table(facts: Facts) -> str:
    """The report as plain text of at most 60 lines of 100 columns, the most useful first."""
    words = advice(facts)
    lines = [*summary(facts), "", "To look at" if words else "Nothing stands out as odd."]
    for text in words[:_MOST_ADVICE]:
        lines += textwrap.wrap(printable(text), _WIDTH, initial_indent="  ", subsequent_indent="    ", max_lines=2)
    lines += ["", f"  {'':6}{'pieces':>8}{'notes':>12}{'length':>12}{'tokens':>14}"]
    for split in (*facts.splits, facts.total):
        length = clock(split.seconds)
        lines.append(f"  {split.name:6}{split.pieces:8,}{split.notes:12,}{length:>12}{split.tokens:14,}")
    lines += ["", *(line for title, text in in_words(facts).items() for line in _wrapped(title, text))]
    lines += _section("Dropped", [f"{len(f):5,}  {name}, as {f[0]}" for name, f in facts.dropped.items()], 5)
    lossy = sorted((row for row in facts.kept if row.lost), key=lambda row: -row.lost)
    lines += _section("Most notes lost to the grid", [f"{r.lost:5,} of {r.notes + r.lost:6,}  {r.file}" for r in lossy])
    lines += _section("Mended", [f"{row.file}: {'; '.join(row.remarks)}" for row in facts.mended])
    lines += _section("Versions", [f"{head} = {', '.join(files)}" for head, files in facts.families.items()])
    return "\n".join([*lines, *_section("Copies", [f"{twin} = {file}" for file, twin in facts.copies])]) + "\n"


def summary(facts: Facts) -> list[str]:
    """What the corpus is, in two lines."""
    total = facts.total
    return [
        printable(f"{facts.name}: {facts.codec} codec, {facts.arrangement} arrangement")[:_WIDTH],
        f"{len(facts.kept):,} of {count(len(facts.rows), 'file')} kept: {clock(total.seconds)} of music, "
        f"{total.tokens / max(1, total.notes):.2f} tokens a note, {total.tokens / (total.seconds or 1):.1f} a second",
    ]


def in_words(facts: Facts) -> dict[str, str]:
    """What the music and the vocabulary are like, a sentence a subject."""
    out = facts.notes_in - facts.total.notes - facts.lost
    pitches, tempos = _spread(dict(enumerate(facts.pitches))), _spread(facts.tempos)
    spread = {"Pitches, as MIDI numbers": pitches, "Tempos, in beats a minute": tempos}
    kinds = (f"{kind.name} {kind.in_training} of {kind.events} ({kind.count:,} times)" for kind in facts.kinds)
    return {
        "Length of a piece": ", ".join(f"{n} {clock(at)}" for n, at in zip(QUANTILES, facts.lengths, strict=True)),
        "Notes": f"{facts.notes_in:,} in the kept files; {out:,} left out by the arrangement (drums, doubled notes), "
        f"{facts.lost:,} lost to the grid, {facts.total.notes:,} kept",
        **{title: "{} to {}, half of the events from {} to {}".format(*at) for title, at in spread.items() if at},
        "Vocabulary": f"{len(facts.unseen)} of {sum(kind.events for kind in facts.kinds)} events never occur in "
        f"training; those that do, and how often in all: {', '.join(kinds)}",
    }


def _spread(counts: dict[int, int]) -> list[int]:
    """Least, greatest, first and third quartile of what was counted, by rising value; empty when nothing was."""
    if not any(counts.values()):
        return []
    values, sums = np.array(list(counts)), np.cumsum(list(counts.values()))
    ranks = np.maximum(np.array([0, 1, 0.25, 0.75]) * sums[-1], 0.5)  # 0.5: the first that occurs at all
    return [int(value) for value in values[np.minimum(np.searchsorted(sums, ranks), len(values) - 1)]]


def count(number: int, thing: str) -> str:
    """A number of things, in the plural where it is not one."""
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def clock(seconds: float) -> str:
    """Seconds as m:ss or h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


def printable(text: str) -> str:
    """Text with a mark for each character that could break a line or a terminal; file names can hold any."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def _wrapped(title: str, text: str) -> list[str]:
    return textwrap.wrap(f"{title}: {text}", _WIDTH, subsequent_indent="  ")


def _section(title: str, lines: Sequence[str], most: int = _MOST_ROWS) -> list[str]:
    """A heading with how many there are, and the first of them, each cut to a line."""
    if not lines:
        return []
    fits = _WIDTH - 2
    cut = (line if len(line) <= fits else f"{line[: fits - 3]}..." for line in map(printable, lines[:most]))
    head = f"{title} ({len(lines):,})" + (f", the first {most}" if len(lines) > most else "")
    return ["", head, *(f"  {line}" for line in cut)]
