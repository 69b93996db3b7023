"""Codec: notes to token ids and back, all derived from one table of named events.

An event's name is its kind and, mostly, a value: `pitch:60`, `shift:12`, `bar`. Its id is its place
in the table. The table is the codec: it is what a model file stores, and a reader in another
language needs nothing else but the meaning of the kinds (docs/codecs.md).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from ugen.data.errors import CodecError
from ugen.data.score import Score
from ugen.data.text import clock, count

from .decoder import Decoder

Tokens = NDArray[np.uint16]
Inputs = NDArray[Any]
Mask = NDArray[np.bool_]

# the sparsest music measured has 0.4 bars and 0.9 seconds per note
BARS_PER_NOTE = 16
SECONDS_PER_NOTE = 32
SPARE_NOTES = 32  # a short piece is measured as if it had this many notes more


class Encoded(NamedTuple):
    """Token ids of a piece, and how many of its notes they hold and had to leave out."""

    tokens: Tokens
    notes: int
    lost: int


class Cursor(Protocol):
    """Where a growing stream of tokens stands in musical time, and what may come next."""

    @property
    def seconds(self) -> float:
        """Musical time that the tokens so far have moved forward."""

    @property
    def bars(self) -> int:
        """Bar lines reached so far, that of the beginning aside; 0 for ever where the codec has
        none."""

    def feed(self, token: int) -> None:
        """Take the next token."""

    def mask(self) -> Mask:
        """bool [vocabulary]: the tokens that may come next. The caller must not write to it."""

    def copy(self) -> Cursor:
        """Another cursor at the same place, which goes its own way."""


class Codec(ABC):
    """A vocabulary of events and its meaning in notes.

    `events`: the table, one name a token id. `start`: the token every piece begins with; a model is
    fed it first and it is not part of the encoded piece. `end`: the token that ends a piece, or
    None where pieces just stop. `is_time`: bool [vocabulary], the tokens whose only work is to move
    time forward.
    """

    name: ClassVar[str]
    about: ClassVar[str]  # in a word or two, for help texts
    # what a model is fed: a `token` id, or a `frame` of 128 zeros and ones
    input: ClassVar[str] = "token"
    # kinds of event whose value grows (1) or shrinks (-1) when music goes faster
    tempo_kinds: ClassVar[dict[str, int]] = {}
    events: tuple[str, ...]
    start: int
    end: int | None
    is_time: Mask

    @property
    def vocabulary(self) -> int:
        """How many token ids there are."""
        return len(self.events)

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """The arguments that make this codec again."""

    @abstractmethod
    def encode(self, score: Score) -> Encoded:
        """A score as tokens, with the notes that the grid could not hold counted."""

    def decode(self, tokens: NDArray[np.integer]) -> Score:
        """Tokens as a score. Any stream decodes; events that make no sense where they stand are
        passed over."""
        return self.decoder().whole(self.to_inputs(tokens).tolist())

    @abstractmethod
    def decoder(self) -> Decoder:
        """The same item by item, for music without end."""

    @abstractmethod
    def cursor(self, tempo: float | None = None) -> Cursor:
        """A cursor at the start of a piece, after the `start` token. `tempo`: beats a minute for
        all of the piece, whatever its tokens say; only where `has_bars`."""

    @property
    def has_bars(self) -> bool:
        """Whether the codec knows beats and bars, and not only seconds."""
        return False

    @property
    def onset_tokens(self) -> Mask:
        """bool [vocabulary]: the tokens that strike a note, each a note of its own."""
        return np.array(
            [split_event(event)[0] in ("pitch", "drum", "note_on") for event in self.events]
        )

    @property
    @abstractmethod
    def pitch_kinds(self) -> tuple[str, ...]:
        """The kinds of event that move when music is transposed."""

    def augmentation(self, semitones: int = 0, tempo: float = 1.0, louder: int = 0) -> Tokens:
        """uint16 [vocabulary]: what each token becomes when the music is varied.

        Pitches move by `semitones` (one that would leave 0..127 stays), velocities by `louder`; the
        music goes `tempo` times as fast. Values take the nearest in the table.
        """
        table = np.arange(self.vocabulary, dtype=np.uint16)
        pairs = [split_event(event) for event in self.events]
        for kind in {kind for kind, value in pairs if value >= 0}:
            ids = np.array([i for i, pair in enumerate(pairs) if pair[0] == kind])
            values = np.array([pairs[i][1] for i in ids])
            if kind in self.pitch_kinds:
                moved = np.where(
                    (values + semitones >= 0) & (values + semitones < 128),
                    values + semitones,
                    values,
                )
            elif kind in self.tempo_kinds:
                moved = values * tempo ** self.tempo_kinds[kind]
            else:
                moved = values + louder * (kind == "velocity")
            table[ids] = ids[np.abs(values[None, :] - moved[:, None]).argmin(axis=1)]
        return table

    @abstractmethod
    def context(self, tokens: Tokens) -> Tokens:
        """A short stream that leads a cursor and a decoder to where this one does, seconds and bars
        and notes that began before aside. What time passes in its last step is the same."""

    def to_inputs(self, tokens: NDArray[np.integer]) -> Inputs:
        """A stored piece as a model is fed it, one item a step: token ids [n], or bool vectors [n,
        128]."""
        return np.asarray(tokens)

    def from_inputs(self, items: Inputs) -> Tokens:
        """Items as a corpus stores them and `decode` takes them."""
        return np.asarray(items).astype(np.uint16)

    def with_start(self, items: Inputs) -> Inputs:
        """The item every piece begins with, then `items`."""
        return np.concatenate([[self.start], items])

    def augment(self, items: Inputs, semitones: int, tempo: float, louder: int) -> Inputs:
        """A piece played differently; `augmentation` says how."""
        augment: Inputs = self.augmentation(semitones, tempo, louder)[items]
        return augment

    def pitch_range(self, items: Inputs) -> NDArray[np.int64]:
        """The pitches that transposing a piece would move."""
        pitches = self.pitches()[items]
        return pitches[pitches >= 0]

    def pitches(self) -> NDArray[np.int64]:
        """int64 [vocabulary]: the pitch a token would transpose, -1 where it has none."""
        pairs = [split_event(event) for event in self.events]
        return np.array([value if kind in self.pitch_kinds else -1 for kind, value in pairs])

    def counts(self, tokens: NDArray[np.integer]) -> NDArray[np.int64]:
        """int64 [at least vocabulary]: how often each event stands in tokens."""
        return np.bincount(tokens, minlength=self.vocabulary)

    def to_json(self) -> dict[str, Any]:
        """The whole codec as JSON: its name, options and event table."""
        return {
            "name": self.name,
            "options": self.options(),
            "start": self.start,
            "end": self.end,
            "events": list(self.events),
        }


def require_notes(notes: int, bars: int = 0, seconds: float = 0.0) -> None:
    """Raise CodecError when the notes are far too few for that many bars, or seconds.

    Tokens are bounded by music so, and not by the times that a file of few bytes claims.
    """
    if bars > BARS_PER_NOTE * (notes + SPARE_NOTES):
        raise CodecError(f"has {bars:,} bars and only {count(notes, 'note')}")
    if seconds > SECONDS_PER_NOTE * (notes + SPARE_NOTES):
        raise CodecError(f"lasts {clock(seconds)} and has only {count(notes, 'note')}")


def split_event(event: str) -> tuple[str, int]:
    """An event's kind and value; the value is -1 where it has none."""
    kind, _, value = event.partition(":")
    return kind, int(value) if value.lstrip("-").isdigit() else -1
