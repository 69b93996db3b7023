"""A checkpoint is a folder: the best weights, their config, and what a resumed run needs. Loading
runs no code.

    config.json            model, codec, training and corpus; a folder without it never began
    model.safetensors      the weights that did best on held-out pieces, their scores in the header
    held_out_excerpt.npy   held-out music, so that an export can measure its loss without a corpus
    originality.json       hashed runs of notes of the training music, for ugen-score --originality
    resume.safetensors     the trainer's whole state at the last evaluation
    metrics.jsonl          one line for each evaluation
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
from safetensors.torch import load_file, save_file
from torch import Tensor
from ugen.data import Codec, UgenError, codec_from_json
from ugen.data.codecs.base import Inputs
from ugen.data.files import read_json, replacing
from ugen.train.config import model_config
from ugen.train.model import LstmModel

from .held_out_excerpt import read_excerpt

FORMAT = 1


@dataclass(frozen=True)
class Checkpoint:
    """A trained model with all that an export needs. `config`: config.json. `scores`: the model's
    held-out scores. `held_out_excerpt`: some held-out music, as `read_excerpt` gives it."""

    path: Path
    model: LstmModel
    codec: Codec
    config: dict[str, Any]
    scores: dict[str, Any]
    held_out_excerpt: Inputs


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Open a run's best weights on the CPU. Raises UgenError that names the file at fault."""
    path = Path(path)
    config = read_config(path)
    model = LstmModel(model_config(config["model"]))
    codec = codec_from_json(config["codec"])
    tensors, header = load_tensors(path / "model.safetensors")
    load_weights(model, tensors, path / "model.safetensors")
    model.eval()
    return Checkpoint(
        path,
        model,
        codec,
        config,
        header.get("scores", {}),
        read_excerpt(path / "held_out_excerpt.npy", codec),
    )


def require_free(path: Path) -> None:
    """Raise UgenError when a folder holds a run already: none is ever overwritten."""
    if (path / "config.json").exists():
        reason = "holds a training run already; use --resume, or choose another folder"
        raise UgenError(reason, path=path)


def read_config(path: Path) -> dict[str, Any]:
    """config.json of a run, its parts present. Raises UgenError when it is none."""
    if not (path / "config.json").is_file():
        raise UgenError("not a training run (no config.json in it)", path=path)
    config: dict[str, Any] = read_json(path / "config.json")
    for part in ("format", "model", "codec", "training", "corpus", "baselines"):
        if not isinstance(config, dict) or part not in config:
            raise UgenError(f"no entry {part!r}", path=path / "config.json")
    if config["format"] != FORMAT:
        reason = f"checkpoint format {config['format']}; this ugen reads format {FORMAT}"
        raise UgenError(reason, path=path)
    return config


def save_tensors(path: Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> None:
    """Tensors and a JSON header in one safetensors file, atomically."""
    with replacing(path) as partial:
        contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        save_file(contiguous, str(partial), {"ugen": json.dumps(header)})


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the JSON header of a file that `save_tensors` wrote. Raises UgenError that
    names the file."""
    try:
        with safetensors.safe_open(str(path), "pt") as file:
            header = json.loads((file.metadata() or {}).get("ugen", "{}"))
        return load_file(str(path)), header
    except (OSError, ValueError, safetensors.SafetensorError) as error:
        raise UgenError(f"cannot be read ({error})", path=path) from None


def load_weights(model: LstmModel, tensors: dict[str, Tensor], path: Path) -> None:
    """Put tensors into a model of the same shape. Raises UgenError that names the first one that
    does not fit."""
    wanted = model.state_dict()
    for name in sorted(set(wanted) | set(tensors)):
        if name not in tensors or name not in wanted:
            problem = "missing" if name in wanted else "not of this model"
            raise UgenError(f"weight {name!r} is {problem}", path=path)
        found, expected = list(tensors[name].shape), list(wanted[name].shape)
        if found != expected:
            raise UgenError(f"weight {name!r} is {found}, not {expected}", path=path)
    model.load_state_dict(tensors)
