"""Whether songs are what they were asked to be, wish by wish.

    python tests/bench/wishes.py MODEL.onnx CORPUS [--songs 40] [--seconds 30] [--guidance 3]

Every value of a wish that the model knows is asked for alone, in as many songs, seeds 1 on, without
the guard; of keys eight. A song is as asked when it measures so, in the model's own terms. Chance:
how many songs are so of which nothing was asked (keys: of which another key was asked). Labels
are not measured: two at a time, the commonest, pieces of CORPUS are told apart by the nearest
centroid of ten measures, in deviations of all, each without itself; then songs asked for one and
the other are, by the centroids of the pieces. Pieces are cut to the songs' length.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from machine import how, machine, markdown
from numpy.typing import NDArray
from ugen.data import Score
from ugen.data.analysis.measures import measures
from ugen.data.analysis.spread import COMPARED
from ugen.data.analysis.wishes import BY_NAME, KEY_NAMES, measured
from ugen.data.corpus.corpus import Corpus
from ugen.runtime import SongSettings, generate, load
from ugen.runtime.inference.model import Model

KEYS = KEY_NAMES[::3]
LABELS = 4  # the commonest of at least FEWEST pieces, in pairs
FEWEST = 10
Rows = list[dict[str, str]]


class Made(NamedTuple):
    """How songs are made: by which model, how many of how many seconds, and how much they are
    guided."""

    model: Model
    count: int
    settings: SongSettings

    def songs(self, **asked: str) -> list[Score]:
        """Songs of seeds 1 on."""
        return [
            generate(self.model, self.settings, seed=seed, **asked).score
            for seed in range(1, self.count + 1)
        ]


def share(model: Model, name: str, value: str, made: Sequence[Score]) -> float:
    """The fraction of songs that measure as a value."""
    known, has_bars = model.card.known[name], model.card.codec.has_bars
    wanted = known.values.index(value) + 1
    return float(np.mean([known.id_of(measured(each, has_bars)[name]) == wanted for each in made]))


def agreement(made_by: Made) -> Rows:
    """A row for each value of each wish that can be measured."""
    model = made_by.model
    free = made_by.songs()
    rows: Rows = []
    for name, known in model.card.known.items():
        if name in ("label", "tempo"):  # a song has the tempo that it is asked for
            continue
        found = [v for v, n in zip(known.values, known.counts, strict=True) if n >= FEWEST]
        values = KEYS if name == "key" else found
        option = BY_NAME[name].flag.removeprefix("--")
        made = {value: made_by.songs(**{option: value}) for value in values}
        for value, own in made.items():
            others = [each for other in values if other != value for each in made[other]]
            rows.append(
                {
                    "wish": f"--{option} {value}",
                    "songs": str(made_by.count),
                    "as asked": f"{share(model, name, value, own):.1%}",
                    "chance": f"{share(model, name, value, others if name == 'key' else free):.1%}",
                }
            )
            print(rows[-1], flush=True)
    return rows


def vectors(scores: Sequence[Score]) -> NDArray[np.float64]:
    """Measures, a row for each."""
    found = [measures(each) for each in scores]
    return np.array([[each[name] for name in COMPARED] for each in found])


def told_apart(
    real: Sequence[NDArray[np.float64]], asked: Sequence[NDArray[np.float64]]
) -> tuple[float, float]:
    """How many pieces and how many songs are nearest to their own label's centroid, the labels
    counted alike."""
    deviation = np.concatenate(list(real)).std(axis=0) + 1e-9
    centroids = np.array([each.mean(axis=0) for each in real])

    def right(row: NDArray[np.float64], own: int, left_out: bool) -> bool:
        centres = centroids.copy()
        if left_out:
            n = len(real[own])
            centres[own] = (centres[own] * n - row) / (n - 1)
        return bool(np.argmin(np.linalg.norm((centres - row) / deviation, axis=1)) == own)

    pieces = [np.mean([right(row, own, True) for row in rows]) for own, rows in enumerate(real)]
    made = [np.mean([right(row, own, False) for row in rows]) for own, rows in enumerate(asked)]
    return float(np.mean(pieces)), float(np.mean(made))


def pieces_by_label(corpus: Corpus, names: Sequence[str], seconds: float) -> Mapping[str, list]:
    """Pieces cut to the length of songs."""
    found: dict[str, list[Score]] = {name: [] for name in names}
    for row in corpus.rows:
        if row.status == "kept" and row.label in found:
            score = corpus.codec.decode(corpus.piece(row))
            found[row.label].append(score.until(score.tick_at(seconds)))
    return found


def labels(made_by: Made, corpus: Corpus) -> Rows:
    """A row for each pair of labels."""
    seconds = made_by.settings.seconds or 0.0
    known = made_by.model.card.known.get("label")
    if known is None:
        return []
    often = sorted(zip(known.counts, known.values, strict=True), reverse=True)
    names = [name for n, name in often[:LABELS] if n >= FEWEST]
    real = {k: vectors(v) for k, v in pieces_by_label(corpus, names, seconds).items()}
    asked = {name: vectors(made_by.songs(like=name)) for name in names}
    rows: Rows = []
    for pair in combinations(names, 2):
        pieces, made = told_apart([real[name] for name in pair], [asked[name] for name in pair])
        rows.append(
            {
                "--like": " or ".join(pair),
                "pieces": f"{' and '.join(str(len(real[name])) for name in pair)}",
                "pieces told apart": f"{pieces:.1%}",
                "songs told apart": f"{made:.1%}",
            }
        )
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    """Entry point."""
    options = ArgumentParser()
    options.add_argument("model", type=Path)
    options.add_argument("corpus", type=Path)
    options.add_argument("--songs", type=int, default=40)
    options.add_argument("--seconds", type=float, default=30.0)
    options.add_argument("--guidance", type=float)
    given = options.parse_args()
    settings = SongSettings(seconds=given.seconds, seed=1, guard=False, guidance=given.guidance)
    made_by = Made(load(given.model), given.songs, settings)
    tables = [agreement(made_by), labels(made_by, Corpus.open(given.corpus))]
    print("\n".join([how(__doc__), "", machine("onnxruntime"), ""]))
    for table in filter(None, tables):
        print("\n".join([*markdown(pd.DataFrame(table)), ""]))


if __name__ == "__main__":
    sys.exit(main())
