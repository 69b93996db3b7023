"""A folder that appears whole, or not at all, and never over another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ugen.data import UgenError
from ugen.data.files import temporary_folder


def check_new_folder(path: Path) -> None:
    """Raise UgenError when something is there already, an empty folder aside."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UgenError(f"-o {path}: exists already")


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """An empty folder beside `path`, renamed to it when the block ends well and removed when it
    does not. Raises UgenError as `check_new_folder` does."""
    whole = path.resolve()  # "." has no name, and no sibling
    with temporary_folder(whole.parent) as partial:
        check_new_folder(path)
        yield partial
        partial.replace(whole)
