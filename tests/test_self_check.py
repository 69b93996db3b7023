"""Model files compute the same on every processor, and a processor that does not is found out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from model_files import made, refusal
from onnx import numpy_helper
from ugen.data.pretrained import PRETRAINED
from ugen.export.quantize import limit_pairs, without_saturation
from ugen.runtime import load

KEPT = "ugen.check_logits"


def int8_weights(proto: onnx.ModelProto) -> dict[str, np.ndarray]:
    """The int8 matrices that activations are multiplied with, [..., inputs, outputs]."""
    places = {"MatMulInteger": (1,), "DynamicQuantizeLSTM": (1, 2)}
    names = {node.input[k] for node in proto.graph.node for k in places.get(node.op_type, ())}
    return {
        tensor.name: numpy_helper.to_array(tensor).astype(int)
        for tensor in proto.graph.initializer
        if tensor.name in names
    }


def rewritten(source: Path, target: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A copy of a model file with other metadata."""
    proto = onnx.load(source)
    entries = {entry.key: json.loads(entry.value) for entry in proto.metadata_props}
    change(entries)
    texts = {key: json.dumps(value) for key, value in entries.items()}
    onnx.helper.set_model_props(proto, texts)
    onnx.save(proto, target)
    return target


@pytest.mark.parametrize("precision", ["int8", "int4"])
@pytest.mark.parametrize("shape", [{}, {"hidden": 25, "skip": True}])
def test_no_pair_of_products_saturates_16_bits(precision: str, shape: dict[str, Any]) -> None:
    """Processors with AVX2 and no VNNI computed other logits: of random weights 1 pair in 8
    saturated."""
    weights = int8_weights(made(precision=precision, **shape))
    assert weights
    for matrix in weights.values():
        pairs = matrix[..., : matrix.shape[-2] // 2 * 2, :].reshape(
            *matrix.shape[:-2], -1, 2, matrix.shape[-1]
        )
        assert 255 * np.maximum(pairs, 0).sum(-2).max() < 2**15
        assert 255 * np.minimum(pairs, 0).sum(-2).min() >= -(2**15)


def test_pairs_give_up_the_excess_alone() -> None:
    pairs = np.array([[127, 127], [100, 29], [-127, -2], [-128, -128], [127, -127], [60, 60]])
    limited = limit_pairs(pairs.astype(np.int8).reshape(-1, 1)).reshape(-1, 2)
    assert np.array_equal(np.abs(limited.sum(1)), [128, 128, 128, 128, 0, 120])
    assert np.abs(limited - pairs).max() == 64


def test_weights_lose_as_little_as_they_can() -> None:
    """Few large weights keep 8 bits; weights of even spread would lose too many, and get 7."""
    rng = np.random.default_rng(1)
    for exact, largest in ((rng.laplace(0, 1, (64, 99)), 127), (rng.uniform(-1, 1, (64, 99)), 64)):
        scale = np.float32(np.abs(exact).max() / 127)
        rounded = np.rint(exact / scale).astype(np.int8)
        weights, new_scale = without_saturation(exact.astype(np.float32), rounded, scale)
        assert largest - 10 < np.abs(weights.astype(int)).max() <= largest
        assert np.abs(weights[::2].astype(int) + weights[1::2]).max() <= 128
        assert np.abs(weights * new_scale - exact).mean() < scale


def test_the_bundled_model_is_right_on_all_processors() -> None:
    """33 pairs of its weights could saturate; its songs were others with AVX2 alone."""
    for matrix in int8_weights(onnx.load(PRETRAINED)).values():
        assert np.abs(matrix[..., ::2, :] + matrix[..., 1::2, :]).max() <= 128


def test_a_processor_that_computes_otherwise_is_refused(model_file: Path, tmp_path: Path) -> None:
    load(model_file)
    bad = tmp_path / "bad.onnx"

    def shift(entries: dict[str, Any]) -> None:
        entries[KEPT][3] += 2 + abs(entries[KEPT][3])

    said = refusal(rewritten(model_file, bad, shift))
    assert "this processor computes int8 wrongly (export with --precision fp32)" in said
    load(rewritten(model_file, bad, lambda entries: entries.pop(KEPT)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda kept: kept.pop(), "check_logits are not 483"),
        (lambda kept: kept.clear(), "check_logits are not 483"),
        (lambda kept: kept.__setitem__(0, True), "check_logits[0] is true"),
        (lambda kept: kept.__setitem__(0, "1"), 'check_logits[0] is "1"'),
    ],
)
def test_logits_of_another_form_are_refused(
    model_file: Path, tmp_path: Path, change: Callable[[list[Any]], Any], message: str
) -> None:
    bad = rewritten(model_file, tmp_path / "bad.onnx", lambda entries: change(entries[KEPT]))
    assert message in refusal(bad)
