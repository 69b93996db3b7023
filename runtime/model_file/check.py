"""A model file's graph and metadata, checked against each other before onnxruntime sees them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from ugen.data.text import line

from .card import Card, card_from_metadata
from .format import OPERATORS, OUTPUTS, ModelError, inputs_of
from .outline import Node, Outline, Value, read_bytes, read_outline
from .work import too_much_work

# inputs left empty: sequence lengths and peepholes of an LSTM, zero points and a block order
_EMPTY = {
    "LSTM": (4,),
    "DynamicQuantizeLSTM": (4, 7),
    "MatMulIntegerToFloat": (4,),
    "MatMulNBits": (3, 4),
}


def read_card(path: str | Path) -> Card:
    """What a model file says of itself, checked, without onnxruntime. Raises ModelError."""
    return card_of(read_bytes(path), str(path))


def card_of(data: bytes, file: str) -> Card:
    """The same of a file's bytes. `file`: its name."""
    outline = read_outline(data, file)
    card = card_from_metadata(outline.metadata, file)
    check_graph(card, outline.inputs, outline.outputs, file)
    # recurrent weights of four gates at four bits: bounds the state, too
    least = card.layers * card.hidden**2 * 2
    if sum(tensor.bytes for tensor in outline.initializers.values()) < least:
        raise ModelError(
            f"{file}: it has too few weights for {card.layers} layers of {card.hidden}"
        )
    for node in outline.nodes:
        if wrong := _wrong_inputs(node, outline) or _wrong_blocks(node, outline):
            raise ModelError(f"{file}: a node {node.operator} has {wrong}")
    if wrong := too_much_work(card, outline):
        raise ModelError(f"{file}: {wrong}")
    return card


def check_graph(card: Card, inputs: Sequence[Value], outputs: Sequence[Value], file: str) -> None:
    """Check a graph's inputs and outputs against the card. Raises ModelError that names the first
    that differs."""
    state = ("float32", [card.layers, None, card.hidden])
    step = ("float32", [None, 1, card.codec.vocabulary])
    fed, *_ = inputs_of(card.codec.input)
    wanted: dict[str, tuple[str, list[int | None]]] = {
        fed: step if fed == "frame" else ("int64", [None, 1 + len(card.columns)]),
        "h": state,
        "c": state,
        "logits": step,
        "h_out": state,
        "c_out": state,
    }
    found = {value.name: value for value in (*inputs, *outputs)}
    names = sorted(value.name for value in inputs), sorted(value.name for value in outputs)
    if names != (sorted(inputs_of(card.codec.input)), sorted(OUTPUTS)):
        raise ModelError(
            f"{file}: the graph has {line(', '.join(found))}; format 1 has {', '.join(wanted)}"
        )
    for name, (kind, shape) in wanted.items():
        value = found[name]
        if (value.type, value.shape) != (kind, shape):
            shown = _sized(value.type, value.shape)
            raise ModelError(f"{file}: {name} is {shown}, not {_sized(kind, shape)}")


def _sized(kind: str, shape: Sequence[int | None]) -> str:
    return f"{kind} [{', '.join('any' if size is None else str(size) for size in shape)}]"


# what onnxruntime, at the oldest version allowed, would crash on; "" where there is nothing


def _wrong_inputs(node: Node, outline: Outline) -> str:
    least, most = OPERATORS[node.domain, node.operator]
    empty = [place for place, name in enumerate(node.inputs) if not name]
    wanted = [place for place in _EMPTY.get(node.operator, ()) if place < len(node.inputs)]
    if not least <= len(node.inputs) <= most or empty != wanted:
        return f"{len(node.inputs)} inputs, of them {len(empty)} empty"
    if node.operator in ("LSTM", "DynamicQuantizeLSTM"):
        weights = [outline.initializers.get(name) for name in node.inputs[1:3]]
        if not all(each and len(each.dims) == 3 for each in weights):
            return "weights that are no initializers [1, a, b]"
    if node.operator == "MatMulIntegerToFloat":
        scales = [outline.initializers.get(name) for name in node.inputs[2:] if name]
        if not all(each and math.prod(each.dims) == 1 for each in scales):
            return "scales that are no initializers of one number"
    return ""


def _wrong_blocks(node: Node, outline: Outline) -> str:
    if node.operator != "MatMulNBits":
        return ""
    names = "K", "N", "bits", "block_size"
    inputs, outputs, bits, block = (node.numbers.get(name, 0) for name in names)
    shape = f"K={inputs} N={outputs} bits={bits} block_size={block}"
    if inputs < 1 or outputs < 1 or bits not in (2, 4, 8) or block < 16 or block & block - 1:
        return shape
    blocks = outputs * math.ceil(inputs / block)
    wanted = {
        1: ("uint8", blocks * block * bits // 8),
        2: ("float32", blocks * 4),
        5: ("float32", outputs * 4),
    }
    for place, name in enumerate(node.inputs):
        tensor = outline.initializers.get(name)
        fits = tensor is not None and (tensor.type, tensor.bytes) == wanted.get(place)
        if place in wanted and not fits:
            return f"weights that do not fit {shape}"
    return ""
