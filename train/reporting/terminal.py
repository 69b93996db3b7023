"""What a training run prints: what it found, how long it takes, a progress line, one row for each
evaluation, and the verdict."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from ugen.data.analysis.scores import comparison_lines, scores_from_json
from ugen.data.cli.progress import EVERY
from ugen.data.cli.terminal import fitted, say, width
from ugen.data.text import count, duration, printable
from ugen.train.evaluation.diagnostics import about_run
from ugen.train.learning.speed import tokens_per_second
from ugen.train.learning.trainer import Trainer
from ugen.train.progress import Progress
from ugen.train.run_folder.run_config import CONFIG_FILE

from .verdict import verdict

# an evaluation goes forwards only, an update backwards, too
_FORWARD = 3.0
# a column's name and width; those for experts are shown with --verbose
COLUMNS = {"epoch": 5, "training": 8, "learned": 7, "held out": 9, "baseline": 8, "accuracy": 8}
VERBOSE = {
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
    """The terminal's view of a Trainer. Without a terminal there is no progress line, but a line
    every 30 seconds. `verbose`: with the columns for experts."""

    def __init__(self, trainer: Trainer, verbose: bool = False):
        self._trainer = trainer
        self._verbose = verbose
        self._live = sys.stderr.isatty()
        self._started = self._said = time.monotonic()
        self._tokens_before = trainer.progress.tokens
        self._done_before = trainer.fraction_done()
        self._warned: set[str] = set()
        self._columns: dict[str, int] = {}

    def __enter__(self) -> Display:
        from rich import progress
        from rich.console import Console
        from rich.table import Column

        # standard output stays as it is: the rows may go to a file or another command
        self._bar = progress.Progress(
            progress.BarColumn(20, table_column=Column(min_width=20)),
            progress.TextColumn("{task.percentage:3.0f}%", table_column=Column(min_width=4)),
            progress.TextColumn(
                "{task.description}",
                markup=False,
                table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"),
            ),
            expand=True,
            console=Console(stderr=True),
            transient=True,
            redirect_stdout=False,
            disable=not self._live,
        )
        self._task = self._bar.add_task("starting", total=1.0)
        self._bar.start()
        self._started = self._said = time.monotonic()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def opening(self) -> None:
        """What was found, how long it takes, what it has to beat, and what the numbers mean."""
        trainer = self._trainer
        for line in (self._music(), self._model(), *trainer.warnings(), self._length(), ""):
            say(line)
        held_out, kind = _held_out(trainer), trainer.model.config.input
        heading = f"baselines, {held_out}"
        columns = width()
        for line in comparison_lines(heading, None, trainer.baselines, kind, columns):
            say(line)
        say(self._words())
        self._columns = dict(VERBOSE if self._verbose else COLUMNS)
        while columns and sum(self._columns.values()) + len(self._columns) > columns:
            self._columns.popitem()  # what does not fit is in the report
        names = (f"{name:>{width}}" for name, width in self._columns.items())
        say(" ".join(names).replace("held out", f"{held_out:>8}"))

    def _music(self) -> str:
        """The pieces, and what of them is not learned."""
        trainer, corpus = self._trainer, self._trainer.corpus
        train = corpus.pieces("train")
        minutes = sum(row.seconds for row in train) / 60
        found = (
            f"learning from {count(len(train), 'piece')}: {minutes:.0f} minutes, "
            f"{count(trainer.learner.steps, self._unit)}; {len(trainer.heldout.pieces)} more are "
            "held out, to test it on music that it never trained on"
        )
        kept = [row for row in corpus.rows if row.status == "kept"]
        notes = sum(row.notes_in for row in kept)
        out = notes - sum(row.notes + row.lost for row in kept)
        if out > 0:
            found += (
                f"\n{out:,} of {count(notes, 'note')} are drums or doublings, left out by "
                f"--arrange {corpus.arrangement}"
            )
            if corpus.arrangement == "piano":
                found += " (--arrange band keeps instruments and drums)"
        if dropped := sum(row.status == "dropped" for row in corpus.rows):
            manifest = printable(str(corpus.path / "manifest.jsonl"))
            found += f"\n{count(dropped, 'file')} dropped, the reasons in {manifest}"
        return found

    def _model(self) -> str:
        trainer = self._trainer
        config, world, first = trainer.model.config, trainer.world, trainer.about.first_model
        together = f", {world.size} processes" if world.size > 1 else ""
        begun = f", begun from {printable(first.name)}" if first else ""
        return (
            f"model: {config.layers} x {config.hidden} LSTM, "
            f"{trainer.model.parameters_count():,} weights, "
            f"on {trainer.learner.device} in {trainer.config.precision}{together}{begun}"
        )

    def _length(self) -> str:
        """How long training takes."""
        trainer, config = self._trainer, self._trainer.config
        left = 1 - self._done_before
        if config.minutes:
            return f"training for {duration(60 * config.minutes * left)}"
        passes = f"{config.epochs * left:g} times through the music"
        speed = tokens_per_second(trainer.model.config, config, trainer.learner.device, 1)
        speed *= trainer.world.size
        updates = config.epochs * trainer.updates_per_epoch * left
        scored = (trainer.heldout.tokens + trainer.known.tokens) / _FORWARD
        steps = updates * config.batch * config.bptt_length
        steps += (1 + updates / trainer.evaluate_every) * scored
        return (
            f"at most about {duration(steps / speed)} here: {passes}, or until "
            f"{config.patience} evaluations bring nothing better"
        )

    def _words(self) -> str:
        """What the numbers of the table are."""
        unit = self._unit
        a_token = "" if unit == "step" else " (an event of the music: a pitch, a length, a bar)"
        text = (
            f"Loss: how much each {unit}{a_token} surprised it, in nats; less is better. "
            "Baselines only count what follows what: a good model is well below them. "
            "Words: docs/glossary.md\n"
        )
        known = "pieces that its first model knew" if self._trainer.about.knew else "held-out ones"
        if not self._verbose:
            return text + (
                f"Loss in training, on pieces it learned from, and on {known} (* the best so far); "
                f"how far that is from the best baseline; how often its first guess is right:"
            )
        return text + (
            f"training, learned, {_held_out(self._trainer)}: nats per {unit} (* the best so far); "
            f"then on {known}: nats per note and second, accuracy, accuracy without time tokens, "
            f"top 5, fraction of time tokens predicted/actual; speed: {unit}s per second"
        )

    def on_update(self, progress: Progress) -> None:
        """Move the progress line; without a terminal, print one now and then."""
        trainer, now = self._trainer, time.monotonic()
        if not self._live and now - self._said < EVERY:
            return
        done = min(trainer.fraction_done(), 1.0)
        left = (now - self._started) * (1 - done) / max(done - self._done_before, 1e-9)
        if trainer.config.minutes:
            left = min(left, 60 * trainer.config.minutes - progress.elapsed)
        ends = f"{duration(max(left, 0.0))} left at most"
        epoch = f"epoch {progress.update / trainer.updates_per_epoch:.1f}"
        loss = "" if math.isnan(progress.loss) else f"loss {progress.loss:.3f}"
        more = (
            f"rate {progress.rate:.1e}",
            f"gradient {progress.gradient:.2f}",
            f"{self._speed():,.0f} {self._unit}s/s",
        )
        parts = [ends, epoch, loss, *(more if self._verbose else ())]
        line = ", ".join(filter(None, parts))
        if self._live:
            self._bar.update(self._task, completed=done, description=line)
        else:
            self.say(f"{done:4.0%}, {line}")

    def on_evaluation(self, progress: Progress) -> None:
        """A row for the evaluation, and each warning once."""
        cells = self._cells(progress)
        row = " ".join(f"{cells[name]:>{width}}" for name, width in self._columns.items())
        self.say(row.rstrip())
        for kind, warning in about_run(progress.history).items():
            if kind not in self._warned:
                self._warned.add(kind)
                self.say(warning)

    def _cells(self, progress: Progress) -> Mapping[str, str]:
        row: dict[str, Any] = progress.history[-1]
        losses = [each.nats_per_token for each in self._trainer.baselines.values()]
        least = min(losses, default=0.0)
        return {
            "epoch": f"{row['epoch']:.1f}",
            "training": "" if math.isnan(progress.loss) else f"{progress.loss:.3f}",
            "learned": f"{row['known_nats_per_token']:.3f}",
            "held out": f"{row['nats_per_token']:.3f}" + ("*" if progress.since_best == 0 else " "),
            "baseline": f"{row['nats_per_token'] / least - 1:+.0%}" if least else "",
            "per note": f"{row['nats_per_note']:.2f}",
            "per sec": f"{row['nats_per_second']:.2f}",
            "accuracy": f"{row['accuracy']:.0%}",
            "no time": f"{row['accuracy_without_time']:.0%}",
            "top 5": f"{row['top5']:.0%}",
            "time": f"{row['time_predicted']:.0%}/{row['time_actual']:.0%}",
            "speed": f"{self._speed():,.0f}",
        }

    def say(self, text: str) -> None:
        """Print a line, above the progress line where both are on the terminal."""
        self._said = time.monotonic()
        if self._live and sys.stdout.isatty():
            text = fitted(text, width())
            self._bar.console.print(text, highlight=False, markup=False, soft_wrap=True)
        else:
            say(text)

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
        """Why it ended, the best scores beside the baselines, and the verdict."""
        trainer, path = self._trainer, self._trainer.path
        best = min(trainer.progress.history, key=lambda row: row["nats_per_token"])
        scores, kind = scores_from_json(best), trainer.model.config.input
        kept = f" The best weights are those of epoch {best['epoch']:.1f}:"
        say(f"\n{reason[:1].upper()}{reason[1:]}.{kept if best['update'] else ''}")
        music = trainer.about.evaluated_on
        for line in comparison_lines(music, scores, trainer.baselines, kind, width()):
            say(line)
        found = verdict(path, trainer.about, trainer.progress.history)
        assert found is not None
        say("\n" + "\n".join(found.sentences))
        say(f"curves, samples and settings: {printable(str(path / 'report.html'))}")
        if found.next_step:
            say(f"next: {found.next_step}{':' if found.command else ''}")
        if found.command:
            print(f"  {found.command}")  # as one line, to be copied

    @property
    def _unit(self) -> str:
        return "step" if self._trainer.model.config.input == "frame" else "token"

    def _speed(self) -> float:
        seconds = time.monotonic() - self._started
        return (self._trainer.progress.tokens - self._tokens_before) / max(seconds, 1e-9)


def _held_out(trainer: Trainer) -> str:
    """What held-out pieces are called in a table."""
    return "known" if trainer.about.knew else "held out"
