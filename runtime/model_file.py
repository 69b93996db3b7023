"""Format 1 of the model file: an ONNX file whose metadata describes it whole. Read by ugen-run, written by export-ugen.

Graph: `token` int64 [batch, 1] or `frame` float32 [batch, 1, vocabulary], `h` and `c` float32 [layers, batch, hidden]
in; `logits` float32 [batch, 1, vocabulary], `h_out`, `c_out` out. The names never change within a format number, and
a piece begins with h and c of zeros.
Metadata (metadata_props), each a JSON text under the key `ugen.<part>`:

    ugen.format      1
    ugen.model       kind, input, layers, hidden, vocabulary, precision
    ugen.codec       name, options, start, end, and the whole event table
    ugen.sampling    temperature, top_k, top_p, min_p, repetition_penalty: what is best unless the user says otherwise
    ugen.provenance  what it learned from, how well it predicts held-out music, versions, hash of the weights
    ugen.licence     the licence and credits of the music it learned from, as text

and, where the exporter had it, `ugen.originality`: hashed runs of notes of that music (ugen.data.originality_table).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from ugen.data import Codec, UgenError, codec_from_json
from ugen.data.originality_table import Table, table_from_json

if TYPE_CHECKING:
    from .onnx_file import Value

FORMAT = 1
PREFIX = "ugen."
PARTS = ("format", "model", "codec", "sampling", "provenance", "licence")
OPTIONAL = ("originality",)
OUTPUTS = ("logits", "h_out", "c_out")
PRECISIONS = ("fp32", "fp16", "int8", "int4")
# the operators of format 1, by domain and name, and how many inputs a node of each has: at least, at most
OPERATORS = {
    ("", "Transpose"): (1, 1), ("", "Gather"): (2, 2), ("", "Split"): (2, 2), ("", "LSTM"): (7, 7),
    ("", "Concat"): (1, 64), ("", "MatMul"): (2, 2), ("", "Add"): (2, 2), ("", "Sub"): (2, 2), ("", "Mul"): (2, 2),
    ("", "LayerNormalization"): (3, 3), ("", "Cast"): (1, 1), ("", "Sigmoid"): (1, 1), ("", "Tanh"): (1, 1),
    ("", "MatMulInteger"): (4, 4), ("", "DynamicQuantizeLinear"): (1, 1), ("", "DequantizeLinear"): (3, 3),
    ("", "Reshape"): (2, 2),
    ("com.microsoft", "DynamicQuantizeLSTM"): (12, 12), ("com.microsoft", "MatMulNBits"): (3, 6),
}  # fmt: skip
MAX_BYTES = 4 << 30  # larger than any LSTM; checked before a file is opened
MAX_STATE = 1 << 26  # layers x hidden; bounds the state a file can make the runtime allocate
MAX_ENTRY = 1 << 20  # characters of one metadata entry; JSON can grow 25 times as large when it is read


def inputs_of(step: str) -> tuple[str, str, str]:
    """The graph's inputs when a step is fed a `token` or a `frame`."""
    return step, "h", "c"


class ModelError(UgenError):
    """A model file that the runtime cannot use. The text names the file and the part that is wrong."""


@dataclass(frozen=True)
class Sampling:
    """How the next token is drawn. `top_k` 0, `top_p` 1 and `min_p` 0 leave all tokens in; temperature 0 takes the
    likeliest; `repetition_penalty` 1 is none."""

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 0.98
    min_p: float = 0.0
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.temperature <= 10:
            raise UgenError(f"--temperature {self.temperature}: must be 0 to 10")
        if self.top_k < 0:
            raise UgenError(f"--top-k {self.top_k}: must be 0 (off) or more")
        if not 0 < self.top_p <= 1:
            raise UgenError(f"--top-p {self.top_p}: must be more than 0 and at most 1")
        if not 0 <= self.min_p < 1:
            raise UgenError(f"--min-p {self.min_p}: must be 0 (off) or more, and less than 1")
        if not 1 <= self.repetition_penalty <= 10:
            raise UgenError(f"--repetition-penalty {self.repetition_penalty}: must be 1 (off) to 10")


@dataclass(frozen=True)
class Card:
    """What a model file says of itself."""

    codec: Codec
    layers: int
    hidden: int
    precision: str
    sampling: Sampling
    provenance: dict[str, Any]
    licence: str
    originality: Table | None = None

    def to_metadata(self) -> dict[str, str]:
        """The metadata_props of the ONNX file."""
        model = {
            "kind": "lstm", "input": self.codec.input, "layers": self.layers, "hidden": self.hidden,
            "vocabulary": self.codec.vocabulary, "precision": self.precision,
        }  # fmt: skip
        parts = {
            "format": FORMAT, "model": model, "codec": self.codec.to_json(), "sampling": vars(self.sampling),
            "provenance": self.provenance, "licence": self.licence,
            **({"originality": self.originality.to_json()} if self.originality else {}),
        }  # fmt: skip
        return {PREFIX + part: json.dumps(value, ensure_ascii=False) for part, value in parts.items()}


def card_from_metadata(metadata: Mapping[str, str], file: str) -> Card:
    """Read and check a file's metadata. Raises ModelError that names the entry at fault."""
    if PREFIX + "format" not in metadata:
        raise ModelError(f"{file}: not a ugen model (it has no {PREFIX}format entry)")
    values: dict[str, Any] = {}
    for part in (*PARTS, *(part for part in OPTIONAL if PREFIX + part in metadata)):
        if PREFIX + part not in metadata:
            raise ModelError(f"{file}: the metadata has no {PREFIX}{part} entry")
        try:
            values[part] = read_json(metadata[PREFIX + part])
        except ValueError as error:
            raise ModelError(f"{file}: the metadata entry {PREFIX}{part} is not valid JSON ({line(error)})") from None
        if part == "format" and (type(values[part]) is not int or values[part] != FORMAT):
            raise ModelError(f"{file}: model format {_shown(values[part])}; this ugen reads format {FORMAT}")
    return _card(values, file)


def read_json(text: str) -> Any:
    """JSON of plain numbers, not nested too deeply for Python. Raises ValueError, also for NaN and infinities."""
    if len(text) > MAX_ENTRY:
        raise ValueError(f"{len(text)} characters; {MAX_ENTRY} are the most")
    try:
        return json.loads(text, parse_constant=_number, parse_float=_number, parse_int=_whole)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _number(text: str) -> float:
    if not math.isfinite(float(text)):
        raise ValueError(f"{line(text)} is no number")
    return float(text)


def _whole(text: str) -> int:
    if len(text) > 20:  # the longest int64 has 20 characters; Python takes its time over thousands of digits
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)


def line(value: object) -> str:
    """Whatever a file says, fit to stand in a line of an error."""
    text = "".join(c if c.isprintable() else " " for c in str(value)[:200])
    return text if len(str(value)) <= 200 else f"{text}..."


def _card(values: dict[str, Any], file: str) -> Card:
    part = "codec"
    try:
        codec = _codec(values[part])
        part = "model"
        layers, hidden, precision = _model(values[part], codec)
        part = "sampling"
        sampling = _sampling(values[part])
        for part, kind in (("provenance", dict), ("licence", str)):
            _of_type(values, part, kind)
        part = "originality"
        originality = table_from_json(values[part]) if part in values else None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError, UgenError) as error:
        raise ModelError(f"{file}: the metadata entry {PREFIX}{part} is wrong ({line(error)})") from None
    provenance, licence = values["provenance"], values["licence"]
    return Card(codec, layers, hidden, precision, sampling, provenance, licence, originality)


def _model(model: Any, codec: Codec) -> tuple[int, int, str]:
    """Layers, hidden and precision."""
    layers, hidden = _of_type(model, "layers", int), _of_type(model, "hidden", int)
    told = model["kind"], model["input"], _of_type(model, "vocabulary", int)
    if told != ("lstm", codec.input, codec.vocabulary):
        raise ValueError("it does not fit its codec: kind, input or vocabulary")
    if layers < 1 or hidden < 1 or layers * hidden > MAX_STATE:
        raise ValueError(f"it claims {layers} layers of {hidden}, which cannot be")
    precision = _of_type(model, "precision", str)
    if precision not in PRECISIONS:
        raise ValueError(f"precision {precision!r} is none of {', '.join(PRECISIONS)}")
    return layers, hidden, precision


def _of_type(values: Any, name: str, *kinds: type) -> Any:
    """An entry of a JSON object. Raises TypeError when it is of another type: true is no number here, nor 2.0 whole."""
    if type(values[name]) not in kinds:
        raise TypeError(f"{name} is {_shown(values[name])}, and must be {_KINDS[kinds[-1]]}")
    return values[name]


_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", dict: "an object",
          list: "a list"}  # fmt: skip


def _shown(value: Any) -> str:
    """A JSON value in a line of an error; lists and objects by their kind, for they may nest."""
    return _KINDS[type(value)] if isinstance(value, (list, dict)) else line(json.dumps(value))


def _codec(value: Any) -> Codec:
    """The codec, of options and ids that are the numbers they stand for: true equals 1 in Python."""
    codec = codec_from_json(value)
    usual = type(codec)().options()
    for name in value["options"]:
        _of_type(value["options"], name, type(usual[name]))
    if codec.end is not None:
        _of_type(value, "end", int)
    _of_type(value, "start", int)
    return codec


def _sampling(value: Any) -> Sampling:
    """Sampling defaults: the first three given, the others too or left at what does nothing."""
    kinds: dict[str, tuple[type, ...]] = {each.name: (int, float) for each in fields(Sampling)} | {"top_k": (int,)}
    if not {"temperature", "top_k", "top_p"} <= set(value) <= set(kinds):
        raise ValueError(f"it has {', '.join(map(str, value))}, not {', '.join(kinds)}")
    return Sampling(**{name: _of_type(value, name, *kinds[name]) for name in value})


def check_graph(card: Card, inputs: Sequence[Value], outputs: Sequence[Value], file: str) -> None:
    """Check a graph's inputs and outputs against the card. Raises ModelError that names the first that differs."""
    state = ("float32", [card.layers, None, card.hidden])
    step = ("float32", [None, 1, card.codec.vocabulary])
    wanted: dict[str, tuple[str, list[int | None]]] = {
        card.codec.input: step if card.codec.input == "frame" else ("int64", [None, 1]),
        "h": state, "c": state, "logits": step, "h_out": state, "c_out": state,
    }  # fmt: skip
    found = {value.name: value for value in (*inputs, *outputs)}
    told = sorted(value.name for value in inputs), sorted(value.name for value in outputs)
    if told != (sorted(inputs_of(card.codec.input)), sorted(OUTPUTS)):
        raise ModelError(f"{file}: the graph has {line(', '.join(found))}; format 1 has {', '.join(wanted)}")
    for name, (kind, shape) in wanted.items():
        if (found[name].type, found[name].shape) != (kind, shape):
            raise ModelError(
                f"{file}: {name} is {_sized(found[name].type, found[name].shape)}, not {_sized(kind, shape)}"
            )


def _sized(kind: str, shape: Sequence[int | None]) -> str:
    return f"{kind} [{', '.join('any' if size is None else str(size) for size in shape)}]"
