"""Exports: what torch learned, every runtime computes; a file that fails its proof is not left
behind."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from exporting import refused
from model_files import random_model
from noise import noise
from ugen.data import UgenError, make_codec
from ugen.data.codecs.columns import WISH_NAMES
from ugen.export import onnx_file, torchscript
from ugen.export.cli import main
from ugen.export.export import check_used, export
from ugen.export.measure import Measured, fastest
from ugen.export.onnx_graph import build
from ugen.export.parity import ExactRunner, Runner, TorchRunner, compare, streams_of, zero_state
from ugen.export.settings import FORMATS, ExportSettings
from ugen.runtime import Card, Model, Sampling, generate, load
from ugen.runtime.inference.model import State
from ugen.runtime.model_file.format import PRECISIONS
from ugen.runtime.sampling.rng import Rng
from ugen.runtime.sampling.sampler import Sampler
from ugen.train.config import ModelConfig
from ugen.train.model import LstmModel
from ugen.train.run_folder.checkpoint import load_checkpoint

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:TF32:UserWarning")


@pytest.fixture(scope="module")
def exported(row_run: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The small run as ONNX of every precision, and as TorchScript."""
    folder = tmp_path_factory.mktemp("exported")
    for precision in PRECISIONS:
        settings = ExportSettings(precision=precision, max_loss=5, licence="CC0, by nobody")
        export(row_run, folder / f"{precision}.onnx", settings, steps=200)
    export(row_run, folder / "torchscript.ts", ExportSettings("torchscript"), steps=200)
    return {path.stem: path for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("codec_name", "layers", "hidden", "embedding"),
    [("frames", 1, 7, 5), ("events", 3, 32, 16), ("beats", 8, 24, 24)],
)
@pytest.mark.parametrize("batch", [1, 5])
def test_torch_torchscript_and_onnx_agree_over_a_thousand_carried_steps(
    tmp_path, codec_name, layers, hidden, embedding, batch
):
    """Rows as a cursor makes them, with all columns that the codec has, in any order."""
    torch.manual_seed(layers)
    codec = make_codec(codec_name)
    columns = codec.columns[:: -1 if codec_name == "events" else 1]
    shape = {"embedding": embedding, "layers": layers, "hidden": hidden}
    model = random_model(ModelConfig(codec.vocabulary, columns=columns, dropout=0.3, **shape))
    card = Card(codec, layers, hidden, "fp32", Sampling(), {}, "", columns=columns)
    onnx.save(build(model, card.to_metadata()), tmp_path / "m.onnx")
    torchscript.save(model, tmp_path / "m.ts", card.to_metadata())
    steps = noise(codec, columns, batch, 1101)
    for runner in (load(tmp_path / "m.onnx"), TorchRunner(torchscript.load(tmp_path / "m.ts"))):
        for reference in (TorchRunner(model), ExactRunner(model)):
            parity = compare(reference, runner, steps, zero_state(model, batch))
            assert parity.logits < 1e-5 and parity.state < 1e-5
            assert parity.tokens == 1
            assert parity.nats == pytest.approx(parity.reference_nats, abs=1e-6)


class _Streamed:
    """A model's streams as a Runner: the state stays inside, as in ugen-run, and the caller's is
    ignored."""

    def __init__(self, model: Model, batch: int):
        self.stream = model.stream(batch)

    def step(self, x, state):
        self.stream.x[:] = x
        return self.stream.advance().copy(), tuple(part.copy() for part in self.stream.state)


def _song(
    card: Card, runner: Runner, state: State, primer: np.ndarray, sampling: Sampling, count: int
) -> list[list[int]]:
    """Feed each stream its primer, then its own samples; the sampled tokens."""
    for t in range(primer.shape[1]):
        logits, state = runner.step(primer[:, t].copy(), state)
    samplers = [(Sampler(logits.shape[-1], sampling), Rng(seed + 9)) for seed in range(len(primer))]
    cursors = [card.codec.cursor(columns=card.column_names) for _ in primer]
    everything, sampled = np.ones(logits.shape[-1], bool), []
    for _ in range(count):
        tokens = [
            sampler.sample(row[0], everything, rng)
            for row, (sampler, rng) in zip(logits, samplers, strict=True)
        ]
        sampled.append(tokens)
        for cursor, token in zip(cursors, tokens, strict=True):
            cursor.feed(token)
        rows = [[t, *cursor.row()] for t, cursor in zip(tokens, cursors, strict=True)]
        logits, state = runner.step(np.array(rows), state)
    return sampled


@pytest.mark.parametrize(
    "sampling", [Sampling(temperature=0), Sampling()], ids=["greedy", "sampled"]
)
@pytest.mark.parametrize("batch", [1, 5])
def test_every_runtime_goes_on_alike_after_a_primer(row_run, exported, sampling, batch) -> None:
    """1,000 tokens after 100 of held-out music, from torch, TorchScript, and ONNX with its state
    outside and inside."""
    checkpoint, model = load_checkpoint(row_run), load(exported["fp32"])
    primer = streams_of(checkpoint.held_out_excerpt)[:batch, :100]
    runners = [
        TorchRunner(checkpoint.model),
        TorchRunner(torchscript.load(exported["torchscript"])),
        model,
    ]
    runners.append(_Streamed(model, batch))
    songs = [
        _song(model.card, each, zero_state(checkpoint.model, batch), primer, sampling, 1000)
        for each in runners
    ]
    assert songs[0] == songs[1] == songs[2] == songs[3]
    assert len({token for tokens in songs[0] for token in tokens}) > 1, "not one token forever"


def test_a_stream_is_the_step_with_its_state_kept(exported: dict[str, Path]) -> None:
    """Bit for bit, also after the state was set by hand, which is how a song is branched."""
    model = load(exported["int8"])
    stream, state = model.stream(2), model.start(2)
    assert (stream.x[:, 0] == model.card.codec.start).all()
    steps = noise(model.card.codec, model.card.columns, 2, 50)
    names = ["token", *model.card.column_names]
    wished = np.array([name in WISH_NAMES for name in names])
    assert not stream.x[:, wished].any(), "nothing is wished"
    assert np.array_equal(stream.x[:, ~wished], steps[:, 0, ~wished])
    for t in range(50):
        stream.x[:] = steps[:, t]
        logits, state = model.step(stream.x, state)
        np.testing.assert_array_equal(stream.advance(), logits)
        np.testing.assert_array_equal(stream.state, state)
        if t == 25:
            for own, part in zip(stream.state, state, strict=True):
                own *= 0.5
                part *= 0.5


def test_a_file_holds_all_that_a_reader_needs(exported: dict[str, Path]) -> None:
    proto = onnx.load(exported["int8"])
    onnx.checker.check_model(proto)
    entries = {entry.key: json.loads(entry.value) for entry in proto.metadata_props}
    parts = "format model codec inputs sampling provenance licence originality check_logits wishes"
    assert set(entries) == {f"ugen.{part}" for part in parts.split()}
    assert entries["ugen.licence"] == "CC0, by nobody"
    assert entries["ugen.codec"]["events"][0] == "piece"
    assert len(entries["ugen.provenance"]["weights_sha256"]) == 64
    assert entries["ugen.provenance"]["held_out"]["nats_per_token"] > 0
    assert str(exported["int8"].parent.parent) not in json.dumps(entries), (
        "no path of the training machine is published"
    )
    assert [v.name for v in proto.graph.input] == ["step", "h", "c"]
    assert [v.name for v in proto.graph.output] == ["logits", "h_out", "c_out"]


def test_a_file_keeps_the_sampling_of_its_export(row_run: Path, tmp_path: Path) -> None:
    settings = ExportSettings(precision="fp32", temperature=0.8, top_p=0.9)
    export(row_run, tmp_path / "cool.onnx", settings, steps=50)
    model = load(tmp_path / "cool.onnx")
    assert model.card.sampling == Sampling(0.8, top_p=0.9)
    same = generate(model, seconds=5, seed=1, sampling=Sampling(0.8, top_p=0.9))
    assert np.array_equal(generate(model, seconds=5, seed=1).tokens, same.tokens), (
        "and songs follow it"
    )


def test_int8_predicts_as_well_and_is_int8_all_through(
    exported: dict[str, Path], row_run: Path
) -> None:
    checkpoint = load_checkpoint(row_run)
    batch = streams_of(checkpoint.held_out_excerpt)
    parity = compare(
        TorchRunner(checkpoint.model),
        load(exported["int8"]),
        batch,
        zero_state(checkpoint.model, 5),
    )
    assert parity.logits > 1e-4, "it is quantized"
    assert parity.nats == pytest.approx(parity.reference_nats, rel=0.005)
    graph = onnx.load(exported["int8"]).graph
    ops = {node.op_type for node in graph.node}
    assert "DynamicQuantizeLSTM" in ops and "LSTM" not in ops
    assert "MatMul" not in ops
    sums = [node.input[1] for node in graph.node if node.op_type == "MatMulIntegerToFloat"]
    assert sums == ["embedding_each_quantized", "wishes_each_quantized"]


@pytest.mark.parametrize("fault", ["logits", "state"])
def test_a_file_that_disagrees_is_not_left_behind(row_run, tmp_path, monkeypatch, fault) -> None:
    def wrong(model: LstmModel, metadata: dict[str, str]) -> onnx.ModelProto:
        broken = load_checkpoint(row_run).model
        with torch.no_grad():
            target = broken.head.bias if fault == "logits" else broken.lstm_stack.lstm.bias_hh_l1
            target[0] += 0.01
        return build(broken, metadata)

    monkeypatch.setattr(onnx_file, "build", wrong)
    with pytest.raises(UgenError, match="disagrees with the checkpoint by .*nothing was written"):
        export(row_run, tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_precision_that_costs_too_much_is_refused_or_passed_over(
    row_run, tmp_path, monkeypatch
) -> None:
    good = onnx_file.in_precision

    def noisy(proto: onnx.ModelProto, precision: str, metadata: dict[str, str]) -> onnx.ModelProto:
        """The head's int8 weights upside down: still loads, predicts badly."""
        made = good(proto, precision, metadata)
        for tensor in made.graph.initializer:
            if tensor.name.startswith("head_quantized"):
                tensor.raw_data = bytes((256 - b) % 256 for b in tensor.raw_data)
        return made

    monkeypatch.setattr(onnx_file, "in_precision", noisy)
    for precision in ("int8", "int4"):
        with pytest.raises(
            UgenError,
            match=precision + r" predicts held-out music .* worse, more than --max-loss 0\.50%",
        ):
            export(row_run, tmp_path / "m.onnx", ExportSettings(precision=precision), steps=100)
        assert list(tmp_path.iterdir()) == []
    export(row_run, tmp_path / "m.onnx", steps=100)
    assert load(tmp_path / "m.onnx").card.precision == "fp32"
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]


def test_auto_takes_the_fastest_within_the_bound_and_the_more_exact_of_equals() -> None:
    def of(precision: str, microseconds: float, change: float) -> Measured:
        return Measured(precision, 1.0, microseconds, 2.0, change)

    fp32, fp16 = of("fp32", 100, 0), of("fp16", 10, 0)
    assert (
        fastest([fp32, fp16, of("int8", 50, 0.004), of("int4", 40, 0.006)], 0.005).precision
        == "int8"
    )
    assert (
        fastest([fp32, fp16, of("int8", 50, 0.004), of("int4", 40, 0.006)], 0.01).precision
        == "int4"
    )
    assert (
        fastest([fp32, fp16, of("int8", 50, 0.004), of("int4", 49, -0.01)], 0.005).precision
        == "int8"
    )
    assert (
        fastest([fp32, fp16, of("int8", 120, -0.004), of("int4", 40, 0.6)], 0.005).precision
        == "fp32"
    )


def test_a_file_names_what_was_measured(exported: dict[str, Path]) -> None:
    """Only what was asked for: all four were measured for each of the four."""
    for precision in PRECISIONS:
        card = load(exported[precision]).card
        (row,) = card.provenance["precisions"]
        assert row["precision"] == precision == card.precision and row["chosen"]
        assert row["us_per_token"] > 0 and abs(row["loss_change"]) < 0.05
        size = exported[precision].stat().st_size / 1e6
        assert row["megabytes"] == pytest.approx(size, rel=0.05)
        assert "onnxruntime" in card.provenance["measured_on"]


def test_auto_measures_every_precision(row_run: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    export(row_run, tmp_path / "m.onnx", say=lines.append, steps=50)
    card = load(tmp_path / "m.onnx").card
    rows = card.provenance["precisions"]
    assert tuple(row["precision"] for row in rows) == PRECISIONS
    assert [row["precision"] for row in rows if row["chosen"]] == [card.precision]
    sizes = [row["megabytes"] for row in rows]
    assert sizes == sorted(sizes, reverse=True), "each is smaller than the one before"
    assert sum(line.startswith((*PRECISIONS, "PyTorch ")) for line in lines) == 6


def test_a_new_format_is_a_module_and_a_line(row_run, tmp_path, monkeypatch) -> None:
    module: Any = ModuleType("ugen.export.digest")
    module.TAKES_PRECISION = False
    module.check_output = lambda output: None
    module.write = lambda proof, output: output.write_text(repr(proof.card("fp32")))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(FORMATS, "digest", "digest")
    export(row_run, tmp_path / "m.digest", ExportSettings("digest"))
    assert (tmp_path / "m.digest").read_text().startswith("<Card: 2 x 40 LSTM, fp32, codec beats")
    with pytest.raises(
        UgenError, match="--max-loss: goes with --format onnx or web; digest is float32"
    ):
        check_used(["max_loss"], ExportSettings("digest"))


def test_torchscript_runs_with_no_ugen_installed(exported: dict[str, Path]) -> None:
    code = """
import json, sys, torch
sys.modules["ugen"] = None
extra = {"ugen.model": "", "ugen.codec": "", "ugen.inputs": ""}
module = torch.jit.load(sys.argv[1], _extra_files=extra)
model, codec, columns = (json.loads(text) for text in extra.values())
h = torch.zeros(model["layers"], 2, model["hidden"])
row = [codec["start"], *[column["size"] - 1 for column in columns]]
logits, h, c = module(torch.tensor([[row], [row]]), h, h.clone())
assert logits.shape == (2, 1, len(codec["events"])) and h.shape == c.shape
"""
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(exported["torchscript"])], check=True
    )


@pytest.mark.parametrize("flag", ["-h", "--version"])
def test_help_and_version_need_no_run(monkeypatch, capsys, flag: str) -> None:
    monkeypatch.setattr(sys, "argv", ["export-ugen", flag])
    with pytest.raises(SystemExit) as ended:
        main()
    out = capsys.readouterr().out
    assert ended.value.code == 0
    assert out.startswith("ugen ") if flag == "--version" else "--max-loss" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["RUN", "-o", "x.onnx", "--temperature", "11"], "--temperature 11: must be 0 to 10"),
        (["nowhere", "-o", "m.onnx"], "nowhere: not a training run"),
        (
            ["RUN", "-o", "m.ts", "--format", "torchscript", "--precision", "int8"],
            "--precision: goes with --format onnx or web; torchscript is float32",
        ),
        (
            ["RUN", "-o", "m.ts", "--format", "torchscript", "--max-loss", "3"],
            "--max-loss: goes with --format onnx or web; torchscript is float32",
        ),
        (
            ["RUN", "-o", "m", "--format", "triton", "--precision", "fp16"],
            "--precision: goes with --format onnx or web; triton is float32",
        ),
        (
            ["RUN", "-o", "m.onnx", "--precision", "fp32", "--max-loss", "3"],
            "--max-loss: goes with a smaller precision than fp32",
        ),
        (["RUN", "-o", "m.onnx", "--max-loss", "nan"], "--max-loss nan: must be 0 or more"),
        (["RUN", "-o", "m.onnx", "--precision", "fp8"], "--precision: 'fp8' is not one of 'auto'"),
        (["RUN", "-o", "m.mid"], "-o m.mid: an ONNX file's name ends in .onnx"),
        (
            ["RUN", "-o", "m.onnx", "--format", "torchscript"],
            "-o m.onnx: a TorchScript file's name ends in .ts",
        ),
    ],
)
def test_mistakes_get_one_line_and_exit_code_2(
    row_run, tmp_path, monkeypatch, capsys, arguments, message
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [str(row_run) if word == "RUN" else word for word in arguments]
    said = refused(monkeypatch, capsys, *words)
    assert message in said
    assert list(tmp_path.iterdir()) == []
