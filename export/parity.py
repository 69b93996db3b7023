"""Whether two runners compute the same: the same steps through both, each carrying its own state.

The reference is the checkpoint computed in float64, so that a gap is the other's own rounding. A
float32 file must stay within TOLERANCE, and where the likeliest token is clear it must be the same;
differences of values over 1 are relative to the value. Rounding grows in a state that is carried:
where PyTorch's own float32 is further off than a quarter of TOLERANCE, four times its gap is
allowed. A smaller precision must predict the music nearly as well, which measure.py finds out.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from ugen.data import UgenError
from ugen.data.analysis.scores import step_nats
from ugen.runtime.inference.model import State, Step
from ugen.train.model import LstmModel

TOLERANCE = 1e-4
BATCH = 5


@contextmanager
def torch_at_its_best() -> Iterator[None]:
    """One thread, and no oneDNN: for one stream its LSTM takes two to four times as long, which
    would flatter the files."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        # setting the flags warns of hardware that nobody asked for
        warnings.simplefilter("ignore", UserWarning)
        with torch.backends.mkldnn.flags(enabled=False):
            yield
    torch.set_num_threads(threads)


class Runner(Protocol):
    """Anything that takes steps as ugen.runtime.Model does."""

    def step(self, x: Step, state: State) -> tuple[NDArray[np.float32], State]:
        """Rows int64 [batch, 1 + columns] or frames float32 [batch, 1, keys] -> logits float32
        [batch, 1, vocabulary] and the new state."""


class TorchRunner:
    """A torch module, eager or scripted, as a Runner."""

    def __init__(self, module: torch.nn.Module):
        self.module = module

    @torch.no_grad()
    def step(self, x: Step, state: State) -> tuple[NDArray[np.float32], State]:
        """One step, numpy in and numpy out."""
        h, c = map(torch.from_numpy, state)
        in_time = x if x.ndim == 3 else x[:, None]
        logits, h, c = self.module(torch.from_numpy(in_time), h, c)
        return logits.numpy(), (h.numpy(), c.numpy())


class ExactRunner:
    """A model in float64: the reference. Its results are float64, too."""

    def __init__(self, model: LstmModel):
        self._runner = TorchRunner(copy.deepcopy(model).double())

    def step(self, x: Step, state: State) -> tuple[NDArray[np.float32], State]:
        """One step; floats of any kind in."""
        h, c = (part.astype(np.float64) for part in state)
        step: Any = self._runner.step  # which is typed for float32
        found: tuple[Any, Any] = step(x.astype(np.float64) if x.dtype == np.float32 else x, (h, c))
        return found


@dataclass(frozen=True)
class Parity:
    """How far two runners are apart."""

    logits: float
    """The largest difference of logits."""

    state: float
    """The largest difference of h or c."""

    tokens: float
    """The fraction of steps with the same likeliest token, ties within TOLERANCE aside."""

    nats: float
    """Mean loss per token of the runner that is compared."""

    reference_nats: float
    """Mean loss per token of the reference."""

    def worst(self, other: Parity) -> Parity:
        """The larger gaps of two comparisons; losses are this one's."""
        return replace(
            self,
            logits=max(self.logits, other.logits),
            state=max(self.state, other.state),
            tokens=min(self.tokens, other.tokens),
        )


def streams_of(excerpt: Step) -> Step:
    """BATCH streams of held-out music; where it has fewer rows, they begin again at other
    places."""
    rows, steps = excerpt.shape[:2]
    return np.stack(
        [np.roll(excerpt[k % rows], -(k // rows) * steps // BATCH, axis=0) for k in range(BATCH)]
    )


def step_of(batch: Step, t: int) -> Step:
    """Step t of a batch, as a Runner takes it."""
    return batch[:, t : t + 1].copy() if batch.dtype == np.float32 else batch[:, t].copy()


def targets_of(batch: Step) -> Step:
    """What follows each step of a batch but the last: tokens int64 [batch, steps], or frames."""
    return batch[:, 1:] if batch.dtype == np.float32 else batch[:, 1:, 0]


def compare(
    reference: Runner,
    other: Runner,
    batch: Step,
    start: State,
    on_step: Callable[[], None] = lambda: None,
) -> Parity:
    """Feed both the same steps. `batch`: rows int64 [batch, steps + 1, 1 + columns] or frames
    float32 [batch, steps + 1, keys]; `start`: the state, zeros [layers, batch, hidden]."""
    mine = theirs = start
    frames, expected = batch.dtype == np.float32, targets_of(batch)
    logits_gap = state_gap = 0.0
    agreed = 0
    losses = np.zeros(2)
    steps = batch.shape[1] - 1
    for t in range(steps):
        feed = step_of(batch, t)
        a, mine = reference.step(feed, mine)
        b, theirs = other.step(feed, theirs)
        logits_gap = max(logits_gap, _gap(a, b))
        state_gap = max(state_gap, *map(_gap, mine, theirs))
        agreed += int(_same_choice(a[:, 0], b[:, 0], frames).sum())
        losses += [step_nats(logits[:, 0], expected[:, t]).mean() for logits in (a, b)]
        on_step()
    mean, reference_mean = (losses / steps)[::-1].tolist()
    return Parity(logits_gap, state_gap, agreed / (steps * len(batch)), mean, reference_mean)


def _gap(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """The largest difference, relative where |a| is over 1."""
    return float((np.abs(a - b) / np.maximum(np.abs(a), 1)).max())


def _same_choice(a: NDArray[np.float32], b: NDArray[np.float32], frames: bool) -> NDArray[np.bool_]:
    """bool [batch]: whether b's likeliest token is also a's, or b's keys over the threshold are,
    ties aside."""
    if frames:
        same: NDArray[np.bool_] = (((a > 0) == (b > 0)) | (np.abs(a) <= 2 * TOLERANCE)).all(-1)
        return same
    chosen = np.take_along_axis(a, b.argmax(-1)[:, None], 1)[:, 0]
    near: NDArray[np.bool_] = a.max(-1) - chosen <= 2 * TOLERANCE
    return near


def require_equal(parity: Parity, own: Parity, what: str) -> None:
    """Raise UgenError unless a float32 file agrees with the reference. `own`: how PyTorch's float32
    does."""
    allowed = [max(TOLERANCE, 4 * gap) for gap in (own.logits, own.state)]
    if not (parity.logits <= allowed[0] and parity.state <= allowed[1] and parity.tokens == 1):
        raise UgenError(
            f"{what} disagrees with the checkpoint by {parity.logits:.1e} in logits and "
            f"{parity.state:.1e} in state (allowed: {allowed[0]:.0e} and {allowed[1]:.0e}); "
            "nothing was written"
        )


def zero_state(model: LstmModel, batch: int) -> State:
    """h and c to begin with, float32 zeros [layers, batch, hidden]."""
    shape = model.config.layers, batch, model.config.hidden
    return np.zeros(shape, np.float32), np.zeros(shape, np.float32)
