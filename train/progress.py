"""Where a run stands, and the callbacks that watch it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ugen.data.analysis.scores import Scores
    from ugen.train.learning.trainer import Trainer


@dataclass
class Progress:
    """Where a run stands; what a display shows."""

    update: int = 0
    tokens: int = 0
    elapsed: float = 0.0
    loss: float = math.nan  # mean nats a token of the training chunks since the last evaluation
    best: float = math.inf
    since_best: int = 0
    rate: float = 0.0
    gradient: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)


class Callback(Protocol):
    """What is told how a run goes: the terminal, the report, TensorBoard."""

    def on_update(self, trainer: Trainer) -> None:
        """After an update."""

    def on_evaluation(self, trainer: Trainer, scores: Scores) -> None:
        """After an evaluation; the newest row of `trainer.progress.history` is its."""
