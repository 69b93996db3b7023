"""What learns: a model, its optimizer, the streams of music that it is fed, and its state in them.

It knows nothing of runs, evaluations and files.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel
from ugen.data import UgenError
from ugen.data.codecs.base import Inputs
from ugen.data.corpus.corpus import Corpus
from ugen.train.batches import Asked, Augmentation, Feed, ReadAhead, Streams
from ugen.train.config import ModelConfig, TrainConfig
from ugen.train.distributed import World, random_states, restore_random_states
from ugen.train.evaluation.baselines import key_chances
from ugen.train.forward import State, autocast, to_batch
from ugen.train.model import LstmModel

from .objective import Likelihood, class_weights
from .optimizer import load_optimizer_state, make_optimizer, optimizer_state, set_rate
from .professor_forcing import ProfessorForcing


class Learner:
    """A model that learns the training pieces of a corpus, update by update. `steps`: how many
    there are in the pieces."""

    def __init__(
        self,
        corpus: Corpus,
        model: ModelConfig,
        config: TrainConfig,
        device: torch.device,
        world: World | None = None,
    ):
        self.config = config
        self.device = device
        self.world = world or World()
        self._require_processes()
        self._codec = corpus.codec
        rows = corpus.pieces("train")
        self._pieces = [corpus.piece(row) for row in rows]
        self.steps = sum(map(len, self.inputs()))
        self.model = new_model(model, config.seed).to(device)
        if self.world.rank:  # the same weights everywhere, but each process has its own dropout
            torch.manual_seed(config.seed + self.world.rank)
        self.optimizer = make_optimizer(self.model, config)
        self.scaler = torch.amp.GradScaler(device.type, enabled=config.precision == "fp16")
        self.streams = Streams(
            self._pieces,
            Feed(corpus.codec, model.names),
            config.batch,
            config.bptt_length,
            Augmentation(
                config.transpose,
                config.tempo_jitter,
                config.velocity_jitter,
                config.wish_dropout,
                config.given,
            ),
            config.seed,
            Asked(
                lambda piece: corpus.wishes(rows[piece], chords="chord" in model.names),
                lambda piece, semitones, tempo: corpus.ids(rows[piece], semitones, tempo),
                {each.name: each.bounds for each in corpus.known if each.levels},
            ),
        )
        self._chunks = ReadAhead(self.streams)
        self.state: State = self.model.state(config.batch // self.world.size)
        self.objective = Likelihood(self.model, self._class_weights()).to(device)
        distributed = self.world.size > 1
        self._forward = DistributedDataParallel(self.objective) if distributed else self.objective
        forcing = config.objective == "professor-forcing"
        self.forcing = ProfessorForcing(self.model, device) if forcing else None
        self._losses: list[Tensor] = []

    def initialize_weights(self, weights: dict[str, Tensor] | None) -> None:
        """Start with the weights given, or else, for vectors, as the predictor that knows which
        keys continue to sound."""
        if weights is not None:
            self.model.load_state_dict(weights)
        elif self._codec.input == "frame":
            self.model.init_from_key_chances(torch.from_numpy(key_chances(self.inputs())).float())

    def inputs(self) -> list[Inputs]:
        """The training pieces as a model is fed them."""
        return [self._codec.to_inputs(piece) for piece in self._pieces]

    def update(self, rate: float, *, and_read_on: bool = True) -> Tensor:
        """Update the weights once, by the next chunk of every stream. Gives the norm of the
        gradient, still on the device. `and_read_on` False leaves the streams where they are."""
        set_rate(self.optimizer, rate)
        chunk = self._chunks.next(and_read_on).rows(self.world.shard(self.config.batch))
        batch = to_batch(chunk, self.device)
        with autocast(self.device, self.config.precision):
            outcome = self._forward(batch, self.state)
            loss = outcome.loss
            if self.forcing is not None:
                loss = loss + self.forcing.penalty(batch, self.state, outcome.top)
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimizer)
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.grad_clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        h, c = outcome.state
        self.state = h.detach().float(), c.detach().float()
        self._losses.append(outcome.nats)
        return norm

    def mean_loss(self) -> float:
        """Mean nats per step of this process since the last pause; NaN without an update."""
        return float(torch.stack(self._losses).mean()) if self._losses else math.nan

    def pause(self) -> float:
        """Forget what was read ahead. Gives the mean loss of all processes, and starts it anew."""
        self._chunks.drop()
        loss = torch.tensor(self.mean_loss(), device=self.device)
        self._losses.clear()
        self.world.sum(loss)
        return float(loss) / self.world.size

    def state_dict(self) -> dict[str, Any]:
        """All that `load_state_dict` needs to continue, as tensors and plain values. Every process
        calls this."""
        h, c = (self.world.gather(part, 1) for part in self.state)
        return {
            "model": self.model.state_dict(),
            "optimizer": optimizer_state(self.optimizer),
            "scaler": self.scaler.state_dict(),
            "random": random_states(self.world, self.device),
            "streams": self.streams.state(),
            "state": {"h": h, "c": c},
            "forcing": self.forcing.state_dict() if self.forcing else {},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state_dict` was called: on a CPU the next update is the same, bit for
        bit."""
        self.model.load_state_dict(state["model"])
        load_optimizer_state(self.optimizer, state.get("optimizer", {}))
        self.scaler.load_state_dict(state.get("scaler", {}))
        restore_random_states(self.world, self.device, state["random"])
        self.streams.restore(state["streams"])
        own = self.world.shard(self.config.batch)
        h, c = (state["state"][name][:, own].to(self.device) for name in ("h", "c"))
        if any(each.shape != self.state[0].shape for each in (h, c)):
            raise ValueError("a state of another model")
        self.state = h, c
        if self.forcing is not None:
            self.forcing.load_state_dict(state["forcing"])

    def _require_processes(self) -> None:
        size, config = self.world.size, self.config
        if config.batch % size:
            reason = f"does not divide among {size} processes"
            raise UgenError(reason, flag="--batch", value=config.batch)
        if size > 1 and config.objective == "professor-forcing":
            reason = "trains in one process; leave torchrun out"
            raise UgenError(reason, flag="--objective", value=config.objective)

    def _class_weights(self) -> Tensor | None:
        if not self.config.class_weights:
            return None
        counts = np.sum([self._codec.counts(piece) for piece in self._pieces], axis=0)
        return class_weights(self._codec, counts, self.steps, self.config.class_weights)


def new_model(config: ModelConfig, seed: int) -> LstmModel:
    """A new model whose weights follow from `seed` alone."""
    torch.manual_seed(seed)
    return LstmModel(config)
