"""Model files that are cut, damaged, foreign or lying are refused in one line, before onnxruntime
sees them.

What is wrong with a file is put in by ONNX's library, or byte by byte where that library would not
write it.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_files import made, refusal, refusal_of
from onnx import TensorProto, helper, numpy_helper
from ugen.data import make_codec
from ugen.runtime import Card, ModelError, generate, load
from ugen.runtime.inference import loading
from ugen.runtime.model_file.check import card_of, read_card
from ugen.runtime.model_file.format import PRECISIONS

BEATS = make_codec("beats")


@pytest.fixture(scope="module")
def models() -> dict[str, onnx.ModelProto]:
    """The same model in every precision, with columns and a pointer."""
    return {
        precision: made(
            precision=precision, columns=BEATS.columns, skip=True, learn_initial_state=True
        )
        for precision in PRECISIONS
    }


@pytest.fixture(scope="module")
def model_file(
    models: dict[str, onnx.ModelProto], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A sound model file, int8."""
    path = tmp_path_factory.mktemp("sound") / "model.onnx"
    path.write_bytes(models["int8"].SerializeToString())
    return path


# files that are cut, damaged or not ours


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not an ONNX file"),
        (b"hello", "not an ONNX file"),
        (b"PK\x03\x04zip", "not an ONNX file"),
        (b"\x08\x08garbage", "the file has field 12"),
        (b"\x08\x08", "it has no graph"),
        (b"\x08", "cut short"),
        (b"\x08" + b"\xff" * 30, "more than 64 bits"),
        (b"\x08\x08\x00", "field 0"),
        (b"\x08\x08\x3b", "graph of the file is damaged"),
        (b"\x08\x08\x38\x01", "graph of the file is damaged"),
        (b"\x08\x08\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "cut short: -1 bytes"),
        (b"\x08\x08\x08\x08", "ir_version of the file is there twice"),
        (b"\x08\x08\x3a\x00", "not a ugen model"),
        (b"\x08\x08" + b"\x12\x00" * 70_000, "more than 65536 fields"),
    ],
)
def test_files_that_are_no_models_are_refused(data: bytes, message: str, tmp_path: Path) -> None:
    assert message in refusal_of(data, tmp_path)


def test_paths_that_are_no_files_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.onnx")  # opening it would wait forever
    assert refusal(tmp_path / "pipe.onnx") == refusal(tmp_path) == "not a file"
    assert "No such file" in refusal(tmp_path / "nowhere.onnx")
    with pytest.raises(ModelError, match="cannot be read"):
        load("a\0b")


def test_a_model_cut_anywhere_is_refused(model_file: Path, tmp_path: Path) -> None:
    data = model_file.read_bytes()
    places = {
        *range(2000),
        *np.random.default_rng(0).integers(2000, len(data), 300).tolist(),
        len(data) - 1,
    }
    path = tmp_path / "cut.onnx"
    path.write_bytes(data)
    for place in sorted(places, reverse=True):
        os.truncate(path, place)
        refusal(path, read_card)
    for place in (1, 1000, len(data) // 2, len(data) - 1000, len(data) - 1):
        refusal_of(data[:place], tmp_path, load)


def _outside_weights(proto: onnx.ModelProto, data: bytes) -> list[int]:
    """Places of a file that no weight covers."""
    free = np.ones(len(data), bool)
    for tensor in proto.graph.initializer:
        if len(tensor.raw_data) > 16:
            begin = data.index(tensor.raw_data)
            free[begin : begin + len(tensor.raw_data)] = False
    places: list[int] = np.flatnonzero(free).tolist()
    return places


@pytest.mark.parametrize("precision", PRECISIONS)
def test_damage_outside_the_weights_is_refused_or_harmless(
    models, precision: str, tmp_path: Path
) -> None:
    data = models[precision].SerializeToString()
    places, rng, path = (
        _outside_weights(models[precision], data),
        np.random.default_rng(1),
        tmp_path / "bad.onnx",
    )
    refused = 0
    for _ in range(500):
        damaged = bytearray(data)
        for place in rng.choice(places, rng.integers(1, 4)):
            damaged[place] = rng.choice([damaged[place] ^ 1 << int(rng.integers(8)), 0, 127, 255])
        path.write_bytes(damaged)
        try:
            read_card(path)
        except ModelError as error:
            refused += 1
            assert str(error).startswith(f"{path}: ") and str(error).isprintable()
    assert refused > 100, (
        "most of a small file's outline are metadata and names, which must stay as they are"
    )


@given(st.binary(max_size=300))
def test_any_bytes_after_a_fitting_first_one_are_refused(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        refusal_of(b"\x08\x08" + data, Path(folder))


def test_a_foreign_onnx_file_is_refused(tmp_path: Path) -> None:
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"])
    other = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n"])
    graph = helper.make_graph([helper.make_node("Tanh", ["x"], ["y"])], "foreign", [value], [other])
    assert "not a ugen model (it has no ugen.format entry)" in refusal_of(
        helper.make_model(graph).SerializeToString(), tmp_path
    )


# graphs that lie

Change = Callable[[onnx.ModelProto], object]


def _tensor(which: str, **changes: Any) -> Change:
    """Change fields of an initializer."""

    def change(proto: onnx.ModelProto) -> None:
        tensor = next(tensor for tensor in proto.graph.initializer if tensor.name == which)
        for field, value in changes.items():
            tensor.ClearField(field)
            if isinstance(value, (list, tuple)):
                getattr(tensor, field).extend(value)
            else:
                setattr(tensor, field, value)

    return change


def _node(operator: str, change: Callable[[onnx.NodeProto], object]) -> Change:
    return lambda proto: change(next(node for node in proto.graph.node if node.op_type == operator))


def _attribute(**values: Any) -> Callable[[onnx.NodeProto], None]:
    """Set attributes of a node in place of its own."""

    def change(node: onnx.NodeProto) -> None:
        kept = [attribute for attribute in node.attribute if attribute.name not in values]
        del node.attribute[:]
        node.attribute.extend(
            [*kept, *(helper.make_attribute(name, value) for name, value in values.items())]
        )

    return change


def _input(place: int, name: str) -> Callable[[onnx.NodeProto], None]:
    def change(node: onnx.NodeProto) -> None:
        node.input[place] = name

    return change


def _external(proto: onnx.ModelProto) -> None:
    _tensor("head_bias", data_location=TensorProto.EXTERNAL)(proto)


def _external_entry(proto: onnx.ModelProto) -> None:
    onnx.external_data_helper.set_external_data(proto.graph.initializer[0], "/etc/passwd")
    proto.graph.initializer[0].data_location = TensorProto.DEFAULT


def _if(proto: onnx.ModelProto) -> None:
    branch = helper.make_graph([], "branch", [], [])
    proto.graph.node.append(
        helper.make_node("If", ["h"], ["never"], then_branch=branch, else_branch=branch)
    )


def _extra(operator: str, domain: str = "") -> Change:
    return lambda proto: proto.graph.node.append(
        helper.make_node(operator, ["h"], ["never"], domain=domain)
    )


def _function(proto: onnx.ModelProto) -> None:
    proto.functions.append(
        helper.make_function("d", "Add", ["a"], ["b"], [], [helper.make_opsetid("", 17)])
    )


def _sparse(proto: onnx.ModelProto) -> None:
    values, indices = (
        numpy_helper.from_array(np.ones(1, np.float32), "s"),
        numpy_helper.from_array(np.zeros(1, int)),
    )
    proto.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [1 << 40]))


def _sequence(proto: onnx.ModelProto) -> None:
    inner = proto.graph.input[0].type
    for _ in range(90):
        inner = inner.sequence_type.elem_type
    inner.tensor_type.elem_type = 1


def _rename_output(proto: onnx.ModelProto) -> None:
    proto.graph.node[-1].output[0] = proto.graph.output[0].name = "probabilities"


def _input_size(size: int) -> Change:
    def change(proto: onnx.ModelProto) -> None:
        proto.graph.input[0].type.tensor_type.shape.dim[1].dim_value = size

    return change


def _changed(proto: onnx.ModelProto, change: Change) -> bytes:
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    change(copy)
    return copy.SerializeToString()


GRAPHS: list[tuple[str, Change, str]] = [
    (
        "fp32",
        _tensor("head_bias", dims=[1 << 40]),
        r"head_bias claims the shape \[1099511627776\] of float32",
    ),
    ("fp32", _tensor("head_bias", dims=[1 << 62, 1 << 62]), "head_bias claims the shape"),
    ("fp32", _tensor("head_bias", dims=[-483]), "head_bias claims the shape .* is invalid"),
    ("fp32", _tensor("head_bias", dims=[-1, -483]), "head_bias claims the shape .* is invalid"),
    (
        "fp32",
        _tensor("head_bias", dims=[1] * 8 + [483]),
        "head_bias claims the shape .* is invalid",
    ),
    ("fp32", _tensor("head_bias", data_type=TensorProto.DOUBLE), "head_bias is of type 11"),
    (
        "fp32",
        _tensor("head_bias", data_type=TensorProto.FLOAT16),
        "head_bias claims .* 982 bytes; it has 1964",
    ),
    (
        "fp32",
        _tensor("head_bias", raw_data=b""),
        "head_bias claims the shape .* 1964 bytes; it has 0",
    ),
    (
        "fp32",
        _tensor("head_bias", float_data=[1.0] * 483),
        "head_bias has its items in raw_data and float_data",
    ),
    (
        "fp32",
        _tensor("head_bias", raw_data=b"", int32_data=[1] * 483),
        "head_bias has its items in int32_data",
    ),
    ("fp32", _tensor("head_bias", raw_data=b"", float_data=[1.0] * 483), "1964 bytes; it has 1932"),
    (
        "fp32",
        _tensor("head_bias", raw_data=b"", string_data=[b"x"]),
        "has string_data, which is no part of format 1",
    ),
    ("fp32", _tensor("head_bias", name="head"), "initializer head is there twice"),
    ("fp32", _tensor("head_bias", name="head\nbias"), "name of an initializer cannot be printed"),
    (
        "fp32",
        _tensor("head_bias", name="x" * 2000),
        "name of an initializer is longer than 1000 bytes",
    ),
    ("int8", _tensor("head_zero_point", int32_data=[0, 0]), "head_zero_point claims the shape"),
    ("fp32", _external, "initializer head_bias is in another file"),
    ("fp32", _external_entry, "has external_data, which is no part of format 1"),
    ("fp32", _if, r"operator If is no part of format 1"),
    ("fp32", _extra("ConstantOfShape"), "operator ConstantOfShape is no part of format 1"),
    (
        "fp32",
        _extra("LSTM", "com.microsoft"),
        r"operator com\.microsoft\.LSTM is no part of format 1",
    ),
    ("fp32", _extra("Add", "evil"), r"operator evil\.Add is no part of format 1"),
    (
        "fp32",
        _node("LSTM", _attribute(g=helper.make_graph([], "g", [], []))),
        "attribute of a node LSTM has g, which",
    ),
    ("fp32", _node("LSTM", _attribute(t=TensorProto())), "attribute of a node LSTM has t, which"),
    (
        "fp32",
        _node("Transpose", lambda node: node.attribute.append(node.attribute[0])),
        "attribute perm .* twice",
    ),
    ("fp32", _function, "has functions, which is no part of format 1"),
    ("fp32", lambda p: p.training_info.add(), "has training_info, which is no part of format 1"),
    ("fp32", _sparse, "graph has sparse_initializer, which is no part of format 1"),
    ("fp32", _sequence, "has sequence_type, which is no part of format 1"),
    ("fp32", _rename_output, "the graph has step, h, c, probabilities"),
    ("fp32", lambda p: p.graph.input.append(p.graph.input[0]), "the graph has step, h, c"),
    ("fp32", _input_size(7), r"step is int64 \[any, 7\], not int64 \[any, 23\]"),
    ("fp32", _input_size(-1), r"the shape of step has an invalid size \(-1\)"),
    (
        "fp32",
        lambda p: p.metadata_props.append(p.metadata_props[0]),
        r"metadata entry ugen\.\w+ is there twice",
    ),
    (
        "fp32",
        lambda p: p.metadata_props.add(key="mine", value="x" * (17 << 20)),
        "17 MiB of metadata; 16",
    ),
    # a crash or a read past the end, in some onnxruntime that the package admits
    (
        "fp32",
        _node("LayerNormalization", _input(2, "")),
        "a node LayerNormalization has 3 inputs, of them 1 empty",
    ),
    (
        "fp32",
        _node("LSTM", _input(1, "embedding")),
        "a node LSTM has weights that are no initializers",
    ),
    ("fp32", _tensor("W_0", dims=[96, 24]), "a node LSTM has weights that are no initializers"),
    (
        "int8",
        _tensor("R_0_quantized", dims=[24, 96]),
        "DynamicQuantizeLSTM has weights that are no",
    ),
    (
        "int4",
        _node("MatMulNBits", _attribute(K=1 << 20)),
        "a node MatMulNBits has weights that do not fit K=1048576",
    ),
    (
        "int4",
        _node("MatMulNBits", _attribute(N=1 << 20)),
        "a node MatMulNBits has weights that do not fit",
    ),
    (
        "int4",
        _node("MatMulNBits", _attribute(block_size=0)),
        "a node MatMulNBits has K=48 N=96 bits=4 block_size=0",
    ),
    (
        "int8",
        _node("MatMulIntegerToFloat", _input(3, "head_bias")),
        "a node MatMulIntegerToFloat has scales that are no initializers of one number",
    ),
    (
        "int8",
        _node("MatMulIntegerToFloat", _input(4, "one")),
        "a node MatMulIntegerToFloat has 6 inputs, of them 0 empty",
    ),
    (
        "int4",
        _node("MatMulNBits", _input(1, "xh_0")),
        "a node MatMulNBits has weights that do not fit",
    ),
    (
        "int4",
        _node("MatMulNBits", _input(2, "head_bias")),
        "a node MatMulNBits has weights that do not fit",
    ),
    (
        "int4",
        _node("MatMulNBits", _input(5, "head_bias")),
        "a node MatMulNBits has weights that do not fit",
    ),
    (
        "int4",
        _node("MatMulNBits", _input(3, "WR_0")),
        "a node MatMulNBits has 6 inputs, of them 1 empty",
    ),
    ("fp32", _node("Add", lambda node: node.input.append("h")), "a node Add has 3 inputs"),
]


@pytest.mark.parametrize(("precision", "change", "message"), GRAPHS)
def test_lying_graphs_are_refused_before_onnxruntime_sees_them(
    models, tmp_path, precision, change, message
) -> None:
    said = refusal_of(_changed(models[precision], change), tmp_path)
    assert re.search(message, said), said


# what only a step shows


def _shorter(proto: onnx.ModelProto) -> None:
    """The last id of the last column has no vector."""
    table = next(tensor for tensor in proto.graph.initializer if tensor.name == "embedding")
    table.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(table)[:-1], "embedding"))


def _fewer_scores(proto: onnx.ModelProto) -> None:
    """There is none for the token that the last pointer may name."""
    for name, change in (("head", {"axis": 1}), ("head_bias", {"axis": 0})):
        tensor = next(tensor for tensor in proto.graph.initializer if tensor.name == name)
        less = np.delete(numpy_helper.to_array(tensor), -1, **change)
        tensor.CopyFrom(numpy_helper.from_array(less, name))
    parts = next(t for t in proto.graph.initializer if t.name == "spare_and_tokens")
    parts.CopyFrom(numpy_helper.from_array(np.array([0, 483]), parts.name))


def _last_transpose(proto: onnx.ModelProto) -> None:
    proto.graph.node[-1].attribute[0].ints[:] = [0, 1, 2]  # alike for one stream


@pytest.mark.parametrize(
    ("columns", "change", "message"),
    [
        ((), _shorter, "onnxruntime cannot take a step"),
        (BEATS.columns[:3], _shorter, "onnxruntime cannot take a step"),
        (BEATS.columns, _fewer_scores, "the inputs of a node Split do not fit together"),
        (
            (),
            _tensor("head_bias", raw_data=np.full(483, np.nan, np.float32).tobytes()),
            "logits comes out with values",
        ),
        ((), _node("LSTM", _attribute(hidden_size=25)), "onnxruntime cannot"),
        ((), _last_transpose, "logits comes out as [1, 2, 483], not [2, 1, 483]"),
    ],
)
def test_a_file_whose_step_fails_is_refused_when_it_is_loaded(
    tmp_path: Path, columns, change, message: str
) -> None:
    proto = made(columns=columns, skip=True, learn_initial_state=True)
    assert message in refusal_of(_changed(proto, change), tmp_path, load)


# what a file can cost


GIB = 1 << 30
SIZE = 256 << 20


def _number(value: int) -> bytes:
    """A number of at most 35 bits, in five bytes however small it is."""
    return bytes([value >> 7 * k & 127 | 128 for k in range(4)] + [value >> 28])


def _to_the_end(*parts: int | bytes) -> bytes:
    """The beginning of a file of SIZE: fields in one another by their keys, each to its end; bytes
    as they are."""
    data = b"\x08\x08"
    for part in parts:
        data += part if isinstance(part, bytes) else bytes([part]) + _number(SIZE - len(data) - 6)
    return data


GRAPH, NODE, OP_TYPE, TENSOR, INT32_DATA, RAW_DATA, ENTRY, VALUE = (
    0x3A,
    0x0A,
    0x22,
    0x2A,
    0x2A,
    0x4A,
    0x72,
    0x12,
)
INT8 = b"\x10\x03\x42\x01w\x08"  # of a tensor: data_type, name, and the key of its one dim
HUGE = {
    "zeros": (_to_the_end(GRAPH), "the graph has field 0"),
    "a name": (_to_the_end(GRAPH, NODE, OP_TYPE), "op_type of a node is longer than 1000 bytes"),
    "metadata": (_to_the_end(b"\x3a\x00", ENTRY, VALUE), "255 MiB of metadata"),
    "a weight of 8 GiB": (
        _to_the_end(GRAPH, TENSOR, INT8 + _number(8 * GIB - 1) + b"\x4a" + _number(8 * GIB - 1)),
        "raw_data of an initializer is cut short",
    ),
    "a claim of 8 GiB": (
        _to_the_end(GRAPH, TENSOR, INT8 + _number(8 * GIB - 1), RAW_DATA),
        "w claims the shape",
    ),
    "numbers to count": (
        _to_the_end(GRAPH, TENSOR, INT8 + _number(SIZE - 31), INT32_DATA),
        "w has more than",
    ),
    "a sound weight": (
        _to_the_end(GRAPH, TENSOR, INT8 + _number(SIZE - 31), RAW_DATA),
        "not a ugen model",
    ),
}


@pytest.mark.parametrize(("data", "message"), HUGE.values(), ids=HUGE)
def test_a_huge_claim_costs_neither_time_nor_memory(
    data: bytes, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "huge.onnx"
    with open(path, "wb") as stream:
        stream.write(data)
        stream.truncate(SIZE)  # a hole: it takes no room on the disk
    tracemalloc.start()
    begun = time.process_time()
    said = refusal(path)
    seconds, memory = time.process_time() - begun, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seconds < 2 and memory < SIZE + (1 << 20), "the file's own bytes, once"
    assert message in said


def test_more_than_2_gib_is_no_model(tmp_path: Path) -> None:
    with open(tmp_path / "huge.onnx", "wb") as stream:
        stream.truncate(5 * GIB)
    assert refusal(tmp_path / "huge.onnx") == "5 GiB is too large for a model file"


def test_reading_the_card_of_a_large_sound_file_takes_no_memory_for_weights(tmp_path: Path) -> None:
    data = made(hidden=1024).SerializeToString()
    tracemalloc.start()
    card_of(data, "large.onnx")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20 < len(data) / 30


def test_a_file_changed_while_it_is_loaded_is_the_one_that_was_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was opened three times, mapped once: another file could reach onnxruntime unchecked, and
    one cut short ended the process with SIGBUS."""
    path, first = tmp_path / "model.onnx", made().SerializeToString()
    path.write_bytes(first)
    checked = loading.card_of

    def and_cut(data: bytes, file: str) -> Card:
        path.write_bytes(b"")
        return checked(data, file)

    monkeypatch.setattr(loading, "card_of", and_cut)
    model = load(path)
    assert model.sha256 == hashlib.sha256(first).hexdigest()
    assert len(generate(model, seconds=1, seed=1, guard=False).tokens)
