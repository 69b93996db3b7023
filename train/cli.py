"""train-ugen: learn from a folder of MIDI files, or from a prepared corpus."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from ugen.data.cli.app import make_app, run_app
from ugen.data.cli.choices import Arrangement
from ugen.data.optional_imports import require

from .config import OBJECTIVES
from .device import choose_device
from .presets import DEFAULT, PRESETS
from .run_setup import Plan, Settings, list_presets

if TYPE_CHECKING:
    from ugen.train.learning.trainer import Trainer

app = make_app()

PresetName = Enum("PresetName", {name: name for name in PRESETS}, type=str)  # type: ignore[misc]
Objective = Enum("Objective", {name: name for name in OBJECTIVES}, type=str)  # type: ignore[misc]


class CodecName(str, Enum):
    """What music is turned into."""

    beats = "beats"
    events = "events"
    frames = "frames"
    khot = "khot"


class Precision(str, Enum):
    """What matrix products compute in."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"
    fp16 = "fp16"


class Device(str, Enum):
    """Where to train."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


def _show_presets(asked: bool) -> None:
    if asked:
        require("torch", "train")
        list_presets(typer.echo)
        raise typer.Exit


@app.command(epilog="Example: train-ugen my-midi-files -o runs/mine --minutes 30")
def train(
    source: Annotated[
        Path, typer.Argument(help="A folder of MIDI files, or a corpus made by ugen-data prepare.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder for this run.")],
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on with the run in -o, as it was; only its length may be changed."
        ),
    ] = False,
    init_from: Annotated[
        Path | None,
        typer.Option(
            help="Begin with the weights of a run or a model.onnx of the same codec; pretrained: of ugen's own."
        ),
    ] = None,
    preset: Annotated[
        PresetName | None,
        typer.Option(help=f"A model by name; {DEFAULT} when not given. Flags override it."),
    ] = None,
    list_presets: Annotated[
        bool,
        typer.Option(
            "--list-presets",
            callback=_show_presets,
            is_eager=True,
            help="Show the presets with their size and their speed on this machine.",
        ),
    ] = False,
    codec: Annotated[
        CodecName,
        typer.Option(
            help="For a folder: beats (metrical), events (performance), frames (time steps), or "
            "khot (the same steps as vectors)."
        ),
    ] = CodecName.beats,
    arrange: Annotated[
        Arrangement,
        typer.Option(
            help="For a folder: piano merges pitched tracks; band keeps programs and drums."
        ),
    ] = Arrangement.piano,
    epochs: Annotated[float | None, typer.Option(help="Times to play through the music.")] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Stop by the clock instead of by epochs; 0 is off.")
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(help="Stop early after so many evaluations without a better held-out loss."),
    ] = None,
    layers: Annotated[int | None, typer.Option(help="Layers of LSTM.")] = None,
    hidden: Annotated[int | None, typer.Option(help="Units a layer.")] = None,
    embedding: Annotated[int | None, typer.Option(help="Size of a token's vector.")] = None,
    dropout: Annotated[
        float | None,
        typer.Option(help="Share of units left out at each step; more for small folders."),
    ] = None,
    skip: Annotated[
        bool | None, typer.Option(help="Normalise each layer's input, and add its output to it.")
    ] = None,
    tied: Annotated[
        bool | None, typer.Option(help="Predict with the embedding's own weights.")
    ] = None,
    learn_initial_state: Annotated[
        bool | None, typer.Option(help="Learn the state that a piece begins with.")
    ] = None,
    batch: Annotated[
        int | None, typer.Option(help="Streams of music learned side by side.")
    ] = None,
    bptt_length: Annotated[int | None, typer.Option(help="Tokens between weight updates.")] = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    find_lr: Annotated[
        bool,
        typer.Option("--find-lr", help="Try learning rates first, and train with the one found."),
    ] = False,
    weight_decay: Annotated[
        float | None, typer.Option(help="Pull of weights towards zero.")
    ] = None,
    transpose: Annotated[
        bool | None, typer.Option(help="Play each piece in another key each time.")
    ] = None,
    tempo_jitter: Annotated[
        float | None,
        typer.Option(help="Play each piece up to this share faster or slower; 0.1 is a tenth."),
    ] = None,
    velocity_jitter: Annotated[
        int | None, typer.Option(help="Play each piece up to this much louder or softer, of 127.")
    ] = None,
    class_weights: Annotated[
        float | None,
        typer.Option(
            help="Count rare tokens for more: 0 not at all, 1 as much as all common ones."
        ),
    ] = None,
    objective: Annotated[
        Objective | None,
        typer.Option(
            help="professor-forcing adds an adversary that listens to free-running music."
        ),
    ] = None,
    precision: Annotated[
        Precision,
        typer.Option(help="auto: bf16 or fp16 on a GPU; on a CPU bf16 where it is clearly faster."),
    ] = Precision.auto,
    seed: Annotated[
        int | None, typer.Option(help="The same seed trains the same model on the same machine.")
    ] = None,
    device: Annotated[
        Device, typer.Option(help="auto takes a GPU where there is one.")
    ] = Device.auto,
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads; all cores when not given.")
    ] = None,
    sample_minutes: Annotated[
        float,
        typer.Option(
            min=0,
            help="Minutes between samples, as MIDI and pictures, in RUN/samples; 0 makes none.",
        ),
    ] = 5.0,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write TensorBoard's curves, too.")
    ] = False,
) -> None:
    """Learn from a folder of MIDI files. The best weights so far are always in the run's folder,
    and report.html beside them shows how it goes."""
    for module in ("torch", "safetensors", *(("tensorboard",) if tensorboard else ())):
        require(module, "tensorboard" if module == "tensorboard" else "train")
    import torch

    if threads:
        torch.set_num_threads(threads)
    model = {
        "layers": layers,
        "hidden": hidden,
        "embedding": embedding,
        "dropout": dropout,
        "skip": skip,
        "tied": tied,
        "learn_initial_state": learn_initial_state,
    }
    training = {
        "batch": batch,
        "bptt_length": bptt_length,
        "lr": lr,
        "weight_decay": weight_decay,
        "epochs": epochs,
        "minutes": minutes,
        "patience": patience,
        "transpose": transpose,
        "tempo_jitter": tempo_jitter,
        "velocity_jitter": velocity_jitter,
        "seed": seed,
        "class_weights": class_weights,
        "objective": objective.value if objective else None,
        "precision": None if precision is Precision.auto else precision.value,
    }
    settings = Settings(preset.value if preset else None, model, training, init_from, find_lr)
    plan = Plan(source, output, settings, codec.value, arrange.value, choose_device(device.value))
    trainer = plan.resumed() if resume else plan.begun()
    try:
        _run(trainer, sample_minutes, tensorboard)
    finally:
        trainer.world.destroy()


def _run(trainer: Trainer, sample_minutes: float, tensorboard: bool) -> None:
    if trainer.world.rank:
        trainer.run()
        return
    from ugen.train.reporting.samples import Samples
    from ugen.train.reporting.tensorboard import TensorBoard
    from ugen.train.reporting.terminal import Display

    display = Display(trainer)
    display.opening()
    samples = Samples(sample_minutes, display.say)
    curves = [TensorBoard(trainer.path)] if tensorboard else []
    try:
        with display:
            reason = trainer.run([display, samples, *curves])
            samples.close(trainer)
    except KeyboardInterrupt:
        display.interrupted()
        raise typer.Exit(130) from None
    finally:
        for curve in curves:
            curve.close()
    display.closing(reason)


def main() -> None:
    """Entry point of train-ugen."""
    run_app(app, "train-ugen")
