"""Work that one process at a time may do, and hidden files: which are in use, and which are left by
a process that was killed."""

from __future__ import annotations

import errno
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from .errors import UgenError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOCK = ".lock"  # the lock file in a folder that holds the work itself
_HIDDEN = re.compile(r"\.ugen-[0-9a-f]{8}")
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # for the writer of a pipe; Windows has no such pipes
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


@contextmanager
def locked(lock: Path, work: Path) -> Iterator[None]:
    """Hold a lock file, made if need be, while this process alone does the work on a file or
    folder. A process that died holds nothing. Raises UgenError when another one has it."""
    made = [each for each in lock.parents if not each.exists()]
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _lock(lock)
    except OSError as error:
        reason = f"cannot be written ({error.strerror or error})"
        raise UgenError(reason, path=work) from None
    if descriptor is None:
        raise UgenError("another process is at work on it; wait until it ends", path=work)
    try:
        yield
    finally:
        if sys.platform == "win32":  # where an open file cannot be removed
            os.close(descriptor)
        with suppress(OSError):
            lock.unlink()
            for each in made:
                each.rmdir()  # where nothing was written
        if sys.platform != "win32":
            os.close(descriptor)


def _lock(path: Path) -> int | None:
    """An open file that no other process has locked; None when one has."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _NO_LINK, 0o666)
        try:
            if sys.platform == "win32":
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            else:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                os.close(descriptor)
                return None  # else there are no locks here, as on some network disks
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        os.close(descriptor)  # its last owner has removed it since


def hidden_name() -> str:
    """A name that no one can guess; short, for names may have 255 bytes."""
    return f".ugen-{os.urandom(4).hex()}"


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Keep a hidden file or folder from being swept."""
    if sys.platform == "win32":
        yield
        return
    descriptor = os.open(path, os.O_RDONLY | _NO_LINK)
    try:
        with suppress(OSError):  # where there are no locks nothing is swept either
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@cache
def sweep(folder: Path) -> None:
    """Remove what processes that were killed left in a folder; once, for it may be large."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _HIDDEN.fullmatch(entry.name) and _is_stale(entry):
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path, ignore_errors=True)
                else:
                    os.unlink(entry.path)


def _is_stale(entry: os.DirEntry[str]) -> bool:
    """Whether no process holds a hidden file any more. A new one may not be held yet."""
    age = time.time() - entry.stat(follow_symlinks=False).st_mtime
    if sys.platform == "win32":
        return age > 24 * 3600
    try:
        descriptor = os.open(entry.path, os.O_RDONLY | _NO_LINK | _NO_WAIT)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return age > 1
    except OSError:
        return False
    finally:
        os.close(descriptor)
