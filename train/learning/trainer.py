"""The training run: updates, evaluations, checkpoints, resuming."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from ugen.data import UgenError
from ugen.data.analysis.scores import Baseline, Scores
from ugen.data.corpus.corpus import Corpus
from ugen.data.json_values import from_json
from ugen.train.batches import Feed
from ugen.train.config import ModelConfig, TrainConfig
from ugen.train.distributed import World
from ugen.train.evaluation.baselines import baselines
from ugen.train.evaluation.diagnostics import about_corpus, about_first_model
from ugen.train.evaluation.evaluate import HeldOutSet, evaluate
from ugen.train.progress import Callback, Progress
from ugen.train.run_folder.checkpoint import require_free, require_weights, save_tensors
from ugen.train.run_folder.held_out_excerpt import write_excerpt
from ugen.train.run_folder.initial_weights import InitialModel
from ugen.train.run_folder.metrics import checked_row, write_metrics
from ugen.train.run_folder.music_measures import music_measures
from ugen.train.run_folder.originality import write_originality
from ugen.train.run_folder.resume import RESUME_FILE, load_state, save_state
from ugen.train.run_folder.run_config import Music, RunConfig, read_config

from .learner import Learner
from .optimizer import learning_rate

# updates between evaluations: an epoch, within these bounds
FEWEST_UPDATES = 25
MOST_UPDATES = 500
LEAST_GAIN = 1e-4  # nats per token; less is no reason to continue
# training music that is scored like held-out music, to see the gap between them
KNOWN_TOKENS = 20_000


class Trainer:
    """One run in one folder. Make it with `begin` or `resume`, then call `run`."""

    about: RunConfig  # the first process has it

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
        self.path = path
        self.corpus = corpus
        self.config = config
        self.learner = Learner(corpus, model, config, device, world)
        self.model = self.learner.model
        self.world = self.learner.world
        self.heldout = HeldOutSet.from_rows(corpus, corpus.pieces("valid") or corpus.pieces("test"))
        self.known = HeldOutSet.subset(corpus, rows, min(KNOWN_TOKENS, self.heldout.tokens))
        self.progress = Progress()
        self.baselines: dict[str, Baseline] = {}
        tokens_per_update = config.batch * config.bptt_length
        self.updates_per_epoch = max(self.learner.steps / tokens_per_update, 1e-9)
        self.evaluate_every = min(max(round(self.updates_per_epoch), FEWEST_UPDATES), MOST_UPDATES)

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
        first: InitialModel | None = None,
    ) -> Trainer:
        """A new run, from random weights or a first model. Raises UgenError when the folder
        holds one already."""
        trainer = cls(path, corpus, model, config, device, world)
        trainer.learner.initialize_weights(first.weights if first else None)
        if trainer.world.rank:
            return trainer
        require_free(path)
        path.mkdir(parents=True, exist_ok=True)
        codec, held_out = corpus.codec, trainer.heldout
        inputs = [codec.to_inputs(piece) for piece in held_out.pieces]
        rows = held_out.rows(Feed(codec, model.names))
        write_excerpt(path / "held_out_excerpt.npy", rows, codec)
        weights = trainer.model.parameters_count()
        write_originality(
            path / "originality.json", corpus, weights, first.table if first else None
        )
        learned = trainer.learner.inputs()
        trainer.baselines = baselines(learned, inputs, codec.vocabulary, codec.start)
        trainer.about = RunConfig(
            model,
            config,
            Music.of(corpus),
            trainer.baselines,
            codec,
            version=version,
            first_model=first.about if first else None,
            measures=music_measures(corpus),
        )
        trainer.about = replace(trainer.about, warnings=tuple(trainer.warnings()))
        return trainer

    @classmethod
    def resume(
        cls,
        path: Path,
        corpus: Corpus,
        device: torch.device,
        config: TrainConfig | None = None,
        world: World | None = None,
    ) -> Trainer:
        """Continue after the last evaluation of the run in `path`, with its own settings or with
        another length.

        Raises UgenError when corpus or files do not fit.
        """
        about = read_config(path)
        if about.corpus.hash != corpus.hash:
            raise UgenError(f"not the corpus that the run in {path} learned from", path=corpus.path)
        config = config or about.training
        state = load_state(path)
        require_weights(about.model, state["model"], path / RESUME_FILE)
        trainer = cls(path, corpus, about.model, config, device, world)
        # what an older version did not say of its music is added, in a finished run, too
        measures = about.measures or music_measures(corpus)
        now = replace(about, measures=measures, corpus=Music.of(corpus))
        if now != about and trainer.world.rank == 0:
            now.write(path)
        trainer.about = replace(now, training=config)
        trainer.baselines = about.baselines
        try:
            trainer.load_state_dict(state)
        except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            reason = f"cannot be resumed from ({error!r})"
            raise UgenError(reason, path=path / RESUME_FILE) from None
        return trainer

    def warnings(self) -> list[str]:
        """What to say before training."""
        rows = self.corpus.pieces("train")
        seconds = sum(row.seconds for row in rows)
        first = self.about.first_model
        # one that begins with trained weights need not learn them all from this music
        weights = 0 if first else self.model.parameters_count()
        found = about_corpus(weights, self.learner.steps, seconds, len(rows))
        if first and first.knew:
            found.append(about_first_model(first.name, first.known or 0))
        return found

    # running

    def run(self, callbacks: Sequence[Callback] = ()) -> str:
        """Train to the end; says in words why it ended. KeyboardInterrupt leaves the last
        checkpoint in place."""
        progress = self.progress
        if not progress.history:
            self._evaluate(callbacks)
        started = time.monotonic() - progress.elapsed
        while not (reason := self.reason_to_stop()):
            self.update()
            elapsed = time.monotonic() - started
            if self.config.minutes:  # then it decides what is learned, and clocks differ
                elapsed = self.world.broadcast(elapsed, self.learner.device)
            progress.elapsed = elapsed
            for callback in callbacks:
                callback.on_update(progress)
            if progress.update % self.evaluate_every == 0:
                self._evaluate(callbacks)
        if progress.history[-1]["update"] != progress.update:
            self._evaluate(callbacks)
        return reason

    def reason_to_stop(self) -> str:
        """Why the run ends here, in words; nothing while it goes on."""
        if self.fraction_done() >= 1:
            return "time limit reached" if self.config.minutes else "all epochs are done"
        if self.progress.since_best >= self.config.patience:
            evaluations = self.progress.since_best
            return f"held-out loss has not improved in {evaluations} evaluations"
        return ""

    def fraction_done(self) -> float:
        """How much of the run is done: by the clock with --minutes, else by epochs."""
        if self.config.minutes:
            return self.progress.elapsed / (60 * self.config.minutes)
        if not self.config.epochs:
            return 1.0
        return self.progress.update / max(self.config.epochs * self.updates_per_epoch, 1)

    def update(self) -> None:
        """Update the weights once."""
        config, progress = self.config, self.progress
        progress.rate = learning_rate(config, progress.update, self.fraction_done())
        # what is saved at an evaluation must be where training stands: nothing is read ahead
        last = (progress.update + 1) % self.evaluate_every == 0
        norm = self.learner.update(progress.rate, and_read_on=not last)
        progress.update += 1
        progress.tokens += config.batch * config.bptt_length
        if progress.update % 10 == 0:  # reading a number waits for the device
            progress.gradient, progress.loss = float(norm), self.learner.mean_loss()
            if not math.isfinite(progress.loss):
                reason = f"the loss is {progress.loss} at update {progress.update}"
                raise UgenError(f"{reason}; try a lower --lr")

    # evaluating

    def scores_on(self, pieces: HeldOutSet) -> Scores:
        """Scores of the present weights, on all processes together."""
        return evaluate(self.model, pieces, self.corpus.codec, self.learner.device, self.world)

    def _evaluate(self, callbacks: Sequence[Callback]) -> None:
        """Score the held-out pieces, note how the run stands, save it, and call back."""
        progress = self.progress
        progress.loss = self.learner.pause()
        scores, known = self.scores_on(self.heldout), self.scores_on(self.known)
        loss, best = scores.nats_per_token, progress.best
        progress.since_best = 0 if loss < best - LEAST_GAIN else progress.since_best + 1
        progress.best = min(best, loss)
        progress.history.append(
            {
                "update": progress.update,
                "epoch": round(progress.update / self.updates_per_epoch, 3),
                "tokens": progress.tokens,
                "seconds": round(progress.elapsed, 3),
                "rate": progress.rate,
                "gradient": progress.gradient,
                "train_nats_per_token": None if math.isnan(progress.loss) else progress.loss,
                "known_nats_per_token": known.nats_per_token,
                **asdict(scores),
            }
        )
        self._save(scores if loss < best else None)
        for callback in callbacks:
            callback.on_evaluation(progress)

    # saving

    def _save(self, best: Scores | None) -> None:
        """Save what resuming needs, and the weights when these scores are the best."""
        state = self.state_dict()
        if self.world.rank:
            return
        if best is not None:
            header = {"update": self.progress.update, "scores": asdict(best)}
            save_tensors(self.path / "model.safetensors", self.model.state_dict(), header)
        save_state(self.path, state)
        write_metrics(self.path, self.progress.history)
        # last: a folder without it is one where training never began
        self.about.write(self.path)

    def state_dict(self) -> dict[str, Any]:
        """All that `load_state_dict` needs to continue, as tensors and plain values. Every process
        calls this."""
        progress = {name: value for name, value in vars(self.progress).items() if name != "loss"}
        return {**self.learner.state_dict(), "progress": progress}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state_dict` was called."""
        self.learner.load_state_dict(state)
        self.progress = from_json(Progress, state["progress"])
        for row in self.progress.history:
            checked_row(row)
