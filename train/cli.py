"""train-ugen: learn from a folder of MIDI files, or from a prepared corpus."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from ugen.data.cli.app import make_app, run_app
from ugen.data.cli.options import with_options, with_version
from ugen.data.cli.prepare import CodecChoice
from ugen.data.cli.terminal import say
from ugen.data.corpus.prepare import Settings
from ugen.data.errors import StoppedError, UgenError
from ugen.data.optional_imports import require
from ugen.data.processors import usable_processors, usable_threads
from ugen.data.text import printable

from .config import ModelConfig, TrainConfig
from .run_setup.request import Request, RunOptions

if TYPE_CHECKING:
    from ugen.train.learning.trainer import Trainer

app = make_app()

MEASURE = "--measure"


def _show_presets(asked: bool) -> None:
    if asked:
        require("torch", "train")
        from .run_setup.preset_list import list_presets

        list_presets(say, MEASURE in sys.argv)
        raise typer.Exit


@app.command(epilog="Example: train-ugen my-midi-files -o runs/mine --minutes 30")
@with_version
@with_options(
    options=RunOptions, model=ModelConfig, training=TrainConfig, codec=CodecChoice, corpus=Settings
)
def train(
    source: Annotated[
        Path, typer.Argument(help="A folder of MIDI files, or a corpus made by ugen-data prepare.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder of this run.")],
    options: dict[str, Any],
    model: dict[str, Any],
    training: dict[str, Any],
    codec: dict[str, Any],
    corpus: dict[str, Any],
    resumed: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Resume the run in -o. Only --epochs, --minutes and --patience may be changed.",
        ),
    ] = False,
    presets: Annotated[
        bool,
        typer.Option(
            "--list-presets",
            callback=_show_presets,
            is_eager=True,
            help="Show the presets: what each is for, and its size.",
        ),
    ] = False,
    measure: Annotated[
        bool, typer.Option(MEASURE, help="With --list-presets: and its speed on this machine.")
    ] = False,
) -> None:
    """Learn from a folder of MIDI files.

    The best weights so far are always in the run's folder, beside report.html, which shows how
    training goes.
    """
    if measure:
        raise UgenError("goes with --list-presets", flag=MEASURE)
    run = RunOptions(**options)
    _prepare_libraries(run)
    from .run_setup.setup import trainer_for

    request = Request(source, output, run, model, training, {**codec, **corpus})
    with trainer_for(request, resumed) as trainer:
        _run(trainer, run)


def _prepare_libraries(run: RunOptions) -> None:
    """Refuse the command where one is missing, and let torch use as many threads as it may."""
    require("torch", "train")
    require("safetensors", "train")
    if run.tensorboard:
        require("tensorboard", "tensorboard")
    import torch

    # a library's own default may be more than this process is allowed
    usual = min(torch.get_num_threads(), usable_processors())
    torch.set_num_threads(usable_threads(run.threads or usual, partial(typer.echo, err=True)))


def _run(trainer: Trainer, options: RunOptions) -> None:
    if trainer.world.rank:
        trainer.run()
        return
    if trainer.progress.history and (reason := trainer.reason_to_stop()):
        name = printable(str(trainer.path))
        typer.echo(f"{name}: finished ({reason}); a higher --epochs or --minutes continues")
        return
    from ugen.train.reporting.samples import Samples
    from ugen.train.reporting.tensorboard import TensorBoard
    from ugen.train.reporting.terminal import Display

    display = Display(trainer, options.verbose)
    display.opening()
    samples = Samples(trainer, options.sample_minutes, display.say)
    curves = [TensorBoard(trainer.path)] if options.tensorboard else []
    try:
        with display:
            reason = trainer.run([display, samples, *curves])
            samples.close()
    except KeyboardInterrupt as error:
        error.args = (f"stopped {display.how_to_continue()}",)
        raise
    except BrokenPipeError:
        reason = f"standard output was closed; stopped {display.how_to_continue()}"
        raise StoppedError(reason) from None
    except UgenError as error:
        if error.path is None:
            raise
        raise UgenError(f"{error}; stopped {display.how_to_continue()}") from None
    finally:
        for curve in curves:
            curve.close()
    display.closing(reason)


def main() -> None:
    """Entry point of train-ugen."""
    run_app(app, "train-ugen")
