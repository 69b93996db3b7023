"""What the command line asks a run for, and the settings that follow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ugen.data import Codec, UgenError
from ugen.data.codecs.columns import CHORD_NAMES, Column
from ugen.data.corpus.corpus import Corpus
from ugen.data.pretrained import HELP
from ugen.data.settings import check_settings, setting
from ugen.data.text import printable
from ugen.train.config import ModelConfig, TrainConfig
from ugen.train.device import choose_device
from ugen.train.presets import DEFAULT, PRESETS

if TYPE_CHECKING:
    import torch


RARER = CHORD_NAMES


@dataclass(frozen=True)
class RunOptions:
    """What a run starts from, where it runs, and what it writes besides the model."""

    preset: str | None = setting(
        None,
        "A model by name. The options below override it.",
        choices=tuple(PRESETS),
        default_text=DEFAULT,
        panel="Model",
    )
    init_from: Path | None = setting(
        None,
        f"Start with the weights of a run or a model.onnx of the same codec; {HELP}.",
        default_text="the one that comes with ugen for small folders that are new to it",
        panel="Model",
    )
    from_scratch: bool = setting(
        False, "Start with random weights, whatever the size of the folder.", panel="Model"
    )
    columns: str | None = setting(
        None,
        "What a model is fed beside the last token: all that its codec and the music know, none, "
        "or some of them, as in beat,phase,back_1 (docs/codecs.md).",
        default_text="all",
        panel="Model",
    )
    find_lr: bool = setting(
        False, "Try learning rates first, and train with the one found.", panel="Optimization"
    )
    device: str = setting(
        "auto",
        "auto takes a GPU where there is one.",
        choices=("auto", "cpu", "cuda", "mps"),
        panel="Machine",
    )
    threads: int | None = setting(
        None, "CPU threads.", default_text="usable cores", minimum=1, maximum=1024, panel="Machine"
    )
    sample_minutes: float = setting(
        5.0,
        "Minutes between samples, as MIDI and pictures in RUN/samples; 0 makes none.",
        minimum=0,
        panel="Output",
    )
    tensorboard: bool = setting(False, "Write TensorBoard's curves, too.", panel="Output")
    verbose: bool = setting(
        False,
        "Show the numbers for experts, too (docs/training.md).",
        flag="-v --verbose",
        panel="Output",
    )

    def __post_init__(self) -> None:
        check_settings(self)


@dataclass(frozen=True)
class Request:
    """What the command line asks for. `model`, `training` and `music` hold only what was given
    there: entries of ModelConfig, of TrainConfig, and of CodecChoice or Settings of a corpus."""

    source: Path
    output: Path
    options: RunOptions
    model: dict[str, Any]
    training: dict[str, Any]
    music: dict[str, Any]

    def __post_init__(self) -> None:
        options = self.options
        shape = [name for name in self.model if name != "dropout"]
        if options.init_from is not None and (shape or options.preset):
            flag = flag_of([*shape, "preset"][0])
            raise UgenError("the model comes from --init-from; leave it out", flag=flag)
        if options.init_from is not None and options.from_scratch:
            raise UgenError("not with --init-from", flag="--from-scratch")
        if options.find_lr and "lr" in self.training:
            raise UgenError("--find-lr looks for one; give one of the two", flag="--lr")
        device = choose_device(options.device)
        precision = self.training.get("precision", "auto")
        if precision != "auto" and not _trains_in(precision, device):
            reason = "goes with a GPU" if precision == "fp16" else "this machine cannot compute it"
            raise UgenError(f"{reason}; leave the option out", flag="--precision", value=precision)

    @property
    def asks_for_a_shape(self) -> bool:
        """Whether something is asked for that a trained model may not have."""
        options, others = self.options, set(self.model) - {"dropout"}
        forcing = self.training.get("objective") == "professor-forcing"
        return bool(others or options.preset or options.columns or options.from_scratch or forcing)

    def configs(self, codec: Codec) -> tuple[ModelConfig, TrainConfig]:
        """The settings for a codec: those given, else the preset's, else the defaults."""
        from ugen.train.learning.speed import choose_precision

        preset = PRESETS[self.options.preset or DEFAULT]
        model = {**preset.model, **self.model}
        training = {**preset.training, **self.training}
        if training.get("precision", "auto") == "auto":
            training["precision"] = choose_precision(choose_device(self.options.device))
        config = TrainConfig(**training)
        columns = self._columns(codec, config)
        return ModelConfig(codec.vocabulary, codec.input, columns, **model), config

    def fitted(self, model: ModelConfig, corpus: Corpus) -> ModelConfig:
        """The model with those of its columns that a corpus teaches something about."""
        is_named = self.options.columns not in (None, "all")
        return replace(model, columns=corpus.columns(model.columns, asked=is_named))

    def _columns(self, codec: Codec, training: TrainConfig) -> tuple[Column, ...]:
        """The columns beside a token: those asked for, else all that the codec has."""
        asked, known = self.options.columns, {each.name: each for each in codec.columns}
        forcing = training.objective == "professor-forcing"
        usual = tuple(name for name in known if name not in RARER)
        if asked is None:
            return () if forcing else tuple(known[name] for name in usual)
        names = {"all": usual, "none": ()}.get(asked, tuple(asked.split(",")))
        if unknown := [name for name in names if name not in known]:
            has = f"has {', '.join(known)}" if known else "has none"
            reason = f"{printable(unknown[0])} is none of them; the {codec.name} codec {has}"
            raise UgenError(reason, flag="--columns", value=asked)
        if names and forcing:
            reason = "its free runs know the last token only; use --columns none"
            raise UgenError(reason, flag="--objective", value=training.objective)
        return tuple(each for each in codec.columns if each.name in names)


def _trains_in(precision: str, device: torch.device) -> bool:
    from ugen.train.learning.speed import trains_in

    return trains_in(precision, device)


def flag_of(name: str) -> str:
    """The option that gives an entry of a Request."""
    name = "arrange" if name == "arrangement" else name
    return f"--{name.replace('_', '-')}"
