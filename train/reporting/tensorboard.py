"""TensorBoard's curves of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ugen.data.analysis.scores import Scores
    from ugen.train.learning.trainer import Trainer


class TensorBoard:
    """The numbers of metrics.jsonl as TensorBoard's curves, under RUN/tensorboard."""

    def __init__(self, path: Path):
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(str(path / "tensorboard"))

    def on_update(self, trainer: Trainer) -> None:
        """Loss, rate and gradient of the updates, every tenth."""
        progress = trainer.progress
        if progress.update % 10 == 0:
            for name in ("loss", "rate", "gradient"):
                self._writer.add_scalar(f"update/{name}", getattr(progress, name), progress.update)

    def on_evaluation(self, trainer: Trainer, scores: Scores) -> None:
        """All numbers of an evaluation."""
        for name, value in trainer.progress.history[-1].items():
            if isinstance(value, float):
                self._writer.add_scalar(f"held_out/{name}", value, trainer.progress.update)
        self._writer.flush()

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()
