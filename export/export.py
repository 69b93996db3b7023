"""From checkpoint to file: build, write beside, prove what was written, then rename."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from ugen.data import UgenError
from ugen.train.run_folder.checkpoint import load_checkpoint

from .parity import torch_at_its_best
from .proof import Proof, Say
from .settings import DEFAULTS, FORMATS, ExportSettings


class OutputFormat(Protocol):
    """What a format's module has."""

    TAKES_PRECISION: bool
    """Whether --precision and --max-loss go with the format; the others are float32."""

    def check_output(self, output: Path) -> None:
        """Raise UgenError when the name to write does not go with the format."""

    def write(self, proof: Proof, output: Path) -> None:
        """Write a run, proved. Raises UgenError, and leaves nothing, where the proof fails."""


def export(
    run: Path,
    output: Path,
    settings: ExportSettings = DEFAULTS,
    say: Say = lambda line: None,
    steps: int | None = None,
) -> None:
    """Write a run as a file, or a folder, in the format of the settings.

    `say` is called with lines about the proof. `steps`: of held-out music to prove on, at most; all
    that the run kept where it is None. Raises UgenError, and leaves nothing, when what was written
    disagrees with the checkpoint or costs more than --max-loss.
    """
    written = _format(settings.format)
    check_output(output, settings)
    checkpoint = load_checkpoint(run)
    if not checkpoint.update:
        say(f"{run} learned nothing: its weights are those of before the first update")
    with torch_at_its_best():
        written.write(Proof(checkpoint, settings, say, steps), output)


def check_output(output: Path, settings: ExportSettings) -> None:
    """Raise UgenError when the name to write does not go with the format."""
    _format(settings.format).check_output(output)


def check_used(given: Iterable[str], settings: ExportSettings) -> None:
    """Raise UgenError that names an option which changes nothing. `given`: names of settings."""
    exact = not _format(settings.format).TAKES_PRECISION
    for name in ("precision", "max_loss"):
        if name in given and exact:
            reason = f"goes with --format onnx or web; {settings.format} is float32"
            raise UgenError(reason, flag="--" + name.replace("_", "-"))
    if "single_file" in given and settings.format != "web":
        raise UgenError("goes with --format web", flag="--single-file")
    if "max_loss" in given and settings.precision == "fp32":
        raise UgenError("goes with a smaller precision than fp32", flag="--max-loss")


def _format(name: str) -> OutputFormat:
    return cast(OutputFormat, import_module(f".{FORMATS[name]}", __package__))
