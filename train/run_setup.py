"""From flags to a trainer: which settings hold, on which corpus and device, from which weights."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from ugen.data import Codec, UgenError, make_codec
from ugen.data.cli.prepare import corpus_settings, prepare_folder
from ugen.data.cli.progress import progress_bar
from ugen.data.codecs.columns import Column
from ugen.data.corpus.corpus import Corpus, is_corpus
from ugen.data.corpus.prepare import Settings
from ugen.data.files import read_json
from ugen.data.locks import LOCK, locked, sweep
from ugen.data.midi.smf import MIDI_SUFFIXES
from ugen.data.settings import check_settings, setting
from ugen.data.text import count, printable

from .config import ModelConfig, TrainConfig
from .device import choose_device
from .presets import DEFAULT, PRESETS

if TYPE_CHECKING:
    import torch
    from ugen.train.learning.learner import Learner
    from ugen.train.learning.trainer import Trainer

    from .distributed import World

LENGTH = ("epochs", "minutes", "patience")  # what a resumed run may be given anew


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
        "Start with the weights of a run or a model.onnx of the same codec; pretrained stands for "
        "the model that comes with ugen.",
        panel="Model",
    )
    columns: str | None = setting(
        None,
        "What a model is fed beside the last token: all that its codec knows, none, or some of "
        "them, as in beat,phase,back_1 (docs/codecs.md).",
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
        model = {**self.model, **({"columns": options.columns} if options.columns else {})}
        if options.init_from is not None and (model or options.preset):
            flag = _flag(next(iter(model), "preset"))
            raise UgenError("the model comes from --init-from; leave it out", flag=flag)
        if options.find_lr and "lr" in self.training:
            raise UgenError("--find-lr looks for one; give one of the two", flag="--lr")
        device = choose_device(options.device)
        precision = self.training.get("precision", "auto")
        if precision != "auto" and not _trains_in(precision, device):
            reason = "goes with a GPU" if precision == "fp16" else "this machine cannot compute it"
            raise UgenError(f"{reason}; leave the option out", flag="--precision", value=precision)

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

    def _columns(self, codec: Codec, training: TrainConfig) -> tuple[Column, ...]:
        """The columns beside a token: those asked for, else all that the codec has."""
        asked, known = self.options.columns, {each.name: each for each in codec.columns}
        forcing = training.objective == "professor-forcing"
        if asked is None:
            return () if forcing else codec.columns
        names = {"all": tuple(known), "none": ()}.get(asked, tuple(asked.split(",")))
        if unknown := [name for name in names if name not in known]:
            has = f"has {', '.join(known)}" if known else "has none"
            reason = f"{printable(unknown[0])} is none of them; the {codec.name} codec {has}"
            raise UgenError(reason, flag="--columns", value=asked)
        if names and forcing:
            reason = "its free runs know the last token only; use --columns none"
            raise UgenError(reason, flag="--objective", value=training.objective)
        return tuple(each for each in codec.columns if each.name in names)


@contextmanager
def trainer_for(request: Request, resumed: bool) -> Iterator[Trainer]:
    """The run that is asked for. No other process can work on it meanwhile."""
    if resumed and not request.output.is_dir():
        reason = "holds no training run to resume; leave --resume out to begin one"
        raise UgenError(reason, path=request.output)
    is_first = os.environ.get("RANK", "0") == "0"  # of torchrun's processes
    lock = locked(request.output / LOCK, request.output) if is_first else nullcontext()
    with lock:
        sweep(request.output)  # a finished run writes nothing, at which it would be swept
        try:
            trainer = resume(request) if resumed else new(request)
        except KeyboardInterrupt as error:
            error.args = ("stopped before training began; the same command begins again",)
            raise
        try:
            yield trainer
        finally:
            trainer.world.destroy()


def new(request: Request) -> Trainer:
    """A new run. Raises UgenError when the output holds one already, or flags and music do not
    fit."""
    from ugen.train.learning.learner import Learner
    from ugen.train.learning.trainer import Trainer

    from .distributed import World

    # whatever can be wrong with flags is found before a folder is read for minutes
    music: Corpus | Settings
    if is_corpus(request.source):
        music = Corpus.open(request.source)
        _check_music(request.music, music)
    else:
        music = corpus_settings(request.source, **request.music)
    codec = music.codec
    model, training = request.configs(codec)
    weights = None
    if request.options.init_from is not None:
        from ugen.train.run_folder.initial_weights import weights_from

        model, weights = weights_from(request.options.init_from, codec)
    device = choose_device(request.options.device)
    world = World.init(device.type)
    corpus = music if isinstance(music, Corpus) else _prepared(request, music, world)
    if request.options.find_lr:
        learner = Learner(corpus, model, training, device)
        learner.initialize_weights(weights)
        training = replace(training, lr=_found_rate(learner))
    return Trainer.begin(
        request.output, corpus, model, training, device, version("ugen-music"), world, weights
    )


def resume(request: Request) -> Trainer:
    """The run in the output, where it stopped; a new one where it stopped before its first
    evaluation. Raises UgenError when there is none, or it is another's."""
    from ugen.train.learning.trainer import Trainer
    from ugen.train.run_folder.run_config import read_config

    from .distributed import World

    if not request.source.exists():
        raise UgenError("does not exist", path=request.source)
    if not (request.output / "config.json").exists():
        name = printable(str(request.output))
        typer.echo(f"{name}: stopped before its first evaluation; training begins anew")
        return new(request)
    about = read_config(request.output)
    corpus = _corpus_to_resume(request, about.corpus.path)
    _check_music(request.music, corpus)
    model, training = about.model, about.training
    training = _resumed_config(request, model, training, corpus.codec)
    device = choose_device(request.options.device)
    world = World.init(device.type)
    if not _trains_in(training.precision, device):
        if world.rank == 0:
            said = f"this machine cannot train in {training.precision}; the run continues in fp32"
            typer.echo(f"{request.output}: {said}")
        training = replace(training, precision="fp32")
    return Trainer.resume(request.output, corpus, device, training, world)


def _trains_in(precision: str, device: torch.device) -> bool:
    from ugen.train.learning.speed import trains_in

    return trains_in(precision, device)


def _corpus_to_resume(request: Request, learned_from: str) -> Corpus:
    """The corpus given, or the run's own, where a folder is given that may have changed since."""
    source, own = request.source, request.output / "corpus"
    if is_corpus(source):
        return Corpus.open(source)
    if not is_corpus(own):
        reason = f"the run learned from the corpus {learned_from}; give that one"
        raise UgenError(reason, path=source)
    corpus = Corpus.open(own)
    before = {row.file for row in corpus.rows if row.file.lower().endswith(MIDI_SUFFIXES)}
    found = {path for path in source.rglob("*") if path.suffix.lower() in MIDI_SUFFIXES}
    now = {
        str(path.relative_to(source))
        for path in found
        if request.output.resolve() not in path.resolve().parents
    }
    changes = {"new": len(now - before), "gone": len(before - now)}
    if any(changes.values()):
        words = " and ".join(f"{count(n, 'file')} {kind}" for kind, n in changes.items() if n)
        typer.echo(
            f"{printable(str(source))}: {words} since the run began, "
            "which continues with its own corpus"
        )
    return corpus


def _resumed_config(
    request: Request, model: ModelConfig, training: TrainConfig, codec: Codec
) -> TrainConfig:
    """A resumed run's settings: its own, except for its length. Raises UgenError for a flag that
    would change the others."""
    options = request.options
    for flag, asked in (("--find-lr", options.find_lr), ("--init-from", options.init_from)):
        if asked:
            raise UgenError("goes with a new run, not with --resume", flag=flag)
    wanted_model, wanted_training = request.configs(codec)
    if options.columns and wanted_model.columns != model.columns:
        has = ",".join(model.names) or "none"
        reason = f"the run to resume has {has}"
        raise UgenError(reason, flag="--columns", value=options.columns)
    wanted = {**asdict(wanted_training), **asdict(wanted_model)}
    have = {**asdict(training), **asdict(model)}
    for name in {**request.model, **request.training}:
        if name not in LENGTH and wanted[name] != have[name]:
            reason = f"the run to resume has {have[name]}"
            raise UgenError(reason, flag=_flag(name), value=wanted[name])
    if options.preset:
        # the learning rate may have been found by trial
        for name in {**asdict(model), **PRESETS[options.preset].training}:
            if name != "lr" and wanted[name] != have[name]:
                reason = f"its {name} is {wanted[name]}, and {have[name]} in the run to resume"
                raise UgenError(reason, flag="--preset", value=options.preset)
    length = {name: request.training[name] for name in LENGTH if name in request.training}
    return replace(training, **length)


def _check_music(given: dict[str, Any], corpus: Corpus) -> None:
    """Raise UgenError for an option of preparing that says something else than the prepared
    corpus."""
    settings = read_json(corpus.path / "corpus.json")
    have = {**settings, **settings["codec"]["options"], "codec": corpus.codec.name}
    for name, value in given.items():
        if value != have.get(name) and (name, value) != ("codec", "auto"):
            own = f"{name} {have[name]}" if name in have else f"codec {corpus.codec.name}"
            reason = f"the corpus {corpus.path} is prepared already, with {own}"
            raise UgenError(reason, flag=_flag(name), value=value)
    if not (corpus.pieces("valid") or corpus.pieces("test")):
        reason = "holds out no pieces to evaluate with; prepare it with --valid 0.1"
        raise UgenError(reason, path=corpus.path)


def _prepared(request: Request, settings: Settings, world: World) -> Corpus:
    """A corpus made from a folder, inside the run's folder; the first process makes it for all."""
    from ugen.train.run_folder.checkpoint import require_free

    inside = request.output / "corpus"
    if world.rank == 0:
        require_free(request.output)
        if is_corpus(inside):  # left by a run that never began
            shutil.rmtree(inside)
        prepare_folder(request.source, inside, settings)
    world.wait()
    return Corpus.open(inside)


def _found_rate(learner: Learner) -> float:
    from ugen.train.learning.find_lr import find_lr

    with progress_bar("trying learning rates", 1.0) as advance_to:
        trial = find_lr(learner, advance_to)
    every = max(len(trial.rates) // 12, 1)
    for rate, loss in list(zip(trial.rates, trial.losses, strict=True))[::every]:
        typer.echo(f"  rate {rate:.1e}: {loss:.3f} nats")
    typer.echo(f"learning rate found: {trial.chosen:g}")
    return trial.chosen


def _flag(name: str) -> str:
    name = "arrange" if name == "arrangement" else name
    return f"--{name.replace('_', '-')}"


def list_presets(say: Callable[[str], None]) -> None:
    """One line for each preset: its size, and its training speed on this machine, measured now."""
    from ugen.train.learning.speed import tokens_per_second

    from .model import LstmModel

    device, codec = choose_device("auto"), make_codec("beats")
    lines = []
    for name, preset in PRESETS.items():
        request = Request(Path(), Path(), RunOptions(preset=name), {}, {}, {})
        model, training = request.configs(codec)
        speed = tokens_per_second(model, training, device, updates=2)
        weights = LstmModel(model).parameters_count()
        size = f"{model.layers:6} {model.hidden:6} {weights:11,}"
        lines.append(f"{name:12} {size} {speed:9,.0f}   {preset.about}")
    say(
        f"{'preset':12} {'layers':>6} {'hidden':>6} {'weights':>11} {'tokens/s':>9}   "
        f"(measured now: codec beats, {device}, {training.precision})"
    )
    for line in lines:
        say(line)
