"""A model file's graph and metadata, checked against each other before onnxruntime sees it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ugen.data.text import line

from .card import Card, card_from_metadata
from .format import OPERATORS, OUTPUTS, ModelError, inputs_of
from .outline import Node, Outline, read_outline

# inputs left empty: sequence lengths and peepholes of an LSTM, zero points and a reordering of
# blocks
_EMPTY = {"LSTM": (4,), "DynamicQuantizeLSTM": (4, 7), "MatMulNBits": (3, 4)}


def read_card(path: str | Path) -> Card:
    """What a model file says of itself, checked, with no use of onnxruntime. Raises ModelError."""
    file = str(path)
    outline = read_outline(path)
    card = card_from_metadata(outline.metadata, file)
    check_graph(card, outline.inputs, outline.outputs, file)
    least = (
        card.layers * card.hidden**2 * 2
    )  # recurrent weights of four gates at four bits: bounds the state, too
    if sum(tensor.bytes for tensor in outline.initializers.values()) < least:
        raise ModelError(
            f"{file}: it has too few weights for {card.layers} layers of {card.hidden}"
        )
    for node in outline.nodes:
        wrong = _wrong_with(node, outline)
        if wrong:
            raise ModelError(f"{file}: a node {node.operator} has {wrong}")
    return card


def _wrong_with(node: Node, outline: Outline) -> str:
    """What onnxruntime, at the oldest version allowed, would crash on; nothing when there is
    nothing."""
    least, most = OPERATORS[node.domain, node.operator]
    empty = [place for place, name in enumerate(node.inputs) if not name]
    wanted = [place for place in _EMPTY.get(node.operator, ()) if place < len(node.inputs)]
    if not least <= len(node.inputs) <= most or empty != wanted:
        return f"{len(node.inputs)} inputs, of them {len(empty)} empty"
    weights = [outline.initializers.get(name) for name in node.inputs[1:3]]
    if node.operator in ("LSTM", "DynamicQuantizeLSTM") and not all(
        w and len(w.dims) == 3 for w in weights
    ):
        return "weights that are no initializers [1, a, b]"
    return _wrong_with_blocks(node, outline) if node.operator == "MatMulNBits" else ""


def _wrong_with_blocks(node: Node, outline: Outline) -> str:
    inputs, outputs, bits, block = (
        node.numbers.get(name, 0) for name in ("K", "N", "bits", "block_size")
    )
    shape = f"K={inputs} N={outputs} bits={bits} block_size={block}"
    if inputs < 1 or outputs < 1 or bits not in (2, 4, 8) or block < 16 or block & block - 1:
        return shape
    blocks = outputs * math.ceil(inputs / block)
    wanted = {
        1: ("uint8", blocks * block * bits // 8),
        2: ("float32", blocks * 4),
        5: ("float32", outputs * 4),
    }
    for place, kind_and_bytes in wanted.items():
        tensor = outline.initializers.get(node.inputs[place]) if place < len(node.inputs) else None
        if place < len(node.inputs) and (
            tensor is None or (tensor.type, tensor.bytes) != kind_and_bytes
        ):
            return f"weights that do not fit {shape}"
    return ""


if TYPE_CHECKING:
    from .outline import Value


def check_graph(card: Card, inputs: Sequence[Value], outputs: Sequence[Value], file: str) -> None:
    """Check a graph's inputs and outputs against the card. Raises ModelError that names the first
    that differs."""
    state = ("float32", [card.layers, None, card.hidden])
    step = ("float32", [None, 1, card.codec.vocabulary])
    wanted: dict[str, tuple[str, list[int | None]]] = {
        card.codec.input: step if card.codec.input == "frame" else ("int64", [None, 1]),
        "h": state,
        "c": state,
        "logits": step,
        "h_out": state,
        "c_out": state,
    }
    found = {value.name: value for value in (*inputs, *outputs)}
    told = sorted(value.name for value in inputs), sorted(value.name for value in outputs)
    if told != (sorted(inputs_of(card.codec.input)), sorted(OUTPUTS)):
        raise ModelError(
            f"{file}: the graph has {line(', '.join(found))}; format 1 has {', '.join(wanted)}"
        )
    for name, (kind, shape) in wanted.items():
        if (found[name].type, found[name].shape) != (kind, shape):
            raise ModelError(
                f"{file}: {name} is {_sized(found[name].type, found[name].shape)}, not {_sized(kind, shape)}"
            )


def _sized(kind: str, shape: Sequence[int | None]) -> str:
    return f"{kind} [{', '.join('any' if size is None else str(size) for size in shape)}]"
