"""Exports: what torch learned, every runtime computes; a file that fails its proof is not left behind."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from support import quiet
from ugen.data import UgenError, make_codec
from ugen.export import export as exporting
from ugen.export import torchscript
from ugen.export.export import export_onnx, export_torchscript
from ugen.export.onnx_graph import build
from ugen.export.parity import TorchRunner, compare, probe_batch, zero_state
from ugen.runtime import Card, Sampling, load
from ugen.runtime.generate import steps
from ugen.train.checkpoint import load_checkpoint
from ugen.train.config import ModelConfig
from ugen.train.model import LstmModel

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:TF32:UserWarning")


@pytest.mark.parametrize(("layers", "hidden", "embedding"), [(1, 7, 5), (3, 32, 16), (8, 24, 24)])
@pytest.mark.parametrize("batch", [1, 5])
def test_torch_torchscript_and_onnx_agree_over_a_thousand_carried_steps(tmp_path, layers, hidden, embedding, batch):
    torch.manual_seed(layers)
    codec = make_codec("frames")
    model = LstmModel(
        ModelConfig(codec.vocabulary, embedding=embedding, layers=layers, hidden=hidden, dropout=0.3)
    ).eval()
    card = Card(codec, layers, hidden, "fp32", Sampling(), {}, "")
    onnx.save(build(model, card.to_metadata()), tmp_path / "m.onnx")
    torchscript.save(model, tmp_path / "m.ts", card.to_metadata())
    steps = np.random.default_rng(0).integers(0, codec.vocabulary, (batch, 1101))
    for runner in (load(tmp_path / "m.onnx"), TorchRunner(torchscript.load(tmp_path / "m.ts"))):
        parity = compare(TorchRunner(model), runner, steps, zero_state(model, batch))
        assert parity.logits < 1e-5 and parity.state < 1e-5
        assert parity.tokens == 1
        assert parity.nats == pytest.approx(parity.reference_nats, abs=1e-6)


def test_every_runtime_draws_the_same_song(small_run: Path, tmp_path: Path) -> None:
    """Sampled, not only greedy: 1,000 tokens from one seed, from torch, TorchScript and ONNX."""
    export_onnx(small_run, tmp_path / "m.onnx", "fp32", 0.005, "", quiet)
    export_torchscript(small_run, tmp_path / "m.ts", "", quiet)
    model = load(tmp_path / "m.onnx")
    checkpoint = load_checkpoint(small_run)
    songs = []
    for runner in (model, TorchRunner(checkpoint.model), TorchRunner(torchscript.load(tmp_path / "m.ts"))):
        model.step = runner.step if runner is not model else model.step  # type: ignore[method-assign]
        stream = steps(model, 11, Sampling())
        songs.append([next(stream)[0] for _ in range(1000)])
    assert songs[0] == songs[1] == songs[2]


def test_a_file_holds_all_that_a_reader_needs(small_run: Path, tmp_path: Path) -> None:
    export_onnx(small_run, tmp_path / "m.onnx", "auto", 0.005, "CC0, by nobody", quiet)
    proto = onnx.load(tmp_path / "m.onnx")
    onnx.checker.check_model(proto)
    entries = {entry.key: json.loads(entry.value) for entry in proto.metadata_props}
    assert set(entries) == {
        f"ugen.{part}" for part in ("format", "model", "codec", "sampling", "provenance", "licence")
    }
    assert entries["ugen.licence"] == "CC0, by nobody"
    assert entries["ugen.codec"]["events"][0] == "piece"
    assert len(entries["ugen.provenance"]["weights_sha256"]) == 64
    assert entries["ugen.provenance"]["held_out"]["nats_token"] > 0
    assert str(tmp_path.parent) not in json.dumps(entries), "no path of the training machine is published"
    assert [v.name for v in proto.graph.input] == ["token", "h", "c"]
    assert [v.name for v in proto.graph.output] == ["logits", "h_out", "c_out"]


def test_int8_is_a_quarter_of_the_size_and_predicts_as_well(tmp_path: Path, small_run: Path) -> None:
    lines: list[str] = []
    export_onnx(small_run, tmp_path / "8.onnx", "int8", 0.005, "", lines.append)
    export_onnx(small_run, tmp_path / "32.onnx", "fp32", 0.005, "", quiet)
    checkpoint = load_checkpoint(small_run)
    batch = probe_batch(checkpoint.probe, checkpoint.codec)
    parity = compare(TorchRunner(checkpoint.model), load(tmp_path / "8.onnx"), batch, zero_state(checkpoint.model, 3))
    assert parity.logits > 0, "it is quantized"
    assert abs(parity.nats_change) < 0.005
    assert load(tmp_path / "8.onnx").card.precision == "int8"
    ops = {node.op_type for node in onnx.load(tmp_path / "8.onnx").graph.node}
    assert "DynamicQuantizeLSTM" in ops and "LSTM" not in ops
    assert any("ONNX int8" in line for line in lines)


@pytest.mark.parametrize("fault", ["logits", "state"])
def test_a_file_that_disagrees_is_not_left_behind(small_run, tmp_path, monkeypatch, fault) -> None:
    def wrong(model: LstmModel, metadata: dict[str, str]) -> onnx.ModelProto:
        broken = load_checkpoint(small_run).model
        with torch.no_grad():
            target = broken.head.bias if fault == "logits" else broken.trunk.lstm.bias_hh_l1
            target[0] += 0.01
        return build(broken, metadata)

    monkeypatch.setattr(exporting, "build", wrong)
    with pytest.raises(UgenError, match="disagrees with the checkpoint by .*nothing was written"):
        export_onnx(small_run, tmp_path / "m.onnx", "auto", 0.005, "", quiet)
    assert list(tmp_path.iterdir()) == []


def test_int8_that_costs_too_much_is_refused_or_replaced(small_run, tmp_path, monkeypatch) -> None:
    good = exporting.to_int8

    def noisy(proto: onnx.ModelProto) -> onnx.ModelProto:
        """The head's int8 weights upside down: still loads, predicts badly."""
        quantized = good(proto)
        weights = next(t for t in quantized.graph.initializer if t.name.startswith("head_quantized"))
        weights.raw_data = bytes((256 - b) % 256 for b in weights.raw_data)
        return quantized

    monkeypatch.setattr(exporting, "to_int8", noisy)
    with pytest.raises(UgenError, match=r"int8 predicts held-out music .* worse, more than --max-loss 0\.50%"):
        export_onnx(small_run, tmp_path / "m.onnx", "int8", 0.005, "", quiet)
    assert list(tmp_path.iterdir()) == []
    lines: list[str] = []
    export_onnx(small_run, tmp_path / "m.onnx", "auto", 0.005, "", lines.append)
    assert load(tmp_path / "m.onnx").card.precision == "fp32"
    assert any("keeping fp32" in line for line in lines)
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]


def test_torchscript_runs_with_no_ugen_installed(small_run: Path, tmp_path: Path) -> None:
    export_torchscript(small_run, tmp_path / "m.ts", "", quiet)
    code = """
import json, sys, torch
sys.modules["ugen"] = None
extra = {"ugen.model": "", "ugen.codec": ""}
module = torch.jit.load(sys.argv[1], _extra_files=extra)
model, codec = (json.loads(extra[key]) for key in ("ugen.model", "ugen.codec"))
h = torch.zeros(model["layers"], 2, model["hidden"])
logits, h, c = module(torch.tensor([[codec["start"]], [3]]), h, h.clone())
assert logits.shape == (2, 1, len(codec["events"])) and h.shape == c.shape
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code, str(tmp_path / "m.ts")], check=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "-o", "m.onnx"], "nowhere: not a training run"),
        (["RUN", "-o", "m.mid"], "-o m.mid: an ONNX file's name ends in .onnx"),
        (["RUN", "-o", "m.onnx", "--format", "torchscript"], "-o m.onnx: a TorchScript file's name ends in .ts"),
    ],
)
def test_mistakes_get_one_line_and_exit_code_2(small_run, tmp_path, monkeypatch, arguments, message) -> None:
    monkeypatch.chdir(tmp_path)
    code = "from ugen.export.cli import main; main()"
    words = [str(small_run) if word == "RUN" else word for word in arguments]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("export-ugen: ") and done.stderr.count("\n") == 1 and message in done.stderr
    assert list(tmp_path.iterdir()) == []
