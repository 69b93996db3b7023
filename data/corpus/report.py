"""The report of a prepared corpus: what was kept, what was not and why, what the music is like,
what to look at."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import numpy as np
from ugen.data.text import clock, count, printable

from .summary import QUANTILES, Facts

FEW_PIECES = {
    "train": 10,
    "valid": 4,
    "test": 4,
}  # fewer, and a score says more of the pieces than of the model

LITTLE_MUSIC = 1800.0  # seconds; a model of any size soon knows this by heart

MUCH_LOST, MOST_LOST = 0.02, 0.1  # share of the notes of a corpus, and of a file

MANY_SURPRISES = 0.001  # share of the held-out tokens

_WIDTH, _MOST_ADVICE, _MOST_ROWS = 100, 6, 3


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
    if facts.families and (
        largest := max(len(files) + 1 for files in facts.families.values())
    ) * 5 > len(facts.kept):
        yield f"{largest} of {count(len(facts.kept), 'piece')} are versions of one"
    if len(facts.tempos) == 1 and len(facts.kept) > 1:
        yield (
            f"every piece is at {next(iter(facts.tempos))} beats a minute: of recorded performances the beats may "
            "mean nothing, and the frames codec fits those better"
        )
    if sum(facts.surprises.values()) > MANY_SURPRISES * sum(
        split.tokens for split in facts.splits[1:]
    ):
        names = ", ".join(sorted(facts.surprises, key=lambda event: -facts.surprises[event])[:3])
        yield f"held-out pieces use {count(len(facts.surprises), 'event')} that training never shows, mostly {names}"


def table(facts: Facts) -> str:
    """The report as plain text of at most 60 lines of 100 columns, the most useful first."""
    words = advice(facts)
    lines = [*summary(facts), "", "To look at" if words else "Nothing stands out as odd."]
    for text in words[:_MOST_ADVICE]:
        lines += textwrap.wrap(
            printable(text), _WIDTH, initial_indent="  ", subsequent_indent="    ", max_lines=2
        )
    lines += ["", f"  {'':6}{'pieces':>8}{'notes':>12}{'length':>12}{'tokens':>14}"]
    for split in (*facts.splits, facts.total):
        length = clock(split.seconds)
        lines.append(
            f"  {split.name:6}{split.pieces:8,}{split.notes:12,}{length:>12}{split.tokens:14,}"
        )
    lines += [
        "",
        *(line for title, text in in_words(facts).items() for line in _wrapped(title, text)),
    ]
    lines += _section(
        "Dropped", [f"{len(f):5,}  {name}, as {f[0]}" for name, f in facts.dropped.items()], 5
    )
    lossy = sorted((row for row in facts.kept if row.lost), key=lambda row: -row.lost)
    lines += _section(
        "Most notes lost to the grid",
        [f"{r.lost:5,} of {r.notes + r.lost:6,}  {r.file}" for r in lossy],
    )
    lines += _section("Mended", [f"{row.file}: {'; '.join(row.warnings)}" for row in facts.mended])
    lines += _section(
        "Versions", [f"{head} = {', '.join(files)}" for head, files in facts.families.items()]
    )
    return (
        "\n".join(
            [*lines, *_section("Copies", [f"{twin} = {file}" for file, twin in facts.copies])]
        )
        + "\n"
    )


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
    kinds = (
        f"{kind.name} {kind.in_training} of {kind.events} ({kind.count:,} times)"
        for kind in facts.kinds
    )
    return {
        "Length of a piece": ", ".join(
            f"{n} {clock(at)}" for n, at in zip(QUANTILES, facts.lengths, strict=True)
        ),
        "Notes": f"{facts.notes_in:,} in the kept files; {out:,} left out by the arrangement (drums, doubled notes), "
        f"{facts.lost:,} lost to the grid, {facts.total.notes:,} kept",
        **{
            title: "{} to {}, half of the events from {} to {}".format(*at)
            for title, at in spread.items()
            if at
        },
        "Vocabulary": f"{len(facts.unseen)} of {sum(kind.events for kind in facts.kinds)} events never occur in "
        f"training; those that do, and how often in all: {', '.join(kinds)}",
    }


def _spread(counts: dict[int, int]) -> list[int]:
    """Least, greatest, first and third quartile of what was counted, by rising value; empty when
    nothing was."""
    if not any(counts.values()):
        return []
    values, sums = np.array(list(counts)), np.cumsum(list(counts.values()))
    ranks = np.maximum(
        np.array([0, 1, 0.25, 0.75]) * sums[-1], 0.5
    )  # 0.5: the first that occurs at all
    return [
        int(value) for value in values[np.minimum(np.searchsorted(sums, ranks), len(values) - 1)]
    ]


def _wrapped(title: str, text: str) -> list[str]:
    return textwrap.wrap(f"{title}: {text}", _WIDTH, subsequent_indent="  ")


def _section(title: str, lines: Sequence[str], most: int = _MOST_ROWS) -> list[str]:
    """A heading with how many there are, and the first of them, each cut to a line."""
    if not lines:
        return []
    fits = _WIDTH - 2
    cut = (
        line if len(line) <= fits else f"{line[: fits - 3]}..."
        for line in map(printable, lines[:most])
    )
    head = f"{title} ({len(lines):,})" + (f", the first {most}" if len(lines) > most else "")
    return ["", head, *(f"  {line}" for line in cut)]
