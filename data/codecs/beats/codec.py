"""The `beats` codec: a grid of 24 steps per beat, with bar lines, tempo and time signatures.

The grammar of a piece:

    piece    := start meter moment* end
    moment   := [shift | bar] [meter] [tempo] note*
    note     := [program] [velocity] pitch duration
              | [program:128] [velocity] drum

- `shift:n` moves time forward by n steps, never onto or over a bar line. `bar` moves it to the next
  bar line.
- `meter:n/d` begins a bar here. `tempo:bpm` holds from here. Each holds until the next of its kind.
- `velocity:v` holds for the following notes of the same program, `program:p` for the following
  notes at this point of time.
- Notes at one point come by program (drums last), then by pitch, both ascending.

24 steps per beat hold 32nd notes and triplets of sixteenths exactly. Unlike REMI (Huang and Yang
2020, "Pop Music Transformer") time moves by shifts, as in Oore et al. 2018, and a bar token moves
time too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from ugen.data.codecs.base import Codec, Encoded, Inputs, Tokens
from ugen.data.codecs.columns import NO_WISHES, Column, Wishes, sized
from ugen.data.score import Score

from .cursor import COLUMNS, LAGS, MEMORY, BeatsCursor, Grammar
from .decoder import BeatsDecoder
from .encoder import BeatsEncoder
from .notes import NoteTable, TokenKinds
from .table import event_names, parse_event


class BeatsCodec(Codec):
    """Metrical events. Vocabulary 483, or 740 with `band`.

    `band`: keep programs and drums; without it every pitch is a piano's.
    """

    name = "beats"
    about = "metrical"
    tempo_kinds: ClassVar[dict[str, int]] = {"tempo": 1}

    def __init__(self, band: bool = False):
        self.band = bool(band)
        self.events = tuple(event_names(self.band))
        self.start = self.end = 0
        self._ids = {event: i for i, event in enumerate(self.events)}
        self._pairs = [parse_event(event) for event in self.events]
        self._kinds = TokenKinds(self._pairs)
        self.is_time = np.isin(self._kinds.kinds, ("bar", "shift"))
        self._encoder = BeatsEncoder(self._ids, self.band)
        self._grammar = Grammar.of(self._pairs)

    @property
    def pitch_kinds(self) -> tuple[str, ...]:
        return ("pitch",)  # a drum's number is an instrument, not a pitch

    def options(self) -> dict[str, Any]:
        return {"band": self.band}

    @property
    def columns(self) -> tuple[Column, ...]:
        return sized(COLUMNS, self.vocabulary)

    def cursor(
        self, tempo: float | None = None, columns: Sequence[str] = (), wishes: Wishes = NO_WISHES
    ) -> BeatsCursor:
        return BeatsCursor(self._pairs, self._grammar, tempo, columns, wishes)

    @property
    def has_bars(self) -> bool:
        return True

    def encode(self, score: Score) -> Encoded:
        return self._encoder.encode(score)

    def _meter_id(self, numerator: int, denominator: int) -> int:
        return self._ids[f"meter:{numerator}/{denominator}"]

    def context(self, tokens: Tokens) -> Tokens:
        """The meter, tempo and velocities that hold, then all tokens of the last bars: those that
        columns look back to, and the present one."""
        bars = np.flatnonzero(tokens == self._ids["bar"])
        far = bars[: -max(LAGS)]  # far enough back, in bars and in tokens
        far = far[len(tokens) - far >= MEMORY]
        if not len(far):
            return tokens
        cut = int(far[-1])
        program, meter, tempos, velocities = 0, self._meter_id(4, 4), list[int](), dict[int, int]()
        for token in tokens[:cut].tolist():
            kind, value = self._pairs[token]
            if kind == "program":
                program = value
            elif kind in ("bar", "shift"):
                program = 0
            elif kind == "meter":
                meter = token
            elif kind == "tempo":
                tempos = [token]
            elif kind == "velocity":
                velocities[program] = token
        held = [meter, *tempos]
        for program, velocity in velocities.items():
            held += [self._ids[f"program:{program}"], velocity] if self.band else [velocity]
        return np.concatenate([held, tokens[cut:]]).astype(np.uint16)

    def notes(self, tokens: Inputs) -> NoteTable:
        """Where the notes of a valid stream stand, the start token included."""
        return self._kinds.notes(tokens)

    def decoder(self) -> BeatsDecoder:
        return BeatsDecoder(self._pairs)
