"""What a step as a row of ids costs: the model of 1 x 512 with the token alone, with all columns of
the beats codec, and with a pointer, too; in one run.

    python tests/bench/rows.py [PAGE]

Weights are random, the head's bias is that of the bundled music's tokens. A step is onnxruntime's;
a token is all that a song takes: step, mask, sampler, and the cursor with its row. Rounds go
through all models in turn; a figure is the median over the rounds of the median step, a ratio the
median of the rounds' ratios to the token alone.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from machine import how, machine
from step import in_turns, looped, streamed
from ugen.data import Codec, arrange, make_codec, read_midi
from ugen.data.cli.main import MUSIC
from ugen.data.files import write_atomically
from ugen.export.onnx_graph import build
from ugen.export.quantize import in_precision
from ugen.runtime import Card, Model, Sampling, load
from ugen.train.config import ModelConfig
from ugen.train.model import LstmModel

KINDS = ("the token alone", "all columns", "and a pointer")
PRECISIONS = ("int8", "int4", "fp32")


def made(kind: str, codec: Codec, bias: torch.Tensor, folder: Path) -> dict[str, Model]:
    """A model of that kind in every precision."""
    torch.manual_seed(1)
    shape: dict[str, Any] = {"embedding": 256, "hidden": 512, "pointer": kind == KINDS[2]}
    columns = () if kind == KINDS[0] else codec.columns
    model = LstmModel(ModelConfig(codec.vocabulary, columns=columns, **shape)).eval()
    assert isinstance(model.head, torch.nn.Linear)
    model.head.bias.data = bias
    card = Card(codec, 1, 512, "fp32", Sampling(), {}, "", columns=columns)
    fp32, found = build(model, card.to_metadata()), {}
    for precision in PRECISIONS:
        metadata = replace(card, precision=precision).to_metadata()
        onnx.save(in_precision(fp32, precision, metadata), folder / "model.onnx")
        found[precision] = load(folder / "model.onnx")
    return found


def main() -> None:
    """Measure, and print the table, or write it to a page."""
    codec = make_codec("beats")
    counts = np.ones(codec.vocabulary)
    for path in sorted(MUSIC.rglob("*.mid"))[:20]:
        tokens = codec.encode(arrange(read_midi(path), "piano")).tokens
        counts += np.bincount(tokens, minlength=codec.vocabulary)
    bias = torch.from_numpy(np.log(counts / counts.sum())).float()
    with tempfile.TemporaryDirectory() as folder:
        models = {kind: made(kind, codec, bias, Path(folder)) for kind in KINDS}
    of = [(kind, each) for each in PRECISIONS for kind in KINDS]
    runs = {f"step {kind} {each}": partial(streamed, models[kind][each]) for kind, each in of}
    runs |= {f"token {kind} {each}": partial(looped, models[kind][each]) for kind, each in of}
    times = in_turns(runs, "rows")
    lines = [
        "# What a row of ids costs",
        "",
        machine("onnxruntime", "numpy", "torch"),
        "",
        "| 1 x 512, one stream, 1 thread | µs per step | ratio | µs per token of a song | ratio |",
        "|---|---|---|---|---|",
    ]
    for kind, each in of:
        cells = []
        for what in ("step", "token"):
            found, plain = times[f"{what} {kind} {each}"], times[f"{what} {KINDS[0]} {each}"]
            cells += [f"{np.median(found):.1f}", f"{np.median(found / plain):.2f}"]
        lines.append(f"| {each}, {kind} | {' | '.join(cells)} |")
    text = "\n".join([*lines, "", how(__doc__), ""])
    print(text)
    if len(sys.argv) > 1:
        write_atomically(Path(sys.argv[1]), text.encode())


if __name__ == "__main__":
    sys.exit(main())
