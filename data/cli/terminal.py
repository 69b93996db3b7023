"""Lines that fit the terminal they are printed on. Files and pipes get them whole."""

from __future__ import annotations

import os
import sys
import textwrap
from typing import TextIO

import typer

_NARROWEST = 40  # below, nothing fits anyway


def width(stream: TextIO | None = None) -> int | None:
    """The columns of the terminal that a stream (standard output) is; None where it is none."""
    stream = stream or sys.stdout
    try:
        if not stream.isatty():
            return None
        return max(os.get_terminal_size(stream.fileno()).columns or 80, _NARROWEST)
    except (OSError, ValueError):  # closed, or a stream without a number
        return None


def fitted(text: str, columns: int | None) -> str:
    """Text whose lines are broken between words at so many columns; as it is for None."""
    if columns is None:
        return text
    lines = []
    for line in text.split("\n"):
        if len(line) <= columns:
            lines.append(line)
            continue
        lines += textwrap.wrap(
            line,
            columns,
            subsequent_indent=line[: len(line) - len(line.lstrip())] + "  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(lines)


def say(text: str, err: bool = False) -> None:
    """Print text, fitted to the terminal if there is one."""
    typer.echo(fitted(text, width(sys.stderr if err else sys.stdout)), err=err)
