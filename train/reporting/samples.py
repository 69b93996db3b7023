"""What a run leaves to look at and listen to: samples and pictures every few minutes, report.html,
TensorBoard."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
from ugen.data import Score, write_midi
from ugen.data.analysis.measures import measures
from ugen.data.analysis.spread import measures_of_beginning
from ugen.data.render.expected_roll import expected_roll
from ugen.data.render.piano_roll import piano_roll
from ugen.data.text import printable
from ugen.train.evaluation.sample import expected_pitches, sample
from ugen.train.learning.trainer import Trainer
from ugen.train.progress import Progress

from .run_report import SAMPLE_SECONDS, write_report

EXCERPT_SECONDS = 15.0
MEASURED_SAMPLES = 8  # the newest, beside held-out music
MEASURED_PIECES = 64  # held-out pieces at most
_PAGE_EVERY = 15.0  # seconds between writes of the report


class Samples:
    """Every `minutes`: music from the present weights as MIDI and piano roll, and what the model
    expects of a held-out excerpt. `say` gets a line about each. Training's random state is left
    alone."""

    def __init__(self, trainer: Trainer, minutes: float, say: Callable[[str], None]):
        self._trainer = trainer
        self._every = 60 * minutes
        self._say = say
        self._last = time.monotonic()
        self._page_at = 0.0
        self._measured: deque[dict[str, float]] = deque(maxlen=MEASURED_SAMPLES)

    def on_update(self, progress: Progress) -> None:
        """A sample, when it is time for one."""
        if self._every and time.monotonic() - self._last >= self._every:
            self.make()

    def on_evaluation(self, progress: Progress) -> None:
        """The report, when the last is a while ago."""
        if time.monotonic() - self._page_at >= _PAGE_EVERY:
            self._page()

    def make(self) -> None:
        """A sample and its pictures, now; never two at the same update."""
        trainer, update = self._trainer, self._trainer.progress.update
        folder = trainer.path / "samples"
        midi = folder / f"sample-{update:06}.mid"
        if midi.exists():
            return
        folder.mkdir(exist_ok=True)
        score = sample(trainer.model, trainer.corpus.codec, SAMPLE_SECONDS, seed=update)
        # the record keeps a later run from learning from it
        write_midi(score, midi, texts=[f'train-ugen {{"update": {update}}}'])
        piano_roll(score, midi.with_suffix(".svg"), row_seconds=SAMPLE_SECONDS)
        self._expectations(folder / f"expected-{update:06}.svg")
        self._measured.append(measures(score))
        self._say(f"sample: {printable(str(midi))} ({_in_words(score)})")
        self._page()
        self._last = time.monotonic()

    def close(self) -> None:
        """A last sample, and the report as it stays."""
        if self._every:
            self.make()
        self._page()

    def _expectations(self, path: Path) -> None:
        trainer = self._trainer
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

    @cached_property
    def _held_out(self) -> list[dict[str, float]]:
        """Measures of held-out pieces, for the samples to stand beside."""
        pieces = self._trainer.heldout.pieces
        decode = self._trainer.corpus.codec.decode
        some = pieces[:: -(-len(pieces) // MEASURED_PIECES)]
        return [measures_of_beginning(decode(piece), SAMPLE_SECONDS) for piece in some]

    def _page(self) -> None:
        held_out = self._held_out if self._measured else []
        write_report(self._trainer.path, held_out, list(self._measured))
        self._page_at = time.monotonic()


def _in_words(score: Score) -> str:
    """A sample in a few words, which show at once when a model has collapsed."""
    if not len(score.notes):
        return "silent"
    counts = np.bincount(score.notes["pitch"])
    text = f"{counts.sum()} notes, {np.count_nonzero(counts)} pitches"
    share = counts.max() / counts.sum()
    return f"{text}, {share:.0%} of them the same" if share > 0.5 else text
