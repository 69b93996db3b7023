"""A song asked for on the command line: all that decides its file, written into that file and read
from there to make it again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from ugen.data import MidiError, UgenError
from ugen.data.analysis.key import parse_key
from ugen.data.json_values import MAX_CHARACTERS, from_json, parse_json, to_json
from ugen.data.midi.events import read_texts
from ugen.data.midi.smf import read_file
from ugen.runtime.inference.model import Model
from ugen.runtime.model_file.card import Card

from .settings import MAX_SECONDS, SongSettings
from .song import Song, generate
from .transform import Transform

MARK = "ugen-run "  # what a record starts with in a MIDI file's text events
_MIN_SECONDS = 1e-8  # of a song that was broken off before its first token


@dataclass(frozen=True, eq=False)
class Request:
    """`model`: sha256 of the file. `streamed`: written while it was made, which gives another
    file."""

    model: str
    settings: SongSettings
    transform: Transform = Transform()
    streamed: bool = False

    def make(self, model: Model, on_progress: Callable[[float], None] = lambda made: None) -> Song:
        """The whole song."""
        song = generate(model, self.settings, on_progress=on_progress)
        return replace(song, score=self.transform.apply(song.score))

    def signature(self, key: str | None) -> tuple[int, bool] | None:
        """The key of the finished song, if the model was asked for `key`."""
        if key is None:
            return None
        tonic, is_minor = parse_key(key)
        return (tonic + self.transform.transpose) % 12, is_minor

    def as_streamed(
        self, written: float | None = None, stopped_after: int | None = None
    ) -> Request:
        """The request that a streamed song answers. `written`: its length in seconds, if it was not
        made to its end; one over a day cannot be asked for. `stopped_after`: the steps after which
        it was stopped, if it was."""
        settings = self.settings
        if written is not None and written <= MAX_SECONDS:
            if stopped_after is None:
                settings = replace(settings, cut=max(written, _MIN_SECONDS))
            else:
                settings = replace(settings, stopped_after=stopped_after)
        return replace(self, streamed=True, settings=settings)

    def record(self) -> str:
        """The request as the text event of a MIDI file."""
        return MARK + json.dumps(to_json(_Record(version("ugen-music"), self)))


@dataclass(frozen=True, eq=False)
class _Record:
    version: str
    request: Request


def read_record(path: Path, model: str, card: Card) -> Request:
    """The request that made a MIDI file with the model file of this sha256. Raises UgenError when
    the file has none, one of another model, or a damaged one."""
    try:
        texts = read_texts(read_file(path), str(path))
    except MidiError as error:
        raise UgenError(error.reason, flag="--replay", path=path) from None
    for text in texts:
        if text.startswith(MARK):
            most = 2 * MAX_CHARACTERS + 24 * card.layers * card.hidden
            return _request(path, text.removeprefix(MARK), model, card, most)
    reason = "it does not say how it was made; ugen-run's own MIDI files do"
    raise UgenError(reason, flag="--replay", path=path)


def _request(path: Path, text: str, model: str, card: Card, most: int) -> Request:
    try:
        request = from_json(_Record, parse_json(text, most), complete=True).request
        if request.model == model:
            request.settings.for_model(card)
    except (ValueError, UgenError) as error:
        reason = f"its record is damaged ({error})"
        raise UgenError(reason, flag="--replay", path=path) from None
    if request.model != model:
        reason = f"another model file made it (sha256 {request.model[:12]!r}, not {model[:12]!r})"
        raise UgenError(reason, flag="--replay", path=path)
    if request.settings.is_endless:
        raise UgenError("it lasts longer than a day", flag="--replay", path=path)
    return request
