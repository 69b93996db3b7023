"""The outline of an ONNX file: everything but its weights, read and checked before onnxruntime is
let near it.

The tables are those fields of onnx.proto that a file of format 1 may have. Others are refused and
not passed over, for onnxruntime would act on them, and open other files for some. Weights stay
where they lie, and each must have as many bytes as its shape asks for: together they are no larger
than the file. Only the outline itself takes memory.
"""

from __future__ import annotations

import math
import mmap
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from .format import MAX_BYTES, OPERATORS, PREFIX, ModelError
from .wire_format import BYTES, MANY, NEVER, NUMBER, NUMBERS, SKIP, Message, Span, Table, Wire

MAX_METADATA = 16 << 20
MAX_DIMS = 8

MODEL: Table = {
    1: ("ir_version", NUMBER),
    2: ("producer_name", SKIP),
    3: ("producer_version", SKIP),
    4: ("domain", SKIP),
    5: ("model_version", SKIP),
    6: ("doc_string", SKIP),
    7: ("graph", BYTES),
    8: ("opset_import", MANY),
    14: ("metadata_props", MANY),
    20: ("training_info", NEVER),
    25: ("functions", NEVER),
}
OPSET: Table = {1: ("domain", BYTES), 2: ("version", NUMBER)}
ENTRY: Table = {1: ("key", BYTES), 2: ("value", BYTES)}
GRAPH: Table = {
    1: ("node", MANY),
    2: ("name", SKIP),
    5: ("initializer", MANY),
    10: ("doc_string", SKIP),
    11: ("input", MANY),
    12: ("output", MANY),
    13: ("value_info", MANY),
    15: ("sparse_initializer", NEVER),
    16: ("metadata_props", SKIP),
}
NODE: Table = {
    1: ("input", MANY),
    2: ("output", SKIP),
    3: ("name", SKIP),
    4: ("op_type", BYTES),
    5: ("attribute", MANY),
    6: ("doc_string", SKIP),
    7: ("domain", BYTES),
    9: ("metadata_props", SKIP),
}
ATTRIBUTE: Table = {
    1: ("name", BYTES),
    2: ("f", SKIP),
    3: ("i", NUMBER),
    4: ("s", SKIP),
    5: ("t", NEVER),
    6: ("g", NEVER),
    7: ("floats", SKIP),
    8: ("ints", SKIP),
    9: ("strings", SKIP),
    10: ("tensors", NEVER),
    11: ("graphs", NEVER),
    13: ("doc_string", SKIP),
    20: ("type", NUMBER),
    22: ("sparse_tensor", NEVER),
    23: ("sparse_tensors", NEVER),
}
TENSOR: Table = {
    1: ("dims", NUMBERS),
    2: ("data_type", NUMBER),
    4: ("float_data", BYTES),
    5: ("int32_data", BYTES),
    6: ("string_data", NEVER),
    7: ("int64_data", BYTES),
    8: ("name", BYTES),
    9: ("raw_data", BYTES),
    12: ("doc_string", SKIP),
    13: ("external_data", NEVER),
    14: ("data_location", NUMBER),
    16: ("metadata_props", SKIP),
}
VALUE: Table = {
    1: ("name", BYTES),
    2: ("type", BYTES),
    3: ("doc_string", SKIP),
    4: ("metadata_props", SKIP),
}
TYPE: Table = {
    1: ("tensor_type", BYTES),
    4: ("sequence_type", NEVER),
    5: ("map_type", NEVER),
    6: ("denotation", SKIP),
    8: ("sparse_tensor_type", NEVER),
    9: ("optional_type", NEVER),
}
TENSOR_TYPE: Table = {1: ("elem_type", NUMBER), 2: ("shape", BYTES)}
SHAPE: Table = {1: ("dim", MANY)}
DIM: Table = {1: ("dim_value", NUMBER), 2: ("dim_param", BYTES), 3: ("denotation", SKIP)}

# an element type: its name, bytes an item, and the field that holds the items where raw_data does
# not
TYPES = {
    1: ("float32", 4, "float_data"),
    2: ("uint8", 1, "int32_data"),
    3: ("int8", 1, "int32_data"),
    6: ("int32", 4, "int32_data"),
    7: ("int64", 8, "int64_data"),
    10: ("float16", 2, "int32_data"),
}


class Value(NamedTuple):
    """An input or output of the graph. `shape`: None for a size that is not fixed."""

    name: str
    type: str
    shape: list[int | None]


class Tensor(NamedTuple):
    """An initializer. `bytes`: what its items take."""

    name: str
    type: str
    dims: list[int]
    bytes: int


class Node(NamedTuple):
    """A node of the graph. `numbers`: its attributes; those that are no whole number are 0."""

    domain: str
    operator: str
    inputs: list[str]
    numbers: dict[str, int]


@dataclass
class Outline:
    """What a file holds beside its weights. `opsets`: versions by domain."""

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


def read_outline(path: str | Path) -> Outline:
    """Read and check a file's outline. Raises ModelError, one line that names the file and the part
    at fault."""
    try:
        about = os.stat(path)  # before opening: that would wait for the writer of a pipe
        if not stat.S_ISREG(about.st_mode):
            raise ModelError(f"{path}: not a file")
        if about.st_size > MAX_BYTES:
            raise ModelError(f"{path}: {about.st_size >> 30} GiB is too large for a model file")
        with open(path, "rb") as stream:
            if (
                stream.read(1) != b"\x08"
            ):  # an ONNX file begins with its IR version: the key of field 1, a number
                raise ModelError(f"{path}: not an ONNX file")
            with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _outline(Wire(data, str(path)), (0, len(data)))
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or error}") from None
    except ValueError as error:  # a path that cannot be, or a file emptied since it was opened
        raise ModelError(f"{path}: cannot be read ({error})") from None


def _outline(wire: Wire, whole: Span) -> Outline:
    model = wire.message(whole, MODEL, "the file")
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
    for part in node.many("attribute"):
        attribute = wire.message(part, ATTRIBUTE, f"an attribute of {what}")
        name = wire.name(attribute, "name", f"an attribute of {what}")
        if name in numbers:
            raise wire.fail(f"the attribute {name} of {what} is there twice")
        numbers[name] = attribute.number("i")
    inputs = [wire.text(part, f"an input of {what}") for part in node.many("input")]
    return Node(domain, operator, inputs, numbers)


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
            raise wire.fail(f"{what} has a size that cannot be ({dim.number('dim_value')})")
        shape.append(dim.number("dim_value") if fixed else None)
    element = tensor.number("elem_type")
    return Value(name, TYPES[element][0] if element in TYPES else f"type {element}", shape)


def _tensor(wire: Wire, span: Span) -> Tensor:
    tensor = wire.message(span, TENSOR, "an initializer")
    name = wire.name(tensor, "name", "an initializer")
    what = f"the initializer {name}"
    if tensor.number("data_location"):
        raise wire.fail(f"{what} lies in another file")
    if tensor.number("data_type") not in TYPES:
        raise wire.fail(
            f"{what} is of type {tensor.number('data_type')}, which is no part of format 1"
        )
    kind, size, typed = TYPES[tensor.number("data_type")]
    dims = tensor.numbers.get("dims", [])
    for packed in tensor.many("dims"):
        dims = dims + wire.packed(packed, MAX_DIMS, f"the shape of {what}")
    if len(dims) > MAX_DIMS or min(dims, default=0) < 0:
        raise wire.fail(f"{what} claims the shape {dims[: MAX_DIMS + 1]}, which cannot be")
    claimed, stored = math.prod(dims) * size, _stored(wire, tensor, size, typed, what)
    if claimed != stored:
        raise wire.fail(
            f"{what} claims the shape {dims} of {kind}, {claimed} bytes; it has {stored}"
        )
    return Tensor(name, kind, dims, stored)


def _stored(wire: Wire, tensor: Message, size: int, typed: str, what: str) -> int:
    """Bytes of the items that a tensor holds, as raw_data or one by one in the field of its
    type."""
    fields = [
        name
        for name in ("raw_data", "float_data", "int32_data", "int64_data")
        if name in tensor.spans
    ]
    fields = [name for name in fields if tensor.span(name)[0] < tensor.span(name)[1]]
    if not fields:
        return 0
    if len(fields) > 1 or fields[0] not in ("raw_data", typed):
        raise wire.fail(f"{what} has its items in {' and '.join(fields)}")
    begin, end = tensor.span(fields[0])
    return (
        end - begin
        if fields[0] in ("raw_data", "float_data")
        else size * wire.packed_count((begin, end), what)
    )
