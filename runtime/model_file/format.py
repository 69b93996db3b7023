"""The constants of model file format 1, and the error that a bad file raises."""

from __future__ import annotations

from ugen.data import UgenError

FORMAT = 1
PREFIX = "ugen."  # of our entries in metadata_props
OUTPUTS = ("logits", "h_out", "c_out")
PRECISIONS = ("fp32", "fp16", "int8", "int4")

# precisions that round the activations of a batch with one scale: what a stream computes then
# depends on its neighbours
SHARED_SCALES = ("int8", "int4")

# the operators of format 1, by domain and name, and how many inputs a node has: at least, at most
OPERATORS = {
    **{("", name): (1, 1) for name in ("Cast", "Sigmoid", "Tanh", "Transpose")},
    **{("", name): (2, 2) for name in ("Add", "Gather", "MatMul", "Mul", "Sub")},
    ("", "Split"): (2, 2),
    **{("", name): (3, 3) for name in ("DequantizeLinear", "LayerNormalization")},
    ("", "ScatterElements"): (3, 3),
    ("", "DynamicQuantizeLinear"): (1, 1),
    ("", "MatMulInteger"): (4, 4),
    ("", "LSTM"): (7, 7),
    ("", "Concat"): (1, 64),
    ("com.microsoft", "DynamicQuantizeLSTM"): (12, 12),
    ("com.microsoft", "MatMulIntegerToFloat"): (6, 6),
    ("com.microsoft", "MatMulNBits"): (3, 6),
}

# a file's self-check: its steps, and how far a logit may be off, relative where it is over 1. Wide
# enough for all that round differently: versions of onnxruntime, processors, graphics cards
CHECK_STEPS = 16
CHECK_TOLERANCE = {"fp32": 0.1, "fp16": 0.1, "int8": 0.2, "int4": 0.2}

MAX_BYTES = (2 << 30) - 1  # protobuf reads no more; checked before a file is opened
MAX_STATE = 1 << 26  # layers x hidden: bounds the state that a file can make the runtime allocate


class ModelError(UgenError):
    """A model file that the runtime cannot use. The text names the file and the part at fault."""


def inputs_of(kind: str) -> tuple[str, str, str]:
    """The graph's inputs when a codec's input is a `token`, which comes in a row of ids, or a
    `frame`."""
    return "step" if kind == "token" else kind, "h", "c"
