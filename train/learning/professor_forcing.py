"""Professor forcing (Lamb et al. 2016): a discriminator tells the model fed with real music from
the model fed with its own draws, by how the two behave; the model learns to behave the same way in
both.

An update adds C_f, by which free-running behaviour is to pass for teacher-forced. As in the paper,
the discriminator learns only while it is right in under 99% of cases, and the model listens to it
only while it is right in over 75%. Gradients flow through the hidden states of the free run;
through the draws themselves they cannot.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from ugen.train.evaluation.sample import draw
from ugen.train.forward import Batch, State
from ugen.train.model import LstmModel
from ugen.train.run_folder.checkpoint import optimizer_tensors, restore_optimizer

LENGTH = 48  # steps of a behaviour
WORTH_LEARNING, WORTH_HEARING = 0.99, 0.75
_UNITS, _RATE, _MEMORY = 128, 1e-3, 0.9


class Discriminator(nn.Module):
    """A bidirectional GRU over a behaviour, its mean over time, and one logit: above 0,
    teacher-forced."""

    def __init__(self, size: int):
        super().__init__()
        self.gru = nn.GRU(size, _UNITS, batch_first=True, bidirectional=True)
        self.verdict = nn.Sequential(nn.Linear(2 * _UNITS, _UNITS), nn.ReLU(), nn.Linear(_UNITS, 1))

    def forward(self, behaviour: Tensor) -> Tensor:
        """float32 [n, time, size] -> logits [n]."""
        out: Tensor = self.verdict(self.gru(behaviour)[0].mean(dim=1)).squeeze(-1)
        return out


class ProfessorForcing:
    """The discriminator with its optimizer. `accuracy`: how often it was right of late, 0.5 to
    begin with."""

    def __init__(self, model: LstmModel, device: torch.device):
        self._model = model
        config = model.config
        self.discriminator = Discriminator(config.hidden + config.vocabulary).to(device)
        self.optimizer = torch.optim.AdamW(
            self.discriminator.parameters(), lr=_RATE, betas=(0.5, 0.99)
        )
        self.accuracy = 0.5

    def penalty(self, batch: Batch, state: State, top: Tensor) -> Tensor:
        """C_f over the length of a behaviour, so that it adds to a mean over steps; and an update
        of the discriminator.

        `state`: with which the chunk began. `top`: its top layer, teacher-forced. 0 when too few
        streams play on within one piece for the length of a behaviour.
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
        drawn = self._draw(batch.x[rows, :1], h, c, length)
        free = self._behaviour(self._model.hidden_sequence(drawn, h, c)[0], drawn)
        forced = self._behaviour(top[rows, :length], batch.x[rows, :length])
        self._learn(forced.detach(), free.detach())
        if self.accuracy <= WORTH_HEARING:
            return top.new_zeros(())
        for parameter in self.discriminator.parameters():
            parameter.requires_grad_(False)
        logits = self.discriminator(free)
        for parameter in self.discriminator.parameters():
            parameter.requires_grad_(True)
        return binary_cross_entropy_with_logits(logits, torch.ones_like(logits)) / length

    def _behaviour(self, top: Tensor, x: Tensor) -> Tensor:
        """float32 [n, time, hidden + vocabulary]: hidden states, and what is predicted from
        them."""
        logits = self._model.logits(top, x).float()
        chances = logits.sigmoid() if self._model.config.input == "frame" else logits.softmax(-1)
        return torch.cat([top.float(), chances], dim=-1)

    @torch.no_grad()
    def _draw(self, first: Tensor, h: Tensor, c: Tensor, length: int) -> Tensor:
        """The inputs of a free run: the first as given, each later one drawn from what the model
        predicts."""
        self._model.eval()
        drawn = [first]
        for _ in range(length - 1):
            logits, h, c = self._model(drawn[-1], h, c)
            drawn.append(draw(logits[:, 0].float(), self._model.config.input)[:, None])
        self._model.train()
        return torch.cat(drawn, dim=1)

    def _learn(self, forced: Tensor, free: Tensor) -> None:
        with torch.enable_grad():
            logits = self.discriminator(torch.cat([forced, free]))
        truth = torch.cat([torch.ones(len(forced)), torch.zeros(len(free))]).to(logits.device)
        right = float(((logits > 0) == (truth > 0)).float().mean())
        self.accuracy = _MEMORY * self.accuracy + (1 - _MEMORY) * right
        if self.accuracy < WORTH_LEARNING:
            self.optimizer.zero_grad(set_to_none=True)
            binary_cross_entropy_with_logits(logits, truth).backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()

    def tensors(self) -> dict[str, Tensor]:
        """All that `restore` needs besides the accuracy."""
        weights = {
            f"weights.{name}": value for name, value in self.discriminator.state_dict().items()
        }
        return {**weights, **optimizer_tensors(self.optimizer)}

    def restore(self, tensors: dict[str, Tensor], accuracy: float) -> None:
        """Go on where `tensors` and the accuracy were taken."""
        weights = {
            name[8:]: value for name, value in tensors.items() if name.startswith("weights.")
        }
        self.discriminator.load_state_dict(weights)
        restore_optimizer(self.optimizer, tensors)
        self.accuracy = accuracy
