"""Files that exist are overwritten only when that is wanted."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import typer
from ugen.data.errors import UgenError
from ugen.data.text import printable

HELP = "Overwrite what exists, without asking."


def require_new(files: Iterable[Path], force: bool, flag: str | None = None) -> None:
    """Ask on a terminal whether files may be overwritten, where there are such; elsewhere raise
    UgenError, unless with `force`. Empty files, pipes and devices hold nothing to lose."""
    taken = [] if force else [file for file in files if _holds_something(file)]
    if not taken:
        return
    others = f" (and {len(taken) - 1} more)" if len(taken) > 1 else ""
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr and sys.stderr.isatty()):
        reason = f"exists already{others}; --force overwrites it"
        raise UgenError(reason, flag=flag, path=taken[0])
    typer.confirm(printable(f"{taken[0]} exists already{others}; overwrite?"), abort=True, err=True)


def _holds_something(file: Path) -> bool:
    try:
        return file.is_file() and file.stat().st_size > 0
    except OSError:
        return False
