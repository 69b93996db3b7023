"""export-ugen: a training run as one file for other machines, proved before it is left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from ugen.data.cli import overwrite, terminal
from ugen.data.cli.app import make_app, run_app
from ugen.data.cli.options import with_options, with_version
from ugen.data.optional_imports import require
from ugen.data.pretrained import model_path
from ugen.data.text import printable

from .settings import ExportSettings

app = make_app()

EXAMPLES = """Example: export-ugen runs/mine -o model.onnx

Example: export-ugen runs/mine --format web -o site

Example: export-ugen pretrained --format web --single-file -o music.html"""


@app.command(epilog=EXAMPLES)
@with_version
@with_options(given=ExportSettings)
def export(
    run: Annotated[
        Path, typer.Argument(help="The folder that train-ugen wrote; for web also a model file.")
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            help="The file to write: .onnx; .ts for TorchScript; a new folder for Triton and web.",
        ),
    ],
    given: dict[str, Any],
    force: Annotated[bool, typer.Option("-f", "--force", help=overwrite.HELP)] = False,
) -> None:
    """Turn a training run into one self-describing file.

    The file is proved to compute what the run learned.
    """
    run = model_path(run)
    overwrite.require_new([output], force, "-o")
    if given.get("format") == "web" and run.is_file():
        from .web import write_model

        write_model(run, output, bool(given.pop("single_file", False)), given, _say)
        return
    for module in ("torch", "onnx"):
        require(module, "export")
    from .export import check_output, check_used
    from .export import export as export_run

    if output.suffix in (".ts", ".pt"):
        given.setdefault("format", "torchscript")
    settings = ExportSettings(**given)
    check_used(given, settings)
    check_output(output, settings)
    export_run(run, output, settings, _say)


def _say(text: str) -> None:
    for line in text.split("\n"):
        terminal.say(printable(line))


def main() -> None:
    """Entry point of export-ugen."""
    run_app(app, "export-ugen")
