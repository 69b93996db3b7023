"""The training run: truncated backpropagation through time with carried state, evaluation,
checkpoints, resuming.

AdamW (Loshchilov and Hutter 2019), a linear warm-up, then a cosine to a twentieth of the peak rate.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel
from ugen.data import UgenError
from ugen.data.analysis.scores import Baseline, Scores
from ugen.data.corpus.corpus import Corpus
from ugen.data.files import write_json
from ugen.train.batches import Augmentation, Chunk, Streams
from ugen.train.config import ModelConfig, TrainConfig, model_config, to_json, train_config
from ugen.train.distributed import World
from ugen.train.evaluation.baselines import baselines, key_chances
from ugen.train.evaluation.diagnostics import about_corpus
from ugen.train.evaluation.evaluate import HeldOutSet, evaluate
from ugen.train.forward import State, autocast, to_batch
from ugen.train.progress import Callback, Progress
from ugen.train.run_folder.checkpoint import (
    FORMAT,
    model_from_config,
    read_config,
    require_free,
    save_tensors,
)
from ugen.train.run_folder.held_out_excerpt import write_excerpt
from ugen.train.run_folder.originality import write_originality

from .objective import Likelihood, class_weights
from .professor_forcing import ProfessorForcing

FEWEST_STEPS, MOST_STEPS = 25, 500  # updates between evaluations: an epoch, within these bounds

LEAST_GAIN = 1e-4  # nats a token; less is no reason to go on

FINAL_RATE = 0.05  # of the peak learning rate

KNOWN_TOKENS = (
    20_000  # training music that is scored as held-out music is, to see the gap between them
)


class Trainer:
    """One run in one folder. Make it with `begin` or `resume`, then call `run`."""

    def __init__(
        self,
        path: Path,
        corpus: Corpus,
        model: ModelConfig,
        config: TrainConfig,
        device: torch.device,
        world: World | None = None,
    ):
        rows = corpus.pieces("train")
        self.path, self.corpus, self.config, self.device = path, corpus, config, device
        self.world = world or World()
        if config.batch % self.world.size:
            raise UgenError(
                f"--batch {config.batch}: does not divide among {self.world.size} processes"
            )
        if config.objective == "professor-forcing" and self.world.size > 1:
            raise UgenError(
                "--objective professor-forcing: trains in one process; leave torchrun out"
            )
        self.heldout = HeldOutSet.from_rows(corpus, corpus.pieces("valid") or corpus.pieces("test"))
        self.known = HeldOutSet.subset(corpus, rows, min(KNOWN_TOKENS, self.heldout.tokens))
        self.model = model_from_config(model, config.seed).to(device)
        if self.world.rank:
            torch.manual_seed(
                config.seed + self.world.rank
            )  # the same weights, but dropout of one's own
        self.optimizer = torch.optim.AdamW(
            self._groups(), lr=config.lr, betas=(0.9, 0.98), fused=True
        )
        self.scaler = torch.amp.GradScaler(device.type, enabled=config.precision == "fp16")
        pieces = [corpus.piece(row) for row in rows]
        augmentation = Augmentation(config.transpose, config.tempo_jitter, config.velocity_jitter)
        self.streams = Streams(
            pieces, corpus.codec, config.batch, config.bptt_length, augmentation, config.seed
        )
        self.state: State = self.model.state(config.batch // self.world.size)
        self.progress = Progress()
        self.baselines: dict[str, Baseline] = {}
        steps = sum(len(corpus.codec.to_inputs(piece)) for piece in pieces)
        self.epoch_steps = max(steps / (config.batch * config.bptt_length), 1e-9)
        self.evaluate_every = min(max(round(self.epoch_steps), FEWEST_STEPS), MOST_STEPS)
        self.objective = Likelihood(self.model, self._weights(pieces, steps)).to(device)
        self._forward = (
            DistributedDataParallel(self.objective) if self.world.size > 1 else self.objective
        )
        self.forcing = (
            ProfessorForcing(self.model, device)
            if config.objective == "professor-forcing"
            else None
        )
        self._losses: list[Tensor] = []
        self._reader = ThreadPoolExecutor(1)  # reads the next chunk while this one is learned
        self._ahead: Future[Chunk] | None = None

    @classmethod
    def begin(
        cls,
        path: Path,
        corpus: Corpus,
        model: ModelConfig,
        config: TrainConfig,
        device: torch.device,
        version: str,
        world: World | None = None,
        weights: dict[str, Tensor] | None = None,
    ) -> Trainer:
        """A fresh run, from random weights or from those given. Raises UgenError when the folder
        holds one already."""
        trainer = cls(path, corpus, model, config, device, world)
        if trainer.world.rank == 0:
            require_free(path)
        codec = corpus.codec
        trainer.initialize_weights(weights)
        if trainer.world.rank == 0:
            path.mkdir(parents=True, exist_ok=True)
            pieces = [codec.to_inputs(corpus.piece(row)) for row in corpus.pieces("train")]
            held_out = [codec.to_inputs(piece) for piece in trainer.heldout.pieces]
            trainer.baselines = baselines(pieces, held_out, codec.vocabulary, codec.start)
            write_excerpt(path / "held_out_excerpt.npy", held_out, codec)
            write_originality(path / "originality.json", corpus, trainer.model.parameters_count())
            write_json(path / "config.json", trainer._about(version))
        return trainer

    def initialize_weights(self, weights: dict[str, Tensor] | None) -> None:
        """Begin with the weights given, or else, for vectors, as the predictor that knows which
        keys sound on."""
        codec = self.corpus.codec
        if weights is not None:
            self.model.load_state_dict(weights)
        elif codec.input == "frame":
            pieces = [
                codec.to_inputs(self.corpus.piece(row)) for row in self.corpus.pieces("train")
            ]
            self.model.init_from_key_chances(torch.from_numpy(key_chances(pieces)).float())

    @classmethod
    def resume(
        cls,
        path: Path,
        corpus: Corpus,
        device: torch.device,
        config: TrainConfig | None = None,
        world: World | None = None,
    ) -> Trainer:
        """Go on after the last evaluation of the run in `path`, with its own settings or with
        another length.

        Raises UgenError when corpus or files do not fit.
        """
        from ugen.train.run_folder.resume import restore

        about = read_config(path)
        if about["corpus"]["hash"] != corpus.hash:
            raise UgenError(f"{corpus.path}: not the corpus that the run in {path} learned from")
        config = config or train_config(about["training"])
        trainer = cls(path, corpus, model_config(about["model"]), config, device, world)
        trainer.baselines = {name: Baseline(**value) for name, value in about["baselines"].items()}
        restore(trainer)
        if trainer.world.rank == 0 and to_json(config) != about["training"]:
            write_json(path / "config.json", {**about, "training": to_json(config)})
        return trainer

    def warnings(self) -> list[str]:
        """What is to be said before training."""
        rows = self.corpus.pieces("train")
        steps = round(self.epoch_steps * self.config.batch * self.config.bptt_length)
        return about_corpus(
            self.model.parameters_count(), steps, sum(row.seconds for row in rows), len(rows)
        )

    def _about(self, version: str) -> dict[str, Any]:
        """config.json of this run."""
        corpus, rows = self.corpus, self.corpus.pieces("train")
        return {
            "format": FORMAT,
            "version": version,
            "model": to_json(self.model.config),
            "training": to_json(self.config),
            "corpus": {
                "path": str(corpus.path.resolve()),
                "hash": corpus.hash,
                "arrangement": corpus.arrangement,
                "pieces": len(rows),
                "notes": sum(row.notes for row in rows),
                "seconds": round(sum(row.seconds for row in rows), 1),
                "tokens": sum(row.tokens for row in rows),
            },
            "warnings": self.warnings(),
            "baselines": {name: asdict(baseline) for name, baseline in self.baselines.items()},
            "codec": corpus.codec.to_json(),
        }

    def _groups(self) -> list[dict[str, Any]]:
        """Weight decay for matrices; none for biases."""
        matrices = [p for p in self.model.parameters() if p.dim() > 1]
        others = [p for p in self.model.parameters() if p.dim() <= 1]
        return [
            {"params": matrices, "weight_decay": self.config.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]

    def _weights(self, pieces: Sequence[np.ndarray], steps: int) -> Tensor | None:
        codec = self.corpus.codec
        if not self.config.class_weights:
            return None
        counts = sum(
            (codec.counts(piece) for piece in pieces), np.zeros(codec.vocabulary, np.int64)
        )
        return class_weights(codec, counts, steps, self.config.class_weights)

    # running

    def run(self, callbacks: Sequence[Callback] = ()) -> str:
        """Train to the end; says in words why it ended. KeyboardInterrupt leaves the last
        checkpoint in place."""
        progress = self.progress
        if not progress.history:
            self._evaluated(callbacks)
        before = time.monotonic() - progress.elapsed
        while True:
            if self.share_done() >= 1:
                reason = "the time is up" if self._by_the_clock() else "all epochs are done"
                break
            if progress.since_best >= self.config.patience:
                reason = f"held-out loss has not improved in {progress.since_best} evaluations"
                break
            self._step()
            progress.elapsed = self._agreed(time.monotonic() - before)
            for callback in callbacks:
                callback.on_update(self)
            if progress.update % self.evaluate_every == 0:
                self._evaluated(callbacks)
        if progress.update % self.evaluate_every:
            self._evaluated(callbacks)
        return reason

    def share_done(self) -> float:
        """How much of the run is behind, 0 to 1: by the clock with --minutes, else by epochs."""
        if self._by_the_clock():
            return self.progress.elapsed / (60 * self.config.minutes)
        return self.progress.update / max(self.config.epochs * self.epoch_steps, 1)

    def _by_the_clock(self) -> bool:
        return self.config.minutes > 0

    def _agreed(self, elapsed: float) -> float:
        """The time all processes go by, where it matters to what is learned."""
        return self.world.broadcast(elapsed, self.device) if self._by_the_clock() else elapsed

    def _learning_rate(self) -> float:
        warm = min(1.0, (self.progress.update + 1) / max(self.config.warmup, 1))
        cosine = 0.5 * (1 + math.cos(math.pi * min(self.share_done(), 1.0)))
        return self.config.lr * warm * (FINAL_RATE + (1 - FINAL_RATE) * cosine)

    def _next_chunk(self) -> Chunk:
        """This process's streams of the next chunk. Before an evaluation none is read ahead: what
        is saved there must be where training stands."""
        chunk = self._ahead.result() if self._ahead else self.streams.next()
        last = (self.progress.update + 1) % self.evaluate_every == 0
        self._ahead = None if last else self._reader.submit(self.streams.next)
        return chunk.rows(self.world.shard(self.config.batch))

    def _step(self) -> None:
        progress = self.progress
        progress.rate = self._learning_rate()
        for group in self.optimizer.param_groups:
            group["lr"] = progress.rate
        batch = to_batch(self._next_chunk(), self.device)
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
        progress.update += 1
        progress.tokens += self.config.batch * self.config.bptt_length
        if progress.update % 10 == 0:  # reading a number waits for the device
            progress.gradient, progress.loss = float(norm), float(torch.stack(self._losses).mean())
            if not math.isfinite(progress.loss):
                raise UgenError(
                    f"the loss is {progress.loss} at step {progress.update}; try a lower --lr"
                )

    def _evaluated(self, callbacks: Sequence[Callback]) -> None:
        """Score the held-out pieces; keep the weights if they are the best; save all that resuming
        needs."""
        from ugen.train.run_folder.resume import save

        if (
            self._ahead is not None
        ):  # the run ends between evaluations: the chunk read ahead is not learned
            self._ahead.result()
            self._ahead = None
        progress = self.progress
        scores = self.evaluated(self.heldout)
        known = self.evaluated(self.known)
        better = scores.nats_per_token < progress.best
        progress.since_best = (
            0 if scores.nats_per_token < progress.best - LEAST_GAIN else progress.since_best + 1
        )
        progress.best = min(progress.best, scores.nats_per_token)
        if self._losses:
            progress.loss = self._mean_loss()
            self._losses.clear()
        progress.history.append(
            {
                "step": progress.update,
                "epoch": round(progress.update / self.epoch_steps, 3),
                "tokens": progress.tokens,
                "seconds": round(progress.elapsed, 3),
                "rate": progress.rate,
                "gradient": progress.gradient,
                "train_nats_per_token": None if math.isnan(progress.loss) else progress.loss,
                "known_nats_per_token": known.nats_per_token,
                **asdict(scores),
            }
        )
        if better and self.world.rank == 0:
            header = {"step": progress.update, "scores": asdict(scores)}
            save_tensors(self.path / "model.safetensors", self.model.state_dict(), header)
        save(self)
        for callback in callbacks:
            callback.on_evaluation(self, scores)

    def evaluated(self, pieces: HeldOutSet) -> Scores:
        """Scores of the present weights, on all processes together."""
        return evaluate(self.model, pieces, self.corpus.codec, self.device, self.world)

    def _mean_loss(self) -> float:
        loss = torch.stack(self._losses).mean()
        self.world.sum(loss)
        return float(loss) / self.world.size
