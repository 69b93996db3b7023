"""Models whose logits a test decides, without a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from ugen.data import make_codec
from ugen.data.codecs.base import Codec
from ugen.runtime import Card, Model, Sampling
from ugen.runtime.inference.model import start_of

BEATS = make_codec("beats")
CODECS = {
    "frames": make_codec("frames"),
    "frames-fold": make_codec("frames", fold=True),
    "khot": make_codec("khot"),
    "events": make_codec("events"),
    "beats": BEATS,
    "beats-band": make_codec("beats", band=True),
}


def card_of(codec: Codec, columns: Sequence[str] = (), **provenance: object) -> Card:
    """A card of a codec, and of some of its columns."""
    named = tuple(each for each in codec.columns if each.name in columns)
    return Card(codec, 1, 1, "fp32", Sampling(), provenance, "", columns=named)


class Flat(Model):
    """A model to which all tokens are equally likely."""

    def __init__(self, codec: Codec = BEATS, fed: list | None = None):
        super().__init__(card_of(codec), None)
        self.fed: list = [] if fed is None else fed

    def stream(self, batch: int = 1):
        return _FlatStream(self.card, self.fed)


class _FlatStream:
    def __init__(self, card: Card, fed: list):
        self.x, self.fed = start_of(card), fed
        self.logits = np.zeros((1, 1, card.codec.vocabulary), np.float32)
        self.state = np.zeros((2, 1, 1, 1), np.float32)

    def advance(self):
        self.fed.append(int(self.x[0, 0]))
        self.logits[:] = 0
        return self.logits


class Ruled(Model):
    """A model whose logits are a rule's, of the number of the step and of all calls. The state
    counts the steps, and is rewound with the song. `calls`: all steps taken."""

    def __init__(self, codec: Codec, rule: Callable[[int, int], np.ndarray]):
        super().__init__(card_of(codec), None)
        self.rule, self.calls = rule, 0

    def stream(self, batch: int = 1):
        return _RuledStream(self)


class _RuledStream:
    def __init__(self, model: Ruled):
        self.x = start_of(model.card)
        self.logits = np.zeros((1, 1, model.card.codec.vocabulary), np.float32)
        self.state = np.zeros((2, 1, 1, 1), np.float32)
        self._model = model

    def advance(self):
        self._model.calls += 1
        self.state += 1
        self.logits[0, 0] = self._model.rule(int(self.state[0, 0, 0, 0]), self._model.calls)
        return self.logits


class Reader(Model):
    """A model whose logits are a rule's, of the row that it is fed: the last token, and ids by the
    name of their column. `rows`: all that were fed."""

    def __init__(
        self, rule: Callable[[int, dict[str, int]], np.ndarray], *columns: str, codec=BEATS, **about
    ):
        super().__init__(card_of(codec, columns, **about), None)
        self.rule = rule
        self.rows: list[list[int]] = []

    def stream(self, batch: int = 1):
        return _ReaderStream(self, batch)


class _ReaderStream:
    def __init__(self, model: Reader, batch: int):
        self.x = start_of(model.card, batch)
        self.logits = np.zeros((batch, 1, model.card.codec.vocabulary), np.float32)
        self.state = np.zeros((2, 1, batch, 1), np.float32)
        self._model = model

    def advance(self):
        self._model.rows.append(self.x[0].tolist())
        for n, (token, *ids) in enumerate(self.x.tolist()):
            named = dict(zip(self._model.card.column_names, ids, strict=True))
            self.logits[n, 0] = self._model.rule(token, named)
        return self.logits


def likes(codec: Codec, *events: str) -> np.ndarray:
    """Logits of a model to which little else is likely."""
    logits = np.full(codec.vocabulary, -30.0)
    for event in events:
        logits[codec.events.index(event)] = 10.0
    return logits


def tune() -> Callable[[int, int], np.ndarray]:
    """A rule of a model without faults: pitches of two octaves, short notes, shifts; no tempos or
    meters."""
    kinds = [event.partition(":")[0] for event in BEATS.events]
    logits = np.full(BEATS.vocabulary, -30.0)
    for i, (kind, event) in enumerate(zip(kinds, BEATS.events, strict=True)):
        value = event.partition(":")[2]
        if (kind == "pitch" and 55 <= int(value) < 79) or event in (
            "bar",
            "duration:6",
            "duration:12",
            "shift:6",
        ):
            logits[i] = 0.0
    return lambda step, calls: logits


def piano(*rows: list[int]) -> np.ndarray:
    """Logits of a khot model, each row's keys."""
    logits = np.full(128, -30.0)
    for row in rows:
        logits[row] = 30.0
    return logits


def lively(codec: Codec) -> Model:
    """A model with no plan, whose notes end."""
    logits = np.array([4.0 * event.startswith("note_off") for event in codec.events])
    return Ruled(
        codec, lambda step, calls: logits if codec.input == "token" else np.full(128, -2.5)
    )
