"""Format 1 of the model file: an ONNX file whose metadata describes it whole. Read by ugen-run,
written by export-ugen.

Graph: `token` int64 [batch, 1] or `frame` float32 [batch, 1, vocabulary], `h` and `c` float32
[layers, batch, hidden] in; `logits` float32 [batch, 1, vocabulary], `h_out`, `c_out` out. The names
never change within a format number, and a piece begins with h and c of zeros. Metadata
(metadata_props), each a JSON text under the key `ugen.<part>`:

    ugen.format      1 ugen.model       kind, input, layers, hidden, vocabulary, precision
    ugen.codec       name, options, start, end, and the whole event table ugen.sampling
    temperature, top_k, top_p, min_p, repetition_penalty: what is best unless the user says
    otherwise ugen.provenance  what it learned from, how well it predicts held-out music, versions,
    hash of the weights ugen.licence     the licence and credits of the music it learned from, as
    text

and, where the exporter had it, `ugen.originality`: hashed runs of notes of that music
(ugen.data.analysis.fingerprint_table).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from ugen.data import Codec, UgenError, codec_from_json
from ugen.data.analysis.fingerprint_table import Table, table_from_json

if TYPE_CHECKING:
    pass
from ugen.data.text import line
from ugen.runtime.sampling.config import Sampling

from .format import FORMAT, MAX_ENTRY, MAX_STATE, OPTIONAL, PARTS, PRECISIONS, PREFIX, ModelError


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
            "kind": "lstm",
            "input": self.codec.input,
            "layers": self.layers,
            "hidden": self.hidden,
            "vocabulary": self.codec.vocabulary,
            "precision": self.precision,
        }
        parts = {
            "format": FORMAT,
            "model": model,
            "codec": self.codec.to_json(),
            "sampling": vars(self.sampling),
            "provenance": self.provenance,
            "licence": self.licence,
            **({"originality": self.originality.to_json()} if self.originality else {}),
        }
        return {
            PREFIX + part: json.dumps(value, ensure_ascii=False) for part, value in parts.items()
        }


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
            raise ModelError(
                f"{file}: the metadata entry {PREFIX}{part} is not valid JSON ({line(error)})"
            ) from None
        if part == "format" and (type(values[part]) is not int or values[part] != FORMAT):
            raise ModelError(
                f"{file}: model format {_shown(values[part])}; this ugen reads format {FORMAT}"
            )
    return _card(values, file)


def read_json(text: str) -> Any:
    """JSON of plain numbers, not nested too deeply for Python. Raises ValueError, also for NaN and
    infinities."""
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
    if (
        len(text) > 20
    ):  # the longest int64 has 20 characters; Python takes its time over thousands of digits
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)


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
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
        RecursionError,
        UgenError,
    ) as error:
        raise ModelError(
            f"{file}: the metadata entry {PREFIX}{part} is wrong ({line(error)})"
        ) from None
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
    """An entry of a JSON object. Raises TypeError when it is of another type: true is no number
    here, nor 2.0 whole."""
    if type(values[name]) not in kinds:
        raise TypeError(f"{name} is {_shown(values[name])}, and must be {_KINDS[kinds[-1]]}")
    return values[name]


_KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    dict: "an object",
    list: "a list",
}


def _shown(value: Any) -> str:
    """A JSON value in a line of an error; lists and objects by their kind, for they may nest."""
    return _KINDS[type(value)] if isinstance(value, (list, dict)) else line(json.dumps(value))


def _codec(value: Any) -> Codec:
    """The codec, of options and ids that are the numbers they stand for: true equals 1 in
    Python."""
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
    kinds: dict[str, tuple[type, ...]] = {each.name: (int, float) for each in fields(Sampling)} | {
        "top_k": (int,)
    }
    if not {"temperature", "top_k", "top_p"} <= set(value) <= set(kinds):
        raise ValueError(f"it has {', '.join(map(str, value))}, not {', '.join(kinds)}")
    return Sampling(**{name: _of_type(value, name, *kinds[name]) for name in value})
