"""metrics.jsonl: one line for each evaluation of a run."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ugen.data import UgenError
from ugen.data.analysis.scores import Scores
from ugen.data.files import replacing
from ugen.data.json_values import from_json
from ugen.data.optional_imports import require
from ugen.data.text import line

if TYPE_CHECKING:
    import pandas

METRICS_FILE = "metrics.jsonl"
_MOST = 1e15


@dataclass(frozen=True)
class Evaluation(Scores):
    """A line of metrics.jsonl. A loss that is no number is NaN."""

    update: int
    epoch: float
    tokens: int
    seconds: float
    rate: float
    gradient: float
    train_nats_per_token: float | None
    known_nats_per_token: float | None


def write_metrics(folder: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write the evaluations of a run so far."""
    with replacing(folder / METRICS_FILE) as partial:
        partial.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The evaluations of a run so far; none before the first. Raises UgenError that names the
    file."""
    path = folder / METRICS_FILE
    try:
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
    except (OSError, ValueError) as error:
        raise UgenError(f"cannot be read ({error})", path=path) from None
    rows = []
    for number, text in enumerate(lines, 1):
        try:
            rows.append(checked_row(json.loads(text)))
        except (ValueError, RecursionError) as error:
            reason = f"cannot be read (line {number}: {line(error)})"
            raise UgenError(reason, path=path) from None
    return rows


def checked_row(value: Any) -> dict[str, Any]:
    """A line of metrics.jsonl, decoded. Raises ValueError unless it has what `Evaluation` says."""
    found = from_json(Evaluation, value)
    counts = found.update, found.tokens, found.epoch, found.seconds
    numbers = [each for each in vars(found).values() if isinstance(each, (int, float))]
    if not all(0 <= each <= _MOST for each in counts):
        raise ValueError("a count that is below 0, or too large")
    if any(abs(each) > _MOST for each in numbers if math.isfinite(each)):
        raise ValueError("a number that is too large")
    return value  # type: ignore[no-any-return]


def metrics(run: str | Path) -> pandas.DataFrame:
    """The evaluations of a run as a table: losses, accuracies, learning rate, by update.

    Needs pandas. Raises UgenError where there is no run.
    """
    require("pandas", "train")
    import pandas

    if not (Path(run) / METRICS_FILE).exists():
        raise UgenError(f"not a training run (no {METRICS_FILE} in it)", path=run)
    return pandas.DataFrame(read_metrics(Path(run))).set_index("update")
