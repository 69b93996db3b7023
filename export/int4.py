"""4-bit weights: each LSTM as one product of [x, h] with blocks of 4-bit numbers, and its gates as
nodes.

A block is 128 inputs of one output: one float32 scale, 16 levels. onnxruntime's MatMulNBits
(com.microsoft) rounds the activations to 8 bits, with a scale per block of each row, and multiplies
integers: half the bytes of int8. Its bias input needs onnxruntime 1.19.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from ugen.train.run_folder.weight_layout import BLOCK, pack_int4

Array = NDArray[np.float32]


def with_blocks(proto: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of a float32 model with the matrices of every LSTM as blocks; other weights as they
    were."""
    out = onnx.ModelProto()
    out.CopyFrom(proto)
    editor = _Editor(
        out.graph,
        {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer},
    )
    for node in proto.graph.node:
        if node.op_type == "LSTM":
            editor.replace(node)
        else:
            out.graph.node.append(node)
    if all(entry.domain != "com.microsoft" for entry in out.opset_import):
        out.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    return out


class _Editor:
    """Puts cells in place of LSTM nodes, and their constants in place of the nodes' own."""

    def __init__(self, graph: onnx.GraphProto, arrays: dict[str, NDArray[np.generic]]):
        self._graph, self._arrays = graph, arrays
        del graph.node[:]
        kept = [
            tensor for tensor in graph.initializer if not tensor.name.startswith(("W_", "R_", "B_"))
        ]
        del graph.initializer[:]
        graph.initializer.extend(kept)

    def replace(self, node: onnx.NodeProto) -> None:
        """The node's cell: i, o, f = logistic(z), g = tanh(z); c' = f c + i g; h' = o tanh(c')."""
        x, w, r, b, _, h, c = node.input
        _, h_after, c_after = node.output
        k, size = w.removeprefix("W_"), self._arrays[r].shape[-1]
        self._gates(
            k,
            x,
            h,
            np.concatenate([self._arrays[w][0], self._arrays[r][0]], axis=1),
            self._arrays[b][0],
        )
        if k == "0":
            self._constant("smooth_and_cell", np.array([3 * size, size]))
            self._constant("each_gate", np.full(3, size))
        self._add("Split", [f"z_{k}", "smooth_and_cell"], [f"z_iof_{k}", f"z_g_{k}"], axis=2)
        self._add("Sigmoid", [f"z_iof_{k}"], [f"iof_{k}"])
        self._add("Split", [f"iof_{k}", "each_gate"], [f"i_{k}", f"o_{k}", f"f_{k}"], axis=2)
        self._add("Tanh", [f"z_g_{k}"], [f"g_{k}"])
        self._add("Mul", [f"i_{k}", f"g_{k}"], [f"written_{k}"])
        self._add("Mul", [f"f_{k}", c], [f"kept_{k}"])
        self._add("Add", [f"kept_{k}", f"written_{k}"], [c_after])
        self._add("Tanh", [c_after], [f"shown_{k}"])
        self._add("Mul", [f"o_{k}", f"shown_{k}"], [h_after])

    def _gates(self, k: str, x: str, h: str, matrix: Array, bias: Array) -> None:
        """z_k: the four gates before their functions, [1, batch, 4 * hidden]."""
        outputs, inputs = matrix.shape
        packed, scales = pack_int4(matrix)
        both = self._constant(f"B_{k}", bias[:outputs] + bias[outputs:])
        constants = [
            self._constant(f"WR_{k}", packed),
            self._constant(f"WR_{k}_steps", scales),
            "",
            "",
            both,
        ]
        shape = {"K": inputs, "N": outputs, "bits": 4, "block_size": BLOCK, "accuracy_level": 4}
        self._add("Concat", [x, h], [f"xh_{k}"], axis=2)
        self._add(
            "MatMulNBits", [f"xh_{k}", *constants], [f"z_{k}"], domain="com.microsoft", **shape
        )

    def _add(self, op: str, inputs: list[str], outputs: list[str], **attributes: object) -> None:
        self._graph.node.append(helper.make_node(op, inputs, outputs, **attributes))

    def _constant(self, label: str, value: NDArray[np.generic]) -> str:
        self._graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(value), label))
        return label
