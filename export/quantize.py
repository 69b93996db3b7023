"""Smaller forms of a float32 model: int8 by onnxruntime's dynamic quantizer, 4-bit blocks, half
precision.

Processors with AVX2 but no VNNI add two products of int8 in 16 bits, which saturate. So the few
pairs of weights that could saturate are made smaller, and all processors compute the same: on the
models tried held-out loss grew by 0.0001 nats, where 7-bit weights (onnxruntime's `reduce_range`)
cost up to 0.01. Only where weights are spread evenly, as before any training, 7 bits are nearer.

One scale per matrix, not per column: from 1 x 320 to 8 x 300 a step takes 0.87 to 0.93 times as
long, and held-out loss is the same as far as can be measured (docs/benchmarks.md).
"""

from __future__ import annotations

import logging

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from ugen.data.files import temporary_folder
from ugen.runtime.inference.engine import onnxruntime

from .int4 import with_blocks


def in_precision(
    proto: onnx.ModelProto, precision: str, metadata: dict[str, str]
) -> onnx.ModelProto:
    """A float32 model in another precision, or as it is, with `metadata` for its own; checked by
    onnx.checker."""
    converters = {"fp32": _copy, "fp16": to_fp16, "int8": to_int8, "int4": to_int4}
    made: onnx.ModelProto = converters[precision](proto)
    helper.set_model_props(made, metadata)
    onnx.checker.check_model(made)
    return made


# a few columns of weights, whose products go straight into the logits
EXACT = ["gates_in_time_unbiased"]


def to_int8(proto: onnx.ModelProto, per_channel: bool = False) -> onnx.ModelProto:
    """The model with the weights of its LSTM, MatMul and Gather nodes as int8. Activations are
    rounded as they come, with one scale for all streams of a batch."""
    return _quantize(proto, ["LSTM", "MatMul", "Gather"], per_channel)


def to_int4(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The model with its LSTMs as 4-bit blocks and all else int8: an embedding or a head of 4 bits
    would cost more loss than all layers together."""
    return with_blocks(_quantize(proto, ["MatMul", "Gather"], per_channel=False))


def to_fp16(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The model in half precision between float32 inputs and outputs, for graphics cards. Gates are
    added to scores in float32: processors have no kernel that does it in half precision."""
    out = _copy(proto)
    graph = out.graph
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            half = numpy_helper.to_array(tensor).astype(np.float16)
            tensor.CopyFrom(numpy_helper.from_array(half, tensor.name))
    floats = [
        value.name for value in graph.input if value.type.tensor_type.elem_type == TensorProto.FLOAT
    ]
    results = [value.name for value in graph.output]
    renamed = {name: f"{name}_half" for name in (*floats, *results)}
    for node in graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    nodes = [each for node in graph.node for each in _half(node)]
    before = [_cast(name, renamed[name], TensorProto.FLOAT16) for name in floats]
    after = [_cast(renamed[name], name, TensorProto.FLOAT) for name in results]
    del graph.node[:]
    graph.node.extend([*before, *nodes, *after])
    return out


def _half(node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """A node between half-precision numbers."""
    if node.op_type != "ScatterElements":
        return [node]
    (data, places, added), (result,) = node.input, node.output
    node.input[:] = [f"{data}_float", places, f"{added}_float"]
    node.output[:] = [f"{result}_float"]
    return [
        *(_cast(name, f"{name}_float", TensorProto.FLOAT) for name in (data, added)),
        node,
        _cast(f"{result}_float", result, TensorProto.FLOAT16),
    ]


def _cast(name: str, result: str, to: TensorProto.DataType) -> onnx.NodeProto:
    return helper.make_node("Cast", [name], [result], to=to)


def _copy(proto: onnx.ModelProto) -> onnx.ModelProto:
    out = onnx.ModelProto()
    out.CopyFrom(proto)
    return out


def _quantize(proto: onnx.ModelProto, operators: list[str], per_channel: bool) -> onnx.ModelProto:
    onnxruntime()
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with temporary_folder() as folder:
        source, target = folder / "fp32.onnx", folder / "int8.onnx"
        onnx.save(proto, source)
        root = logging.getLogger()
        level = root.level
        # it advises shape inference, which an authored graph does not need
        root.setLevel(logging.ERROR)
        try:
            quantize_dynamic(
                source,
                target,
                op_types_to_quantize=operators,
                weight_type=QuantType.QInt8,
                per_channel=per_channel,
                nodes_to_exclude=EXACT,
            )
        finally:
            root.setLevel(level)
        quantized = onnx.load(target)
    quantized.producer_name, quantized.producer_version = proto.producer_name, ""
    _prevent_saturation(quantized.graph, proto.graph)
    _sum_integers(quantized.graph)
    return quantized


def _sum_integers(graph: onnx.GraphProto) -> None:
    """Add up rounded vectors before they are scaled, which takes less time."""
    made = {node.output[0]: node for node in graph.node}
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    for node in list(graph.node):
        scaled = made.get(node.input[1]) if node.op_type == "MatMul" else None
        if scaled is None or scaled.op_type != "DequantizeLinear":
            continue
        ones, (vectors, scale, zero) = node.input[0], scaled.input
        tensors[ones].CopyFrom(
            numpy_helper.from_array(numpy_helper.to_array(tensors[ones]).astype(np.uint8), ones)
        )
        if "one" not in tensors:
            tensors["one"] = numpy_helper.from_array(np.float32(1), "one")
            graph.initializer.append(tensors["one"])
        inputs = [ones, vectors, "one", scale, "", zero]
        graph.node.remove(scaled)
        node.CopyFrom(
            helper.make_node(
                "MatMulIntegerToFloat", inputs, node.output, node.name, domain="com.microsoft"
            )
        )


_PRODUCTS = {"MatMulInteger": (1,), "DynamicQuantizeLSTM": (1, 2)}  # inputs that are int8 weights


def _prevent_saturation(graph: onnx.GraphProto, source: onnx.GraphProto) -> None:
    """Replace the graph's int8 weights, whose float32 values are in `source`."""
    exact = {tensor.name: numpy_helper.to_array(tensor) for tensor in source.initializer}
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        for place in _PRODUCTS.get(node.op_type, ()):
            stem = node.input[place].removesuffix("_quantized")
            pair = [tensors[f"{stem}_{part}"] for part in ("quantized", "scale")]
            floats = exact[stem].transpose(0, 2, 1) if exact[stem].ndim == 3 else exact[stem]
            better = without_saturation(floats, *map(numpy_helper.to_array, pair))
            for tensor, value in zip(pair, better, strict=True):
                tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))


def without_saturation(
    exact: NDArray[np.float32], weights: NDArray[np.int8], scale: NDArray[np.float32]
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Weights int8 [..., inputs, outputs] of which no two neighbours can saturate, and their scale:
    limited in pairs, or all of them in 7 bits, whichever is nearer to `exact`."""
    coarse = np.rint(exact / (2 * scale)).clip(-64, 64).astype(np.int8)
    ways = (limit_pairs(weights), scale), (coarse, 2 * scale)
    return min(ways, key=lambda way: float(((way[0] * way[1] - exact) ** 2).sum()))


def limit_pairs(weights: NDArray[np.int8]) -> NDArray[np.int8]:
    """Weights int8 [..., inputs, outputs], of which two neighbours (inputs 2k and 2k + 1) add up to
    128 at most: multiplied by activations of up to 255 they stay below 2**15. Both of a pair that
    exceeds this give up half of the excess."""
    limited = weights.astype(np.int16)
    even = limited[..., : limited.shape[-2] // 2 * 2 : 2, :]
    odd = limited[..., 1::2, :]
    total = even + odd
    excess = total - total.clip(-128, 128)
    even -= excess // 2
    odd -= excess - excess // 2
    return limited.astype(np.int8)
