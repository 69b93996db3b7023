"""The curves of a run's report: losses, accuracies, gradient and learning rate over epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ugen.train.run_folder.run_config import RunConfig

from .charts import Curve, Mark, line_chart

Row = dict[str, Any]  # a line of metrics.jsonl

_MOST_POINTS = 150  # of a curve
# name, colour, entry of a row, whether dotted
_LOSSES = (
    ("while training", "test", "train_nats_per_token", True),
    ("learned pieces", "train", "known_nats_per_token", False),
)
_TOKEN_ACCURACIES = (
    ("accuracy", "valid", "accuracy", False),
    ("without time tokens", "valid", "accuracy_without_time", True),
    ("top 5", "train", "top5", False),
    ("top 5, without time tokens", "train", "top5_without_time", True),
)
# silence is no target of vectors, so leaving it out changes nothing
_KEY_ACCURACIES = (("keys right", "valid", "accuracy", False), ("top 5", "train", "top5", False))
_TIME = (
    ("predicted", "valid", "time_predicted", False),
    ("in the music", "train", "time_actual", True),
)


def curves(config: RunConfig, history: Sequence[Row]) -> str:
    """The charts of a run, given config.json and its evaluations."""
    if len(history) < 2:
        return '<p class="soft">They begin with the second evaluation.</p>'
    vectors = config.model.input == "frame"
    unit, silence = ("step", "silent steps") if vectors else ("token", "time tokens")
    accuracies = _KEY_ACCURACIES if vectors else _TOKEN_ACCURACIES
    music = "known" if config.knew else "held out"
    best = min(history, key=lambda row: row["nats_per_token"])
    rows = [_measured(row) for row in _thinned(history, best)]
    loss = line_chart(
        f"Loss, nats per {unit}; while training with dropout and varied music",
        _curves(rows, *_LOSSES, (music, "valid", "nats_per_token", False)),
        levels={name: each.nats_per_token for name, each in config.baselines.items()},
        mark=Mark(f"best, at epoch {best['epoch']:.1f}:", best["epoch"], best["nats_per_token"]),
        crop=True,
        wide=True,
    )
    gap, norm, rate = _curves(
        rows,
        ("gap", "valid", "gap", False),
        ("norm", "train", "gradient", False),
        ("rate", "train", "rate", False),
    )
    clip = {"clipped above": config.training.grad_clip}
    others = (
        line_chart(f"{music.capitalize()} minus learned pieces, nats per {unit}", [gap], zero=True),
        line_chart("Accuracy, " + config.evaluated_on, _curves(rows, *accuracies), percent=True),
        line_chart(f"Fraction of {silence}", _curves(rows, *_TIME), percent=True, zero=True),
        line_chart("Gradient norm", [norm], levels=clip, zero=True, crop=True),
        line_chart("Learning rate", [rate], zero=True),
    )
    return f'{loss}<div class="pair">{"".join(others)}</div>'


def _curves(rows: Sequence[Row], *curves: tuple[str, str, str, bool]) -> list[Curve]:
    return [
        Curve(name, colour, [(row["epoch"], row[entry]) for row in rows], dotted)
        for name, colour, entry, dotted in curves
    ]


def _thinned(history: Sequence[Row], best: Row) -> list[Row]:
    """Rows from all over a history, its extremes among them."""
    spread = np.linspace(0, len(history) - 1, min(_MOST_POINTS, len(history)))
    steepest = max(history, key=lambda row: row["gradient"])
    places = {*spread.round().astype(int).tolist(), history.index(best), history.index(steepest)}
    return [history[place] for place in sorted(places)]


def _measured(row: Row) -> Row:
    """A row with the gap, and without the gradient and the rate from before the first update."""
    known = row["known_nats_per_token"]
    gap = None if known is None else row["nats_per_token"] - known
    nothing = {} if row["update"] else {"gradient": None, "rate": None}
    return {**row, "gap": gap, **nothing}
