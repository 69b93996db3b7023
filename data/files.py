"""Files and folders that appear under their final name whole, or not at all."""

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
        raise UgenError(f"{path}: {error.strerror or error}") from None
    except ValueError as error:
        raise UgenError(f"{path}: not valid JSON ({error})") from None


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A file name to write to, renamed to `path` when the block ends well and removed when it does
    not."""
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        os.replace(partial, path)
    except OSError as error:
        raise UgenError(f"{path}: cannot be written ({error.strerror or error})") from None
    finally:
        with suppress(OSError):
            partial.unlink()
