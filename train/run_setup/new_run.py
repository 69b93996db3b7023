"""A new run, from flags, a folder or a corpus, and the model to begin with."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version

import typer
from ugen.data import UgenError
from ugen.data.cli import terminal
from ugen.data.cli.prepare import corpus_settings
from ugen.data.cli.progress import progress_bar
from ugen.data.corpus.corpus import Corpus, is_corpus
from ugen.data.corpus.prepare import Settings
from ugen.train.device import choose_device
from ugen.train.distributed import World
from ugen.train.learning.find_lr import find_lr
from ugen.train.learning.learner import Learner
from ugen.train.learning.trainer import Trainer
from ugen.train.run_folder.initial_weights import initial_model

from .first_model import adapted, bundled_model
from .music import check_music, prepared
from .request import Request


def new(request: Request) -> Trainer:
    """A new run. Raises UgenError when the output holds one already, or flags and music do not
    fit."""
    # whatever can be wrong with flags is found before a folder is read for minutes
    music: Corpus | Settings
    if is_corpus(request.source):
        music = Corpus.open(request.source)
        check_music(request.music, music)
    else:
        music = corpus_settings(request.source, **request.music)
        _require_outside(request)
        if not music.valid + music.test:
            raise UgenError("training needs held-out pieces to test on", flag="--valid", value=0)
    codec = music.codec
    model, training = request.configs(codec)
    path = request.options.init_from
    first = None if path is None else initial_model(path, codec)
    device = choose_device(request.options.device)
    world = World.init(device.type)
    corpus = music if isinstance(music, Corpus) else prepared(request, music, world)
    model = request.fitted(model, corpus)
    say = _silent if world.rank else terminal.say
    first = first or bundled_model(request, corpus, say)
    if first is not None:
        first = adapted(first, model, request, corpus, say)
        model = first.config
    if request.options.find_lr:
        learner = Learner(corpus, model, training, device)
        learner.initialize_weights(first.weights if first else None)
        training = replace(training, lr=_found_rate(learner))
    return Trainer.begin(
        request.output, corpus, model, training, device, version("ugen-music"), world, first
    )


def _require_outside(request: Request) -> None:
    """Raise UgenError for a run inside the music that it learns from: a later one would find the
    samples of this one there."""
    source, output = request.source.resolve(), request.output.resolve()
    if source == output or source in output.parents:
        reason = f"is inside the music; choose a folder outside of {request.source}"
        raise UgenError(reason, flag="-o", path=request.output)


def _silent(text: str) -> None:
    """Say nothing: of several processes one speaks."""


def _found_rate(learner: Learner) -> float:
    with progress_bar("trying learning rates", 1.0) as advance_to:
        trial = find_lr(learner, advance_to)
    every = max(len(trial.rates) // 12, 1)
    for rate, loss in list(zip(trial.rates, trial.losses, strict=True))[::every]:
        typer.echo(f"  rate {rate:.1e}: {loss:.3f} nats")
    typer.echo(f"learning rate found: {trial.chosen:g}")
    return trial.chosen
