"""The work of preparing a corpus as it is done, so that an interrupted run goes on where it
stopped.

A hidden folder beside the corpus holds the tokens so far and a line for every file done. When all
are done it becomes the corpus. After an interrupt a line counts only when its file is unchanged and
the line and the tokens on disk have the hashes that it gives.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from ugen.data.errors import StoppedError, UgenError
from ugen.data.files import flush_to_disk
from ugen.data.json_values import from_json, parse_json, to_json
from ugen.data.locks import locked

from .corpus import TOKEN_TYPE, ManifestRow

Sketch = NDArray[np.uint64]
NOTHING: Sketch = np.zeros(0, np.uint64)  # the sketch of every dropped file: one for all
Stamp = tuple[str, int, int]  # a file's path, size and time of change


@dataclass(frozen=True, slots=True)
class Piece:
    """One file, done: its manifest row, its sketch, and the hash of its tokens; both empty when it
    was dropped."""

    row: ManifestRow
    sketch: Sketch = field(
        metadata={
            "from_json": lambda value: np.array(value, np.uint64),
            "to_json": lambda sketch: sketch.tolist(),
        }
    )
    digest: str


@dataclass(frozen=True)
class _Line:
    """A line of the journal."""

    stamp: list[str | int]
    piece: Piece


class Journal:
    """Files done, in order. `pieces`: those of an earlier run, then those added."""

    def __init__(self, folder: Path, files: Sequence[str], stamp: Callable[[str], Stamp]):
        """`files`: the names of all files, in order. `stamp`: what tells whether a file is the one
        read before."""
        self.pieces: list[Piece] = []
        self._seen: dict[str, str] = {}  # hash of tokens -> the file they came from
        self._offset = 0
        self._files = files
        self._stamp = stamp
        self._tokens = folder / "tokens.u16"
        self._lines = folder / "journal.jsonl"

    def add(self, row: ManifestRow, tokens: NDArray[np.uint16], sketch: Sketch) -> None:
        """Write a file's tokens and its line. A piece whose tokens were seen before is dropped as a
        duplicate."""
        data = tokens.astype(TOKEN_TYPE).tobytes() if row.status == "kept" else b""
        digest = hashlib.sha256(data).hexdigest() if row.status == "kept" else ""
        if twin := self._seen.get(digest):
            row = row.dropped("duplicate", f"the same music as {twin}", family=twin)
            data, digest = b"", ""
        self._token_stream.write(data)
        self._token_stream.flush()
        if digest:
            piece = Piece(replace(row, offset=self._offset), sketch, digest)
        else:
            piece = Piece(row, NOTHING, "")
        self._accept(piece)
        line = _Line(list(self._stamp(row.file)), piece)
        self._line_stream.write(_signed(json.dumps(to_json(line))))
        self._line_stream.flush()

    def _accept(self, piece: Piece) -> None:
        if piece.digest:
            self._seen[piece.digest] = piece.row.file
            self._offset += piece.row.tokens
        self.pieces.append(piece)

    def _recover(self) -> None:
        """Take over the lines of an earlier run, up to the first that no longer holds."""
        kept = 0
        self._tokens.touch()
        with open(self._tokens, "rb") as tokens:
            for text, name in zip(_lines(self._lines), self._files, strict=False):
                try:
                    line = from_json(_Line, parse_json(_checked(text)))
                except ValueError:
                    break
                if line.stamp != list(self._stamp(name)) or not _holds(tokens, line.piece):
                    break
                self._accept(line.piece)
                kept += len(text.encode())
        size = self._offset * TOKEN_TYPE.itemsize
        for path, length in ((self._lines, kept), (self._tokens, size)):
            with open(path, "ab") as stream:
                stream.truncate(length)

    def __enter__(self) -> Journal:
        self._recover()
        self._token_stream = open(self._tokens, "ab")
        self._line_stream = open(self._lines, "a", encoding="utf-8")
        return self

    def __exit__(self, *error: object) -> None:
        self._token_stream.close()
        self._line_stream.close()


def _signed(text: str) -> str:
    """A line of the journal, its hash before it."""
    return f"{hashlib.sha256(text.encode()).hexdigest()} {text}\n"


def _checked(line: str) -> str:
    """The text of a line. Raises ValueError where it is not the one that was written."""
    text = line[65:-1]
    if line != _signed(text):
        raise ValueError("damaged")
    return text


def _holds(tokens: BinaryIO, piece: Piece) -> bool:
    """Whether the next tokens on disk are the piece's."""
    if not piece.digest:
        return True
    data = tokens.read(piece.row.tokens * TOKEN_TYPE.itemsize)
    return hashlib.sha256(data).hexdigest() == piece.digest


def _lines(path: Path) -> Iterator[str]:
    if path.exists():
        with open(path, encoding="utf-8", errors="replace", newline="\n") as stream:
            yield from stream


@contextmanager
def corpus_folder(out: Path, settings: str) -> Iterator[Path]:
    """A hidden folder to fill, which becomes `out` when the block ends well.

    A user's mistake (UgenError) removes it. Anything else, such as Ctrl-C or a power cut, leaves it
    for a run of the same `settings` to resume; a run of other settings starts afresh. Two processes
    cannot fill it at once.
    """
    with locked(lock_of(out), out):
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise UgenError("exists already; remove it or choose another name", path=out)
        with _hidden_folder(out, settings) as partial:
            yield partial


@contextmanager
def _hidden_folder(out: Path, settings: str) -> Iterator[Path]:
    partial = hidden_folder(out)
    mark = partial / "settings.json"
    try:
        if not (mark.exists() and mark.read_bytes() == settings.encode()):
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            mark.write_bytes(settings.encode())
        yield partial
        for spent in (mark, partial / "journal.jsonl"):
            spent.unlink()
        for path in (*partial.iterdir(), partial):
            flush_to_disk(path)
        if out.exists():
            out.rmdir()
        partial.rename(out)
        flush_to_disk(out.parent)
    except StoppedError:
        raise
    except UgenError:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    except OSError as error:
        raise UgenError(f"cannot be written ({error.strerror or error})", path=out) from None


def hidden_folder(out: Path) -> Path:
    """Where the work for `out` is done."""
    return out.with_name(f".{_short(out.name)}.partial")


def lock_of(out: Path) -> Path:
    """The lock file of the work for `out`."""
    return out.with_name(f".{_short(out.name)}.lock")


def _short(name: str) -> str:
    """A name that can be made longer: one of 255 bytes cannot."""
    data = os.fsencode(name)
    return name if len(data) < 240 else hashlib.sha256(data).hexdigest()
