"""Songs that are played, or written, while they are made."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ugen.data import Note, UgenError
from ugen.data.analysis.key import signature_name
from ugen.data.codecs.base import Tokens
from ugen.data.midi.stream_writer import MidiRecorder
from ugen.data.render.midi_file import TICKS_PER_BEAT
from ugen.data.score import NoteRow
from ugen.runtime.generation.guard.faults import GuardError
from ugen.runtime.generation.guarded_stream import Retry
from ugen.runtime.generation.note_stream import NoteStream
from ugen.runtime.generation.request import Request
from ugen.runtime.generation.song_state import SongState
from ugen.runtime.inference.model import Model

from .interrupts import Interrupts

_SAVE_EVERY = 1.0  # seconds

# takes all notes at its own pace; None among them: there is no new one yet
Player = Callable[[Iterator[Note | None]], object]


class StreamedSong(NamedTuple):
    """A song that was streamed. `stopped`: by Ctrl-C. `fault`: why the guard gave up, if it did;
    all before it is good. `steps`: that were taken, and in part taken back."""

    seconds: float
    notes: int
    tokens: int
    state: SongState
    stopped: bool
    fault: GuardError | None
    steps: int


def check(request: Request, files: Sequence[Path] = ()) -> None:
    """Raise UgenError when a song cannot be streamed into such files."""
    live = "--endless, --play or --midi-port"
    for name, why in (
        ("key", " of a model that was trained without the column key"),
        ("velocity", ""),
    ):
        if getattr(request.transform, name) is not None:
            raise UgenError(f"needs the whole song{why}; not with {live}", flag=f"--{name}")
    for file in files:
        if file.suffix.lower() not in (".mid", ".midi"):
            raise UgenError(f"with {live} the name must end in .mid", flag="-o", path=file)


def run(
    request: Request,
    model: Model,
    play: Player,
    output: BinaryIO | None = None,
    *,
    on_note: Callable[[Note], None] = lambda note: None,
    on_progress: Callable[[float], None] = lambda made: None,
    on_retry: Callable[[Retry], None] = lambda retry: None,
    on_save: Callable[[], None] = lambda: None,
) -> StreamedSong:
    """Make a song, play it, and write it as a MIDI file that can be sought in.

    Ctrl-C ends it: then the file is complete, too, and holds all that was made. When the guard
    gives up, the file holds what is good; GuardError is raised only where that is nothing. Raises
    UgenError as `generate` does. Every second the file is whole, whatever ends the process then:
    `on_save` is called.
    """
    session = _Session(request, model, output, on_note, on_progress, on_retry, on_save)
    notes = session.notes()
    stopped, fault = False, None
    with Interrupts() as interrupts:
        try:
            play(interrupts.between(notes))
        except (KeyboardInterrupt, BrokenPipeError):  # the latter: who read the notes has gone
            stopped = True
        except GuardError as error:
            if not session.count:
                raise
            fault = error
        interrupts.ignore()  # while the file is ended
        return session.finish(stopped, fault)


class _Session:
    """One song being streamed."""

    def __init__(
        self,
        request: Request,
        model: Model,
        output: BinaryIO | None,
        on_note: Callable[[Note], None],
        on_progress: Callable[[float], None],
        on_retry: Callable[[Retry], None],
        on_save: Callable[[], None],
    ):
        self.count = 0
        self._tokens = 0
        self._request = request
        self._on_note = on_note
        self._on_save = on_save
        self._saved_at = -math.inf
        self._recorder = None
        if output is not None:
            ticks = model.card.codec.decoder().ticks_per_beat
            scale = TICKS_PER_BEAT // ticks if TICKS_PER_BEAT % ticks == 0 else 1
            key = request.signature(request.settings.for_model(model.card).key)
            name = None if key is None else signature_name(key)
            self._recorder = MidiRecorder(output, ticks, scale, name)
        recorder = self._recorder
        self._song = NoteStream(
            model,
            request.settings,
            on_progress=on_progress,
            on_retry=on_retry,
            on_tokens=self._count_tokens,
            on_tempo=recorder.tempo if recorder else lambda tick, usec: None,
            on_meter=recorder.meter if recorder else lambda tick, numerator, denominator: None,
        )
        self._rows = iter(self._song)

    def notes(self) -> Iterator[Note | None]:
        """The song's notes, each written and reported as it is taken."""
        for row in self._rows:
            note = self._record(row)
            if note is not None:
                self._on_note(note)
            yield note

    def finish(self, stopped: bool, fault: GuardError | None) -> StreamedSong:
        """Write what has been made and not been taken, and end the file."""
        if stopped:
            self._song.stop()
        for row in self._rows:
            self._record(row)
        length = self._song.length
        if self._recorder:
            written = length if self._song.is_stopped else None
            answered = self._request.as_streamed(written, None if fault else self._song.steps)
            self._recorder.save([answered.record()], self._song.end)
            self._on_save()
        state = self._song.state()
        return StreamedSong(
            length, self.count, self._tokens, state, stopped, fault, self._song.steps
        )

    def _record(self, row: NoteRow | None) -> Note | None:
        if row is None:
            return None
        row = self._request.transform.row(row)
        if self._recorder:
            self._recorder.note(row)
        self.count += 1
        note = self._song.note(row)
        if self._recorder and time.monotonic() - self._saved_at > _SAVE_EVERY:
            self._recorder.save([self._request.as_streamed(note.onset).record()])
            self._on_save()
            self._saved_at = time.monotonic()
        return note

    def _count_tokens(self, tokens: Tokens) -> None:
        self._tokens += len(tokens)
