"""What `make bench` measures besides single steps: the command from a cold start, a very long song,
a trained model."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from ugen.export.measure import checkpoint_nats, measure
from ugen.export.onnx_graph import build
from ugen.export.quantize import in_precision, to_int8
from ugen.runtime import Card, Model, Sampling, load
from ugen.runtime.inference.engine import onnxruntime
from ugen.runtime.model_file.format import PRECISIONS
from ugen.train.run_folder.checkpoint import load_checkpoint

# the peak of the process itself: what its parent held before it started is not in VmHWM, as it is
# in ru_maxrss
RUN = """
from ugen.runtime.cli.run import main
try:
    main()
finally:
    print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def cold_start(file: Path) -> str:
    """The command from nothing to a written song of a minute, in a process of its own."""
    song = file.with_suffix(".mid")
    command = [sys.executable, "-c", RUN, file, "-o", song, "--seconds", "60", "--seed", "1"]
    times, peak = [], 0.0
    for _ in range(5):
        before = time.perf_counter()
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        times.append(time.perf_counter() - before)
        peak = max(peak, int(done.stdout.split("VmHWM:")[1].split()[0]) / 1e3)
    return (
        "From a cold start of `ugen-run` to a written song of 60 s, 8 x 300, beats, int8 "
        f"(aim: 1.0 s, 120 MB): {np.median(times):.2f} s, {peak:.0f} MB resident."
    )


def growth(file: Path) -> str:
    """Ten hours of one song, in a process that holds nothing else. Random weights are no music to a
    guard."""
    script = Path(__file__).with_name("ten_hours.py")
    done = subprocess.run(
        [sys.executable, script, file, "--no-guard"], check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout.strip()


def profile_table(file: Path, batch: int) -> list[str]:
    """Where a step's time goes, by onnxruntime's own profile, which makes every node some 2 µs
    slower."""
    options = onnxruntime().SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_profiling = True
    options.profile_file_prefix = str(file.with_suffix(""))
    session = onnxruntime().InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    stream, steps = Model(load(file).card, session).stream(batch), 200
    for _ in range(steps):
        stream.advance()
    events = [
        event
        for event in json.loads(Path(session.end_profiling()).read_text())
        if event.get("cat") == "Node"
    ]
    spent: dict[str, list[int]] = {}
    for event in events:
        if event["name"].endswith("_kernel_time"):
            spent.setdefault(event["args"]["op_name"], []).append(event["dur"])
    whole = sum(map(sum, spent.values()))
    rows = [f"| {file.stem}, {count_of(batch)} | nodes | µs | of all |", "|---|---|---|---|"]
    for name, times in sorted(spent.items(), key=lambda item: -sum(item[1])):
        count, total = len(times) / steps, sum(times)
        rows.append(f"| {name} | {count:.0f} | {total / steps:.0f} | {total / whole:.0%} |")
    return rows


def count_of(batch: int) -> str:
    """1 stream, 32 streams."""
    return f"{batch} stream{'s' * (batch > 1)}"


def run_table(run: Path, folder: Path) -> list[str]:
    """What each precision costs on the held-out music of a training run."""
    checkpoint = load_checkpoint(run)
    model, excerpt = checkpoint.model, checkpoint.held_out_excerpt
    card = Card(
        checkpoint.codec, model.config.layers, model.config.hidden, "fp32", Sampling(), {}, ""
    )
    fp32 = build(model, card.to_metadata())
    columns = "int8, a scale per column"
    files = {name: folder / f"run.{name}.onnx" for name in (*PRECISIONS, columns)}
    for name, path in files.items():
        metadata = replace(card, precision=name.partition(",")[0]).to_metadata()
        made = (
            to_int8(fp32, per_channel=True)
            if name == columns
            else in_precision(fp32, name, metadata)
        )
        onnx.helper.set_model_props(made, metadata)
        onnx.save(made, path)
    found = measure(files, excerpt, checkpoint_nats(model, excerpt))
    shape = f"{model.config.layers} x {model.config.hidden}, {checkpoint.codec.name}"
    read = len(excerpt) * (excerpt.shape[1] - 1)
    rows = [
        f"| a trained model: {shape} | size | µs per token | loss over {read:,} held-out steps |",
        "|---|---|---|---|",
    ]
    for each in found:
        loss = f"{each.nats_per_token:.4f} nats ({each.loss_change:+.2%})"
        rows.append(
            f"| {each.precision} | {each.megabytes:.2f} MB | {each.us_per_token:.0f} | {loss} |"
        )
    return rows
