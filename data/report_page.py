"""The report of a corpus as one HTML page that needs nothing beside itself: no scripts, no fonts, no network."""

from __future__ import annotations

import html
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from .corpus import Row
from .report import advice, clock, count, in_words, printable, summary
from .report_facts import Facts

LENGTH_EDGES = (0, 15, 30, 60, 90, 120, 180, 240, 300, 420, 600, 1200, 3600)  # seconds; the last bin is open
LENGTH_NAMES = ("0", "15s", "30s", "1m", "1.5m", "2m", "3m", "4m", "5m", "7m", "10m", "20m", "1h")
STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --soft: #5b6575; --line: #d9dee6; --back: #fff; --card: #f5f7fa;
  --bar: #2f6fb5; --train: #2f6fb5; --valid: #d9822b; --test: #4a9a6c; --alarm: #a33a2a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --soft: #9aa5b5; --line: #333c49; --back: #14181f;
  --card: #1c222b; --bar: #6ea8e0; --train: #6ea8e0; --valid: #e8a35c; --test: #74bd93; --alarm: #ef8d7c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 64rem; background: var(--back); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: .5rem 0; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
p { margin: .4rem 0; }
.soft, figcaption, th, dt { color: var(--soft); }
.look { background: var(--card); border-left: 4px solid var(--valid); padding: .6rem 1rem; margin: 1rem 0; }
.look ul { margin: 0; padding-left: 1.1rem; }
figure { margin: .5rem 0 1rem; }
figcaption { font-size: .85rem; margin-bottom: .3rem; }
svg { display: block; width: 100%; background: var(--card); }
.bar { fill: var(--bar); } .train { fill: var(--train); } .valid { fill: var(--valid); } .test { fill: var(--test); }
.axis { position: relative; height: 1.3rem; font-size: .75rem; color: var(--soft); }
.axis span { position: absolute; white-space: nowrap; }
.key td:first-child::before { content: ""; display: inline-block; width: .7rem; height: .7rem; margin-right: .4rem;
  background: var(--key, none); }
tr.train { --key: var(--train); } tr.valid { --key: var(--valid); } tr.test { --key: var(--test); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; overflow-wrap: normal; }
th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; white-space: nowrap; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.text { overflow-wrap: anywhere; } .files .text { white-space: nowrap; }
.files .text:first-child, .files .text:last-child { width: 30%; min-width: 12rem; white-space: normal; }
@media (max-width: 30rem) { th, td { padding: .25rem .3rem; } table { font-size: .8rem; } }
.dropped td { color: var(--soft); } .dropped td:nth-child(2) { color: var(--alarm); }
dt { font-size: .85rem; margin-top: .6rem; } dd { margin: 0; }
"""


def page(facts: Facts) -> str:
    """The report as an HTML page, every file in a table at its end."""
    title = _text(facts.name)
    parts = [
        f"<h1>{title}</h1>", f'<p class="soft">{_text(facts.codec)} codec, {_text(facts.arrangement)} arrangement</p>',
        *(f"<p>{_text(line)}</p>" for line in summary(facts)[1:]),
        _advice(facts),
        "<h2>Splits</h2>", _splits(facts),
        "<h2>The music</h2>", _lengths(facts), _pitches(facts), _words(facts),
        *_left_out(facts),
        f"<h2>Events</h2>{_events(facts)}",
        f"<h2>All {count(len(facts.rows), 'file')}</h2>", f'<div class="files">{_files(facts.rows)}</div>',
    ]  # fmt: skip
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}: corpus report</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def _text(value: object) -> str:
    return html.escape(printable(str(value)))


def _table(
    heads: Sequence[str], rows: Sequence[Sequence[object]], text: Sequence[int] = (0,), marks: Sequence[str] = ()
) -> str:
    """A table. `text`: places of the columns of words; the others are numbers, on the right. `marks`: row classes."""
    kinds = ["text" if i in text else "n" for i in range(len(heads))]
    head = "".join(f'<th class="{kind}">{_text(name)}</th>' for kind, name in zip(kinds, heads, strict=True))
    lines = [f"<tr>{head}</tr>"]
    for row, mark in zip(rows, marks or [""] * len(rows), strict=True):
        cells = (f"{cell:,}" if isinstance(cell, int) else cell for cell in row)
        line = "".join(f'<td class="{kind}">{_text(cell)}</td>' for kind, cell in zip(kinds, cells, strict=True))
        lines.append(f'<tr class="{mark}">{line}</tr>')
    return '<div class="scroll"><table>\n' + "\n".join(lines) + "\n</table></div>"


def _advice(facts: Facts) -> str:
    words = advice(facts)
    if not words:
        return '<p class="soft">Nothing stands out as odd.</p>'
    return '<div class="look"><ul>' + "".join(f"<li>{_text(text)}</li>" for text in words) + "</ul></div>"


def _splits(facts: Facts) -> str:
    """A bar of the splits' tokens, and their sums."""
    at, bars, whole = 0.0, [], max(1, facts.total.tokens)
    for split in facts.splits:
        width = 100 * split.tokens / whole
        bars.append(_rect(split.name, at, 0, width, 10, f"{split.name}: {width:.1f}% of the tokens"))
        at += width
    sums = (*facts.splits, facts.total)
    rows = [(split.name, split.pieces, split.notes, clock(split.seconds), split.tokens) for split in sums]
    marks = [f"key {split.name}" for split in sums]  # the table is the bar's legend
    table = _table(("split", "pieces", "notes", "length", "tokens"), rows, marks=marks)
    return _figure("Share of the tokens", bars, 10, "1.5rem") + table


def _lengths(facts: Facts) -> str:
    counts = [0] * len(LENGTH_EDGES)
    for row in facts.kept:
        counts[bisect_right(LENGTH_EDGES, row.seconds) - 1] += 1
    filled = [i for i, n in enumerate(counts) if n] or [0]
    first, last = filled[0], filled[-1] + 1
    ends = (*LENGTH_NAMES[1:], "longer")
    labels = [f"{LENGTH_NAMES[i]} to {ends[i]}: {count(counts[i], 'piece')}" for i in range(first, last)]
    marks = {(i - first) / (last - first): LENGTH_NAMES[i] for i in range(first, last)}
    return _histogram("Pieces by length (the steps are not even)", counts[first:last], labels, marks)


def _pitches(facts: Facts) -> str:
    labels = [f"pitch {pitch}: {count(n, 'time')}" for pitch, n in enumerate(facts.pitches)]
    marks = {pitch / 128: f"C{pitch // 12 - 1}" for pitch in range(0, 128, 12)}
    return _histogram("Pitches (C4 is middle C)", facts.pitches, labels, marks)


def _histogram(title: str, counts: Sequence[int], labels: Sequence[str], marks: dict[float, str]) -> str:
    """Bars side by side with a label each, shown under the mouse; `marks`: names along the axis by place, 0 to 1."""
    step, most = 1000 / len(counts), max(*counts, 1)
    bars = [
        _rect("bar", i * step + step * 0.06, 100 - 96 * n / most, step * 0.88, 96 * n / most, label)
        for i, (n, label) in enumerate(zip(counts, labels, strict=True))
        if n
    ]
    axis = "".join(f'<span style="left:{100 * at:.2f}%">{_text(name)}</span>' for at, name in marks.items())
    return _figure(f"{title}; the highest bar is {most:,}", bars, 100, "8rem", 1000, f'<div class="axis">{axis}</div>')


def _figure(title: str, bars: Iterable[str], tall: int, height: str, wide: int = 100, axis: str = "") -> str:
    """Bars stretched to the page's width; text stays outside, where a narrow screen does not shrink it."""
    return (
        f"<figure><figcaption>{_text(title)}</figcaption>"
        f'<svg role="img" aria-label="{_text(title)}" viewBox="0 0 {wide} {tall}" preserveAspectRatio="none" '
        f'style="height:{height}">{"".join(bars)}</svg>{axis}</figure>'
    )


def _rect(kind: str, x: float, y: float, width: float, height: float, label: str = "") -> str:
    title = f"<title>{_text(label)}</title>" if label else ""
    return f'<rect class="{kind}" x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}">{title}</rect>'


def _words(facts: Facts) -> str:
    words = in_words(facts)
    words.pop("Vocabulary")  # the table of events says it
    return "<dl>" + "".join(f"<dt>{_text(name)}</dt><dd>{_text(text)}</dd>" for name, text in words.items()) + "</dl>"


def _left_out(facts: Facts) -> list[str]:
    """Tables of what was dropped, mended, and found twice; none where there is nothing to tell."""
    tables = (
        ("Dropped", ("reason", "files", "such as"), [(why, len(f), f[0]) for why, f in facts.dropped.items()], (0, 2)),
        ("Mended", ("file", "what was wrong"), [(row.file, "; ".join(row.remarks)) for row in facts.mended], (0, 1)),
        ("Versions of a piece, kept in one split", ("file", "versions"),
         [(head, ", ".join(files)) for head, files in facts.families.items()], (0, 1)),
        ("Copies, of which one was kept", ("kept", "dropped"), [(twin, file) for file, twin in facts.copies], (0, 1)),
    )  # fmt: skip
    return [f"<h2>{title}</h2>{_table(heads, rows, text)}" for title, heads, rows, text in tables if rows]


def _events(facts: Facts) -> str:
    rows = [(kind.name, kind.events, kind.in_training, kind.count) for kind in facts.kinds]
    held_out = [f"{event} ({n:,})" for event, n in facts.surprises.items()]
    never = f"<p>{len(facts.unseen):,} of {sum(kind.events for kind in facts.kinds):,} never occur in training.</p>"
    note = f"<p>Held-out pieces use, but training never does: {_text(', '.join(held_out))}</p>" if held_out else ""
    return never + _table(("kind", "in the table", "in training", "times in all"), rows) + note


def _files(rows: Sequence[Row]) -> str:
    heads = ("file", "status", "split", "notes in", "lost", "seconds", "tokens", "reason or remarks")
    cells = [(row.file, row.status, row.split, row.notes_in, row.lost, f"{row.seconds:,.1f}", row.tokens,
              row.reason or "; ".join(row.remarks)) for row in rows]  # fmt: skip
    return _table(heads, cells, (0, 1, 2, 7), [row.status for row in rows])
