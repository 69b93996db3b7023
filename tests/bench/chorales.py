"""`make bench-chorales`: Bach's chorales on their standard split, beside the published numbers.

    python tests/bench/chorales.py FOLDER docs/benchmarks-chorales.md [--threads N] [--share 1.0]

FOLDER holds jsb-chorales-quarter.json, jsb-chorales-16th.json and Jsb16thSeparated.json. A time
step is a step of the codec: `khot` predicts keys independently of one another, as the models of
Boulanger-Lewandowski et al. 2012 and Bai et al. 2018 do; `frames` predicts the notes of a step one
after the other, each given those below it; `voices` (tests/bench/voices.py) predicts which of the
four voices move, and by how much, then the steps until the next change: from its tokens the pitch
of all four voices at every step follows, so their nats are those of four voices a step. Every step
counts, also the first of a piece. The weights are the best on the validation pieces; the test
pieces are scored once, with those. A recipe that is done is kept in the folder --work, and one that
was stopped goes on after its last evaluation.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from machine import how, machine, markdown
from ugen.data import make_codec
from ugen.data.codecs.base import Codec, Tokens
from ugen.data.codecs.khot import KhotCodec
from ugen.data.codecs.registry import CODECS
from ugen.data.corpus.corpus import Corpus, ManifestRow, write_corpus
from ugen.data.files import write_atomically
from ugen.train.config import ModelConfig, TrainConfig
from ugen.train.evaluation.baselines import baselines
from ugen.train.evaluation.evaluate import HeldOutSet, evaluate
from ugen.train.learning.trainer import Trainer
from ugen.train.progress import Progress
from ugen.train.run_folder.checkpoint import load_checkpoint
from voices import VoicesCodec

CODECS[VoicesCodec.name] = VoicesCodec
GRIDS = {"quarter": 480, "16th": 120}  # ticks of a step, at 480 a beat
CPU = torch.device("cpu")
CURVE = "minutes: nats per step on validation"


class Recipe(NamedTuple):
    """What is learned, how, and what was published. `minutes`: of training; 0 goes by `epochs` of
    `training`. `columns`: whether the model is fed those of the codec."""

    grid: str
    codec: str
    minutes: float
    model: dict[str, Any]
    training: dict[str, Any]
    published: str
    columns: bool = False


RECIPES = (
    Recipe(
        "quarter",
        "khot",
        0,
        {"embedding": 128, "hidden": 800, "dropout": 0.6},
        {"epochs": 250.0, "precision": "bf16", "batch": 8, "bptt_length": 48, "weight_decay": 0.1},
        "LSTM 8.45, GRU 8.43, TCN 8.10 (Bai et al. 2018)",
    ),
    Recipe(
        "quarter",
        "frames",
        5,
        {"embedding": 192, "hidden": 320, "dropout": 0.5},
        {"transpose": False},
        "DMM 6.39 (Krishnan et al. 2017), RNN-RBM 6.27, RNN-NADE 5.56 "
        "(Boulanger-Lewandowski et al. 2012)",
    ),
    Recipe(
        "16th",
        "voices",
        0,
        {"embedding": 192, "hidden": 400, "dropout": 0.5},
        {"epochs": 40.0, "precision": "bf16", "batch": 8, "weight_decay": 0.15},
        "Music Transformer 1.34, Transformer 1.67, CoCoNet 1.74 (Huang et al. 2019); TonicNet, of "
        "notes and chords together, 1.585 (Peracha 2020)",
        columns=True,
    ),
    Recipe(
        "16th",
        "frames",
        30,
        {"hidden": 512, "dropout": 0.35, "tied": True},
        {"bptt_length": 128},
        "",
    ),
)


def chorales(folder: Path, grid: str, codec_name: str, out: Path) -> Corpus:
    """The chorales of one grid as a corpus at `out`."""
    codec = make_codec(codec_name, ticks=GRIDS[grid])
    name = "Jsb16thSeparated" if isinstance(codec, VoicesCodec) else f"jsb-chorales-{grid}"
    splits = json.loads((folder / f"{name}.json").read_text())
    return write_corpus(out, codec, _pieces(splits, codec))


def _pieces(
    splits: dict[str, list[list[list[int]]]], codec: Codec
) -> Iterator[tuple[ManifestRow, Tokens]]:
    for split, pieces in splits.items():
        for number, piece in enumerate(pieces):
            steps = np.zeros((len(piece), 128), bool)
            for step, pitches in enumerate(piece):
                steps[step, [int(pitch) for pitch in pitches if pitch >= 0]] = True
            began = steps & ~np.vstack([np.zeros((1, 128), bool), steps[:-1]])
            if isinstance(codec, VoicesCodec):
                tokens = codec.pack(piece)
            else:
                tokens = codec.pack(steps) if isinstance(codec, KhotCodec) else _listed(steps)
            seconds = len(piece) * codec.step_seconds  # type: ignore[attr-defined]
            yield (
                ManifestRow(
                    f"{split}-{number:03}",
                    "kept",
                    split=split,
                    notes=int(began.sum()),
                    seconds=seconds,
                ),
                tokens,
            )


def _listed(steps: np.ndarray) -> Tokens:
    """`frames` tokens: pitch + 1 for each key that sounds, 0 at the end of a step."""
    listed = np.concatenate([np.arange(1, 129) * steps, np.zeros((len(steps), 1), int)], axis=1)
    return listed[np.concatenate([steps, np.ones((len(steps), 1), bool)], axis=1)].astype(np.uint16)


class _Speaker:
    """A callback that says where a run stands, every tenth evaluation."""

    def __init__(self, label: str):
        self._label = label

    def on_update(self, progress: Progress) -> None:
        """Nothing between evaluations."""

    def on_evaluation(self, progress: Progress) -> None:
        """One line."""
        if len(progress.history) % 10 == 0:
            nats = progress.history[-1]["nats_per_token"]
            print(f"{self._label}: {progress.elapsed / 60:.1f} min, {nats:.3f} nats", flush=True)


def begin(recipe: Recipe, source: Path, folder: Path, share: float) -> Trainer:
    """A run by a recipe, for a `share` of its time, or the one in `folder` that was stopped."""
    usual = {"patience": 10**6, "tempo_jitter": 0.0, "velocity_jitter": 0, "epochs": 0.0}
    training = TrainConfig(**{**usual, **recipe.training})
    training = replace(training, minutes=share * recipe.minutes, epochs=share * training.epochs)
    if (folder / "run" / "config.json").exists():
        return Trainer.resume(folder / "run", Corpus.open(folder / "corpus"), CPU, training)
    shutil.rmtree(folder, ignore_errors=True)
    corpus = chorales(source, recipe.grid, recipe.codec, folder / "corpus")
    codec = corpus.codec
    columns = codec.columns if recipe.columns else ()
    model = ModelConfig(codec.vocabulary, codec.input, columns, **recipe.model)
    return Trainer.begin(folder / "run", corpus, model, training, CPU, "benchmark")


def learn(recipe: Recipe, source: Path, folder: Path, share: float) -> dict[str, str]:
    """Train by a recipe. Gives a row of the table, and the curve."""
    label = f"{recipe.grid}, {recipe.codec}"
    trainer = begin(recipe, source, folder, share)
    corpus, model = trainer.corpus, trainer.model.config
    codec = corpus.codec
    trainer.run([_Speaker(label)])
    best, losses, per_step = load_checkpoint(folder / "run"), {}, {}
    for split in ("valid", "test"):
        held_out = HeldOutSet.from_rows(corpus, corpus.pieces(split))
        per_step[split] = held_out.tokens * codec.step_seconds / held_out.seconds
        nats = evaluate(best.model, held_out, codec, CPU).nats_per_token
        losses[split] = nats * per_step[split]
    pieces = [
        [codec.to_inputs(corpus.piece(row)) for row in corpus.pieces(split)]
        for split in ("train", "test")
    ]
    counted = baselines(*pieces, codec.vocabulary, codec.start)
    history = trainer.progress.history
    return {
        "grid, codec": label,
        "model": f"{model.layers} x {model.hidden}",
        "minutes": f"{trainer.progress.elapsed / 60:.1f}",
        "validation": f"{losses['valid']:.3f}",
        "test": f"**{losses['test']:.3f}**",
        "baselines, on test": ", ".join(
            f"{name} {each.nats_per_token * per_step['test']:.2f}" for name, each in counted.items()
        ),
        "published": recipe.published,
        CURVE: "; ".join(
            f"{row['seconds'] / 60:.1f}: {row['nats_per_token'] * per_step['valid']:.2f}"
            for row in history[:: max(len(history) // 12, 1)]
        ),
    }


def main() -> None:
    """Learn by all recipes and write the page."""
    parser = argparse.ArgumentParser(description="Bach's chorales beside the published numbers")
    parser.add_argument("folder", type=Path)
    parser.add_argument("page", type=Path)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument(
        "--share", type=float, default=1.0, help="of each recipe's minutes; less for a trial"
    )
    parser.add_argument("--work", type=Path, default=Path("demo/chorales"))
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    rows = []
    for recipe in RECIPES:
        done = arguments.work / f"{recipe.grid}-{recipe.codec}" / "row.json"
        if not done.exists():
            row = learn(recipe, arguments.folder, done.parent, arguments.share)
            write_atomically(done, json.dumps(row).encode())
        rows.append(json.loads(done.read_text()))
        print(rows[-1], flush=True)
    found, threads = pd.DataFrame(rows), torch.get_num_threads()
    page = [
        "# Chorales",
        "",
        f"Written by `make bench-chorales`. {machine('torch', 'numpy')} {threads} threads.",
        "",
        "Nats per time step.",
        "",
        *markdown(found.drop(columns=CURVE)),
        "",
        "The quarter grid is that of the tables. `16th, voices` codes what Music Transformer, "
        "Transformer and CoCoNet code: the pitch of each of four voices at each sixteenth, from "
        "the same file; their figures are nats per voice on the validation pieces (0.335, 0.417, "
        "0.436), times four. TonicNet's is 0.317 for each of five tokens, four notes and a chord. "
        "`16th, frames` is of pitch sets, without unisons and voices, which is a little easier.",
        "",
        *markdown(found[["grid, codec", CURVE]]),
        "",
        how(__doc__),
        "",
    ]
    write_atomically(arguments.page, "\n".join(page).encode())


if __name__ == "__main__":
    main()
