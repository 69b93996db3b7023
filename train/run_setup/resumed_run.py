"""A run that continues: its own settings and corpus, as far as flags and files agree."""

from __future__ import annotations

from dataclasses import asdict, replace

import typer
from ugen.data import UgenError
from ugen.data.corpus.corpus import Corpus, is_corpus
from ugen.data.midi.smf import MIDI_SUFFIXES
from ugen.data.text import count, printable
from ugen.train.config import ModelConfig, TrainConfig
from ugen.train.device import choose_device
from ugen.train.distributed import World
from ugen.train.learning.speed import trains_in
from ugen.train.learning.trainer import Trainer
from ugen.train.presets import PRESETS
from ugen.train.run_folder.run_config import read_config

from .music import check_music
from .request import Request, flag_of

LENGTH = ("epochs", "minutes", "patience")  # what a resumed run may be given anew


def resume(request: Request) -> Trainer:
    """The run in the output, where it stopped. Raises UgenError when it is another's."""
    about = read_config(request.output)
    corpus = _corpus_to_resume(request, about.corpus.path)
    check_music(request.music, corpus)
    model, training = about.model, about.training
    training = _resumed_config(request, model, training, corpus)
    device = choose_device(request.options.device)
    world = World.init(device.type)
    if not trains_in(training.precision, device):
        if world.rank == 0:
            said = f"this machine cannot train in {training.precision}; the run continues in fp32"
            typer.echo(f"{request.output}: {said}")
        training = replace(training, precision="fp32")
    return Trainer.resume(request.output, corpus, device, training, world)


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
    request: Request, model: ModelConfig, training: TrainConfig, corpus: Corpus
) -> TrainConfig:
    """A resumed run's settings: its own, except for its length. Raises UgenError for a flag that
    would change the others."""
    options = request.options
    for name in ("find_lr", "init_from", "from_scratch"):
        if getattr(options, name):
            raise UgenError("goes with a new run, not with --resume", flag=flag_of(name))
    wanted_model, wanted_training = request.configs(corpus.codec)
    if options.columns:
        wanted_model = request.fitted(wanted_model, corpus)
    else:
        wanted_model = replace(wanted_model, columns=model.columns)
    if options.columns and wanted_model.columns != model.columns:
        has = ",".join(model.names) or "none"
        reason = f"the run to resume has {has}"
        raise UgenError(reason, flag="--columns", value=options.columns)
    wanted = {**asdict(wanted_training), **asdict(wanted_model)}
    have = {**asdict(training), **asdict(model)}
    for name in {**request.model, **request.training}:
        if name not in LENGTH and wanted[name] != have[name]:
            reason = f"the run to resume has {have[name]}"
            raise UgenError(reason, flag=flag_of(name), value=wanted[name])
    if options.preset:
        # the learning rate may have been found by trial
        for name in {**asdict(model), **PRESETS[options.preset].training}:
            if name != "lr" and wanted[name] != have[name]:
                reason = f"its {name} is {wanted[name]}, and {have[name]} in the run to resume"
                raise UgenError(reason, flag="--preset", value=options.preset)
    length = {name: request.training[name] for name in LENGTH if name in request.training}
    return replace(training, **length)
