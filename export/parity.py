"""Prove that an exported file does what the checkpoint does: the same held-out tokens through both, state carried.

Every step compares logits and state. Where precision is float32 they must agree within the tolerances, and where the
likeliest token is clear it must be the same; a quantized file must predict the tokens nearly as well. Differences of
values over 1 are taken relative to the value: a cell state can grow into the hundreds, where float32 itself is coarser
than TOLERANCE.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from ugen.data import Codec, UgenError
from ugen.runtime.model import State, Step
from ugen.train.model import LstmModel

TOLERANCE = 1e-4
# rounding grows in a state that is carried: 8e-5 after 1,024 steps of the demo's model. A fault is far over this.
STATE_TOLERANCE = 1e-3
STEPS = 1024
BATCH = 3
_TIMED, _WARM = 400, 50


@contextmanager
def torch_at_its_best() -> Iterator[None]:
    """One thread, and no oneDNN: its LSTM is two to four times as slow for one stream and would flatter the files."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # setting the flags warns of hardware that is not asked for
        with torch.backends.mkldnn.flags(enabled=False):
            yield
    torch.set_num_threads(threads)


class Runner(Protocol):
    """Anything that takes steps as ugen.runtime.Model does."""

    def step(self, x: Step, state: State) -> tuple[NDArray[np.float32], State]:
        """Tokens int64 [batch, 1] or frames float32 [batch, 1, keys] -> logits float32 [batch, 1, vocabulary] and the
        new state."""


class TorchRunner:
    """A torch module, eager or scripted, as a Runner."""

    def __init__(self, module: torch.nn.Module):
        self.module = module

    @torch.no_grad()
    def step(self, x: Step, state: State) -> tuple[NDArray[np.float32], State]:
        """One step, numpy in and numpy out."""
        h, c = map(torch.from_numpy, state)
        logits, h, c = self.module(torch.from_numpy(x), h, c)
        return logits.numpy(), (h.numpy(), c.numpy())


@dataclass(frozen=True)
class Parity:
    """`logits`, `state`: the largest differences over all steps. `tokens`: share of steps whose likeliest token is
    the same, ties within the tolerance aside. `nats`, `reference_nats`: mean loss a token, of the file and of the
    checkpoint."""

    logits: float
    state: float
    tokens: float
    nats: float
    reference_nats: float

    @property
    def nats_change(self) -> float:
        """Relative change of the loss: 0.005 is half a per cent worse."""
        return self.nats / self.reference_nats - 1


def probe_batch(probe: NDArray[np.uint16], codec: Codec) -> Step:
    """The probe from its start, and two shifted readings of it, each after the start: tokens int64 [BATCH, STEPS + 1]
    or frames float32 [BATCH, STEPS + 1, keys]."""
    items = codec.items(probe)
    if not len(items):
        raise UgenError("the checkpoint's probe.npy is empty; there is nothing to prove the export on")
    long = np.concatenate([items] * (STEPS * 2 // len(items) + 2))
    rows = np.stack([codec.after_start(long[shift : shift + STEPS]) for shift in (0, STEPS // 3, STEPS // 2)])
    return rows.astype(np.float32) if codec.input == "frame" else rows.astype(np.int64)


def compare(reference: Runner, other: Runner, batch: Step, start: State) -> Parity:
    """Step both through the batch, each with its own carried state. `start`: zeros [layers, BATCH, hidden].

    `batch`: tokens int64 [batch, steps + 1] or frames float32 [batch, steps + 1, keys].
    """
    mine = theirs = start
    logits_gap = state_gap = 0.0
    agreed = 0
    losses = np.zeros(2)
    steps = batch.shape[1] - 1
    for t in range(steps):
        feed = _piece(batch, slice(None), t)
        a, mine = reference.step(feed, mine)
        b, theirs = other.step(feed, theirs)
        logits_gap = max(logits_gap, _gap(a, b))
        state_gap = max(state_gap, *map(_gap, mine, theirs))
        agreed += int(_same_choice(a[:, 0], b[:, 0], batch.ndim == 3).sum())
        losses += [_nats(logits[:, 0], batch[:, t + 1]) for logits in (a, b)]
    nats, reference_nats = (losses / steps)[::-1].tolist()
    return Parity(logits_gap, state_gap, agreed / (steps * len(batch)), nats, reference_nats)


def _piece(batch: Step, streams: slice, at: int) -> Step:
    """One step of some streams, contiguous, as runners want it."""
    return batch[streams, at : at + 1].copy()


def _gap(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """The largest difference, relative where |a| is over 1."""
    return float((np.abs(a - b) / np.maximum(np.abs(a), 1)).max())


def _same_choice(a: NDArray[np.float32], b: NDArray[np.float32], frames: bool) -> NDArray[np.bool_]:
    """bool [batch]: whether b's likeliest token is a's too, or b's keys over the threshold are a's, ties aside."""
    if frames:
        same: NDArray[np.bool_] = (((a > 0) == (b > 0)) | (np.abs(a) <= 2 * TOLERANCE)).all(-1)
        return same
    chosen = np.take_along_axis(a, b.argmax(-1)[:, None], 1)[:, 0]
    near: NDArray[np.bool_] = a.max(-1) - chosen <= 2 * TOLERANCE
    return near


def _nats(logits: NDArray[np.float32], target: Step) -> float:
    scores = logits.astype(np.float64)
    if target.ndim == 2:  # frames: log(1 + exp(s)) - s where the key sounds
        return float((np.logaddexp(0, scores) - scores * target).sum(-1).mean())
    top = scores.max(-1)
    total = top + np.log(np.exp(scores - top[:, None]).sum(-1))
    return float((total - scores[np.arange(len(target)), target]).mean())


def require_equal(parity: Parity, what: str) -> None:
    """Raise UgenError unless a float32 file agrees with the checkpoint."""
    if not (parity.logits <= TOLERANCE and parity.state <= STATE_TOLERANCE and parity.tokens == 1):
        raise UgenError(
            f"{what} disagrees with the checkpoint by {parity.logits:.1e} in logits and {parity.state:.1e} in state "
            f"(allowed: {TOLERANCE:.0e} and {STATE_TOLERANCE:.0e}); nothing was written"
        )


def microseconds(runner: Runner, batch: Step, start: State) -> float:
    """Median time of one step for one stream. `start`: zeros [layers, 1, hidden]."""
    state = start
    times = []
    for t in range(_WARM + _TIMED):
        feed = _piece(batch, slice(1), t % batch.shape[1])
        before = time.perf_counter()
        _, state = runner.step(feed, state)
        times.append(time.perf_counter() - before)
    return float(np.median(times[_WARM:]) * 1e6)


def zero_state(model: LstmModel, batch: int) -> State:
    """h and c to begin with, float32 zeros [layers, batch, hidden]."""
    shape = model.config.layers, batch, model.config.hidden
    return np.zeros(shape, np.float32), np.zeros(shape, np.float32)
