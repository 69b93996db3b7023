"""export-ugen: a training run as one file for other machines, proved before it is left behind."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from ugen.data.command import make_app, require, run_app

app = make_app()


class Format(str, Enum):
    """File formats."""

    onnx = "onnx"
    torchscript = "torchscript"


class Precision(str, Enum):
    """How weights are stored."""

    auto = "auto"
    int8 = "int8"
    fp32 = "fp32"


@app.command(epilog="Example: export-ugen runs/mine -o model.onnx")
def export(
    run: Annotated[Path, typer.Argument(help="The folder that train-ugen wrote.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to write: .onnx, or .ts for TorchScript.")],
    format: Annotated[
        Format, typer.Option(help="onnx for ugen-run; torchscript for programs with PyTorch.")
    ] = Format.onnx,
    precision: Annotated[
        Precision, typer.Option(help="onnx only. auto: int8 unless it costs more than --max-loss, else fp32.")
    ] = Precision.auto,
    max_loss: Annotated[
        float, typer.Option(min=0, help="How much worse int8 may predict held-out music, in per cent.")
    ] = 0.5,
    licence: Annotated[str, typer.Option(help="Licence and credits of the music, stored in the file.")] = "not stated",
) -> None:
    """Turn a training run into one self-describing file, and prove that the file computes what the run learned."""
    for module in ("torch", "onnx"):
        require(module, "export")
    from .export import export_onnx, export_torchscript

    if format is Format.onnx:
        export_onnx(run, output, precision.value, max_loss / 100, licence, typer.echo)
    else:
        export_torchscript(run, output, licence, typer.echo)


def main() -> None:
    """Entry point of export-ugen."""
    run_app(app, "export-ugen")
