"""Where a song ended, to continue from there or to branch off: a small JSON file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from ugen.data import UgenError
from ugen.data.analysis.chord_symbols import parse_chords
from ugen.data.analysis.wishes import BY_NAME
from ugen.data.codecs.base import Tokens
from ugen.data.files import read_bytes, write_atomically
from ugen.data.json_values import MAX_CHARACTERS, from_json, parse_json, to_json
from ugen.data.text import printable
from ugen.runtime.model_file.card import Card
from ugen.runtime.model_file.format import MAX_STATE
from ugen.runtime.sampling.config import Sampling
from ugen.runtime.sampling.sampler import WINDOW

from .guard.returns import Returns
from .packing import packed_array
from .wishes.asked import mix_of, require_chords
from .wishes.instruments import check_instruments, instruments_of

FORMAT: Literal[1] = 1
MAX_SEED = (1 << 64) - 1
MAX_TOKENS = 1 << 17  # an hour of music or more
TEMPOS = 10.0, 400.0
_MAX_NUMBER = 1 << 53  # of positions and ticks: what every reader of JSON can hold
_RANGES = (
    ("seed", 0, MAX_SEED),
    ("tempo", *TEMPOS),
    ("position", 0, _MAX_NUMBER),
    ("passed", 0, _MAX_NUMBER),
    ("chord_bar", -1, _MAX_NUMBER),
    ("guidance", 1, 10),
    ("lead", 0, _MAX_NUMBER),
)


@dataclass(frozen=True, eq=False, kw_only=True)
class SongState:
    """Where a song ended.

    `seed`, `position`: of the random stream. `tempo`, `asked`, `guided`, `guidance`, `instruments`,
    `drums`: what was asked for, and how much, by the wish's name. `chords`, `chord_bar`: those
    asked for, and how many bars ago they began. `passed`: bars since the song began, or steps of a
    codec without bars. `lead`: ticks from the song's end to where `tokens` lead. `tokens`: what a
    cursor needs to know (`Codec.context`), as a corpus stores them. `recent_onsets`: the tokens
    that a repetition penalty remembers. `returns`: what Returns has counted. `h`, `c`: the model's
    state, float32 [layers * hidden], layer by layer; of a guided song [layers * 2 * hidden].
    """

    seed: int
    position: int
    sampling: Sampling
    tempo: float | None
    asked: dict[str, str]
    guided: tuple[str, ...]
    guidance: float
    instruments: str | None
    drums: bool
    chords: str | None
    chord_bar: int
    passed: int
    lead: int
    recent_onsets: tuple[int, ...]
    returns: tuple[int, ...]
    tokens: Tokens = packed_array("<u2", MAX_TOKENS)
    h: NDArray[np.float32] = packed_array(
        "<f4", 2 * MAX_STATE, bound=1e3
    )  # a sigmoid times a tanh, less what a piece begins with where that is learned
    c: NDArray[np.float32] = packed_array(
        "<f4", 2 * MAX_STATE, bound=1e9
    )  # grows by at most 1 per step

    def __post_init__(self) -> None:
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise UgenError(f"{name} is {value}, and must be {low:g} to {high:g}")
        if len(self.recent_onsets) > WINDOW:
            raise UgenError(f"recent_onsets has more than {WINDOW} tokens")
        if self.instruments is not None:
            instruments_of(self.instruments)
        if not set(self.guided) <= set(BY_NAME) or len(set(self.guided)) < len(self.guided):
            raise UgenError("guided: no wishes, or one twice")
        if self.chords is not None:
            parse_chords(self.chords)

    def has_ended(self, card: Card) -> bool:
        """Whether the song came to its end, so that nothing continues from here."""
        return card.codec.end is not None and self.tokens[-1:].tolist() == [card.codec.end]

    def check(self, card: Card) -> None:
        """Raise UgenError when this is no state of a song by a model with this card."""
        codec, size = card.codec, card.layers * card.hidden
        if len(self.h) not in (size, 2 * size) or len(self.c) != len(self.h):
            raise UgenError(f"h and c are not of {card.layers} layers of {card.hidden}")
        if not all(0 <= token < codec.vocabulary for token in self.recent_onsets):
            raise UgenError("recent_onsets: tokens of another codec")
        if self.tempo is not None and not codec.has_bars:
            raise UgenError(f"tempo: the {codec.name} codec has no tempo")
        for name, text in self.asked.items():
            if name not in card.known:
                raise UgenError(f"asked: the model has no column {printable(name[:80])}")
            if name == "tempo":
                raise UgenError("asked: a tempo is no text")
            try:
                mix_of(card.known[name], text)
            except UgenError as error:
                raise UgenError(f"asked: {error}") from None
        if self.chords is not None:
            require_chords(card)
        check_instruments(codec, self.instruments, self.drums)
        counts = Returns(card.column_names).counts
        if len(self.returns) != len(counts) or not all(0 <= n < _MAX_NUMBER for n in self.returns):
            raise UgenError("returns: of other columns")
        codec.check(self.tokens)
        decoder = codec.decoder()
        decoder.whole(codec.to_inputs(self.tokens).tolist())
        if self.lead > decoder.now:
            raise UgenError("lead: the song would end before it starts")


@dataclass(frozen=True, eq=False)
class StateFile:
    """The file: a state, and the sha256 of the model file that it belongs to."""

    ugen: Literal["state"]
    format: Literal[1]
    version: str
    model: str
    state: SongState


def save_state(state: SongState, model: str, path: str | Path) -> None:
    """Write a state of the model file with this sha256."""
    file = StateFile("state", FORMAT, version("ugen-music"), model, state)
    write_atomically(path, (json.dumps(to_json(file)) + "\n").encode())


def load_state(path: str | Path, model: str, card: Card) -> SongState:
    """Read a state of the model file with this sha256. Raises UgenError with the file and the
    reason."""
    most = MAX_CHARACTERS + 24 * card.layers * card.hidden
    try:
        data = read_bytes(path, most, "a song's state")
    except UgenError as error:
        raise UgenError(error.reason, flag="--from-state", path=path) from None
    try:
        file = from_json(StateFile, parse_json(data.decode(), most), complete=True)
        if file.model == model:
            file.state.check(card)
            return file.state
    except (ValueError, UgenError) as error:
        reason = f"not a state that --save-state wrote ({error})"
        raise UgenError(reason, flag="--from-state", path=path) from None
    reason = f"of another model file (sha256 {file.model[:12]!r}, not {model[:12]!r})"
    raise UgenError(reason, flag="--from-state", path=path)
