"""TensorBoard's curves of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ugen.train.progress import Progress


class TensorBoard:
    """The numbers of metrics.jsonl as TensorBoard's curves, under RUN/tensorboard."""

    def __init__(self, path: Path):
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(str(path / "tensorboard"))

    def on_update(self, progress: Progress) -> None:
        """Loss, rate and gradient of every tenth update."""
        if progress.update % 10 == 0:
            for name in ("loss", "rate", "gradient"):
                self._writer.add_scalar(f"update/{name}", getattr(progress, name), progress.update)

    def on_evaluation(self, progress: Progress) -> None:
        """All numbers of an evaluation."""
        for name, value in progress.history[-1].items():
            if isinstance(value, float):
                self._writer.add_scalar(f"held_out/{name}", value, progress.update)
        self._writer.flush()

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()
