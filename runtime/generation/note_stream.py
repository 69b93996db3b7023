"""A song while it is made: its notes one after the other, in constant memory. Whole songs and
endless ones alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from ugen.data import Note, UgenError
from ugen.data.codecs.base import Codec, Tokens
from ugen.data.score import NoteRow
from ugen.data.tempo_map import TempoMap
from ugen.runtime.inference.model import Model
from ugen.runtime.sampling.config import Sampling

from .faults import GuardError
from .guarded_stream import RETRIES, GuardedStream
from .song_state import SongState
from .token_stream import Step, TokenStream

LONGEST_SECONDS = 24 * 3600.0
MOST_BARS = 20_000
TEMPOS = 10.0, 400.0
_ROUNDING = 1e-7  # seconds: a sum of steps that falls short of a length by less has reached it
_BREATH = 16  # steps from one look at what has become of them to the next
_MOST_TOKENS = 8192  # kept, before they are shortened to what a state needs


class NoteStream:
    """Iterated over, the notes of a song as rows, in order: ticks from the song's beginning, each
    once, as soon as nothing can change it. None now and then: nothing new yet.

    The arguments are those of `generate`; with neither `seconds` nor `bars` the song is endless.
    `on_tempo` is told of ticks and microseconds a beat, `on_meter` of ticks, numerators and
    denominators, before the first note at or after them; `on_tokens` of what was drawn, as a corpus
    stores it. Raises UgenError when something is out of range, and GuardError after the last note
    that the guard let pass.
    """

    def __init__(
        self,
        model: Model,
        seed: int,
        sampling: Sampling | None = None,
        *,
        seconds: float | None = None,
        bars: int | None = None,
        tempo: float | None = None,
        primer: Tokens | None = None,
        keep_primer: bool = False,
        start: SongState | None = None,
        guard: bool = True,
        on_progress: Callable[[float], None] = lambda made: None,
        on_mended: Callable[[str], None] = lambda words: None,
        on_tempo: Callable[[int, int], None] = lambda tick, usec: None,
        on_meter: Callable[[int, int, int], None] = lambda tick, numerator, denominator: None,
        on_tokens: Callable[[Tokens], None] = lambda tokens: None,
    ):
        codec = self._codec = model.card.codec
        tempo = start.tempo if start and tempo is None else tempo
        _check(codec, seconds, bars, tempo, primer, start)
        self._timed, self._bars, self._tempo, self._stopped = (
            None if bars else seconds,
            bars,
            tempo,
            False,
        )
        self._sampling = sampling or (start.sampling if start else model.card.sampling)
        self._tokens = (
            start.tokens if start else primer if primer is not None else np.zeros(0, np.uint16)
        )
        self._take = TokenStream(model, seed, self._sampling, self._tokens, tempo, start)
        retries = RETRIES if self._sampling.temperature > 0 else 0
        self._watched = GuardedStream(self._take, retries if guard else None, on_mended)
        self._on_progress, self._on_tokens, self._on_tempo, self._on_meter = (
            on_progress,
            on_tokens,
            on_tempo,
            on_meter,
        )
        self._decoder = codec.decoder()
        self.ticks_per_beat = self._decoder.ticks_per_beat
        self._map = TempoMap(self.ticks_per_beat)
        self._map.add(0, round(60e6 / tempo) if tempo else self._map.usec(0))
        for item in codec.to_inputs(self._tokens).tolist():
            self._decoder.feed(item)
        now = self._decoder.now
        self._first = now - (
            start.lead if start else 0
        )  # the tick from which the asked length counts
        if self._first < 0:
            raise UgenError("--from-state: a damaged state, whose song ended before it began")
        self._origin = 0 if keep_primer else self._first  # that from which the song's ticks do
        self._end = self._first
        self._tell_beginning()
        self._begun = self._take.cursor.seconds - (
            self._map.seconds(now) - self._map.seconds(self._first)
        )
        self._first_bar = self._take.cursor.bars
        self._zero = self._map.seconds(self._origin)
        self._primed = (
            self._map.seconds(self._first) - self._zero
        )  # seconds of a primer that is kept

    def __iter__(self) -> Iterator[NoteRow | None]:
        limit, number, wrong = (self._bars or self._timed or math.inf) - _ROUNDING, 0, None
        while not self._stopped and (made := self._made()) < limit:
            if number % _BREATH == 0:
                self._feed(self._watched.settled())
                yield from self._given(self._decoder.settled())
                yield None
                self._on_progress(made)
            try:
                self._watched.step()
            except GuardError as error:
                wrong, self._stopped = error, True
            number += 1
        self._feed(self._watched.settled(last=wrong is None))
        self._end = self._decoder.now
        if self._timed and not self._stopped:
            self._end = self._map.tick(self._zero + self.length)
        rows = self._decoder.settled() + self._decoder.rest()
        yield from self._given(
            [[row[0], min(row[1], self._end), *row[2:]] for row in rows if row[0] < self._end]
        )
        if wrong:
            raise wrong

    def stop(self) -> None:
        """End the song with what has been drawn; iterating goes on to the last note of that."""
        self._stopped = True

    def note(self, row: NoteRow) -> Note:
        """A row, not older than the last one given, in seconds from the song's beginning."""
        onset, end, pitch, velocity, program, drum = row
        self._map.forget(onset + self._origin)
        return Note(
            self.seconds_at(onset), self.seconds_at(end), pitch, velocity, program, bool(drum)
        )

    def seconds_at(self, tick: int) -> float:
        """Seconds from the song's beginning to a tick of it, not before that of the last note asked
        for."""
        return self._map.seconds(tick + self._origin) - self._zero

    @property
    def end(self) -> int:
        """The tick at which the song ended."""
        return self._end - self._origin

    @property
    def length(self) -> float:
        """Seconds from the song's beginning to the end asked for, or to where it ended."""
        return (
            self._primed + self._timed
            if self._timed and not self._stopped
            else self.seconds_at(self.end)
        )

    def state(self) -> SongState:
        """Where the song ended, to go on from."""
        h, c = self._take.state
        return SongState(
            self._take.seed,
            self._take.position,
            self._sampling,
            self._tempo,
            self._codec.context(self._tokens),
            max(self._decoder.now - self._end, 0),
            self._take.struck,
            h,
            c,
        )

    def _made(self) -> float:
        """Seconds of the asked length, or bars, drawn so far."""
        cursor = self._take.cursor
        return cursor.bars - self._first_bar if self._bars else cursor.seconds - self._begun

    def _feed(self, steps: list[Step]) -> None:
        """Decode what will stay, and tell of changes of tempo and meter in it."""
        if not steps:
            return
        items = np.array(steps)
        stored = self._codec.from_inputs(items)
        self._on_tokens(stored)
        self._tokens = np.concatenate([self._tokens, stored])
        if len(self._tokens) > _MOST_TOKENS:
            self._tokens = self._codec.context(self._tokens)
        for item in items.tolist():
            self._decoder.feed(item)
        self._tell(self._take_tempos(), self._take_meters())

    def _take_tempos(self) -> list[tuple[int, int]]:
        """Tempos met since the last look."""
        found = [] if self._tempo else [*self._decoder.tempos]
        self._decoder.tempos.clear()
        for tick, usec in found:
            self._map.add(tick, usec)
        return found

    def _take_meters(self) -> list[tuple[int, int, int]]:
        """Meters met since the last look."""
        found = [*self._decoder.meters]
        self._decoder.meters.clear()
        return found

    def _tell(self, tempos: list[tuple[int, int]], meters: list[tuple[int, int, int]]) -> None:
        for tick, usec in tempos:
            self._on_tempo(tick - self._origin, usec)
        for tick, numerator, denominator in meters:
            self._on_meter(tick - self._origin, numerator, denominator)

    def _tell_beginning(self) -> None:
        """The tempo and the meter that the song begins with; with its primer, all that follow
        there."""
        tempos, meters, origin = self._take_tempos(), self._take_meters(), self._origin
        _, *meter = [(0, 4, 4), *(each for each in meters if each[0] <= origin)][-1]
        self._tell([(origin, self._map.usec(origin))], [(origin, meter[0], meter[1])])
        self._tell(
            [each for each in tempos if each[0] > origin],
            [each for each in meters if each[0] > origin],
        )

    def _given(self, rows: list[NoteRow]) -> list[NoteRow]:
        """Rows in the song's ticks; those from before it left out."""
        origin = self._origin
        return [[row[0] - origin, row[1] - origin, *row[2:]] for row in rows if row[0] >= origin]


def stream(
    model: Model,
    seed: int,
    sampling: Sampling | None = None,
    *,
    seconds: float | None = None,
    bars: int | None = None,
    tempo: float | None = None,
    primer: Tokens | None = None,
    keep_primer: bool = False,
    start: SongState | None = None,
    guard: bool = True,
) -> Iterator[Note]:
    """The notes of a song while it is made, in order of onset, in seconds from its beginning;
    without `seconds` and `bars` for ever, in constant memory. They are those of `generate` with the
    same arguments, and each comes as soon as it has ended and the guard will not take it back: 24
    to 32 seconds of music after it was drawn. (Without a guard a note that never ends holds back
    all that follow.)

    Raises UgenError when something is out of range, and GuardError, after the last note that the
    guard let pass, when the model keeps making no music.
    """
    song = NoteStream(
        model,
        seed,
        sampling,
        seconds=seconds,
        bars=bars,
        tempo=tempo,
        primer=primer,
        keep_primer=keep_primer,
        start=start,
        guard=guard,
    )
    return (song.note(row) for row in song if row is not None)


def _check(
    codec: Codec,
    seconds: float | None,
    bars: int | None,
    tempo: float | None,
    primer: Tokens | None,
    start: SongState | None,
) -> None:
    if seconds is not None and (not 0 < seconds <= LONGEST_SECONDS or math.isnan(seconds)):
        raise UgenError(
            f"--seconds {seconds}: must be more than 0 and at most {LONGEST_SECONDS:.0f}"
        )
    for flag, value in (("--bars", bars), ("--tempo", tempo)):
        if value is not None and not codec.has_bars:
            raise UgenError(f"{flag}: the {codec.name} codec knows seconds only, no beats and bars")
    if bars is not None and not 1 <= bars <= MOST_BARS:
        raise UgenError(f"--bars {bars}: must be 1 to {MOST_BARS}")
    if tempo is not None and not TEMPOS[0] <= tempo <= TEMPOS[1]:
        raise UgenError(f"--tempo {tempo:g}: must be {TEMPOS[0]:g} to {TEMPOS[1]:g} beats a minute")
    if primer is not None and start is not None:
        raise UgenError("--primer: not with --from-state, which goes on from another song")
    if primer is not None and codec.input == "token" and max(primer) >= codec.vocabulary:
        raise UgenError("--primer: tokens of another codec")
