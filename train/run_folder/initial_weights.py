"""Initial weights, for fine-tuning: of a training run, or of a model file that export-ugen wrote.

A model file holds every matrix of its model; where they were rounded, training starts from the
rounded ones.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from ugen.data import Codec, UgenError, codec_from_json
from ugen.data.optional_imports import require
from ugen.data.text import line
from ugen.train.config import ModelConfig, model_config

from .checkpoint import load_checkpoint, require_weights
from .weight_layout import Arrays, lstm_from_onnx, unpack_int4, unpack_int8

PRETRAINED = Path("pretrained")  # the name of the model that comes with ugen
_ITS_FILE = Path(__file__).parents[2] / "runtime" / "pretrained.onnx"


def weights_from(path: Path, codec: Codec) -> tuple[ModelConfig, dict[str, Tensor]]:
    """The model and weights of a run's folder, of an .onnx file, or of PRETRAINED. Raises
    UgenError, also when its codec is another."""
    if path == PRETRAINED and not path.exists():
        path = _ITS_FILE
    if path.suffix == ".onnx":
        config, theirs, weights = _from_onnx(path)
    else:
        saved = load_checkpoint(path)
        config, theirs, weights = saved.model.config, saved.codec, saved.model.state_dict()
    if theirs.to_json() != codec.to_json():
        raise UgenError(
            f"its codec is {_words(theirs)}, this corpus has {_words(codec)}; "
            "prepare the corpus with the same codec",
            flag="--init-from",
            value=path,
        )
    return config, weights


def _words(codec: Codec) -> str:
    options = " ".join(f"{name}={value}" for name, value in codec.options().items())
    return f"{codec.name} ({options})" if options else codec.name


def _from_onnx(path: Path) -> tuple[ModelConfig, Codec, dict[str, Tensor]]:
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
    return config, codec, tensors


def _plain(arrays: Arrays, config: ModelConfig) -> Arrays:
    """All matrices as float32; of those that are stored rounded, the rounded values."""
    floats = {name: each for name, each in arrays.items() if each.dtype.kind == "f"}
    plain = {name: each.astype(np.float32) for name, each in floats.items()}
    for name in arrays:
        if name.endswith("_quantized"):
            stem = name.removesuffix("_quantized")
            plain[stem] = unpack_int8(arrays, stem)
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
    if config.pointers:  # the first score is of no token
        a = {**a, "head": a["head"][:, 1:], "head_bias": a["head_bias"][1:]}
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
