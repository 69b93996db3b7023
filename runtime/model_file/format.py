"""The constants of model file format 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ugen.data import UgenError

if TYPE_CHECKING:
    pass


FORMAT = 1

PREFIX = "ugen."

PARTS = ("format", "model", "codec", "sampling", "provenance", "licence")

OPTIONAL = ("originality",)

OUTPUTS = ("logits", "h_out", "c_out")

PRECISIONS = ("fp32", "fp16", "int8", "int4")

# the operators of format 1, by domain and name, and how many inputs a node of each has: at least,
# at most
OPERATORS = {
    ("", "Transpose"): (1, 1),
    ("", "Gather"): (2, 2),
    ("", "Split"): (2, 2),
    ("", "LSTM"): (7, 7),
    ("", "Concat"): (1, 64),
    ("", "MatMul"): (2, 2),
    ("", "Add"): (2, 2),
    ("", "Sub"): (2, 2),
    ("", "Mul"): (2, 2),
    ("", "LayerNormalization"): (3, 3),
    ("", "Cast"): (1, 1),
    ("", "Sigmoid"): (1, 1),
    ("", "Tanh"): (1, 1),
    ("", "MatMulInteger"): (4, 4),
    ("", "DynamicQuantizeLinear"): (1, 1),
    ("", "DequantizeLinear"): (3, 3),
    ("", "Reshape"): (2, 2),
    ("com.microsoft", "DynamicQuantizeLSTM"): (12, 12),
    ("com.microsoft", "MatMulNBits"): (3, 6),
}

MAX_BYTES = 4 << 30  # larger than any LSTM; checked before a file is opened

MAX_STATE = 1 << 26  # layers x hidden; bounds the state a file can make the runtime allocate

MAX_ENTRY = (
    1 << 20
)  # characters of one metadata entry; JSON can grow 25 times as large when it is read


def inputs_of(step: str) -> tuple[str, str, str]:
    """The graph's inputs when a step is fed a `token` or a `frame`."""
    return step, "h", "c"


class ModelError(UgenError):
    """A model file that the runtime cannot use. The text names the file and the part that is
    wrong."""
