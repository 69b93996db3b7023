"""metrics.jsonl: one line for each evaluation of a run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ugen.data import UgenError
from ugen.data.files import replacing
from ugen.data.optional_imports import require

if TYPE_CHECKING:
    import pandas

METRICS_FILE = "metrics.jsonl"


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
        return [json.loads(line) for line in lines]
    except (OSError, ValueError) as error:
        raise UgenError(f"cannot be read ({error})", path=path) from None


def metrics(run: str | Path) -> pandas.DataFrame:
    """The evaluations of a run as a table: losses, accuracies, learning rate, by update.

    Needs pandas. Raises UgenError where there is no run.
    """
    require("pandas", "train")
    import pandas

    if not (Path(run) / METRICS_FILE).exists():
        raise UgenError(f"not a training run (no {METRICS_FILE} in it)", path=run)
    return pandas.DataFrame(read_metrics(Path(run))).set_index("update")
