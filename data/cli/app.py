"""What all commands share: one-line errors with an exit code, and progress bars."""

from __future__ import annotations

import sys

import typer
from ugen.data.errors import UgenError


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
