"""export-ugen: a training run as one file for other machines, proved before it is left behind."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from ugen.data import UgenError
from ugen.data.cli.app import make_app, run_app
from ugen.data.optional_imports import require

app = make_app()


class Format(str, Enum):
    """File formats."""

    onnx = "onnx"
    torchscript = "torchscript"
    triton = "triton"


class Precision(str, Enum):
    """How weights are stored."""

    auto = "auto"
    fp32 = "fp32"
    fp16 = "fp16"
    int8 = "int8"
    int4 = "int4"


@app.command(epilog="Example: export-ugen runs/mine -o model.onnx")
def export(
    run: Annotated[Path, typer.Argument(help="The folder that train-ugen wrote.")],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            help="The file to write: .onnx, or .ts for TorchScript; a new folder for Triton.",
        ),
    ],
    format: Annotated[
        Format,
        typer.Option(
            help="onnx for ugen-run; torchscript for programs with PyTorch; triton to serve many listeners."
        ),
    ] = Format.onnx,
    precision: Annotated[
        Precision,
        typer.Option(
            help="onnx only. auto: the fastest here that costs no more than --max-loss; fp16: for GPUs."
        ),
    ] = Precision.auto,
    max_loss: Annotated[
        float,
        typer.Option(
            min=0,
            help="How much worse a smaller precision may predict held-out music, in per cent.",
        ),
    ] = 0.5,
    licence: Annotated[
        str, typer.Option(help="Licence and credits of the music, stored in the file.")
    ] = "not stated",
    temperature: Annotated[
        float | None,
        typer.Option(
            help="The temperature of songs, unless ugen-run is told another.", show_default="1"
        ),
    ] = None,
    top_p: Annotated[
        float | None, typer.Option(help="Likewise their top-p.", show_default="0.98")
    ] = None,
) -> None:
    """Turn a training run into one self-describing file, and prove that the file computes what the
    run learned."""
    for module in ("torch", "onnx"):
        require(module, "export")
    from .export import export_onnx, export_torchscript, export_triton

    own = {"temperature": temperature, "top_p": top_p}
    sampling = {name: value for name, value in own.items() if value is not None}
    if format is Format.onnx:
        export_onnx(run, output, precision.value, max_loss / 100, licence, typer.echo, sampling)
    elif format is Format.torchscript:
        export_torchscript(run, output, licence, typer.echo, sampling)
    elif precision not in (Precision.auto, Precision.fp32):
        raise UgenError(
            f"--precision {precision.value}: a Triton repository is float32; docs/serving.md says why"
        )
    else:
        export_triton(run, output, licence, typer.echo, sampling)


def main() -> None:
    """Entry point of export-ugen."""
    run_app(app, "export-ugen")
