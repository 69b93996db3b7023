"""Prepare a corpus: read every MIDI file of a folder, arrange and encode it, find its family, choose its split."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from .arrange import arrange
from .codec import Codec, Tokens
from .codecs import codec_from_json
from .corpus import FORMAT, SPLITS, TOKEN_TYPE, Corpus, Row
from .errors import MidiError, UgenError
from .files import new_folder, write_json
from .midi_read import read_midi
from .similar import families, sketch

MIDI_SUFFIXES = (".mid", ".midi", ".kar", ".rmi", ".smf")
FEWEST_NOTES = 16  # less is a jingle at best, and mostly an empty or broken file
LONGEST_HOURS = 10
_BATCH = 64  # files under way at once a worker; bounds memory whatever the folder's size


@dataclass(frozen=True)
class Settings:
    """How a folder becomes a corpus. `valid`, `test`: shares of the pieces to hold out, by hash of their music."""

    codec: Codec
    arrangement: str = "piano"
    valid: float = 0.1
    test: float = 0.0

    def __post_init__(self) -> None:
        for flag, share in (("--valid", self.valid), ("--test", self.test)):
            if not 0 <= share < 1:
                raise UgenError(f"{flag} {share}: a share of the pieces is 0 or more and less than 1")
        if self.valid + self.test >= 1:
            raise UgenError("--valid and --test: together they leave nothing to learn from")


@dataclass(frozen=True)
class _Piece:
    """One file, read in a worker: its row so far, its tokens and sketch (empty when dropped)."""

    row: Row
    tokens: Tokens
    sketch: NDArray[np.uint64]


def prepare(
    folder: str | Path,
    out: str | Path,
    settings: Settings,
    workers: int = 1,
    on_file: Callable[[int, int], None] = lambda done, total: None,
) -> Corpus:
    """Make the corpus `out` from all files under `folder`. `on_file(done, total)` is called after each file.

    Every file gets a manifest row; the reason stands beside each that was dropped.
    Raises UgenError when the folder cannot be read or fewer than two different pieces remain.
    """
    root = Path(folder)
    if not root.is_dir():
        raise UgenError(f"{folder}: not a folder")
    files = sorted(path for path in root.rglob("*") if path.is_file())
    if not any(path.suffix.lower() in MIDI_SUFFIXES for path in files):
        raise UgenError(f"{folder}: no MIDI files in it ({', '.join(MIDI_SUFFIXES)})")
    with new_folder(out) as partial:
        rows, sketches = [], []
        with open(partial / "tokens.u16", "wb") as stream:
            for piece in _placed(_read_all(root, files, settings, workers), stream):
                rows.append(piece.row)
                sketches.append(piece.sketch)
                on_file(len(rows), len(files))
        rows = _split(_with_families(rows, sketches), settings)
        _require_enough(rows, root)
        lines = [row.to_line() for row in rows]
        (partial / "manifest.jsonl").write_text("".join(lines), "utf-8")
        write_json(partial / "corpus.json", _about(rows, settings))
    return Corpus.open(out)


def _about(rows: list[Row], settings: Settings) -> dict[str, object]:
    music = "".join(f"{row.sha256} {row.split}\n" for row in rows if row.status == "kept")
    codec = settings.codec.to_json()
    return {
        "format": FORMAT,
        "arrangement": settings.arrangement,
        "hash": hashlib.sha256(f"{codec}{settings.arrangement}{music}".encode()).hexdigest(),
        "pieces": {split: sum(row.split == split for row in rows) for split in SPLITS},
        "codec": codec,
    }


def _read_all(root: Path, files: list[Path], settings: Settings, workers: int) -> Iterator[_Piece]:
    """Every file as a piece, in the order given, with few under way at once."""
    jobs = ((str(path), str(path.relative_to(root)), settings.arrangement, settings.codec.to_json()) for path in files)
    if workers <= 1:
        yield from map(_read_piece, jobs)
        return
    with ProcessPoolExecutor(workers) as pool:
        while batch := list(itertools.islice(jobs, _BATCH * workers)):
            yield from pool.map(_read_piece, batch, chunksize=8)


def _read_piece(job: tuple[str, str, str, dict[str, object]]) -> _Piece:
    path, name, arrangement, codec = job
    nothing = np.zeros(0, np.uint16), np.zeros(0, np.uint64)
    if not name.lower().endswith(MIDI_SUFFIXES):
        return _Piece(Row(name, "dropped", "not a MIDI file by its name"), *nothing)
    row = Row(name, "dropped")
    try:
        data = Path(path).read_bytes()
        row = replace(row, sha256=hashlib.sha256(data).hexdigest())
        score = read_midi(path)
        row = replace(row, notes_in=len(score.notes), remarks=score.remarks, seconds=round(score.seconds, 3))
        arranged = arrange(score, arrangement)
        if reason := _unfit(len(score.notes), len(arranged.notes), arranged.seconds):
            return _Piece(replace(row, reason=reason), *nothing)
        tokens, notes, lost = codec_from_json(codec).encode(arranged)
    except MidiError as error:
        return _Piece(replace(row, reason=str(error).removeprefix(f"{path}: ")), *nothing)
    except (UgenError, OSError) as error:
        return _Piece(replace(row, reason=str(error)), *nothing)
    row = replace(row, status="kept", tokens=len(tokens), notes=notes, lost=lost, seconds=round(arranged.seconds, 3))
    return _Piece(row, tokens, sketch(arranged))


def _unfit(notes_in: int, arranged: int, seconds: float) -> str:
    """Why a readable piece is no music to learn from, or nothing."""
    if notes_in == 0:
        return "holds no notes"
    if arranged == 0:
        return "holds drums only, which --arrange piano leaves out"
    if arranged < FEWEST_NOTES:
        return f"holds {arranged} notes; fewer than {FEWEST_NOTES} teach nothing"
    if seconds > LONGEST_HOURS * 3600:
        return f"lasts {seconds / 3600:.0f} hours; the limit is {LONGEST_HOURS}"
    return ""


def _placed(pieces: Iterable[_Piece], stream: BinaryIO) -> Iterator[_Piece]:
    """Write kept pieces' tokens and note their offsets; drop a piece whose tokens were seen before."""
    seen: dict[bytes, str] = {}
    offset = 0
    for piece in pieces:
        row = piece.row
        if row.status == "kept":
            data = piece.tokens.astype(TOKEN_TYPE).tobytes()
            twin = seen.setdefault(hashlib.sha256(data).digest(), row.file)
            if twin != row.file:
                row = replace(row, status="dropped", reason=f"the same music as {twin}", tokens=0, family=twin)
            else:
                stream.write(data)
                row = replace(row, offset=offset)
                offset += row.tokens
        yield replace(piece, row=row, tokens=piece.tokens[:0])


def _with_families(rows: list[Row], sketches: list[NDArray[np.uint64]]) -> list[Row]:
    kept = [i for i, row in enumerate(rows) if row.status == "kept"]
    heads = families([sketches[i] for i in kept])
    named = {i: rows[kept[head]].file for i, head in zip(kept, heads, strict=True)}
    return [replace(row, family=named[i]) if i in named else row for i, row in enumerate(rows)]


def _split(rows: list[Row], settings: Settings) -> list[Row]:
    """Give each family the split that the smallest hash of its members falls in, so that new files move no old ones.

    When the draw leaves no family to hold out or none to learn from, the one nearest the border moves.
    """
    draws: dict[str, float] = {}
    for row in rows:
        if row.status == "kept":
            draw = int(row.sha256[:13], 16) / 16**13
            draws[row.family] = min(draw, draws.get(row.family, 1.0))
    split = {family: _split_of(draw, settings) for family, draw in draws.items()}
    ordered = sorted(draws, key=lambda family: draws[family])
    if len(ordered) > 1 and settings.valid > 0:
        if "valid" not in split.values():
            split[ordered[0]] = "valid"
        if "train" not in split.values():
            split[ordered[-1]] = "train"
    return [replace(row, split=split[row.family]) if row.status == "kept" else row for row in rows]


def _split_of(draw: float, settings: Settings) -> str:
    if draw < settings.valid:
        return "valid"
    return "test" if draw < settings.valid + settings.test else "train"


def _require_enough(rows: list[Row], root: Path) -> None:
    found = Counter(row.split for row in rows if row.status == "kept")
    if found["train"] and (found["valid"] or found["test"]):
        return
    kept = sum(found.values())
    reasons = Counter(row.reason for row in rows if row.status == "dropped")
    why = f"; most often: {reasons.most_common(1)[0][0]}" if reasons else ""
    raise UgenError(
        f"{root}: {kept} of {len(rows)} files can be learned from, and at least two different pieces are needed, "
        f"one to learn from and one to be tested on{why}"
    )
