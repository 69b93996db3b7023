"""What all commands share: one-line errors with an exit code, and progress bars."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module

import typer

from .errors import UgenError


def make_app() -> typer.Typer:
    """A command line application with the settings that all of ugen's share."""
    return typer.Typer(pretty_exceptions_enable=False, no_args_is_help=True)


def run_app(app: typer.Typer, name: str) -> None:
    """Run an application; a user's mistake becomes one line on standard error and its exit code."""
    try:
        app(prog_name=name)
    except UgenError as error:
        sys.stderr.write(f"{name}: {error}\n")
        raise SystemExit(error.exit_code) from None


_BUILT_FOR = "x86_64", "AMD64", "arm64"  # Linux calls its ARM aarch64
_BUILT = "midirenderer", "miniaudio", "rtmidi2"  # modules that are there for these machines only


def require(module: str, extra: str) -> None:
    """Import an optional module. Raises UgenError that says how to get it when it is not installed."""
    try:
        import_module(module)
    except ImportError as error:
        if (error.name or "").partition(".")[0] != module.partition(".")[0]:
            raise  # the module is there, but broken: that is no missing extra
        if module in _BUILT and platform.machine() not in _BUILT_FOR:
            where = f"{platform.system()} on {platform.machine()}"
            raise UgenError(f"this needs {module}, which is not built for {where}") from None
        raise UgenError(f"this needs {module}, which is not installed: pip install 'ugen-music[{extra}]'") from None


@contextmanager
def without_stderr() -> Iterator[None]:
    """Nothing on standard error, where C libraries print pages about devices that are not there."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextmanager
def progress_bar(
    what: str, total: float | None, unit: str = "", speed: Callable[[float], str] | None = None
) -> Iterator[Callable[[float], None]]:
    """A bar with the time left, on a terminal only. Gives a function to call with the amount done so far.

    `total`: None where there is no end. `speed`: words for the amount done a second.
    """
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    begun = time.monotonic()

    def amount(done: float) -> str:
        told = f"{done:,.0f} {unit}" if total is None else f"{done:,.0f} of {total:,.0f} {unit}"
        return f"{told}, {speed(done / max(time.monotonic() - begun, 1e-3))}" if speed else told

    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[amount]}"), TimeRemainingColumn()
    with Progress(*columns[: 3 if total is None else 4], console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total, amount="")
        yield lambda done: bar.update(task, completed=done, amount=amount(done) if unit else "")
