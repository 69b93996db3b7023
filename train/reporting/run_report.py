"""A run as one HTML page, made from its folder: the result, curves, samples, settings."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from ugen.data import read_midi
from ugen.data.analysis.scores import NOTE, comparison, scores_from_json
from ugen.data.analysis.spread import distance, spreads
from ugen.data.codecs.khot import WORDS
from ugen.data.files import write_atomically
from ugen.data.html_page import document, escaped, table, warnings
from ugen.data.json_values import to_json
from ugen.data.text import clock, count
from ugen.train.evaluation.diagnostics import about_run
from ugen.train.run_folder.metrics import METRICS_FILE, read_metrics
from ugen.train.run_folder.run_config import RunConfig, read_config

from . import player
from .curves import Row, curves
from .verdict import verdict

Measured = Sequence[Mapping[str, float]]

_UNITS = {
    "token": "A token is an event of the music: a pitch, a length, a bar",
    "step": "A step is a short moment: which keys sound",
}
_WORDS = (
    "held-out pieces are those that it never trained on; baselines only count what follows what "
    "(docs/glossary.md)."
)
SAMPLE_SECONDS = 20.0
_EARLIER = 6  # samples shown below the newest
_COLUMNS = "display: grid; grid-template-columns: repeat"
_STYLE = f"""
.pair {{ {_COLUMNS}(auto-fill, minmax(min(22rem, 100%), 1fr)); gap: 0 2rem; }}
.settings {{ {_COLUMNS}(auto-fit, minmax(min(16rem, 100%), 1fr)); gap: 1rem 2rem; }}
.best td {{ font-weight: 600; }}
img {{ display: block; width: 100%; height: auto; }}
.large img {{ min-width: 60rem; }}
summary {{ cursor: pointer; margin: 1rem 0; }}
.large svg {{ min-width: 44rem; }}
"""


def write_report(run: Path, held_out: Measured = (), samples: Measured = ()) -> None:
    """Write RUN/report.html, which needs nothing beside itself.

    `held_out`, `samples`: measures of held-out pieces and of samples, to stand side by side.
    Raises UgenError when the folder holds no training run or its files cannot be read.
    """
    config = read_config(run)
    # a loss that is no number has no place on a chart
    history = [row for row in read_metrics(run) if math.isfinite(row["nats_per_token"])]
    name = run.resolve().name
    found = [*about_run(history).values(), *config.warnings]
    pictures = [*_pictures(run / "samples", {row["update"]: row["epoch"] for row in history})]
    parts = [
        f"<h1>{escaped(name)}</h1>",
        f'<p class="soft">{escaped(_about(run, config, history))}</p>',
        *_result(run, config, history),
        warnings(found, "") if found else "",
        "<h2>Curves</h2>",
        curves(config, history),
        *pictures,
        *_beside_music(held_out, samples),
        "<h2>Settings</h2>",
        _settings(config),
    ]
    script = player.SCRIPT if any(player.MARK in part for part in pictures) else ""
    page = document(f"{name}: training report", parts, _STYLE + player.STYLE, script)
    write_atomically(run / "report.html", page.encode())


def _about(run: Path, config: RunConfig, history: Sequence[Row]) -> str:
    model, metrics = config.model, run / METRICS_FILE
    changed = (metrics if metrics.exists() else run / "config.json").stat().st_mtime
    parts = [
        f"{count(model.layers, 'layer')} of {model.hidden} LSTM units",
        f"{config.codec.name} codec",
        *(f"{row['epoch']:.1f} epochs in {clock(row['seconds'])}" for row in history[-1:]),
        f"{datetime.fromtimestamp(changed):%Y-%m-%d %H:%M}",
    ]
    return ", ".join(parts)


# the result


def _result(run: Path, config: RunConfig, history: Sequence[Row]) -> Iterator[str]:
    """How good the model is, in words and beside the baselines."""
    found = verdict(run, config, history)
    if found is None:
        yield "<p>Not evaluated yet.</p>"
        yield _beside_baselines(config, None)
        return
    best, last = min(history, key=lambda row: row["nats_per_token"]), history[-1]
    unit, event = ("step", "key") if _has_vectors(config) else ("token", "token")
    yield f"<p><b>{escaped(' '.join(found.sentences))}</b></p>"
    if found.next_step:
        command = f": <code>{escaped(found.command)}</code>" if found.command else ""
        yield f"<p>Next: {escaped(found.next_step)}{command}</p>"
    after = "" if best is last else " It was no better after that; these weights are kept."
    yield (
        f'<p class="soft">Best on {_evaluated_on(config)}, at epoch {best["epoch"]:.1f}: '
        f"{best['nats_per_token']:.3f} nats per {unit}, {best['nats_per_note']:.2f} per "
        f"note, {best['nats_per_second']:.2f} per second of music.{after}</p>"
    )
    yield _beside_baselines(config, best)
    yield (
        f'<p class="soft">{escaped(NOTE.capitalize())}. {_UNITS[unit]}; {_WORDS} In the last '
        f"evaluation the {event} it predicted most was {escaped(last['top_event'])}: "
        f"{last['top_event_predicted']:.1%} of the time, where the music has "
        f"{last['top_event_actual']:.1%}.</p>"
    )


def _evaluated_on(config: RunConfig) -> str:
    return "pieces that the first model knew" if config.knew else "held-out pieces"


def _beside_baselines(config: RunConfig, best: Row | None) -> str:
    """The model's best scores and the baselines' as a table."""
    scores, kind = scores_from_json(best), config.model.input
    heads, rows = comparison(config.evaluated_on, scores, config.baselines, kind)
    marks = ["best" if name == "this model" else "" for name, *_ in rows]
    return table(heads, rows, marks=marks)


def _has_vectors(config: RunConfig) -> bool:
    return config.model.input == "frame"


# samples


def _pictures(folder: Path, epochs: dict[int, float]) -> Iterator[str]:
    """The newest sample and expectation, then earlier samples."""
    samples, expected = _by_update(folder, "sample"), _by_update(folder, "expected")
    for title, found in (
        ("The newest sample", samples),
        ("What the model expects of a held-out piece", expected),
    ):
        if found:
            yield f"<h2>{title}</h2>"
            yield _picture(found[-1], epochs)
    if earlier := samples[:-1]:
        spread = np.linspace(0, len(earlier) - 1, _EARLIER).round().astype(int).tolist()
        shown = "".join(_picture(earlier[i], epochs) for i in sorted(set(spread)))
        yield f"<details><summary>Earlier samples</summary>{shown}</details>"


def _beside_music(held_out: Measured, samples: Measured) -> Iterator[str]:
    """Measures of held-out pieces and of samples, and how far apart they are."""
    if not (held_out and samples):
        return
    found = spreads(held_out, samples)
    apart = distance(found)
    words = (
        f"The newest {count(len(samples), 'sample')} beside "
        f"{count(len(held_out), 'held-out piece')}, which are cut to that length; whether a piece "
        "ends is asked of the whole."
    )
    if apart is not None:
        words += f" Distance: {apart:.2f} deviations of the held-out music, over ten measures."
    heads = "measure", "held-out mean", "deviation", "samples' mean", "deviation"
    rows = [(name.replace("_", " "), *map("{:.4g}".format, each)) for name, each in found.items()]
    yield f"<h2>Samples beside held-out music</h2><p>{words}</p>{table(heads, rows)}"


def _by_update(folder: Path, kind: str) -> list[Path]:
    """Pictures of a kind, by rising update."""
    found = [p for p in folder.glob(f"{kind}-*.svg") if p.stem.partition("-")[2].isdecimal()]
    return sorted(found, key=_update_of)


def _update_of(path: Path) -> int:
    return int(path.stem.partition("-")[2])


def _picture(path: Path, epochs: dict[int, float]) -> str:
    update = _update_of(path)
    words = f"after {update:,} updates"
    if update in epochs:
        words += f", {epochs[update]:.1f} epochs"
    data = f"data:image/svg+xml;base64,{base64.b64encode(path.read_bytes()).decode()}"
    midi = path.with_suffix(".mid")
    if midi.exists():
        link = f"{midi.parent.name}/{midi.name}"
        score = read_midi(midi)
        return player.figure(score, data, words, link, max(SAMPLE_SECONDS, score.seconds))
    return (
        f"<figure><figcaption>{escaped(words)}</figcaption>"
        f'<div class="large scroll"><img alt="piano roll {escaped(words)}" src="{data}"></div>'
        "</figure>"
    )


# settings


def _settings(config: RunConfig) -> str:
    corpus, vectors = config.corpus, _has_vectors(config)
    facts = {
        "pieces": corpus.pieces,
        "notes": corpus.notes,
        "minutes": f"{corpus.seconds / 60:,.1f}",
        # a vector is stored as this many words
        "steps" if vectors else "tokens": corpus.tokens // (WORDS if vectors else 1),
        "arrangement": corpus.arrangement,
        "codec": config.codec.name,
        **{f"codec: {name}": value for name, value in config.codec.options().items()},
        **({"began with": config.first_model.name} if config.first_model else {}),
        "ugen": config.version,
    }
    model, training = to_json(config.model), to_json(config.training)
    tables = (("learned from", facts), ("model", model), ("training", training))
    return f'<div class="settings">{"".join(_named(name, values) for name, values in tables)}</div>'


def _named(title: str, values: Row) -> str:
    rows = [(name.replace("_", " "), _plain(value)) for name, value in values.items()]
    return table((title, ""), rows)


def _plain(value: Any) -> Any:
    """A value of a config as a person would write it; whole numbers are left to the table."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(each.get("name", each)) for each in value) or "none"
    return f"{value:g}" if isinstance(value, float) else value
