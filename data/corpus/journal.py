"""The work of preparing a corpus as it is done, so that an interrupted run goes on where it
stopped.

A hidden folder beside the corpus holds the tokens so far and a line for every file done; it becomes
the corpus when all are. A line counts only when the file it tells of is unchanged and its tokens
reached the disk.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from ugen.data.errors import UgenError

from .corpus import TOKEN_TYPE, ManifestRow, row_from_json

Sketch = NDArray[np.uint64]
NOTHING: Sketch = np.zeros(0, np.uint64)  # the sketch of every dropped file: one for all


@dataclass(frozen=True, slots=True)
class Piece:
    """One file, done: its manifest row, its sketch, and the hash of its tokens; both empty when it
    was dropped."""

    row: ManifestRow
    sketch: Sketch
    digest: str


class Journal:
    """Files done, in order. `pieces`: those of an earlier run, then those added."""

    def __init__(self, folder: Path, files: Sequence[str], stamp: Callable[[str], list[object]]):
        """`files`: the names of all files, in order. `stamp`: what tells whether a file is the one
        read before."""
        self.pieces: list[Piece] = []
        self._seen: dict[str, str] = {}  # hash of tokens -> the file they came from
        self._offset = 0
        self._files, self._stamp = files, stamp
        self._tokens, self._lines = folder / "tokens.u16", folder / "journal.jsonl"

    def add(self, row: ManifestRow, tokens: NDArray[np.uint16], sketch: Sketch) -> None:
        """Write a file's tokens and its line. A piece whose tokens were seen before is dropped as a
        copy."""
        data = tokens.astype(TOKEN_TYPE).tobytes()
        digest = hashlib.sha256(data).hexdigest() if row.status == "kept" else ""
        twin = self._seen.get(digest)
        if twin:
            row = replace(
                row,
                status="dropped",
                reason=f"the same music as {twin}",
                tokens=0,
                notes=0,
                family=twin,
            )
            data, sketch, digest = b"", NOTHING, ""
        self._token_stream.write(data)
        self._token_stream.flush()
        self._accept(
            Piece(
                replace(row, offset=self._offset) if digest else row,
                sketch if digest else NOTHING,
                digest,
            )
        )
        line = {"stamp": self._stamp(row.file), "digest": digest, "sketch": sketch.tolist()}
        self._line_stream.write(json.dumps({**line, "row": asdict(self.pieces[-1].row)}) + "\n")
        self._line_stream.flush()

    def _accept(self, piece: Piece) -> None:
        if piece.digest:
            self._seen[piece.digest] = piece.row.file
            self._offset += piece.row.tokens
        self.pieces.append(piece)

    def _recover(self) -> None:
        """Take over the lines of an earlier run, up to the first that no longer holds."""
        size = self._tokens.stat().st_size if self._tokens.exists() else 0
        kept = 0
        for line, name in zip(_lines(self._lines), self._files, strict=False):
            try:
                value = json.loads(line)
                row = row_from_json(value["row"])
                piece = Piece(row, np.array(value["sketch"], np.uint64), value["digest"])
            except (ValueError, KeyError, TypeError):
                break
            if (
                value["stamp"] != self._stamp(name)
                or (self._offset + row.tokens) * TOKEN_TYPE.itemsize > size
            ):
                break
            self._accept(piece)
            kept += len(line.encode())
        for path, length in (
            (self._lines, kept),
            (self._tokens, self._offset * TOKEN_TYPE.itemsize),
        ):
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


def _lines(path: Path) -> Iterator[str]:
    if path.exists():
        with open(path, encoding="utf-8", errors="replace", newline="\n") as stream:
            yield from stream


@contextmanager
def corpus_folder(out: Path, settings: str) -> Iterator[Path]:
    """A hidden folder to fill, which becomes `out` when the block ends well.

    A user's mistake (UgenError) removes it. Anything else, a power cut or Ctrl-C, leaves it to be
    gone on with by a run of the same `settings`; a run of others starts afresh.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UgenError(f"{out}: exists already; remove it or choose another name")
    partial = hidden_folder(out)
    mark = partial / "settings.json"
    try:
        if not (mark.exists() and mark.read_text("utf-8") == settings):
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            mark.write_text(settings, "utf-8")
        yield partial
        for spent in (mark, partial / "journal.jsonl"):
            spent.unlink()
        if out.exists():
            out.rmdir()
        partial.rename(out)
    except UgenError:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    except OSError as error:
        raise UgenError(f"{out}: cannot be written ({error.strerror or error})") from None


def hidden_folder(out: Path) -> Path:
    """Where the work for `out` is done."""
    return out.with_name(f".{out.name}.partial")
