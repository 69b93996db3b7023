"""Where a run stands, and the callbacks that follow it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass
class Progress:
    """Where a run stands, as displays show it.

    `loss`: mean nats per token of the training chunks since the last evaluation. `best`: the best
    held-out loss, and `since_best` the evaluations since. `history`: the rows of metrics.jsonl.
    """

    update: int = 0
    tokens: int = 0
    elapsed: float = 0.0
    loss: float = math.nan
    best: float = math.inf
    since_best: int = 0
    rate: float = 0.0
    gradient: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)


class Callback(Protocol):
    """Follows a run: the terminal, the samples and the report, TensorBoard."""

    def on_update(self, progress: Progress) -> None:
        """Called after each update of the weights."""

    def on_evaluation(self, progress: Progress) -> None:
        """Called after each evaluation, whose row is the last of `progress.history`."""
