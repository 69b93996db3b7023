"""`make bench`: one step of the 8 x 300 model in every runtime, in one run; written to a page.

    python tests/bench/step.py docs/benchmarks.md [RUN]

Weights are random, the head's bias is that of the bundled music's tokens. The baseline is PyTorch
at its best: eager, oneDNN's LSTM off, the better of one and two threads. Rounds go through all
runtimes in turn, so that the machine's drift falls on each alike; a figure is the median over
the rounds of the median step, a ratio the median over the rounds of the rounds' ratios. The memory
limit is the time to read as many bytes as the int8 weights have, at the speed at which numpy finds
the largest of them on one thread. With RUN, a training run: what each precision costs on its
held-out music.
"""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from machine import how, machine
from ugen.data import arrange, make_codec, read_midi
from ugen.data.cli.main import MUSIC
from ugen.data.files import write_atomically
from ugen.export import torchscript
from ugen.export.onnx_graph import build
from ugen.export.parity import Runner, TorchRunner, zero_state
from ugen.export.quantize import in_precision, to_int8
from ugen.runtime import Card, Model, Sampling, load
from ugen.runtime.generation.song import steps
from ugen.runtime.inference.engine import onnxruntime
from ugen.runtime.model_file.format import PRECISIONS
from ugen.train.config import ModelConfig
from ugen.train.model import LstmModel
from whole_song import cold_start, growth, profile_table, run_table

ROUNDS, STEPS, WARM = 9, 150, 20
BASELINE = "PyTorch at its best"


def median(step: Callable[[int], object], count: int = STEPS) -> float:
    """Median microseconds of a call."""
    times = []
    for i in range(WARM + count):
        before = time.perf_counter()
        step(i)
        times.append(time.perf_counter() - before)
    return float(np.median(times[WARM:]) * 1e6)


def fed(runner: Runner, model: LstmModel) -> float:
    """A step of one stream, state handed in and out."""
    state, feed = zero_state(model, 1), np.zeros((1, 1), np.int64)

    def step(i: int) -> None:
        nonlocal state
        feed[0, 0] = i % model.config.vocabulary
        _, state = runner.step(feed, state)

    return median(step)


def streamed(model: Model, batch: int = 1) -> float:
    """A step as ugen-run takes it, of `batch` streams."""
    stream, card = model.stream(batch), model.card
    sizes = [card.codec.vocabulary, *(each.size for each in card.columns)]
    rows = np.arange(WARM + STEPS)[:, None] % sizes

    def step(i: int) -> None:
        stream.x[:] = rows[i]
        stream.advance()

    return median(step, STEPS if batch == 1 else 40)


def looped(model: Model) -> float:
    """A token of the whole loop: step, mask, sampler, cursor."""
    song = steps(model, 1, Sampling())
    return median(lambda i: next(song))


def threads(count: int, best: bool) -> Callable[[], AbstractContextManager[None]]:
    """torch with `count` threads; `best`: without oneDNN."""

    def prepare() -> AbstractContextManager[None]:
        torch.set_num_threads(count)
        return torch.backends.mkldnn.flags(enabled=False) if best else nullcontext()

    return prepare


def make_files(folder: Path, codec_name: str) -> LstmModel:
    """The model as a file of every precision, one of int8 with a scale per column, and
    TorchScript."""
    torch.manual_seed(1)
    codec = make_codec(codec_name)
    model = LstmModel(
        ModelConfig(codec.vocabulary, embedding=300, layers=8, hidden=300, dropout=0.0)
    ).eval()
    counts = np.ones(codec.vocabulary)
    for path in sorted(MUSIC.rglob("*.mid"))[:20]:
        counts += np.bincount(
            codec.encode(arrange(read_midi(path), "piano")).tokens, minlength=codec.vocabulary
        )
    assert isinstance(model.head, torch.nn.Linear)
    model.head.bias.data = torch.from_numpy(np.log(counts / counts.sum())).float()
    card = Card(codec, 8, 300, "fp32", Sampling(), {}, "")
    fp32 = build(model, card.to_metadata())
    for precision in PRECISIONS:
        metadata = replace(card, precision=precision).to_metadata()
        onnx.save(in_precision(fp32, precision, metadata), folder / f"{precision}.onnx")
    columns = to_int8(fp32, per_channel=True)
    onnx.helper.set_model_props(columns, replace(card, precision="int8").to_metadata())
    onnx.save(columns, folder / "columns.onnx")
    torchscript.save(model, folder / "m.ts", {})
    return model


def runtimes(folder: Path, model: LstmModel) -> dict[str, Callable[[], float]]:
    """By name, what gives the median microseconds of a step."""

    def timed(runner: Runner, count: int, best: bool) -> Callable[[], float]:
        def run() -> float:
            with threads(count, best)():
                return fed(runner, model)

        return run

    eager, scripted = TorchRunner(model), TorchRunner(torchscript.load(folder / "m.ts"))
    rows = {"PyTorch as installed, 1 thread": timed(eager, 1, False)}
    for count in (1, 2):
        rows[f"PyTorch, oneDNN off, {plural(count)}"] = timed(eager, count, True)
    for count in (1, 2):
        rows[f"TorchScript, oneDNN off, {plural(count)}"] = timed(scripted, count, True)
    for precision in ("fp32", "int8", "int4"):
        for count in (1, 2):
            file = load(folder / f"{precision}.onnx", count)
            rows[f"ONNX {precision}, {plural(count)}"] = partial(streamed, file)
    for precision in ("int8", "int4"):
        file = load(folder / f"{precision}.onnx")
        rows[f"ugen-run's whole loop, {precision}, 1 thread"] = partial(looped, file)
    return rows


def variants(folder: Path, model: LstmModel) -> dict[str, Callable[[], float]]:
    """One thing changed at a time, int8 and int4, one stream."""
    card = load(folder / "int8.onnx").card

    def session(name: str, count: int = 1, unpacked: str = "0", **settings: Any) -> Model:
        options = onnxruntime().SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = count, 1
        options.enable_mem_reuse = options.enable_cpu_mem_arena = False
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.disable_prepacking", unpacked)
        for key, value in settings.items():
            setattr(options, key, value)
        path = str(folder / f"{name}.onnx")
        return Model(
            card, onnxruntime().InferenceSession(path, options, providers=["CPUExecutionProvider"])
        )

    def of(made: Model) -> Callable[[], float]:
        return partial(streamed, made)

    rows: dict[str, Callable[[], float]] = {}
    for name in ("int8", "int4"):
        plain = session(name)
        rows[f"{name}: unchanged"] = of(plain)
        rows[f"{name}: numpy arrays in and out at every step"] = partial(fed, plain, model)
        rows[f"{name}: onnxruntime plans the reuse of memory"] = of(
            session(name, enable_mem_reuse=True)
        )
        rows[f"{name}: memory from an arena"] = of(session(name, enable_cpu_mem_arena=True))
        rows[f"{name}: weights not packed at load"] = of(session(name, unpacked="1"))
        rows[f"{name}: 2 threads that sleep between steps"] = of(session(name, 2))
    rows["int8: a scale per column, not per matrix"] = of(session("columns"))
    return rows


def memory_limit(folder: Path) -> Callable[[], float]:
    """Microseconds to read the int8 weights once."""
    weights = np.zeros((folder / "int8.onnx").stat().st_size, np.uint8)
    return lambda: median(lambda i: weights.max())


def in_turns(rows: dict[str, Callable[[], float]], what: str) -> dict[str, np.ndarray]:
    """Each measured once a round."""
    times: dict[str, list[float]] = {name: [] for name in rows}
    for number in range(ROUNDS):
        for name, run in rows.items():
            times[name].append(run())
        print(f"{what}: round {number + 1} of {ROUNDS}", file=sys.stderr)
    return {name: np.array(found) for name, found in times.items()}


def plural(count: int) -> str:
    """1 thread, 2 threads."""
    return f"{count} thread{'s' * (count > 1)}"


def best_of(times: dict[str, np.ndarray], prefix: str) -> np.ndarray:
    """The least of each round among the rows of a kind."""
    least: np.ndarray = np.min(
        [found for name, found in times.items() if name.startswith(prefix)], axis=0
    )
    return least


def step_table(times: dict[str, np.ndarray]) -> list[str]:
    """Markdown rows: microseconds, and the ratio to PyTorch at its best of the same round."""
    best = best_of(times, "PyTorch, oneDNN off")
    rows = [
        "| one step, 8 x 300, one stream | µs per token | times as fast as PyTorch at its best |",
        "|---|---|---|",
    ]
    for name, found in [(BASELINE, best), *times.items()]:
        rows.append(f"| {name} | {np.median(found):.0f} | {np.median(best / found):.2f} |")
    return rows


def aim_table(times: dict[str, np.ndarray], limit: np.ndarray) -> list[str]:
    """Markdown rows: what was aimed at, and what was reached with one thread and with two."""
    pytorch, scripted = best_of(times, "PyTorch, oneDNN off"), best_of(times, "TorchScript")
    rows = ["| what | aim | 1 thread | 2 threads |", "|---|---|---|---|"]

    def row(what: str, aim: str, ratio: Callable[[int], np.ndarray]) -> None:
        one, two = (f"{np.median(ratio(count)):.2f}" for count in (1, 2))
        rows.append(f"| {what} | {aim} | {one} | {two} |")

    def quantized(count: int) -> np.ndarray:
        found: np.ndarray = np.minimum(
            times[f"ONNX int8, {plural(count)}"], times[f"ONNX int4, {plural(count)}"]
        )
        return found

    row(
        "fastest quantized step against PyTorch at its best",
        "≥ 18",
        lambda n: pytorch / quantized(n),
    )
    row("the same against TorchScript at its best", "≥ 16", lambda n: scripted / quantized(n))
    row(
        "fp32 against PyTorch at its best",
        "≥ 5",
        lambda n: pytorch / times[f"ONNX fp32, {plural(n)}"],
    )
    row("fastest quantized step against the memory limit", "≤ 2", lambda n: quantized(n) / limit)
    for precision in ("int8", "int4"):
        loop = (
            times[f"ugen-run's whole loop, {precision}, 1 thread"]
            / times[f"ONNX {precision}, 1 thread"]
        )
        what = f"ugen-run's whole loop against the bare step, {precision}"
        rows.append(f"| {what} | ≤ 1.10 | {np.median(loop):.2f} | |")
    return rows


def batch_table(folder: Path) -> list[str]:
    """Tokens per second of several streams, and of 32 against one."""
    rows = [
        "| tokens per second, 1 thread | 1 stream | 8 | 32 | 32 against 1 (aim: ≥ 5) |",
        "|---|---|---|---|---|",
    ]
    for precision in PRECISIONS:
        model = load(folder / f"{precision}.onnx")
        speeds = [
            batch / np.median([streamed(model, batch) for _ in range(5)]) * 1e6
            for batch in (1, 8, 32)
        ]
        rows.append(
            f"| {precision} | "
            + " | ".join(f"{x:,.0f}" for x in speeds)
            + f" | {speeds[2] / speeds[0]:.2f} |"
        )
    return rows


def gain_table(gains: dict[str, np.ndarray]) -> list[str]:
    """What each variant takes, of the time of the same precision as it is."""
    rows = [
        "| one thing changed, one stream | µs per token | relative to unchanged |",
        "|---|---|---|",
    ]
    for name, found in gains.items():
        ratio = np.median(found / gains[f"{name[:4]}: unchanged"])
        rows.append(f"| {name} | {np.median(found):.0f} | {ratio:.2f} |")
    return rows


def main(page: Path, run: Path | None) -> None:
    """Measure, print and write the page."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as name:
        folder, songs = Path(name) / "frames", Path(name) / "beats"
        folder.mkdir()
        songs.mkdir()
        model = make_files(folder, "frames")
        make_files(songs, "beats")
        parts = [*step_parts(folder, model), *song_parts(folder, songs, run)]
    lines = [line for part in parts for line in (*part, "")]
    print("\n".join(lines))
    write_atomically(page, "\n".join(lines).encode())


def step_parts(folder: Path, model: LstmModel) -> list[list[str]]:
    """The parts of the page about one step."""
    times = in_turns({**runtimes(folder, model), "limit": memory_limit(folder)}, "runtimes")
    limit = times.pop("limit")
    size = {path.stem: path.stat().st_size for path in folder.glob("*.onnx")}
    sizes = [
        f"{each} {size[each] / 1e6:.1f} MB ({size[each] / size['fp32']:.1%})" for each in PRECISIONS
    ]
    intro = "every figure is from one run on one machine. Read the ratios: times drift."
    return [
        ["# Benchmarks"],
        [f"Written by `make bench`; {intro}"],
        [machine("torch", "onnxruntime", "numpy")],
        aim_table(times, limit),
        step_table(times),
        [
            f"The memory limit: {np.median(limit):.0f} µs to read {size['int8'] / 1e6:.1f} MB "
            f"({size['int8'] / np.median(limit) / 1e3:.0f} GB/s)."
        ],
        batch_table(folder),
        [f"Files (aim for int8: at most 26% of fp32): {', '.join(sizes)}."],
        gain_table(in_turns(variants(folder, model), "variants")),
    ]


def song_parts(folder: Path, songs: Path, run: Path | None) -> list[list[str]]:
    """The parts about nodes, whole songs, and a trained model."""
    return [
        ["Where the time goes (onnxruntime's profile, which makes every node some 2 µs slower):"],
        profile_table(folder / "int4.onnx", 1),
        profile_table(folder / "int8.onnx", 32),
        [cold_start(songs / "int8.onnx")],
        [growth(songs / "int8.onnx")],
        *([run_table(run, folder)] if run else []),
        [how(__doc__)],
    ]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
