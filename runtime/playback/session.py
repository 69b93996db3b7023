"""Songs that are heard, or written, while they are made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from ugen.data import Note, UgenError
from ugen.data.files import replacing
from ugen.data.midi.stream_writer import MidiRecorder
from ugen.data.score import NoteRow
from ugen.runtime.generation.faults import GuardError
from ugen.runtime.generation.request import Request
from ugen.runtime.generation.song_state import SongState
from ugen.runtime.inference.model import Model

from .interrupts import _Interrupts

Player = Callable[
    [Iterator[Note | None]], object
]  # takes all notes in its own time; None: there is no new one yet


class Streamed(NamedTuple):
    """What a song was in the end. `stopped`: by Ctrl-C."""

    seconds: float
    notes: int
    state: SongState
    stopped: bool


def check(wish: Request, files: Sequence[Path]) -> None:
    """Raise UgenError when a song cannot be had while it is made."""
    for flag, given in (
        ("--key", wish.finish.key is not None),
        ("--velocity", wish.finish.velocity is not None),
    ):
        if given:
            raise UgenError(
                f"{flag}: needs the whole song; not with --endless, --play or --midi-port"
            )
    for file in files:
        if file.suffix.lower() not in (".mid", ".midi"):
            raise UgenError(
                f"-o {file}: with --endless, --play or --midi-port the name must end in .mid"
            )


def run(
    wish: Request,
    model: Model,
    play: Player,
    file: Path | None = None,
    *,
    on_note: Callable[[Note], None] = lambda note: None,
    on_progress: Callable[[float], None] = lambda made: None,
    on_mended: Callable[[str], None] = lambda words: None,
) -> Streamed:
    """Make a song, play it and write it to a MIDI file. Ctrl-C ends it: then the file is whole,
    too, and holds all that was made. When the guard gives up it holds what was music. Raises
    UgenError as `generate` does, and when the file cannot be written; it is not left
    half-written."""
    with ExitStack() as stack:
        recorder = None
        if file is not None:
            output = stack.enter_context(open(stack.enter_context(replacing(file)), "wb"))
            recorder = MidiRecorder(output, model.card.codec.decoder().ticks_per_beat)
        song = wish.performance(
            model,
            on_progress=on_progress,
            on_mended=on_mended,
            on_tempo=recorder.tempo if recorder else lambda tick, usec: None,
            on_meter=recorder.meter if recorder else lambda tick, numerator, denominator: None,
        )
        count, stopped, wrong = 0, False, None

        def taken(row: NoteRow | None) -> Note | None:
            nonlocal count
            if row is None:
                return None
            row = wish.finish.row(row)
            if recorder:
                recorder.note(row)
            note = song.note(row)
            if not stopped:
                on_note(note)
            count += 1
            return note

        rows = iter(song)
        try:
            with _Interrupts() as interrupts:
                play(interrupts.between(taken(row) for row in rows))
        except (KeyboardInterrupt, BrokenPipeError):  # the latter: who read the notes has gone
            stopped = True
            song.stop()
        except GuardError as error:
            if not count:
                raise
            stopped, wrong = True, error
        for row in rows:
            taken(row)
        if recorder:
            recorder.finish(
                song.end, [wish.streamed_for(song.length if stopped else None).record()]
            )
    if wrong:
        raise wrong
    return Streamed(song.length, count, song.state(), stopped)
