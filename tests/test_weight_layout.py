"""Weights go into a model file and come back: each direction undoes the other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ugen.train.run_folder.weight_layout import (
    BLOCK,
    gates_from_onnx,
    gates_to_onnx,
    lstm_from_onnx,
    lstm_names,
    lstm_to_onnx,
    pack_int4,
    unpack_int4,
    unpack_int8,
)


@given(hidden=st.integers(1, 9), columns=st.integers(1, 5))
def test_gates_go_to_onnx_and_back(hidden: int, columns: int) -> None:
    """Every row is distinct, so that a swap fails."""
    rows = np.arange(4 * hidden * columns).reshape(4 * hidden, columns)
    assert (gates_from_onnx(gates_to_onnx(rows)) == rows).all()
    assert (gates_to_onnx(gates_from_onnx(rows)) == rows).all()


def test_gates_are_in_the_order_of_the_operator() -> None:
    """ONNX's LSTM, opset 14: input, output, forget, cell; PyTorch's: input, forget, cell,
    output."""
    assert gates_to_onnx(np.array(list("ifgo"))).tolist() == list("iofg")


@pytest.mark.parametrize("skip", [False, True])
def test_a_layer_goes_to_onnx_and_back(skip: bool) -> None:
    chance = np.random.default_rng(0)
    names = lstm_names(skip, 2)
    shapes = (12, 5), (12, 3), (12,), (12,)
    weights = {n: chance.normal(size=shape) for n, shape in zip(names, shapes, strict=True)}
    back = lstm_from_onnx(*lstm_to_onnx(weights, skip, 2), skip, 2)
    assert back.keys() == weights.keys()
    for name in names:
        np.testing.assert_array_equal(back[name], weights[name])


@given(outputs=st.integers(1, 5), inputs=st.integers(1, 300), seed=st.integers(0, 99))
def test_a_matrix_of_4_bits_comes_back_to_half_a_step(outputs: int, inputs: int, seed: int) -> None:
    matrix = np.random.default_rng(seed).normal(size=(outputs, inputs)).astype(np.float32)
    matrix[0, : inputs // 2] = 0
    packed, scales = pack_int4(matrix)
    count = -(-inputs // BLOCK)
    assert packed.shape == (outputs, count, BLOCK // 2) and scales.shape == (outputs * count,)
    back = unpack_int4(packed, scales, inputs)
    assert back.shape == matrix.shape and (back[matrix == 0] == 0).all()
    step = np.repeat(np.abs(scales).reshape(outputs, count), BLOCK, axis=1)[:, :inputs]
    # one end of the range has a level less: what is as large as the largest, but of the other sign,
    # loses a whole step
    assert (np.abs(back - matrix) <= 1.001 * step).all()
    within_half = np.abs(back - matrix) <= 0.501 * step
    assert (within_half | (np.abs(matrix) > 7.4 * step)).all()
    # what was rounded once stays
    again = unpack_int4(*pack_int4(back), inputs)
    np.testing.assert_allclose(again, back, rtol=0, atol=1e-5)


@pytest.mark.parametrize("columns", [1, 4])
def test_a_matrix_of_int8_comes_back(columns: int) -> None:
    chance = np.random.default_rng(1)
    numbers = chance.integers(-128, 128, (3, 4)).astype(np.int8)
    scale = chance.uniform(0.1, 1, columns).astype(np.float32)
    zero = chance.integers(-5, 5, columns).astype(np.int8)
    arrays = {"m_quantized": numbers, "m_scale": scale, "m_zero_point": zero}
    wanted = (numbers.astype(np.float32) - zero) * scale
    np.testing.assert_allclose(unpack_int8(arrays, "m"), wanted)
    stacked = {**arrays, "m_quantized": numbers[None]}
    assert unpack_int8(stacked, "m").shape == (1, 4, 3), "an LSTM's are stored transposed"
