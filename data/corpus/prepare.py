"""Prepare a corpus: read every MIDI file of a folder, arrange and encode it, find its family,
choose its split."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ugen.data.arrangement import arrange
from ugen.data.codecs.base import Codec, Tokens
from ugen.data.errors import MidiError, UgenError
from ugen.data.files import write_json
from ugen.data.midi.reader import read_midi
from ugen.data.midi.smf import MIDI_SUFFIXES

from .corpus import FORMAT, SPLITS, Corpus, ManifestRow
from .journal import Journal, corpus_folder, hidden_folder
from .near_duplicates import sketch
from .splits import require_enough, split, with_families

FEWEST_NOTES = 16  # less is a jingle at best, and mostly an empty or broken file

LONGEST_HOURS = 10

_BATCH = 64  # files under way at once a worker; bounds memory whatever the folder's size


@dataclass(frozen=True)
class Settings:
    """How a folder becomes a corpus. `valid`, `test`: shares of the pieces to hold out, by hash of
    their music.

    `sustain`: fold the sustain pedal into the ends of notes.
    """

    codec: Codec
    arrangement: str = "piano"
    valid: float = 0.1
    test: float = 0.0
    sustain: bool = False

    def __post_init__(self) -> None:
        for flag, share in (("--valid", self.valid), ("--test", self.test)):
            if not 0 <= share < 1:
                raise UgenError(
                    f"{flag} {share}: a share of the pieces is 0 or more and less than 1"
                )
        if self.valid + self.test >= 1:
            raise UgenError("--valid and --test: together they leave nothing to learn from")

    def to_json(self) -> dict[str, Any]:
        """The settings as plain JSON."""
        return {**vars(self), "codec": self.codec.to_json()}


def prepare(
    folder: str | Path,
    out: str | Path,
    settings: Settings,
    workers: int = 1,
    on_file: Callable[[int, int], None] = lambda done, total: None,
) -> Corpus:
    """Make the corpus `out` from all files under `folder`. `on_file(done, total)` is called after
    each file.

    Every file gets a manifest row; the reason stands beside each that was dropped. An interrupted
    run is gone on with. Raises UgenError when the folder cannot be read or fewer than two different
    pieces remain.
    """
    root, out = Path(folder), Path(out)
    files = _files(root, hidden_folder(out))
    with corpus_folder(out, json.dumps([str(root.resolve()), settings.to_json()])) as partial:
        with Journal(partial, files, lambda name: _stamp(root / name)) as journal:
            done = len(journal.pieces)
            for row, tokens, found in _read_all(root, files[done:], settings, workers):
                journal.add(row, tokens, found)
                on_file(len(journal.pieces), len(files))
        rows = split(with_families(journal.pieces), settings.valid, settings.test)
        require_enough(rows, root)
        (partial / "manifest.jsonl").write_text("".join(row.to_line() for row in rows), "utf-8")
        write_json(partial / "corpus.json", _about(rows, settings))
    return Corpus.open(out)


def _files(root: Path, hidden: Path) -> list[str]:
    """The names of all files under a folder, but for our own work in it; names alone, since there
    may be many."""
    if not root.is_dir():
        raise UgenError(f"{root}: not a folder")
    found = (path for path in root.rglob("*") if path.is_file() and hidden not in path.parents)
    files = sorted(str(path.relative_to(root)) for path in found)
    if not any(name.lower().endswith(MIDI_SUFFIXES) for name in files):
        raise UgenError(f"{root}: no MIDI files in it ({', '.join(MIDI_SUFFIXES)})")
    return files


def _stamp(path: Path) -> list[object]:
    """What tells whether a file is the one an earlier run read."""
    try:
        status = path.stat()
    except OSError:  # gone, or not ours to see; reading it says so in its row
        return [str(path), -1, -1]
    return [str(path), status.st_size, status.st_mtime_ns]


def _about(rows: list[ManifestRow], settings: Settings) -> dict[str, object]:
    music = "".join(f"{row.sha256} {row.split}\n" for row in rows if row.status == "kept")
    about = json.dumps(settings.to_json(), sort_keys=True)
    return {
        "format": FORMAT,
        "hash": hashlib.sha256((about + music).encode()).hexdigest(),
        "pieces": {name: sum(row.split == name for row in rows) for name in SPLITS},
        **settings.to_json(),
    }


Read = tuple[
    ManifestRow, Tokens, NDArray[np.uint64]
]  # a file's row, tokens and sketch; the last two empty when dropped


def _read_all(root: Path, files: list[str], settings: Settings, workers: int) -> Iterator[Read]:
    """Every file read, in the order given, with few under way at once."""
    jobs = ((str(root / name), name, settings) for name in files)
    if workers <= 1:
        yield from map(_read, jobs)
        return
    with ProcessPoolExecutor(workers) as pool:
        while batch := list(itertools.islice(jobs, _BATCH * workers)):
            yield from pool.map(_read, batch, chunksize=8)


def _read(job: tuple[str, str, Settings]) -> Read:
    """What one file gives. Runs in a worker, so it takes and gives what can be sent there."""
    path, name, settings = job
    nothing = np.zeros(0, np.uint16), np.zeros(0, np.uint64)
    if not name.lower().endswith(MIDI_SUFFIXES):
        return ManifestRow(name, "dropped", "not a MIDI file by its name"), *nothing
    row = ManifestRow(name, "dropped")
    try:
        score = read_midi(path, sustain=settings.sustain)
        digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        seconds = round(score.seconds, 3)
        row = replace(
            row, sha256=digest, notes_in=len(score.notes), warnings=score.warnings, seconds=seconds
        )
        arranged = arrange(score, settings.arrangement)
        if reason := _unfit(len(score.notes), len(arranged.notes), arranged.seconds):
            return replace(row, reason=reason), *nothing
        tokens, notes, lost = settings.codec.encode(arranged)
    except MidiError as error:
        return replace(row, reason=str(error).removeprefix(f"{path}: ")), *nothing
    except (UgenError, OSError) as error:
        return replace(row, reason=str(error)), *nothing
    row = replace(
        row,
        status="kept",
        tokens=len(tokens),
        notes=notes,
        lost=lost,
        seconds=round(arranged.seconds, 3),
    )
    return row, tokens, sketch(arranged)


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
