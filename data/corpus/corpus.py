"""A corpus on disk: a folder with every piece's tokens, a manifest of every input file, and the
codec.

corpus.json      format, codec, arrangement, totals, and a hash of the music manifest.jsonl   one
row a file: kept or dropped and why, its hash, split, notes in and lost, tokens, seconds tokens.u16
the kept pieces' tokens back to back, 16-bit little-endian; memory-mapped when read
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ugen.data.codecs.base import Codec, Tokens
from ugen.data.codecs.registry import codec_from_json
from ugen.data.errors import UgenError
from ugen.data.files import read_json, write_json

FORMAT = 1
SPLITS = ("train", "valid", "test")
TOKEN_TYPE = np.dtype("<u2")


@dataclass(frozen=True, slots=True)  # one a file is held while preparing: slots halve it
class ManifestRow:
    """What became of one input file.

    `status`: kept or dropped. `reason`: why it was dropped, in plain words. `warnings`: what reading
    it had to mend. `notes_in`: notes in the file. `notes`: in the tokens. `lost`: notes of the
    arrangement that the codec's grid could not hold. `family`: the file whose version this piece
    is, or itself. `offset`: its first token.
    """

    file: str
    status: str
    reason: str = ""
    warnings: tuple[str, ...] = ()
    sha256: str = ""
    split: str = ""
    family: str = ""
    notes_in: int = 0
    notes: int = 0
    lost: int = 0
    seconds: float = 0.0
    tokens: int = 0
    offset: int = 0

    def to_line(self) -> str:
        """The row as a line of ASCII: a file name can hold line breaks of Unicode's, or bytes that
        are no text."""
        return json.dumps(asdict(self)) + "\n"


@dataclass(frozen=True)
class Corpus:
    """An opened corpus. `tokens`: uint16, memory-mapped, all kept pieces back to back."""

    path: Path
    codec: Codec
    arrangement: str
    rows: tuple[ManifestRow, ...]
    tokens: NDArray[np.uint16]
    hash: str

    @classmethod
    def open(cls, path: str | Path) -> Corpus:
        """Open a corpus folder. Raises UgenError that names the part that is missing or does not
        fit."""
        path = Path(path)
        about = read_json(path / "corpus.json")
        try:
            if about["format"] != FORMAT:
                raise UgenError(
                    f"{path}: corpus format {about['format']}; this ugen reads format {FORMAT}"
                )
            codec, arrangement, digest = (
                codec_from_json(about["codec"]),
                about["arrangement"],
                about["hash"],
            )
        except (KeyError, TypeError) as error:
            raise UgenError(
                f"{path / 'corpus.json'}: entry {error} is missing or of the wrong kind"
            ) from None
        rows = _read_manifest(path / "manifest.jsonl")
        total = sum(row.tokens for row in rows)
        file = path / "tokens.u16"
        size = file.stat().st_size if file.exists() else -1
        if size != total * TOKEN_TYPE.itemsize:
            raise UgenError(
                f"{file}: {size} bytes, but the manifest tells of {total} tokens; prepare the corpus again"
            )
        return cls(path, codec, arrangement, rows, np.memmap(file, TOKEN_TYPE, "r"), digest)

    def pieces(self, split: str) -> list[ManifestRow]:
        """The kept pieces of a split, in order of file name."""
        return [row for row in self.rows if row.status == "kept" and row.split == split]

    def piece(self, row: ManifestRow) -> Tokens:
        """A piece's tokens, uint16 [row.tokens], still on disk."""
        return self.tokens[row.offset : row.offset + row.tokens]


def write_corpus(path: Path, codec: Codec, pieces: Iterable[tuple[ManifestRow, Tokens]]) -> Corpus:
    """A corpus whose pieces and splits are given, as a published benchmark gives them, at a path
    that is free.

    Rows need `file`, `split`, `notes` and `seconds`; the rest follows from the tokens.
    """
    path.mkdir(parents=True)
    rows, at, digest = [], 0, hashlib.sha256(json.dumps(codec.to_json()).encode())
    with open(path / "tokens.u16", "wb") as stream:
        for row, tokens in pieces:
            data = np.asarray(tokens, TOKEN_TYPE).tobytes()
            digest.update(data + row.split.encode())
            stream.write(data)
            piece_hash = hashlib.sha256(data).hexdigest()
            rows.append(
                replace(row, status="kept", sha256=piece_hash, tokens=len(tokens), offset=at)
            )
            at += len(tokens)
    (path / "manifest.jsonl").write_text("".join(row.to_line() for row in rows), "utf-8")
    about = {
        "format": FORMAT,
        "hash": digest.hexdigest(),
        "codec": codec.to_json(),
        "arrangement": "piano",
    }
    write_json(path / "corpus.json", about)
    return Corpus.open(path)


def row_from_json(value: dict[str, Any]) -> ManifestRow:
    """A manifest row from JSON. Raises TypeError or KeyError for any other value."""
    return ManifestRow(**{**value, "warnings": tuple(value["warnings"])})


def is_corpus(path: str | Path) -> bool:
    """Whether a folder is a prepared corpus."""
    return (Path(path) / "corpus.json").is_file()


def _read_manifest(path: Path) -> tuple[ManifestRow, ...]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise UgenError(f"{path}: {error.strerror or error}") from None
    rows: list[ManifestRow] = []
    for number, line in enumerate(lines, 1):
        try:
            rows.append(row_from_json(json.loads(line)))
        except (ValueError, TypeError, KeyError) as error:
            raise UgenError(f"{path}: line {number} is not a manifest row ({error})") from None
    return tuple(rows)
