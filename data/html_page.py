"""Parts of HTML pages. A page is one file, which loads nothing and runs no script but its own."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterable, Mapping, Sequence

from .text import printable

STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --soft: #5b6575; --line: #d9dee6; --back: #fff;
  --card: #f5f7fa; --bar: #2f6fb5; --train: #2f6fb5; --valid: #d9822b; --test: #4a9a6c;
  --alarm: #a33a2a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --soft: #9aa5b5; --line: #333c49;
  --back: #14181f; --card: #1c222b; --bar: #6ea8e0; --train: #6ea8e0; --valid: #e8a35c;
  --test: #74bd93; --alarm: #ef8d7c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 64rem; background: var(--back); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: .5rem 0; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
p { margin: .4rem 0; }
.soft, figcaption, th, dt { color: var(--soft); }
.look { background: var(--card); border-left: 4px solid var(--valid); padding: .6rem 1rem;
  margin: 1rem 0; }
.look ul { margin: 0; padding-left: 1.1rem; }
figure { margin: .5rem 0 1rem; }
figcaption { font-size: .85rem; margin-bottom: .3rem; }
svg { display: block; width: 100%; background: var(--card); }
.bar { fill: var(--bar); } .train { fill: var(--train); }
.valid { fill: var(--valid); } .test { fill: var(--test); }
.axis { position: relative; height: 1.3rem; font-size: .75rem; color: var(--soft); }
.axis span { position: absolute; white-space: nowrap; }
.key td:first-child::before { content: ""; display: inline-block; width: .7rem; height: .7rem;
  margin-right: .4rem; background: var(--key, none); }
tr.train { --key: var(--train); } tr.valid { --key: var(--valid); } tr.test { --key: var(--test); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; overflow-wrap: normal; }
th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th { font-weight: 600; white-space: nowrap; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.text { overflow-wrap: anywhere; } .files .text { white-space: nowrap; }
.files .text:first-child, .files .text:last-child { width: 30%; min-width: 12rem;
  white-space: normal; }
@media (max-width: 30rem) { th, td { padding: .25rem .3rem; white-space: normal; }
  table { font-size: .8rem; } }
.dropped td { color: var(--soft); } .dropped td:nth-child(2) { color: var(--alarm); }
dt { font-size: .85rem; margin-top: .6rem; } dd { margin: 0; }
"""


def document(title: str, parts: Iterable[str], style: str = "", script: str = "") -> str:
    """A whole page from the HTML of its parts. `style`: CSS after STYLE. `script`: run at its
    end."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    allowed = f"'sha256-{digest}'" if script else "'none'"
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {allowed}"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f"<title>{escaped(title)}</title>\n<style>{STYLE}{style}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + (f"\n<script>{script}</script>" if script else "")
        + "\n</body>\n</html>\n"
    )


def escaped(value: object) -> str:
    """A value as text that is safe between tags and in attributes; file names can hold any
    characters."""
    return html.escape(printable(str(value)))


def table(
    heads: Sequence[str],
    rows: Sequence[Sequence[object]],
    text: Sequence[int] = (0,),
    marks: Sequence[str] = (),
) -> str:
    """A table. `text`: places of the columns of words; the others are numbers, aligned right.
    `marks`: a CSS class per row."""
    kinds = ["text" if i in text else "n" for i in range(len(heads))]
    head = "".join(
        f'<th class="{kind}">{escaped(name)}</th>' for kind, name in zip(kinds, heads, strict=True)
    )
    lines = [f"<tr>{head}</tr>"]
    for row, mark in zip(rows, marks or [""] * len(rows), strict=True):
        cells = (f"{cell:,}" if isinstance(cell, int) else cell for cell in row)
        line = "".join(
            f'<td class="{kind}">{escaped(cell)}</td>'
            for kind, cell in zip(kinds, cells, strict=True)
        )
        lines.append(f'<tr class="{mark}">{line}</tr>')
    return '<div class="scroll"><table>\n' + "\n".join(lines) + "\n</table></div>"


def warnings(words: Sequence[str], otherwise: str) -> str:
    """What to look at, as a box with a list; the line `otherwise` where there is nothing."""
    if not words:
        return f'<p class="soft">{escaped(otherwise)}</p>'
    return (
        '<div class="look"><ul>'
        + "".join(f"<li>{escaped(text)}</li>" for text in words)
        + "</ul></div>"
    )


def definitions(words: Mapping[str, str]) -> str:
    """Names and what they mean, as a list."""
    return (
        "<dl>"
        + "".join(
            f"<dt>{escaped(name)}</dt><dd>{escaped(text)}</dd>" for name, text in words.items()
        )
        + "</dl>"
    )


def figure(
    title: str, bars: Iterable[str], tall: int, height: str, wide: int = 100, axis: str = ""
) -> str:
    """Bars stretched to the page's width. Text stays outside, where narrow screens do not shrink
    it."""
    return (
        f"<figure><figcaption>{escaped(title)}</figcaption>"
        f'<svg role="img" aria-label="{escaped(title)}" viewBox="0 0 {wide} {tall}" '
        f'preserveAspectRatio="none" style="height:{height}">{"".join(bars)}</svg>{axis}</figure>'
    )


def rect(kind: str, x: float, y: float, width: float, height: float, label: str = "") -> str:
    """A bar of a figure, of CSS class `kind`; the label shows under the mouse."""
    title = f"<title>{escaped(label)}</title>" if label else ""
    place = f'x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}"'
    return f'<rect class="{kind}" {place}>{title}</rect>'
