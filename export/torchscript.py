"""TorchScript: the same step, for programs that have PyTorch but not ugen."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from ugen.data import UgenError
from ugen.data.files import replacing
from ugen.train.model import LstmModel

from .parity import TorchRunner
from .proof import Proof

TAKES_PRECISION = False


def check_output(output: Path) -> None:
    """Raise UgenError unless the name is one of a TorchScript file."""
    if output.suffix not in (".ts", ".pt"):
        raise UgenError(f"-o {output}: a TorchScript file's name ends in .ts")


def write(proof: Proof, output: Path) -> None:
    """Write the file, proved. Raises UgenError, and leaves no file, when it disagrees."""
    with replacing(output) as partial:
        save(proof.checkpoint.model, partial, proof.card("fp32").to_metadata())
        proof.require("TorchScript", TorchRunner(load(partial)))
    proof.say(f"{output}: {output.stat().st_size / 1e6:.2f} MB")


def save(model: LstmModel, path: Path, metadata: dict[str, str]) -> None:
    """Write the steps (x, h, c) -> (logits, h, c), with ONNX's metadata as extra files."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the format is asked for by name
        scripted = torch.jit.freeze(torch.jit.script(model.eval()))
        whole = BytesIO()  # given a path, C++ ends the process when the disk is full
        texts = {key: text.encode() for key, text in metadata.items()}
        torch.jit.save(scripted, whole, _extra_files=texts)
    path.write_bytes(whole.getvalue())


def load(path: Path) -> torch.jit.ScriptModule:
    """Read what `save` wrote, on the CPU."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        read: Any = torch.jit.load  # it has no types
        module: torch.jit.ScriptModule = read(str(path), map_location="cpu")
    return module
