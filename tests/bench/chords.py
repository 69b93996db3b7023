"""How well songs keep to the chords that are asked of them, and what the column costs.

    python tests/bench/chords.py CORPUS OUT --epochs 2 --songs 36

Two models learn the same corpus for as many passes, one of them with the columns `chord` and
`next_chord`. Losses are on the held-out pieces: with nothing said of them, and with their own
chords, which the finder reads off. Then songs are made: each is asked for the chords of the first
16 bars of a held-out piece, and for its key, and is made again without the chords. The share is of
note time that is in the chords, from 0 to 1; held-out pieces are measured by their own chords, and
by those of the piece before them, which is what chance gives.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from machine import how, machine
from recipes import learn
from ugen.data.analysis.chord_symbols import chords_text
from ugen.data.analysis.chords import chords_of_bars, in_chords
from ugen.data.codecs.base import Rows
from ugen.data.codecs.columns import CHORD_NAMES, Wishes
from ugen.data.corpus.corpus import Corpus
from ugen.data.score import Score
from ugen.runtime import generate, load
from ugen.runtime.generation.guard.faults import GuardError
from ugen.runtime.inference.model import Model
from ugen.train.batches import Feed
from ugen.train.evaluation.evaluate import HeldOutSet, evaluate
from ugen.train.run_folder.checkpoint import load_checkpoint

BARS = 16
Chords = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Told(HeldOutSet):
    """Held-out pieces of which the chords are said."""

    chords: Sequence[Chords] = ()

    def rows(self, feed: Feed) -> list[Rows]:
        pairs = zip(self.pieces, self.chords, strict=True)
        return [feed.rows(piece, Wishes(chords=chords)) for piece, chords in pairs]


def told_loss(run: Path, corpus: Corpus) -> float:
    """Nats per token on the held-out pieces, told their chords."""
    rows = corpus.pieces("valid")
    plain = HeldOutSet.from_rows(corpus, rows)
    chords = [corpus.wishes(row, chords=True).chords for row in rows]
    heldout = Told(plain.pieces, plain.tokens, plain.notes, plain.seconds, chords=chords)
    scores = evaluate(load_checkpoint(run).model, heldout, corpus.codec, torch.device("cpu"))
    return scores.nats_per_token


def songs(model: Model, pieces: Sequence[Score], keys: Sequence[str]) -> dict[str, list[float]]:
    """The shares: of songs with chords and without, and of the pieces by their own chords and by
    another's."""
    found: dict[str, list[float]] = {name: [] for name in ("asked", "not asked", "own", "chance")}
    bars = [chords_of_bars(piece)[:BARS] for piece in pieces]
    for seed, (piece, key, chords) in enumerate(zip(pieces, keys, bars, strict=True), 1):
        for name, text in (("asked", chords_text(chords)), ("not asked", None)):
            try:
                song = generate(model, bars=BARS, seed=seed, key=key, chords=text)
            except GuardError as error:
                print(f"seed {seed}, {name}: {error}")
                continue
            found[name].append(in_chords(song.score, dict(enumerate(chords)).get))
        found["own"].append(in_chords(piece, dict(enumerate(chords)).get))
        found["chance"].append(in_chords(piece, dict(enumerate(bars[seed - 2])).get))
    return found


def main() -> None:
    """Entry point."""
    options = argparse.ArgumentParser()
    options.add_argument("corpus", type=Path)
    options.add_argument("out", type=Path)
    options.add_argument("--epochs", default="2")
    options.add_argument("--songs", type=int, default=36)
    given = options.parse_args()
    corpus = Corpus.open(given.corpus)
    names = [each.name for each in corpus.codec.columns]
    usual = [*names[: names.index("left") + 1]]
    print(how(__doc__), machine("torch", "onnxruntime"), sep="\n\n")
    for name, columns in (("without", usual), ("with", [*usual, *CHORD_NAMES])):
        options = ["--epochs", given.epochs, "--columns", ",".join(columns), "--from-scratch"]
        best = learn(given.corpus, given.out / name, options)
        print(f"{name} the columns: {best['nats_per_token']:.3f} nats per token", flush=True)
    run = given.out / "with"
    print(f"told the chords: {told_loss(run / 'run', corpus):.3f} nats per token")
    rows = corpus.pieces("valid")[: given.songs]
    pieces = [corpus.codec.decode(corpus.piece(row)) for row in rows]
    found = songs(load(run / "model.onnx"), pieces, [row.key for row in rows])
    print(json.dumps({name: round(float(np.mean(each)), 3) for name, each in found.items()}))
    better = np.mean(np.array(found["asked"]) > np.array(found["not asked"]))
    print(f"of {len(pieces)} songs {better:.0%} are more in their chords when asked")


if __name__ == "__main__":
    main()
