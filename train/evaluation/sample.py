"""Draws from a model while it is being trained: to hear it, and to see what it predicts. In torch,
token by token."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from ugen.data import Codec, Score
from ugen.data.codecs.base import Inputs
from ugen.train.model import LstmModel

MOST_STEPS = 6000  # a model that moves no time forward must not hold training up


def draw(logits: Tensor, kind: str, generator: torch.Generator | None = None) -> Tensor:
    """The next inputs from logits [batch, vocabulary]: tokens int64 [batch], or vectors float32
    [batch, keys]."""
    if kind == "frame":
        return torch.bernoulli(logits.sigmoid(), generator=generator)
    return torch.multinomial(logits.softmax(-1), 1, generator=generator)[:, 0]


@torch.no_grad()
def sample(model: LstmModel, codec: Codec, seconds: float, seed: int) -> Score:
    """Music of about that length at temperature 1, as a score. torch's own random state stays as it
    was."""
    training = model.training
    model.eval()
    device = next(model.parameters()).device
    generator = torch.Generator(device).manual_seed(seed)
    cursor = codec.cursor()
    feed = torch.from_numpy(codec.with_start(codec.to_inputs(np.zeros(0, np.uint16)))).to(device)[
        None
    ]
    h, c = model.state(1)
    drawn: list[Inputs] = []
    while cursor.seconds < seconds and len(drawn) < MOST_STEPS:
        logits, h, c = model(feed.float() if codec.input == "frame" else feed.long(), h, c)
        mask = torch.from_numpy(cursor.mask()).to(device)
        chosen = draw(logits[:, 0].float().masked_fill(~mask, -torch.inf), codec.input, generator)
        drawn.append(chosen[0].cpu().numpy())
        cursor.feed(int(chosen[0]) if codec.input == "token" else 0)
        feed = chosen[:, None]
    model.train(training)
    items = np.array(drawn)
    score = codec.decode(codec.from_inputs(items))
    return score.until(score.tick_at(seconds))


@torch.no_grad()
def expected_pitches(
    model: LstmModel, codec: Codec, items: Inputs
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the model expects while it is played a piece: at each place where a pitch comes, the
    chance of each pitch.

    `items`: the piece, one item a step. Gives seconds float64 [n], chances float64 [n, 128], and
    the pitches that came, int64 [n] (for vectors -1: there a place is a step, and several may
    come).
    """
    training = model.training
    model.eval()
    device = next(model.parameters()).device
    whole = torch.from_numpy(
        codec.with_start(items).astype(np.float32 if codec.input == "frame" else np.int64)
    )
    logits = model(whole[None, :-1].to(device), *model.state(1))[0][0].float()
    model.train(training)
    cursor, seconds = codec.cursor(), np.zeros(len(items))
    for step, item in enumerate(items):
        seconds[step] = cursor.seconds
        cursor.feed(int(item) if codec.input == "token" else 0)
    if codec.input == "frame":
        return seconds, logits.sigmoid().double().cpu().numpy(), np.full(len(items), -1)
    pitches = codec.pitches()
    kinds = np.array([event.partition(":")[0] for event in codec.events])
    places = np.flatnonzero(pitches[items] >= 0)
    probabilities = logits.softmax(-1).double().cpu().numpy()[places]
    chances = np.zeros((len(places), 128))
    for kind in np.unique(
        kinds[items[places]]
    ):  # note_off has pitches, too: a place is compared with its own kind
        ids = np.flatnonzero((kinds == kind) & (pitches >= 0))
        rows = np.flatnonzero(kinds[items[places]] == kind)
        chances[np.ix_(rows, pitches[ids])] = probabilities[np.ix_(rows, ids)]
    return seconds[places], chances, pitches[items[places]]
