"""A song while it is made: its notes one after the other, in constant memory. Whole songs and
endless ones alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from ugen.data import Note
from ugen.data.analysis.chords import in_chords
from ugen.data.analysis.structure import ends
from ugen.data.codecs.base import Tokens
from ugen.data.score import NoteRow
from ugen.data.tempo_map import TempoMap
from ugen.runtime.inference.model import Model

from .guard.faults import GuardError
from .guarded_stream import MAX_RETRIES, GuardedStream, Retry
from .settings import SongSettings
from .song_state import SongState
from .token_stream import Step, TokenStream

_ROUNDING = 1e-7  # seconds: a sum of steps that misses a length by less has reached it
_PAUSE_STEPS = 16  # from one look for settled notes to the next
ENDING_BARS = 3  # before the asked end, from which on endings are made
ENDINGS = 16  # that are made at most, until one ends the song
_MAX_TOKENS = 8192  # kept, before they are shortened to what a state needs


class NoteStream:
    """Iterated over, the notes of a song as rows, in order: ticks from the song's start, each once,
    as soon as nothing can change it. None now and then: nothing new yet.

    Callbacks: `on_progress` gets the seconds, or bars, made so far; `on_tempo` ticks and
    microseconds per beat, `on_meter` ticks, numerators and denominators, before the first note at
    or after them; `on_tokens` the tokens, as a corpus stores them; `on_retry` what was resampled.
    Raises UgenError when something is out of range, and GuardError after the last note that the
    guard let pass.
    """

    def __init__(
        self,
        model: Model,
        settings: SongSettings,
        *,
        on_progress: Callable[[float], None] = lambda made: None,
        on_retry: Callable[[Retry], None] = lambda retry: None,
        on_tempo: Callable[[int, int], None] = lambda tick, usec: None,
        on_meter: Callable[[int, int, int], None] = lambda tick, numerator, denominator: None,
        on_tokens: Callable[[Tokens], None] = lambda tokens: None,
    ):
        self._settings = settings = settings.for_model(model.card)
        self._ends = settings.ends(model.card)
        self._codec = model.card.codec
        self._on_progress = on_progress
        self._on_tempo = on_tempo
        self._on_meter = on_meter
        self._on_tokens = on_tokens
        self._stopped = False
        self._is_made = False
        self.steps = 0  # that were taken, and in part taken back
        self._has_ended = False
        self._stream = TokenStream(model, settings)
        is_sampled = self._stream.sampling.temperature > 0
        self._endings_left = ENDINGS if self._ends and is_sampled else 0
        retries = MAX_RETRIES if is_sampled else 0
        table = model.card.originality if settings.copy_guard else None
        is_guarded = settings.guard and settings.kept is None
        self._guarded = GuardedStream(
            self._stream, retries if is_guarded else None, on_retry, table
        )
        self._tokens = np.zeros(0, np.uint16) if settings.before is None else settings.before
        self._decoder = self._codec.decoder()
        self.ticks_per_beat = self._decoder.ticks_per_beat
        self._tempos = TempoMap(self.ticks_per_beat)
        self._start()

    def _start(self) -> None:
        """Find the places in time that all others are counted from."""
        settings = self._settings
        if settings.tempo:
            self._tempos.add(0, round(60e6 / settings.tempo))
        for item in self._codec.to_inputs(self._tokens).tolist():
            self._decoder.feed(item)
        now = self._decoder.now
        # the tick from which the asked length counts, and that from which the song's ticks do
        self._first = now - (settings.start.lead if settings.start else 0)
        self._origin = 0 if settings.keep_primer else self._first
        self._end = self._first
        self._announce_beginning()
        lead = self._tempos.seconds(now) - self._tempos.seconds(self._first)
        self._first_second = self._stream.cursor.seconds - lead
        self._first_bar = self._last_bar = self._stream.cursor.bars
        self._zero = self._tempos.seconds(self._origin)
        self._primer_seconds = self._tempos.seconds(self._first) - self._zero
        self._cut_at = (settings.cut or 0.0) - self._primer_seconds - _ROUNDING

    def __iter__(self) -> Iterator[NoteRow | None]:
        number, fault = 0, None
        while not self._is_stopped() and (not self._is_over() or self._takes_back_end()):
            if number % _PAUSE_STEPS == 0:
                self._feed(self._guarded.settled())
                yield from self._in_song(self._decoder.settled())
                yield None
                self._on_progress(self._made())
            try:
                self._guarded.step()
            except GuardError as error:
                fault, self._stopped = error, True
            number += 1
            self.steps += 1
        self._is_made = True
        self._feed(self._guarded.settled(last=fault is None))
        rows = self._decoder.settled() + self._decoder.rest()
        self._end = self._last_tick(rows)
        yield from self._in_song(
            [[row[0], min(row[1], self._end), *row[2:]] for row in rows if row[0] < self._end]
        )
        if fault:
            raise fault

    def _is_stopped(self) -> bool:
        """Whether the song was stopped, now or when it was made first."""
        after = self._settings.stopped_after
        self._stopped = self._stopped or after is not None and self.steps >= after
        return self._stopped

    def _is_over(self) -> bool:
        """Whether the song has the asked length, or has come to its end near there: that may come
        from two bars before on, and must at the first bar line after it."""
        stream, settings = self._stream, self._settings
        self._has_ended = stream.has_ended
        passed = stream.cursor.seconds - self._first_second
        if self._has_ended or settings.cut is not None and passed >= self._cut_at:
            return True
        left, bar = self._left()
        if not self._ends:
            return left <= _ROUNDING
        if left <= ENDING_BARS * bar and self._endings_left:
            self._guarded.hold()
        stream.may_end = left <= 2 * bar + _ROUNDING
        stream.must_end = False
        if left > _ROUNDING:
            self._last_bar = stream.cursor.bars
            return False
        stream.must_end = stream.cursor.bars > self._last_bar or not self._codec.has_bars
        return left <= _ROUNDING - (bar if self._codec.has_bars else 2 * bar)

    def _left(self) -> tuple[float, float]:
        """How much is left of the asked length, and a bar, both in seconds or in bars."""
        settings, cursor = self._settings, self._stream.cursor
        if settings.bars is not None:
            return settings.bars - (cursor.bars - self._first_bar), 1.0
        asked = math.inf if settings.seconds is None else settings.seconds
        return asked - (cursor.seconds - self._first_second), cursor.bar_seconds

    def _last_tick(self, rows: list[NoteRow]) -> int:
        """Where the song ends. `rows`: its last notes, which may be held for two bars after the
        asked length when it has come to its end."""
        settings, now = self._settings, self._decoder.now
        if self._stopped:
            return now
        if settings.cut is not None or settings.seconds is not None and not self._ends:
            return self._tempos.tick(self._zero + self.length)
        if not self._has_ended:
            return now
        left, bar = self._left()
        bar_seconds = self._stream.cursor.bar_seconds
        # of bars only whole ones are counted
        most = (left + 2 * bar) * (bar_seconds / bar) - (0 if settings.seconds else bar_seconds)
        latest = self._tempos.tick(self._tempos.seconds(now) + max(most, bar_seconds))
        return min(max([now, *(row[1] for row in rows)]), latest)

    def _takes_back_end(self) -> bool:
        """Whether the song is to be made again from some bars before its end: these are copied, or
        they do not end it."""
        if self._settings.cut is not None:
            return False
        if not self._guarded.resamples_copy():
            if not self._endings_left or self._ends_well():
                return False
            self._endings_left -= 1
            self._guarded.again()
        self._is_over()  # the end may not come at once
        return True

    def _ends_well(self) -> bool:
        """Whether the last notes end the song (docs/scoring.md, `ends`)."""
        unsettled = self._codec.from_inputs(np.array(self._guarded.unsettled))
        return ends(self._codec.decode(np.concatenate([self._tokens, unsettled])))

    def stop(self) -> None:
        """End the song with what has been sampled; iterating continues to its last note."""
        self._stopped = self._stopped or not self._is_made

    @property
    def is_stopped(self) -> bool:
        """Whether the song ends before its end, for it was stopped."""
        return self._stopped

    def note(self, row: NoteRow) -> Note:
        """A row, not older than the last one given, in seconds from the song's start."""
        onset, end, pitch, velocity, program, drum = row
        self._tempos.forget(onset + self._origin)
        seconds = self.seconds_at(onset), self.seconds_at(end)
        return Note(*seconds, pitch, velocity, program, bool(drum))

    def seconds_at(self, tick: int) -> float:
        """Seconds from the song's start to a tick of it, not before that of the last `note`."""
        return self._tempos.seconds(tick + self._origin) - self._zero

    @property
    def end(self) -> int:
        """The tick at which the song ended."""
        return self._end - self._origin

    @property
    def length(self) -> float:
        """Seconds from the song's start to the end asked for, or to where it ended."""
        settings = self._settings
        if settings.cut is not None and not self._stopped:
            return settings.cut
        if settings.seconds is not None and not self._stopped and not self._ends:
            return self._primer_seconds + settings.seconds
        return self.seconds_at(self.end)

    def state(self) -> SongState:
        """Where the song ended, to continue from."""
        h, c = self._stream.state
        return SongState(
            seed=self._stream.rng.seed,
            position=self._stream.rng.position,
            sampling=self._stream.sampling,
            tempo=self._settings.tempo,
            asked=self._settings.texts,
            guided=self._settings.guided or (),
            guidance=self._settings.guidance or 1.0,
            instruments=self._settings.instruments,
            drums=self._settings.drums,
            chords=self._settings.chords,
            chord_bar=self._stream.chord_bar,
            passed=self._stream.passed,
            lead=max(self._decoder.now - self._end, 0),
            recent_onsets=self._stream.recent_onsets,
            returns=self._stream.returns,
            tokens=self._codec.context(self._tokens),
            h=h.reshape(-1),
            c=c.reshape(-1),
        )

    def in_chords(self, made: Tokens) -> float | None:
        """The fraction of the time of notes that is in the chords asked for, if any are. `made`:
        all tokens of the song, as `on_tokens` gave them."""
        if not self._stream.wishes.chords:
            return None
        before = () if self._settings.before is None else self._settings.before
        score = self._codec.decode(np.concatenate([before, made]).astype(np.uint16))
        return in_chords(score, self._stream.wishes.chords_of)

    def _made(self) -> float:
        """Seconds, or bars, sampled so far."""
        cursor = self._stream.cursor
        if self._settings.bars:
            return cursor.bars - self._first_bar
        return cursor.seconds - self._first_second

    def _feed(self, steps: list[Step]) -> None:
        """Decode steps that will stay, and announce changes of tempo and meter in them."""
        if not steps:
            return
        items = np.array(steps)
        stored = self._codec.from_inputs(items)
        self._on_tokens(stored)
        self._tokens = np.concatenate([self._tokens, stored])
        if len(self._tokens) > _MAX_TOKENS:
            self._tokens = self._codec.context(self._tokens)
        for item in items.tolist():
            self._decoder.feed(item)
        self._announce(self._new_tempos(), _emptied(self._decoder.meters))

    def _new_tempos(self) -> list[tuple[int, int]]:
        """Tempos since the last call."""
        found = _emptied(self._decoder.tempos)
        if self._settings.tempo:
            return []
        for tick, usec in found:
            self._tempos.add(tick, usec)
        return found

    def _announce(self, tempos: list[tuple[int, int]], meters: list[tuple[int, int, int]]) -> None:
        for tick, usec in tempos:
            self._on_tempo(tick - self._origin, usec)
        for tick, numerator, denominator in meters:
            self._on_meter(tick - self._origin, numerator, denominator)

    def _announce_beginning(self) -> None:
        """The tempo and the meter that the song starts with; with its primer, all that follow."""
        tempos, meters, origin = self._new_tempos(), _emptied(self._decoder.meters), self._origin
        _, *meter = [(0, 4, 4), *(each for each in meters if each[0] <= origin)][-1]
        self._announce([(origin, self._tempos.usec(origin))], [(origin, meter[0], meter[1])])
        self._announce(
            [each for each in tempos if each[0] > origin],
            [each for each in meters if each[0] > origin],
        )

    def _in_song(self, rows: list[NoteRow]) -> list[NoteRow]:
        """Rows in the song's ticks, without those from before it."""
        origin = self._origin
        return [[row[0] - origin, row[1] - origin, *row[2:]] for row in rows if row[0] >= origin]


def stream(model: Model, settings: SongSettings | None = None, **fields: Any) -> Iterator[Note]:
    """The notes of a song while it is made: `for note in stream(load(), seed=7): ...`

    They come in order of onset, with times in seconds from the song's start. Without a length they
    never end, and take constant memory. Arguments as for `generate`, and the notes are the same.
    Each comes as soon as it has ended and the guard cannot take it back: 24 to 32 seconds of music
    after it was sampled. (Without a guard a note that never ends holds back all that follow.)

    Raises UgenError when something is out of range, and GuardError after the last good note.
    """
    song = NoteStream(model, merged(settings, fields))
    return (song.note(row) for row in song if row is not None)


def merged(settings: SongSettings | None, fields: dict[str, Any]) -> SongSettings:
    """Settings, with some fields of them replaced; made of those fields alone where None."""
    return SongSettings(**fields) if settings is None else replace(settings, **fields)


def _emptied(changes: list[Any]) -> list[Any]:
    found = [*changes]
    changes.clear()
    return found
