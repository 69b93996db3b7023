"""The model that a run begins with, for fine-tuning: a training run, or a model file that
export-ugen wrote.

A model file holds every matrix of its model; where they were rounded, training starts from the
rounded ones.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from ugen.data import Codec, UgenError, codec_from_json
from ugen.data.analysis.fingerprint_table import Table, table_from_json
from ugen.data.codecs.columns import Column
from ugen.data.optional_imports import require
from ugen.data.pretrained import model_path
from ugen.data.text import line
from ugen.train.config import ModelConfig, model_config

from .checkpoint import load_checkpoint, require_weights
from .originality import read_originality
from .other_columns import with_columns
from .run_config import FirstModel
from .weight_layout import Arrays, lstm_from_onnx, unpack_int4, unpack_int8


@dataclass(frozen=True)
class InitialModel:
    """A model to begin with, and what is said of it. `table`: of the music that it learned from."""

    codec: Codec
    config: ModelConfig
    weights: dict[str, Tensor]
    about: FirstModel
    table: Table | None = None

    def with_columns(self, columns: Sequence[Column]) -> InitialModel:
        """The model with other columns, of which new ones say nothing yet."""
        config, weights = with_columns(self.config, self.weights, columns)
        return replace(self, config=config, weights=weights)


def fits(model: InitialModel, codec: Codec) -> bool:
    """Whether a model knows a codec's tokens."""
    return model.codec.to_json() == codec.to_json()


def open_model(path: Path) -> InitialModel:
    """The model of a run's folder, of an .onnx file, or of a name that stands for one. Raises
    UgenError."""
    path = model_path(path)
    return _from_onnx(path) if path.suffix == ".onnx" else _from_run(path)


def _hint(wanted: Codec, codec: Codec) -> str:
    """The flag that makes one codec of the other, where there is one."""
    band = wanted.options().get("band")
    if wanted.name != codec.name:
        return f", by --codec {wanted.name}"
    return f", by --arrange {'band' if band else 'piano'}" if band is not None else ""


def initial_model(path: Path, codec: Codec) -> InitialModel:
    """The same, for music in a codec. Raises UgenError when the model's is another."""
    model = open_model(path)
    if not fits(model, codec):
        raise UgenError(
            f"its codec is {_words(model.codec)}, this corpus has {_words(codec)}; prepare the "
            f"corpus with the same{_hint(model.codec, codec)}",
            flag="--init-from",
            value=path,
        )
    return model


def _from_run(path: Path) -> InitialModel:
    saved = load_checkpoint(path)
    before = saved.config.first_model
    about = FirstModel(path.resolve().name, licence=before.licence if before else "")
    table = read_originality(path / "originality.json")
    weights = saved.model.state_dict()
    return InitialModel(saved.codec, saved.model.config, weights, about, table)


def _words(codec: Codec) -> str:
    options = " ".join(f"{name}={value}" for name, value in codec.options().items())
    return f"{codec.name} ({options})" if options else codec.name


def _from_onnx(path: Path) -> InitialModel:
    require("onnx", "export")
    import onnx
    from onnx import numpy_helper

    try:
        if path.exists() and not path.is_file():  # opening a pipe would wait for its writer
            raise UgenError("not a file", flag="--init-from", value=path)
        proto = onnx.load_from_string(path.read_bytes())
        for tensor in proto.graph.initializer:
            if tensor.data_location or tensor.external_data:  # read from the current folder
                raise ValueError(f"the weight {tensor.name} lies in another file")
        about = {entry.key: json.loads(entry.value) for entry in proto.metadata_props}
        config = model_config(about["ugen.provenance"]["model"])
        codec = codec_from_json(about["ugen.codec"])
        hashes = about.get("ugen.originality")
        table = None if hashes is None else table_from_json(hashes)
        first = FirstModel(path.name, licence=str(about.get("ugen.licence", "")))
        arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
        weights = _weights(config, _plain(arrays, config))
    except OSError as error:
        raise UgenError(error.strerror or str(error), flag="--init-from", value=path) from None
    except UgenError:
        raise
    except Exception as error:  # protobuf's decoding errors share no public base
        reason = f"not a model file of ugen's that can be trained on ({line(repr(error))})"
        raise UgenError(reason, flag="--init-from", value=path) from None
    tensors = {name: torch.from_numpy(np.array(each, order="C")) for name, each in weights.items()}
    require_weights(config, tensors, path)
    return InitialModel(codec, config, tensors, first, table)


def _plain(arrays: Arrays, config: ModelConfig) -> Arrays:
    """All matrices as float32; of those that are stored rounded, the rounded values."""
    floats = {name: each for name, each in arrays.items() if each.dtype.kind == "f"}
    plain = {name: each.astype(np.float32) for name, each in floats.items()}
    for name in arrays:
        if name.endswith("_quantized"):
            stem = name.removesuffix("_quantized")
            plain[stem] = unpack_int8(arrays, stem)
    if config.columns:  # the parts of a row lie in another order
        table, parts = (
            plain["embedding"],
            zip(arrays["embedding_offsets"], config.rows, strict=True),
        )
        blocks = [table[first % len(table) :][:size] for first, size in parts]
        plain["embedding"] = np.concatenate(blocks)
    for k in range(config.layers):
        if f"WR_{k}" in arrays:  # 4-bit blocks of W and R beside each other, and one bias
            inputs = config.hidden if k or config.skip else config.embedding
            whole = unpack_int4(arrays[f"WR_{k}"], arrays[f"WR_{k}_steps"], inputs + config.hidden)
            bias = plain[f"B_{k}"]
            plain[f"W_{k}"] = whole[None, :, :inputs]
            plain[f"R_{k}"] = whole[None, :, inputs:]
            plain[f"B_{k}"] = np.concatenate([bias, np.zeros_like(bias)])[None]
    return plain


def _weights(config: ModelConfig, a: Arrays) -> Arrays:
    """The state_dict of the model that a graph's constants came from."""
    found: Arrays = {}
    for k in range(config.layers):
        found |= lstm_from_onnx(a[f"W_{k}"], a[f"R_{k}"], a[f"B_{k}"], config.skip, k)
        if config.skip:
            found[f"lstm_stack.norms.{k}.weight"] = a[f"normed_{k}_gain"]
            found[f"lstm_stack.norms.{k}.bias"] = a[f"normed_{k}_shift"]
    if config.pointers:  # the first score is of no token; those after all tokens are gates
        parts = [1, 1 + config.vocabulary]
        for name in ("head", "head_bias"):
            _, scores, gates = np.split(a[name], parts, -1)
            a = {name.replace("head", "gates"): gates, **a, name: scores}
    linear = {
        "head": "head",
        "gates": "gates",
        "embedding": "embedding",
        "input_proj": "lstm_stack.input_proj",
    }
    for label, name in linear.items():
        if f"{label}_bias" in a and not (config.tied and label == "head"):
            found |= {f"{name}.weight": a[label].T, f"{name}.bias": a[f"{label}_bias"]}
    if config.input == "token":
        found["embedding.weight"] = a["embedding"]
        if config.wishes:
            found["wishes.weight"] = a["wishes"]
    else:
        found["input_skip"] = a["input_skip"]
    if config.skip:
        found["lstm_stack.last_norm.weight"] = a["top_gain"]
        found["lstm_stack.last_norm.bias"] = a["top_shift"]
    if config.tied:
        found |= {"tied_proj.weight": a["tied_proj"].T, "head_bias": a["head_bias"]}
    if config.learn_initial_state:
        found |= {"start_h": a["start_h"], "start_c": a["start_c"]}
    return found
