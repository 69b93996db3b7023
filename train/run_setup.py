"""From flags to a trainer: which settings hold, on which corpus, on which device, from which
weights."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from ugen.data import Codec, UgenError, make_codec
from ugen.data.cli.prepare import corpus_settings, prepare_folder
from ugen.data.cli.progress import progress_bar
from ugen.data.corpus.corpus import Corpus, is_corpus

from .config import ModelConfig, TrainConfig, model_config, to_json, train_config
from .presets import DEFAULT, PRESETS, preset

if TYPE_CHECKING:
    import torch
    from ugen.train.learning.trainer import Trainer

    from .distributed import World
from .device import choose_device

LENGTH = ("epochs", "minutes", "patience")  # what a resumed run may be given anew


@dataclass(frozen=True)
class Settings:
    """What was asked for. `model`, `training`: entries of ModelConfig and TrainConfig, None where
    no flag was given."""

    preset: str | None
    model: dict[str, Any]
    training: dict[str, Any]
    init_from: Path | None
    find_lr: bool

    def __post_init__(self) -> None:
        if self.init_from is not None and (
            flags := self._given(self.model) + self._given({"preset": self.preset})
        ):
            raise UgenError(f"{flags[0]}: the model comes from --init-from; leave it out")
        if self.find_lr and self.training["lr"] is not None:
            raise UgenError("--lr: --find-lr looks for one; give one of the two")
        self.configs(ModelConfig(1))  # flags are checked before a folder is read for minutes

    def configs(self, codec: Codec | ModelConfig) -> tuple[ModelConfig, TrainConfig]:
        """The settings that hold: the preset's where no flag says otherwise, for a codec's
        vocabulary."""
        chosen = preset(self.preset or DEFAULT)
        vocabulary, step = codec.vocabulary, codec.input
        model = ModelConfig(vocabulary, step, **{**chosen.model, **_set(self.model)})
        return model, TrainConfig(**{**chosen.training, **_set(self.training)})

    def on_top_of(self, model: ModelConfig, training: TrainConfig) -> TrainConfig:
        """A resumed run's settings: its own, but for its length. Raises UgenError for a flag that
        would change them."""
        if self.init_from is not None or self.find_lr:
            raise UgenError(
                f"{'--find-lr' if self.find_lr else '--init-from'}: goes with a new run, not with --resume"
            )
        chosen = preset(self.preset) if self.preset else None
        asked_model = {**(chosen.model if chosen else {}), **_set(self.model)}
        asked = {**(chosen.training if chosen else {}), **_set(self.training)}
        for have, wanted in ((to_json(model), asked_model), (to_json(training), asked)):
            for name, value in wanted.items():
                if name not in LENGTH and have[name] != value:
                    raise UgenError(
                        f"{_flag(name)} {value}: the run that --resume goes on with has {have[name]}"
                    )
        return replace(training, **{name: asked[name] for name in LENGTH if name in asked})

    def _given(self, entries: dict[str, Any]) -> list[str]:
        return [_flag(name) for name in _set(entries)]


def _set(entries: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entries.items() if value is not None}


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


@dataclass(frozen=True)
class Plan:
    """A run to begin or to go on with. `codec`, `arrangement`: for a `source` that is a folder of
    MIDI files."""

    source: Path
    output: Path
    settings: Settings
    codec: str
    arrangement: str
    device: torch.device

    def __post_init__(self) -> None:
        self._require_able(self.settings.training.get("precision"))

    def _require_able(self, precision: str | None) -> None:
        if precision == "fp16" and self.device.type == "cpu":
            raise UgenError("--precision fp16: goes with a GPU; a CPU learns in fp32 or bf16")

    def begun(self) -> Trainer:
        """A fresh run. Raises UgenError when the output holds one already, or flags and music do
        not fit."""
        from ugen.train.learning.speed import choose_precision
        from ugen.train.learning.trainer import Trainer

        from .distributed import World

        # all that can be wrong with flags is said before a folder is read for minutes
        ready = Corpus.open(self.source) if is_corpus(self.source) else None
        codec = ready.codec if ready else corpus_settings(self.codec, self.arrangement).codec
        model, training = self.settings.configs(codec)
        weights = None
        if self.settings.init_from is not None:
            from ugen.train.run_folder.initial_weights import weights_from

            model, weights = weights_from(self.settings.init_from, codec)
        world = World.init(self.device.type)
        corpus = ready or self._prepared(world)
        if self.settings.training["precision"] is None:
            training = replace(training, precision=choose_precision(self.device))
        if self.settings.find_lr:
            training = replace(training, lr=self._found_rate(corpus, model, training, weights))
        return Trainer.begin(
            self.output, corpus, model, training, self.device, version("ugen-music"), world, weights
        )

    def resumed(self) -> Trainer:
        """The run in the output, where it stopped. Raises UgenError when there is none, or it is
        another's."""
        from ugen.train.learning.trainer import Trainer
        from ugen.train.run_folder.checkpoint import read_config

        from .distributed import World

        if not (self.output / "config.json").exists():
            raise UgenError(
                f"{self.output}: holds no training run to go on with; leave --resume out to begin one"
            )
        about = read_config(self.output)
        model, training = model_config(about["model"]), train_config(about["training"])
        training = self.settings.on_top_of(model, training)
        self._require_able(training.precision)
        source = self.source if is_corpus(self.source) else self.output / "corpus"
        return Trainer.resume(
            self.output, Corpus.open(source), self.device, training, World.init(self.device.type)
        )

    def _prepared(self, world: World) -> Corpus:
        """A corpus made from the folder `source`, inside the run's folder; the first process makes
        it for all."""
        from ugen.train.run_folder.checkpoint import require_free

        inside = self.output / "corpus"
        if world.rank == 0:
            require_free(self.output)
            if is_corpus(inside):  # left by a run that never began
                shutil.rmtree(inside)
            prepare_folder(self.source, inside, corpus_settings(self.codec, self.arrangement))
        world.wait()
        return Corpus.open(inside)

    def _found_rate(
        self, corpus: Corpus, model: ModelConfig, training: TrainConfig, weights: Any
    ) -> float:
        from ugen.train.learning.find_lr import find_lr
        from ugen.train.learning.trainer import Trainer

        trial_run = Trainer(self.output, corpus, model, training, self.device)
        trial_run.initialize_weights(weights)
        with progress_bar("trying learning rates", 1.0) as advance_to:
            trial = find_lr(trial_run, advance_to)
        step = max(len(trial.rates) // 12, 1)
        for rate, loss in list(zip(trial.rates, trial.losses, strict=True))[::step]:
            typer.echo(f"  rate {rate:.1e}: {loss:.3f} nats")
        typer.echo(f"learning rate found: {trial.chosen:g}")
        return trial.chosen


def list_presets(say: Callable[[str], None]) -> None:
    """A line a preset: size, and speed in training, on the default codec and device, measured
    now."""
    from ugen.train.learning.speed import choose_precision, tokens_per_second

    from .model import LstmModel

    device, codec = choose_device("auto"), make_codec("beats")
    precision = choose_precision(device)
    say(
        f"{'preset':12} {'layers':>6} {'hidden':>6} {'weights':>11} {'tokens/s':>9}   "
        f"(measured now: codec beats, {device}, {precision})"
    )
    for name, chosen in PRESETS.items():
        settings = Settings(name, {}, {"lr": None, "precision": precision}, None, False)
        model, training = settings.configs(codec)
        speed = tokens_per_second(model, training, device, updates=2)
        weights = LstmModel(model).parameters_count()
        say(
            f"{name:12} {model.layers:6} {model.hidden:6} {weights:11,} {speed:9,.0f}   {chosen.about}"
        )
