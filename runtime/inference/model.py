"""A loaded model and its steps. onnxruntime only: this module never imports torch or onnx."""

from __future__ import annotations

from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray
from ugen.runtime.model_file.card import Card
from ugen.runtime.model_file.format import OUTPUTS, inputs_of

Step = NDArray[np.int64] | NDArray[np.float32]
State = tuple[NDArray[np.float32], NDArray[np.float32]]


def start_of(card: Card, batch: int = 1) -> Step:
    """The step a piece begins with, when nothing is wished."""
    if card.codec.input == "frame":
        return np.zeros((batch, 1, card.codec.vocabulary), np.float32)
    (row,) = card.codec.to_rows(np.zeros(0, np.uint16), card.column_names)
    return np.tile(row.astype(np.int64), (batch, 1))


class Model:
    """A loaded model, which threads may share, each with a stream of its own.

    `card`: what the file says of itself. `provider`: what computes it. `sha256`: of the file.
    `source`: a function and its arguments that load it again.
    """

    def __init__(self, card: Card, session: Any, provider: str = "cpu", sha256: str = ""):
        self.card = card
        self.provider = provider
        self.sha256 = sha256
        self.source: tuple[Any, ...] | None = None
        self._session = session
        self._inputs = inputs_of(card.codec.input)

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        """A copy, in this process or another, is loaded from the same file; sessions do not
        travel."""
        return self.source or super().__reduce_ex__(protocol)

    def start(self, batch: int = 1) -> State:
        """The state a piece begins with: h and c, float32 zeros [layers, batch, hidden]."""
        shape = self.card.layers, batch, self.card.hidden
        return np.zeros(shape, np.float32), np.zeros(shape, np.float32)

    def step(self, x: Step, state: State) -> tuple[NDArray[np.float32], State]:
        """Feed each of a batch one step: rows int64 [batch, 1 + columns] or frames float32 [batch,
        1, vocabulary] -> logits float32 [batch, 1, vocabulary], and the state. Nothing is kept;
        `stream` is faster."""
        feeds = dict(zip(self._inputs, (x, *state), strict=True))
        logits, h, c = self._session.run(OUTPUTS, feeds)
        return logits, (h, c)

    def stream(self, batch: int = 1) -> Stream:
        """`batch` pieces from their beginning, stepped together."""
        return Stream(self.card, self._session, self.start(batch))


class Stream:
    """Steps that carry their state, in arrays that the model reads and writes in place.

    `x`: the step to feed, int64 [batch, 1 + columns] or float32 [batch, 1, vocabulary], to be
    filled in place; at first the codec's start, with nothing wished. `logits`: float32 [batch, 1,
    vocabulary], overwritten by each `advance`.
    """

    def __init__(self, card: Card, session: Any, state: State):
        batch, vocabulary = state[0].shape[1], card.codec.vocabulary
        self.x = start_of(card, batch)
        self.logits = np.empty((batch, 1, vocabulary), np.float32)
        self._states = state, (np.empty_like(state[0]), np.empty_like(state[1]))
        self._run = session.run_with_iobinding
        # the state is read from one pair of arrays and written to the other, in turns
        self._bindings = [self._bind(session, card, *self._states[::order]) for order in (1, -1)]
        self._turn = 0

    @property
    def state(self) -> State:
        """h and c after the last step, float32 [layers, batch, hidden]; write to them in place to
        set them."""
        return self._states[self._turn]

    def advance(self) -> NDArray[np.float32]:
        """Feed `x`; the `logits` of what follows it."""
        self._run(self._bindings[self._turn])
        self._turn = 1 - self._turn
        return self.logits

    def _bind(self, session: Any, card: Card, before: State, after: State) -> Any:
        """Names to arrays. onnxruntime keeps addresses only: the arrays live as long as this
        object."""
        binding = session.io_binding()
        for name, array in zip(inputs_of(card.codec.input), (self.x, *before), strict=True):
            binding.bind_input(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
        for name, array in zip(OUTPUTS, (self.logits, *after), strict=True):
            binding.bind_output(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
        return binding
