"""A model file's card in words, for `ugen-run --info`.

The codec, the shape and the sampling defaults were checked when the card was read. Provenance is
whatever a file says: what is missing or of another kind is left out, and what could upset a
terminal is replaced.
"""

from __future__ import annotations

import math
import os
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ugen.data.analysis.scores import NOTE, baselines_from_json, comparison_lines, own_scores
from ugen.data.analysis.wishes import BY_NAME
from ugen.data.codecs.columns import CHORD_NAMES, GIVEN_NAMES
from ugen.data.json_values import to_json
from ugen.data.text import count, duration, printable
from ugen.runtime.model_file.card import Card
from ugen.runtime.model_file.format import FORMAT

_WIDTH, _LABEL = 99, 14
_FULL = 60  # a shorter line ends a paragraph
_MOST_ROWS, _MOST_LICENCE = 12, 20_000
_MOST_VALUES = 24


def describe(card: Card, path: str | Path, width: int | None = None) -> str:
    """The card as lines that fit a terminal. `path`: the file, for its name and size."""
    width = min(width or _WIDTH, _WIDTH)
    parts = [
        _rows(_shape(card, path), width),
        _rows(_corpus(card, _object(card.provenance, "corpus")), width),
        _losses(card, width),
        _precisions(card),
        _rows(_rest(card), width),
        _licence(card.licence, width),
    ]
    lines = [line for part in parts if part for line in [*part, ""]][:-1]
    return "\n".join(line[:width].rstrip() for line in lines)


def card_json(card: Card, path: str | Path) -> dict[str, Any]:
    """The card as plain JSON, without the codec's events and the hashes of notes."""
    table, codec = card.originality, card.codec
    return {
        "file": Path(path).name,
        "bytes": os.stat(path).st_size,
        "format": FORMAT,
        "layers": card.layers,
        "hidden": card.hidden,
        "precision": card.precision,
        "arrangement": card.arrangement,
        "codec": {
            "name": codec.name,
            "options": codec.options(),
            "input": codec.input,
            "vocabulary": codec.vocabulary,
        },
        "columns": list(card.column_names),
        "wishes": to_json(tuple(card.known.values())),
        "sampling": to_json(card.sampling),
        "provenance": card.provenance,
        "licence": card.licence,
        "originality": table and {"runs": len(table.keys), "run_notes": table.n},
    }


def _rows(rows: Iterator[tuple[str, str]], width: int) -> list[str]:
    """Labels, and beside them texts, in as many lines as they need."""
    return [
        f"{'' if number else label:{_LABEL}}{part}"
        for label, text in rows
        for number, part in enumerate(textwrap.wrap(text, width - _LABEL))
    ]


# entries of free-form JSON, if they are of the kind that is looked for


def _object(values: dict[str, Any], name: str) -> dict[str, Any]:
    value = values.get(name)
    return value if isinstance(value, dict) else {}


def _text(values: dict[str, Any], name: str, most: int = 80) -> str:
    value = values.get(name)
    return printable(value[:most]) if isinstance(value, str) else ""


def _number(values: dict[str, Any], name: str) -> float:
    """NaN where there is no number; one too long for a table is none."""
    value = values.get(name)
    plain = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e12
    return float(value) if plain and value is not None else math.nan


def _shown(number: float, form: str) -> str:
    return "" if math.isnan(number) else format(number, form)


# the parts of a card


def _shape(card: Card, path: str | Path) -> Iterator[tuple[str, str]]:
    path, provenance = Path(path), card.provenance
    yield "file", printable(path.name) + _size(path) + f", model format {FORMAT}"
    model = _object(provenance, "model")
    traits = [words for name, words in _TRAITS.items() if model.get(name) is True]
    yield "model", ", ".join([f"LSTM, {count(card.layers, 'layer')} of {card.hidden}", *traits])
    yield "precision", f"{card.precision} weights"
    options = [
        name if value is True else f"{name} {value}"
        for name, value in card.codec.options().items()
        if value is not False
    ]
    of = "keys per step" if card.codec.input == "frame" else "tokens"
    yield "codec", ", ".join([card.codec.name, *options, f"{card.codec.vocabulary} {of}"])
    yield "columns", ", ".join(card.column_names)
    yield from _wishes(card)
    weights = _text(provenance, "weights_sha256")
    yield "weights", weights and f"sha256 {weights}"


def _wishes(card: Card) -> Iterator[tuple[str, str]]:
    """What a song can be asked to be, and how many training pieces are so."""
    label = "can be asked"
    for name, known in card.known.items():
        if name == "key":
            minor = sum(known.counts[len(known.counts) // 2 :]) / max(sum(known.counts), 1)
            text = f"any (else drawn, {minor:.0%} of them minor)"
        else:
            pairs = [*zip(known.values, known.counts, strict=True)]
            named = [f"{printable(value)} ({n:,})" for value, n in pairs if n]
            more = len(named) - _MOST_VALUES
            text = ", ".join(named[:_MOST_VALUES]) + (f" and {more} more" if more > 0 else "")
        if known.levels:
            unit = BY_NAME[name].unit(card.codec.has_bars)
            text += f"; parted at {known.bounds[0]:.1f} and {known.bounds[1]:.1f} {unit}"
        yield label, f"{BY_NAME[name].flag} {text}"
        label = ""
    if CHORD_NAMES[0] in card.column_names:
        yield label, "--chords any"
        label = ""
    if GIVEN_NAMES[0] in card.column_names:
        yield label, "to write around a part of your music, --with and --keep, or bars of it anew"
        label = ""
    if "left" in card.column_names:
        yield label, "to end near --seconds or --bars"


_TRAITS = {
    "skip": "skip connections and normalization",
    "tied": "tied head",
    "learn_initial_state": "learned initial state",
}


def _size(path: Path) -> str:
    try:
        return f", {path.stat().st_size / 1e6:.2f} MB"
    except OSError:
        return ""


def _corpus(card: Card, corpus: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What it learned from. A corpus of vectors counts its words in `tokens`, which say nothing to
    a person."""
    names = ["pieces", "notes"] + (["tokens"] if card.codec.input == "token" else [])
    counts = {name: _number(corpus, name) for name in names}
    parts = [count(round(number), name[:-1]) for name, number in counts.items() if number >= 0]
    seconds = _number(corpus, "seconds")
    if seconds >= 0:
        parts.insert(2, f"{duration(seconds)} of music")
    yield "learned from", ", ".join(parts)
    yield "began with", _first_model(_object(card.provenance, "first_model"))
    yield "arrangement", card.arrangement
    yield "corpus", _text(corpus, "hash")
    if (table := card.originality) is not None:
        runs, kilobytes = count(len(table.keys), "run"), len(table.encoded()) / 1e3
        yield "originality", f"{runs} of {table.n} notes hashed, {kilobytes:.0f} kB"


def _first_model(first: dict[str, Any]) -> str:
    """The model that training began with, and whether it knew the music."""
    name, known = _text(first, "name"), _number(first, "known")
    knew = (
        "" if math.isnan(known) else f", which had learned from {known:.0%} of the held-out pieces"
    )
    return name and name + knew


def _losses(card: Card, width: int) -> list[str]:
    """The model's own scores beside the baselines'."""
    music, scores = own_scores(card.provenance)
    baselines = baselines_from_json(card.provenance.get("baselines"))
    lines = comparison_lines(music, scores, baselines, card.codec.input, width)
    note = textwrap.wrap(f"({NOTE})", width, initial_indent="  ", subsequent_indent="  ")
    return [*lines, *note] if lines else []


def _precisions(card: Card) -> list[str]:
    """What the exporter measured before it chose."""
    rows = card.provenance.get("precisions")
    machine = _text(card.provenance, "measured_on")
    lines = []
    for row in rows[:_MOST_ROWS] if isinstance(rows, list) else ():
        if isinstance(row, dict) and (name := _text(row, "precision", 10)):
            cells = (
                _shown(_number(row, "megabytes"), ".2f"),
                _shown(_number(row, "us_per_token"), ".0f"),
                _shown(_number(row, "loss_change"), "+.2%"),
            )
            chosen = "   this file" if row.get("chosen") is True else ""
            lines.append(f"  {name:10}" + "".join(f"{cell:>12}" for cell in cells) + chosen)
    if not lines:
        return []
    heads = "".join(f"{head:>12}" for head in ("MB", "µs/token", "loss change"))
    measured = [f"  (measured on {machine})"] if machine else []
    return [f"{'precisions':12}{heads}", *lines, *measured]


def _rest(card: Card) -> Iterator[tuple[str, str]]:
    sampling = card.sampling
    settings = [
        f"temperature {sampling.temperature:g}",
        f"top-k {sampling.top_k or 'off'}",
        f"top-p {sampling.top_p:g}",
        *([f"min-p {sampling.min_p:g}"] if sampling.min_p else []),
    ]
    if sampling.repetition_penalty != 1:
        settings.append(f"repetition penalty {sampling.repetition_penalty:g}")
    if "key" in card.known:
        settings.append(f"key strength {sampling.key_strength:g}")
    yield "sampling", ", ".join([*settings, "unless you say otherwise"])
    versions = [
        f"{verb} {version}"
        for verb, name in (("trained with", "trainer"), ("exported with", "exporter"))
        if (version := _text(card.provenance, name, 40))
    ]
    yield "ugen-music", ", ".join(versions)


def _licence(licence: str, width: int) -> list[str]:
    """Licence and credits, their paragraphs in lines that fit."""
    if not licence.strip():
        return []
    lines = ["licence and credits of the music"]
    for paragraph in _paragraphs(licence[:_MOST_LICENCE]):
        lines += textwrap.wrap(
            printable(paragraph.expandtabs()), width, initial_indent="  ", subsequent_indent="  "
        ) or [""]
    if len(licence) > _MOST_LICENCE:
        lines.append(f"  (... {len(licence):,} characters in all)")
    return lines


def _paragraphs(text: str) -> list[str]:
    """The lines of a text, joined where a long one goes on in the next."""
    found, last = list[str](), ""
    for line in text.splitlines():
        if len(last) >= _FULL and line.strip() and line.lstrip()[0] not in "*-":
            found[-1] += f" {line.strip()}"
        else:
            found.append(line)
        last = line
    return found
