"""The training run: truncated backpropagation through time with carried state, evaluation, checkpoints, resuming.

AdamW (Loshchilov and Hutter 2019), a linear warm-up, then a cosine to a twentieth of the peak rate.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from ugen.data import UgenError
from ugen.data.baselines import Baseline, baselines
from ugen.data.corpus import Corpus
from ugen.data.files import replacing, write_json

from .checkpoint import (
    FORMAT,
    PROBE_TOKENS,
    load_tensors,
    load_weights,
    model_from_config,
    read_config,
    save_tensors,
)
from .config import ModelConfig, TrainConfig, model_config, to_json, train_config
from .evaluate import Heldout, Scores, evaluate
from .forward import State, run_chunk
from .streams import Streams, Variety

FEWEST_STEPS, MOST_STEPS = 25, 500  # updates between evaluations: an epoch, within these bounds
LEAST_GAIN = 1e-4  # nats a token; less is no reason to go on
FINAL_RATE = 0.05  # of the peak learning rate


@dataclass
class Progress:
    """Where a run stands; what a display shows."""

    step: int = 0
    tokens: int = 0
    elapsed: float = 0.0
    loss: float = math.nan  # mean nats a token of the training chunks since the last evaluation
    best: float = math.inf
    since_best: int = 0
    rate: float = 0.0
    gradient: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)


class Trainer:
    """One run in one folder. Make it with `begin` or `resume`, then call `run`."""

    def __init__(self, path: Path, corpus: Corpus, model: ModelConfig, config: TrainConfig, device: torch.device):
        rows = corpus.pieces("train")
        self.path, self.corpus, self.config, self.device = path, corpus, config, device
        self.heldout = Heldout.of(corpus, corpus.pieces("valid") or corpus.pieces("test"))
        self.model = model_from_config(model, config.seed).to(device)
        self.optimizer = torch.optim.AdamW(self._groups(), lr=config.lr, betas=(0.9, 0.98), fused=True)
        pieces = [corpus.piece(row) for row in rows]
        variety = Variety(config.transpose, config.stretch, config.loudness)
        self.streams = Streams(pieces, corpus.codec, config.batch, config.chunk, variety, config.seed)
        self.state: State = self.model.state(config.batch)
        self.progress = Progress()
        self.baselines: dict[str, Baseline] = {}
        self.epoch_steps = max(sum(map(len, pieces)) / (config.batch * config.chunk), 1e-9)
        self.evaluate_every = min(max(round(self.epoch_steps), FEWEST_STEPS), MOST_STEPS)
        self._losses: list[Tensor] = []

    @classmethod
    def begin(
        cls, path: Path, corpus: Corpus, model: ModelConfig, config: TrainConfig, device: torch.device, version: str
    ) -> Trainer:
        """A fresh run. Raises UgenError when the folder holds one already."""
        if (path / "config.json").exists():
            raise UgenError(f"{path}: holds a training run already; go on with --resume, or choose another folder")
        path.mkdir(parents=True, exist_ok=True)
        trainer = cls(path, corpus, model, config, device)
        pieces, codec = [corpus.piece(row) for row in corpus.pieces("train")], corpus.codec
        trainer.baselines = baselines(pieces, trainer.heldout.pieces, codec.vocabulary, codec.start)
        longest = max(trainer.heldout.pieces, key=len)
        with replacing(path / "probe.npy") as partial, open(partial, "wb") as stream:
            np.save(stream, np.asarray(longest[:PROBE_TOKENS], np.uint16), allow_pickle=False)
        write_json(path / "config.json", trainer._about(version))
        return trainer

    @classmethod
    def resume(cls, path: Path, corpus: Corpus, device: torch.device) -> Trainer:
        """Go on after the last evaluation of the run in `path`. Raises UgenError when corpus or files do not fit."""
        about = read_config(path)
        if about["corpus"]["hash"] != corpus.hash:
            raise UgenError(f"{corpus.path}: not the corpus that the run in {path} learned from")
        trainer = cls(path, corpus, model_config(about["model"]), train_config(about["training"]), device)
        trainer.baselines = {name: Baseline(**value) for name, value in about["baselines"].items()}
        trainer._restore()
        return trainer

    def _about(self, version: str) -> dict[str, Any]:
        """config.json of this run."""
        corpus, rows = self.corpus, self.corpus.pieces("train")
        return {
            "format": FORMAT,
            "version": version,
            "model": to_json(self.model.config),
            "training": to_json(self.config),
            "corpus": {
                "path": str(corpus.path.resolve()), "hash": corpus.hash, "arrangement": corpus.arrangement,
                "pieces": len(rows), "notes": sum(row.notes for row in rows),
                "seconds": round(sum(row.seconds for row in rows), 1), "tokens": sum(row.tokens for row in rows),
            },
            "baselines": {name: baseline._asdict() for name, baseline in self.baselines.items()},
            "codec": corpus.codec.to_json(),
        }  # fmt: skip

    def _groups(self) -> list[dict[str, Any]]:
        """Weight decay for matrices; none for biases."""
        matrices = [p for p in self.model.parameters() if p.dim() > 1]
        others = [p for p in self.model.parameters() if p.dim() <= 1]
        return [
            {"params": matrices, "weight_decay": self.config.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]

    # running

    def run(self, on_step: Callable[[Trainer], None], on_scores: Callable[[Trainer, Scores], None]) -> str:
        """Train to the end; says in words why it ended. KeyboardInterrupt leaves the last checkpoint in place."""
        progress = self.progress
        if not progress.history:
            self._evaluated(on_scores)
        before = time.monotonic() - progress.elapsed
        while True:
            if self.share_done() >= 1:
                reason = "the time is up" if self._by_the_clock() else "all epochs are done"
                break
            if progress.since_best >= self.config.patience:
                reason = f"held-out loss has not improved in {progress.since_best} evaluations"
                break
            self._step()
            progress.elapsed = time.monotonic() - before
            on_step(self)
            if progress.step % self.evaluate_every == 0:
                self._evaluated(on_scores)
                progress.elapsed = time.monotonic() - before
        if progress.step % self.evaluate_every:
            self._evaluated(on_scores)
        return reason

    def share_done(self) -> float:
        """How much of the run is behind, 0 to 1: by the clock with --minutes, else by epochs."""
        if self._by_the_clock():
            return self.progress.elapsed / (60 * self.config.minutes)
        return self.progress.step / max(self.config.epochs * self.epoch_steps, 1)

    def _by_the_clock(self) -> bool:
        return self.config.minutes > 0

    def _learning_rate(self) -> float:
        warm = min(1.0, (self.progress.step + 1) / max(self.config.warmup, 1))
        cosine = 0.5 * (1 + math.cos(math.pi * min(self.share_done(), 1.0)))
        return self.config.lr * warm * (FINAL_RATE + (1 - FINAL_RATE) * cosine)

    def _step(self) -> None:
        progress = self.progress
        progress.rate = self._learning_rate()
        for group in self.optimizer.param_groups:
            group["lr"] = progress.rate
        logits, y, (h, c) = run_chunk(self.model, self.streams.next(), self.state, self.device)
        loss = cross_entropy(logits.flatten(0, 1).float(), y.flatten())
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        self.optimizer.step()
        self.state = h.detach(), c.detach()
        self._losses.append(loss.detach())
        progress.step += 1
        progress.tokens += y.numel()
        if progress.step % 10 == 0:  # reading a number waits for the device
            progress.gradient, progress.loss = float(norm), float(torch.stack(self._losses).mean())
            if not math.isfinite(progress.loss):
                raise UgenError(f"the loss is {progress.loss} at step {progress.step}; try a lower --lr")

    def _evaluated(self, on_scores: Callable[[Trainer, Scores], None]) -> None:
        """Score the held-out pieces; keep the weights if they are the best; save all that resuming needs."""
        progress = self.progress
        scores = evaluate(self.model, self.heldout, self.corpus.codec, self.device)
        better = scores.nats_token < progress.best
        progress.since_best = 0 if scores.nats_token < progress.best - LEAST_GAIN else progress.since_best + 1
        progress.best = min(progress.best, scores.nats_token)
        if self._losses:
            progress.loss = float(torch.stack(self._losses).mean())
            self._losses.clear()
        progress.history.append({
            "step": progress.step, "epoch": round(progress.step / self.epoch_steps, 3), "tokens": progress.tokens,
            "seconds": round(progress.elapsed, 3), "rate": progress.rate, "gradient": progress.gradient,
            "train_nats_token": None if math.isnan(progress.loss) else progress.loss, **scores.to_json(),
        })  # fmt: skip
        if better:
            header = {"step": progress.step, "scores": scores.to_json()}
            save_tensors(self.path / "model.safetensors", self.model.state_dict(), header)
        self._save()
        on_scores(self, scores)

    # saving and resuming

    def _save(self) -> None:
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        for index, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": torch.as_tensor(value) for name, value in state.items()}
        tensors |= {"state.h": self.state[0], "state.c": self.state[1], "rng.cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            tensors["rng.cuda"] = torch.cuda.get_rng_state(self.device)
        progress = {name: value for name, value in vars(self.progress).items() if name != "loss"}
        save_tensors(self.path / "resume.safetensors", tensors, {"progress": progress, "data": self.streams.state()})
        lines = "".join(json.dumps(row) + "\n" for row in self.progress.history)
        with replacing(self.path / "metrics.jsonl") as partial:
            partial.write_text(lines, "utf-8")

    def _restore(self) -> None:
        file = self.path / "resume.safetensors"
        tensors, header = load_tensors(file)
        try:
            weights = {name[6:]: tensor for name, tensor in tensors.items() if name.startswith("model.")}
            load_weights(self.model, weights, file)
            optimizer = self.optimizer.state_dict()
            for name, tensor in tensors.items():
                if name.startswith("optimizer."):
                    _, index, key = name.split(".")
                    optimizer["state"].setdefault(int(index), {})[key] = tensor
            self.optimizer.load_state_dict(optimizer)
            self.state = tensors["state.h"].to(self.device), tensors["state.c"].to(self.device)
            torch.set_rng_state(tensors["rng.cpu"])
            if "rng.cuda" in tensors and self.device.type == "cuda":
                torch.cuda.set_rng_state(tensors["rng.cuda"], self.device)
            self.streams.restore(header["data"])
            self.progress = Progress(**header["progress"])
        except (KeyError, TypeError, ValueError) as error:
            raise UgenError(f"{file}: cannot be resumed from ({error!r})") from None
