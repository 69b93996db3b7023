"""What a training run prints: the corpus and the baselines, a progress line, one row for each
evaluation, and the result."""

from __future__ import annotations

import math
import shlex
import sys
import time
from types import TracebackType

import typer
from ugen.data.analysis.scores import comparison_lines, scores_from_json
from ugen.data.text import count, printable
from ugen.train.evaluation.diagnostics import NOTHING_LEARNED, about_run
from ugen.train.learning.trainer import Trainer
from ugen.train.progress import Progress
from ugen.train.run_folder.run_config import CONFIG_FILE

COLUMNS = {
    "epoch": 5,
    "training": 8,
    "learned": 7,
    "held out": 9,
    "per note": 8,
    "per sec": 7,
    "accuracy": 8,
    "no time": 7,
    "top 5": 5,
    "time": 7,
    "speed": 7,
}


class Display:
    """The terminal's view of a Trainer. Without a terminal there is no progress line."""

    def __init__(self, trainer: Trainer):
        self._trainer = trainer
        self._live = sys.stderr.isatty()
        self._started = time.monotonic()
        self._tokens_before = trainer.progress.tokens
        self._warned: set[str] = set()

    def __enter__(self) -> Display:
        from rich import progress
        from rich.console import Console

        # standard output stays as it is: the rows may go to a file or another command
        self._bar = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(bar_width=24),
            progress.TextColumn("{task.percentage:3.0f}%"),
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=False,
            disable=not self._live,
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
        trainer, corpus, unit = self._trainer, self._trainer.corpus, self._unit
        train = corpus.pieces("train")
        minutes = sum(row.seconds for row in train) / 60
        dropped = sum(row.status == "dropped" for row in corpus.rows)
        reasons = (
            f", the reasons in {printable(str(corpus.path / 'manifest.jsonl'))}" if dropped else ""
        )
        typer.echo(
            f"learning from {len(train)} pieces ({minutes:.0f} minutes, {trainer.learner.steps:,} "
            f"{unit}s), {len(trainer.heldout.pieces)} held out; {count(dropped, 'file')} "
            f"dropped{reasons}"
        )
        config, world = trainer.model.config, trainer.world
        together = f", {world.size} processes" if world.size > 1 else ""
        typer.echo(
            f"model: {config.layers} x {config.hidden} LSTM, "
            f"{trainer.model.parameters_count():,} weights, "
            f"on {trainer.learner.device} in {trainer.config.precision}{together}"
        )
        for warning in trainer.warnings():
            typer.echo(warning)
        held_out = _held_out(trainer)
        heading = f"baselines, {held_out}"
        for line in comparison_lines(heading, None, trainer.baselines, config.input):
            typer.echo(line)
        typer.echo(
            f"training, learned, {held_out}: nats per {unit} (* the best so far); then {held_out}: "
            f"nats per note and second, accuracy, accuracy without time tokens, top 5, fraction of "
            f"time tokens predicted/actual; speed: {unit}s per second"
        )
        columns = " ".join(f"{name:>{width}}" for name, width in COLUMNS.items())
        typer.echo(columns.replace("held out", f"{held_out:>8}"))

    def on_update(self, progress: Progress) -> None:
        """Move the progress line."""
        if not self._live:
            return
        trainer = self._trainer
        done = min(trainer.fraction_done(), 1.0)
        left = (time.monotonic() - self._started) * (1 - done) / max(done, 1e-9)
        line = (
            f"epoch {progress.update / trainer.updates_per_epoch:.1f}  loss {progress.loss:.3f}  "
            f"rate {progress.rate:.1e}  gradient {progress.gradient:.2f}  "
            f"{self._speed():,.0f} {self._unit}s/s  {left / 60:.0f} min left at most"
        )
        self._bar.update(self._task, completed=done, description=line)

    def on_evaluation(self, progress: Progress) -> None:
        """A row for the evaluation, and each warning once."""
        row = progress.history[-1]
        training = "" if math.isnan(progress.loss) else f"{progress.loss:.3f}"
        cells = (
            f"{row['epoch']:.1f}",
            training,
            f"{row['known_nats_per_token']:.3f}",
            f"{row['nats_per_token']:.3f}" + ("*" if progress.since_best == 0 else " "),
            f"{row['nats_per_note']:.2f}",
            f"{row['nats_per_second']:.2f}",
            f"{row['accuracy']:.0%}",
            f"{row['accuracy_without_time']:.0%}",
            f"{row['top5']:.0%}",
            f"{row['time_predicted']:.0%}/{row['time_actual']:.0%}",
            f"{self._speed():,.0f}",
        )
        widths = COLUMNS.values()
        self.say(" ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True)))
        for kind, warning in about_run(progress.history).items():
            if kind not in self._warned:
                self._warned.add(kind)
                self.say(warning)

    def say(self, text: str) -> None:
        """Print a line, above the progress line where both are on the terminal."""
        if self._live and sys.stdout.isatty():
            self._bar.console.print(text, highlight=False, markup=False)
        else:
            typer.echo(text)

    def how_to_continue(self) -> str:
        """When training was stopped, what is saved, and how to continue."""
        if not (self._trainer.path / CONFIG_FILE).exists():
            return "before the first evaluation; the same command begins again"
        return (
            f"after update {self._trainer.progress.update}. What was learned up to the last "
            f"evaluation is in {self._trainer.path}; continue with the same command and --resume "
            "(without --find-lr, --init-from and --from-scratch)"
        )

    def closing(self, reason: str) -> None:
        """Why it ended, and the best scores beside the baselines."""
        trainer, path = self._trainer, self._trainer.path
        best = min(trainer.progress.history, key=lambda row: row["nats_per_token"])
        scores, kind = scores_from_json(best), trainer.model.config.input
        if best["update"]:
            typer.echo(f"{reason}. The best weights are those of epoch {best['epoch']:.1f}:")
        else:
            typer.echo(f"{reason}. {NOTHING_LEARNED}:")
        for line in comparison_lines(trainer.about.evaluated_on, scores, trainer.baselines, kind):
            typer.echo(line)
        typer.echo(f"curves, samples and settings: {printable(str(path / 'report.html'))}")
        if best["update"]:
            typer.echo(f"next: export-ugen {printable(shlex.quote(str(path)))} -o model.onnx")

    @property
    def _unit(self) -> str:
        return "step" if self._trainer.model.config.input == "frame" else "token"

    def _speed(self) -> float:
        seconds = time.monotonic() - self._started
        return (self._trainer.progress.tokens - self._tokens_before) / max(seconds, 1e-9)


def _held_out(trainer: Trainer) -> str:
    """What held-out pieces are called in a table."""
    return "known" if trainer.about.knew else "held out"
