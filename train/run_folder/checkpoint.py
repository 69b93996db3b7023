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
import torch
from safetensors.torch import load, save
from torch import Tensor
from ugen.data import Codec, UgenError
from ugen.data.analysis.scores import Scores, scores_from_json
from ugen.data.codecs.base import Rows
from ugen.data.files import read_bytes, write_atomically
from ugen.data.text import line
from ugen.train.config import ModelConfig
from ugen.train.model import LstmModel

from .held_out_excerpt import read_excerpt
from .run_config import CONFIG_FILE, RunConfig, read_config


@dataclass(frozen=True)
class Checkpoint:
    """A trained model with all that an export needs. `scores`: its held-out scores. `update`: when
    it had them; 0 is before the first. `held_out_excerpt`: some held-out music, as `read_excerpt`
    gives it."""

    path: Path
    model: LstmModel
    codec: Codec
    config: RunConfig
    scores: Scores
    update: int
    held_out_excerpt: Rows


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Open a run's best weights on the CPU. Raises UgenError that names the file at fault."""
    path = Path(path)
    config, file = read_config(path), path / "model.safetensors"
    tensors, header = load_tensors(file)
    require_weights(config.model, tensors, file)
    if (scores := scores_from_json(header.get("scores"))) is None:
        raise UgenError("its header has no scores", path=file)
    model = LstmModel(config.model)
    model.load_state_dict(tensors)
    model.eval()
    excerpt = read_excerpt(path / "held_out_excerpt.npy", config.codec, config.model.rows)
    update = header.get("update")
    if not isinstance(update, int):
        raise UgenError("its header has no update", path=file)
    return Checkpoint(path, model, config.codec, config, scores, update, excerpt)


def require_free(path: Path) -> None:
    """Raise UgenError when a folder holds a run already: none is ever overwritten."""
    if (path / CONFIG_FILE).exists():
        reason = "holds a training run already; use --resume, or choose another folder"
        raise UgenError(reason, path=path)


def save_tensors(path: Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> None:
    """Tensors and a JSON header in one safetensors file, atomically."""
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_atomically(path, save(contiguous, {"ugen": json.dumps(header)}))


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the JSON header of a file that `save_tensors` wrote. Raises UgenError that
    names the file."""
    data = read_bytes(path)  # not mapped: a file cut while in use would end the process
    try:
        tensors = load(data)
        about = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        header = json.loads(about.get("__metadata__", {}).get("ugen", "{}"))
    except (ValueError, RecursionError, safetensors.SafetensorError) as error:
        raise UgenError(f"cannot be read ({line(error)})", path=path) from None
    if not isinstance(header, dict):
        raise UgenError("cannot be read (its header is no object)", path=path)
    return tensors, header


def require_weights(config: ModelConfig, tensors: dict[str, Tensor], path: Path) -> None:
    """Raise UgenError that names the first of a file's tensors that is not of such a model. Takes
    no memory for the model, whose sizes a file may lie about."""
    with torch.device("meta"):
        wanted = LstmModel(config).state_dict()
    for name in sorted(set(wanted) | set(tensors)):
        if name not in tensors or name not in wanted:
            problem = "missing" if name in wanted else "not of this model"
            raise UgenError(f"weight {line(name)!r} is {problem}", path=path)
        found, expected = list(tensors[name].shape), list(wanted[name].shape)
        if found != expected:
            raise UgenError(f"weight {name!r} is {found}, not {expected}", path=path)
