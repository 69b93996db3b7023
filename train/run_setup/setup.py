"""The run that a command asks for, while no other process works on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import typer
from ugen.data import UgenError
from ugen.data.locks import LOCK, locked, sweep
from ugen.data.text import printable
from ugen.train.learning.trainer import Trainer

from .new_run import new
from .request import Request
from .resumed_run import resume


@contextmanager
def trainer_for(request: Request, resumed: bool) -> Iterator[Trainer]:
    """The run that is asked for. No other process can work on it meanwhile."""
    if resumed and not request.output.is_dir():
        reason = "holds no training run to resume; leave --resume out to begin one"
        raise UgenError(reason, path=request.output)
    is_first = os.environ.get("RANK", "0") == "0"  # of torchrun's processes
    lock = locked(request.output / LOCK, request.output) if is_first else nullcontext()
    with lock:
        sweep(request.output)  # a finished run writes nothing, at which it would be swept
        try:
            trainer = _resumed_or_new(request) if resumed else new(request)
        except KeyboardInterrupt as error:
            error.args = ("stopped before training began; the same command begins again",)
            raise
        try:
            yield trainer
        finally:
            trainer.world.destroy()


def _resumed_or_new(request: Request) -> Trainer:
    """The run in the output, or a new one where it stopped before its first evaluation."""
    if not request.source.exists():
        raise UgenError("does not exist", path=request.source)
    if (request.output / "config.json").exists():
        return resume(request)
    name = printable(str(request.output))
    typer.echo(f"{name}: stopped before its first evaluation; training begins anew")
    return new(request)
