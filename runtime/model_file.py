"""Format 1 of the model file: an ONNX file whose metadata describes it whole. Read by ugen-run, written by export-ugen.

Graph: `token` int64 [batch, 1] or `frame` float32 [batch, 1, vocabulary], `h` and `c` float32 [layers, batch, hidden]
in; `logits` float32 [batch, 1, vocabulary], `h_out`, `c_out` out. The names never change within a format number, and
a piece begins with h and c of zeros.
Metadata (metadata_props), each a JSON text under the key `ugen.<part>`:

    ugen.format      1
    ugen.model       kind, input, layers, hidden, vocabulary, precision
    ugen.codec       name, options, start, end, and the whole event table
    ugen.sampling    temperature, top_k, top_p: what sounds best unless the user says otherwise
    ugen.provenance  what it learned from, how well it predicts held-out music, versions, hash of the weights
    ugen.licence     the licence and credits of the music it learned from, as text
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ugen.data import Codec, UgenError, codec_from_json

FORMAT = 1
PREFIX = "ugen."
PARTS = ("format", "model", "codec", "sampling", "provenance", "licence")
OUTPUTS = ("logits", "h_out", "c_out")
MAX_BYTES = 4 << 30  # larger than any LSTM; checked before a file is opened
MAX_STATE = 1 << 26  # layers x hidden; bounds the state a file can make the runtime allocate


def inputs_of(step: str) -> tuple[str, str, str]:
    """The graph's inputs when a step is fed a `token` or a `frame`."""
    return step, "h", "c"


class ModelError(UgenError):
    """A model file that the runtime cannot use. The text names the file and the part that is wrong."""


@dataclass(frozen=True)
class Sampling:
    """How the next token is drawn. `top_k` 0 and `top_p` 1 leave all tokens in; temperature 0 takes the likeliest."""

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 0.98

    def __post_init__(self) -> None:
        if not 0 <= self.temperature <= 10:
            raise UgenError(f"--temperature {self.temperature}: must be 0 to 10")
        if self.top_k < 0:
            raise UgenError(f"--top-k {self.top_k}: must be 0 (off) or more")
        if not 0 < self.top_p <= 1:
            raise UgenError(f"--top-p {self.top_p}: must be more than 0 and at most 1")


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

    def to_metadata(self) -> dict[str, str]:
        """The metadata_props of the ONNX file."""
        model = {
            "kind": "lstm", "input": self.codec.input, "layers": self.layers, "hidden": self.hidden,
            "vocabulary": self.codec.vocabulary, "precision": self.precision,
        }  # fmt: skip
        parts = {
            "format": FORMAT, "model": model, "codec": self.codec.to_json(), "sampling": vars(self.sampling),
            "provenance": self.provenance, "licence": self.licence,
        }  # fmt: skip
        return {PREFIX + part: json.dumps(value, ensure_ascii=False) for part, value in parts.items()}


def card_from_metadata(metadata: Mapping[str, str], file: str) -> Card:
    """Read and check a file's metadata. Raises ModelError that names the entry at fault."""
    if PREFIX + "format" not in metadata:
        raise ModelError(f"{file}: not a ugen model (it has no {PREFIX}format entry)")
    values: dict[str, Any] = {}
    for part in PARTS:
        try:
            values[part] = json.loads(metadata[PREFIX + part])
        except KeyError:
            raise ModelError(f"{file}: the metadata has no {PREFIX}{part} entry") from None
        except ValueError:
            raise ModelError(f"{file}: the metadata entry {PREFIX}{part} is not valid JSON") from None
        if part == "format" and values[part] != FORMAT:
            raise ModelError(f"{file}: model format {values[part]}; this ugen reads format {FORMAT}")
    return _card(values, file)


def _card(values: dict[str, Any], file: str) -> Card:
    part = "codec"
    try:
        codec = codec_from_json(values[part])
        part = "model"
        model = values[part]
        layers, hidden = int(model["layers"]), int(model["hidden"])
        if (model["kind"], model["input"], model["vocabulary"]) != ("lstm", codec.input, codec.vocabulary):
            raise ModelError(f"{file}: {PREFIX}model does not fit its codec (kind, input or vocabulary)")
        if layers < 1 or hidden < 1 or layers * hidden > MAX_STATE:
            raise ModelError(f"{file}: {PREFIX}model claims {layers} layers of {hidden}, which cannot be")
        precision = str(model["precision"])
        part = "sampling"
        sampling = Sampling(**values[part])
        part = "provenance"
        provenance = dict(values[part])
    except ModelError:
        raise
    except (KeyError, TypeError, ValueError, UgenError) as error:
        raise ModelError(f"{file}: the metadata entry {PREFIX}{part} is wrong ({error})") from None
    return Card(codec, layers, hidden, precision, sampling, provenance, str(values["licence"]))


def check_graph(card: Card, inputs: Sequence[Any], outputs: Sequence[Any], file: str) -> None:
    """Check a session's inputs and outputs against the card. Raises ModelError that names the first that differs."""
    state = ("tensor(float)", [card.layers, None, card.hidden])
    step = ("tensor(float)", [None, 1, card.codec.vocabulary])
    wanted: dict[str, tuple[str, list[int | None]]] = {
        card.codec.input: step if card.codec.input == "frame" else ("tensor(int64)", [None, 1]),
        "h": state, "c": state, "logits": step, "h_out": state, "c_out": state,
    }  # fmt: skip
    found = {value.name: value for value in (*inputs, *outputs)}
    if {v.name for v in inputs} != set(inputs_of(card.codec.input)) or {v.name for v in outputs} != set(OUTPUTS):
        raise ModelError(f"{file}: the graph has {', '.join(found)}; format 1 has {', '.join(wanted)}")
    for name, (kind, shape) in wanted.items():
        given = [size if isinstance(size, int) else None for size in found[name].shape]
        if found[name].type != kind or given != shape:
            raise ModelError(f"{file}: {name} is {found[name].type} {found[name].shape}, not {kind} {shape}")
