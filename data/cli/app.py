"""What all commands share: help by `-h`, and any early end told in one line with an exit code.

Only what is quickly imported is imported here: Ctrl-C, or a library that is missing, is told in a
line even while the rest is imported.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from errno import EBADF, EIO, ENOSPC
from importlib import import_module
from io import TextIOWrapper

from ugen.data.errors import StoppedError, UgenError
from ugen.data.text import printable

from . import interrupts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import typer


def make_app() -> typer.Typer:
    """A command line application with the settings that all of ugen's share."""
    import typer

    return typer.Typer(
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def run_app(app: typer.Typer | str, name: str) -> None:
    """Run an application, or the `app` of a module by its name, and exit.

    Whatever ends it early, but for a bug, becomes one line on standard error and an exit code: 2
    for a user's mistake, 1 for what the system refuses, 128 and its number for a signal. A module's
    name keeps the entry point light: what happens while the module is imported is told as well.
    """
    interrupts.handle()
    _open_streams()
    try:
        import logging

        logging.getLogger("matplotlib").setLevel(logging.ERROR)  # else it complains of its cache
        code = (import_module(app).app if isinstance(app, str) else app)(
            prog_name=name, standalone_mode=False
        )
        sys.stdout.flush()
    except SystemExit:
        raise
    except BaseException as error:
        _exit(name, error)
    if code == 130:  # what typer makes of KeyboardInterrupt
        _exit(name, KeyboardInterrupt())
    interrupts.ignore()
    raise SystemExit(code if isinstance(code, int) else 0)


def _open_streams() -> None:
    """Standard output and error that are there, and that show what they can: a question mark stands
    for characters that are not in a terminal's or a file's encoding, as in Windows' code pages.

    Numbers 0 to 2 that are closed are opened, for workers too: else the first pipes get them, and a
    worker that keeps one open makes its parent wait without an end.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # it gets the lowest number
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # pythonw, a service, or 2>&-
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        stream = getattr(sys, name)
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
        if type(stream) is TextIOWrapper:
            told = _Output if name == "stdout" else _Errors
            encoding, by_line = stream.encoding, stream.line_buffering
            setattr(sys, name, told(stream.detach(), encoding, "replace", line_buffering=by_line))


class _Output(TextIOWrapper):
    """Standard output. When it takes no more, that is told as no other file's fault."""

    def write(self, text: str) -> int:
        """Write text."""
        try:
            return super().write(text)
        except OSError as error:
            raise _refused(error) from None

    def flush(self) -> None:
        """Pass on what was written."""
        try:
            super().flush()
        except OSError as error:
            raise _refused(error) from None


class _Errors(TextIOWrapper):
    """Standard error. When it takes no more, the work continues without it."""

    def write(self, text: str) -> int:
        """Write text, or not."""
        with suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        """Pass on what was written, or not."""
        with suppress(OSError):
            super().flush()


def _refused(error: OSError) -> Exception:
    gone = isinstance(error, BrokenPipeError)  # as of `| head`: no one reads on
    return error if gone else StoppedError(f"standard output: {error.strerror}")


def _exit(name: str, error: BaseException) -> None:
    """Tell in one line what went wrong, and exit. A bug is raised again."""
    import typer

    from .terminal import fitted, width

    interrupts.ignore()
    if interrupts.caught is not None:  # a library that was being imported made another error of it
        error = interrupts.caught
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(error.ctx.get_help())  # type: ignore[attr-defined]
        raise SystemExit(2) from None
    message, code = _in_words(error)
    with suppress(OSError, ValueError):  # a terminal that has gone, or a stream that was closed
        if message:
            sys.stderr.write(fitted(f"{name}: {printable(message)}", width(sys.stderr)) + "\n")
        sys.stderr.flush()
    _drop_output()
    raise SystemExit(code) from None


def _in_words(error: BaseException) -> tuple[str, int]:
    """An error's line and exit code. Raises it again where it is a bug."""
    import typer

    if isinstance(error, UgenError):
        return str(error), error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return str(error) or "stopped", getattr(error, "exit_code", 130)
    if isinstance(error, typer.Abort):
        return "aborted", 1
    if isinstance(error, BrokenPipeError):  # as of `| head`: no one reads on
        return "", 1
    if isinstance(error, OSError):
        # what is written to files names them
        nameless = "standard output" if error.errno in (ENOSPC, EIO, EBADF) else ""
        place = error.filename or nameless
        reason = " ".join((error.strerror or str(error)).split())
        return f"{os.fsdecode(place)}: {reason}" if place else reason, 1
    if isinstance(error, MemoryError) or _is_a(error, "OutOfMemoryError"):
        return "there is not enough memory", 1
    if isinstance(error, (ImportError, UnicodeError)):
        return " ".join(str(error).split()), 1
    if _is_a(error, "ClickException"):
        return _usage(error), 2
    raise error


def _drop_output() -> None:
    """Send what standard output did not take nowhere, so that Python does not try again."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError, UgenError):
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _is_a(error: BaseException, name: str) -> bool:
    """Whether an error is of a class of this name: newer versions of typer carry a click of their
    own, and other classes are of libraries that may not be imported."""
    return any(cls.__name__ == name for cls in type(error).__mro__)


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
    flags = [flag for each in context.command.params for flag in each.opts] if context else []
    extra = "unexpected extra" in str(error.message) and "-o" in flags
    named = "a file to write is named by -o; " if extra else ""
    return f"{named}see {path} --help".replace("  ", " ")
