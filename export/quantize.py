"""int8 weights by onnxruntime's dynamic quantizer: activations stay float32 between nodes."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import onnx


def to_int8(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The model with the weights of its LSTM, MatMul and Gather nodes as int8, metadata kept."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
        onnx.save(proto, source)
        root = logging.getLogger()
        level = root.level
        root.setLevel(logging.ERROR)  # it advises shape inference, which an authored graph does not need
        try:
            quantize_dynamic(
                source, target, op_types_to_quantize=["LSTM", "MatMul", "Gather"],
                weight_type=QuantType.QInt8, per_channel=True,
            )  # fmt: skip
        finally:
            root.setLevel(level)
        quantized = onnx.load(target)
    del quantized.metadata_props[:]
    quantized.metadata_props.extend(proto.metadata_props)
    quantized.producer_name, quantized.producer_version = proto.producer_name, ""
    onnx.checker.check_model(quantized)
    return quantized
