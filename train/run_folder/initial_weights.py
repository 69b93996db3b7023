"""Weights to begin with, for fine-tuning: from a training run, or from a model file that
export-ugen wrote.

A model file holds every matrix of its model; where they were rounded, training begins from the
rounded ones.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from ugen.data import Codec, UgenError, codec_from_json
from ugen.data.optional_imports import require
from ugen.train.config import ModelConfig, model_config

from .checkpoint import load_checkpoint

Arrays = dict[str, NDArray[Any]]
_ORDER = (0, 2, 3, 1)  # where PyTorch's gates i, f, g, o stand in ONNX's i, o, f, c


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
            f"--init-from {path}: it speaks the codec {_words(theirs)}, this corpus {_words(codec)}; "
            f"prepare the corpus with the same codec"
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
        proto = onnx.load(path, load_external_data=False)
        about = {entry.key: json.loads(entry.value) for entry in proto.metadata_props}
        config, codec = (
            model_config(about["ugen.provenance"]["model"]),
            codec_from_json(about["ugen.codec"]),
        )
        arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
        weights = _weights(config, _unblocked(_plain(arrays), arrays, config))
    except OSError as error:
        raise UgenError(f"--init-from {path}: {error.strerror or error}") from None
    except UgenError:
        raise
    except Exception as error:  # protobuf's decoding errors share no public base
        raise UgenError(
            f"--init-from {path}: not a model file of ugen's that can be trained on ({error!r})"
        ) from None
    return (
        config,
        codec,
        {name: torch.from_numpy(np.array(value, order="C")) for name, value in weights.items()},
    )


def _plain(arrays: Arrays) -> Arrays:
    """float32 arrays, quantized ones multiplied out: one scale for all, or one a column."""
    plain = {
        name: value.astype(np.float32) for name, value in arrays.items() if value.dtype.kind == "f"
    }
    for name, value in arrays.items():
        if name.endswith("_quantized"):
            stem = name.removesuffix("_quantized")
            scale, zero = (
                arrays[f"{stem}_scale"].reshape(-1),
                arrays[f"{stem}_zero_point"].reshape(-1),
            )
            whole = (value.astype(np.float32) - zero.astype(np.float32)) * scale
            plain[stem] = (
                whole.transpose(0, 2, 1) if whole.ndim == 3 else whole
            )  # an LSTM's are stored transposed
    return plain


def _unblocked(plain: Arrays, arrays: Arrays, config: ModelConfig) -> Arrays:
    """With the LSTMs' matrices, where they are stored as 4-bit blocks: W and R beside each other,
    numbers of a scale each, two a byte, 8 for 0."""
    for k in range(config.layers):
        if f"WR_{k}" in arrays:
            packed, size = arrays[f"WR_{k}"], config.hidden
            numbers = (
                np.stack([packed & 15, packed >> 4], -1)
                .reshape(*packed.shape[:2], -1)
                .astype(np.float32)
            )
            whole = ((numbers - 8) * arrays[f"WR_{k}_steps"].reshape(*packed.shape[:2], 1)).reshape(
                len(packed), -1
            )
            inputs = config.hidden if k or config.skip else config.embedding
            plain[f"W_{k}"], plain[f"R_{k}"] = (
                whole[None, :, :inputs],
                whole[None, :, inputs : inputs + size],
            )
            bias = plain[f"B_{k}"]
            plain[f"B_{k}"] = np.concatenate([bias, np.zeros_like(bias)])[None]
    return plain


def _weights(config: ModelConfig, a: Arrays) -> Arrays:
    """The state_dict of the model that a graph's constants came from."""
    found: Arrays = {}
    for k in range(config.layers):
        prefix, suffix = (
            (f"lstm_stack.lstms.{k}.", "_l0") if config.skip else ("lstm_stack.lstm.", f"_l{k}")
        )
        b_ih, b_hh = np.split(a[f"B_{k}"][0], 2)
        parts = {
            "weight_ih": a[f"W_{k}"][0],
            "weight_hh": a[f"R_{k}"][0],
            "bias_ih": b_ih,
            "bias_hh": b_hh,
        }
        found |= {f"{prefix}{name}{suffix}": _gates(value) for name, value in parts.items()}
        if config.skip:
            found |= {
                f"lstm_stack.norms.{k}.weight": a[f"normed_{k}_gain"],
                f"lstm_stack.norms.{k}.bias": a[f"normed_{k}_shift"],
            }
    pairs = {
        "head": "head",
        "embedding": "embedding",
        "widen": "lstm_stack.input_proj",
    }  # constants of linear layers
    for label, name in pairs.items():
        if f"{label}_bias" in a and not (config.tied and label == "head"):
            found |= {f"{name}.weight": a[label].T, f"{name}.bias": a[f"{label}_bias"]}
    if config.input == "token":
        found["embedding.weight"] = a["embedding"]
    else:
        found["input_skip"] = a["echo"]
    if config.skip:
        found |= {
            "lstm_stack.last_norm.weight": a["top_gain"],
            "lstm_stack.last_norm.bias": a["top_shift"],
        }
    if config.tied:
        found |= {"tied_proj.weight": a["narrow"].T, "head_bias": a["head_bias"]}
    if config.learn_initial_state:
        found |= {"start_h": a["start_h"], "start_c": a["start_c"]}
    return found


def _gates(value: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([np.split(value, 4)[gate] for gate in _ORDER])
