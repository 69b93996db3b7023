"""What a run leaves to look at and listen to: samples and pictures every few minutes, report.html,
TensorBoard."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ugen.data import Score, write_midi
from ugen.data.render.piano_roll import expected_roll, piano_roll
from ugen.train.evaluation.sample import expected_pitches, sample

from .run_report import write_report

if TYPE_CHECKING:
    from ugen.data.analysis.scores import Scores
    from ugen.train.learning.trainer import Trainer


SAMPLE_SECONDS = 20.0

EXCERPT_SECONDS = 15.0

_PAGE_EVERY = 15.0  # seconds between writes of the report


class Samples:
    """Every `minutes`: music from the present weights as MIDI and piano roll, and what the model
    expects of a held-out excerpt, drawn over what comes. `say` gets a line about each. Training's
    random state is left alone."""

    def __init__(self, minutes: float, say: Callable[[str], None]):
        self._every, self._say = 60 * minutes, say
        self._last = time.monotonic()
        self._page_at = 0.0

    def on_update(self, trainer: Trainer) -> None:
        """A sample, when it is time for one."""
        if self._every and time.monotonic() - self._last >= self._every:
            self.take(trainer)

    def on_evaluation(self, trainer: Trainer, scores: Scores) -> None:
        """The report, when the last is a while ago."""
        if time.monotonic() - self._page_at >= _PAGE_EVERY:
            self._page(trainer)

    def take(self, trainer: Trainer) -> None:
        """A sample and its pictures, now; none twice at one step."""
        folder = trainer.path / "samples"
        name = f"{trainer.progress.update:06}"
        if (folder / f"step-{name}.mid").exists():
            return
        folder.mkdir(exist_ok=True)
        score = sample(
            trainer.model, trainer.corpus.codec, SAMPLE_SECONDS, seed=trainer.progress.update
        )
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
        items = codec.to_inputs(max(trainer.heldout.pieces, key=len))
        cursor, count = codec.cursor(), 0
        while count < len(items) and cursor.seconds < EXCERPT_SECONDS:
            cursor.feed(int(items[count]) if codec.input == "token" else 0)
            count += 1
        excerpt = items[:count]
        seconds, chances, _ = expected_pitches(trainer.model, codec, excerpt)
        truth = codec.decode(codec.from_inputs(excerpt))
        expected_roll(truth.until(truth.tick_at(EXCERPT_SECONDS)), seconds, chances, path)

    def _page(self, trainer: Trainer) -> None:
        write_report(trainer.path)
        self._page_at = time.monotonic()


def _heard(score: Score) -> str:
    """A sample in a few words; the ear's own collapse detector."""
    if not len(score.notes):
        return "silent"
    pitches = score.notes["pitch"]
    counts = sorted(
        (int((pitches == pitch).sum()) for pitch in set(pitches.tolist())), reverse=True
    )
    text = f"{len(pitches)} notes, {len(counts)} pitches"
    return text + (
        f", {counts[0] / len(pitches):.0%} of them the same" if counts[0] > len(pitches) / 2 else ""
    )
