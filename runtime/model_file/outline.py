"""The outline of an ONNX file: all but its weights, read and checked before onnxruntime sees the
file.

The tables are those fields of onnx.proto that a file of format 1 may have. Others are refused, not
skipped: onnxruntime would act on them, and open other files for some. Each weight must have as many
bytes as its shape needs: together they are no larger than the file. Nothing is copied but the
outline itself.
"""

from __future__ import annotations

import math
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from .format import MAX_BYTES, OPERATORS, PREFIX, ModelError
from .wire_format import Message, Span, Wire, table

MAX_METADATA = 16 << 20
MAX_DIMS = 8
MAX_SIZES = 64

# the fields of each message: by their kind, number and name
MODEL = table(
    number="1 ir_version",
    bytes="7 graph",
    many="8 opset_import, 14 metadata_props",
    skip="2 producer_name, 3 producer_version, 4 domain, 5 model_version, 6 doc_string",
    never="20 training_info, 25 functions",
)
OPSET = table(bytes="1 domain", number="2 version")
ENTRY = table(bytes="1 key, 2 value")
GRAPH = table(
    many="1 node, 5 initializer, 11 input, 12 output, 13 value_info",
    skip="2 name, 10 doc_string, 16 metadata_props",
    never="15 sparse_initializer",
)
NODE = table(
    bytes="4 op_type, 7 domain",
    many="1 input, 2 output, 5 attribute",
    skip="3 name, 6 doc_string, 9 metadata_props",
)
ATTRIBUTE = table(
    bytes="1 name",
    number="3 i, 20 type",
    numbers="8 ints",
    skip="2 f, 4 s, 7 floats, 9 strings, 13 doc_string",
    never="5 t, 6 g, 10 tensors, 11 graphs, 22 sparse_tensor, 23 sparse_tensors",
)
TENSOR = table(
    numbers="1 dims",
    number="2 data_type, 14 data_location",
    bytes="4 float_data, 5 int32_data, 7 int64_data, 8 name, 9 raw_data",
    skip="12 doc_string, 16 metadata_props",
    never="6 string_data, 13 external_data",
)
VALUE = table(bytes="1 name, 2 type", skip="3 doc_string, 4 metadata_props")
TYPE = table(
    bytes="1 tensor_type",
    skip="6 denotation",
    never="4 sequence_type, 5 map_type, 8 sparse_tensor_type, 9 optional_type",
)
TENSOR_TYPE = table(number="1 elem_type", bytes="2 shape")
SHAPE = table(many="1 dim")
DIM = table(number="1 dim_value", bytes="2 dim_param", skip="3 denotation")

# an element type: its name, bytes per item, and the field of the items where it is not raw_data
TYPES = {
    1: ("float32", 4, "float_data"),
    2: ("uint8", 1, "int32_data"),
    3: ("int8", 1, "int32_data"),
    6: ("int32", 4, "int32_data"),
    7: ("int64", 8, "int64_data"),
    10: ("float16", 2, "int32_data"),
}
_ITEMS = "raw_data", "float_data", "int32_data", "int64_data"


class Value(NamedTuple):
    """An input or output of the graph. `shape`: None for a size that is not fixed."""

    name: str
    type: str
    shape: list[int | None]


class Tensor(NamedTuple):
    """An initializer. `bytes`: what its items take. `sizes`: the items of a few int64, which are
    sizes of other values."""

    name: str
    type: str
    dims: list[int]
    bytes: int
    sizes: list[int]


class Node(NamedTuple):
    """A node of the graph. `numbers`: its attributes; those that are no whole number are 0.
    `lists`: those that are whole numbers."""

    domain: str
    operator: str
    inputs: list[str]
    outputs: list[str]
    numbers: dict[str, int]
    lists: dict[str, list[int]]


@dataclass
class Outline:
    """What a file holds besides its weights. `opsets`: versions by domain."""

    metadata: dict[str, str] = field(default_factory=dict)
    opsets: dict[str, int] = field(default_factory=dict)
    inputs: list[Value] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    initializers: dict[str, Tensor] = field(default_factory=dict)

    @property
    def operators(self) -> set[tuple[str, str]]:
        """Domain and name of all operators that the graph uses."""
        return {(node.domain, node.operator) for node in self.nodes}


def read_bytes(path: str | Path) -> bytes:
    """A model file, read once: all that looks at it looks at these bytes, whatever becomes of the
    file. Raises ModelError."""
    try:
        about = os.stat(path)  # before opening: that would wait for the writer of a pipe
        if not stat.S_ISREG(about.st_mode):
            raise ModelError(f"{path}: not a file")
        if about.st_size > MAX_BYTES:
            raise ModelError(f"{path}: {about.st_size >> 30} GiB is too large for a model file")
        with open(path, "rb") as stream:
            # an ONNX file begins with its IR version: the key of field 1, a number
            if stream.peek(1)[:1] != b"\x08":
                raise ModelError(f"{path}: not an ONNX file")
            return stream.read(about.st_size)
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or error}") from None
    except ValueError as error:  # an impossible path
        raise ModelError(f"{path}: cannot be read ({error})") from None


def read_outline(data: bytes, file: str) -> Outline:
    """The outline of a file's bytes, checked. Raises ModelError, one line that names the file and
    the part at fault."""
    wire = Wire(data, file)
    model = wire.message((0, len(data)), MODEL, "the file")
    if "graph" not in model.spans:
        raise wire.fail("not an ONNX file, or cut short: it has no graph")
    graph = wire.message(model.span("graph"), GRAPH, "the graph")
    out = Outline(_metadata(wire, model.many("metadata_props")))
    for span in model.many("opset_import"):
        opset = wire.message(span, OPSET, "an opset import")
        out.opsets[wire.name(opset, "domain", "an opset import")] = opset.number("version")
    for span in graph.many("initializer"):
        tensor = _tensor(wire, span)
        if tensor.name in out.initializers:
            raise wire.fail(f"the initializer {tensor.name} is there twice")
        out.initializers[tensor.name] = tensor
    out.inputs = [_value(wire, span, "an input") for span in graph.many("input")]
    out.outputs = [_value(wire, span, "an output") for span in graph.many("output")]
    out.nodes = [_node(wire, span) for span in graph.many("node")]
    for span in graph.many("value_info"):  # nothing here needs it, but onnxruntime reads it too
        _value(wire, span, "a value_info")
    return out


def _metadata(wire: Wire, spans: list[Span]) -> dict[str, str]:
    size = sum(end - begin for begin, end in spans)
    if size > MAX_METADATA:
        raise wire.fail(f"{size >> 20} MiB of metadata; {MAX_METADATA >> 20} MiB are the most")
    metadata: dict[str, str] = {}
    for span in spans:
        entry = wire.message(span, ENTRY, "a metadata entry")
        key = wire.name(entry, "key", "a metadata entry")
        if key in metadata:
            raise wire.fail(f"the metadata entry {key} is there twice")
        ours = key.startswith(PREFIX)  # the others are anybody's
        metadata[key] = (
            wire.text(entry.span("value"), f"the metadata entry {key}", size) if ours else ""
        )
    return metadata


def _node(wire: Wire, span: Span) -> Node:
    node = wire.message(span, NODE, "a node")
    domain, operator = wire.name(node, "domain", "a node"), wire.name(node, "op_type", "a node")
    if (domain, operator) not in OPERATORS:
        raise wire.fail(f"the operator {domain and domain + '.'}{operator} is no part of format 1")
    what = f"a node {operator}"
    numbers: dict[str, int] = {}
    lists: dict[str, list[int]] = {}
    for part in node.many("attribute"):
        attribute = wire.message(part, ATTRIBUTE, f"an attribute of {what}")
        name = wire.name(attribute, "name", f"an attribute of {what}")
        if name in numbers:
            raise wire.fail(f"the attribute {name} of {what} is there twice")
        numbers[name] = attribute.number("i")
        lists[name] = wire.numbers(attribute, "ints", MAX_DIMS, f"the attribute {name} of {what}")
    inputs = [wire.text(part, f"an input of {what}") for part in node.many("input")]
    outputs = [wire.text(part, f"an output of {what}") for part in node.many("output")]
    return Node(domain, operator, inputs, outputs, numbers, lists)


def _value(wire: Wire, span: Span, what: str) -> Value:
    value = wire.message(span, VALUE, what)
    name = wire.name(value, "name", what)
    what = f"the shape of {name}"
    kind = wire.message(value.span("type"), TYPE, what)
    tensor = wire.message(kind.span("tensor_type"), TENSOR_TYPE, what)
    shape: list[int | None] = []
    for part in wire.message(tensor.span("shape"), SHAPE, what).many("dim"):
        dim = wire.message(part, DIM, what)
        fixed = "dim_value" in dim.numbers
        if dim.number("dim_value") < 0 or fixed and "dim_param" in dim.spans:
            raise wire.fail(f"{what} has an invalid size ({dim.number('dim_value')})")
        shape.append(dim.number("dim_value") if fixed else None)
    element = tensor.number("elem_type")
    return Value(name, TYPES[element][0] if element in TYPES else f"type {element}", shape)


def _tensor(wire: Wire, span: Span) -> Tensor:
    tensor = wire.message(span, TENSOR, "an initializer")
    name = wire.name(tensor, "name", "an initializer")
    what = f"the initializer {name}"
    if tensor.number("data_location"):
        raise wire.fail(f"{what} is in another file")
    if tensor.number("data_type") not in TYPES:
        raise wire.fail(
            f"{what} is of type {tensor.number('data_type')}, which is no part of format 1"
        )
    kind, size, typed = TYPES[tensor.number("data_type")]
    dims = wire.numbers(tensor, "dims", MAX_DIMS, f"the shape of {what}")
    if len(dims) > MAX_DIMS or min(dims, default=0) < 0:
        raise wire.fail(f"{what} claims the shape {dims[: MAX_DIMS + 1]}, which is invalid")
    claimed, stored = math.prod(dims) * size, _stored(wire, tensor, size, typed, what)
    if claimed != stored:
        raise wire.fail(
            f"{what} claims the shape {dims} of {kind}, {claimed} bytes; it has {stored}"
        )
    is_sizes = kind == "int64" and stored <= 8 * MAX_SIZES
    return Tensor(name, kind, dims, stored, wire.int64s(tensor, what) if is_sizes else [])


def _stored(wire: Wire, tensor: Message, size: int, typed: str, what: str) -> int:
    """Bytes of the items of a tensor, as raw_data or one by one in the field of its type."""
    spans = {name: tensor.span(name) for name in _ITEMS}
    fields = [name for name, (begin, end) in spans.items() if begin < end]
    if not fields:
        return 0
    if len(fields) > 1 or fields[0] not in ("raw_data", typed):
        raise wire.fail(f"{what} has its items in {' and '.join(fields)}")
    begin, end = spans[fields[0]]
    by_size = fields[0] in ("raw_data", "float_data")
    return end - begin if by_size else size * wire.packed_count((begin, end), what)
