"""Files and folders that appear under their final name whole, or not at all, even after a power
cut; files read within bounds."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from .errors import UgenError
from .json_values import MAX_CHARACTERS, parse_json
from .locks import held, hidden_name, sweep
from .text import line

MAX_BYTES = 1 << 31  # of files that are read whole
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # for the writer of a pipe; Windows has no such pipes
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_BINARY = getattr(os, "O_BINARY", 0)


def read_bytes(path: str | Path, most: int = MAX_BYTES, kind: str = "its kind") -> bytes:
    """All of a file, or of a pipe that someone writes to.

    Raises UgenError that names it when it cannot be read, is a folder or a device, or has more than
    `most` bytes, which is too large for a file of this kind.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | _NO_WAIT | _BINARY)
        try:
            about = os.fstat(descriptor)
            is_pipe = stat.S_ISFIFO(about.st_mode)
            if not (is_pipe or stat.S_ISREG(about.st_mode)):
                raise UgenError("not a file", path=path)
            if is_pipe:
                os.set_blocking(descriptor, True)
            with open(descriptor, "rb", closefd=False) as stream:
                data = stream.read(most + 1) if is_pipe else b""
                if about.st_size <= most and not is_pipe:
                    data = stream.read()
        finally:
            os.close(descriptor)
    except OSError as error:
        raise UgenError(error.strerror or str(error), path=path) from None
    except ValueError as error:  # a zero byte in the name
        raise UgenError(str(error), path=path) from None
    if is_pipe and not data:
        raise UgenError("a pipe that no one writes to", path=path)
    size = max(about.st_size, len(data))
    if size > most:
        reason = f"{_size(size)} is too large for {kind} (the limit is {_size(most)})"
        raise UgenError(reason, path=path)
    return data


def _size(count: int) -> str:
    return f"{count >> 20} MiB" if count >> 20 else f"{count:,} bytes"


def read_json(path: str | Path) -> Any:
    """Read JSON, as strictly as `parse_json`. Raises UgenError that names the file, whatever is
    wrong with it."""
    data = read_bytes(path, 4 * MAX_CHARACTERS, "a JSON file")
    try:
        return parse_json(data.decode(), 4 * MAX_CHARACTERS)
    except ValueError as error:
        raise UgenError(f"not valid JSON ({line(error)})", path=path) from None


def write_atomically(path: str | Path, data: bytes) -> None:
    """Write bytes beside `path`, then rename. Raises UgenError with the path and the reason."""
    with replacing(path) as partial:
        partial.write_bytes(data)


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically."""
    write_atomically(path, (json.dumps(value, indent=1) + "\n").encode())


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A file name to write to. It is renamed to `path` when the block ends well, and removed when
    it does not.

    A symbolic link stays, and what it leads to is replaced. A pipe, a device or a mounted file
    cannot be replaced: it is written to. The mode of a file that is replaced is kept.
    """
    with _replacement(path) as new:
        yield new.hidden
        new.finish()


@contextmanager
def growing(path: str | Path) -> Iterator[tuple[BinaryIO, Callable[[], None]]]:
    """A file that is useful before its end: a stream to write to, and a function that gives the
    file its name. From then on what is written stays, whatever ends the block or the process.
    Otherwise as `replacing`."""
    with _replacement(path) as new:
        with open(new.hidden, "r+b", buffering=0) as stream:
            yield stream, new.show
        new.finish()


class _Replacement:
    """A hidden file that is to take the place of `path`."""

    def __init__(self, path: Path, hidden: Path):
        self.hidden = hidden
        self._target = Path(os.path.realpath(path)) if _is_replaceable(path) else path
        self._in_place = not _is_replaceable(path)
        self.is_shown = False

    def show(self) -> None:
        """Give the file its name; on Windows, where an open file cannot be renamed, later."""
        if not self.is_shown and os.name != "nt":
            self._replace()

    def finish(self) -> None:
        """Put the file, which is whole now, in its place."""
        flush_to_disk(self._target if self.is_shown else self.hidden)
        if not self.is_shown:
            self._replace()
        if self._in_place:
            target = os.open(self._target, os.O_WRONLY | os.O_TRUNC | _BINARY)
            try:
                with open(self.hidden, "rb") as whole, open(target, "wb") as file:
                    shutil.copyfileobj(whole, file)
            except BrokenPipeError:
                raise UgenError("no one reads on", path=self._target) from None
        else:
            flush_to_disk(self._target.parent)

    def _replace(self) -> None:
        if self._in_place:
            return
        with suppress(FileNotFoundError):
            self.hidden.chmod(stat.S_IMODE(self._target.stat().st_mode))
        try:
            os.replace(self.hidden, self._target)
            self.is_shown = True
        except OSError as error:
            if error.errno != errno.EBUSY:  # the name is that of a mounted file
                raise
            self._in_place = True


@contextmanager
def _replacement(path: str | Path) -> Iterator[_Replacement]:
    path = Path(path)
    hidden = new = None
    try:
        if path.is_dir():
            raise UgenError("is a folder", path=path)
        folder = Path(os.path.realpath(path)).parent
        if not _is_replaceable(path):
            folder = _temporary_files()
        folder.mkdir(parents=True, exist_ok=True)
        with _hidden_file(folder) as hidden:
            new = _Replacement(path, hidden)
            yield new
    except BrokenPipeError:  # of standard output
        raise
    except OSError as error:
        is_ours = error.filename in (None, str(path), str(hidden)) or hidden is None
        reason = f"cannot be written ({error.strerror or error})"
        if new is not None and new.is_shown:
            reason += "; it holds what was saved before"
        raise UgenError(reason, path=path if is_ours else error.filename) from None


def _is_replaceable(path: Path) -> bool:
    """Whether another file can take a file's place: it is no pipe and no device."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return True


@contextmanager
def temporary_folder(beside: Path | None = None) -> Iterator[Path]:
    """A hidden folder, removed when the block ends. `beside`: the folder to make it in; else where
    the system wants temporary files. Raises UgenError that names that place when it is full."""
    parent = beside or _temporary_files()
    folder = parent / hidden_name()
    try:
        parent.mkdir(parents=True, exist_ok=True)
        sweep(parent)
        folder.mkdir(mode=0o777 if beside else 0o700)
        with held(folder):
            yield folder
    except BrokenPipeError:
        raise
    except OSError as error:
        is_ours = error.filename is None or str(error.filename).startswith(str(folder))
        reason = f"cannot be written ({error.strerror or error})"
        raise UgenError(reason, path=parent if is_ours else error.filename) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _temporary_files() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except OSError:
        raise UgenError("there is no folder for temporary files; TMPDIR can name one") from None


@contextmanager
def _hidden_file(folder: Path) -> Iterator[Path]:
    """An empty file with a name that no one can guess, removed when the block ends."""
    sweep(folder)
    path = folder / hidden_name()
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK, 0o666))
    try:
        with held(path):
            yield path
    finally:
        with suppress(OSError):
            path.unlink()


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
