"""What a model file says of itself: its outline as onnx reads it, its metadata checked, its card in
words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_files import PROVENANCE, made, refusal, refusal_of
from onnx import numpy_helper
from support import command, finished, ugen_run
from ugen.data import make_codec
from ugen.data.codecs.columns import Wishes
from ugen.export.export import export
from ugen.export.settings import ExportSettings
from ugen.runtime import Card, ModelError, Sampling, load
from ugen.runtime.cli.model_info import card_json, describe
from ugen.runtime.model_file import outline as onnx_file
from ugen.runtime.model_file import wire_format
from ugen.runtime.model_file.card import card_from_metadata
from ugen.runtime.model_file.check import read_card
from ugen.runtime.model_file.format import OPERATORS, PRECISIONS
from ugen.runtime.model_file.outline import read_outline
from ugen.runtime.sampling.rng import Rng
from ugen.runtime.sampling.sampler import Sampler


@pytest.fixture(scope="module")
def plain() -> onnx.ModelProto:
    """A sound model."""
    return made()


# the outline


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(
    "shape",
    [{}, {"codec": "khot"}, {"skip": True, "tied": True, "learn_initial_state": True, "layers": 3}],
    ids=str,
)
def test_the_outline_is_what_onnx_reads(
    shape: dict[str, Any], precision: str, tmp_path: Path
) -> None:
    proto = made(precision=precision, **shape)
    onnx.save(proto, tmp_path / "model.onnx")
    outline, graph = read_outline(proto.SerializeToString(), "model.onnx"), proto.graph
    assert outline.metadata == {entry.key: entry.value for entry in proto.metadata_props}
    assert outline.opsets == {entry.domain: entry.version for entry in proto.opset_import}
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    assert {t.name: (t.type, t.dims, t.bytes) for t in outline.initializers.values()} == {
        name: (str(array.dtype), list(array.shape), array.nbytes) for name, array in arrays.items()
    }
    assert [(n.domain, n.operator, n.inputs) for n in outline.nodes] == [
        (n.domain, n.op_type, list(n.input)) for n in graph.node
    ]
    assert outline.operators <= OPERATORS.keys()
    for found, values in ((outline.inputs, graph.input), (outline.outputs, graph.output)):
        assert [(v.name, v.shape) for v in found] == [
            (v.name, [d.dim_value or None for d in v.type.tensor_type.shape.dim]) for v in values
        ]
    card = read_card(tmp_path / "model.onnx")
    assert card.precision == precision and card.provenance == PROVENANCE
    assert load(tmp_path / "model.onnx").card.to_metadata() == card.to_metadata()


def test_the_tables_are_those_of_onnx_proto() -> None:
    messages = {
        "MODEL": onnx.ModelProto,
        "OPSET": onnx.OperatorSetIdProto,
        "ENTRY": onnx.StringStringEntryProto,
        "GRAPH": onnx.GraphProto,
        "NODE": onnx.NodeProto,
        "ATTRIBUTE": onnx.AttributeProto,
        "TENSOR": onnx.TensorProto,
        "VALUE": onnx.ValueInfoProto,
        "TYPE": onnx.TypeProto,
        "TENSOR_TYPE": onnx.TypeProto.Tensor,
        "SHAPE": onnx.TensorShapeProto,
        "DIM": onnx.TensorShapeProto.Dimension,
    }
    tables = {
        name: table
        for name, table in vars(onnx_file).items()
        if name.isupper() and name in messages
    }
    assert tables.keys() == messages.keys()
    for label, table in tables.items():
        named = {field.number: field for field in messages[label].DESCRIPTOR.fields}
        for number, (name, kind) in table.items():
            assert named[number].name == name, label
            packed_or_many = (wire_format.NUMBERS, wire_format.MANY)
            once = named[number].is_packed or not named[number].is_repeated
            assert (
                kind in (wire_format.SKIP, wire_format.NEVER) or (kind in packed_or_many) != once
            ), f"{label}: {name}"


def test_the_page_of_the_format_lists_the_operators() -> None:
    page = (Path(__file__).parent.parent / "docs" / "model-format.md").read_text("utf-8")
    section = page.split("## Operators")[1].split("## ")[0]
    lists = re.findall(r"^- (.*?): (.*?)\.$", section, re.M | re.S)
    listed = [("", name) for name in re.findall(r"\w+", lists[0][1])]
    listed += [("com.microsoft", name) for name in re.findall(r"(\w+) \(", lists[1][1])]
    assert sorted(listed) == sorted(OPERATORS)


def test_min_p_comes_before_top_p_in_the_sampler_and_on_the_page() -> None:
    """The page had them the other way round. Of 0.5, 0.3 and 0.2, min-p 0.5 keeps the first two;
    top-p 0.6 of their sum keeps one, of the whole both."""
    sampler = Sampler(3, Sampling(top_p=0.6, min_p=0.5))
    logits, everything = np.log([0.5, 0.3, 0.2]).astype(np.float32), np.ones(3, bool)
    rng = Rng(1)
    assert {sampler.sample(logits, everything, rng) for _ in range(200)} == {0}
    page = (Path(__file__).parent.parent / "docs" / "model-format.md").read_text("utf-8")
    section = page.split("## Sampling a token")[1].split("## ")[0]
    assert section.index("Min-p keeps") < section.index("top-p adds")


def test_a_model_of_64_layers_is_far_from_the_limit_of_fields(tmp_path: Path) -> None:
    onnx.save(
        made(precision="int4", layers=64, embedding=8, hidden=8, skip=True), tmp_path / "deep.onnx"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wire_format, "MAX_FIELDS", wire_format.MAX_FIELDS // 4)
        read_card(tmp_path / "deep.onnx")
        patch.setattr(wire_format, "MAX_FIELDS", 10_000)
        assert "more than 10000 fields" in refusal(tmp_path / "deep.onnx", read_card)


# metadata that lies


Change = Callable[[Any], Any]
NO_NUMBER = "is not valid JSON .* is no number"


def _with(**entries: Any) -> Change:
    return lambda value: {**value, **entries}


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("format", None, r"not a ugen model \(it has no ugen\.format entry\)"),
        ("format", "2", "model format 2; this ugen reads 1"),
        ("format", "1.0", "model format 1.0"),
        ("format", "true", "model format true"),
        ("format", '"1"', 'model format "1"'),
        ("format", "[[1]]", r"model format \[\[1\]\]; this"),
        ("codec", None, r"ugen\.codec is missing; if an older ugen wrote .* export it again"),
        ("codec", "{", r"ugen\.codec is not valid JSON"),
        ("codec", "3", r"ugen\.codec"),
        ("codec", "[]", r"ugen\.codec"),
        ("codec", _with(name="remi"), r"ugen\.codec: .*'remi' is unknown"),
        ("codec", _with(name="remi\n" * 500), r"ugen\.codec: .*remi"),
        ("codec", _with(name=["beats"]), r"ugen\.codec"),
        ("codec", lambda c: {**c, "events": c["events"][::-1]}, "event table"),
        (
            "codec",
            lambda c: {**c, "events": [*c["events"], 1]},
            r"events\[\d+\] is 1, and must be a text",
        ),
        ("codec", _with(events="abc"), "events is .*, and must be a list"),
        ("codec", _with(start=False), "start is false, and must be a whole number"),
        ("codec", _with(end=0.0), "end is 0.0, and must be a whole number"),
        ("codec", _with(options={"band": 0}), "band is 0, and must be true or false"),
        ("codec", _with(options={"ba\nnd": 0}), r"ugen\.codec"),
        ("codec", _with(options=None), r"ugen\.codec"),
        ("model", "3", r"ugen\.model is 3, and must be an object"),
        ("model", _with(kind="gru"), r'ugen\.model\.kind is "gru", and must be lstm'),
        ("model", _with(input="frame"), "does not fit its codec"),
        ("model", _with(arrangement="choir"), 'is "choir", and must be piano or band'),
        (
            "model",
            lambda m: {name: value for name, value in m.items() if name != "arrangement"},
            r"ugen\.model\.arrangement is missing; if an older ugen .* export it again",
        ),
        ("model", _with(vocabulary=7), "does not fit its codec"),
        ("model", _with(vocabulary=483.0), "vocabulary is 483.0, and must be a whole number"),
        ("model", lambda m: {"kind": "lstm"}, r"ugen\.model\.input is missing"),
        ("model", _with(hidden=25), r"h is float32 \[2, any, 24\], not float32 \[2, any, 25\]"),
        ("model", _with(layers=10**9), "1000000000 layers of 24 are invalid"),
        ("model", _with(layers=0), "0 layers of 24 are invalid"),
        ("model", _with(layers=2.0), "layers is 2.0, and must be"),
        ("model", _with(layers=True), "layers is true"),
        ("model", _with(hidden="24"), 'hidden is "24"'),
        ("model", _with(hidden=[[24]]), "hidden is a list"),
        ("model", _with(precision="fp64"), 'is "fp64", and must be fp32 or fp16 or int8 or int4'),
        ("model", _with(precision=8), "precision is 8, and must be fp32"),
        ("model", _with(precision=None), "precision is null"),
        (
            "model",
            '{"layers": 1' + "0" * 5000 + "}",
            r"ugen\.model is not valid JSON \(a number of 5001 digits\)",
        ),
        ("sampling", _with(top_p=7), r"ugen\.sampling: .*top-p 7"),
        ("sampling", _with(top_p=True), "top_p is true, and must be a number"),
        ("sampling", _with(temperature="1"), 'temperature is "1", and must be a number'),
        ("sampling", _with(top_k=5.0), "top_k is 5.0, and must be a whole number"),
        ("sampling", "[]", r"ugen\.sampling"),
        ("sampling", _with(top_k=-1), "top-k -1"),
        ("sampling", {"top_p": 1}, "temperature is missing"),
        ("sampling", _with(penalty=2), r"sampling.*penalty is unknown"),
        ("sampling", '{"temperature": NaN, "top_k": 0, "top_p": 1}', NO_NUMBER),
        ("sampling", '{"temperature": 1e999, "top_k": 0, "top_p": 1}', NO_NUMBER),
        ("provenance", "3", r"ugen\.provenance is 3, and must be an object"),
        ("provenance", '{"held_out": -Infinity}', NO_NUMBER),
        ("provenance", "[]", "provenance is a list"),
        ("provenance", "[" * 100_000, "not valid JSON .nested too deeply"),
        (
            "provenance",
            '{"a":' * 100_000 + "1" + "}" * 100_000,
            "not valid JSON .nested too deeply",
        ),
        (
            "provenance",
            "[" + "[]," * 400_000 + "[]]",
            "not valid JSON .1200004 characters; 1048576 are the most",
        ),
        ("licence", "3", r"ugen\.licence is 3, and must be a text"),
        ("licence", "null", "licence is null"),
        ("licence", "\xff", "is not UTF-8"),
    ],
)
def test_lying_metadata_is_refused_by_the_entry_that_lies(
    plain, tmp_path: Path, part, value, message
) -> None:
    proto = onnx.ModelProto()
    proto.CopyFrom(plain)
    entry = next(entry for entry in proto.metadata_props if entry.key == f"ugen.{part}")
    if value is None:
        proto.metadata_props.remove(entry)
    elif isinstance(value, str):
        entry.value = value
    else:
        entry.value = json.dumps(value(json.loads(entry.value)) if callable(value) else value)
    data = proto.SerializeToString()
    if value == "\xff":
        data = data.replace("\xff".encode(), b"\xff\xff")
    assert re.search(message, said := refusal_of(data, tmp_path)), said


@given(
    part=st.sampled_from(["format", "model", "codec", "sampling", "provenance", "licence"]),
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda some: st.lists(some) | st.dictionaries(st.text(), some),
        max_leaves=8,
    ),
)
def test_any_json_in_any_entry_is_taken_or_refused_in_one_line(part: str, value: Any) -> None:
    metadata = Card(make_codec("beats"), 1, 8, "fp32", Sampling(), {}, "").to_metadata()
    metadata[f"ugen.{part}"] = json.dumps(value)
    try:
        card_from_metadata(metadata, "model.onnx")
    except ModelError as error:
        assert str(error).startswith("model.onnx: ") and str(error).isprintable()


# the card in words


INFO = """\
file          model.onnx, 0.04 MB, model format 1
model         LSTM, 2 layers of 24, skip connections and normalization
precision     int8 weights
codec         beats, 483 tokens
weights       sha256 5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed

learned from  94 pieces, 123,456 notes, 4.12 hours of music, 460,132 tokens
arrangement   piano
corpus        c0dec0dec0dec0dec0dec0dec0dec0dec0dec0dec0dec0dec0dec0dec0dec0de

held-out music         nats/token   per note per second   accuracy    no time      top 5    no time
  this model                2.000       5.00      40.00      50.0%      40.0%      80.0%      70.0%
  5-gram                    3.000       7.50      60.00      25.0%
  unigram                   4.000      10.00      80.00      10.0%
  (nats measure surprise: less is better; no time: without what only moves time)

precisions            MB    µs/token loss change
  fp32              9.10         140      +0.00%
  int8              2.42          70      +0.21%   this file
  (measured on a processor, 1 thread)

sampling      temperature 1, top-k off, top-p 0.98, unless you say otherwise
ugen-music    trained with 0.1.0, exported with 0.1.0

licence and credits of the music
  CC0

  by all of us
"""


def test_info_prints_the_card_with_neither_torch_nor_onnx_nor_onnxruntime(tmp_path: Path) -> None:
    onnx.save(made(precision="int8"), tmp_path / "model.onnx")
    done = ugen_run(tmp_path / "model.onnx", "--info", without="torch onnx onnxruntime")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == INFO
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"], "and nothing is written"


def test_the_card_of_a_real_run_has_all_its_parts(small_run: Path, tmp_path: Path) -> None:
    export(small_run, tmp_path / "model.onnx", ExportSettings(max_loss=10_000), steps=50)
    text = describe(read_card(tmp_path / "model.onnx"), tmp_path / "model.onnx")
    lines = text.splitlines()
    labels = [
        "model",
        "codec",
        "weights",
        "learned from",
        "arrangement",
        "precisions",
        "sampling",
        "ugen-music",
        "licence",
    ]
    table = [
        "this model",
        "5-gram",
        "repeat-last",
        "unigram",
        "fp32",
        "fp16",
        "int8",
        "int4",
        "(measured on",
    ]
    for label in [*labels, *(f"  {name}" for name in table)]:
        assert sum(line.startswith(label) for line in lines) == 1, label
    assert sum(line.endswith("this file") for line in lines) == 1


def _card(provenance: dict[str, Any], codec: str = "beats", licence: str = "") -> Card:
    return Card(make_codec(codec), 1, 8, "fp32", Sampling(), provenance, licence)


KNOWN = [
    *PROVENANCE,
    *PROVENANCE["held_out"],
    *PROVENANCE["corpus"],
    *PROVENANCE["precisions"][0],
    "nats_per_token",
]
KEYS, ODD = st.sampled_from(KNOWN), st.sampled_from(["x" * 500, "\x1b[2J", "\ud800"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | ODD,
    lambda some: st.lists(some) | st.dictionaries(KEYS | st.text(), some),
    max_leaves=30,
)


@given(st.dictionaries(KEYS, JSON), st.sampled_from(["beats", "khot"]), st.text())
def test_a_card_prints_whatever_its_provenance_is(
    provenance: dict[str, Any], codec: str, licence: str
) -> None:
    text = describe(_card(provenance, codec, licence), "nowhere.onnx")
    assert all(line.isprintable() and len(line) < 100 for line in text.split("\n"))
    assert text.startswith(
        "file          nowhere.onnx, model format 1\nmodel         LSTM, 1 layer of 8\n"
    )


def test_a_repr_of_a_card_is_one_line_of_a_terminal() -> None:
    """It was the whole event table, and all of the provenance."""
    assert repr(_card(PROVENANCE)) == "<Card: 1 x 8 LSTM, fp32, codec beats, piano>"


def test_a_card_as_json_holds_what_its_text_says(tmp_path: Path) -> None:
    onnx.save(made(precision="int8"), tmp_path / "model.onnx")
    card = read_card(tmp_path / "model.onnx")
    found = json.loads(json.dumps(card_json(card, tmp_path / "model.onnx")))
    assert found["bytes"] == (tmp_path / "model.onnx").stat().st_size
    assert (found["file"], found["format"], found["arrangement"]) == ("model.onnx", 1, "piano")
    assert (found["layers"], found["hidden"], found["precision"]) == (2, 24, "int8")
    assert found["provenance"] == PROVENANCE and found["sampling"]["top_p"] == 0.98
    assert found["codec"]["vocabulary"] == 483 and found["originality"] is None


def test_a_card_leaves_out_what_is_not_said_and_calls_vectors_steps() -> None:
    assert describe(_card({}), "m.onnx").splitlines()[2:] == [
        "precision     fp32 weights",
        "codec         beats, 483 tokens",
        "",
        "arrangement   piano",
        "",
        "sampling      temperature 1, top-k off, top-p 0.98, unless you say otherwise",
    ]
    text = describe(_card(PROVENANCE, "khot"), "m.onnx")
    assert "nats/step" in text and "keys right" in text and "460,132" not in text, (
        "words are no unit for a person"
    )


def test_a_licence_is_wrapped_cut_when_endless_and_legible_anywhere(tmp_path: Path) -> None:
    text = describe(_card({}, licence="Frédéric " * 40_000), "m.onnx")
    assert len(text) < 25_000 and text.endswith("  (... 360,000 characters in all)")
    proto = made()
    next(
        entry for entry in proto.metadata_props if entry.key == "ugen.licence"
    ).value = '"by Frédéric"'
    onnx.save(proto, tmp_path / "model.onnx")
    shown = command("ugen-run", tmp_path / "model.onnx", "--info", PYTHONIOENCODING="ascii")
    assert finished(shown).endswith("  by Fr?d?ric\n")


# the command


@pytest.mark.parametrize(
    ("data", "arguments", "message"),
    [
        (b"hello", ["--info"], "model.onnx: not an ONNX file"),
        (
            b"\x08\x08",
            ["-o", "song.mid"],
            "model.onnx: not an ONNX file, or cut short: it has no graph",
        ),
        (None, ["--info"], "model.onnx: graph of the file is cut short"),
        (None, ["-o", "song.mid"], "model.onnx: graph of the file is cut short"),
        (None, [], "-o is missing: name the file to write"),
    ],
)
def test_bad_files_get_one_line_and_exit_code_2(
    plain, tmp_path, monkeypatch, data, arguments, message
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model.onnx").write_bytes(plain.SerializeToString()[:3000] if data is None else data)
    done = ugen_run("model.onnx", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1 and done.stderr.startswith(f"ugen-run: {message}")
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


def test_the_example_of_columns_is_what_a_cursor_says() -> None:
    page = (Path(__file__).parent.parent / "docs" / "codecs.md").read_text("utf-8")
    table = page.split("| last event | beat | phase |")[1].split("\n\n")[0]
    codec, names = make_codec("beats"), ["beat", "phase", "back_1", "key", "left"]
    cursor = codec.cursor(columns=names, wishes=Wishes({"key": 22}, bars=3))
    assert re.findall(r"`(piece)`", table)
    for line in table.splitlines()[2:]:
        events, *ids = line.strip("| ").split(" | ")
        for event in re.findall(r"`(\S+:\S+|bar)`", events):
            cursor.feed(codec.events.index(event))
            assert cursor.row() == [int(each.split(":")[0]) for each in ids], line
        back = cursor.row()[2]
        assert ids[2] == (f"{back}: `{codec.events[back - 1]}`" if back else "0")
