"""What helps a model, and what does not: recipes beside each other, by loss and by their songs.

    python tests/bench/recipes.py FOLDER PAGE --epochs 4 --songs 40 --seeds 1

Each recipe learns the same corpus for the same number of passes, so that all see equally many
tokens, and differs from the default in the options shown. The corpus is FOLDER as `ugen-data
prepare` makes it. Losses are of the best evaluation, with nothing wished of the held-out pieces.
Songs are made by the exported int8 file with its own defaults, seeds 1 on, and again at a
temperature of 0.9; `distance` is their mean distance from the held-out pieces, cut to the same
length, in standard deviations of these (docs/scoring.md). With more than one seed a recipe has a
row for each. A row that is done is kept in the folder --work, and the page shows all of these.
--together scores pairs of recipes that are done as one model, whose chances are the mean of theirs.
"""

from __future__ import annotations

import argparse
import json
import math
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch
from machine import how, machine, markdown
from ugen.data.codecs.registry import make_codec
from ugen.data.corpus.corpus import Corpus, is_corpus
from ugen.data.corpus.prepare import Settings, prepare
from ugen.data.files import write_atomically
from ugen.runtime import load
from ugen.runtime.inference.model import Model
from ugen.runtime.scoring.pieces import Piece
from ugen.runtime.scoring.songs import SongComparison, compare_songs
from ugen.train.evaluation.evaluate import HeldOutSet, evaluate
from ugen.train.model import LstmModel
from ugen.train.run_folder.checkpoint import load_checkpoint

BACK = ",".join(each.name for each in make_codec("beats").columns if each.lag)
AFTER = ",".join(each.name for each in make_codec("beats").columns if each.length)
RECIPES = {
    "default": "",
    "token alone": "--columns none",
    "place": "--columns beat,phase",
    "place and back, no pointer": f"--columns beat,phase,{BACK} --no-pointer",
    "place and back": f"--columns beat,phase,{BACK}",
    "place, back and after": f"--columns beat,phase,{BACK},{AFTER}",
    "place, back, after and key": f"--columns beat,phase,{BACK},{AFTER},key",
    "wishes unsaid in half": "--wish-dropout 0.5",
    "wishes unsaid in a tenth": "--wish-dropout 0.1",
    "no part given": "--given 0",
    "tied": "--tied",
    "wider": "--hidden 512",
    "two layers": "--layers 2",
    "dropout 0.2": "--dropout 0.2",
    "dropout 0.6": "--dropout 0.6",
    "batch 8": "--batch 8",
    "longer chunks": "--bptt-length 192",
}
SHOWN = ("bars_returning", "key_stability", "in_scale", "ends")
COOLER = 0.9


def learn(corpus: Path, out: Path, options: Sequence[str]) -> dict[str, float]:
    """Train and export one recipe; gives its best scores, and its speed."""
    run = out / "run"
    if not (out / "model.onnx").exists():
        resume = ["--resume"] if (run / "config.json").exists() else []
        train = [
            "train-ugen",
            str(corpus),
            "-o",
            str(run),
            "--sample-minutes",
            "0",
            "--threads",
            "1",
            *([] if resume else ["--from-scratch"]),
        ]
        subprocess.run([*train, *options, *resume], check=True)
        export = ["export-ugen", str(run), "-o", str(out / "model.onnx"), "--precision", "int8"]
        subprocess.run(export, check=True)
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    best: dict[str, float] = min(rows, key=lambda row: row["nats_per_token"])
    return {**best, "speed": rows[-1]["tokens"] / max(rows[-1]["seconds"], 1e-9)}


def row_of(best: Mapping[str, float], songs: Mapping[float, SongComparison]) -> dict[str, str]:
    """A recipe's row."""
    row = {**losses(best), "tokens per second": f"{best['speed']:,.0f}"}
    for temperature, found in songs.items():
        for name in SHOWN:
            ours = found.measures[name].songs
            row[f"{name} at {temperature:g}"] = "" if ours is None else f"{ours:.2f}"
        row[f"distance at {temperature:g}"] = f"{found.distance:.2f}"
        row[f"retried, given up at {temperature:g}"] = f"{found.retried}, {found.given_up}"
    return row


def measured(model: Model, pieces: Sequence[Piece], songs: int) -> dict[float, SongComparison]:
    """Songs by the model's own defaults, and cooler ones."""
    own = model.card.sampling
    found = {}
    for temperature in (own.temperature, COOLER):
        model.card = replace(model.card, sampling=replace(own, temperature=temperature))
        found[temperature] = compare_songs(model, pieces, songs)
    return found


class Together(LstmModel):
    """Models of one shape as one, with the mean of their chances. A state is theirs, layer upon
    layer."""

    def __init__(self, models: Sequence[LstmModel]):
        super().__init__(models[0].config)
        self.models = torch.nn.ModuleList(models)

    def state(self, batch: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Zeros for all."""
        h, c = super().state(batch)
        return h.repeat(len(self.models), 1, 1), c.repeat(len(self.models), 1, 1)

    def hidden_sequence(
        self, x: torch.Tensor, h: torch.Tensor, c: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The top layers of all, one beside the other."""
        parts = zip(self.models, *(each.chunk(len(self.models)) for each in (h, c)), strict=True)
        tops, hs, cs = zip(*(m.hidden_sequence(x, *state) for m, *state in parts), strict=True)
        return torch.cat(tops, -1), torch.cat(hs), torch.cat(cs)

    def logits(self, top: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """The logarithm of the mean of their chances."""
        parts = zip(self.models, top.chunk(len(self.models), -1), strict=True)
        each = torch.stack([m.logits(part, x).log_softmax(-1) for m, part in parts])
        return each.logsumexp(0) - math.log(len(self.models))


def losses(scores: Mapping[str, float]) -> dict[str, str]:
    """The first cells of a row."""
    return {
        "nats per token": f"{scores['nats_per_token']:.3f}",
        "per note": f"{scores['nats_per_note']:.2f}",
        "accuracy": f"{scores['accuracy']:.1%}",
    }


def scored_together(corpus: Corpus, folders: Sequence[Path]) -> dict[str, str]:
    """The row of several runs' models as one, without songs."""
    model = Together([load_checkpoint(folder / "run").model for folder in folders])
    held_out = HeldOutSet.from_rows(corpus, corpus.pieces("valid"))
    return losses(vars(evaluate(model, held_out, corpus.codec, torch.device("cpu"))))


def write(page: Path, work: Path, music: str) -> None:
    """The page with the rows so far."""
    found = sorted(work.glob("*/row.json"), key=lambda path: path.stat().st_mtime_ns)
    frame = pd.DataFrame([json.loads(path.read_text()) for path in found]).fillna("")
    text = ["# Recipes", "", how(__doc__), "", machine("torch", "onnxruntime"), "", music, ""]
    write_atomically(page, "\n".join([*text, *markdown(frame), ""]).encode())


def options() -> argparse.Namespace:
    """What is asked for."""
    found = argparse.ArgumentParser()
    found.add_argument("folder", type=Path)
    found.add_argument("page", type=Path)
    found.add_argument("--epochs", default="4")
    found.add_argument("--songs", type=int, default=40)
    found.add_argument("--seeds", type=int, default=1)
    found.add_argument("--only", help="recipes, separated by semicolons")
    found.add_argument("--together", help="recipes that are done: default+tied")
    found.add_argument("--work", type=Path, default=Path("demo/recipes"))
    return found.parse_args()


def main(out: Callable[[str], None] = print) -> None:
    """Entry point."""
    given = options()
    given.work.mkdir(parents=True, exist_ok=True)
    corpus = given.folder
    if not is_corpus(corpus):
        corpus = given.work / "corpus"
        if not is_corpus(corpus):
            prepare(given.folder, corpus, Settings(make_codec("beats")))
    opened = Corpus.open(corpus)
    held_out = opened.pieces("valid")
    pieces = [Piece(opened.piece(each), each.notes, each.seconds) for each in held_out]
    music = (
        f"{len(opened.pieces('train'))} pieces are learned, {len(held_out)} held out; "
        f"{given.epochs} passes, {given.songs} songs."
    )

    def folder_of(label: str) -> Path:
        folder: Path = given.work / label.replace(" ", "-").replace(",", "")
        return folder

    def done(label: str, row: Mapping[str, str]) -> None:
        folder_of(label).mkdir(exist_ok=True)
        told = {"recipe": label, **row}
        write_atomically(folder_of(label) / "row.json", json.dumps(told).encode())
        write(given.page, given.work, music)
        out(f"{label}: {row}")

    chosen = given.only.split(";") if given.only else [] if given.together else list(RECIPES)
    for seed in range(1, given.seeds + 1):
        for name in chosen:
            label = f"{name}, seed {seed}" if seed > 1 else name
            folder = folder_of(label)
            folder.mkdir(exist_ok=True)
            if not (folder / "row.json").exists():
                words = [*shlex.split(RECIPES[name]), "--epochs", given.epochs, "--seed", str(seed)]
                best = learn(corpus, folder, words)
                songs = measured(load(folder / "model.onnx"), pieces, given.songs)
                done(label, row_of(best, songs))
    for names in given.together.split(";") if given.together else ():
        pair = [each.strip() for each in names.split("+")]
        label = f"{' and '.join(pair)} together"
        done(label, scored_together(opened, [folder_of(each) for each in pair]))


if __name__ == "__main__":
    sys.exit(main())
