"""`make bench-forcing`: professor forcing beside plain likelihood, by loss and measures of songs.

    python tests/bench/forcing.py docs/benchmarks-forcing.md [--epochs 6] [--songs 60] [--threads N]

Both learn the bundled music with the default model, the same seed and as many updates. Each then
makes as many songs as there are excerpts of real music, of the same length, with the default
sampling. A measure of a song is one of `ugen-data stats`; a column has its mean over the songs and
the standard error of that mean. `off` is the distance of the mean from real music's, in standard
deviations of real music.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import pandas as pd
import torch
from machine import how, machine, markdown
from ugen.data import Score, arrange, make_codec, read_midi
from ugen.data.analysis.measures import measures
from ugen.data.cli.main import MUSIC
from ugen.data.corpus.corpus import Corpus
from ugen.data.corpus.prepare import Settings, prepare
from ugen.data.files import write_atomically
from ugen.export.export import export
from ugen.export.settings import ExportSettings
from ugen.runtime import generate, load
from ugen.train.config import OBJECTIVES, ModelConfig, TrainConfig
from ugen.train.learning.trainer import Trainer

SECONDS = 40.0
SHOWN = (
    "notes_per_second",
    "polyphony",
    "pitches",
    "pitch_range",
    "pitch_entropy",
    "pitch_class_entropy",
    "scale_consistency",
    "groove_consistency",
    "longest_silence",
    "commonest_pitch",
    "repeated",
)


def learn(corpus: Corpus, objective: str, folder: Path, epochs: float) -> tuple[float, float, Path]:
    """Train by one objective. Gives the best held-out nats per note, the minutes it took, and a
    model file."""
    model = ModelConfig(corpus.codec.vocabulary, corpus.codec.input)
    config = TrainConfig(epochs=epochs, objective=objective, patience=1000)
    trainer = Trainer.begin(
        folder / objective, corpus, model, config, torch.device("cpu"), "benchmark"
    )
    before = time.monotonic()
    trainer.run()
    minutes = (time.monotonic() - before) / 60
    best = min(row["nats_per_note"] for row in trainer.progress.history)
    file = folder / f"{objective}.onnx"
    export(folder / objective, file, ExportSettings(precision="fp32"))
    print(f"{objective}: {best:.3f} nats per note, {minutes:.1f} minutes", flush=True)
    return best, minutes, file


def made(file: Path, count: int) -> list[Score]:
    """Songs from seeds 1 to `count`."""
    model = load(file)
    return [generate(model, seconds=SECONDS, seed=seed).score for seed in range(1, count + 1)]


def real(corpus: Corpus, count: int) -> list[Score]:
    """The beginnings of pieces that last long enough, held-out ones first, as the model hears
    them."""
    found = []
    for row in corpus.pieces("valid") + corpus.pieces("train"):
        score = arrange(read_midi(MUSIC / row.file), "piano")
        if score.seconds > SECONDS and len(found) < count:
            heard = corpus.codec.decode(corpus.piece(row))
            found.append(heard.until(heard.tick_at(SECONDS)))
    return found


def table(songs: dict[str, list[Score]]) -> pd.DataFrame:
    """A row for each measure: real music first, then each objective and its distance from it."""
    found = {
        name: pd.DataFrame([measures(score) for score in scores])[list(SHOWN)]
        for name, scores in songs.items()
    }
    real = found["real"]
    columns = {"measure": SHOWN, "real music": _mean(real)}
    for objective in OBJECTIVES:
        off = (found[objective].mean() - real.mean()) / real.std(ddof=0).clip(lower=1e-9)
        columns |= {
            objective: _mean(found[objective]),
            f"off, {objective}": off.map("{:+.2f}".format),
        }
    return pd.DataFrame(columns)


def _mean(values: pd.DataFrame) -> pd.Series:
    return values.mean().map("{:.3f}".format) + values.sem(ddof=0).map(" ± {:.3f}".format)


def main() -> None:
    """Learn both ways, make songs, write the page."""
    parser = argparse.ArgumentParser(description="professor forcing beside plain likelihood")
    parser.add_argument("page", type=Path)
    parser.add_argument("--epochs", type=float, default=6.0)
    parser.add_argument("--songs", type=int, default=60)
    parser.add_argument("--threads", type=int, default=None)
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = prepare(MUSIC, folder / "corpus", Settings(make_codec("beats")))
        excerpts = real(corpus, arguments.songs)
        songs, lines = {"real": excerpts}, []
        for objective in OBJECTIVES:
            best, minutes, file = learn(corpus, objective, folder, arguments.epochs)
            songs[objective] = made(file, len(excerpts))
            silent = sum(not len(score.notes) for score in songs[objective])
            lines.append(
                {
                    "objective": objective,
                    "held-out nats per note": f"{best:.3f}",
                    "minutes of training": f"{minutes:.1f}",
                    "silent songs": silent,
                }
            )
    page = [
        "# Professor forcing",
        "",
        f"Written by `make bench-forcing`. {machine('torch', 'onnxruntime', 'numpy')}",
        "",
        f"{arguments.epochs:g} epochs each; {len(excerpts)} songs of {SECONDS:g} s each, and as "
        "many excerpts.",
        "",
        *markdown(pd.DataFrame(lines)),
        "",
        *markdown(table(songs)),
        "",
        how(__doc__),
        "",
    ]
    print("\n".join(page))
    write_atomically(arguments.page, "\n".join(page).encode())


if __name__ == "__main__":
    main()
