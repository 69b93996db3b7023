"""How much a step of a graph computes and holds: no more than its weights account for.

A few nodes that join a value with itself double it each time, so a small file could ask for any
amount of memory and time. So the shapes of all values are found before onnxruntime sees the file,
for a step of two streams, and added up.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from .card import Card
from .format import inputs_of
from .outline import Node, Outline, Tensor

Shape = tuple[int, ...]

STREAMS = 2
SPARE = 1 << 18  # bytes of weights that are granted beyond those of the file


def too_much_work(card: Card, outline: Outline) -> str:
    """What is wrong with a graph's shapes, or with their sum; nothing where they are sound.

    In an exported graph each weight is multiplied once per stream, and values are far fewer than
    weights. `card` is that of the file.
    """
    state = card.layers, STREAMS, card.hidden
    fed, *_ = inputs_of(card.codec.input)
    frame, row = (STREAMS, 1, card.codec.vocabulary), (STREAMS, 1 + len(card.columns))
    step = frame if fed == "frame" else row
    shapes: dict[str, Shape] = {fed: step, "h": state, "c": state}
    shapes |= {name: tuple(tensor.dims) for name, tensor in outline.initializers.items()}
    most = STREAMS * (SPARE + sum(tensor.bytes for tensor in outline.initializers.values()))
    items = products = 0
    for node in outline.nodes:
        try:
            found = _outputs(node, shapes, outline.initializers)
            products += _products(node, shapes)
        except (IndexError, KeyError, ValueError):
            return f"the inputs of a node {node.operator} do not fit together"
        items += sum(map(math.prod, found))
        if items > most or products > 2 * most:  # two 4-bit weights to a byte
            return f"a step takes more work than its weights do (at a node {node.operator})"
        named = {name: shape for name, shape in zip(node.outputs, found, strict=False) if name}
        if len(node.outputs) > len(found) or not named.keys().isdisjoint(shapes):
            return f"the outputs of a node {node.operator} are not its own"
        shapes |= named
    return ""


def _outputs(
    node: Node, shapes: Mapping[str, Shape], constants: Mapping[str, Tensor]
) -> list[Shape]:
    """The shapes that a node makes. Raises IndexError, KeyError or ValueError where its inputs do
    not fit together."""
    given = [shapes[name] for name in node.inputs if name]
    x, operator = given[0], node.operator
    if operator in ("Cast", "Sigmoid", "Tanh", "DequantizeLinear"):
        return [x]
    if operator in ("Add", "Mul", "Sub", "LayerNormalization"):
        return [_broadcast(given)]
    if operator == "DynamicQuantizeLinear":
        return [x, (), ()]
    if operator == "Transpose":
        places = node.lists["perm"]
        if sorted(places) != list(range(len(x))):
            raise ValueError("no permutation")
        return [tuple(x[place] for place in places)]
    if operator == "Gather":
        place = range(len(x))[node.numbers.get("axis", 0)]
        return [(*x[:place], *given[1], *x[place + 1 :])]
    if operator == "ScatterElements":
        _, indices, updates = given
        if indices != updates or any(a > b for a, b in zip(indices, x, strict=True)):
            raise ValueError("more places than there are")
        return [x]
    if operator in ("MatMul", "MatMulInteger", "MatMulIntegerToFloat"):
        (*left, rows, inner), (*right, inputs, outputs) = given[:2]
        if inner != inputs:
            raise ValueError("another number of columns")
        return [(*_broadcast([tuple(left), tuple(right)]), rows, outputs)]
    if operator == "MatMulNBits":
        return [(*x[:-1], node.numbers["N"])]
    if operator in ("LSTM", "DynamicQuantizeLSTM"):
        steps, streams, _ = x
        state = 1, streams, min(constants[node.inputs[2]].dims[1:])
        return [(steps, *state), state, state]
    place = range(len(x))[node.numbers.get("axis", 0)]
    if operator == "Concat":
        return [_joined(given, place)]
    sizes = constants[node.inputs[1]].sizes  # Split
    if not sizes or min(sizes) < 0 or sum(sizes) != x[place]:
        raise ValueError("parts of another whole")
    return [(*x[:place], size, *x[place + 1 :]) for size in sizes]


def _products(node: Node, shapes: Mapping[str, Shape]) -> int:
    """How often a node multiplies a weight."""
    x = shapes[node.inputs[0]]
    if node.operator in ("MatMul", "MatMulInteger", "MatMulIntegerToFloat"):
        return math.prod(x[:-1]) * math.prod(shapes[node.inputs[1]])
    if node.operator == "MatMulNBits":
        return math.prod(x[:-1]) * node.numbers["N"] * node.numbers["K"]
    if node.operator in ("LSTM", "DynamicQuantizeLSTM"):
        weights = sum(math.prod(shapes[name]) for name in node.inputs[1:3])
        return math.prod(x[:-1]) * weights
    return 0


def _broadcast(given: Sequence[Shape]) -> Shape:
    rank = max(map(len, given))
    padded = [(1,) * (rank - len(shape)) + shape for shape in given]
    sizes = [{size for size in column if size != 1} for column in zip(*padded, strict=True)]
    if any(len(each) > 1 for each in sizes):
        raise ValueError("sizes that differ")
    return tuple(max(each, default=1) for each in sizes)


def _joined(given: Sequence[Shape], place: int) -> Shape:
    first = given[0]
    for shape in given:
        if (shape[:place], shape[place + 1 :]) != (first[:place], first[place + 1 :]):
            raise ValueError("sizes that differ")
    return (*first[:place], sum(shape[place] for shape in given), *first[place + 1 :])
