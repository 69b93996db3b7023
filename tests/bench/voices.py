"""A codec of four voices, for the chorales' benchmark: which voice moves, by how much, and when.

A piece is a list of steps; a step is the pitch of soprano, alto, tenor and bass, -1 in silence.

    piece := start (voice* shift)*

- `soprano:60` enters at that pitch, after silence; `soprano_by:-2` moves from one pitch to another;
  `soprano_rest:0` falls silent. A voice that is not named stays. Voices that change at one step
  come in the codec's order.
- `shift:n` goes n steps on: to the next change, or to the end.

Nothing is lost, unisons and silence included: the nats of a piece's tokens are those of its steps.
Columns say where the voices are, for how long, how far apart, and in which key it has been so far.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from copy import deepcopy
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ugen.data import Score
from ugen.data.analysis.key import MAJOR, MINOR
from ugen.data.codecs.base import Codec, Encoded, Mask, Rows, Tokens, split_event
from ugen.data.codecs.columns import NO_WISHES, Column, Wishes
from ugen.data.codecs.decoder import GridDecoder
from ugen.data.codecs.row import Repeats

# the pitches of each voice in the training pieces, and six semitones more for transposition
RANGES = {"soprano": (54, 87), "alto": (46, 80), "tenor": (40, 75), "bass": (30, 72)}
LOWEST, HIGHEST = 30, 87
NAMES = tuple(RANGES)
PAIRS = tuple(combinations(range(4), 2))
LEAP = 24  # semitones, the widest
LONGEST = 32  # steps of a shift
BARS = (16, 12)  # steps of 4/4 and of 3/4
HARMONIES = 12**3 + 1  # of soprano, alto and tenor above the bass, octaves apart alike
HELD = (1, 2, 3, 4, 6, 8, 12, 16)  # steps that a column tells apart
FARTHEST, CROSSED = 32, -6  # semitones between two voices that a column tells apart
FORGOTTEN = 0.995  # of what has sounded, in a step: half of it in nine bars
LENGTHS = (3, 6, 12)  # of the last tokens that came before
MEMORY = 2048
_PROFILES = np.array([np.roll(each, tonic) for each in (MAJOR, MINOR) for tonic in range(12)])
PROFILES = (_PROFILES - _PROFILES.mean(1, keepdims=True)) / _PROFILES.std(1, keepdims=True)
SILENT = -1


class VoicesCodec(Codec):
    """`order`: of voices at one step. `ticks`: of a step, as in `frames`. `forget`: the fraction of
    the columns' ids that an augmented piece leaves out, so that a model does not know it by them.
    """

    name = "voices"
    about = "four voices"
    pitch_kinds = NAMES

    def __init__(
        self, order: str = "soprano bass alto tenor", ticks: int = 120, forget: float = 0.15
    ):
        self.order = [NAMES.index(name) for name in order.split()]
        self.forget = forget
        self._rng = np.random.default_rng(1)
        self.ticks = ticks
        self.step_seconds = ticks / 960
        events = ["start", *(f"shift:{n}" for n in range(1, LONGEST + 1))]
        for name in order.split():
            low, high = RANGES[name]
            moves = [n for n in range(-LEAP, LEAP + 1) if n]
            events += [f"{name}_rest:0", *(f"{name}:{n}" for n in range(low, high + 1))]
            events += [f"{name}_by:{n}" for n in moves]
        self.events = tuple(events)
        self.start, self.end = 0, None
        self.ids = {event: number for number, event in enumerate(events)}
        self.pairs = [(kind.split("_"), value) for kind, value in map(split_event, events)]
        self.is_time = np.array([event.startswith("shift") for event in events])

    def options(self) -> dict[str, Any]:
        order = " ".join(NAMES[voice] for voice in self.order)
        return {"order": order, "ticks": self.ticks, "forget": self.forget}

    @property
    def columns(self) -> tuple[Column, ...]:
        found = [Column(f"place_{bar}", bar + 1) for bar in BARS]
        found += [
            Column("key_so_far", 25),
            Column("harmony", HARMONIES),
            Column("harmony_before", HARMONIES),
        ]
        for name in NAMES:
            found.append(Column(f"{name}_moved", 2 * LEAP + 1))
            found.append(Column(f"{name}_at", HIGHEST - LOWEST + 3))
            found.append(Column(f"{name}_held", len(HELD) + 2))
            found.append(Column(f"{name}_degree", 25))
        for low, high in PAIRS:
            found.append(Column(f"{NAMES[low]}_{NAMES[high]}", FARTHEST - CROSSED + 2))
        found += [Column(f"after_{length}", self.vocabulary + 1) for length in LENGTHS]
        return tuple(found)

    def pack(self, steps: Sequence[Sequence[int]]) -> Tokens:
        """A piece's tokens."""
        tokens: list[int] = []
        before, waited = [SILENT] * 4, 0
        for step in [*steps, None]:
            changed = [v for v in self.order if step and step[v] != before[v]]
            if changed or step is None:
                while waited:
                    tokens.append(self.ids[f"shift:{min(waited, LONGEST)}"])
                    waited -= min(waited, LONGEST)
            for voice in changed if step else ():
                tokens.append(self.ids[self._event(NAMES[voice], before[voice], step[voice])])
            before = list(step) if step else before
            waited += 1
        return np.array(tokens, np.uint16)

    @staticmethod
    def _event(name: str, before: int, now: int) -> str:
        if now == SILENT:
            return f"{name}_rest:0"
        return f"{name}:{now}" if before == SILENT else f"{name}_by:{now - before}"

    def unpack(self, tokens: Tokens) -> list[list[int]]:
        """The steps again."""
        cursor, steps = VoicesCursor(self), list[list[int]]()
        for token in tokens.tolist():
            kind, value = self.pairs[token]
            cursor.feed(token)
            steps += [[*cursor.at]] * (value if kind == ["shift"] else 0)
        return steps

    def decode(self, tokens: NDArray[np.integer]) -> Score:
        steps = ({pitch for pitch in step if pitch != SILENT} for step in self.unpack(tokens))
        return _StepDecoder(960, self.ticks, 80).whole(steps)

    def augment(
        self, rows: Rows, semitones: int, tempo: float, louder: int, columns: Sequence[str] = ()
    ) -> Rows:
        augmented = super().augment(rows, semitones, tempo, louder, columns)
        tonics, minors = np.arange(24) % 12, np.arange(24) // 12
        keys = np.append(0, 1 + 12 * minors + (tonics + semitones) % 12)
        for place, name in enumerate(columns, 1):
            ids = rows[:, place].astype(int)
            if name.endswith("_at"):
                moved = np.clip(ids + semitones, 2, HIGHEST - LOWEST + 2)
                augmented[:, place] = np.where(ids < 2, ids, moved)
            elif name == "key_so_far":
                augmented[:, place] = keys[ids]
        forgotten = self._rng.random(augmented.shape, np.float32) < self.forget
        forgotten[:, 0] = False
        augmented[forgotten] = 0
        return augmented

    def cursor(
        self, tempo: float | None = None, columns: Sequence[str] = (), wishes: Wishes = NO_WISHES
    ) -> VoicesCursor:
        return VoicesCursor(self, columns)

    def encode(self, score: Score) -> Encoded:
        raise NotImplementedError("made from steps, by `pack`")

    def decoder(self) -> Any:
        raise NotImplementedError

    def context(self, tokens: Tokens) -> Tokens:
        raise NotImplementedError


class _StepDecoder(GridDecoder):
    def feed(self, item: set[int]) -> None:
        self.step(item)


class VoicesCursor:
    """Where the voices stand, and what the columns say of it."""

    bars = 0
    bar_seconds = 2.0

    def __init__(self, codec: VoicesCodec, columns: Sequence[str] = ()):
        self._codec = codec
        self._columns = columns
        self.now = 0
        self.at = [SILENT] * 4
        self._since = [0] * 4
        self._moved = [0] * 4
        self._harmony_before = 0  # when time last passed
        self._sounded = np.zeros(12)  # time of each pitch class
        self._key = 0
        self._repeats = Repeats(LENGTHS, MEMORY, codec.vocabulary.bit_length())
        self._tokens: deque[int] = deque(maxlen=MEMORY)

    @property
    def seconds(self) -> float:
        return self.now * self._codec.step_seconds

    def feed(self, token: int) -> None:
        (kind, *how), value = self._codec.pairs[token]
        if kind == "shift":
            self._pass(value)
        elif kind in NAMES:
            voice = NAMES.index(kind)
            by = how == ["by"]
            self._moved[voice] = 1 + value + LEAP - (value > 0) if by else 0
            self.at[voice] = SILENT if how == ["rest"] else value + self.at[voice] * by
            self._since[voice] = self.now
        self._tokens.append(token)
        self._repeats.record(token)

    def _pass(self, steps: int) -> None:
        """Time passes, and what sounds tells of the key."""
        for pitch in self.at:
            self._sounded[pitch % 12] += steps * (pitch != SILENT)
        self._key = 1 + int((PROFILES @ self._sounded).argmax())
        self._sounded *= FORGOTTEN**steps
        self._harmony_before = self._harmony()
        self.now += steps

    def _harmony(self) -> int:
        if SILENT in self.at:
            return 0
        above = [(pitch - self.at[3]) % 12 for pitch in self.at[:3]]
        return 1 + above[0] + 12 * above[1] + 144 * above[2]

    def row(self) -> list[int]:
        ids = {f"place_{bar}": 1 + self.now % bar for bar in BARS}
        ids["key_so_far"] = self._key
        ids["harmony"] = self._harmony()
        ids["harmony_before"] = self._harmony_before
        mode, tonic = divmod(self._key - 1, 12)
        for name, pitch, since, moved in zip(NAMES, self.at, self._since, self._moved, strict=True):
            held = self.now - since
            ids[f"{name}_at"] = pitch - LOWEST + 2 if pitch != SILENT else 1
            ids[f"{name}_moved"] = moved
            ids[f"{name}_held"] = 1 + sum(held >= steps for steps in HELD)
            known = pitch != SILENT and self._key
            ids[f"{name}_degree"] = 1 + (pitch - tonic) % 12 + 12 * mode if known else 0
        for high, low in PAIRS:
            apart = self.at[high] - self.at[low]
            both = SILENT not in (self.at[high], self.at[low])
            name = f"{NAMES[high]}_{NAMES[low]}"
            ids[name] = 1 + min(max(apart, CROSSED), FARTHEST) - CROSSED if both else 0
        ids.update({f"after_{length}": 0 for length in LENGTHS})
        for length, ago in self._repeats.found:
            ids[f"after_{length}"] = self._tokens[-ago] + 1
        return [ids[name] for name in self._columns]

    def mask(self) -> Mask:
        return np.ones(self._codec.vocabulary, bool)

    def ask(self, wishes: Wishes) -> None:
        """Nothing can be wished for."""

    def copy(self) -> VoicesCursor:
        return deepcopy(self)
