"""Make songs for ugen-run: whole ones into files, others played or written while they are made."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import typer
from ugen.data import Note, Score, UgenError, read_midi
from ugen.data.files import growing
from ugen.data.render.piano_roll import contact_sheet
from ugen.data.text import printable
from ugen.runtime.generation.guard.faults import GuardError
from ugen.runtime.generation.request import Request
from ugen.runtime.generation.song import Song
from ugen.runtime.generation.song_state import SongState, save_state
from ugen.runtime.inference.model import Model
from ugen.runtime.playback import audio_player, midi_player, session
from ugen.runtime.playback.midi_port import Port, open_port
from ugen.runtime.scoring.ranking import distance_to, real_music

from . import duet, outputs
from .flags import Live, Output, Source
from .messages import RunMessages

_MOST_ROLLS = 100  # in the picture of all songs; the first ones


def make(
    request: Request,
    source: Source,
    model: Model,
    targets: Output,
    live: Live,
    messages: RunMessages,
) -> None:
    """Make what was asked for: whole songs, or one that is played or written while it is made."""
    targets.require_new(request.settings.seed, source.count)
    if model.provider != "cpu":
        messages.warning(f"computed by {model.provider}")
    if live.midi_in is not None:
        duet.play(request, model, live, messages)
    elif live.is_on:
        _stream_song(request, model, targets, live, messages)
    elif request.streamed:
        _remake_streamed_song(request, model, targets, messages)
    else:
        _make_songs(request, source, model, targets, messages)


class _Made(NamedTuple):
    """A song; of several that are ranked, its distance to real music."""

    distance: float | None
    request: Request
    song: Song

    @property
    def roll(self) -> tuple[str, Score]:
        """Its title and notes, to draw."""
        title = f"seed {self.request.settings.seed}"
        if self.distance is not None:
            title += f": {self.distance:.2f} from real music"
        return title, self.song.score


def _make_songs(
    first: Request, source: Source, model: Model, targets: Output, messages: RunMessages
) -> None:
    """Make whole songs with consecutive seeds, and write each, or the best of them."""
    count = source.count
    replace(first.settings, seed=first.settings.seed + count - 1)  # raises if that is no seed
    failed, kept, rolls = 0, list[_Made](), list[tuple[str, Score]]()
    for number in range(count):
        seed = first.settings.seed + number
        request = replace(first, settings=replace(first.settings, seed=seed))
        try:
            made = _make_song(request, source.best is not None, model, targets, messages)
        except GuardError as error:
            if count == 1:
                raise
            failed += 1
            name = targets.names(request.settings.seed)[0]
            typer.echo(printable(f"{name}: {error}"), err=True)
            continue
        if source.best is None:
            _write_song(made, model, targets, messages)
            rolls = [*rolls, made.roll][:_MOST_ROLLS]
        else:
            kept = sorted([*kept, made], key=lambda each: each.distance or 0.0)[: source.best]
    for made in kept:
        _write_song(made, model, targets, messages)
        rolls.append(made.roll)
    if count > 1 and rolls and (sheet := outputs.sheet_of(targets.files, bool(kept))):
        _draw(rolls, sheet, messages)
    if count == 1:
        messages.hint(targets.files)
    if failed:
        raise GuardError(f"{failed} of {count} songs were not made")


def _make_song(
    request: Request, is_ranked: bool, model: Model, targets: Output, messages: RunMessages
) -> _Made:
    name = targets.names(request.settings.seed)[0]
    with messages.progress(str(name), request) as advance_to:
        song = request.make(model, advance_to)
    distance = distance_to(real_music(model.card), song.score) if is_ranked else None
    return _Made(distance, request, song)


def _write_song(made: _Made, model: Model, targets: Output, messages: RunMessages) -> None:
    distance, request, song = made
    names = targets.names(request.settings.seed)
    outputs.write(
        song.score,
        song.pad_ticks,
        request.record(),
        names,
        targets.soundfont,
        key=request.signature(song.key),
    )
    _write_state(song.state, request, model, targets)
    for retry in song.retries:
        messages.warning(f"{names[0]}: {retry}")
    notes, tokens = len(song.score.notes), len(song.tokens)
    messages.song(request, names, song.seconds, notes, tokens, song.score, distance, song.in_chords)


def _draw(rolls: Sequence[tuple[str, Score]], sheet: Path, messages: RunMessages) -> None:
    """A picture of several songs; without it, where it cannot be drawn, they are still there."""
    try:
        contact_sheet(rolls, sheet)
    except UgenError as error:
        messages.warning(f"no picture of them: {error}")
    else:
        messages.picture(sheet)


def _remake_streamed_song(
    request: Request, model: Model, targets: Output, messages: RunMessages
) -> None:
    """Make a song again that was written while it was made: the same bytes in MIDI files."""
    names, data = targets.names(request.settings.seed), io.BytesIO()
    with messages.progress(str(names[0]), request) as advance_to:
        song = session.run(
            request,
            model,
            _drain,
            data,
            on_progress=advance_to,
            on_retry=lambda retry: messages.warning(str(retry)),
        )
    if song.stopped:
        raise KeyboardInterrupt
    if song.fault:
        raise song.fault
    score = read_midi(data.getvalue(), str(names[0]))
    pad_ticks = max(score.tick_at(song.seconds) - score.end_tick, 0)
    outputs.write(
        score,
        pad_ticks,
        request.record(),
        names,
        targets.soundfont,
        data.getvalue(),
        request.signature(song.state.asked.get("key")),
    )
    _write_state(song.state, request, model, targets)
    messages.song(request, names, song.seconds, song.notes, song.tokens, score)


def _stream_song(
    request: Request, model: Model, targets: Output, live: Live, messages: RunMessages
) -> None:
    """Make a song that is played or written while it is made."""
    names = targets.names(request.settings.seed)
    session.check(request, names)
    with ExitStack() as stack:
        if live.play:
            audio_player.check(targets.soundfont)
        port = None
        if live.midi_port is not None:
            port = stack.enter_context(open_port(live.midi_port))
        player = _Player(port, live.play, targets.soundfont, messages)
        what = "playing" if player.is_audible else str(names[0]) if names else "notes"
        title = f"{what}, seed {request.settings.seed}"
        player.show = stack.enter_context(messages.progress(title, request, player.is_audible))
        output, show = None, _nothing
        if names:
            output, show = stack.enter_context(growing(names[0]))
        song = session.run(
            request,
            model,
            player.play,
            output,
            on_note=messages.note,
            on_progress=(lambda made: None) if player.is_audible else player.show,
            on_retry=lambda retry: messages.warning(str(retry)),
            on_save=show,
        )
    if song.fault:
        raise song.fault
    _write_state(song.state, request, model, targets)
    if names and not messages.as_json:
        messages.song(request, names, song.seconds, song.notes, song.tokens)
    if player.is_audible:
        messages.played(request, player.seconds)


class _Player:
    """Plays notes on a port, or through the loudspeaker, or takes them only."""

    def __init__(
        self, port: Port | None, aloud: bool, soundfont: Path | None, messages: RunMessages
    ):
        self._port = port
        self._aloud = aloud
        self._soundfont = soundfont
        self._messages = messages
        self.is_audible = aloud or port is not None
        self.seconds = 0.0  # played so far
        self.show: Callable[[float], None] = lambda seconds: None

    def play(self, notes: Iterator[Note | None]) -> None:
        if self._port is not None:
            with self._port as port:  # closed at once after Ctrl-C, before the file is finished
                stats = midi_player.play(notes, port, self._advance_to)
        elif self._aloud:
            stats = audio_player.play(notes, self._soundfont, self._advance_to)
        else:
            _drain(notes)
            return
        if stats.gaps:
            self._messages.warning(
                f"playback stopped {stats.gaps} times, for {stats.gap_seconds:.1f} s in all: "
                "this machine was too slow"
            )

    def _advance_to(self, seconds: float) -> None:
        self.seconds = seconds
        self.show(seconds)


def _write_state(state: SongState, request: Request, model: Model, targets: Output) -> None:
    """Write where the song stopped, if that is wanted. Raises UgenError where it came to its
    end."""
    if targets.save_state is not None:
        if state.has_ended(model.card):
            reason = "the song is written; it came to its end, and nothing continues from there"
            raise UgenError(reason, flag="--save-state", path=targets.save_state)
        path = outputs.name_of(targets.save_state, request.settings.seed)
        save_state(state, request.model, path)


def _nothing() -> None:
    pass


def _drain(notes: Iterator[Note | None]) -> None:
    deque(notes, maxlen=0)
