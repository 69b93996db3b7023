"""The report of a prepared corpus: what was kept, what was dropped and why, what the music is like,
what to look at."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import numpy as np
from ugen.data.text import clock, count, printable

from .corpus import ManifestRow
from .summary import QUANTILES, Facts

# with fewer pieces a score says more about the pieces than about the model
FEW_PIECES = {"train": 10, "valid": 4, "test": 4}
FAR = 2  # times the fraction of the pieces that a split was asked to have, or less than 1 in FAR
LITTLE_MUSIC = 1800.0  # seconds; a model of any size soon memorizes this
MUCH_LOST = 0.02  # fraction of all notes
MOST_LOST = 0.1  # fraction of a file's notes
HELD_OUT_ONLY = 0.001  # fraction of the held-out tokens

_WIDTH = 100
_MOST_FINDINGS = 6
_MOST_ROWS = 3


def findings(facts: Facts) -> list[str]:
    """What a person should look at, in words, the gravest first; empty when nothing stands out."""
    return [*_about_files(facts), *_about_splits(facts), *_about_music(facts)]


def _about_files(facts: Facts) -> Iterator[str]:
    dropped = sum(len(rows) for rows in facts.dropped.values())
    if dropped * 2 >= len(facts.rows) > 0:
        part = "half" if dropped * 2 == len(facts.rows) else "more than half"
        code, rows = next(iter(facts.dropped.items()))
        yield (
            f"{part} of the files were dropped: most often ({len(rows)} of {dropped}) "
            f"{code.replace('_', ' ')}"
        )
    if facts.repaired:
        yield f"{count(len(facts.repaired), 'damaged file')} repaired while reading: listen to them"


def _about_splits(facts: Facts) -> Iterator[str]:
    words = {"train": "training", "valid": "validation", "test": "the test"}
    pieces = sum(split.pieces for split in facts.splits)
    for split in facts.splits:
        if split.name == "valid" and not split.pieces:
            yield "there is no validation: nothing will show when a model begins to memorize"
        elif 0 < split.pieces < FEW_PIECES[split.name]:
            yield f"{words[split.name]} has only {count(split.pieces, 'piece')}"
        expected = split.asked * pieces
        is_far = not expected / FAR <= split.pieces <= expected * FAR
        if is_far and abs(split.pieces - expected) >= FEW_PIECES["valid"] and expected:
            yield (
                f"{words[split.name]} has {split.pieces / pieces:.0%} of the pieces, "
                f"where {split.asked:.0%} were asked for: versions of a piece stay together"
            )
        rows = [row for row in facts.kept if row.split == split.name]
        largest = max(rows, key=lambda row: row.tokens, default=None)
        if largest and len(rows) > 1 and largest.tokens * 2 > split.tokens:
            part = f"{largest.tokens / split.tokens:.0%}"
            yield f"one piece is {part} of {words[split.name]}: {largest.file}"
    if facts.splits[0].seconds < LITTLE_MUSIC:
        yield f"training lasts only {clock(facts.splits[0].seconds)}: a model soon memorizes that"


def _about_music(facts: Facts) -> Iterator[str]:
    if facts.lost > MUCH_LOST * facts.total.notes:
        part = f"{facts.lost / (facts.total.notes + facts.lost):.1%}"
        yield f"{part} of the notes did not fit the codec's time grid"
    poor = [row for row in facts.kept if row.lost > MOST_LOST * (row.notes + row.lost)]
    if poor:
        worst = max(poor, key=lambda row: row.lost / (row.notes + row.lost)).file
        yield (
            f"{count(len(poor), 'file')} lost more than a tenth of the notes to the grid, "
            f"most of all {worst}"
        )
    largest = max((len(files) + 1 for files in facts.families.values()), default=0)
    if largest * 5 > len(facts.kept):
        yield f"{largest} of {count(len(facts.kept), 'piece')} are versions of one"
    if words := without_beats(facts.kept, facts.codec):
        yield words
    held_out = sum(split.tokens for split in facts.splits[1:])
    if sum(facts.held_out_only.values()) > HELD_OUT_ONLY * held_out:
        counts = facts.held_out_only
        names = ", ".join(sorted(counts, key=lambda event: -counts[event])[:3])
        yield (
            f"held-out pieces use {count(len(counts), 'event')} that never occur in training, "
            f"mostly {names}"
        )


def without_beats(kept: Sequence[ManifestRow], codec: str) -> str:
    """How many of the kept pieces have no beat grid, in words; empty where all have one."""
    loose = sum(not row.has_beats for row in kept)
    if not loose:
        return ""
    words = f"{loose} of {count(len(kept), 'piece')} {'has' if loose == 1 else 'have'} no beat grid"
    why = "performed, or their tempo was flattened"
    advice = ": --codec events suits them" if codec == "beats" else ""
    return f"{words} ({why}){advice}"


def table(facts: Facts, width: int | None = None) -> str:
    """The report as plain text, the most useful first: at most 60 lines of 100 columns, or more
    lines on a narrower terminal."""
    width = min(width or _WIDTH, _WIDTH)
    words = findings(facts)
    lines = [*_wrapped(summary(facts), width), ""]
    lines.append("To look at" if words else "No problems found.")
    for text in words[:_MOST_FINDINGS]:
        lines += textwrap.wrap(
            printable(text), width, initial_indent="  ", subsequent_indent="    ", max_lines=3
        )
    lines += ["", f"  {'':6}{'pieces':>8}{'notes':>12}{'length':>12}{'tokens':>14}"]
    for split in (*facts.splits, facts.total):
        length = clock(split.seconds)
        lines.append(
            f"  {split.name:6}{split.pieces:8,}{split.notes:12,}{length:>12}{split.tokens:14,}"
        )
    lines.append("")
    lines += _wrapped([f"{title}: {text}" for title, text in in_words(facts).items()], width)
    return "\n".join([*lines, *_sections(facts, width)]) + "\n"


def _wrapped(texts: Sequence[str], width: int) -> list[str]:
    return [line for each in texts for line in textwrap.wrap(each, width, subsequent_indent="  ")]


def _sections(facts: Facts, width: int) -> list[str]:
    lossy = sorted((row for row in facts.kept if row.lost), key=lambda row: -row.lost)
    out = count(sum(len(rows) for rows in facts.dropped.values()), "file")
    reasons = [f"{n:5,}  {why}: {such_as}" for why, n, such_as in dropped(facts)]
    lost = [f"{row.lost:5,} of {row.notes + row.lost:6,}  {row.file}" for row in lossy]
    repaired = [f"{row.file}: {'; '.join(row.warnings)}" for row in facts.repaired]
    versions = [f"{first} = {', '.join(files)}" for first, files in facts.families.items()]
    sections = {
        f"Dropped: {out}, by reason": reasons,
        "Most notes lost to the grid": lost,
        "Repaired": repaired,
        "Silence cut": [f"{name}: {silence}" for name, silence in silences(facts)],
        "Versions": versions,
        "Duplicates": [f"{row.family} = {row.file}" for row in duplicates(facts)],
    }
    return [
        line
        for title, lines in sections.items()
        for line in _section(title, lines, width, 5 if lines is reasons else _MOST_ROWS)
    ]


def silences(facts: Facts) -> list[tuple[str, str]]:
    """Kept files of which silence before the first note was cut, and how much."""
    return [(row.file, clock(row.silence_cut)) for row in facts.kept if row.silence_cut]


def dropped(facts: Facts) -> list[tuple[str, int, str]]:
    """Why files were dropped, how many, and the first of them with its own reason."""
    return [
        (code.replace("_", " "), len(rows), f"{rows[0].file} ({rows[0].reason})")
        for code, rows in facts.dropped.items()
    ]


def duplicates(facts: Facts) -> tuple[ManifestRow, ...]:
    """The files dropped for having the music of another, which is their `family`."""
    return facts.dropped.get("duplicate", ())


def summary(facts: Facts) -> list[str]:
    """What the corpus is, in two lines."""
    total = facts.total
    per_note = total.tokens / max(1, total.notes)
    return [
        printable(f"{facts.name}: {facts.codec} codec, {facts.arrangement} arrangement"),
        f"{len(facts.kept):,} of {count(len(facts.rows), 'file')} kept: "
        f"{clock(total.seconds)} of music, {per_note:.2f} tokens per note, "
        f"{total.tokens / (total.seconds or 1):.1f} per second",
    ]


def in_words(facts: Facts) -> dict[str, str]:
    """What the music is like, by subject."""
    out = facts.notes_in - facts.total.notes - facts.lost
    lengths = zip(QUANTILES, facts.lengths, strict=True)
    words = {
        "Length of a piece": ", ".join(f"{name} {clock(at)}" for name, at in lengths),
        "Notes": f"{facts.notes_in:,} in the kept files; {out:,} left out by the arrangement "
        f"(drums, doubled notes), {facts.lost:,} lost to the grid, {facts.total.notes:,} kept",
    }
    spreads = {
        "Pitches, as MIDI numbers": dict(enumerate(facts.pitches)),
        "Tempos, in beats per minute": facts.tempos,
    }
    for title, counts in spreads.items():
        if at := _spread(counts):
            words[title] = "{} to {}, half of the events from {} to {}".format(*at)
    return words


def _spread(counts: dict[int, int]) -> list[int]:
    """Least, greatest, first and third quartile of counted values, which ascend; empty when nothing
    was counted."""
    if not any(counts.values()):
        return []
    values, sums = np.array(list(counts)), np.cumsum(list(counts.values()))
    # at least 0.5: the first value that occurs at all
    ranks = np.maximum(np.array([0, 1, 0.25, 0.75]) * sums[-1], 0.5)
    places = np.minimum(np.searchsorted(sums, ranks), len(values) - 1)
    return [int(value) for value in values[places]]


def _section(title: str, lines: Sequence[str], width: int, most: int) -> list[str]:
    """A heading with the number of lines, then the first of them, each cut to the width."""
    if not lines:
        return []
    fits = width - 2
    cut = (
        line if len(line) <= fits else f"{line[: fits - 3]}..."
        for line in map(printable, lines[:most])
    )
    head = f"{title} ({len(lines):,})" + (f", the first {most}" if len(lines) > most else "")
    return ["", head, *(f"  {line}" for line in cut)]
