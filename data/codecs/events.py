"""The `events` codec: note on, note off, time shift and velocity, as performed.

Source: Oore et al. 2018, "This Time with Feeling"; Huang et al. 2019, "Music Transformer". Time
moves in steps of 10 ms, 1 to 100 per token; velocity has 32 bins and holds until the next. At one
point of time notes end first, then begin, both in ascending order of pitch. Tempo, programs and
drums are not kept.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from ugen.data.score import SOUNDING, NoteRow, Score

from .base import Codec, Encoded, Mask, Tokens, require_notes, split_event
from .columns import LEFT_SECONDS, NO_WISHES, WISHES_WITHOUT_BARS, Column, Wishes, sized
from .decoder import Decoder
from .row import Row

STEPS_PER_SECOND = 100
LONGEST_SHIFT = 100
VELOCITY_STEP = 4  # 32 bins, named by their middle
DEFAULT_VELOCITY = 64 + VELOCITY_STEP // 2
TICKS_PER_BEAT = 50  # at 120 beats per minute a tick is one step
MEMORY = 2048  # tokens that columns look back to; with 512 a tenth fewer are named right
COLUMNS = (
    *(Column(f"after_{length}", 0) for length in (2, 4, 8)),
    Column("oldest", 0),
    *WISHES_WITHOUT_BARS,
)
_KINDS = frozenset(("piece", "note_off", "velocity", "note_on", "shift"))


class EventsCodec(Codec):
    """Performance events. Vocabulary 389."""

    name = "events"
    about = "as performed"
    pitch_kinds = ("note_on", "note_off")
    tempo_kinds: ClassVar[dict[str, int]] = {"shift": -1}

    def __init__(self) -> None:
        self.events = (
            "piece",
            *(f"note_off:{pitch}" for pitch in range(128)),
            *(f"velocity:{v + VELOCITY_STEP // 2}" for v in range(0, 128, VELOCITY_STEP)),
            *(f"note_on:{pitch}" for pitch in range(128)),
            *(f"shift:{n}" for n in range(1, LONGEST_SHIFT + 1)),
        )
        self.start = self.end = 0
        self.pairs = [split_event(event) for event in self.events]
        kinds = np.array([kind for kind, _ in self.pairs])
        self.is_time = kinds == "shift"
        self.first = {
            kind: int(np.flatnonzero(kinds == kind)[0]) for kind in np.unique(kinds).tolist()
        }

        # of tokens that `after_n` takes for the same, one number: all velocities, and shifts to
        # half an octave, for performed music never repeats exactly
        alike = [self._alike(kind, value) for kind, value in self.pairs]
        self.alike = [1 + alike.index(each) for each in alike]

    @staticmethod
    def _alike(kind: str, value: int) -> tuple[str, int]:
        if kind == "velocity":
            return kind, 0
        return kind, round(2 * math.log2(value)) if kind == "shift" else value

    def options(self) -> dict[str, Any]:
        return {}

    def encode(self, score: Score) -> Encoded:
        notes = self._on_grid(score)
        if not len(notes):
            return Encoded(np.array([self.start], np.uint16), 0, len(score.notes))
        require_notes(len(notes), seconds=int(notes["end"].max()) / STEPS_PER_SECOND)
        points = np.unique(np.concatenate([notes["onset"], notes["end"]]))
        gaps = np.diff(points, prepend=0)
        whole, rest = np.divmod(gaps, LONGEST_SHIFT)
        louder = np.diff(notes["velocity"].astype(np.int64), prepend=-1) != 0
        first, pitch = self.first, notes["pitch"].astype(np.int64)
        rows = [  # point of time, order at that point, token
            (
                np.repeat(points, whole),
                0,
                np.full(int(whole.sum()), first["shift"] + LONGEST_SHIFT - 1),
            ),
            (points[rest > 0], 1, first["shift"] + rest[rest > 0] - 1),
            (notes["end"], 2 + pitch, first["note_off"] + pitch),
            (
                notes["onset"][louder],
                130 + 2 * pitch[louder],
                first["velocity"] + notes["velocity"][louder],
            ),
            (notes["onset"], 131 + 2 * pitch, first["note_on"] + pitch),
        ]
        at = np.concatenate([row[0] for row in rows])
        rank = np.concatenate([np.broadcast_to(row[1], row[0].shape) for row in rows])
        tokens = np.concatenate([row[2] for row in rows])[np.lexsort((rank, at))]
        return Encoded(
            np.append(tokens, self.start).astype(np.uint16),
            len(notes),
            len(score.notes) - len(notes),
        )

    def _on_grid(self, score: Score) -> NDArray[np.void]:
        """Notes in steps, by onset and pitch, `velocity` as a bin; a repeated pitch ends the note
        before."""
        if not len(score.notes):
            return score.notes
        notes = score.notes[
            np.lexsort((score.notes["end"], score.notes["onset"], score.notes["pitch"]))
        ].copy()
        onset = np.rint(score.seconds_at(notes["onset"]) * STEPS_PER_SECOND).astype(np.int64)
        notes["end"] = np.maximum(
            np.rint(score.seconds_at(notes["end"]) * STEPS_PER_SECOND), onset + 1
        )
        notes["onset"], notes["velocity"] = onset, notes["velocity"] // VELOCITY_STEP
        same_pitch = notes["pitch"][1:] == notes["pitch"][:-1]
        # of equal onsets the longest is last, and stays
        notes = notes[np.append(~(same_pitch & (onset[1:] == onset[:-1])), True)]
        again = notes["pitch"][1:] == notes["pitch"][:-1]
        cut = np.minimum(notes["end"][:-1], notes["onset"][1:])
        notes["end"][:-1] = np.where(again, cut, notes["end"][:-1])
        ordered: NDArray[np.void] = notes[np.lexsort((notes["pitch"], notes["onset"]))]
        return ordered

    def context(self, tokens: Tokens) -> Tokens:
        """The notes that sound and the velocity in force, then the last tokens: those that columns
        look back to, from a shift on."""
        shifts = np.flatnonzero(self.is_time[tokens[:-MEMORY]])
        if not len(shifts):
            return tokens
        velocity: list[int] = []
        struck: dict[int, int] = {}
        for token in tokens[: shifts[-1]].tolist():
            kind, value = self.pairs[token]
            if kind == "velocity":
                velocity = [token]
            elif kind in ("note_on", "note_off"):
                struck.pop(value, None)
                if kind == "note_on":
                    struck[value] = token
        held = [*struck.values(), *velocity]
        return np.concatenate([held, tokens[shifts[-1] :]]).astype(np.uint16)

    def decoder(self) -> _EventsDecoder:
        return _EventsDecoder(self)

    @property
    def columns(self) -> tuple[Column, ...]:
        return sized(COLUMNS, self.vocabulary)

    def cursor(
        self, tempo: float | None = None, columns: Sequence[str] = (), wishes: Wishes = NO_WISHES
    ) -> _EventsCursor:
        return _EventsCursor(self, columns, wishes)


class _EventsDecoder(Decoder):
    def __init__(self, codec: EventsCodec):
        super().__init__(TICKS_PER_BEAT)
        self._pairs = codec.pairs
        self._velocity = DEFAULT_VELOCITY
        self._sounding: dict[int, NoteRow] = {}

    def feed(self, token: int) -> None:
        kind, value = self._pairs[token]
        if kind == "shift":
            self.now += value
        elif kind == "velocity":
            self._velocity = value
        elif kind in ("note_on", "note_off"):
            if value in self._sounding:
                self._sounding.pop(value)[1] = self.now
            if kind == "note_on":
                self._sounding[value] = [self.now, SOUNDING, value, self._velocity, 0, False]
                self._rows.append(self._sounding[value])

    def _finish(self) -> None:
        if any(row[0] == self.now for row in self._sounding.values()):
            self.now += 1
        super()._finish()


class _EventsCursor:
    """Steps passed, which pitches sound, and the last event: these decide what may come next.

    Columns: `after_n` compares the last n tokens; `oldest` is the end of the note that has sounded
    longest, which is right for 70% of the ends in piano music.
    """

    bars = 0
    bar_seconds = LEFT_SECONDS

    def __init__(self, codec: EventsCodec, columns: Sequence[str], wishes: Wishes):
        first = codec.first
        self._pairs = codec.pairs
        self._off = slice(first["note_off"], first["note_off"] + 128)
        self._on = slice(first["note_on"], first["note_on"] + 128)
        self._velocity = slice(first["velocity"], first["velocity"] + 128 // VELOCITY_STEP)
        self._shift = slice(first["shift"], codec.vocabulary)
        self._size = codec.vocabulary
        self._end = codec.end
        self._sounding: Mask = np.zeros(128, bool)
        self._kind = "piece"
        self._value = -1
        self.now = 0
        kinds = [kind for kind, _ in codec.pairs]
        self._allowed = bytes(kind in _KINDS for kind in kinds)
        bits = (codec.vocabulary + 1).bit_length()
        self._row = Row(columns, wishes, kinds, MEMORY, bits) if columns else None
        self._alike = codec.alike
        self._begun: dict[int, int] = {}  # sounding pitches, the oldest first: the id of their end
        if self._row is not None:
            self._row.reach(0)

    @property
    def seconds(self) -> float:
        return self.now / STEPS_PER_SECOND

    def feed(self, token: int) -> None:
        kind, value = self._pairs[token]
        if kind == "shift":
            self.now += value
            self._value = value
        elif kind == "velocity":
            self._value = self._value if self._kind == "note_on" else -1
        elif kind in ("note_on", "note_off"):
            self._sounding[value] = kind == "note_on"
            self._value = value
        self._kind = kind
        if self._row is not None:
            if kind in ("note_on", "note_off"):
                self._begun.pop(value, None)
                if kind == "note_on":
                    self._begun[value] = self._off.start + value + 1
                self._row.set("oldest", next(iter(self._begun.values()), 0))
            elif kind == "shift":
                self._row.reach(self.seconds)
            self._row.record(token, self._alike[token])

    def mask(self) -> Mask:
        kind, value = self._kind, self._value
        mask: Mask = np.zeros(self._size, bool)
        above = value if kind in ("note_on", "velocity") else -1
        mask[self._on][above + 1 :] = ~self._sounding[above + 1 :]
        if kind == "velocity":
            return mask
        mask[self._velocity] = mask[self._on].any()
        if kind in ("shift", "note_off"):
            least = value + 1 if kind == "note_off" else 0
            mask[self._off][least:] = self._sounding[least:]
        if kind != "shift":
            mask[self._shift] = True
            mask[self._end] = not self._sounding.any()
        elif value == LONGEST_SHIFT:
            mask[self._shift] = True
        return mask

    def row(self) -> list[int]:
        return [] if self._row is None else self._row.list(self._allowed)

    def ask(self, wishes: Wishes) -> None:
        if self._row is not None:
            self._row.ask(wishes)
            self._row.reach(self.seconds)

    def copy(self) -> _EventsCursor:
        other = copy(self)
        other._sounding = self._sounding.copy()
        other._row = self._row and self._row.copy()
        other._begun = dict(self._begun)
        return other
