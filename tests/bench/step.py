"""`make bench`: one step of one stream of the 8 x 300 model, in every runtime, in one run; written to a page.

    python tests/bench/step.py docs/benchmarks.md

The baseline is PyTorch at its best: eager, oneDNN's LSTM off, the better of one and two threads. Rounds go through all
contestants in turn, so that the machine's drift falls on each alike; a figure is the median over the rounds of the
median step, a ratio the median over the rounds of the rounds' ratios.
"""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import onnx
import torch
from machine import how, machine
from ugen.data import make_codec
from ugen.data.files import write_atomically
from ugen.export import torchscript
from ugen.export.onnx_graph import build
from ugen.export.parity import Runner, TorchRunner, zero_state
from ugen.export.quantize import to_int8
from ugen.runtime import Card, Model, Sampling, load
from ugen.runtime.generate import steps
from ugen.train.config import ModelConfig
from ugen.train.model import LstmModel

ROUNDS, STEPS, WARM = 9, 150, 20
BASELINE = "PyTorch at its best"


def step_time(runner: Runner, model: LstmModel, vocabulary: int) -> float:
    """Median microseconds of a step, one stream, fresh state carried."""
    state, feed, times = zero_state(model, 1), np.zeros((1, 1), np.int64), []
    for i in range(WARM + STEPS):
        feed[0, 0] = i % vocabulary
        before = time.perf_counter()
        _, state = runner.step(feed, state)
        times.append(time.perf_counter() - before)
    return float(np.median(times[WARM:]) * 1e6)


def loop_time(model: Model) -> float:
    """Median microseconds of a token of the whole loop: step, mask, sampler, cursor."""
    stream, times = steps(model, 1, Sampling()), []
    for _ in range(WARM + STEPS):
        before = time.perf_counter()
        next(stream)
        times.append(time.perf_counter() - before)
    return float(np.median(times[WARM:]) * 1e6)


def threads(count: int, best: bool) -> Callable[[], AbstractContextManager[None]]:
    """torch with `count` threads; `best`: without oneDNN."""

    def prepare() -> AbstractContextManager[None]:
        torch.set_num_threads(count)
        return torch.backends.mkldnn.flags(enabled=False) if best else nullcontext()

    return prepare


def contestants(folder: Path) -> dict[str, Callable[[], float]]:
    """By name, what gives the median microseconds of a step."""
    torch.manual_seed(1)
    codec = make_codec("frames")
    model = LstmModel(ModelConfig(codec.vocabulary, embedding=300, layers=8, hidden=300, dropout=0.0)).eval()
    card = Card(codec, 8, 300, "fp32", Sampling(), {}, "")
    fp32 = build(model, card.to_metadata())
    onnx.save(fp32, folder / "fp32.onnx")
    onnx.save(to_int8(fp32), folder / "int8.onnx")
    torchscript.save(model, folder / "m.ts", {})

    def timed(runner: Runner, around: Callable[[], AbstractContextManager[None]] = nullcontext) -> Callable[[], float]:
        def run() -> float:
            with around():
                return step_time(runner, model, codec.vocabulary)

        return run

    eager, scripted = TorchRunner(model), TorchRunner(torchscript.load(folder / "m.ts"))
    rows = {
        "PyTorch as it comes, 1 thread": timed(eager, threads(1, False)),
        "PyTorch, oneDNN off, 1 thread": timed(eager, threads(1, True)),
        "PyTorch, oneDNN off, 2 threads": timed(eager, threads(2, True)),
        "TorchScript, oneDNN off, 1 thread": timed(scripted, threads(1, True)),
    }
    for precision in ("fp32", "int8"):
        for count in (1, 2):
            label = f"ONNX {precision}, {count} thread{'s' * (count > 1)}"
            rows[label] = timed(load(folder / f"{precision}.onnx", count))
    whole = load(folder / "int8.onnx")
    rows["ugen-run's whole loop, int8, 1 thread"] = lambda: loop_time(whole)
    return rows


def table(times: dict[str, list[float]]) -> list[str]:
    """Markdown rows: microseconds, and the ratio to PyTorch at its best of the same round."""
    off = [name for name in times if name.startswith("PyTorch, oneDNN off")]
    best = np.min([times[name] for name in off], axis=0)
    rows = ["| one step, 8 x 300, one stream | µs a token | times as fast as PyTorch at its best |", "|---|---|---|"]
    for name, found in [(BASELINE, best.tolist()), *times.items()]:
        rows.append(f"| {name} | {np.median(found):.0f} | {np.median(best / np.array(found)):.2f} |")
    return rows


def main(page: Path) -> None:
    """Measure, print and write the page."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        rows = contestants(Path(folder))
        times: dict[str, list[float]] = {name: [] for name in rows}
        for number in range(ROUNDS):
            for name, measure in rows.items():
                times[name].append(measure())
            print(f"round {number + 1} of {ROUNDS}", file=sys.stderr)
        sizes = {name: (Path(folder) / name).stat().st_size / 1e6 for name in ("fp32.onnx", "int8.onnx")}
    lines = [
        "# Benchmarks", "",
        "Written by `make bench`; every figure is from one run on one machine. Read the ratios: times drift.", "",
        machine("torch", "onnxruntime", "numpy"), "",
        *table(times), "",
        f"Files: fp32 {sizes['fp32.onnx']:.1f} MB, int8 {sizes['int8.onnx']:.1f} MB "
        f"({sizes['int8.onnx'] / sizes['fp32.onnx']:.1%}).", "",
        how(__doc__), "",
    ]  # fmt: skip
    print("\n".join(lines))
    write_atomically(page, "\n".join(lines).encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
