"""What a training run says: the corpus and the baselines, a progress line, a row an evaluation, and
the verdict."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

import typer
from ugen.data.analysis.scores import comparison_lines, scores_from_json
from ugen.train.evaluation.diagnostics import about_run

if TYPE_CHECKING:
    from ugen.data.analysis.scores import Scores
    from ugen.train.learning.trainer import Trainer

COLUMNS = {
    "epoch": 5,
    "training": 8,
    "learned": 7,
    "held out": 8,
    "a note": 7,
    "a second": 8,
    "right": 5,
    "top 5": 5,
    "notes": 5,
    "time": 7,
    "a s": 6,
}


class Display:
    """The terminal's view of a Trainer. On anything but a terminal, rows without the moving
    line."""

    def __init__(self, trainer: Trainer):
        self._trainer = trainer
        self._live = sys.stderr.isatty()
        self._began = time.monotonic(), trainer.progress.tokens
        self._said: set[str] = set()

    def __enter__(self) -> Display:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:3.0f}%"),
        )
        self._bar = Progress(
            *columns, console=Console(stderr=True), transient=True, disable=not self._live
        )
        self._task = self._bar.add_task("starting", total=1.0)
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def opening(self) -> None:
        """The corpus, the model, the baselines."""
        trainer, corpus = self._trainer, self._trainer.corpus
        train, heldout = corpus.pieces("train"), trainer.heldout
        minutes = sum(row.seconds for row in train) / 60
        dropped = [row for row in corpus.rows if row.status == "dropped"]
        typer.echo(
            f"learning from {len(train)} pieces ({minutes:.0f} minutes, {self._steps_learned():,} {self._unit}s), held "
            f"out {len(heldout.pieces)}; {len(dropped)} files left out"
            + (f", each with its reason in {corpus.path / 'manifest.jsonl'}" if dropped else "")
        )
        config, world = trainer.model.config, trainer.world
        together = f", {world.size} processes" if world.size > 1 else ""
        typer.echo(
            f"model: {config.layers} x {config.hidden} LSTM, {trainer.model.parameters_count():,} weights, "
            f"on {trainer.device} in {trainer.config.precision}{together}"
        )
        for warning in trainer.warnings():
            typer.echo(warning)
        typer.echo("\n".join(comparison_lines("baselines", None, trainer.baselines, config.input)))
        typer.echo(
            f"nats a {self._unit} in training, on learned and on held-out pieces (*: the best so far); held-out nats a "
            f"note and second; shares right, in the top 5, right of notes; time predicted/true; {self._unit}s a second"
        )
        typer.echo(" ".join(f"{name:>{width}}" for name, width in COLUMNS.items()))

    def on_update(self, trainer: Trainer) -> None:
        """Move the progress line."""
        if not self._live:
            return
        done = min(trainer.share_done(), 1.0)
        left = (time.monotonic() - self._began[0]) * (1 - done) / max(done, 1e-9)
        line = (
            f"epoch {trainer.progress.update / trainer.epoch_steps:.1f}  loss {trainer.progress.loss:.3f}  "
            f"rate {trainer.progress.rate:.1e}  gradient {trainer.progress.gradient:.2f}  "
            f"{self._speed():,.0f} {self._unit}s/s  {left / 60:.0f} min left at most"
        )
        self._bar.update(self._task, completed=done, description=line)

    def on_evaluation(self, trainer: Trainer, scores: Scores) -> None:
        """A row for an evaluation, and what it gives reason to say. `right` counts all tokens,
        `notes` leaves out those that only move time; `time` is the share of those, predicted and
        true."""
        progress = trainer.progress
        cells = (
            f"{progress.update / trainer.epoch_steps:.1f}",
            f"{progress.loss:.3f}",
            f"{progress.history[-1]['known_nats_per_token']:.3f}",
            f"{scores.nats_per_token:.3f}" + ("*" if progress.since_best == 0 else " "),
            f"{scores.nats_per_note:.2f}",
            f"{scores.nats_per_second:.2f}",
            f"{scores.accuracy:.0%}",
            f"{scores.top5:.0%}",
            f"{scores.accuracy_without_time:.0%}",
            f"{scores.time_predicted:.0%}/{scores.time_actual:.0%}",
            f"{self._speed():,.0f}",
        )
        self.say(
            " ".join(
                f"{cell:>{width}}" for cell, width in zip(cells, COLUMNS.values(), strict=True)
            )
        )
        for text in about_run(progress.history):
            kind = text.partition(":")[0]
            if kind not in self._said:
                self._said.add(kind)
                self.say(text)

    def say(self, text: str) -> None:
        """A line above the progress line."""
        typer.echo(text) if not self._live else self._bar.console.print(
            text, highlight=False, markup=False
        )

    def interrupted(self) -> None:
        """After Ctrl-C: what is saved, and how to go on."""
        path = self._trainer.path
        typer.echo(
            f"stopped. What was learned up to the last evaluation is in {path}; go on with the same "
            f"command and --resume (without --find-lr and --init-from)"
        )

    def closing(self, reason: str) -> None:
        """Why it ended, and the best loss beside the baselines."""
        progress, path = self._trainer.progress, self._trainer.path
        best = min(progress.history, key=lambda row: row["nats_per_token"])
        baselines = self._trainer.baselines
        kind = self._trainer.model.config.input
        typer.echo(f"{reason}. The best weights are those of epoch {best['epoch']:.1f}:")
        typer.echo(
            "\n".join(comparison_lines("held-out pieces", scores_from_json(best), baselines, kind))
        )
        typer.echo(f"curves, samples and settings: {path / 'report.html'}")
        typer.echo(f"next: export-ugen {path} -o model.onnx")

    @property
    def _unit(self) -> str:
        return "step" if self._trainer.model.config.input == "frame" else "token"

    def _steps_learned(self) -> int:
        config = self._trainer.config
        return round(self._trainer.epoch_steps * config.batch * config.bptt_length)

    def _speed(self) -> float:
        seconds = time.monotonic() - self._began[0]
        return (self._trainer.progress.tokens - self._began[1]) / max(seconds, 1e-9)
