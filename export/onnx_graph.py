"""The ONNX graph of one step, authored node by node from the weights.

About three nodes a layer, any batch size, nothing for a constant folder to undo: an exported trace has a hundred more
and hides the weights from the quantizer. PyTorch orders the gates input, forget, cell, output; ONNX input, output,
forget, cell (ONNX operator LSTM, opset 14).
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from ugen.runtime.model_file import INPUTS, OUTPUTS
from ugen.train.model import LstmModel

OPSET, IR_VERSION = 17, 8  # what onnxruntime 1.17, the oldest allowed, can read; nothing here needs more
_GATES = (0, 3, 1, 2)  # where ONNX's i, o, f, c stand in PyTorch's i, f, g, o


def build(model: LstmModel, metadata: dict[str, str], name: str = "ugen") -> onnx.ModelProto:
    """The model as a float32 ONNX step with `metadata` inside, checked by onnx.checker."""
    config = model.config
    weights = {key: value.detach().cpu().numpy() for key, value in model.state_dict().items()}
    constants: list[onnx.TensorProto] = []

    def constant(label: str, value: NDArray[np.float32] | NDArray[np.int64]) -> str:
        constants.append(numpy_helper.from_array(np.ascontiguousarray(value), label))
        return label

    each = [f"{state}_{layer}" for state in ("h", "c") for layer in range(config.layers)]
    hs, cs = each[: config.layers], each[config.layers :]
    ones = constant("ones", np.ones(config.layers, np.int64))
    nodes = [
        helper.make_node("Transpose", ["token"], ["token_in_time"], perm=[1, 0]),
        helper.make_node("Gather", [constant("embedding", weights["embedding.weight"]), "token_in_time"], ["x_0"]),
        helper.make_node("Split", ["h", ones], hs, axis=0),
        helper.make_node("Split", ["c", ones], cs, axis=0),
    ]
    for layer in range(config.layers):
        w = constant(f"W_{layer}", _gates(weights[f"lstm.weight_ih_l{layer}"])[None])
        r = constant(f"R_{layer}", _gates(weights[f"lstm.weight_hh_l{layer}"])[None])
        both = [_gates(weights[f"lstm.bias_{part}_l{layer}"]) for part in ("ih", "hh")]
        b = constant(f"B_{layer}", np.concatenate(both)[None])
        # over one step the last hidden state [1, batch, hidden] is also the output sequence of the layer
        inputs = [f"x_{layer}", w, r, b, "", hs[layer], cs[layer]]
        outputs = ["", f"x_{layer + 1}", f"c_out_{layer}"]
        nodes.append(helper.make_node("LSTM", inputs, outputs, hidden_size=config.hidden))
    top = f"x_{config.layers}"
    nodes += [
        helper.make_node("Concat", [f"x_{layer + 1}" for layer in range(config.layers)], ["h_out"], axis=0),
        helper.make_node("Concat", [f"c_out_{layer}" for layer in range(config.layers)], ["c_out"], axis=0),
        helper.make_node("MatMul", [top, constant("head", weights["head.weight"].T)], ["scores"]),
        helper.make_node("Add", ["scores", constant("head_bias", weights["head.bias"])], ["logits_in_time"]),
        helper.make_node("Transpose", ["logits_in_time"], ["logits"], perm=[1, 0, 2]),
    ]
    state = [config.layers, "batch", config.hidden]
    shapes = {"token": ["batch", 1], "logits": ["batch", 1, config.vocabulary]}

    def value(label: str) -> onnx.ValueInfoProto:
        kind = TensorProto.INT64 if label == "token" else TensorProto.FLOAT
        return helper.make_tensor_value_info(label, kind, shapes.get(label, state))

    graph = helper.make_graph(nodes, name, [value(v) for v in INPUTS], [value(v) for v in OUTPUTS], constants)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="ugen-music")
    proto.ir_version = IR_VERSION
    helper.set_model_props(proto, metadata)
    onnx.checker.check_model(proto, full_check=True)
    return proto


def _gates(value: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows [4 * hidden, ...] from PyTorch's order of gates to ONNX's."""
    return np.concatenate([np.split(value, 4)[gate] for gate in _GATES])
