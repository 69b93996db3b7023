"""Tokens of one song: a model's stream, its place in musical time, and its random numbers."""

from __future__ import annotations

import math
from dataclasses import replace
from struct import Struct
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from ugen.data.codecs.base import Cursor, Mask
from ugen.data.midi.general_midi import instruments_in
from ugen.runtime.inference.model import Model
from ugen.runtime.model_file.card import Card
from ugen.runtime.sampling.rng import Rng
from ugen.runtime.sampling.sampler import Sampler, sample_keys

from .guard.returns import Returns
from .settings import SongSettings
from .wishes.asked import STEPS, drawn
from .wishes.instruments import Instruments, instruments_of, usual_instruments
from .wishes.usual import key_pull

Step = int | NDArray[np.bool_]


class Snapshot(NamedTuple):
    """A place in a song. Random numbers are not in it: from there the song takes another way."""

    h: NDArray[np.float32]
    c: NDArray[np.float32]
    x: NDArray[Any]
    cursor: Cursor
    recent_onsets: tuple[int, ...]
    returns: tuple[int, ...]
    has_sounded: bool
    instruments: Any


class TokenStream:
    """Steps of a song, which does not begin with silence unless it is `exact`.

    `wishes`: what is wanted of it. `may_end`: whether the next step may be the codec's end.
    `must_end`: whether the end comes before time moves on, where the codec allows it. `has_ended`:
    whether it has come. Raises UgenError for settings that the model cannot take.
    """

    def __init__(self, model: Model, settings: SongSettings):
        settings = settings.for_model(model.card)
        assert settings.sampling is not None
        codec, columns = model.card.codec, model.card.column_names
        self.codec = codec
        self.sampling = settings.sampling
        self.wishes = settings.wishes(model.card)
        self.cursor = codec.cursor(settings.tempo, columns, self.wishes)
        mixes = settings.mixes(model.card)
        self._mixes = {name: mix for name, mix in mixes.items() if len(mix) > 1}
        self._mixed = 0  # the bar whose share of the mixes holds
        self._passed_before = 0
        self.rng = Rng(settings.seed)
        self.may_end = False
        self.must_end = False
        self.has_ended = False
        self._has_bars = codec.has_bars
        self._returns = Returns(columns)
        before = settings.before
        is_begun = settings.kept is not None or before is not None and len(before) > 0
        self._has_sounded = settings.exact or is_begun
        self._sounds = codec.onset_tokens | (codec.pitches() >= 0)
        # a song without bars ends by no longer beginning notes
        releases = np.array([event.startswith("note_off") for event in codec.events])
        self._last_tokens = codec.is_time | releases
        if codec.end is not None:
            self._last_tokens[codec.end] = True
        guided = [columns.index(name) for name in settings.guided_columns(model.card)]
        self._guidance = settings.guidance or 1.0
        self._unguided = np.array(guided, np.int64) + 1  # what the second stream is not told
        self._stream = model.stream(2 if guided else 1)
        self._logits = self._stream.logits[0, 0]
        self._x = self._stream.x[0]
        self._meter: Mask | None = None  # of a song's first token
        if settings.meter is not None:
            self._meter = np.array([event == f"meter:{settings.meter}" for event in codec.events])
        # in one call, which takes a third of the time of an assignment
        self._write_row = Struct(f"={self._x.size}q").pack_into
        self._sampler = Sampler(codec.vocabulary, self.sampling, codec.onset_tokens)
        self._sample = self._sample_keys if codec.input == "frame" else self._sample_token
        self._continue(settings)
        self._instruments = self._instruments_of(settings, model.card)
        # chords may leave the key
        keeps_key = settings.key is not None and not settings.chords
        strength = self.sampling.key_strength if keeps_key else 0.0
        self._pull = key_pull(model.card, settings.key or "C", strength)

    def _instruments_of(self, settings: SongSettings, card: Card) -> Instruments | None:
        """What keeps to the instruments that are asked for, or to the usual ones of a band."""
        given, kept, closed = self.wishes.given, set[int](), frozenset[int]()
        if given is not None:
            kept = {*instruments_in(card.codec.decode(given.tokens))}
            closed = given.closed
        if settings.instruments is not None:
            wanted = instruments_of(settings.instruments)
        else:
            usual = usual_instruments(card, settings.seed, settings.before, settings.drums)
            wanted = tuple(each for each in usual if each not in closed)
        if not wanted and settings.drums:
            return None
        bars, cursor = settings.bars or math.inf, self.cursor
        if settings.seconds is not None:
            bars = settings.seconds / cursor.bar_seconds
        found = Instruments(self.codec, wanted, cursor.bars, bars, kept)
        if settings.start is not None:
            found = Instruments(self.codec, wanted, 0, bars)
            before = self.codec.cursor(settings.tempo)
            for token in settings.start.tokens.tolist():
                before.feed(token)
                found.follow(token, before.bars)
        return found

    def _continue(self, settings: SongSettings) -> None:
        """Take in what was before the song: a primer, or another song."""
        start, is_frame = settings.start, self.codec.input == "frame"
        if start is not None:
            for part, value in zip(self._stream.state, (start.h, start.c), strict=True):
                streams = value.reshape(part.shape[0], -1, part.shape[2])
                for n in range(part.shape[1]):  # the second goes on from the first, if it is new
                    part[:, n] = streams[:, min(n, streams.shape[1] - 1)]
            self._sampler.recent_onsets = start.recent_onsets
            self._returns.counts = start.returns
            if settings.seed == start.seed:
                self.rng = Rng(start.seed, start.position)
        if not is_frame:
            self._x[1:] = self.cursor.row()
        for item in () if settings.before is None else self.codec.to_inputs(settings.before):
            if start is None:  # a state has the model's reading of these tokens in it
                self._advance()
            self.cursor.feed(0 if is_frame else int(item))
            self._x[:] = item if is_frame else [int(item), *self.cursor.row()]
        if start is not None:
            self._passed_before = start.passed - self.passed
        if not is_frame:
            self._share()
            self._x[1:] = self._returns.shown(self.cursor.row(), self._bar)

    @property
    def passed(self) -> int:
        """Bars since the song began, or steps of a codec without bars."""
        here = self.cursor.bars if self.codec.has_bars else self.cursor.now
        return self._passed_before + here

    @property
    def chord_bar(self) -> int:
        """Bars since the chords began, 0 without chords; below it before they do."""
        return self.cursor.bars - self.wishes.chords_from if self.wishes.chords else 0

    def _share(self) -> None:
        """Of each mix, ask for what holds in this bar."""
        bar = self.passed if self.codec.has_bars else self.passed // STEPS
        if not self._mixes or bar == self._mixed:
            return
        self._mixed = bar
        ids = {name: drawn(mix, self.rng.seed, bar) for name, mix in self._mixes.items()}
        self.cursor.ask(replace(self.wishes, ids={**self.wishes.ids, **ids}))

    def step(self) -> Step:
        """Sample the next step: a token, or the keys that sound, bool [128]."""
        self._advance()
        return self._sample()

    def _advance(self) -> None:
        """The logits of what follows the step. Where the song is guided, a second stream is not
        told what was asked for, and what that changes is done so many times as much."""
        if not len(self._unguided):
            self._stream.advance()
            return
        plain = self._stream.x[1]
        plain[:] = self._x
        plain[self._unguided] = 0
        self._stream.advance()
        logits = self._logits
        logits -= self._stream.logits[1, 0]
        logits *= self._guidance
        logits += self._stream.logits[1, 0]

    @property
    def state(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """h and c, copies."""
        h, c = self._stream.state
        return h.copy(), c.copy()

    @property
    def recent_onsets(self) -> tuple[int, ...]:
        """The tokens that a repetition penalty remembers."""
        return self._sampler.recent_onsets

    @property
    def returns(self) -> tuple[int, ...]:
        """What Returns has counted."""
        return self._returns.counts

    @property
    def _bar(self) -> int | None:
        """The bar that the song has reached, where the codec has bars."""
        return self.cursor.bars if self._has_bars else None

    def snapshot(self) -> Snapshot:
        """Where the song stands, for `restore`."""
        return Snapshot(
            *self.state,
            self._x.copy(),
            self.cursor.copy(),
            self.recent_onsets,
            self.returns,
            self._has_sounded,
            self._instruments and self._instruments.state,
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Return to a snapshot, with new random numbers."""
        for part, value in zip((*self._stream.state, self._x), snapshot[:3], strict=True):
            part[:] = value
        self.cursor = snapshot.cursor.copy()
        self._sampler.recent_onsets = snapshot.recent_onsets
        self._returns.counts = snapshot.returns
        self._returns.shown(self.cursor.row(), self._bar)
        self._has_sounded = snapshot.has_sounded
        self.has_ended = False
        self._mixed = -1
        if self._instruments is not None:
            self._instruments.restore(snapshot.instruments)

    def _sample_token(self) -> int:
        codec, end, cursor = self.codec, self.codec.end, self.cursor
        if self._pull is not None:
            self._logits += self._pull
        if end is not None and not (self.may_end and self._has_sounded):
            self._logits[end] = -np.inf
        mask = cursor.mask()
        if self.must_end and not self._has_bars and (mask & self._last_tokens).any():
            mask = mask & self._last_tokens
        if self._meter is not None and self._x[0] == codec.start:
            mask = mask & self._meter
        if self._instruments is not None:
            self._instruments.hand_over(self._logits, mask)
            mask = self._instruments.narrow(mask)
        token = self._sampler.sample(self._logits, mask, self.rng)
        if not self._has_sounded:
            if codec.is_time[token]:
                token = self._sampler.sample(self._logits, mask & ~codec.is_time, self.rng)
            self._has_sounded = bool(self._sounds[token])
        if self.must_end and end is not None and codec.is_time[token] and mask[end]:
            token = end
        elif self._instruments is not None:
            token = self._instruments.bring_in(token, mask, cursor.bars)
        self.has_ended = token == end
        cursor.feed(token)
        if self._instruments is not None:
            self._instruments.follow(token, cursor.bars)
        if self._mixes:
            self._share()
        if ids := cursor.row():
            ids = self._returns.follow(token, ids, cursor.bars if self._has_bars else None)
        self._write_row(self._x, 0, token, *ids)
        return token

    def _sample_keys(self) -> NDArray[np.bool_]:
        keys = sample_keys(self._logits, self.sampling, self.rng.uniforms(self.codec.vocabulary))
        if not self._has_sounded and not keys.any():
            keys[self._logits.argmax()] = True
        self._has_sounded = True
        self.cursor.feed(0)
        self._x[0] = keys
        return keys
