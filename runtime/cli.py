"""ugen-run: make a MIDI file from a model file."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer
from ugen.data.command import make_app, progress_bar, run_app

app = make_app()


EXAMPLES = "Example: ugen-run model.onnx -o song.mid --seconds 60 --seed 7\n\nExample: ugen-run model.onnx --info"


@app.command(epilog=EXAMPLES)
def run(
    model: Annotated[Path, typer.Argument(help="The model file that export-ugen wrote.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The MIDI file to write.")] = None,
    info: Annotated[bool, typer.Option("--info", help="Print what the model file says of itself, and stop.")] = False,
    seconds: Annotated[float, typer.Option(help="Length of the song.")] = 60.0,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The same seed makes the same song. Drawn when not given.")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(help="Below 1 plays safer, above 1 wilder; 0 always takes the likeliest.")
    ] = None,
    top_k: Annotated[int | None, typer.Option(help="Draw from the k likeliest tokens only; 0 is off.")] = None,
    top_p: Annotated[
        float | None, typer.Option(help="Draw from the likeliest tokens that together reach this share.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Processor threads for the model.")] = 1,
) -> None:
    """Make new music from a model file and write it as MIDI."""
    from ugen.data import UgenError, write_midi

    from .card import describe
    from .generate import generate
    from .load import load, read_card
    from .model_file import Sampling

    if info:
        encoding = sys.stdout.encoding or "utf-8"  # of a licence, what the terminal cannot show becomes a question mark
        typer.echo(describe(read_card(model), model).encode(encoding, "replace").decode(encoding))
        return
    if output is None:
        raise UgenError("-o is missing: name the MIDI file to write, as in -o song.mid")
    if output.suffix.lower() not in (".mid", ".midi"):
        raise UgenError(f"-o {output}: the name must end in .mid")
    loaded = load(model, threads)
    default = loaded.card.sampling
    sampling = Sampling(
        default.temperature if temperature is None else temperature,
        default.top_k if top_k is None else top_k,
        default.top_p if top_p is None else top_p,
    )
    seed = secrets.randbits(32) if seed is None else seed
    with progress_bar(f"{output.name}", seconds, "s of music") as advance_to:
        song = generate(loaded, seconds, seed, sampling, advance_to)
    settings = f"temperature={sampling.temperature:g} top_k={sampling.top_k} top_p={sampling.top_p:g}"
    write_midi(song.score, output, texts=[f"made with ugen-music, seed={seed} {settings}"], pad_ticks=song.pad_ticks)
    typer.echo(f"{output}: {seconds:g} s, {len(song.score.notes)} notes, seed {seed}")


def main() -> None:
    """Entry point of ugen-run."""
    run_app(app, "ugen-run")
