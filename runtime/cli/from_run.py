"""A training run where a model file is wanted: the file that was exported from it, or is now."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from ugen.data import UgenError
from ugen.data.cli.terminal import say
from ugen.data.midi.smf import MIDI_SUFFIXES
from ugen.data.pretrained import model_path
from ugen.data.text import printable


def is_run(path: Path) -> bool:
    """Whether a folder is one that train-ugen wrote."""
    return (path / "config.json").is_file() and (path / "held_out_excerpt.npy").is_file()


def model_file(path: Path) -> Path:
    """The model file that a path, a name or a run stands for. A run is exported where torch is
    installed and its weights are newer than the file. Raises UgenError where that cannot be."""
    if str(path).startswith(("http:/", "https:/")):
        raise UgenError("an address; ugen opens no connection: download the file", path=path)
    path = model_path(path)
    if path.suffix.lower() in MIDI_SUFFIXES and path.is_file():
        reason = "a MIDI file, not a model; --primer continues one, -o writes one"
        raise UgenError(reason, path=path)
    if path.suffix in (".ts", ".pt") and path.is_file():
        reason = "a TorchScript file; ugen-run plays .onnx: export-ugen RUN -o model.onnx"
        raise UgenError(reason, path=path)
    if not is_run(path):
        return path
    file, weights = path / "model.onnx", path / "model.safetensors"
    if file.is_file() and (
        not weights.is_file() or file.stat().st_mtime >= weights.stat().st_mtime
    ):
        return file
    if not weights.is_file():
        raise UgenError("has learned nothing yet: train-ugen was stopped too early", path=path)
    if not all(find_spec(name) for name in ("torch", "onnx", "ugen.export")):
        reason = f"a training run; where torch is installed: export-ugen {path} -o model.onnx"
        raise UgenError(reason, path=path)
    say(printable(f"{path}: exported to {file} first, in float32"), err=True)
    command = [sys.executable, "-m", "ugen.export", str(path), "-o", str(file)]
    done = subprocess.run([*command, "--precision", "fp32", "--force"], stdout=subprocess.DEVNULL)
    if done.returncode:
        raise UgenError("could not be exported", path=path)
    return file
