"""A run as one HTML page, made from what lies in its folder: the verdict, curves, samples,
settings."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ugen.data.analysis.scores import baselines_from_json, comparison, scores_from_json
from ugen.data.codecs.khot import WORDS
from ugen.data.files import write_atomically
from ugen.data.html_page import document, escaped, table, warnings
from ugen.data.render.chart import CHART_STYLE, Line, Mark, line_chart
from ugen.data.text import clock, count
from ugen.train.evaluation.diagnostics import about_run
from ugen.train.run_folder.checkpoint import read_config
from ugen.train.run_folder.metrics import METRICS_FILE, read_metrics

Row = dict[str, Any]  # a line of metrics.jsonl

_MOST_POINTS = 150  # of a curve
_EARLIER = 6  # samples shown beside the newest
_BLUE, _ORANGE, _GREEN = "var(--train)", "var(--valid)", "var(--test)"
_DOTS = "2 5"
_STYLE = """
.pair { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(22rem, 100%), 1fr)); gap: 0 2rem; }
.settings { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(16rem, 100%), 1fr)); gap: 1rem 2rem; }
.best td { font-weight: 600; }
img { display: block; width: 100%; height: auto; background: #fff; } .large img { min-width: 40rem; }
"""


class _Words(NamedTuple):
    """What things are called: models of vectors predict keys, step by step, where others predict
    tokens."""

    step: str
    right: str
    silence: str
    favourite: str
    accuracy: str
    accuracies: Sequence[tuple[str, str, str, str]]  # curves, as `_lines` takes them


_TOKENS = _Words(
    "token",
    "right",
    "time tokens",
    "token",
    "How often the likeliest token is right, and how often the right one is among the five likeliest",
    (
        ("right", _ORANGE, "accuracy", ""),
        ("right, without time tokens", _ORANGE, "accuracy_without_time", _DOTS),
        ("among five", _BLUE, "top5", ""),
        ("among five, without time tokens", _BLUE, "top5_without_time", _DOTS),
    ),
)
_VECTORS = _Words(  # silence is no target of theirs, so leaving it out changes nothing
    "step",
    "keys right",
    "silent steps",
    "key",
    "Keys rightly predicted, of all that sounded or were predicted; sounding keys among the five likeliest",
    (("keys right", _ORANGE, "accuracy", ""), ("among five", _BLUE, "top5", "")),
)


def write_report(run: Path) -> None:
    """Write RUN/report.html, which needs nothing beside itself.

    Raises UgenError when the folder holds no training run or its files cannot be read.
    """
    config = read_config(run)
    # a loss that is no number has no place on a chart
    history = [row for row in read_metrics(run) if math.isfinite(row["nats_per_token"])]
    words = _VECTORS if config["model"]["input"] == "frame" else _TOKENS
    name = run.resolve().name
    parts = [
        f"<h1>{escaped(name)}</h1>",
        f'<p class="soft">{escaped(_about(run, config, history))}</p>',
        *_verdict(config, history, words),
        warnings([*about_run(history).values(), *config.get("warnings", ())], "No warnings."),
        "<h2>Curves</h2>",
        _curves(config, history, words),
        *_pictures(run / "samples", {row["update"]: row["epoch"] for row in history}),
        "<h2>Settings</h2>",
        _settings(config, words),
    ]
    write_atomically(
        run / "report.html",
        document(f"{name}: training report", parts, CHART_STYLE + _STYLE).encode(),
    )


def _about(run: Path, config: Row, history: Sequence[Row]) -> str:
    model = config["model"]
    metrics = run / METRICS_FILE
    changed = (metrics if metrics.exists() else run / "config.json").stat().st_mtime
    so_far = (
        f"{history[-1]['epoch']:.1f} epochs in {clock(history[-1]['seconds'])}, " if history else ""
    )
    return (
        f"{count(model['layers'], 'layer')} of {model['hidden']} LSTM units, {config['codec']['name']} codec, "
        f"{so_far}{datetime.fromtimestamp(changed):%Y-%m-%d %H:%M}"
    )


# the verdict


def _verdict(config: Row, history: Sequence[Row], words: _Words) -> Iterator[str]:
    """How good the model is, in words and beside what only counts."""
    if not history:
        yield "<p>Not evaluated yet.</p>"
        yield _beside(config, None)
        return
    best, last = min(history, key=lambda row: row["nats_per_token"]), history[-1]
    after = "" if best is last else " It was no better after that; these weights are kept."
    yield (
        f"<p>Best on pieces it never heard, at epoch {best['epoch']:.1f}: <b>{best['nats_per_token']:.3f} nats a "
        f"{words.step}</b>, {best['nats_per_note']:.2f} a note, {best['nats_per_second']:.2f} a second of music.{after} "
        f"{_against(config, best, words)}</p>"
    )
    yield _beside(config, best)
    yield (
        f'<p class="soft">Nats measure surprise: less is better. In the last evaluation the {words.favourite} it '
        f"predicted most was {escaped(last['top_event'])}: {last['top_event_predicted']:.1%} of the time, where the "
        f"music has {last['top_event_actual']:.1%}.</p>"
    )


def _against(config: Row, best: Row, words: _Words) -> str:
    nats = {name: baseline["nats_per_token"] for name, baseline in config["baselines"].items()}
    if not nats:
        return ""
    name = min(nats, key=lambda each: nats[each])
    gain = nats[name] - best["nats_per_token"]
    if gain <= 0:
        return f"That is no better than {escaped(name)}, which only counts: {nats[name]:.3f}."
    return f"The best predictor that only counts, {escaped(name)}, is {gain:.3f} nats a {words.step} worse."


def _beside(config: Row, best: Row | None) -> str:
    """The model's best scores and the baselines' as a table."""
    baselines = baselines_from_json(config["baselines"])
    heads, rows = comparison(
        "held-out pieces", scores_from_json(best), baselines, config["model"]["input"]
    )
    marks = ["best" if name == "this model" else "" for name, *_ in rows]
    return table(heads, rows, marks=marks)


# the curves


def _curves(config: Row, history: Sequence[Row], words: _Words) -> str:
    if len(history) < 2:
        return '<p class="soft">They begin with the second evaluation.</p>'
    best = min(history, key=lambda row: row["nats_per_token"])
    rows = _shown(history, best)
    loss = line_chart(
        f"Loss, nats a {words.step}; while training there is dropout, and the music is varied",
        _lines(
            rows,
            ("while training", _GREEN, "train_nats_per_token", _DOTS),
            ("learned pieces", _BLUE, "known_nats_per_token", ""),
            ("held out", _ORANGE, "nats_per_token", ""),
        ),
        "epochs",
        levels={name: baseline["nats_per_token"] for name, baseline in config["baselines"].items()},
        mark=Mark(f"best, at epoch {best['epoch']:.1f}:", best["epoch"], best["nats_per_token"]),
        crop=True,
    )
    gap = _lines(rows, ("gap", _ORANGE, "gap", ""))
    silence = _lines(
        rows,
        ("predicted", _ORANGE, "time_predicted", ""),
        ("in the music", _BLUE, "time_actual", _DOTS),
    )
    gradient, rate = _lines(rows, ("norm", _BLUE, "gradient", ""), ("rate", _BLUE, "rate", ""))
    clip = {"clipped above": config["training"]["grad_clip"]}
    others = (
        line_chart(f"Held out minus learned pieces, nats a {words.step}", gap, "epochs", zero=True),
        line_chart(
            words.accuracy, _lines(rows, *words.accuracies), "epochs", percent=True, zero=True
        ),
        line_chart(f"Share of {words.silence}", silence, "epochs", percent=True, zero=True),
        line_chart("Gradient norm", [gradient], "epochs", levels=clip, zero=True, crop=True),
        line_chart("Learning rate", [rate], "epochs", zero=True),
    )
    return f'{loss}<div class="pair">{"".join(others)}</div>'


def _lines(rows: Sequence[Row], *curves: tuple[str, str, str, str]) -> list[Line]:
    """Curves over epochs. `curves`: name, colour, the entry of a row, dashes."""
    return [
        Line(name, hue, [(row["epoch"], row[entry]) for row in rows], dash)
        for name, hue, entry, dash in curves
    ]


def _shown(history: Sequence[Row], best: Row) -> list[Row]:
    """Rows from all over a history, its extremes among them; with the gap, and without what is no
    measurement: the gradient and the rate before the first update."""
    places = (
        np.linspace(0, len(history) - 1, min(_MOST_POINTS, len(history)))
        .round()
        .astype(int)
        .tolist()
    )
    steepest = max(history, key=lambda row: row["gradient"])
    places += [history.index(best), history.index(steepest)]
    rows = []
    for row in (history[place] for place in sorted(set(places))):
        known = row["known_nats_per_token"]
        gap = None if known is None else row["nats_per_token"] - known
        rows.append(
            {**row, "gap": gap}
            if row["update"]
            else {**row, "gap": gap, "gradient": None, "rate": None}
        )
    return rows


# samples


def _pictures(folder: Path, epochs: dict[int, float]) -> Iterator[str]:
    """The newest sample and expectation, then earlier samples."""
    samples, expected = _by_update(folder, "sample"), _by_update(folder, "expected")
    if samples:
        yield "<h2>The newest sample</h2>"
        yield f'<div class="large scroll">{_picture(samples[-1], epochs)}</div>'
    if expected:
        yield "<h2>What the model expects of a held-out piece</h2>"
        yield f'<div class="large scroll">{_picture(expected[-1], epochs)}</div>'
    earlier = samples[:-1]
    if earlier:
        chosen = sorted(
            set(np.linspace(0, len(earlier) - 1, _EARLIER).round().astype(int).tolist())
        )
        shown = "".join(_picture(earlier[i], epochs) for i in chosen)
        yield f'<h2>Earlier samples</h2><div class="pair">{shown}</div>'


def _by_update(folder: Path, kind: str) -> list[Path]:
    """Pictures of a kind, by rising update."""
    found = {path: path.stem.partition("-")[2] for path in folder.glob(f"{kind}-*.png")}
    return sorted(
        (path for path, step in found.items() if step.isdecimal()),
        key=lambda path: int(found[path]),
    )


def _picture(path: Path, epochs: dict[int, float]) -> str:
    step = int(path.stem.partition("-")[2])
    words = f"after {step:,} steps" + (f", {epochs[step]:.1f} epochs" if step in epochs else "")
    if path.with_suffix(".mid").exists():
        words += f"; to hear it: {path.parent.name}/{path.stem}.mid"
    data = base64.b64encode(path.read_bytes()).decode()
    return (
        f'<figure><figcaption>{escaped(words)}</figcaption><img alt="piano roll {escaped(words)}" '
        f'src="data:image/png;base64,{data}"></figure>'
    )


# settings


def _settings(config: Row, words: _Words) -> str:
    corpus, codec = config["corpus"], config["codec"]
    tokens = corpus["tokens"] // (
        WORDS if words is _VECTORS else 1
    )  # a vector is stored as so many words
    facts = {
        "pieces": corpus["pieces"],
        "notes": corpus["notes"],
        "minutes": f"{corpus['seconds'] / 60:,.1f}",
        f"{words.step}s": tokens,
        "arrangement": corpus["arrangement"],
        "codec": codec["name"],
        **{f"codec: {name}": value for name, value in codec["options"].items()},
        "ugen": config["version"],
    }
    tables = (("learned from", facts), ("model", config["model"]), ("training", config["training"]))
    return f'<div class="settings">{"".join(_named(name, values) for name, values in tables)}</div>'


def _named(title: str, values: Row) -> str:
    return table(
        (title, ""), [(name.replace("_", " "), _plain(value)) for name, value in values.items()]
    )


def _plain(value: Any) -> Any:
    """A value of a config as a person would write it; whole numbers are left to the table."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else value
