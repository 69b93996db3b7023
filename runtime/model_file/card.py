"""What a model file says of itself: the metadata (metadata_props) of its ONNX file.

Each part is a JSON text under the key `ugen.<part>`; docs/model-format.md describes them. The file
is read by ugen-run and written by export-ugen. This module knows nothing of the graph.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from ugen.data import Codec, UgenError, codec_from_json
from ugen.data.analysis.fingerprint_table import Table, table_from_json
from ugen.data.analysis.key import MODES
from ugen.data.analysis.wishes import KEY_NAMES, Known
from ugen.data.codecs.columns import Column
from ugen.data.json_values import from_json, parse_json, to_json
from ugen.data.midi.general_midi import DRUMS
from ugen.data.text import line
from ugen.runtime.sampling.config import Sampling

from .format import FORMAT, MAX_STATE, PREFIX, ModelError


@dataclass(frozen=True, repr=False)
class Card:
    """What a model file says of itself."""

    codec: Codec

    layers: int

    hidden: int
    """Cells per layer."""

    precision: str
    """How weights are stored: fp32, fp16, int8 or int4."""

    sampling: Sampling
    """How tokens are sampled unless the user says otherwise."""

    provenance: dict[str, Any]
    """What the model learned from, how well it predicts held-out music, versions, the hash of the
    weights. Free-form: whoever reads it must expect anything."""

    licence: str
    """The licence and the credits of the music that it learned from."""

    originality: Table | None = None
    """Hashed runs of notes of that music."""

    arrangement: str = "piano"
    """How that music was arranged, and other music must be for this model: piano or band."""

    check_logits: tuple[float, ...] | None = None
    """The logits after a few steps, against which a runtime checks itself."""

    columns: tuple[Column, ...] = ()
    """What a step's row has beside the token, in order."""

    wishes: tuple[Known, ...] = ()
    """What the training music says of each wish."""

    @property
    def known(self) -> dict[str, Known]:
        """What can be asked of the model: what it knows of each wish that it has a column for."""
        found = {each.name: each for each in self.wishes if each.name in self.column_names}
        if "key" in self.column_names and "key" not in found:
            found["key"] = Known("key", KEY_NAMES, _key_counts(self.provenance))
        return found

    @property
    def ensembles(self) -> tuple[tuple[int, ...], ...]:
        """The instruments of each training piece of a band, by number; none where the file does not
        say."""
        corpus = self.provenance.get("corpus")
        found = corpus.get("ensembles") if isinstance(corpus, dict) else None
        lists = found if isinstance(found, list) else []
        return tuple(tuple(each) for each in lists if _is_ensemble(each))

    def pitch_classes(self, minor: bool) -> tuple[int, ...]:
        """Notes of the training music in that mode by pitch class, from the tonic up; none where
        the file does not say."""
        corpus = self.provenance.get("corpus")
        modes = corpus.get("pitch_classes") if isinstance(corpus, dict) else None
        found = modes.get(MODES[minor]) if isinstance(modes, dict) else None
        counts = found if isinstance(found, list) and len(found) == 12 else []
        return tuple(counts) if all(type(n) is int and 0 <= n < 1 << 53 for n in counts) else ()

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns by name, as a codec's cursor takes them."""
        return tuple(each.name for each in self.columns)

    def __repr__(self) -> str:
        shape = f"{self.layers} x {self.hidden} LSTM, {self.precision}"
        return f"<Card: {shape}, codec {self.codec.name}, {self.arrangement}>"

    def to_metadata(self) -> dict[str, str]:
        """The metadata_props of the ONNX file."""
        model = {
            "kind": "lstm",
            "input": self.codec.input,
            "layers": self.layers,
            "hidden": self.hidden,
            "vocabulary": self.codec.vocabulary,
            "precision": self.precision,
            "arrangement": self.arrangement,
        }
        parts = {
            "format": FORMAT,
            "model": model,
            "codec": self.codec.to_json(),
            "inputs": to_json(self.columns),
            "sampling": to_json(self.sampling),
            "provenance": self.provenance,
            "licence": self.licence,
            **({"wishes": to_json(self.wishes)} if self.wishes else {}),
            **({"originality": self.originality.to_json()} if self.originality else {}),
            **({"check_logits": self.check_logits} if self.check_logits else {}),
        }
        texts = {name: json.dumps(value, ensure_ascii=False) for name, value in parts.items()}
        # JSON can hold halves of characters, which UTF-8 cannot
        return {
            PREFIX + name: text.encode(errors="replace").decode() for name, text in texts.items()
        }


def _key_counts(provenance: Mapping[str, Any]) -> tuple[int, ...]:
    """How often each key occurs in the training music, as files of before say it; 1 each where
    they do not."""
    corpus = provenance.get("corpus")
    found = corpus.get("keys") if isinstance(corpus, dict) else None
    counts = [found.get(name, 0) for name in KEY_NAMES] if isinstance(found, dict) else []
    if all(type(each) is int and 0 <= each < 1 << 53 for each in counts) and any(counts):
        return tuple(counts)
    return (1,) * len(KEY_NAMES)


def _is_ensemble(value: object) -> bool:
    """Whether a value from a file names instruments."""
    numbers = value if isinstance(value, list) else []
    return bool(numbers) and all(type(each) is int and 0 <= each <= DRUMS for each in numbers)


@dataclass(frozen=True)
class _Model:
    """The entry `ugen.model`. `input` and `vocabulary` repeat the codec, for other readers."""

    kind: Literal["lstm"]
    input: str
    layers: int
    hidden: int
    vocabulary: int
    precision: Literal["fp32", "fp16", "int8", "int4"]
    arrangement: Literal["piano", "band"]

    def __post_init__(self) -> None:
        if self.layers < 1 or self.hidden < 1 or self.layers * self.hidden > MAX_STATE:
            raise UgenError(f"{self.layers} layers of {self.hidden} are invalid")


def _sampling(value: Any) -> Sampling:
    """All fields must be there: another version of ugen may have other defaults."""
    missing = [each.name for each in fields(Sampling) if each.name not in value]
    if missing:
        raise ValueError(f"{missing[0]} is missing")
    return from_json(Sampling, value)


@dataclass(frozen=True)
class _Entries:
    """The entries but `ugen.format`, decoded."""

    codec: Codec = field(metadata={"from_json": codec_from_json})
    model: _Model
    inputs: tuple[Column, ...]
    sampling: Sampling = field(metadata={"from_json": _sampling})
    provenance: dict[str, Any]
    licence: str
    originality: Table | None = field(default=None, metadata={"from_json": table_from_json})
    check_logits: tuple[float, ...] | None = None
    wishes: tuple[Known, ...] = ()

    def __post_init__(self) -> None:
        model, codec = self.model, self.codec
        if (model.input, model.vocabulary) != (codec.input, codec.vocabulary):
            raise UgenError("model does not fit its codec: input or vocabulary")
        sizes = {each.name: len(each.values) + 1 for each in self.wishes}
        if len(sizes) < len(self.wishes):
            raise UgenError("wishes: one twice")
        has = {Column(each.name, sizes.get(each.name, each.size)) for each in codec.columns}
        unknown = [each.name for each in self.inputs if each not in has]
        if unknown or len(set(self.inputs)) < len(self.inputs):
            name = f"its codec has no such column: {unknown[0]}" if unknown else "a column twice"
            raise UgenError(f"inputs: {name}")
        if self.check_logits is not None and len(self.check_logits) != codec.vocabulary:
            raise UgenError(f"check_logits are not {codec.vocabulary}")


def card_from_metadata(metadata: Mapping[str, str], file: str) -> Card:
    """Read and check a file's metadata. Raises ModelError that names the entry at fault."""
    if PREFIX + "format" not in metadata:
        raise ModelError(f"{file}: not a ugen model (it has no {PREFIX}format entry)")
    if metadata[PREFIX + "format"].strip() != str(FORMAT):
        raise ModelError(
            f"{file}: model format {line(metadata[PREFIX + 'format'])}; this ugen reads {FORMAT}"
        )
    names = [each.name for each in fields(_Entries) if PREFIX + each.name in metadata]
    values = {name: _parsed(metadata, name, file) for name in names}
    try:
        entries = from_json(_Entries, values)
    except ValueError as error:
        raise ModelError(
            f"{file}: the metadata entry {PREFIX}{line(error)}; "
            "if an older ugen wrote this file, export it again"
        ) from None
    model = entries.model
    return Card(
        entries.codec,
        model.layers,
        model.hidden,
        model.precision,
        entries.sampling,
        entries.provenance,
        entries.licence,
        entries.originality,
        model.arrangement,
        entries.check_logits,
        entries.inputs,
        entries.wishes,
    )


def _parsed(metadata: Mapping[str, str], part: str, file: str) -> Any:
    try:
        return parse_json(metadata[PREFIX + part])
    except ValueError as error:
        raise ModelError(
            f"{file}: the metadata entry {PREFIX}{part} is not valid JSON ({line(error)})"
        ) from None
