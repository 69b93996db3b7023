"""The Triton repository: its config is one that Triton reads, fits its model, and many listeners
hear what one would.

No Triton runs here. The config is read by the definition that Triton publishes, and requests are
put together as its sequence batcher puts them, after its source: rows of one tensor, each with the
state of its own sequence.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
import torch
import tritonclient.grpc
from exporting import refused
from google.protobuf import text_format
from numpy.typing import NDArray
from onnx import TensorProto
from tritonclient.grpc.model_config_pb2 import ModelConfig as TritonConfig
from tritonclient.grpc.model_config_pb2 import ModelInstanceGroup
from ugen.data import UgenError, codec_from_json, make_codec, read_midi
from ugen.export import triton
from ugen.export.export import export
from ugen.export.new_folder import new_folder
from ugen.export.onnx_graph import build
from ugen.export.quantize import in_precision
from ugen.export.settings import ExportSettings
from ugen.export.triton import Served, batch_first, config_text, model_name, write_repository
from ugen.runtime import Card, ModelError, Sampling, generate, load
from ugen.runtime.inference.engine import onnxruntime
from ugen.runtime.model_file.format import OUTPUTS, PRECISIONS, inputs_of
from ugen.train.config import ModelConfig
from ugen.train.model import LstmModel
from ugen.train.run_folder.checkpoint import load_checkpoint

pytestmark = pytest.mark.filterwarnings("ignore:TF32:UserWarning")

ROOT = Path(__file__).parent.parent
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "beats": ("beats", {"layers": 2}),
    "one-layer": ("events", {}),
    "skips": ("frames", {"layers": 3, "skip": True, "tied": True, "learn_initial_state": True}),
    "khot": ("khot", {"layers": 2, "learn_initial_state": True}),
}
LICENCE = 'CC0, "by" nobody\\\nzwölf'
TYPES = {
    "TYPE_FP32": (TensorProto.FLOAT, "tensor(float)"),
    "TYPE_INT64": (TensorProto.INT64, "tensor(int64)"),
}
Array = NDArray[Any]


def random_model(
    name: str, provenance: dict[str, Any] | None = None
) -> tuple[onnx.ModelProto, Card]:
    """A model of format 1 with random weights, large enough that state and step decide the
    logits."""
    codec_name, options = MODELS[name]
    codec = make_codec(codec_name)
    shape = {"embedding": 12, "hidden": 20, "layers": 1, "columns": codec.columns} | options
    config = ModelConfig(codec.vocabulary, codec.input, **shape)
    torch.manual_seed(3)
    model = LstmModel(config).eval()
    with torch.no_grad():
        for weights in model.parameters():
            weights.copy_(torch.randn_like(weights) / 2)
    card = Card(
        codec,
        config.layers,
        config.hidden,
        "fp32",
        Sampling(),
        provenance or {},
        LICENCE,
        columns=config.columns,
    )
    return build(model, card.to_metadata()), card


@pytest.fixture(scope="module", params=MODELS)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path, Card]:
    """A model's folder in a repository, the same model as a file for ugen-run, and its card."""
    folder = tmp_path_factory.mktemp("served")
    proto, card = random_model(request.param)
    onnx.save(proto, folder / "m.onnx")
    (folder / "repository").mkdir()
    write_repository(proto, card, folder / "repository", "mine")
    return folder / "repository" / "mine", folder / "m.onnx", card


def read_config(folder: Path) -> Any:
    """config.pbtxt as Triton's ModelConfig; a field that Triton does not know raises."""
    return text_format.Parse((folder / "config.pbtxt").read_text("utf-8"), TritonConfig())


class Batcher:
    """Triton's sequence batcher with the strategy `oldest`, and its implicit state."""

    def __init__(self, folder: Path):
        self.config = read_config(folder)
        self._session = onnxruntime().InferenceSession(str(folder / "1" / "model.onnx"))
        states = self.config.sequence_batching.state
        # as core's SequenceStates::OutputState does: the k-th name with the k-th name of two sorted
        # maps
        ends = sorted(s.input_name for s in states), sorted(s.output_name for s in states)
        self._pairs = dict(zip(*ends, strict=True))
        self._zeros = {
            s.input_name: np.zeros((1, *s.initial_state[0].dims), np.float32) for s in states
        }
        self._sequences: dict[int, dict[str, Array]] = {}

    def infer(self, requests: dict[int, Array], starts: set[int]) -> dict[int, Array]:
        """One batch: a step [1, ...] by sequence id, and which of them start -> logits [1, 1,
        vocabulary] by id."""
        assert len(requests) <= self.config.max_batch_size and all(
            len(x) == 1 for x in requests.values()
        )
        for sequence in starts:
            self._sequences[sequence] = dict(self._zeros)
        rows = [self._sequences[sequence] for sequence in requests]
        feeds = {name: np.concatenate([row[name] for row in rows]) for name in self._zeros}
        feeds[self.config.input[0].name] = np.concatenate(list(requests.values()))
        logits, *after = self._session.run(
            [self.config.output[0].name, *self._pairs.values()], feeds
        )
        for name, states in zip(self._pairs, after, strict=True):
            for row, k in zip(rows, range(len(rows)), strict=True):
                row[name] = states[k : k + 1]
        return {sequence: logits[k : k + 1] for k, sequence in enumerate(requests)}


def test_names_types_and_shapes_of_the_config_are_the_models(
    served: tuple[Path, Path, Card],
) -> None:
    folder = served[0]
    config, proto = read_config(folder), onnx.load(folder / "1" / "model.onnx")
    onnx.checker.check_model(proto, full_check=True)
    session = onnxruntime().InferenceSession(str(folder / "1" / "model.onnx"))
    states = config.sequence_batching.state
    into = [(x.name, x.data_type, x.dims) for x in config.input]
    into += [(s.input_name, s.data_type, s.dims) for s in states]
    out = [(x.name, x.data_type, x.dims) for x in config.output]
    out += [(s.output_name, s.data_type, s.dims) for s in states]
    for declared, stored, loaded in (
        (into, proto.graph.input, session.get_inputs()),
        (out, proto.graph.output, session.get_outputs()),
    ):
        kinds = {
            name: (
                TritonConfig.DESCRIPTOR.file.enum_types_by_name["DataType"]
                .values_by_number[k]
                .name,
                list(d),
            )
            for name, k, d in declared
        }
        assert (
            set(kinds) == {v.name for v in stored} == {v.name for v in loaded}
            and len(declared) == len(kinds) == 3
        )
        for v in stored:
            dims = [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim]
            kind, config_dims = kinds[v.name]
            assert v.type.tensor_type.elem_type == TYPES[kind][0] and dims == [
                "batch",
                *config_dims,
            ]
        for v in loaded:
            assert (v.type, v.shape) == (TYPES[kinds[v.name][0]][1], ["batch", *kinds[v.name][1]])


def test_the_config_says_what_a_song_needs(served: tuple[Path, Path, Card]) -> None:
    folder, _, card = served
    config = read_config(folder)
    batching = config.sequence_batching
    assert config.name == folder.name and config.backend == "onnxruntime", (
        "Triton wants the folder's name"
    )
    assert config.max_batch_size > 0, "else every step runs by itself"
    assert batching.WhichOneof("strategy_choice") == "oldest", (
        "direct runs the rows of the silent, on no token at all"
    )
    assert (
        batching.oldest.max_candidate_sequences >= 1000 and not batching.oldest.preferred_batch_size
    )
    assert not batching.control_input, "the model has no such tensor, and Triton would not load it"
    assert batching.max_sequence_idle_microseconds >= 10_000_000
    for state in batching.state:
        (begin,) = state.initial_state
        assert begin.WhichOneof("state_data") == "zero_data" and begin.name
        assert (begin.data_type, list(begin.dims)) == (state.data_type, list(state.dims))
    assert [group.kind for group in config.instance_group] == [ModelInstanceGroup.KIND_AUTO]
    declared = {key: value.string_value for key, value in config.parameters.items()}
    assert declared.pop("intra_op_thread_count") == "1"
    assert declared == card.to_metadata(), "quotes, backslashes and umlauts, too"
    assert json.loads(declared["ugen.licence"]) == LICENCE
    assert codec_from_json(json.loads(declared["ugen.codec"])).events == card.codec.events


def test_states_pair_up_in_alphabetical_order(served: tuple[Path, Path, Card]) -> None:
    """Seen on Triton 2.48: with c_out named x_out, h got the cell state and c the hidden one, and
    nothing was said."""
    states = read_config(served[0]).sequence_batching.state
    by_input = [s.output_name for s in sorted(states, key=lambda s: s.input_name)]
    assert by_input == sorted(by_input)


def test_every_listener_hears_what_ugen_run_plays(served: tuple[Path, Path, Card]) -> None:
    """Sequences of 1 to 40 steps in random batches, an id used again after its end, each beside a
    model of its own."""
    folder, file, card = served
    model, batcher, rng = load(file), Batcher(folder), np.random.default_rng(5)
    left = {sequence: int(rng.integers(1, 41)) for sequence in range(1, 24)}
    states: dict[int, Any] = {}
    worst, sizes, songs = 0.0, set(), len(left)
    while left:
        batch = rng.permutation(list(left))[: rng.integers(1, 12)].tolist()
        steps = {s: _random_step(rng, 1, card) for s in batch}
        starts = {s for s in batch if s not in states}
        found = batcher.infer(steps, starts)
        for s, x in steps.items():
            logits, states[s] = model.step(x, model.start() if s in starts else states[s])
            worst = max(worst, float(np.abs(logits - found[s]).max()))
            left[s] -= 1
            if not left[s]:
                del left[s], states[s]
                if songs < 30:
                    left[s], songs = int(rng.integers(1, 41)), songs + 1
        sizes.add(len(batch))
    assert worst <= 1e-5
    assert songs == 30 and {1, 2, 11} <= sizes


def _random_step(rng: np.random.Generator, batch: int, card: Card) -> Array:
    if card.codec.input == "frame":
        return (rng.random((batch, 1, card.codec.vocabulary)) < 0.1).astype(np.float32)
    sizes = [card.codec.vocabulary, *(each.size for each in card.columns)]
    return rng.integers(0, sizes, (batch, len(sizes)))


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", ["beats", "khot"])
def test_states_are_turned_in_every_precision_and_nothing_else_changes(
    tmp_path, name, precision
) -> None:
    proto, card = random_model(name)
    card = replace(card, precision=precision)
    proto = in_precision(proto, precision, card.to_metadata())
    before = proto.SerializeToString()
    turned = batch_first(proto)
    assert proto.SerializeToString() == before, "a copy"
    assert (
        turned.metadata_props == proto.metadata_props and turned.opset_import == proto.opset_import
    )
    assert [v.name for v in turned.graph.input] == [v.name for v in proto.graph.input]
    assert [v.name for v in turned.graph.output] == [v.name for v in proto.graph.output]
    assert len(turned.graph.node) == len(proto.graph.node) + 4
    assert turned.graph.initializer == proto.graph.initializer
    plain, other = (onnxruntime().InferenceSession(p.SerializeToString()) for p in (proto, turned))
    rng = np.random.default_rng(2)
    h, c = (rng.normal(size=(card.layers, 3, card.hidden)).astype(np.float32) for _ in range(2))
    for _ in range(20):
        x = _random_step(rng, 3, card)
        names = dict(zip(inputs_of(card.codec.input), (x, h, c), strict=True))
        found = other.run(OUTPUTS, names | {"h": _turn(h), "c": _turn(c)})
        logits, h, c = plain.run(OUTPUTS, names)
        for ours, theirs in zip((logits, _turn(h), _turn(c)), found, strict=True):
            np.testing.assert_array_equal(theirs, ours)


def _turn(state: Array) -> Array:
    return np.ascontiguousarray(state.transpose(1, 0, 2))


def test_ugen_run_says_what_is_other_about_a_served_model(tmp_path: Path) -> None:
    proto, _ = random_model("beats")
    onnx.save(batch_first(proto), tmp_path / "model.onnx")
    with pytest.raises(ModelError, match=r"h is .*, 2, 20\], not "):
        load(tmp_path / "model.onnx")


def test_served_models_are_float32_for_in_int8_listeners_disturb_one_another(
    tmp_path: Path,
) -> None:
    proto, card = random_model("beats")
    gaps = {}
    for precision in ("fp32", "int8"):
        onnx.save(
            batch_first(in_precision(proto, precision, card.to_metadata())), tmp_path / "m.onnx"
        )
        model = Served(tmp_path / "m.onnx", "token")
        rng = np.random.default_rng(0)
        x = _random_step(rng, 32, card)
        h, c = (
            rng.normal(size=(card.layers, 32, card.hidden)).astype(np.float32) for _ in range(2)
        )
        together, _ = model.step(x, (h, c))
        alone = [model.step(x[k : k + 1], (h[:, k : k + 1], c[:, k : k + 1]))[0] for k in range(32)]
        gaps[precision] = float(np.abs(together - np.concatenate(alone)).max())
    assert gaps["fp32"] <= 1e-5 and gaps["int8"] >= 1e-2


@pytest.fixture(scope="module")
def repository(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small run as a repository, in an empty folder that was there."""
    folder = tmp_path_factory.mktemp("repository")
    export(small_run, folder, ExportSettings("triton", licence=LICENCE), steps=100)
    return folder


def test_a_run_becomes_a_repository(small_run: Path, repository: Path) -> None:
    files = {str(path.relative_to(repository)) for path in repository.rglob("*") if path.is_file()}
    assert files == {"run/config.pbtxt", "run/1/model.onnx"}
    assert not [path for path in repository.parent.iterdir() if "partial" in path.name]
    declared = read_config(repository / "run").parameters
    assert json.loads(declared["ugen.model"].string_value)["precision"] == "fp32"
    assert json.loads(declared["ugen.provenance"].string_value)["held_out"]
    stored = {
        entry.key: entry.value
        for entry in onnx.load(repository / "run" / "1" / "model.onnx").metadata_props
    }
    assert stored.pop("ugen.originality"), (
        "too large for a configuration that every client asks for"
    )
    assert stored == {
        key: value.string_value for key, value in declared.items() if key.startswith("ugen.")
    }
    assert len(stored) == 8


def test_a_folder_with_anything_in_it_is_left_alone(
    small_run: Path, repository: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    for taken in (repository, tmp_path, tmp_path / "file"):
        before = sorted(taken.rglob("*"))
        with pytest.raises(UgenError, match=f"-o {taken}: exists already"):
            export(small_run, taken, ExportSettings("triton"))
        assert sorted(taken.rglob("*")) == before
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_repository_that_disagrees_is_not_left_behind(small_run, tmp_path, monkeypatch) -> None:
    def wrong(model: LstmModel, metadata: dict[str, str]) -> onnx.ModelProto:
        broken = load_checkpoint(small_run).model
        with torch.no_grad():
            broken.head.bias[0] += 0.01
        return build(broken, metadata)

    monkeypatch.setattr(triton, "build", wrong)
    with pytest.raises(UgenError, match="disagrees with the checkpoint by .*nothing was written"):
        export(small_run, tmp_path / "new", ExportSettings("triton"), steps=100)
    assert list(tmp_path.iterdir()) == []


def test_the_folder_one_stands_in_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with new_folder(Path(".")) as partial:
        (partial / "file").write_text("")
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == [
        "here",
        "here/file",
    ]


def test_what_cannot_be_written_is_one_line(small_run: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UgenError, match="cannot be written"):
        export(small_run, tmp_path / "file" / "repository", ExportSettings("triton"), steps=100)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--precision", "int8"], "--precision: goes with --format onnx or web; triton is float32"),
        (["-o", "taken"], "-o taken: exists already"),
    ],
)
def test_the_command_refuses_in_one_line(
    small_run, tmp_path, monkeypatch, capsys, arguments, message
) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    said = refused(
        monkeypatch, capsys, str(small_run), "-o", "new", "--format", "triton", *arguments
    )
    assert message in said
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize(
    ("run", "name"),
    [
        ("runs/mine", "mine"),
        ("my music (2)", "my_music_2"),
        ("a.b", "a_b"),
        ("...ø", "ugen"),
        ("/", "ugen"),
    ],
)
def test_a_model_is_called_as_its_run_in_letters_that_a_url_takes(run: str, name: str) -> None:
    assert model_name(Path(run)) == name
    _, card = random_model("beats")
    assert text_format.Parse(config_text(card, name), TritonConfig()).name == name


class FakeInput:
    """tritonclient.grpc.InferInput, holding the array."""

    def __init__(self, name: str, shape: list[int], datatype: str):
        self.name, self._declared = name, (shape, datatype)

    def set_data_from_numpy(self, array: Array) -> None:
        assert self._declared == (
            list(array.shape),
            {"int64": "INT64", "float32": "FP32"}[array.dtype.name],
        )
        self.array = array


class FakeServer:
    """tritonclient.grpc.InferenceServerClient before a Batcher."""

    def __init__(self, batcher: Batcher):
        self._batcher, self.ended = batcher, 0

    def get_model_config(self, name: str) -> Any:
        assert name == self._batcher.config.name
        return SimpleNamespace(config=self._batcher.config)

    def infer(self, name: str, inputs: list[FakeInput], sequence_id: int, **flags: bool) -> Any:
        (step,) = inputs
        assert name == self._batcher.config.name and step.name == self._batcher.config.input[0].name
        assert 0 < sequence_id < 1 << 64 and flags.keys() <= {"sequence_start", "sequence_end"}
        self.ended += flags.get("sequence_end", False)
        starts = {sequence_id} if flags.get("sequence_start") else set()
        logits = self._batcher.infer({sequence_id: step.array}, starts)[sequence_id]
        logits.flags.writeable = False  # as arrays that a real answer gives are
        return SimpleNamespace(as_numpy={"logits": logits}.get)


def test_the_client_in_the_docs_plays_the_song_of_ugen_run(tmp_path, monkeypatch) -> None:
    minor = [90, 2, 60, 80, 1, 70, 3, 85, 40, 5, 50, 9]  # notes from the tonic up
    provenance = {"corpus": {"pitch_classes": {"minor": minor}}}
    proto, card = random_model("beats", provenance)
    onnx.save(proto, tmp_path / "m.onnx")
    write_repository(proto, card, tmp_path, "mine")
    server = FakeServer(Batcher(tmp_path / "mine"))
    monkeypatch.setattr(tritonclient.grpc, "InferInput", FakeInput)
    monkeypatch.setattr(tritonclient.grpc, "InferenceServerClient", lambda address: server)
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "serving.md").read_text("utf-8")
    example = text.split("```python\n")[1].split("```")[0]
    names: dict[str, Any] = {}
    exec(compile(example, "serving.md", "exec"), names)
    asked = {"seconds": 10, "seed": 7, "key": "Am", "guidance": 1, "exact": True}
    song = generate(load(tmp_path / "m.onnx"), **asked)
    assert names["tokens"][1:] == song.tokens.tolist() and len(song.tokens) > 50
    assert names["pull"].min() < -0.5, "the song is kept to its key"
    assert read_midi(tmp_path / "song.mid").notes.size and server.ended == 1
