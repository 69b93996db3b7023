"""Where a song stopped, to go on from or to branch off: a small JSON file."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ugen.data import UgenError
from ugen.data.codecs.base import Tokens
from ugen.data.files import write_atomically
from ugen.runtime.model_file.card import Card
from ugen.runtime.sampling.config import Sampling
from ugen.runtime.sampling.sampler import WINDOW

from .packing import packed, unpacked

FORMAT = 1

MAX_BYTES = 64 << 20  # of a file; layers x hidden of a model decide how long it is

MAX_TOKENS = 1 << 17


@dataclass(frozen=True, eq=False)
class SongState:
    """`seed` and `position`: of the random numbers. `tempo`: the one asked for. `tokens`: all that
    a cursor needs to know (`Codec.context`), as a corpus stores them. `lead`: ticks from the song's
    end to where they lead. `struck`: what a repetition penalty remembers. `h`, `c`: float32
    [layers, 1, hidden]."""

    seed: int
    position: int
    sampling: Sampling
    tempo: float | None
    tokens: Tokens
    lead: int
    struck: tuple[int, ...]
    h: NDArray[np.float32]
    c: NDArray[np.float32]

    def to_json(self) -> dict[str, Any]:
        """The state as plain JSON."""
        return {
            **vars(self),
            "sampling": vars(self.sampling),
            "tokens": packed(self.tokens.astype("<u2")),
            "struck": list(self.struck),
            "h": packed(self.h.astype("<f4")),
            "c": packed(self.c.astype("<f4")),
        }


def state_from_json(told: Any, card: Card) -> SongState:
    """The state that `to_json` told of a model like this. Raises ValueError, TypeError or KeyError,
    and UgenError."""
    codec, shape = card.codec, (card.layers, 1, card.hidden)
    for name, kinds in (
        ("seed", int),
        ("position", int),
        ("lead", int),
        ("tempo", (int, float, type(None))),
    ):
        if not isinstance(told[name], kinds) or isinstance(told[name], bool):
            raise ValueError(f"{name} is {told[name]!r:.40}")
    if (
        min(told["seed"], told["position"], told["lead"]) < 0
        or max(told["position"], told["lead"]) >= 1 << 53
    ):
        raise ValueError("its seed, position or lead cannot be")
    tokens = unpacked(told["tokens"], "<u2", MAX_TOKENS).astype(np.uint16)
    struck = tuple(told["struck"])
    if any(type(token) is not int for token in struck) or len(struck) > WINDOW:
        raise ValueError("the notes it remembers cannot be")
    if codec.input == "token" and max([0, *tokens.tolist(), *struck]) >= codec.vocabulary:
        raise ValueError("tokens of another codec")
    h, c = (
        unpacked(told[name], "<f4", card.layers * card.hidden).astype(np.float32) for name in "hc"
    )
    if len(h) != len(c) or len(h) != card.layers * card.hidden or not np.isfinite([h, c]).all():
        raise ValueError(f"h and c are not {card.layers} layers of {card.hidden}")
    return SongState(
        told["seed"],
        told["position"],
        Sampling(**told["sampling"]),
        told["tempo"],
        tokens,
        told["lead"],
        struck,
        h.reshape(shape),
        c.reshape(shape),
    )


def save_state(state: SongState, model: str, path: str | Path) -> None:
    """Write a state, and the sha256 of the model file it belongs to."""
    told = {
        "ugen": "state",
        "format": FORMAT,
        "version": version("ugen-music"),
        "model": model,
        **state.to_json(),
    }
    write_atomically(path, (json.dumps(told) + "\n").encode())


def load_state(path: str | Path, model: str, card: Card) -> SongState:
    """Read a state of the model with this sha256. Raises UgenError that names the file and what is
    wrong."""
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UgenError(f"--from-state {path}: {error.strerror or error}") from None
    try:
        told = json.loads(data[:MAX_BYTES])
        if told["ugen"] != "state" or told["format"] != FORMAT:
            raise ValueError("not a state of this format")
        if told["model"] == model:
            return state_from_json(told, card)
        other = f"{told['model']!s:.12}"
    except (
        ValueError,
        TypeError,
        KeyError,
        OverflowError,
        RecursionError,
        zlib.error,
        UgenError,
    ) as error:
        raise UgenError(
            f"--from-state {path}: not a state that --save-state wrote ({error!r:.100})"
        ) from None
    raise UgenError(
        f"--from-state {path}: of another model file (sha256 {other}..., not {model[:12]}...)"
    )
