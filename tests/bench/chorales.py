"""Bach's chorales on their standard split, beside the published numbers. One command reruns all of it:

    make bench-chorales CHORALES=folder     # with jsb-chorales-quarter.json and jsb-chorales-16th.json in it

Every time step is one step of the codec: `khot` predicts 128 keys that do not know of one another, as the models of
Boulanger-Lewandowski et al. 2012 and Bai et al. 2018 do; `frames` predicts the notes of a step one after the other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from ugen.data import make_codec
from ugen.data.codec import Codec, Tokens
from ugen.data.corpus import Corpus, Row, write_corpus

GRIDS = {"quarter": 480, "16th": 120}  # ticks of a step, at 480 a beat


def chorales(folder: Path, grid: str, codec_name: str, out: Path) -> Corpus:
    """The chorales of one grid as a corpus at `out`."""
    codec = make_codec(codec_name, ticks=GRIDS[grid])
    splits = json.loads((folder / f"jsb-chorales-{grid}.json").read_text())
    return write_corpus(out, codec, _pieces(splits, codec))


def _pieces(splits: dict[str, list[list[list[int]]]], codec: Codec) -> Iterator[tuple[Row, Tokens]]:
    for split, pieces in splits.items():
        for number, piece in enumerate(pieces):
            steps = np.zeros((len(piece), 128), bool)
            for step, pitches in enumerate(piece):
                steps[step, np.array(pitches, int)] = True
            began = steps & ~np.vstack([np.zeros((1, 128), bool), steps[:-1]])
            tokens = codec.pack(steps) if codec.name == "khot" else _listed(steps)  # type: ignore[attr-defined]
            seconds = len(piece) * codec.step_seconds  # type: ignore[attr-defined]
            yield Row(f"{split}-{number:03}", "kept", split=split, notes=int(began.sum()), seconds=seconds), tokens


def _listed(steps: np.ndarray) -> Tokens:
    """`frames` tokens: pitch + 1 for each key that sounds, 0 at the end of a step."""
    listed = np.concatenate([np.arange(1, 129) * steps, np.zeros((len(steps), 1), int)], axis=1)
    return listed[np.concatenate([steps, np.ones((len(steps), 1), bool)], axis=1)].astype(np.uint16)
