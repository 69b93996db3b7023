"""Independent readers of a model file agree with onnxruntime: ONNX's own reference in numpy, and
OpenVINO.

Two programs that share no code with onnxruntime show that the file says what it means, and not only
what one runtime makes of it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from model_files import random_model
from noise import noise
from onnx.reference import ReferenceEvaluator
from ugen.data import make_codec
from ugen.data.codecs.base import Cursor
from ugen.export.onnx_graph import build
from ugen.export.parity import compare, step_of
from ugen.export.quantize import in_precision
from ugen.runtime import Card, Model, Sampling, load
from ugen.runtime.inference.model import State, Step
from ugen.runtime.model_file.format import OUTPUTS, PRECISIONS, inputs_of
from ugen.train.config import ModelConfig

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("beats", {"layers": 2}),
    "skips": ("beats", {"layers": 3, "skip": True, "tied": True, "learn_initial_state": True}),
    "khot": ("khot", {"layers": 2}),
}
STEPS, PRIMER = 1000, 40


class Reference:
    """ONNX's reference implementation as a Runner."""

    def __init__(self, path: Path, card: Card):
        self._evaluator, self._inputs = ReferenceEvaluator(str(path)), inputs_of(card.codec.input)

    def step(self, x: Step, state: State) -> tuple[np.ndarray, State]:
        logits, h, c = self._evaluator.run(
            OUTPUTS, dict(zip(self._inputs, (x, *state), strict=True))
        )
        return logits, (h, c)


class OpenVino:
    """OpenVINO's CPU plugin as a Runner."""

    def __init__(self, core: Any, path: Path, card: Card):
        # processors with bf16 instructions would otherwise compute in bf16, silently
        compiled = core.compile_model(
            str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
        )
        self._request, self._inputs = compiled.create_infer_request(), inputs_of(card.codec.input)

    def step(self, x: Step, state: State) -> tuple[np.ndarray, State]:
        found = self._request.infer(dict(zip(self._inputs, (x, *state), strict=True)))
        logits, h, c = (found[name] for name in OUTPUTS)
        return logits, (h, c)


@pytest.fixture(scope="module")
def openvino() -> Iterator[Any]:
    """OpenVINO's core. Its import is reported to its maker, unless its telemetry package is
    missing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "openvino_telemetry", None)
        import openvino

        yield openvino.Core()


@pytest.fixture(scope="module", params=MODELS)
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A float32 model file of random weights, one of each kind of model."""
    codec_name, options = MODELS[request.param]
    codec = make_codec(codec_name)
    shape = {"embedding": 12, "hidden": 20, "columns": codec.columns} | options
    config = ModelConfig(codec.vocabulary, codec.input, **shape)
    # no gain is 1, and no bias and no start 0; with three times as much, rounding errors would grow
    # without bound
    model = random_model(config)
    card = Card(
        codec, config.layers, config.hidden, "fp32", Sampling(), {}, "", columns=config.columns
    )
    path = tmp_path_factory.mktemp(request.param) / "model.onnx"
    onnx.save(build(model, card.to_metadata()), path)
    return path


def primed(model: Model, batch: int) -> State:
    """The state after a primer, from onnxruntime."""
    state = model.start(batch)
    primer = noise(model.card.codec, model.card.columns, batch, PRIMER)
    for t in range(PRIMER):
        _, state = model.step(step_of(primer, t), state)
    return state


def greedy(model: Model, feed: Step, state: State) -> Step:
    """The steps that onnxruntime samples greedily after the first; of the same type as `noise`."""
    codec, written = model.card.codec, [feed]
    cursors = [codec.cursor(columns=model.card.column_names) for _ in feed]
    for _ in range(STEPS):
        logits, state = model.step(feed, state)
        if codec.input == "frame":
            feed = (logits > 0).astype(np.float32)
        else:
            tokens = logits[:, 0].argmax(-1).tolist()
            feed = np.array([_row(*each) for each in zip(cursors, tokens, strict=True)])
        written.append(feed)
    return np.concatenate([each.reshape(len(feed), 1, -1) for each in written], 1)


def _row(cursor: Cursor, token: int) -> list[int]:
    cursor.feed(token)
    return [token, *cursor.row()]


@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize("name", ["reference", "openvino"])
def test_readers_agree_over_a_thousand_carried_steps(
    file: Path, openvino: Any, name: str, batch: int
) -> None:
    """Over noise, and over greedy music, in which a reader that chooses otherwise once goes on
    differently."""
    model = load(file)
    reader = (
        Reference(file, model.card) if name == "reference" else OpenVino(openvino, file, model.card)
    )
    start = primed(model, batch)
    assert all(np.abs(part).max() > 0.1 for part in start), (
        "the primer left something to begin with"
    )
    random = noise(model.card.codec, model.card.columns, batch, STEPS + 1)
    for steps in (random, greedy(model, step_of(random, 0), start)):
        parity = compare(model, reader, steps, start)
        assert parity.logits < 1e-4 and parity.state < 1e-4
        assert parity.tokens == 1


@pytest.mark.parametrize("precision", PRECISIONS[1:])
def test_openvino_reads_smaller_files_and_reports_to_nobody(
    file: Path, openvino: Any, precision: str
) -> None:
    model, small = load(file), file.with_name(f"{precision}.onnx")
    metadata = replace(model.card, precision=precision).to_metadata()
    onnx.save(in_precision(onnx.load(file), precision, metadata), small)
    steps = noise(model.card.codec, model.card.columns, 5, 300)
    readers = load(small), OpenVino(openvino, small, model.card)
    own, other = (compare(model, reader, steps, model.start(5)).logits for reader in readers)
    assert 1e-4 < other < 1.5 * own, "as near to fp32 as onnxruntime is"
    assert not [module for module in sys.modules if module.startswith("openvino_telemetry.")]
