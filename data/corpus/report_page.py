"""The report of a corpus as one HTML page that needs nothing beside itself: no scripts, no fonts,
no network."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from ugen.data.html_page import definitions, document, escaped, figure, rect, table, warnings
from ugen.data.text import clock, count

from .corpus import ManifestRow
from .report import dropped, duplicates, findings, in_words, silences, summary
from .summary import Facts

# seconds; the last bin is open
LENGTH_EDGES = (0, 15, 30, 60, 90, 120, 180, 240, 300, 420, 600, 1200, 3600)
LENGTH_NAMES = ("0", "15s", "30s", "1m", "1.5m", "2m", "3m", "4m", "5m", "7m", "10m", "20m", "1h")


def page(facts: Facts) -> str:
    """The report as an HTML page, every file in a table at its end."""
    parts = [
        f"<h1>{escaped(facts.name)}</h1>",
        '<p class="soft">'
        f"{escaped(facts.codec)} codec, {escaped(facts.arrangement)} arrangement</p>",
        *(f"<p>{escaped(line)}</p>" for line in summary(facts)[1:]),
        warnings(findings(facts), "No problems found."),
        "<h2>Splits</h2>",
        _splits(facts),
        "<h2>The music</h2>",
        _lengths(facts),
        _pitches(facts),
        _words(facts),
        *_left_out(facts),
        f"<h2>Events</h2>{_events(facts)}",
        f"<h2>All {count(len(facts.rows), 'file')}</h2>",
        f'<div class="files">{_files(facts.rows)}</div>',
    ]
    return document(f"{facts.name}: corpus report", parts)


def _splits(facts: Facts) -> str:
    """A bar of the splits' tokens, and their sums."""
    at, bars, whole = 0.0, [], max(1, facts.total.tokens)
    for split in facts.splits:
        width = 100 * split.tokens / whole
        bars.append(rect(split.name, at, 0, width, 10, f"{split.name}: {width:.1f}% of the tokens"))
        at += width
    sums = (*facts.splits, facts.total)
    rows = [
        (split.name, split.pieces, split.notes, clock(split.seconds), split.tokens)
        for split in sums
    ]
    marks = [f"key {split.name}" for split in sums]  # the table is the bar's legend
    heads = ("split", "pieces", "notes", "length", "tokens")
    return figure("Tokens by split", bars, 10, "1.5rem") + table(heads, rows, marks=marks)


def _lengths(facts: Facts) -> str:
    counts = [0] * len(LENGTH_EDGES)
    for row in facts.kept:
        counts[bisect_right(LENGTH_EDGES, row.seconds) - 1] += 1
    filled = [i for i, n in enumerate(counts) if n] or [0]
    first, last = filled[0], filled[-1] + 1
    ends = (*LENGTH_NAMES[1:], "longer")
    labels = [
        f"{LENGTH_NAMES[i]} to {ends[i]}: {count(counts[i], 'piece')}" for i in range(first, last)
    ]
    marks = {(i - first) / (last - first): LENGTH_NAMES[i] for i in range(first, last)}
    return _histogram(
        "Pieces by length (the steps are not even)", counts[first:last], labels, marks
    )


def _pitches(facts: Facts) -> str:
    labels = [f"pitch {pitch}: {count(n, 'time')}" for pitch, n in enumerate(facts.pitches)]
    marks = {pitch / 128: f"C{pitch // 12 - 1}" for pitch in range(0, 128, 12)}
    return _histogram("Pitches (C4 is middle C)", facts.pitches, labels, marks)


def _histogram(
    title: str, counts: Sequence[int], labels: Sequence[str], marks: dict[float, str]
) -> str:
    """Bars side by side with a label each, shown under the mouse; `marks`: names along the axis by
    place, 0 to 1."""
    step, most = 1000 / len(counts), max(*counts, 1)
    bars = [
        rect("bar", i * step + step * 0.06, 100 - 96 * n / most, step * 0.88, 96 * n / most, label)
        for i, (n, label) in enumerate(zip(counts, labels, strict=True))
        if n
    ]
    axis = "".join(
        f'<span style="left:{100 * at:.2f}%">{escaped(name)}</span>' for at, name in marks.items()
    )
    return figure(
        f"{title}; the highest bar is {most:,}",
        bars,
        100,
        "8rem",
        1000,
        f'<div class="axis">{axis}</div>',
    )


def _words(facts: Facts) -> str:
    words = in_words(facts)
    return definitions(words)


def _left_out(facts: Facts) -> list[str]:
    """Tables of what was dropped, repaired, and found twice; none where there is nothing to say."""
    tables = (
        ("Dropped", ("reason", "files", "such as"), dropped(facts), (0, 2)),
        (
            "Repaired",
            ("file", "what was wrong"),
            [(row.file, "; ".join(row.warnings)) for row in facts.repaired],
            (0, 1),
        ),
        ("Silence cut before the first note", ("file", "length"), silences(facts), (0,)),
        (
            "Versions of a piece, kept in one split",
            ("file", "versions"),
            [(head, ", ".join(files)) for head, files in facts.families.items()],
            (0, 1),
        ),
        (
            "Duplicates, of which one was kept",
            ("kept", "dropped"),
            [(row.family, row.file) for row in duplicates(facts)],
            (0, 1),
        ),
    )
    return [
        f"<h2>{title}</h2>{table(heads, rows, text)}" for title, heads, rows, text in tables if rows
    ]


def _events(facts: Facts) -> str:
    rows = [(kind.name, kind.events, kind.in_training, kind.count) for kind in facts.kinds]
    events = sum(kind.events for kind in facts.kinds)
    parts = [
        f"<p>{len(facts.unseen):,} of {events:,} never occur in training.</p>",
        table(("kind", "in the table", "in training", "times in all"), rows),
    ]
    if facts.held_out_only:
        names = ", ".join(f"{event} ({n:,})" for event, n in facts.held_out_only.items())
        parts.append(f"<p>Held-out pieces use, but training never does: {escaped(names)}</p>")
    return "".join(parts)


def _files(rows: Sequence[ManifestRow]) -> str:
    heads = "file", "status", "split", "notes in", "lost", "seconds", "tokens", "reason or warnings"
    cells = [
        (
            row.file,
            row.status,
            row.split,
            row.notes_in,
            row.lost,
            f"{row.seconds:,.1f}",
            row.tokens,
            row.reason or "; ".join(row.warnings),
        )
        for row in rows
    ]
    return table(heads, cells, (0, 1, 2, 7), [row.status for row in rows])
