"""How weights lie in a model file, and how they come back: each direction beside the other.

Needs numpy only. PyTorch orders an LSTM's gates input, forget, cell, output; ONNX input, output,
forget, cell (ONNX operator LSTM, opset 14). Names are of this project: a model's own on one side,
the graph's constants on the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Arrays = dict[str, Array]

BLOCK = 128  # 64 takes 1.3 times as long, 256 no less (1,200 outputs of 600 inputs)
ZERO = 8  # what stands for 0 of the 16 levels of a 4-bit number

_ONNX_ORDER = (0, 3, 1, 2)  # where ONNX's i, o, f, c are in PyTorch's i, f, g, o
_TORCH_ORDER = tuple(np.argsort(_ONNX_ORDER).tolist())


def gates_to_onnx(rows: Array) -> Array:
    """Rows [4 * hidden, ...] from PyTorch's order of gates to ONNX's."""
    return np.concatenate([np.split(rows, 4)[gate] for gate in _ONNX_ORDER])


def gates_from_onnx(rows: Array) -> Array:
    """Rows [4 * hidden, ...] from ONNX's order of gates to PyTorch's."""
    return np.concatenate([np.split(rows, 4)[gate] for gate in _TORCH_ORDER])


def pack_int4(matrix: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A matrix float32 [outputs, inputs] as 4-bit numbers q, each of value (q - ZERO) * scale.

    Gives uint8 [outputs, blocks, BLOCK / 2], two numbers per byte, the first in the low half, and
    the scale of each block, float32 [outputs * blocks].
    """
    outputs, inputs = matrix.shape
    count = -(-inputs // BLOCK)
    blocks = np.zeros((outputs, count * BLOCK), np.float32)
    blocks[:, :inputs] = matrix
    blocks = blocks.reshape(outputs, count, BLOCK)
    # the largest in size becomes 0, the end of the range that is one further out
    extreme = np.take_along_axis(blocks, np.abs(blocks).argmax(-1)[..., None], -1)
    scales = np.where(extreme == 0, 1, extreme / -ZERO).astype(np.float32)
    numbers = np.clip(np.rint(blocks / scales) + ZERO, 0, 2 * ZERO - 1).astype(np.uint8)
    return numbers[..., 0::2] | numbers[..., 1::2] << 4, scales.reshape(-1)


def unpack_int4(
    packed: NDArray[np.uint8], scales: NDArray[np.float32], inputs: int
) -> NDArray[np.float32]:
    """What `pack_int4` packed, rounded: float32 [outputs, inputs]."""
    numbers = np.stack([packed & 15, packed >> 4], -1).reshape(*packed.shape[:2], -1)
    blocks = (numbers.astype(np.float32) - ZERO) * scales.reshape(*packed.shape[:2], 1)
    matrix: NDArray[np.float32] = blocks.reshape(len(packed), -1)[:, :inputs]
    return matrix


def unpack_int8(arrays: Arrays, name: str) -> NDArray[np.float32]:
    """A matrix that onnxruntime's quantizer stored as int8, with one scale or one per column."""
    scale, zero = (arrays[f"{name}_{part}"].reshape(-1) for part in ("scale", "zero_point"))
    numbers = arrays[f"{name}_quantized"].astype(np.float32)
    matrix = (numbers - zero.astype(np.float32)) * scale
    # an LSTM's are stored transposed
    return matrix.transpose(0, 2, 1) if matrix.ndim == 3 else matrix


def lstm_to_onnx(weights: Arrays, skip: bool, layer: int) -> tuple[Array, Array, Array]:
    """W, R and B of ONNX's LSTM from the weights of a layer."""
    names = lstm_names(skip, layer)
    w_ih, w_hh, b_ih, b_hh = (gates_to_onnx(weights[name]) for name in names)
    return w_ih[None], w_hh[None], np.concatenate([b_ih, b_hh])[None]


def lstm_from_onnx(w: Array, r: Array, b: Array, skip: bool, layer: int) -> Arrays:
    """The weights of a layer from W, R and B of ONNX's LSTM."""
    parts = w[0], r[0], *np.split(b[0], 2)
    return dict(zip(lstm_names(skip, layer), map(gates_from_onnx, parts), strict=True))


def lstm_names(skip: bool, layer: int) -> list[str]:
    """A layer's weights by the model's names: of inputs, of the state, and the biases of each."""
    prefix, suffix = (
        (f"lstm_stack.lstms.{layer}.", "_l0") if skip else ("lstm_stack.lstm.", f"_l{layer}")
    )
    return [f"{prefix}{n}{suffix}" for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
