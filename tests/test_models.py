"""Every preset, option and kind of step exports by one contract and runs; weights come back from
the file."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from model_files import random_model
from noise import noise
from ugen.data import UgenError, make_codec
from ugen.data.corpus.corpus import Corpus
from ugen.data.corpus.prepare import Settings as Preparing
from ugen.data.corpus.prepare import prepare
from ugen.data.json_values import to_json
from ugen.export.export import export
from ugen.export.onnx_graph import build
from ugen.export.parity import TorchRunner, compare, step_of, zero_state
from ugen.export.quantize import in_precision
from ugen.export.settings import ExportSettings
from ugen.export.torchscript import load as load_torchscript
from ugen.export.torchscript import save as save_torchscript
from ugen.runtime import Card, Sampling, generate, load
from ugen.runtime.inference.model import State, Step
from ugen.runtime.model_file.format import PRECISIONS
from ugen.runtime.sampling.sampler import sample_keys
from ugen.train.config import ModelConfig, TrainConfig
from ugen.train.evaluation.baselines import independent_keys, markov_keys
from ugen.train.evaluation.evaluate import HeldOutSet, evaluate
from ugen.train.learning.objective import MOST_WEIGHT, class_weights
from ugen.train.learning.trainer import Trainer
from ugen.train.model import LstmModel
from ugen.train.presets import PRESETS
from ugen.train.run_folder.checkpoint import load_checkpoint
from ugen.train.run_folder.initial_weights import initial_model
from ugen.train.run_setup.preset_list import list_presets
from ugen.train.run_setup.request import Request, RunOptions

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:TF32:UserWarning")
CPU = torch.device("cpu")
BEATS = make_codec("beats")
SMALL = {"hidden": 20, "embedding": 12}
OPTIONS = [(name, {}) for name in PRESETS] + [
    ("small", {"tied": True}),
    ("lstm-3x300", {"learn_initial_state": True}),
    ("skip-3x300", {"learn_initial_state": True, "tied": True}),
    ("skip-3x300", {"embedding": 20}),
    ("small", {"pointer": False}),
    ("small", {"columns": ()}),
    ("skip-3x300", {"columns": BEATS.columns[2:4], "tied": True}),
]


def config_of(name: str, codec_name: str, options: dict) -> ModelConfig:
    """A preset's shape, made small."""
    codec = make_codec(codec_name)
    preset = {"columns": codec.columns, **PRESETS[name].model}
    return ModelConfig(codec.vocabulary, codec.input, **{**preset, **SMALL, **options})


class Replayed:
    """A Runner that says again what another computed: it is compared with several."""

    def __init__(self, computed: Sequence[tuple[np.ndarray, State]]):
        self._computed = iter(computed)

    def step(self, x: Step, state: State) -> tuple[np.ndarray, State]:
        return next(self._computed)


def _computed(runner: TorchRunner, steps: Step, state: State) -> Iterator[tuple[np.ndarray, State]]:
    for t in range(steps.shape[1]):
        logits, state = runner.step(step_of(steps, t), state)
        yield logits, state


@pytest.mark.parametrize("codec_name", ["beats", "khot"])
@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_every_model_exports_by_one_contract(
    tmp_path: Path, name: str, options: dict, codec_name: str
) -> None:
    if {"tied", "columns"} & set(options) and codec_name == "khot":
        if options.get("tied"):
            with pytest.raises(UgenError, match="--tied: a khot model has no token embedding"):
                config_of(name, codec_name, {"tied": True})
        return
    config, codec = config_of(name, codec_name, options), make_codec(codec_name)
    model = random_model(config)
    provenance, shape = {"model": to_json(config)}, (config.layers, config.hidden)
    card = Card(codec, *shape, "fp32", Sampling(), provenance, "", columns=config.columns)
    fp32 = build(model, card.to_metadata())
    for precision in PRECISIONS:
        metadata = replace(card, precision=precision).to_metadata()
        onnx.save(in_precision(fp32, precision, metadata), tmp_path / f"{precision}.onnx")
    save_torchscript(model, tmp_path / "m.ts", {})
    steps, start = noise(codec, config.columns, 5, 300), zero_state(model, 5)
    computed = [*_computed(TorchRunner(model), steps, start)]
    files = {precision: load(tmp_path / f"{precision}.onnx") for precision in PRECISIONS}
    for runner in (files["fp32"], TorchRunner(load_torchscript(tmp_path / "m.ts"))):
        parity = compare(Replayed(computed), runner, steps, start)
        assert parity.logits < 2e-5 and parity.state < 2e-5
        assert parity.tokens == 1
    for precision, tolerance in (("fp16", 0.001), ("int8", 0.02), ("int4", 0.05)):
        parity = compare(Replayed(computed), files[precision], steps, start)
        assert parity.logits > 1e-5, "it is rounded"
        assert parity.nats == pytest.approx(parity.reference_nats, rel=tolerance)
    song = generate(files["fp32"], seconds=2.0, seed=3, exact=True)
    assert song.score.seconds <= 2.01
    for precision, tolerance in (("fp32", 0), ("fp16", 0.0005), ("int8", 0.01), ("int4", 0.13)):
        # and training can go on from the file
        found = initial_model(tmp_path / f"{precision}.onnx", codec)
        weights = found.weights
        assert found.config == config
        assert set(weights) == set(model.state_dict())
        for key, value in model.state_dict().items():
            if precision == "int4" and "bias_" in key and "lstm" in key:
                continue  # a layer's two are stored as their sum
            gaps = (weights[key] - value).abs() / value.abs().max()
            few = 0.02 if precision == "int8" else 0  # of pairs that could saturate
            if key == "gates.weight" and precision == "int8":
                tolerance = 0.03  # rounded as the head is, whose weights are larger
            assert (gaps > tolerance).float().mean() <= few, (precision, key)
            assert gaps.max() <= 0.25, (precision, key)
        for key in [key for key in weights if "bias_ih" in key and precision == "int4"]:
            other = key.replace("_ih", "_hh")
            torch.testing.assert_close(
                weights[key] + weights[other], model.state_dict()[key] + model.state_dict()[other]
            )


def test_a_learned_start_is_learned_and_leaves_zeros_for_every_runtime() -> None:
    """A piece begins with zeros in any model; with a learned start those zeros mean another
    state."""
    config = config_of("small", "beats", {"learn_initial_state": True, "columns": ()})
    model = random_model(config)
    plain = LstmModel(ModelConfig(config.vocabulary, **SMALL)).eval()
    plain.load_state_dict(
        {k: v for k, v in model.state_dict().items() if not k.startswith("start")}
    )
    token = torch.tensor([[[3], [7]]])
    logits, h, c = model(token, *model.state(1))
    expected, h2, c2 = plain(token, model.start_h, model.start_c)
    assert torch.allclose(logits, expected, atol=1e-6)
    assert torch.allclose(h + model.start_h, h2, atol=1e-6) and torch.allclose(
        c + model.start_c, c2, atol=1e-6
    )
    logits.sum().backward()
    assert model.start_h.grad.abs().sum() > 0


@pytest.fixture(scope="module")
def khot_run(small_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run over vectors."""
    folder = tmp_path_factory.mktemp("khot")
    corpus = prepare(
        small_folder, folder / "corpus", Preparing(make_codec("khot", ticks=120), valid=0.2)
    )
    model = ModelConfig(128, "frame", embedding=32, hidden=48, dropout=0.1)
    config = TrainConfig(batch=4, bptt_length=32, epochs=30, lr=0.01, warmup=10, patience=100)
    Trainer.begin(folder / "run", corpus, model, config, CPU, "test").run()
    return folder / "run"


def test_vectors_train_export_and_sound(khot_run: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (khot_run / "metrics.jsonl").read_text().splitlines()]
    config = json.loads((khot_run / "config.json").read_text())
    assert set(config["baselines"]) == {"unigram", "repeat-last"}
    simplest = config["baselines"]["repeat-last"]["nats_per_token"]
    assert rows[0]["nats_per_token"] == pytest.approx(simplest, rel=0.1), (
        "it begins as the simplest predictor"
    )
    assert min(row["nats_per_token"] for row in rows) < 0.95 * min(
        simplest, rows[0]["nats_per_token"]
    )
    export(khot_run, tmp_path / "m.onnx", steps=100)
    export(khot_run, tmp_path / "m.ts", ExportSettings(format="torchscript"), steps=100)
    songs = [generate(load(tmp_path / "m.onnx"), seconds=20.0, seed=seed) for seed in (1, 1, 2)]
    assert len(songs[0].score.notes) > 5
    assert (songs[0].tokens == songs[1].tokens).all()
    assert (
        songs[0].tokens.shape != songs[2].tokens.shape or (songs[0].tokens != songs[2].tokens).any()
    )
    proto = onnx.load(tmp_path / "m.onnx")
    assert [v.name for v in proto.graph.input] == ["frame", "h", "c"]


def test_vectors_are_scored_as_counted_by_hand() -> None:
    codec = make_codec("khot")
    model = LstmModel(ModelConfig(128, "frame", embedding=4, hidden=8)).eval()
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    with torch.no_grad():
        model.head.bias[:] = -20.0  # certain silence, but for two keys: one of them rightly
        model.head.bias[60] = model.head.bias[72] = 20.0
    steps = np.zeros((4, 128), bool)
    steps[:3, 60] = True
    steps[:2, 64] = True
    scores = evaluate(model, HeldOutSet([codec.pack(steps)], 4, notes=2, seconds=1.0), codec, CPU)
    wrong_keys = 2 + 1 + 4  # 64 unheard of twice, 60 expected once and 72 four times in vain
    assert scores.nats_per_token == pytest.approx(wrong_keys * 20 / 4, rel=1e-6)
    assert scores.nats_per_note == pytest.approx(wrong_keys * 20 / 2, rel=1e-6)
    assert scores.accuracy == pytest.approx(3 / (3 + 2 + 1 + 4))
    assert (scores.time_predicted, scores.time_actual) == (0, 0.25)
    assert (scores.top_event, scores.top_event_predicted, scores.top_event_actual) == (
        "pitch:60",
        1,
        0.75,
    )


def test_key_baselines_on_cases_worked_by_hand() -> None:
    music = np.array([[1, 0], [1, 0], [0, 0], [1, 0]], bool)
    p = np.array([3.5 / 5, 0.5 / 5])
    expected = -(np.log(p[0]) * 3 + np.log(1 - p[0]) + 4 * np.log(1 - p[1])) / 4
    assert independent_keys([music], [music]).nats_per_token == pytest.approx(expected)
    assert independent_keys([music], [music]).accuracy == pytest.approx(3 / 4)
    held = np.array([[1, 0], [1, 0], [1, 0], [1, 0]], bool)
    steady = [np.tile(held, (50, 1))]
    assert (
        markov_keys(steady, [held]).nats_per_token
        < independent_keys([music], [held]).nats_per_token
    )


def test_vectors_transpose_within_reach(small_folder: Path) -> None:
    codec = make_codec("khot")
    steps = np.zeros((3, 128), bool)
    steps[0, [60, 64]] = steps[2, 67] = True
    moved = codec.augment(steps, 3, 1.0, 0)
    assert (np.argwhere(moved) == [[0, 63], [0, 67], [2, 70]]).all()
    assert (codec.to_inputs(codec.from_inputs(moved)) == moved).all()


# sampling vectors


def test_keys_are_sampled_by_their_own_chance() -> None:
    logits = np.array([0.0, 2.0, -2.0, 9.0, -9.0], np.float32)
    chance = np.random.default_rng(0)
    sampled = np.mean(
        [sample_keys(logits, Sampling(top_p=1.0), chance.random(5)) for _ in range(4000)], axis=0
    )
    assert np.allclose(
        sampled, 1 / (1 + np.exp(-logits.astype(float))), atol=0.03
    )  # 3.8 sigma at one half


@pytest.mark.parametrize(
    ("sampling", "u", "expected"),
    [
        (
            Sampling(temperature=0),
            0.0,
            [False, True, False, True],
        ),  # the threshold, whatever the random numbers
        (Sampling(top_p=0.9), 0.0, [True, True, False, True]),  # under a tenth: never
        (Sampling(top_p=0.8), 0.999, [False, True, False, True]),  # over eight tenths: always
        (Sampling(top_k=2, top_p=1.0), 0.0, [False, True, False, True]),
        (Sampling(temperature=10, top_p=1.0), 0.42, [True, True, True, True]),
    ],
)
def test_what_the_flags_mean_for_keys(sampling: Sampling, u: float, expected: list[bool]) -> None:
    logits = np.array([0.0, 2.0, -3.0, 2.0], np.float32)
    assert sample_keys(logits, sampling, np.full(4, u)).tolist() == expected


# settings


def test_flags_override_a_preset_and_presets_the_defaults() -> None:
    request = requested({"preset": "skip-3x300"}, {"hidden": 64}, {"epochs": 3.0})
    model, training = request.configs(make_codec("beats"))
    assert (model.hidden, model.layers, model.skip) == (64, 3, True)
    assert (training.lr, training.epochs, training.batch) == (3e-3, 3.0, TrainConfig().batch)


def test_presets_are_listed_with_size_and_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, chosen in PRESETS.items():
        monkeypatch.setitem(
            PRESETS, name, chosen._replace(model={**chosen.model, "hidden": 8, "embedding": 8})
        )
    lines: list[str] = []
    list_presets(lines.append)
    assert [line.split()[0] for line in lines[1:-1]] == list(PRESETS)
    assert all(re.match(r"\S+ +(\d+) +8 +([\d,]+)  [a-z]", line) for line in lines[1:-1])
    assert "--measure" in lines[-1]
    timed: list[str] = []
    list_presets(timed.append, measured=True)
    for line in timed[1:-1]:
        found = re.match(r"\S+ +(\d+) +8 +([\d,]+) +([\d,]+)  [a-z]", line)
        assert found and int(found[3].replace(",", "")) > 100


def requested(options: dict, model: dict, training: dict) -> Request:
    """A request on the command line."""
    return Request(Path("music"), Path("run"), RunOptions(**options), model, training, {})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (({"init_from": Path("x")}, {"layers": 2}, {}), "--layers: the model comes from"),
        (({"init_from": Path("x"), "preset": "small"}, {}, {}), "--preset: the model comes from"),
        (({"find_lr": True}, {}, {"lr": 0.1}), "--lr: --find-lr looks for one"),
        (({"preset": "enormous"}, {}, {}), "--preset enormous: must be one of small, lstm-1x300"),
    ],
)
def test_flags_that_do_not_go_together(arguments: tuple, message: str) -> None:
    with pytest.raises(UgenError, match=re.escape(message)):
        requested(*arguments)


# class weights


def test_class_weights_keep_the_scale_and_lift_the_rare() -> None:
    codec = make_codec("frames")
    counts = np.zeros(129, np.int64)
    counts[:3] = 900, 90, 10
    weights = class_weights(codec, counts, 1000, 0.5).double().numpy()
    assert (weights * counts).sum() / counts.sum() == pytest.approx(1, rel=1e-6)
    assert weights[2] / weights[0] == pytest.approx(np.sqrt(90))
    assert class_weights(codec, counts, 1000, 0.0) is None
    keys = class_weights(make_codec("khot"), counts[:128], 1000, 1.0)
    assert keys[:3].tolist() == pytest.approx([1, 910 / 90, 99])
    assert keys[3] == MOST_WEIGHT


# beginning with weights


def test_a_run_begins_with_the_weights_of_another(
    small_run: Path, small_corpus: Corpus, tmp_path: Path
) -> None:
    first = initial_model(small_run, small_corpus.codec)
    trainer = Trainer.begin(
        tmp_path / "run",
        small_corpus,
        first.config,
        TrainConfig(batch=4, bptt_length=32, epochs=0),
        CPU,
        "test",
        first=first,
    )
    assert trainer.scores_on(trainer.heldout).nats_per_token == pytest.approx(
        load_checkpoint(small_run).scores.nats_per_token, rel=1e-6
    )


@pytest.mark.parametrize("what", ["run", "file"])
def test_weights_of_another_codec_are_refused(small_run: Path, tmp_path: Path, what: str) -> None:
    source = small_run
    if what == "file":
        source = tmp_path / "m.onnx"
        export(small_run, source, steps=100)
    with pytest.raises(
        UgenError, match=r"its codec is beats \(band=False\), this corpus has beats \(band=True\)"
    ):
        initial_model(source, make_codec("beats", band=True))


def test_files_that_hold_no_weights_are_refused_by_name(tmp_path: Path, khot_run: Path) -> None:
    (tmp_path / "x.onnx").write_bytes(b"\x08garbage")
    with pytest.raises(UgenError, match=r"x\.onnx: not a model file of ugen's"):
        initial_model(tmp_path / "x.onnx", make_codec("beats"))
    with pytest.raises(UgenError, match=r"y\.onnx: No such file"):
        initial_model(tmp_path / "y.onnx", make_codec("beats"))
    damaged = shutil.copytree(khot_run, tmp_path / "run")
    (damaged / "model.safetensors").write_bytes(b"garbage")
    with pytest.raises(UgenError, match=r"model\.safetensors: cannot be read"):
        initial_model(damaged, make_codec("khot", ticks=120))
