"""ugen-run: make music from a model file."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from ugen.data import UgenError
from ugen.data.command import make_app, progress_bar, run_app

if TYPE_CHECKING:
    from .generate import Song
    from .model import Model
    from .request import Request

app = make_app()


EXAMPLES = """Example: ugen-run model.onnx -o song.mid --seconds 60 --seed 7

Example: ugen-run model.onnx -o song.mid -o song.png --bars 32 --primer mine.mid --keep-primer

Example: ugen-run model.onnx -o 'songs/{seed}.mid' --count 50

Example: ugen-run model.onnx --info"""


@app.command(epilog=EXAMPLES)
def run(
    context: typer.Context,
    model: Annotated[Path, typer.Argument(help="The model file that export-ugen wrote.")],
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "-o",
            "--output",
            help="The file to write, by its extension: .mid, .mp3, .ogg, .flac, .wav, .png, .csv, .txt; - for "
            "MIDI to standard output. May be given several times. {seed} stands for the seed.",
        ),
    ] = None,
    info: Annotated[bool, typer.Option("--info", help="Print what the model file says of itself, and stop.")] = False,
    replay: Annotated[
        Path | None, typer.Option(help="Make the song of this MIDI file again, as its record says.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="Length of the song.")] = 60.0,
    bars: Annotated[int | None, typer.Option(help="Length in whole bars, in place of --seconds.")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The same seed makes the same song. Drawn when not given.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=100_000, help="So many songs, of seeds one after the other.")] = 1,
    temperature: Annotated[
        float | None, typer.Option(help="Below 1 plays safer, above 1 wilder; 0 always takes the likeliest.")
    ] = None,
    top_k: Annotated[int | None, typer.Option(help="Draw from the k likeliest tokens only; 0 is off.")] = None,
    top_p: Annotated[
        float | None, typer.Option(help="Draw from the likeliest tokens that together reach this share.")
    ] = None,
    min_p: Annotated[
        float | None, typer.Option(help="Draw from tokens at least this share as likely as the likeliest; 0 is off.")
    ] = None,
    repetition_penalty: Annotated[
        float | None, typer.Option(help="Make pitches of the last 32 notes so many times less likely; 1 is off.")
    ] = None,
    primer: Annotated[Path | None, typer.Option(help="A MIDI file to go on from.")] = None,
    primer_seconds: Annotated[float | None, typer.Option(help="Go on from the first seconds of it only.")] = None,
    keep_primer: Annotated[bool, typer.Option("--keep-primer", help="Begin the song with the primer itself.")] = False,
    tempo: Annotated[float | None, typer.Option(help="Beats a minute for all of the song.")] = None,
    transpose: Annotated[int, typer.Option(help="Semitones up, or down below 0.")] = 0,
    key: Annotated[str | None, typer.Option(help="Transpose to this key, as in C, F# or Bbm.")] = None,
    program: Annotated[int | None, typer.Option(help="General MIDI program of all notes, 0 to 127.")] = None,
    velocity: Annotated[int | None, typer.Option(help="Mean loudness of the notes, 1 to 127.")] = None,
    soundfont: Annotated[
        Path | None, typer.Option(help="The .sf2 that plays sound files; TimGM6mb.sf2 (GPL-2) when not given.")
    ] = None,
    no_guard: Annotated[
        bool, typer.Option("--no-guard", help="Let the model fall silent or go round in circles if it will.")
    ] = False,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Processor threads for the model.")] = 1,
    provider: Annotated[
        str, typer.Option(help="What computes: cpu, cuda, tensorrt, coreml, directml, openvino, or auto.")
    ] = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but what goes wrong.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Say it as a line of JSON for each song.")] = False,
) -> None:
    """Make new music from a model file."""
    if info:
        _show_card(model)
        return
    from . import outputs
    from .finish import Finish
    from .guard import GuardError
    from .load import load
    from .request import Request, file_hash, read_record

    files = output or []
    played = outputs.check(files, count, soundfont)
    loaded, digest = load(model, threads, provider), file_hash(model)
    if replay is not None:
        _only_replayed(context)
        requests: Iterator[Request] = iter([_same_model(read_record(replay), digest, replay)])
    else:
        own: dict[str, Any] = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p,
               "repetition_penalty": repetition_penalty}  # fmt: skip
        sampling = replace(loaded.card.sampling, **{name: value for name, value in own.items() if value is not None})
        first = secrets.randbits(32) if seed is None else seed
        request = Request(
            first, sampling, digest, seconds, bars, tempo, _primer(loaded, primer, primer_seconds, keep_primer),
            keep_primer, Finish(transpose, key, program, velocity), not no_guard,
        )  # fmt: skip
        requests = (replace(request, seed=first + number) for number in range(count))
    if not quiet and not as_json and loaded.provider != "cpu":
        typer.echo(f"computed by {loaded.provider}", err=True)
    failed = 0
    for wish in requests:
        places = [outputs.place(file, wish.seed) for file in files]
        length, unit = (wish.bars, "bars") if wish.bars else (wish.seconds, "s of music")
        with progress_bar(str(places[0]), float(length), unit) as advance_to:
            try:
                song = wish.make(loaded, advance_to)
            except GuardError as error:
                if count == 1:
                    raise
                failed += 1
                typer.echo(f"{places[0]}: {error}", err=True)
                continue
        outputs.write(song, wish.record(), places, soundfont)
        for words in () if quiet else song.mended:
            typer.echo(f"{places[0]}: {words}", err=True)
        if not quiet:
            # what goes to standard output must be the song alone, or JSON alone
            typer.echo(_told(wish, song, places, as_json, played), err=outputs.STDOUT in files)
    if failed:
        raise GuardError(f"{failed} of {count} songs were not made")


def _told(wish: Request, song: Song, places: list[Path], as_json: bool, played: str) -> str:
    """What is said of a song that was made."""
    names, notes = [str(place) for place in places], len(song.score.notes)
    if as_json:
        told: dict[str, Any] = {"files": names, "seconds": round(song.seconds, 3), "notes": notes, "seed": wish.seed}
        return json.dumps({**told, "tokens": len(song.tokens)})
    length = f"{wish.bars} bars, {song.seconds:.1f} s" if wish.bars else f"{song.seconds:g} s"
    return f"{', '.join(names)}: {length}, {notes} notes, seed {wish.seed}{played}"


def _show_card(model: Path) -> None:
    from .card import describe
    from .load import read_card

    encoding = sys.stdout.encoding or "utf-8"  # of a licence, what the terminal cannot show becomes a question mark
    typer.echo(describe(read_card(model), model).encode(encoding, "replace").decode(encoding))


def _only_replayed(context: typer.Context) -> None:
    """Raise UgenError for a flag that a replayed song's record decides."""
    free = {"model", "output", "replay", "soundfont", "threads", "provider", "quiet", "as_json"}
    for name in context.params:
        source = context.get_parameter_source(name)
        if name not in free and source is not None and source.name == "COMMANDLINE":
            raise UgenError(f"--{name.replace('_', '-')}: comes from the song with --replay; leave it out")


def _same_model(request: Request, digest: str, song: Path) -> Request:
    if request.model != digest:
        raise UgenError(
            f"--replay {song}: another model file made it (sha256 {request.model[:12]}…, not {digest[:12]}…)"
        )
    return request


def _primer(model: Model, path: Path | None, seconds: float | None, keep: bool) -> Any:
    """The primer's tokens, None for none. Raises UgenError also for flags that go with one only."""
    if path is None:
        for flag, given in (("--primer-seconds", seconds is not None), ("--keep-primer", keep)):
            if given:
                raise UgenError(f"{flag}: goes with --primer")
        return None
    from ugen.data import read_midi

    from .generate import tokens_of

    return tokens_of(model, read_midi(path), seconds)


def main() -> None:
    """Entry point of ugen-run."""
    run_app(app, "ugen-run")
