"""The ONNX graph of one step, authored node by node from the weights.

A few nodes per layer, any batch size, nothing for a constant folder to undo: an exported trace has
a hundred more and hides the weights from the quantizer. Every matrix of the model is a constant of
its own, so that training can go on from the file (weight_layout.py takes them out again).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from ugen.runtime.model_file.format import OUTPUTS, inputs_of
from ugen.train.model import LstmModel
from ugen.train.run_folder.weight_layout import lstm_to_onnx

# what onnxruntime 1.14 and its like in browsers can read; nothing here needs more
OPSET = 17
IR_VERSION = 8

Array = NDArray[np.float32]


def build(model: LstmModel, metadata: dict[str, str], name: str = "ugen") -> onnx.ModelProto:
    """The model as a float32 ONNX step with `metadata` inside, checked by onnx.checker."""
    graph = _Graph(model)
    graph.embed()
    graph.layers()
    graph.predict()
    proto = graph.proto(name)
    helper.set_model_props(proto, metadata)
    onnx.checker.check_model(proto, full_check=True)
    return proto


class _Graph:
    """The nodes and constants so far. Inside, values are [1, batch, size], as ONNX's LSTM wants
    them."""

    def __init__(self, model: LstmModel):
        self._config = model.config
        self._weights = {
            key: value.detach().cpu().numpy() for key, value in model.state_dict().items()
        }
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._top = "x_0"

    def embed(self) -> None:
        """The input step to x_0."""
        projected = "lstm_stack.input_proj.weight" in self._weights
        x = "embedded" if projected else "x_0"
        if self._config.input == "token":
            self._embed_row(x)
        else:
            self._turned("frame", "frame_in_time")
            self._linear("embedding", "embedding", "frame_in_time", x)
        if projected:
            self._linear("lstm_stack.input_proj", "input_proj", x, "x_0")

    def _embed_row(self, x: str) -> None:
        """The sum of the vectors of a row's ids, all from one table. The wishes' are its last:
        counted from its end, their places are those in the wishes' own table, too."""
        table, places = self._weights["embedding.weight"], "step"
        rows, wishes = self._config.rows, [*self._config.wishes]
        if len(rows) > 1:
            order = sorted(range(len(rows)), key=wishes.__contains__)
            blocks = np.split(table, np.cumsum(rows)[:-1])
            table = np.concatenate([blocks[part] for part in order])
            first = np.zeros(len(rows), np.int64)
            first[order[1:]] = np.cumsum([rows[part] for part in order])[:-1]
            first[wishes] -= len(table)
            self._node("Add", ["step", self._constant("embedding_offsets", first)], ["places"])
            places = "places"
        self._sum_vectors("embedding", table, places, len(rows), x)

    def _sum_vectors(self, label: str, table: Array, places: str, parts: int, result: str) -> None:
        """The sum of the vectors at places [batch, parts] of a table: [1, batch, size]. As a
        product with ones it takes 2 µs less than as ReduceSum."""
        self._constant(label, table)
        vectors = f"{label}_vectors"
        if parts == 1:
            self._node("Gather", [label, places], [vectors])
        else:
            self._node("Gather", [label, places], [f"{label}_each"])
            ones = self._constant(f"{label}_ones", np.ones((1, parts), np.float32))
            self._node("MatMul", [ones, f"{label}_each"], [vectors])
        self._turned(vectors, result)

    def _wish(self) -> None:
        """Add the vectors of what is wished to the top layer."""
        wishes = self._config.wishes
        if wishes:
            chosen = self._constant("wish_columns", np.array(wishes))
            self._node("Gather", ["places", chosen], ["wish_places"], axis=1)
            table = self._weights["wishes.weight"]
            self._sum_vectors("wishes", table, "wish_places", len(wishes), "wished")
            self._node("Add", [self._top, "wished"], ["top_wished"])
            self._top = "top_wished"

    def layers(self) -> None:
        """x_0 through all layers to the top, and the state from h, c to h_out, c_out."""
        config = self._config
        numbers = range(config.layers)
        before = {state: self._offset("Add", state, f"{state}_in") for state in ("h", "c")}
        after = {s: f"{s}_after" if config.learn_initial_state else f"{s}_out" for s in before}
        parts = [(before, after)]  # of one layer the whole, which takes less time than a copy
        if config.layers > 1:
            parts = [
                ({s: f"{s}_{k}" for s in before}, {s: f"{s}_after_{k}" for s in before})
                for k in numbers
            ]
            ones = self._constant("ones", np.ones(config.layers, np.int64))
            for state, whole in before.items():
                self._node("Split", [whole, ones], [each[state] for each, _ in parts], axis=0)
        x = "x_0"
        for k in numbers:
            x = self._layer(k, x, *parts[k])
        self._top = self._norm("lstm_stack.last_norm", x, "top") if config.skip else x
        for state, whole in after.items():
            if config.layers > 1:
                self._node("Concat", [each[state] for _, each in parts], [whole], axis=0)
            self._offset("Sub", whole, f"{state}_out")

    def _layer(self, k: int, x: str, before: dict[str, str], after: dict[str, str]) -> str:
        """One LSTM, and the state before and after it. Over one step its last hidden state
        [1, batch, hidden] is also its output sequence."""
        skip = self._config.skip
        parts = zip("WRB", lstm_to_onnx(self._weights, skip, k), strict=True)
        w, r, b = (self._constant(f"{label}_{k}", value) for label, value in parts)
        fed = self._norm(f"lstm_stack.norms.{k}", x, f"normed_{k}") if skip else x
        inputs = [fed, w, r, b, "", before["h"], before["c"]]
        self._node("LSTM", inputs, ["", after["h"], after["c"]], hidden_size=self._config.hidden)
        if not skip:
            return after["h"]
        self._node("Add", [x, after["h"]], [f"x_{k + 1}"])
        return f"x_{k + 1}"

    def predict(self) -> None:
        """The top layer to logits [batch, 1, vocabulary]."""
        self._wish()
        if self._config.pointers:
            self._head("in_time", spare=1)
            self._turned("in_time", "of_step")
            self._point("of_step")
        elif self._config.input == "frame":
            self._head("from_layers")
            skip = self._constant("input_skip", self._weights["input_skip"])
            self._node("Mul", ["frame_in_time", skip], ["skipped"])
            self._node("Add", ["from_layers", "skipped"], ["logits_in_time"])
            self._turned("logits_in_time", "logits")
        else:
            self._head("logits_in_time")
            self._turned("logits_in_time", "logits")

    def _head(self, result: str, spare: int = 0) -> None:
        """A score of each token, after a `spare` one that stands for none and is 0, and before the
        gates, which come from the same product: one of their own takes 1 µs more."""
        weights, x = self._weights, self._top
        if self._config.tied:
            proj = self._constant("tied_proj", weights["tied_proj.weight"].T)
            self._node("MatMul", [x, proj], ["top_projected"])
            x = "top_projected"
            matrix = weights["embedding.weight"][: self._config.vocabulary]
            bias = weights["head_bias"]
        else:
            matrix, bias = weights["head.weight"], weights["head.bias"]
        matrix, bias = np.pad(matrix, [(spare, 0), (0, 0)]), np.pad(bias, (spare, 0))
        if self._config.pointers and not self._config.tied:
            matrix = np.concatenate([matrix, weights["gates.weight"]])
            bias = np.concatenate([bias, weights["gates.bias"]])
        self._product(x, "head", matrix, bias, result)

    def _point(self, scores: str) -> None:
        """Add a gate to the score of each token that a column names. An id is one more than its
        token, and 0 where there is none: the spare score is for these."""
        pointers, vocabulary = self._config.pointers, self._config.vocabulary
        if self._config.tied:
            self._linear("gates", "gates", self._top, "gates_in_time")
            self._turned("gates_in_time", "gates_of_step")
            scored = [scores, "gates_of_step"]
        else:
            parts = self._constant("scores_and_gates", np.array([1 + vocabulary, len(pointers)]))
            scored = ["scores", "gates_of_step"]
            self._node("Split", [scores, parts], scored, axis=2)
        places = self._constant("pointers", np.array([pointers], np.int64))
        self._node("Gather", ["step", places], ["named"], axis=1)
        inputs = [scored[0], "named", scored[1]]
        self._node("ScatterElements", inputs, ["pointed"], axis=2, reduction="add")
        parts = self._constant("spare_and_tokens", np.array([1, vocabulary]))
        self._node("Split", ["pointed", parts], ["spare", "logits"], axis=2)

    def proto(self, name: str) -> onnx.ModelProto:
        """The graph with its public inputs and outputs."""
        config = self._config
        state = [config.layers, "batch", config.hidden]
        shapes: dict[str, list[Any]] = {
            "step": ["batch", 1 + len(config.columns)],
            "frame": ["batch", 1, config.vocabulary],
            "logits": ["batch", 1, config.vocabulary],
        }

        def value(label: str) -> onnx.ValueInfoProto:
            kind = TensorProto.INT64 if label == "step" else TensorProto.FLOAT
            return helper.make_tensor_value_info(label, kind, shapes.get(label, state))

        inputs, outputs = [value(v) for v in inputs_of(config.input)], [value(v) for v in OUTPUTS]
        graph = helper.make_graph(self._nodes, name, inputs, outputs, self._constants)
        proto = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="ugen-music"
        )
        proto.ir_version = IR_VERSION
        return proto

    def _offset(self, op: str, value: str, result: str) -> str:
        """A learned start is an offset from the zeros a piece begins with: added going in, taken
        off coming out."""
        if not self._config.learn_initial_state:
            return value
        label = f"start_{value[0]}"
        if op == "Add":
            self._constant(label, self._weights[label])
        self._node(op, [value, label], [result])
        return result

    def _linear(self, weights: str, label: str, x: str, result: str) -> None:
        matrix, bias = (self._weights[f"{weights}.{part}"] for part in ("weight", "bias"))
        self._product(x, label, matrix, bias, result)

    def _product(self, x: str, label: str, matrix: Array, bias: Array, result: str) -> None:
        """x times a matrix [outputs, inputs], plus a bias."""
        self._node("MatMul", [x, self._constant(label, matrix.T)], [f"{result}_unbiased"])
        shift = self._constant(f"{label}_bias", bias)
        self._node("Add", [f"{result}_unbiased", shift], [result])

    def _turned(self, x: str, result: str) -> None:
        self._node("Transpose", [x], [result], perm=[1, 0, 2])

    def _norm(self, weights: str, x: str, result: str) -> str:
        scale = self._constant(f"{result}_gain", self._weights[f"{weights}.weight"])
        bias = self._constant(f"{result}_shift", self._weights[f"{weights}.bias"])
        self._node("LayerNormalization", [x, scale, bias], [result], axis=-1, epsilon=1e-5)
        return result

    def _node(self, op: str, inputs: list[str], outputs: list[str], **attributes: Any) -> None:
        self._nodes.append(helper.make_node(op, inputs, outputs, outputs[-1], **attributes))

    def _constant(self, label: str, value: Array | NDArray[np.int64]) -> str:
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), label))
        return label
