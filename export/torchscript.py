"""TorchScript: the same step for programs that have PyTorch but not ugen."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from ugen.train.model import LstmModel


def save(model: LstmModel, path: Path, metadata: dict[str, str]) -> None:
    """Write the step (token, h, c) -> (logits, h, c) with the metadata as extra files, by the names
    ONNX has them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the format is asked for by name
        scripted = torch.jit.freeze(torch.jit.script(model.eval()))
        torch.jit.save(
            scripted, str(path), _extra_files={key: text.encode() for key, text in metadata.items()}
        )


def load(path: Path) -> torch.jit.ScriptModule:
    """Read what `save` wrote, on the CPU."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        module: torch.jit.ScriptModule = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
    return module
