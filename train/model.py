"""The model: embedding, layers of LSTM, output head. Hochreiter and Schmidhuber 1997, as torch.nn.LSTM computes it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .config import ModelConfig


class LstmModel(nn.Module):
    """Tokens and state in, logits and state out. The state is never hidden: callers carry it."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.embedding)
        between_layers = config.dropout if config.layers > 1 else 0.0
        self.lstm = nn.LSTM(config.embedding, config.hidden, config.layers, dropout=between_layers, batch_first=True)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(config.hidden, config.vocabulary)
        for name, bias in self.lstm.named_parameters():  # forget gates open at the start (Jozefowicz et al. 2015)
            if name.startswith("bias_ih"):
                with torch.no_grad():
                    bias[config.hidden : 2 * config.hidden] += 1.0

    def forward(self, token: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """token int64 [batch, time]; h, c float32 [layers, batch, hidden] -> logits [batch, time, vocabulary], h, c."""
        x = self.dropout(self.embedding(token))
        x, (h, c) = self.lstm(x, (h, c))
        return self.head(self.dropout(x)), h, c

    def state(self, batch: int) -> tuple[Tensor, Tensor]:
        """The zero state a piece begins with: h and c, float32 [layers, batch, hidden], where the weights are."""
        like = self.head.weight
        zero = torch.zeros(self.config.layers, batch, self.config.hidden, device=like.device, dtype=like.dtype)
        return zero, zero.clone()

    def parameters_count(self) -> int:
        """How many numbers training fits."""
        return sum(parameter.numel() for parameter in self.parameters())
