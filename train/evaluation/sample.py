"""Samples from a model while it is trained, and what it expects of a piece. In torch, token by
token."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor
from ugen.data import Codec, Score
from ugen.data.codecs.base import Inputs
from ugen.train.model import LstmModel

MOST_STEPS = 6000  # a model that never moves time forward must not hold training up


def sample_next(logits: Tensor, kind: str, generator: torch.Generator | None = None) -> Tensor:
    """The next inputs from logits [batch, vocabulary]: tokens int64 [batch], or vectors float32
    [batch, keys]."""
    if kind == "frame":
        return torch.bernoulli(logits.sigmoid(), generator=generator)
    return torch.multinomial(logits.softmax(-1), 1, generator=generator)[:, 0]


def sample(model: LstmModel, codec: Codec, seconds: float, seed: int) -> Score:
    """Music of about that length at temperature 1. torch's own random state stays as it was."""
    device = next(model.parameters()).device
    generator = torch.Generator(device).manual_seed(seed)
    columns = model.config.names
    cursor = codec.cursor(columns=columns)
    start = codec.to_rows(codec.to_inputs(np.zeros(0, np.uint16)), columns)
    x = torch.from_numpy(start.astype(np.int64)).to(device)[None]
    h, c = model.state(1)
    sampled: list[Inputs] = []
    with _evaluating(model):
        while cursor.seconds < seconds and len(sampled) < MOST_STEPS:
            logits, h, c = model(x.float() if codec.input == "frame" else x, h, c)
            mask = torch.from_numpy(cursor.mask()).to(device)
            allowed = logits[:, 0].float().masked_fill(~mask, -torch.inf)
            chosen = sample_next(allowed, codec.input, generator)
            sampled.append(chosen[0].cpu().numpy())
            if codec.input == "frame":
                cursor.feed(0)
                x = chosen[:, None]
            else:
                cursor.feed(int(chosen[0]))
                x = torch.tensor([[[int(chosen[0]), *cursor.row()]]], device=device)
    score = codec.decode(codec.from_inputs(np.array(sampled)))
    return score.until(score.tick_at(seconds))


def expected_pitches(
    model: LstmModel, codec: Codec, inputs: Inputs
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the model expects while it is played a piece: wherever a pitch comes, the probability of
    each pitch.

    `inputs`: the piece, step by step. Gives seconds float64 [n], probabilities float64 [n, 128],
    and the pitches that came, int64 [n]. For vectors n is the number of steps, in which several
    pitches may come, and these are -1.
    """
    device = next(model.parameters()).device
    kind = np.float32 if codec.input == "frame" else np.int64
    rows = codec.to_rows(inputs, model.config.names)
    x = torch.from_numpy(rows.astype(kind))[None, :-1].to(device)
    with _evaluating(model):
        logits = model(x, *model.state(1))[0][0].float()
    cursor, seconds = codec.cursor(), np.zeros(len(inputs))
    for step, item in enumerate(inputs):
        seconds[step] = cursor.seconds
        cursor.feed(int(item) if codec.input == "token" else 0)
    if codec.input == "frame":
        return seconds, logits.sigmoid().double().cpu().numpy(), np.full(len(inputs), -1)
    pitches = codec.pitches()
    places = np.flatnonzero(pitches[inputs] >= 0)
    found = logits.softmax(-1).double().cpu().numpy()[places]
    probabilities = np.zeros((len(places), 128))
    # note_off has pitches, too: each event is compared with those of its own kind
    kinds = np.array([event.partition(":")[0] for event in codec.events])
    own_kinds = kinds[inputs[places]]
    for name in np.unique(own_kinds):
        ids = np.flatnonzero((kinds == name) & (pitches >= 0))
        rows = np.flatnonzero(own_kinds == name)
        probabilities[np.ix_(rows, pitches[ids])] = found[np.ix_(rows, ids)]
    return seconds[places], probabilities, pitches[inputs[places]]


@contextmanager
def _evaluating(model: LstmModel) -> Iterator[None]:
    """No dropout and no gradients inside."""
    training = model.training
    model.eval()
    with torch.no_grad():
        yield
    model.train(training)
