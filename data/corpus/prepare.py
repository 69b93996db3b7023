"""Prepare a corpus: read every MIDI file of a folder, arrange and encode it, find its family,
choose its split."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from ugen.data.analysis.beat_grid import LEAST_ON_GRID, on_grid
from ugen.data.analysis.wishes import measured
from ugen.data.arrangement import LONGEST_INTRODUCTION, arrange, cut_silence
from ugen.data.codecs.base import Codec, Tokens
from ugen.data.errors import CodecError, MidiError, UgenError
from ugen.data.folders import paths_below, why_no_file
from ugen.data.json_values import to_json
from ugen.data.locks import LOCK
from ugen.data.midi.reader import read_midi
from ugen.data.midi.smf import MIDI_SUFFIXES, read_file
from ugen.data.score import Score
from ugen.data.settings import setting

from .corpus import About, Code, Corpus, ManifestRow, pieces_of, write_index
from .journal import NOTHING, Journal, Sketch, Stamp, corpus_folder, hidden_folder, lock_of
from .labels import FOLDERS, check_labels, labels_of
from .near_duplicates import sketch
from .splits import require_enough, split, with_families
from .workers import apply

FEWEST_NOTES = 16  # fewer are a jingle at best, and mostly an empty or broken file
LONGEST_HOURS = 10
# what a text event of our own songs and samples begins with: a model must not learn from a model
_MARKS = b"ugen-run {", b"train-ugen {"
ARCHIVES = (".zip", ".gz", ".tgz", ".tar", ".bz2", ".xz", ".7z", ".rar", ".lzh", ".lha", ".zst")
NO_TOKENS = np.zeros(0, np.uint16)


@dataclass(frozen=True)
class Settings:
    """How a folder becomes a corpus."""

    PANEL: ClassVar[str] = "Preparing a folder"

    codec: Codec = field(metadata={"to_json": Codec.to_json})
    arrangement: str = "piano"
    valid: float = setting(0.1, "Fraction of the pieces held out while training.")
    test: float = setting(0.0, "Fraction of the pieces held out for a final test.")
    sustain: bool = setting(False, "Fold the sustain pedal into the ends of notes.")
    labels: str = setting(
        FOLDERS,
        "What a piece is called, for ugen-run --like: folder (the sub-folder it is in), none, or a "
        ".csv file with rows of file and label.",
    )

    def __post_init__(self) -> None:
        for flag, fraction in (("--valid", self.valid), ("--test", self.test)):
            if not 0 <= fraction < 1:
                raise UgenError("must be 0 or more, and less than 1", flag=flag, value=fraction)
        if self.valid + self.test >= 1:
            raise UgenError("--valid and --test: together they leave nothing to train on")
        check_labels(self.labels)


def prepare(
    folder: str | Path,
    out: str | Path,
    settings: Settings,
    workers: int = 1,
    on_file: Callable[[int, int], None] = lambda done, total: None,
) -> Corpus:
    """Make the corpus `out` from all files under `folder`. `on_file(done, total)` is called after
    each file.

    Every file gets a manifest row, with a reason if it was dropped. An interrupted run is resumed.
    Raises UgenError when the folder cannot be read, or when too few pieces remain to train on and
    to hold out.
    """
    root, out = Path(folder), Path(out)
    files = _files(root, out)
    labels = labels_of(settings.labels, files)
    with corpus_folder(out, json.dumps([str(root.resolve()), to_json(settings)])) as partial:
        with Journal(partial, files, lambda name: _stamp(root / name)) as journal:
            done = len(journal.pieces)
            jobs = ((str(root / name), name, settings) for name in files[done:])
            for row, tokens, found in apply(_read, jobs, workers):
                journal.add(row, tokens, found)
                on_file(len(journal.pieces), len(files))
        rows = split(with_families(journal.pieces), settings.valid, settings.test)
        require_enough(rows, root, settings.valid)
        rows = [replace(row, label=labels.get(row.file, "")) for row in rows]
        write_index(partial, rows, _about(rows, settings))
    return Corpus.open(out)


def _files(root: Path, out: Path) -> list[str]:
    """The names of all files under a folder, except our own work in it; names alone, since there
    may be many."""
    if not root.is_dir():
        raise UgenError("not a folder" if root.exists() else "no such folder", path=root)
    # compared without symbolic links, for one path may be absolute and the other relative
    work = Path(os.path.relpath(hidden_folder(out).resolve(), root.resolve()))
    locks = LOCK, lock_of(out).name
    found = paths_below(root)
    if str(root) in found:
        raise UgenError("may not be read", path=root)
    relative = [Path(path).relative_to(root) for path in found]
    files = [str(path) for path in relative if work not in path.parents and path.name not in locks]
    if not any(name.lower().endswith(MIDI_SUFFIXES) for name in files):
        has_links = any((root / name).is_dir() for name in files)
        others = "; links to folders are not followed" if has_links else ""
        raise UgenError(f"no MIDI files in it ({', '.join(MIDI_SUFFIXES)}){others}", path=root)
    return files


def _stamp(path: Path) -> Stamp:
    """What tells whether a file is the one an earlier run read."""
    try:
        status = path.stat()
    except OSError:  # gone, or not ours to see; reading it says so in its row
        return str(path), -1, -1
    return str(path), status.st_size, status.st_mtime_ns


def _about(rows: list[ManifestRow], settings: Settings) -> About:
    kept = [row for row in rows if row.status == "kept"]
    music = "".join(f"{row.sha256} {row.split} {row.label}\n" for row in kept)
    described = json.dumps(to_json(settings), sort_keys=True)
    digest = hashlib.sha256((described + music).encode()).hexdigest()
    return About(digest, pieces=pieces_of(rows), **vars(settings))


# a file's row, tokens and sketch; the last two empty when it is dropped
Read = tuple[ManifestRow, Tokens, Sketch]


def _read(job: tuple[str, str, Settings]) -> Read:
    """Read one file. Runs in a worker process, so it takes and returns what can be pickled."""
    path, name, settings = job
    row = ManifestRow(name, "dropped")
    try:
        _require_midi_file(Path(path))
        data = read_file(Path(path))
        if author := next((mark for mark in _MARKS if mark in data), None):
            command = author.split()[0].decode()
            reason = f"made by {command}; a model must not learn from a model's music"
            raise _DroppedError("made_by_ugen", reason)
        score = read_midi(data, path, sustain=settings.sustain)
        row = replace(
            row,
            sha256=hashlib.sha256(data).hexdigest(),
            notes_in=len(score.notes),
            seconds=round(score.seconds, 3),
        )
        del data
        # each step lets go of what it was made from: a file can hold many notes
        score = arrange(score, settings.arrangement)
        row = replace(row, warnings=score.warnings, silence_cut=score.seconds)
        score = cut_silence(score, LONGEST_INTRODUCTION)
        row = replace(row, silence_cut=round(row.silence_cut - score.seconds, 3))
        _require_music(row, score)
        tokens, notes, lost = settings.codec.encode(score)
    except _DroppedError as why:
        return row.dropped(why.code, why.reason), NO_TOKENS, NOTHING
    except MidiError as error:
        return row.dropped("unreadable", error.reason), NO_TOKENS, NOTHING
    except OSError as error:
        return row.dropped("unreadable", error.strerror or str(error)), NO_TOKENS, NOTHING
    except CodecError as error:
        return row.dropped("not_encodable", error.reason), NO_TOKENS, NOTHING
    seconds, share = round(score.seconds, 3), round(on_grid(score), 3)
    row = replace(row, status="kept", tokens=len(tokens), notes=notes, lost=lost, seconds=seconds)
    return (
        replace(row, on_grid=share, **_wishes(score, settings.codec, share)),
        tokens,
        sketch(score),
    )


def _wishes(score: Score, codec: Codec, share: float) -> dict[str, Any]:
    """What can be wished of a piece. Where a codec with beats is given music without them, what is
    counted in beats is not known."""
    found: dict[str, Any] = measured(score, codec.has_bars)
    if codec.has_bars and share < LEAST_ON_GRID:
        found |= {"density": 0.0, "meter": "", "tempo": 0.0}
    return found


class _DroppedError(Exception):
    """A file is not for the corpus."""

    def __init__(self, code: Code, reason: str):
        self.code, self.reason = code, reason


def _require_midi_file(path: Path) -> None:
    """Raise _DroppedError for what need not be opened to be dropped."""
    if reason := why_no_file(path):
        raise _DroppedError("unreadable", reason)
    if not path.name.lower().endswith(MIDI_SUFFIXES):
        is_archive = path.name.lower().endswith(ARCHIVES)
        reason = "an archive; unpack it first" if is_archive else "not a MIDI file (by extension)"
        raise _DroppedError("not_midi", reason)


def _require_music(row: ManifestRow, score: Score) -> None:
    """Raise _DroppedError for a readable piece that is not worth training on. `score`: what is left
    of it when it is arranged."""
    notes = len(score.notes)
    if not row.notes_in and row.warnings:
        raise _DroppedError("unreadable", f"no notes could be read: {row.warnings[0]}")
    if not row.notes_in:
        raise _DroppedError("no_notes", "holds no notes")
    if not notes:
        raise _DroppedError("only_drums", "holds drums only, which --arrange piano leaves out")
    if notes < FEWEST_NOTES:
        raise _DroppedError("too_short", f"has {notes} notes; {FEWEST_NOTES} are the fewest")
    if score.seconds > LONGEST_HOURS * 3600:
        hours = f"lasts {score.seconds / 3600:.0f} hours; {LONGEST_HOURS} are the most"
        raise _DroppedError("too_long", hours)
