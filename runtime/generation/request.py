"""A song asked for: all that decides what it will be, written into its file and read from there to
make it again."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ugen.data import UgenError
from ugen.runtime.inference.model import Model
from ugen.runtime.model_file.card import Card
from ugen.runtime.sampling.config import Sampling

from .note_stream import NoteStream
from .packing import packed, unpacked
from .primer import MAX_PRIMER
from .song import Song, generate
from .song_state import SongState, state_from_json
from .transform import Transform

MARK = "ugen-run "  # what a record begins with in a MIDI file's text events
MAX_RECORD = 1 << 20  # characters


@dataclass(frozen=True)
class Request:
    """`seconds` or, where given, `bars`; with neither it is endless. `primer`, `start`: what to go
    on from, None for nothing. `model`: sha256 of the file. `streamed`: written while it was made,
    which gives another file."""

    seed: int
    sampling: Sampling
    model: str
    seconds: float | None = 60.0
    bars: int | None = None
    tempo: float | None = None
    primer: NDArray[np.uint16] | None = None
    keep_primer: bool = False
    finish: Transform = field(default_factory=Transform)
    guard: bool = True
    start: SongState | None = None
    streamed: bool = False

    def make(self, model: Model, on_progress: Callable[[float], None] = lambda made: None) -> Song:
        """The song. Raises UgenError when something is out of range."""
        if self.seconds is None:
            raise UgenError("--endless: such a song is never whole")
        song = generate(
            model,
            self.seconds,
            self.seed,
            self.sampling,
            on_progress,
            bars=self.bars,
            tempo=self.tempo,
            primer=self.primer,
            keep_primer=self.keep_primer,
            start=self.start,
            guard=self.guard,
        )
        return replace(song, score=self.finish.apply(song.score))

    def performance(self, model: Model, **listeners: Callable[..., None]) -> NoteStream:
        """The same while it is made, but for its finish. Raises UgenError when something is out of
        range."""
        return NoteStream(
            model,
            self.seed,
            self.sampling,
            seconds=self.seconds,
            bars=self.bars,
            tempo=self.tempo,
            primer=self.primer,
            keep_primer=self.keep_primer,
            start=self.start,
            guard=self.guard,
            **listeners,
        )

    def streamed_for(self, seconds: float | None) -> Request:
        """The request that a streamed song answers, stopped after so many seconds; None: not
        stopped."""
        if seconds is None:
            return replace(self, streamed=True)
        return replace(self, streamed=True, seconds=seconds, bars=None)

    def record(self) -> str:
        """The request as the text event of a MIDI file."""
        told = asdict(replace(self, primer=None, start=None))
        if self.start is not None:
            told["start"] = self.start.to_json()
        if self.primer is not None:
            told["primer"] = packed(self.primer.astype("<u2"))
        return MARK + json.dumps({"version": version("ugen-music"), **told})


def read_record(path: Path, model: str, card: Card) -> Request:
    """The request that made a MIDI file with the model of this sha256. Raises UgenError when it has
    none, one of another model, or one that cannot be."""
    for text in _texts(path):
        if text.startswith(MARK):
            try:
                told = json.loads(text[len(MARK) :][:MAX_RECORD])
                if str(told["model"]) != model:
                    other = f"sha256 {told['model']!s:.12}…, not {model[:12]}…"
                    raise UgenError(f"--replay {path}: another model file made it ({other})")
                return _request(told, card)
            except (ValueError, TypeError, KeyError, RecursionError, zlib.error) as error:
                raise UgenError(
                    f"--replay {path}: its record is damaged ({error!r:.100})"
                ) from None
    raise UgenError(
        f"--replay {path}: it does not say how it was made; ugen-run's own MIDI files do"
    )


def file_hash(path: Path) -> str:
    """sha256 of a file."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    except OSError as error:
        raise UgenError(f"{path}: {error.strerror or error}") from None
    return digest.hexdigest()


def _request(told: dict[str, Any], card: Card) -> Request:
    told = {each.name: told[each.name] for each in fields(Request)}
    if told["start"] is not None:
        told["start"] = state_from_json(told["start"], card)
    told["sampling"], told["finish"] = Sampling(**told["sampling"]), Transform(**told["finish"])
    if told["primer"] is not None:
        told["primer"] = unpacked(told["primer"], "<u2", MAX_PRIMER).astype(np.uint16)
    for name, kind in (
        ("seed", int),
        ("model", str),
        ("keep_primer", bool),
        ("guard", bool),
        ("streamed", bool),
        ("seconds", (int, float)),
    ):
        if not isinstance(told[name], kind):
            raise ValueError(f"{name} is {told[name]!r:.40}")
    return Request(**told)


def _texts(path: Path) -> list[str]:
    """The text events of a MIDI file's first track."""
    import mido

    try:
        tracks = mido.MidiFile(path, clip=True).tracks
    except OSError as error:
        raise UgenError(f"--replay {path}: {error.strerror or error}") from None
    except (
        Exception
    ) as error:  # mido raises what its parser meets: EOFError, KeyError, ValueError, its own
        raise UgenError(
            f"--replay {path}: not a MIDI file that ugen-run wrote ({error!r:.80})"
        ) from None
    return [message.text for message in (tracks[0] if tracks else ()) if message.type == "text"]
