"""Professor forcing (Lamb et al. 2016): a discriminator learns to tell whether the model is fed
real music or its own samples, and the model learns to behave the same way in both cases.

An update adds C_f: the free-running model is to pass for the teacher-forced one. As in the paper,
the discriminator learns only while it is right in under 99% of cases, and the model learns from it
only while it is right in over 75%. Gradients flow through the hidden states of the free run; they
cannot flow through the samples.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from ugen.train.evaluation.sample import sample_next
from ugen.train.forward import Batch, State
from ugen.train.model import LstmModel

from .optimizer import load_optimizer_state, optimizer_state

LENGTH = 48  # steps that the discriminator judges together
DISCRIMINATOR_LEARNS_BELOW = 0.99  # accuracy
MODEL_LEARNS_ABOVE = 0.75
_UNITS = 128
_RATE = 1e-3
_MEMORY = 0.9  # of the running accuracy


class Discriminator(nn.Module):
    """A bidirectional GRU over what a model does, its mean over time, and one logit: above 0 for
    teacher-forced."""

    def __init__(self, size: int):
        super().__init__()
        self.gru = nn.GRU(size, _UNITS, batch_first=True, bidirectional=True)
        self.verdict = nn.Sequential(nn.Linear(2 * _UNITS, _UNITS), nn.ReLU(), nn.Linear(_UNITS, 1))

    def forward(self, behavior: Tensor) -> Tensor:
        """float32 [n, time, size] -> logits [n]."""
        out: Tensor = self.verdict(self.gru(behavior)[0].mean(dim=1)).squeeze(-1)
        return out


class ProfessorForcing:
    """The discriminator and its optimizer. `accuracy`: how often it was right lately, 0.5 at
    first."""

    def __init__(self, model: LstmModel, device: torch.device):
        self._model = model
        config = model.config
        self.discriminator = Discriminator(config.hidden + config.vocabulary).to(device)
        self.optimizer = torch.optim.AdamW(
            self.discriminator.parameters(), lr=_RATE, betas=(0.5, 0.99)
        )
        self.accuracy = 0.5

    def penalty(self, batch: Batch, state: State, top: Tensor) -> Tensor:
        """C_f divided by the number of steps judged, so that it adds to a mean over steps. Updates
        the discriminator, too.

        `state`: with which the chunk began. `top`: its top layer, teacher-forced. 0 when in fewer
        than two streams a piece goes on for that many steps.
        """
        length = min(LENGTH, batch.x.shape[1])
        within = np.flatnonzero(~batch.begins[:, 1:length].any(axis=1))
        if len(within) < 2:
            return top.new_zeros(())
        rows = torch.from_numpy(within).to(top.device)
        keep = torch.from_numpy(~batch.begins[within, 0]).to(top.device, torch.float32)[
            None, :, None
        ]
        h, c = (part[:, rows] * keep for part in state)
        inputs = self._free_run(batch.x[rows, :1], h, c, length)
        free = self._behavior(self._model.hidden_sequence(inputs, h, c)[0], inputs)
        forced = self._behavior(top[rows, :length], batch.x[rows, :length])
        self._learn(forced.detach(), free.detach())
        if self.accuracy <= MODEL_LEARNS_ABOVE:
            return top.new_zeros(())
        for parameter in self.discriminator.parameters():
            parameter.requires_grad_(False)
        logits = self.discriminator(free)
        for parameter in self.discriminator.parameters():
            parameter.requires_grad_(True)
        return binary_cross_entropy_with_logits(logits, torch.ones_like(logits)) / length

    def _behavior(self, top: Tensor, x: Tensor) -> Tensor:
        """float32 [n, time, hidden + vocabulary]: hidden states, and the probabilities predicted
        from them."""
        logits = self._model.logits(top, x).float()
        probabilities = (
            logits.sigmoid() if self._model.config.input == "frame" else logits.softmax(-1)
        )
        return torch.cat([top.float(), probabilities], dim=-1)

    @torch.no_grad()
    def _free_run(self, first: Tensor, h: Tensor, c: Tensor, length: int) -> Tensor:
        """The inputs of a free run: the first is given, the others are sampled from what the model
        predicts."""
        self._model.eval()
        inputs = [first]
        for _ in range(length - 1):
            logits, h, c = self._model(inputs[-1], h, c)
            chosen = sample_next(logits[:, 0].float(), self._model.config.input)
            inputs.append(chosen.reshape(first.shape))
        self._model.train()
        return torch.cat(inputs, dim=1)

    def _learn(self, forced: Tensor, free: Tensor) -> None:
        with torch.enable_grad():
            logits = self.discriminator(torch.cat([forced, free]))
        truth = torch.cat([torch.ones(len(forced)), torch.zeros(len(free))]).to(logits.device)
        right = float(((logits > 0) == (truth > 0)).float().mean())
        self.accuracy = _MEMORY * self.accuracy + (1 - _MEMORY) * right
        if self.accuracy < DISCRIMINATOR_LEARNS_BELOW:
            self.optimizer.zero_grad(set_to_none=True)
            loss: Any = binary_cross_entropy_with_logits(logits, truth)
            loss.backward()
            self.optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        """All that `load_state_dict` needs."""
        return {
            "accuracy": self.accuracy,
            "discriminator": self.discriminator.state_dict(),
            "optimizer": optimizer_state(self.optimizer),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state_dict` was called."""
        self.accuracy = state["accuracy"]
        self.discriminator.load_state_dict(state["discriminator"])
        load_optimizer_state(self.optimizer, state.get("optimizer", {}))
