"""Files and folders that appear under their final name whole, or not at all, even after a power
cut."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .errors import UgenError


def write_atomically(path: str | Path, data: bytes) -> None:
    """Write bytes beside `path`, then rename. Raises UgenError with the path and the reason."""
    with replacing(path) as partial:
        partial.write_bytes(data)


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically."""
    write_atomically(path, (json.dumps(value, indent=1) + "\n").encode())


def read_json(path: str | Path) -> Any:
    """Read JSON. Raises UgenError that names the file, whatever is wrong with it."""
    try:
        return json.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise UgenError(error.strerror or str(error), path=path) from None
    except ValueError as error:
        raise UgenError(f"not valid JSON ({error})", path=path) from None


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A file name to write to, renamed to `path` when the block ends well; removed when it does
    not."""
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        flush_to_disk(partial)
        os.replace(partial, path)
        flush_to_disk(path.parent)
    except OSError as error:
        raise UgenError(f"cannot be written ({error.strerror or error})", path=path) from None
    finally:
        with suppress(OSError):
            partial.unlink()


def flush_to_disk(path: Path) -> None:
    """Wait until what was written to a file, or the names in a folder, would survive a power cut.

    Folders cannot be flushed on Windows, nor on some network disks.
    """
    is_folder = path.is_dir()
    try:
        descriptor = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        if not is_folder:
            raise
