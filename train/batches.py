"""Pieces packed into parallel streams without padding: where a piece ends in a stream, the next one
begins."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from ugen.data import Codec
from ugen.data.codecs.base import Inputs, Rows
from ugen.data.codecs.beats.codec import BeatsCodec
from ugen.data.codecs.beats.given import given_ids
from ugen.data.codecs.columns import CHORD_NAMES, GIVEN_NAMES, NO_WISHES, WISH_NAMES, Wishes
from ugen.data.json_values import from_json, to_json

from .conditions import LOCAL, local_ids, random_part

# the keys of a piano: transposing never moves a piece further outside them
LOWEST_KEY, HIGHEST_KEY = 21, 108
SEMITONES = range(-5, 7)
USUAL = "key", "left"  # what every song asks for
MAX_ROWS = 512 << 20  # bytes of rows that are kept in memory

Tokens = NDArray[np.integer]


class Feed(NamedTuple):
    """How a model is fed: in which codec, and with which columns beside a token."""

    codec: Codec
    columns: tuple[str, ...] = ()

    def rows(self, piece: Tokens, wishes: Wishes = NO_WISHES) -> Rows:
        """A stored piece as rows, its start first."""
        return self.codec.to_rows(self.codec.to_inputs(piece), self.columns, wishes)


class Chunk(NamedTuple):
    """`x`: rows, int64 [batch, time, 1 + columns] or bool [batch, time, 128]. `y`: targets, int64
    [batch, time] or as x. `begins`: bool [batch, time], whether x is the first of a piece. `live`:
    bool [batch, time], whether there is music here."""

    x: Rows
    y: Inputs
    begins: NDArray[np.bool_]
    live: NDArray[np.bool_]

    @classmethod
    def empty(cls, feed: Feed, batch: int, time: int) -> Chunk:
        """A chunk to fill: the start everywhere, and no music."""
        row = feed.rows(np.zeros(0, np.uint16))[0]
        kind = bool if feed.codec.input == "frame" else np.int64
        x = np.broadcast_to(row, (batch, time, *row.shape)).astype(kind)
        nowhere = np.zeros((batch, time), bool)
        return cls(x, feed.codec.targets(x).copy(), nowhere, nowhere.copy())

    def rows(self, which: slice) -> Chunk:
        """Some of the streams."""
        return Chunk(*(part[which] for part in self))


class Asked(NamedTuple):
    """What could be asked for to get a piece, by its number: in all, and the ids of that which
    holds all through, when it is moved by so many semitones and so many times as fast. `bounds`:
    between the levels of density and polyphony."""

    wishes: Callable[[int], Wishes] = lambda piece: NO_WISHES
    ids: Callable[[int, int, float], Mapping[str, int]] = lambda piece, semitones, tempo: {}
    bounds: Mapping[str, Sequence[float]] = {}  # noqa: RUF012 - it is never changed


NOTHING_ASKED = Asked()


class Augmentation(NamedTuple):
    """How a piece may vary each time it is played: its key by -5 to +6 semitones, its tempo up to
    the fraction `tempo_jitter` faster or slower, its MIDI velocities by up to `velocity_jitter`;
    how often nothing is wished of it, or else no more than its key and length; and how often a part
    of it stands already, if the model has columns for that."""

    transpose: bool = False
    tempo_jitter: float = 0.0
    velocity_jitter: int = 0
    wish_dropout: float = 0.0
    given: float = 0.0


class _PieceCursor:
    """One stream's piece, and the stream's place in it."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self.rows: Rows = np.zeros((0, 1), np.int64)
        self.at = 0

    def begin(self, rows: Rows, at: int = 0) -> None:
        """Go to a piece, its start included."""
        self.rows, self.at = rows, at

    def over(self) -> bool:
        """Whether the piece has no further target."""
        return self.at >= len(self.rows) - 1

    def copy_to(self, out: Chunk, stream: int, filled: int) -> int:
        """Copy what fits of the piece into a stream's row. Gives the number of steps copied."""
        at = self.at
        count: int = min(len(self.rows) - 1 - at, out.x.shape[1] - filled)
        here = slice(filled, filled + count)
        out.x[stream, here] = self.rows[at : at + count]
        out.y[stream, here] = self._codec.targets(self.rows[at + 1 : at + 1 + count])
        out.live[stream, here] = True
        if at == 0 and count:
            out.begins[stream, filled] = True
        self.at += count
        return count


@dataclass(frozen=True)
class _Sampled:
    """A piece by its number, how it is varied, and the place in it."""

    piece: int
    semitones: int
    tempo: float
    velocity: int
    unsaid: tuple[str, ...] = ()  # wish columns that say nothing in this playing
    given: int | None = None  # the seed of the part that stands already
    at: int = 0

    def __post_init__(self) -> None:
        if self.at < 0 or self.tempo <= 0:
            raise ValueError("a place or a tempo below 0")


@dataclass(frozen=True)
class _State:
    """What `Streams.state` gives. `queue`: the pieces to come. `playing`: for each stream."""

    rng: dict[str, Any]
    queue: list[int]
    playing: list[_Sampled | None]


class Streams:
    """Endless training chunks. Pieces come in a new order every epoch, varied each time.

    `state` and `restore` let a resumed run continue with the very next chunk.
    """

    def __init__(
        self,
        pieces: Sequence[Tokens],
        feed: Feed,
        batch: int,
        chunk: int,
        augmentation: Augmentation,
        seed: int,
        asked: Asked = NOTHING_ASKED,
    ):
        self._pieces = pieces
        self._asked = asked
        self._feed = feed
        self._codec = feed.codec
        self._wish_columns = [name for name in WISH_NAMES if name in feed.columns]
        self._rows: dict[int, Rows] = {}  # of pieces that were played, as many as there is room for
        self._room = MAX_ROWS
        self._augmentation = augmentation
        self._batch = batch
        self._chunk = chunk
        self._rng = np.random.default_rng(seed)
        self._queue: list[int] = []
        self._cursors = [_PieceCursor(self._codec) for _ in range(batch)]
        self._sampled: list[_Sampled | None] = [None] * batch

    def next(self) -> Chunk:
        """The next chunk of every stream."""
        out = Chunk.empty(self._feed, self._batch, self._chunk)
        for stream, cursor in enumerate(self._cursors):
            filled = 0
            while filled < self._chunk:
                if cursor.over():
                    self._play(stream, self._sample())
                filled += cursor.copy_to(out, stream, filled)
        return out

    def _sample(self) -> _Sampled:
        """The next piece, its change of key, tempo and velocity, and what is said of it."""
        if not self._queue:
            self._queue = self._rng.permutation(len(self._pieces)).tolist()
        piece = self._queue.pop()
        transpose, tempo_jitter, velocity_jitter, wish_dropout, given = self._augmentation
        semitones, tempo, velocity = 0, 1.0, 0
        if transpose:
            semitones = self._key(piece)
        if tempo_jitter:
            tempo = float((1 + tempo_jitter) ** self._rng.uniform(-1, 1))
        if velocity_jitter:
            velocity = int(self._rng.integers(-velocity_jitter, velocity_jitter + 1))
        unsaid, part = self._unsaid(wish_dropout), None
        if GIVEN_NAMES[0] in self._feed.columns and self._rng.random() < given:
            part = int(self._rng.integers(1 << 32))
        return _Sampled(piece, semitones, tempo, velocity, unsaid, part)

    def _unsaid(self, dropout: float) -> tuple[str, ...]:
        """All wishes, all but the usual ones, or else some of them."""
        wishes = self._wish_columns
        rarer = [name for name in wishes if name not in USUAL]
        if not wishes:
            return ()
        if self._rng.random() < dropout:
            return tuple(wishes)
        without = rarer if rarer and self._rng.random() < dropout else []
        found = {n for n in wishes if n in without or self._rng.random() < dropout / 2}
        chord, next_chord = CHORD_NAMES  # both or none
        found = found | {next_chord} if chord in found else found - {next_chord}
        return tuple(name for name in wishes if name in found)

    def _key(self, piece: int) -> int:
        pitches = self._codec.pitch_range(self._codec.to_inputs(self._pieces[piece]))
        if not len(pitches):
            return 0
        low, high = int(pitches.min()), int(pitches.max())
        room = [
            s
            for s in SEMITONES
            if low + s >= min(low, LOWEST_KEY) and high + s <= max(high, HIGHEST_KEY)
        ]
        return int(self._rng.choice(room))

    def _play(self, stream: int, sampled: _Sampled) -> None:
        self._sampled[stream] = sampled
        rows = self._codec.augment(
            self._rows_of(sampled.piece),
            sampled.semitones,
            sampled.tempo,
            sampled.velocity,
            self._feed.columns,
        )
        if self._wish_columns:
            ids = self._asked.ids(sampled.piece, sampled.semitones, sampled.tempo)
            ids = {**ids, **dict.fromkeys(sampled.unsaid, 0)}
            self._tell(rows, ids)
        if isinstance(self._codec, BeatsCodec):
            self._tell_places(self._codec, rows, sampled)
        self._cursors[stream].begin(rows, sampled.at)

    def _tell(self, rows: Rows, ids: Mapping[str, ArrayLike]) -> None:
        """Set columns, if the model has them."""
        for name in ids.keys() & set(self._feed.columns):
            rows[:, 1 + self._feed.columns.index(name)] = ids[name]

    def _tell_places(self, codec: BeatsCodec, rows: Rows, sampled: _Sampled) -> None:
        """What holds from each place on, and what stands already."""
        is_local = not set(LOCAL).isdisjoint(self._wish_columns)
        if not is_local and sampled.given is None:
            return
        notes = codec.notes(rows[:, 0])
        if is_local:
            ids = local_ids(notes, self._asked.bounds)
            self._tell(rows, {name: ids[name] for name in ids.keys() - set(sampled.unsaid)})
        if sampled.given is not None:
            part = random_part(notes, np.random.default_rng(sampled.given))
            given = given_ids(rows[:, 0], notes, part)
            self._tell(rows, dict(zip(GIVEN_NAMES, given.T, strict=True)))

    def _rows_of(self, piece: int) -> Rows:
        """A piece as it is; computed once where there is room to keep it."""
        if piece in self._rows:
            return self._rows[piece]
        wishes = self._asked.wishes(piece) if self._wish_columns else NO_WISHES
        rows = self._feed.rows(self._pieces[piece], wishes)
        if self._feed.columns and rows.nbytes <= self._room:
            self._rows[piece] = rows
            self._room -= rows.nbytes
        return rows

    def state(self) -> dict[str, Any]:
        """All that `restore` needs, as JSON."""
        playing = [
            sampled and replace(sampled, at=cursor.at)
            for sampled, cursor in zip(self._sampled, self._cursors, strict=True)
        ]
        state = _State(dict(self._rng.bit_generator.state), self._queue, playing)
        return to_json(state)  # type: ignore[no-any-return]

    def restore(self, state: dict[str, Any]) -> None:
        """Continue where `state` was called, with the same pieces. Raises ValueError where they are
        others."""
        found = from_json(_State, state)
        pieces = [*found.queue, *(sampled.piece for sampled in found.playing if sampled)]
        if len(found.playing) != self._batch or not set(pieces) <= set(range(len(self._pieces))):
            raise ValueError("streams of other pieces")
        self._rng.bit_generator.state = found.rng
        self._queue = found.queue
        for stream, sampled in enumerate(found.playing):
            if sampled:
                self._play(stream, sampled)


class ReadAhead:
    """The chunks of some streams, each read by a thread while the one before is learned."""

    def __init__(self, streams: Streams):
        self._streams = streams
        self._reader = ThreadPoolExecutor(1)
        self._ahead: Future[Chunk] | None = None

    def next(self, and_read_on: bool) -> Chunk:
        """The next chunk. `and_read_on` False leaves the streams where this chunk ends."""
        chunk = self._ahead.result() if self._ahead else self._streams.next()
        self._ahead = self._reader.submit(self._streams.next) if and_read_on else None
        return chunk

    def drop(self) -> None:
        """Forget a chunk that was read ahead."""
        if self._ahead is not None:
            self._ahead.result()
            self._ahead = None


def passes(pieces: Sequence[Rows], feed: Feed, batch: int, chunk: int) -> Iterator[Chunk]:
    """Chunks that play every piece once, the longest first; streams with nothing left are not
    live. `pieces`: as rows."""
    waiting = sorted(pieces, key=len)
    cursors = [_PieceCursor(feed.codec) for _ in range(batch)]
    while True:
        out = Chunk.empty(feed, batch, chunk)
        for stream, cursor in enumerate(cursors):
            filled = 0
            while filled < chunk:
                if cursor.over():
                    if not waiting:
                        break
                    cursor.begin(waiting.pop())
                filled += cursor.copy_to(out, stream, filled)
        if not out.live.any():
            return
        yield out
