"""What a run leaves to look at and listen to: samples and pictures every few minutes, report.html, TensorBoard."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ugen.data import Score, write_midi
from ugen.data.picture import expected_roll, piano_roll

from .report import write_report
from .sample import expected_pitches, sample

if TYPE_CHECKING:
    from .evaluate import Scores
    from .trainer import Trainer

SAMPLE_SECONDS = 20.0
EXCERPT_SECONDS = 15.0
_PAGE_EVERY = 15.0  # seconds between writes of the report


class Samples:
    """Every `minutes`: music from the present weights as MIDI and piano roll, and what the model expects of a held-out
    excerpt, drawn over what comes. `say` gets a line about each. Training's random state is left alone."""

    def __init__(self, minutes: float, say: Callable[[str], None]):
        self._every, self._say = 60 * minutes, say
        self._last = time.monotonic()
        self._page_at = 0.0

    def step(self, trainer: Trainer) -> None:
        """A sample, when it is time for one."""
        if self._every and time.monotonic() - self._last >= self._every:
            self.take(trainer)

    def scores(self, trainer: Trainer, scores: Scores) -> None:
        """The report, when the last is a while ago."""
        if time.monotonic() - self._page_at >= _PAGE_EVERY:
            self._page(trainer)

    def take(self, trainer: Trainer) -> None:
        """A sample and its pictures, now; none twice at one step."""
        folder = trainer.path / "samples"
        name = f"{trainer.progress.step:06}"
        if (folder / f"step-{name}.mid").exists():
            return
        folder.mkdir(exist_ok=True)
        score = sample(trainer.model, trainer.corpus.codec, SAMPLE_SECONDS, seed=trainer.progress.step)
        write_midi(score, folder / f"step-{name}.mid")
        piano_roll(score, folder / f"step-{name}.png", row_seconds=SAMPLE_SECONDS)
        self._expectations(trainer, folder / f"expected-{name}.png")
        self._say(f"sample: {folder / f'step-{name}.mid'} ({_heard(score)})")
        self._page(trainer)
        self._last = time.monotonic()

    def close(self, trainer: Trainer) -> None:
        """A last sample, and the report as it stays."""
        if self._every:
            self.take(trainer)
        self._page(trainer)

    def _expectations(self, trainer: Trainer, path: Path) -> None:
        codec = trainer.corpus.codec
        items = codec.items(max(trainer.heldout.pieces, key=len))
        cursor, count = codec.cursor(), 0
        while count < len(items) and cursor.seconds < EXCERPT_SECONDS:
            cursor.feed(int(items[count]) if codec.input == "token" else 0)
            count += 1
        excerpt = items[:count]
        seconds, chances, _ = expected_pitches(trainer.model, codec, excerpt)
        truth = codec.decode(codec.stored(excerpt))
        expected_roll(truth.until(truth.tick_at(EXCERPT_SECONDS)), seconds, chances, path)

    def _page(self, trainer: Trainer) -> None:
        write_report(trainer.path)
        self._page_at = time.monotonic()


def _heard(score: Score) -> str:
    """A sample in a few words; the ear's own collapse detector."""
    if not len(score.notes):
        return "silent"
    pitches = score.notes["pitch"]
    counts = sorted((int((pitches == pitch).sum()) for pitch in set(pitches.tolist())), reverse=True)
    text = f"{len(pitches)} notes, {len(counts)} pitches"
    return text + (f", {counts[0] / len(pitches):.0%} of them the same" if counts[0] > len(pitches) / 2 else "")


class TensorBoard:
    """The numbers of metrics.jsonl as TensorBoard's curves, under RUN/tensorboard."""

    def __init__(self, path: Path):
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(str(path / "tensorboard"))

    def step(self, trainer: Trainer) -> None:
        """Loss, rate and gradient of the updates, every tenth."""
        progress = trainer.progress
        if progress.step % 10 == 0:
            for name in ("loss", "rate", "gradient"):
                self._writer.add_scalar(f"update/{name}", getattr(progress, name), progress.step)

    def scores(self, trainer: Trainer, scores: Scores) -> None:
        """All numbers of an evaluation."""
        for name, value in trainer.progress.history[-1].items():
            if isinstance(value, float):
                self._writer.add_scalar(f"held_out/{name}", value, trainer.progress.step)
        self._writer.flush()

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()
