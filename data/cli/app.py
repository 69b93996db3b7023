"""What all commands share: help by `-h`, and a mistake told in one line with an exit code."""

from __future__ import annotations

import sys
from typing import Any

import typer
from ugen.data.errors import UgenError


def make_app() -> typer.Typer:
    """A command line application with the settings that all of ugen's share."""
    return typer.Typer(
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def run_app(app: typer.Typer, name: str) -> None:
    """Run an application and exit; a user's mistake becomes one line on standard error."""
    try:
        code = app(prog_name=name, standalone_mode=False)
    except UgenError as error:
        _fail(name, str(error), error.exit_code)
    except typer.Abort:
        _fail(name, "aborted", 1)
    except Exception as error:
        if not _is_usage_error(error):
            raise
        if type(error).__name__ == "NoArgsIsHelpError":
            typer.echo(error.ctx.get_help())  # type: ignore[attr-defined]
            raise SystemExit(2) from None
        _fail(name, _usage(error), 2)
    raise SystemExit(code if isinstance(code, int) else 0)


def _fail(name: str, message: str, code: int) -> None:
    sys.stderr.write(f"{name}: {message}\n")
    raise SystemExit(code) from None


def _is_usage_error(error: Exception) -> bool:
    """Whether the command line is wrong. Newer versions of typer carry a click of their own, so the
    class is found by name."""
    return any(cls.__name__ == "ClickException" for cls in type(error).__mro__)


def _usage(error: Any) -> str:
    """A mistake on the command line: the option, the value that it was given, and the reason."""
    parameter = getattr(error, "param", None)
    message = " ".join(str(error.message or error.format_message()).split()).rstrip(".")
    if parameter is None or not getattr(error, "message", ""):
        message = " ".join(error.format_message().split()).rstrip(".")
        return f"{message[:1].lower()}{message[1:]} ({_hint(error)})"
    cause = error.__cause__
    value = cause.errors()[0]["input"] if hasattr(cause, "errors") else None
    message = message.removeprefix("Value error, ").replace("Input should be", "must be")
    message = message.partition(", unable to parse")[0]
    if message == "must be greater than or equal to 0":
        message = "must be 0 or more"
    name = max(parameter.opts, key=len)
    shown = "" if value is None or repr(value) in message else f" {value}"
    return f"{name}{shown}: {message}"


def _hint(error: Any) -> str:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else ""
    return f"see {path} --help".replace("  ", " ")
