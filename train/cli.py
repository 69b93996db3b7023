"""train-ugen: learn from a folder of MIDI files, or from a prepared corpus."""

from __future__ import annotations

import shutil
from dataclasses import replace
from enum import Enum
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from ugen.data import UgenError
from ugen.data.cli import Arrangement
from ugen.data.command import make_app, require, run_app

from .config import ModelConfig, TrainConfig

if TYPE_CHECKING:
    from ugen.data.corpus import Corpus

    from .trainer import Trainer

app = make_app()
_MODEL, _TRAIN = ModelConfig(vocabulary=1), TrainConfig()


class CodecName(str, Enum):
    """Codecs whose tokens can be learned."""

    beats = "beats"
    events = "events"
    frames = "frames"


class Device(str, Enum):
    """Where to train."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


@app.command(epilog="Example: train-ugen my-midi-files -o runs/mine --minutes 30")
def train(
    source: Annotated[Path, typer.Argument(help="A folder of MIDI files, or a corpus made by ugen-data prepare.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder for this run.")],
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in -o; its settings stay.")] = False,
    codec: Annotated[
        CodecName, typer.Option(help="For a folder: beats (metrical), events (performance) or frames (time steps).")
    ] = CodecName.beats,
    arrange: Annotated[
        Arrangement, typer.Option(help="For a folder: piano merges pitched tracks; band keeps programs and drums.")
    ] = Arrangement.piano,
    epochs: Annotated[float, typer.Option(help="Times to play through the music.")] = _TRAIN.epochs,
    minutes: Annotated[float, typer.Option(help="Stop by the clock instead of by epochs; 0 is off.")] = _TRAIN.minutes,
    patience: Annotated[
        int, typer.Option(help="Stop early after so many evaluations without a better held-out loss.")
    ] = _TRAIN.patience,
    layers: Annotated[int, typer.Option(help="Layers of LSTM.")] = _MODEL.layers,
    hidden: Annotated[int, typer.Option(help="Units a layer.")] = _MODEL.hidden,
    embedding: Annotated[int, typer.Option(help="Size of a token's vector.")] = _MODEL.embedding,
    dropout: Annotated[
        float, typer.Option(help="Share of units left out at each step; more for small folders.")
    ] = _MODEL.dropout,
    batch: Annotated[int, typer.Option(help="Streams of music learned side by side.")] = _TRAIN.batch,
    chunk: Annotated[int, typer.Option(help="Tokens between weight updates.")] = _TRAIN.chunk,
    lr: Annotated[float, typer.Option(help="Peak learning rate.")] = _TRAIN.lr,
    weight_decay: Annotated[float, typer.Option(help="Pull of weights towards zero.")] = _TRAIN.weight_decay,
    transpose: Annotated[bool, typer.Option(help="Play each piece in another key each time.")] = _TRAIN.transpose,
    stretch: Annotated[
        float, typer.Option(help="Play each piece up to this share faster or slower; 0.1 is a tenth.")
    ] = _TRAIN.stretch,
    loudness: Annotated[
        int, typer.Option(help="Play each piece up to this much louder or softer, of 127.")
    ] = _TRAIN.loudness,
    seed: Annotated[int, typer.Option(help="The same seed trains the same model on the same machine.")] = _TRAIN.seed,
    device: Annotated[Device, typer.Option(help="auto takes a GPU where there is one.")] = Device.auto,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; all cores when not given.")] = None,
) -> None:
    """Learn from a folder of MIDI files. The best weights so far are always in the run's folder."""
    for module in ("torch", "safetensors"):
        require(module, "train")
    import torch

    if threads:
        torch.set_num_threads(threads)
    where = _device(device.value)
    settings = ModelConfig(1, embedding, layers, hidden, dropout)  # checked before a folder is read for minutes
    config = TrainConfig(
        batch=batch, chunk=chunk, lr=lr, weight_decay=weight_decay, epochs=epochs, minutes=minutes,
        patience=patience, transpose=transpose, stretch=stretch, loudness=loudness, seed=seed,
    )  # fmt: skip
    corpus = _corpus(source, output, resume, codec.value, arrange.value)
    from .trainer import Trainer

    if resume:
        trainer = Trainer.resume(output, corpus, where)
    else:
        model = replace(settings, vocabulary=corpus.codec.vocabulary)
        trainer = Trainer.begin(output, corpus, model, config, where, version("ugen-music"))
    _run(trainer)


def _device(name: str) -> Any:
    import torch

    found = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, there in found.items() if there and kind != "mps")
    if not found[name]:
        there = ", ".join(kind for kind, here in found.items() if here)
        raise UgenError(f"--device {name}: not on this machine, which has {there}")
    return torch.device(name)


def _corpus(source: Path, output: Path, resume: bool, codec: str, arrangement: str) -> Corpus:
    """The corpus to train on: `source` itself, or one prepared from it inside the run's folder."""
    from ugen.data.corpus import Corpus, is_corpus
    from ugen.data.prepare_cli import corpus_settings, prepare_folder

    if resume and not (output / "config.json").exists():
        raise UgenError(f"{output}: holds no training run to go on with; leave --resume out to begin one")
    if is_corpus(source):
        corpus = Corpus.open(source)
        if corpus.codec.name == "khot":
            raise UgenError(f"{source}: a khot corpus holds vectors; train-ugen learns from beats, events or frames")
        return corpus
    inside = output / "corpus"
    if resume:
        return Corpus.open(inside)
    if (output / "config.json").exists():
        raise UgenError(f"{output}: holds a training run already; go on with --resume, or choose another folder")
    if is_corpus(inside):  # left by a run that never began
        shutil.rmtree(inside)
    return prepare_folder(source, inside, corpus_settings(codec, arrangement))


def _run(trainer: Trainer) -> None:
    from .display import Display

    display = Display(trainer)
    display.opening()
    try:
        with display:
            reason = trainer.run(display.step, display.scores)
    except KeyboardInterrupt:
        display.interrupted()
        raise typer.Exit(130) from None
    display.closing(reason)


def main() -> None:
    """Entry point of train-ugen."""
    run_app(app, "train-ugen")
