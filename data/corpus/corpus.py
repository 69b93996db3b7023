"""A corpus on disk: a folder with every piece's tokens, a manifest of every input file, and the
codec.

    corpus.json      format, codec, arrangement, totals, and a hash of the music
    manifest.jsonl   one row per file: kept or dropped and why, its hash, split, notes, tokens
    tokens.u16       the kept pieces' tokens back to back, 16-bit little-endian
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from ugen.data.analysis.beat_grid import LEAST_ON_GRID
from ugen.data.analysis.chords import find_chords
from ugen.data.analysis.key import MODES, parse_key
from ugen.data.analysis.wishes import LONGEST_LABEL, WISH_TABLE, Known, Value, ids_of, known_of
from ugen.data.arrangement import ARRANGEMENTS
from ugen.data.codecs.base import Codec, Tokens
from ugen.data.codecs.columns import CHORD_NAMES, WISH_NAMES, Column, Wishes
from ugen.data.codecs.registry import codec_from_json
from ugen.data.errors import CodecError, UgenError
from ugen.data.files import read_bytes, read_json, write_json
from ugen.data.json_values import from_json, parse_json, to_json
from ugen.data.midi.general_midi import instruments_in
from ugen.data.optional_imports import require

if TYPE_CHECKING:
    from pandas import DataFrame

FORMAT = 1
SPLITS = ("train", "valid", "test")
TOKEN_TYPE = np.dtype("<u2")
MOST = 1 << 53  # notes, seconds or tokens of a file
MAX_BYTES = 1 << 36  # of tokens
MOST_ENSEMBLES = 256  # that a model file holds

# why a file was dropped
Code = Literal[
    "",
    "not_midi",
    "unreadable",
    "no_notes",
    "only_drums",
    "too_short",
    "too_long",
    "not_encodable",
    "made_by_ugen",
    "duplicate",
]


@dataclass(frozen=True, slots=True)  # one per file is held while preparing: slots halve it
class ManifestRow:
    """What became of one input file.

    `code`: why it was dropped. `reason`: the same in words, with this file's numbers and names.
    `warnings`: what was repaired while reading it. `silence_cut`: seconds before the first note
    that are left out. `notes_in`: notes in the file. `notes`: in the tokens. `lost`: notes of the
    arrangement that the codec's grid could not hold. `key`: the likeliest, as in C, F# or Bbm.
    `density`, `polyphony`, `meter`, `tempo`, `label`: what can be wished of a piece
    (`ugen.data.analysis.wishes`), where it is known. `on_grid`: the share of onsets on the file's
    beat grid, where that was measured. `family`: the first file of which this piece is a version;
    its own name where it is that. `offset`: its first token.
    """

    file: str
    status: Literal["kept", "dropped"]
    code: Code = ""
    reason: str = ""
    warnings: tuple[str, ...] = ()
    silence_cut: float = 0.0
    sha256: str = ""
    split: str = ""
    family: str = ""
    notes_in: int = 0
    notes: int = 0
    lost: int = 0
    seconds: float = 0.0
    key: str = ""
    density: float = 0.0
    polyphony: float = 0.0
    meter: str = ""
    tempo: float = 0.0
    label: str = ""
    on_grid: float | None = None
    tokens: int = 0
    offset: int = 0

    @property
    def has_beats(self) -> bool:
        """Whether the piece has a beat grid, as far as is known."""
        return self.on_grid is None or self.on_grid >= LEAST_ON_GRID

    @property
    def values(self) -> dict[str, Value]:
        """What can be wished of the piece, by the wish's name."""
        return {wish.name: getattr(self, wish.name) for wish in WISH_TABLE}

    def dropped(self, code: Code, reason: str, family: str = "") -> ManifestRow:
        """The row of the file when it is dropped."""
        return replace(
            self, status="dropped", code=code, reason=reason, family=family, notes=0, tokens=0
        )

    def to_line(self) -> str:
        """The row as a line of ASCII: a file name can hold Unicode's line breaks, or bytes that are
        not text."""
        return json.dumps(to_json(self)) + "\n"


@dataclass(frozen=True)
class About:
    """What corpus.json holds: what the corpus is, and how it was prepared."""

    hash: str
    codec: Codec = field(metadata={"from_json": codec_from_json, "to_json": Codec.to_json})
    arrangement: str
    pieces: dict[str, int]
    valid: float = 0.0
    test: float = 0.0
    sustain: bool = False
    labels: str = "folder"
    format: int = FORMAT

    def __post_init__(self) -> None:
        if self.arrangement not in ARRANGEMENTS:
            raise UgenError(f"arrangement {self.arrangement} is unknown")


@dataclass(frozen=True)
class Corpus:
    """An opened corpus. `tokens`: uint16, all kept pieces back to back."""

    path: Path
    codec: Codec
    arrangement: str
    rows: tuple[ManifestRow, ...]
    tokens: NDArray[np.uint16]
    hash: str
    asked: dict[str, float] = field(default_factory=dict)

    @classmethod
    def open(cls, path: str | Path) -> Corpus:
        """Open a corpus folder. Raises UgenError that names the part that is missing or does not
        fit."""
        path = Path(path)
        if not path.is_dir():
            raise UgenError("not a folder" if path.exists() else "no such folder", path=path)
        if not is_corpus(path):
            reason = "not a corpus (no corpus.json in it); make one with ugen-data prepare"
            raise UgenError(reason, path=path)
        about = _read_about(path / "corpus.json")
        rows = _read_manifest(path / "manifest.jsonl")
        total = sum(row.tokens for row in rows)
        file = path / "tokens.u16"
        # read, not mapped: a file that is cut or overwritten meanwhile would end the process
        data = read_bytes(file, MAX_BYTES, "a corpus")
        if len(data) != total * TOKEN_TYPE.itemsize:
            problem = f"{len(data)} bytes, but the manifest has {total} tokens"
            raise UgenError(f"{problem}; prepare the corpus again", path=file)
        tokens = np.frombuffer(data, TOKEN_TYPE)
        asked = {"valid": about.valid, "test": about.test}
        corpus = cls(path, about.codec, about.arrangement, rows, tokens, about.hash, asked)
        for row in rows:
            try:
                corpus.codec.check(corpus.piece(row))
            except CodecError as error:
                problem = f"{row.file} holds {error}; prepare the corpus again"
                raise UgenError(problem, path=file) from None
        return corpus

    def pieces(self, split: str) -> list[ManifestRow]:
        """The kept pieces of a split, in order of file name."""
        return [row for row in self.rows if row.status == "kept" and row.split == split]

    def piece(self, row: ManifestRow) -> Tokens:
        """A piece's tokens, uint16 [row.tokens]."""
        return self.tokens[row.offset : row.offset + row.tokens]

    @cached_property
    def known(self) -> tuple[Known, ...]:
        """What the training pieces say of each wish."""
        rows = [row.values for row in self.pieces("train")]
        return known_of({name: [row[name] for row in rows] for name in rows[0]} if rows else {})

    @cached_property
    def pitch_classes(self) -> dict[str, tuple[int, ...]]:
        """Notes of the training pieces in major and in minor by pitch class, from the tonic up."""
        if self.codec.input == "frame":  # which knows no keys
            return {}
        pitches = self.codec.pitches()
        counts = {mode: np.zeros(12, np.int64) for mode in MODES}
        for row in self.pieces("train"):
            if row.key:
                tonic, minor = parse_key(row.key)
                found = pitches[self.piece(row)]
                above = (found[found >= 0] - tonic) % 12
                counts[MODES[minor]] += np.bincount(above, minlength=12)
        return {mode: tuple(found.tolist()) for mode, found in counts.items() if found.any()}

    @cached_property
    def ensembles(self) -> tuple[tuple[int, ...], ...]:
        """The instruments that play together, of each training piece of a band; of many pieces,
        MOST_ENSEMBLES evenly chosen."""
        rows = self.pieces("train") if self.arrangement == "band" else []
        if len(rows) > MOST_ENSEMBLES:
            places = np.linspace(0, len(rows) - 1, MOST_ENSEMBLES).astype(int)
            rows = [rows[place] for place in places]
        return tuple(instruments_in(self.codec.decode(self.piece(row))) for row in rows)

    def columns(self, columns: Sequence[Column], asked: bool = False) -> tuple[Column, ...]:
        """Columns without those of wishes that these pieces teach nothing about; `label` of the
        size that it has here. Raises UgenError where one of those was `asked` for by name."""
        sizes = {each.name: 1 + len(each.values) for each in self.known if each.is_useful}
        always = "key", "left", *CHORD_NAMES
        sizes |= {each.name: each.size for each in columns if each.name in always}
        kept = [each for each in columns if each.name in sizes or each.name not in WISH_NAMES]
        if asked and len(kept) < len(columns):
            name = next(each.name for each in columns if each not in kept)
            needs = next(wish.needs for wish in WISH_TABLE if wish.name == name)
            raise UgenError(f"needs {needs}", flag="--columns", value=name)
        return tuple(Column(each.name, sizes.get(each.name, each.size)) for each in kept)

    def ids(self, row: ManifestRow, semitones: int = 0, tempo: float = 1.0) -> dict[str, int]:
        """What could be asked for to get a piece, in another key and so many times as fast."""
        return ids_of(self.known, row.values, semitones, tempo)

    def wishes(self, row: ManifestRow, chords: bool = False) -> Wishes:
        """What could be asked for to get a piece, its `chords` where they are wanted."""
        piece = self.piece(row)
        wishes = self.codec.wishes(piece, self.ids(row))
        if not chords or not row.notes:
            return wishes
        found = find_chords(self.codec.decode(piece))
        bars = [found.get(bar, (0,)) for bar in range(max(found, default=0) + 2)]
        return replace(wishes, chords=bars)

    def manifest(self) -> DataFrame:
        """The manifest for a notebook: one row per file, a column for each field of ManifestRow.
        Needs pandas."""
        require("pandas", "plot")
        from pandas import DataFrame

        return DataFrame([to_json(row) for row in self.rows])


def write_corpus(path: Path, codec: Codec, pieces: Iterable[tuple[ManifestRow, Tokens]]) -> Corpus:
    """A corpus whose pieces and splits are given, as those of a published benchmark, at a path that
    is free.

    Rows need `file`, `split`, `notes` and `seconds`; the rest follows from the tokens.
    """
    path.mkdir(parents=True)
    rows: list[ManifestRow] = []
    at = 0
    digest = hashlib.sha256(json.dumps(codec.to_json()).encode())
    with open(path / "tokens.u16", "wb") as stream:
        for row, tokens in pieces:
            data = np.asarray(tokens, TOKEN_TYPE).tobytes()
            digest.update(data + row.split.encode())
            stream.write(data)
            sha256 = hashlib.sha256(data).hexdigest()
            rows.append(replace(row, status="kept", sha256=sha256, tokens=len(tokens), offset=at))
            at += len(tokens)
    write_index(path, rows, About(digest.hexdigest(), codec, "piano", pieces_of(rows)))
    return Corpus.open(path)


def write_index(path: Path, rows: Iterable[ManifestRow], about: About) -> None:
    """Write all of a corpus but its tokens."""
    (path / "manifest.jsonl").write_text("".join(row.to_line() for row in rows), "utf-8")
    write_json(path / "corpus.json", to_json(about))


def pieces_of(rows: Iterable[ManifestRow]) -> dict[str, int]:
    """How many pieces each split has."""
    splits = [row.split for row in rows]
    return {name: splits.count(name) for name in SPLITS}


def is_corpus(path: str | Path) -> bool:
    """Whether a folder is a prepared corpus."""
    return (Path(path) / "corpus.json").is_file()


def _read_about(path: Path) -> About:
    value: Any = read_json(path)
    if isinstance(value, dict) and value.get("format", FORMAT) != FORMAT:
        problem = f"corpus format {value['format']}; this ugen reads format {FORMAT}"
        raise UgenError(problem, path=path)
    try:
        return from_json(About, value)
    except ValueError as error:
        raise UgenError(str(error), path=path) from None


def _check(row: ManifestRow, at: int) -> None:
    """Raise ValueError where a row's numbers are not those of a file whose tokens begin at `at`."""
    numbers: list[float] = [row.notes_in, row.notes, row.lost, row.seconds, row.tokens]
    numbers += [row.density, row.polyphony, row.tempo]
    if not all(0 <= number <= MOST for number in numbers):
        raise ValueError("a number below 0, or too large")
    if row.tokens and row.offset != at:
        raise ValueError("tokens or offset do not follow from the rows before")
    if (row.split in SPLITS) != (row.status == "kept") or row.tokens and row.status != "kept":
        raise ValueError(f"{row.status}, with {row.tokens} tokens in the split {row.split!r}")
    if row.key:
        parse_key(row.key)
    if max(len(row.meter), len(row.label)) > LONGEST_LABEL or not row.label.isprintable():
        raise ValueError("a meter or a label that is too long, or not printable")


def _read_manifest(path: Path) -> tuple[ManifestRow, ...]:
    try:
        lines = read_bytes(path).decode().splitlines()
    except ValueError as error:
        raise UgenError(str(error), path=path) from None
    rows: list[ManifestRow] = []
    at = 0
    for number, line in enumerate(lines, 1):
        try:
            row = from_json(ManifestRow, parse_json(line))
            _check(row, at)
        except ValueError as error:
            raise UgenError(f"line {number} is not a manifest row ({error})", path=path) from None
        rows.append(row)
        at += row.tokens
    return tuple(rows)
