"""What was wrong with the files that a command read, said on standard error."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ugen.data.text import count, printable

from .terminal import say

_MOST_FILES = 20  # named; of a large folder nobody reads more


class FileWarnings:
    """Used as a context, whose end says how many more there were."""

    def __init__(self) -> None:
        self._files = 0

    def say(self, path: str | Path, warnings: Sequence[str]) -> None:
        """Say what was wrong with a file, if anything was."""
        self._files += bool(warnings)
        if warnings and self._files <= _MOST_FILES:
            say(printable(f"{path}: {'; '.join(warnings)}"), err=True)

    def __enter__(self) -> FileWarnings:
        return self

    def __exit__(self, *error: object) -> None:
        if self._files > _MOST_FILES:
            more = count(self._files - _MOST_FILES, "more file")
            say(f"and {more} with such warnings", err=True)
