"""The model: embedding, layers of LSTM, output head. Hochreiter and Schmidhuber 1997, as
torch.nn.LSTM computes it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, linear, pad

from .config import ModelConfig

COLUMN_SCALE = 0.1  # of the columns' vectors at first: what the token says comes before


class PlainStack(nn.Module):
    """LSTM layers, each fed by the one below."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        between_layers = config.dropout if config.layers > 1 else 0.0
        self.lstm = nn.LSTM(
            config.embedding, config.hidden, config.layers, dropout=between_layers, batch_first=True
        )

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x float32 [batch, time, embedding] -> float32 [batch, time, hidden], and the state."""
        x, (h, c) = self.lstm(x, (h, c))
        return x, h, c


class SkipStack(nn.Module):
    """LSTM layers that each add to what passes through them: x + LSTM(LayerNorm(x)), normalised
    once more at the top.

    Layer normalisation: Ba et al. 2016, before the layer as in Xiong et al. 2020. Skip connections:
    He et al. 2016.
    """

    def __init__(self, config: ModelConfig):
        super().__init__()
        size, layers = config.hidden, range(config.layers)
        self.input_proj = (
            nn.Identity() if config.embedding == size else nn.Linear(config.embedding, size)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(size) for _ in layers)
        self.lstms = nn.ModuleList(nn.LSTM(size, size, batch_first=True) for _ in layers)
        self.dropout = nn.Dropout(config.dropout)
        self.last_norm = nn.LayerNorm(size)

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x float32 [batch, time, embedding] -> float32 [batch, time, hidden], and the state."""
        x = self.input_proj(x)
        hs, cs = [], []
        # TorchScript's zip has no strict
        for layer, (norm, lstm) in enumerate(zip(self.norms, self.lstms)):  # noqa: B905
            own = slice(layer, layer + 1)
            y, (h_after, c_after) = lstm(norm(x), (h[own].contiguous(), c[own].contiguous()))
            x = x + self.dropout(y)
            hs.append(h_after)
            cs.append(c_after)
        return self.last_norm(x), torch.cat(hs), torch.cat(cs)


class RowEmbedding(nn.Module):
    """The sum of the vectors of a row's ids, all from one table."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        first = torch.tensor([0, *config.rows[:-1]]).cumsum(0)
        self.first: Tensor
        self.register_buffer("first", first, persistent=False)
        self.weight = nn.Parameter(torch.randn(sum(config.rows), config.embedding))
        with torch.no_grad():
            self.weight[config.vocabulary :] *= COLUMN_SCALE

    def forward(self, x: Tensor) -> Tensor:
        """x int64 [batch, time, 1 + columns] -> float32 [batch, time, embedding]."""
        return embedding(x + self.first, self.weight).sum(2)


class WishEmbedding(nn.Module):
    """What is wished of a piece, added to the top layer: there it need not be remembered."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.places = list(config.wishes)
        sizes = [config.rows[place] for place in config.wishes]
        self.first: Tensor
        self.register_buffer("first", torch.tensor([0, *sizes[:-1]]).cumsum(0), persistent=False)
        self.weight = nn.Parameter(torch.zeros(sum(sizes), config.hidden))

    def forward(self, x: Tensor) -> Tensor:
        """x int64 [batch, time, 1 + columns] -> float32 [batch, time, hidden]."""
        return embedding(x[:, :, self.places] + self.first, self.weight).sum(2)


class LstmModel(nn.Module):
    """Steps and state in, logits and state out. The state is never hidden: callers carry it.

    Every piece begins with a state of zeros; a learned initial state is an offset from it.
    """

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        self.vocabulary = config.vocabulary
        self.embedding: nn.Module
        if config.input == "token":
            self.embedding = RowEmbedding(config)
        else:
            self.embedding = nn.Linear(config.vocabulary, config.embedding)
        self.lstm_stack = SkipStack(config) if config.skip else PlainStack(config)
        self.dropout = nn.Dropout(config.dropout)
        self.head = None if config.tied else nn.Linear(config.hidden, config.vocabulary)
        self.tied_proj = (
            nn.Linear(config.hidden, config.embedding, bias=False) if config.tied else None
        )
        self.head_bias = nn.Parameter(torch.zeros(config.vocabulary)) if config.tied else None
        self.wishes = WishEmbedding(config) if config.wishes else None
        self.gates = nn.Linear(config.hidden, len(config.pointers)) if config.pointers else None
        self.pointers = list(config.pointers)
        self.input_skip = (
            nn.Parameter(torch.zeros(config.vocabulary)) if config.input == "frame" else None
        )
        start = torch.zeros(config.layers, 1, config.hidden)
        self.start_h = nn.Parameter(start) if config.learn_initial_state else None
        self.start_c = nn.Parameter(start.clone()) if config.learn_initial_state else None
        self._initialize()

    @torch.no_grad()
    def _initialize(self) -> None:
        if self.tied_proj is not None:
            # the embedding's vectors are long: without this the first guesses would be wild
            self.tied_proj.weight *= 0.1
        if self.gates is not None:
            self.gates.weight.zero_()
            self.gates.bias.fill_(1.0)  # what came before is likelier to come again
        hidden = self.config.hidden
        for name, bias in self.lstm_stack.named_parameters():
            if "bias_ih" in name:  # forget gates open at the start (Jozefowicz et al. 2015)
                bias[hidden : 2 * hidden] += 1.0

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x int64 [batch, time, 1 + columns] or float32 [batch, time, vocabulary]; h, c float32
        [layers, batch, hidden] -> logits [batch, time, vocabulary], h, c."""
        top, h, c = self.hidden_sequence(x, h, c)
        return self.logits(self.dropout(top), x), h, c

    def logits(self, top: Tensor, x: Tensor) -> Tensor:
        """top float32 [batch, time, hidden], and the step x as forward has it -> [batch, time,
        vocabulary].

        A tied head compares it with the embedding's vectors (Press and Wolf 2017; Inan et al.
        2017). In vectors most keys stay as they are from step to step: `input_skip` passes them by
        the layers, which would otherwise have to learn to copy 128 keys first. A pointer (Vinyals
        et al. 2015) adds a gate, linear in the top layer, to the logit of each token that a column
        names.
        """
        if self.wishes is not None:
            top = top + self.wishes(x)
        if self.tied_proj is not None:
            vectors: Tensor = self.embedding.weight  # type: ignore[assignment]
            head = vectors[: self.vocabulary]
            out = linear(self.tied_proj(top), head, self.head_bias)
        else:
            assert self.head is not None
            out = self.head(top)
        if self.gates is not None:
            named = x[:, :, self.pointers]
            return pad(out, [1, 0]).scatter_add(2, named, self.gates(top).to(out.dtype))[:, :, 1:]
        return out if self.input_skip is None else out + x * self.input_skip

    def hidden_sequence(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As forward, but up to the top layer: float32 [batch, time, hidden] in place of logits."""
        if self.start_h is not None and self.start_c is not None:
            h, c = h + self.start_h, c + self.start_c
        top, h, c = self.lstm_stack(self.dropout(self.embedding(x)), h, c)
        if self.start_h is not None and self.start_c is not None:
            h, c = h - self.start_h, c - self.start_c
        return top, h, c

    def init_from_key_chances(self, chances: Tensor) -> None:
        """Start a model of vectors as the simplest predictor. `chances` float32 [2, keys]: how
        likely each key is to sound after silence, and after sound. From random weights it would
        first have to learn that notes continue."""
        assert self.input_skip is not None and self.head is not None
        silent, sounding = chances.logit(eps=1e-6)
        with torch.no_grad():
            self.head.bias.copy_(silent)
            self.input_skip.copy_(sounding - silent)

    def state(self, batch: int) -> tuple[Tensor, Tensor]:
        """The zero state a piece begins with: h and c, float32 [layers, batch, hidden], on the
        device of the weights."""
        like = next(self.parameters())
        zero = torch.zeros(
            self.config.layers, batch, self.config.hidden, device=like.device, dtype=torch.float32
        )
        return zero, zero.clone()

    def parameters_count(self) -> int:
        """The number of trainable weights."""
        return sum(parameter.numel() for parameter in self.parameters())
