"""Codec: notes to token ids and back, all derived from one table of named events.

An event's name is its kind and, mostly, a value: `pitch:60`, `shift:12`, `bar`. Its id is its place
in the table. A model file stores the table; a reader in another language needs that and the meaning
of the kinds (docs/codecs.md).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from ugen.data.errors import CodecError
from ugen.data.score import Score
from ugen.data.text import clock, count

from .columns import CHORD_NAMES, CHORDS, NO_WISHES, Column, Wishes, transposed_chord
from .decoder import Decoder

Tokens = NDArray[np.uint16]
Inputs = NDArray[Any]
Rows = NDArray[Any]  # steps as a model is fed them: uint16 [n, 1 + columns], or bool [n, 128]
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
    def now(self) -> int:
        """How far the tokens so far have moved, in steps of the codec's grid."""

    @property
    def bars(self) -> int:
        """Bar lines reached so far, without the one at the beginning; always 0 where the codec has
        no bars."""

    @property
    def bar_seconds(self) -> float:
        """How long a bar lasts here; where the codec has no bars, what counts as one."""

    def feed(self, token: int) -> None:
        """Take the next token."""

    def mask(self) -> Mask:
        """bool [vocabulary]: the tokens that may come next. The caller must not write to it."""

    def row(self) -> list[int]:
        """The ids of its columns here."""

    def ask(self, wishes: Wishes) -> None:
        """Change what is wanted of the piece, from here on."""

    def copy(self) -> Cursor:
        """An independent cursor at the same place."""


class Codec(ABC):
    """A vocabulary of events and its meaning in notes.

    `events`: the table, one name per token id. `start`: the token every piece begins with; it is
    fed to a model first and is not part of the encoded piece. `end`: the token that ends a piece,
    or None where pieces just stop. `is_time`: bool [vocabulary], the tokens that only move time
    forward.
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
        """The constructor's arguments for an equal codec."""

    @abstractmethod
    def encode(self, score: Score) -> Encoded:
        """A score as tokens, and the number of notes that the grid could not hold. Raises
        CodecError where a score is too long for its notes (`require_notes`)."""

    def decode(self, tokens: NDArray[np.integer]) -> Score:
        """Tokens as a score. Any stream decodes; events that make no sense where they stand are
        ignored."""
        return self.decoder().whole(self.to_inputs(tokens).tolist())

    @abstractmethod
    def decoder(self) -> Decoder:
        """Decodes item by item, for music without end."""

    @property
    @abstractmethod
    def columns(self) -> tuple[Column, ...]:
        """All that its cursors can tell a model beside the last token."""

    @abstractmethod
    def cursor(
        self, tempo: float | None = None, columns: Sequence[str] = (), wishes: Wishes = NO_WISHES
    ) -> Cursor:
        """A cursor at the start of a piece, after the `start` token. `tempo`: beats a minute for
        all of the piece, whatever its tokens say; only where `has_bars`. `columns`: those that its
        rows have."""

    @property
    def has_bars(self) -> bool:
        """Whether the codec has beats and bars, and not only seconds."""
        return False

    @property
    def onset_tokens(self) -> Mask:
        """bool [vocabulary]: the tokens that each begin a note."""
        return np.array(
            [split_event(event)[0] in ("pitch", "drum", "note_on") for event in self.events]
        )

    @property
    @abstractmethod
    def pitch_kinds(self) -> tuple[str, ...]:
        """The kinds of event that move when music is transposed."""

    def augmentation(self, semitones: int = 0, tempo: float = 1.0, louder: int = 0) -> Tokens:
        """uint16 [vocabulary]: what each token becomes when the music is augmented.

        Pitches move by `semitones` (one that would leave 0..127 stays), velocities by `louder`, and
        the music is `tempo` times as fast. Each value becomes the nearest one in the table.
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
        """A short stream after which a cursor and a decoder are in the state they have after these
        tokens, but for seconds, bars, and notes that began earlier. Its last step is as long."""

    def to_inputs(self, tokens: NDArray[np.integer]) -> Inputs:
        """A stored piece as a model is fed it, one item per step: token ids [n], or bool vectors
        [n, 128]."""
        return np.asarray(tokens)

    def from_inputs(self, items: Inputs) -> Tokens:
        """Items as a corpus stores them and `decode` takes them."""
        return np.asarray(items).astype(np.uint16)

    def with_start(self, items: Inputs) -> Inputs:
        """The item every piece begins with, then `items`."""
        return np.concatenate([[self.start], items])

    def to_rows(
        self, items: Inputs, columns: Sequence[str] = (), wishes: Wishes = NO_WISHES
    ) -> Rows:
        """A piece as a model is fed it, its start first; each row is followed by the next item.
        Tokens get the ids of the columns beside them."""
        if self.input == "frame":
            return self.with_start(items)
        if not columns:
            return self.with_start(items).astype(np.uint16)[:, None]
        cursor = self.cursor(columns=columns, wishes=wishes)
        rows = [[self.start, *cursor.row()]]
        for token in items.tolist():
            cursor.feed(token)
            rows.append([token, *cursor.row()])
        return np.array(rows, np.uint16)

    def wishes(self, tokens: Tokens, ids: Mapping[str, int]) -> Wishes:
        """What could be asked for to get a stored piece, besides `ids` its length."""
        cursor = self.cursor()
        for token in tokens.tolist():
            cursor.feed(token)
        if self.has_bars:
            return Wishes(ids, bars=cursor.bars + 1)
        return Wishes(ids, seconds=cursor.seconds)

    def targets(self, rows: Rows) -> Inputs:
        """The items of rows: token ids [...], or the vectors themselves."""
        items: Inputs = rows if self.input == "frame" else rows[..., 0]
        return items

    def augment(
        self, rows: Rows, semitones: int, tempo: float, louder: int, columns: Sequence[str] = ()
    ) -> Rows:
        """Rows of a piece augmented; `augmentation` says how. What is wished of it stays, but for
        its chords."""
        table = self.augmentation(semitones, tempo, louder)
        augmented = rows.copy()
        augmented[:, 0] = table[rows[:, 0]]
        after_nothing = np.append(0, table + 1).astype(rows.dtype)
        for place, name in enumerate(columns, 1):
            if Column(name, 0).holds_token:
                augmented[:, place] = after_nothing[rows[:, place]]
            elif name in CHORD_NAMES:
                moved = [transposed_chord(chord, semitones) for chord in range(CHORDS + 1)]
                augmented[:, place] = np.array(moved, rows.dtype)[rows[:, place]]
        return augmented

    def pitch_range(self, items: Inputs) -> NDArray[np.int64]:
        """The pitches that transposing a piece would move."""
        pitches = self.pitches()[items]
        return pitches[pitches >= 0]

    def pitches(self) -> NDArray[np.int64]:
        """int64 [vocabulary]: the pitch a token would transpose, -1 where it has none."""
        pairs = [split_event(event) for event in self.events]
        return np.array([value if kind in self.pitch_kinds else -1 for kind, value in pairs])

    def check(self, tokens: Tokens) -> None:
        """Raise CodecError unless these are this codec's tokens, as a corpus stores them."""
        highest = int(tokens.max(initial=0))
        if highest >= self.vocabulary:
            has = f"token {highest}, and it has {self.vocabulary}"
            raise CodecError(f"tokens of another codec ({has})")

    def counts(self, tokens: NDArray[np.integer]) -> NDArray[np.int64]:
        """int64 [at least vocabulary]: how often each event occurs in tokens."""
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

    So the number of tokens is bounded by the music, and not by the times that a tiny file claims.
    """
    if bars > BARS_PER_NOTE * (notes + SPARE_NOTES):
        raise CodecError(f"has {bars:,} bars and only {count(notes, 'note')}")
    if seconds > SECONDS_PER_NOTE * (notes + SPARE_NOTES):
        raise CodecError(f"lasts {clock(seconds)} and has only {count(notes, 'note')}")


def split_event(event: str) -> tuple[str, int]:
    """An event's kind and value; the value is -1 where it has none."""
    kind, _, value = event.partition(":")
    return kind, int(value) if value.lstrip("-").isdigit() else -1
