"""ugen-run: make music from a model file."""

from __future__ import annotations

import secrets
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from ugen.data import Note, UgenError
from ugen.data.cli.app import make_app, run_app
from ugen.runtime.inference.loading import PRETRAINED

if TYPE_CHECKING:
    from ugen.runtime.generation.request import Request
    from ugen.runtime.inference.model import Model

    from .messages import RunMessages

app = make_app()


EXAMPLES = """Example: ugen-run -o song.mid

Example: ugen-run model.onnx -o song.mid --seconds 60 --seed 7

Example: ugen-run model.onnx -o song.mid -o song.png --bars 32 --primer mine.mid --keep-primer

Example: ugen-run model.onnx -o 'songs/{seed}.mid' --count 50

Example: ugen-run model.onnx --endless --play

Example: ugen-run model.onnx --info"""


@app.command(epilog=EXAMPLES)
def run(
    context: typer.Context,
    model: Annotated[
        Path,
        typer.Argument(
            help="The model file that export-ugen wrote.",
            show_default="the one that comes with ugen",
        ),
    ] = PRETRAINED,
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "-o",
            "--output",
            help="The file to write, by its extension: .mid, .mp3, .ogg, .flac, .wav, .png, .csv, .txt; - for "
            "MIDI to standard output. May be given several times. {seed} stands for the seed.",
        ),
    ] = None,
    info: Annotated[
        bool, typer.Option("--info", help="Print what the model file says of itself, and stop.")
    ] = False,
    replay: Annotated[
        Path | None, typer.Option(help="Make the song of this MIDI file again, as its record says.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="Length of the song.")] = 60.0,
    bars: Annotated[
        int | None, typer.Option(help="Length in whole bars, in place of --seconds.")
    ] = None,
    endless: Annotated[
        bool,
        typer.Option(
            "--endless", help="Make music until Ctrl-C, then end the file in -o, if there is one."
        ),
    ] = False,
    play: Annotated[
        bool, typer.Option("--play", help="Play it through the loudspeaker while it is made.")
    ] = False,
    midi_port: Annotated[
        str | None,
        typer.Option(
            help="Play it on this MIDI port, by name or part of it; new opens one of our own, called ugen."
        ),
    ] = None,
    list_ports: Annotated[
        bool, typer.Option("--list-ports", help="Print the MIDI ports there are, and stop.")
    ] = False,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="The same seed makes the same song. Drawn when not given."),
    ] = None,
    count: Annotated[
        int, typer.Option(min=1, max=100_000, help="So many songs, of seeds one after the other.")
    ] = 1,
    temperature: Annotated[
        float | None,
        typer.Option(help="Below 1 plays safer, above 1 wilder; 0 always takes the likeliest."),
    ] = None,
    top_k: Annotated[
        int | None, typer.Option(help="Draw from the k likeliest tokens only; 0 is off.")
    ] = None,
    top_p: Annotated[
        float | None,
        typer.Option(help="Draw from the likeliest tokens that together reach this share."),
    ] = None,
    min_p: Annotated[
        float | None,
        typer.Option(
            help="Draw from tokens at least this share as likely as the likeliest; 0 is off."
        ),
    ] = None,
    repetition_penalty: Annotated[
        float | None,
        typer.Option(help="Make pitches of the last 32 notes so many times less likely; 1 is off."),
    ] = None,
    primer: Annotated[Path | None, typer.Option(help="A MIDI file to go on from.")] = None,
    primer_seconds: Annotated[
        float | None, typer.Option(help="Go on from the first seconds of it only.")
    ] = None,
    keep_primer: Annotated[
        bool, typer.Option("--keep-primer", help="Begin the song with the primer itself.")
    ] = False,
    from_state: Annotated[
        Path | None,
        typer.Option(help="Go on where the song of this state ended; with --seed, on another way."),
    ] = None,
    save_state: Annotated[
        Path | None, typer.Option(help="Write where the song ended, for --from-state.")
    ] = None,
    tempo: Annotated[float | None, typer.Option(help="Beats a minute for all of the song.")] = None,
    transpose: Annotated[int, typer.Option(help="Semitones up, or down below 0.")] = 0,
    key: Annotated[
        str | None, typer.Option(help="Transpose to this key, as in C, F# or Bbm.")
    ] = None,
    program: Annotated[
        int | None, typer.Option(help="General MIDI program of all notes, 0 to 127.")
    ] = None,
    velocity: Annotated[
        int | None, typer.Option(help="Mean loudness of the notes, 1 to 127.")
    ] = None,
    soundfont: Annotated[
        Path | None,
        typer.Option(help="The .sf2 that plays sound files; TimGM6mb.sf2 (GPL-2) when not given."),
    ] = None,
    no_guard: Annotated[
        bool,
        typer.Option(
            "--no-guard", help="Let the model fall silent or go round in circles if it will."
        ),
    ] = False,
    threads: Annotated[
        int, typer.Option(min=1, max=256, help="Processor threads for the model.")
    ] = 1,
    provider: Annotated[
        str,
        typer.Option(
            help="What computes: cpu, cuda, tensorrt, coreml, directml, openvino, or auto."
        ),
    ] = "auto",
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say nothing but what goes wrong.")
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Say it as a line of JSON for each song; of an endless one for each note.",
        ),
    ] = False,
) -> None:
    """Make new music from a model file."""
    if info:
        _show_card(model)
        return
    if list_ports:
        from ugen.runtime.playback.midi_port import port_names

        typer.echo("\n".join(port_names()) or "no MIDI ports here")
        return
    from ugen.runtime.generation.request import Request, file_hash, read_record
    from ugen.runtime.generation.song_state import load_state
    from ugen.runtime.generation.transform import Transform
    from ugen.runtime.inference.loading import load

    from . import outputs
    from .messages import RunMessages

    files = output or []
    live = endless or play or midi_port is not None
    if live:
        _check_live(context, files)
    played = "" if live else outputs.check(files, count, soundfont)
    if count > 1 and save_state is not None and outputs.SEED not in str(save_state):
        raise UgenError(
            f"--save-state {save_state}: of {count} songs each needs a name, with {outputs.SEED} in it"
        )
    loaded, digest = load(model, threads, provider), file_hash(model)
    if replay is not None:
        _only_replayed(context)
        wish = read_record(replay, digest, loaded.card)
    else:
        start = None if from_state is None else load_state(from_state, digest, loaded.card)
        own: dict[str, Any] = {
            "temperature": temperature,
            "top_k": top_k,
            "top_p": top_p,
            "min_p": min_p,
            "repetition_penalty": repetition_penalty,
        }
        sampling = start.sampling if start else loaded.card.sampling
        sampling = replace(
            sampling, **{name: value for name, value in own.items() if value is not None}
        )
        drawn = start.seed if start else secrets.randbits(32)
        wish = Request(
            drawn if seed is None else seed,
            sampling,
            digest,
            None if endless else seconds,
            bars,
            tempo,
            _primer(loaded, primer, primer_seconds, keep_primer),
            keep_primer,
            Transform(transpose, key, program, velocity),
            not no_guard,
            start,
        )
    teller = RunMessages(quiet, as_json, outputs.STDOUT in files, played)
    teller.warning(f"computed by {loaded.provider}" if loaded.provider != "cpu" else "")
    if live or (wish.streamed and [file.suffix.lower() for file in files] == [".mid"]):
        _stream(wish, loaded, files, play, midi_port, soundfont, teller, save_state)
    else:
        _make(wish, count, loaded, files, soundfont, teller, save_state)


def _make(
    first: Request,
    count: int,
    model: Model,
    files: list[Path],
    soundfont: Path | None,
    teller: RunMessages,
    save_state: Path | None,
) -> None:
    """Make songs, and write each when it is whole."""
    from ugen.runtime.generation import song_state as state
    from ugen.runtime.generation.faults import GuardError

    from . import outputs

    failed = 0
    for wish in (replace(first, seed=first.seed + number) for number in range(count)):
        places = [outputs.place(file, wish.seed) for file in files]
        with teller.bar(str(places[0]), wish) as advance_to:
            try:
                song = wish.make(model, advance_to)
            except GuardError as error:
                if count == 1:
                    raise
                failed += 1
                typer.echo(f"{places[0]}: {error}", err=True)
                continue
        outputs.write(song, wish.record(), places, soundfont)
        if save_state is not None:
            state.save_state(song.state, wish.model, outputs.place(save_state, wish.seed))
        for words in song.mended:
            teller.warning(f"{places[0]}: {words}")
        teller.song(wish, places, song.seconds, len(song.score.notes), len(song.tokens))
    if failed:
        raise GuardError(f"{failed} of {count} songs were not made")


def _stream(
    wish: Request,
    model: Model,
    files: list[Path],
    play: bool,
    midi_port: str | None,
    soundfont: Path | None,
    teller: RunMessages,
    save_state: Path | None,
) -> None:
    """Make a song that is heard or written while it is made."""
    from ugen.runtime.generation import song_state as state
    from ugen.runtime.playback import audio_player as loudspeaker
    from ugen.runtime.playback import midi_player as live
    from ugen.runtime.playback import session as streamed
    from ugen.runtime.playback.midi_port import open_port

    from . import outputs

    places = [outputs.place(file, wish.seed) for file in files]
    streamed.check(wish, places)
    with ExitStack() as stack:
        if play:
            loudspeaker.check(soundfont)
        port = None if midi_port is None else stack.enter_context(open_port(midi_port))
        heard = play or port is not None
        what = "playing" if heard else str(places[0]) if places else "notes"
        show = stack.enter_context(teller.bar(f"{what}, seed {wish.seed}", wish, heard))
        reached = 0.0

        def advance_to(seconds: float) -> None:
            nonlocal reached
            reached = seconds
            show(seconds)

        def player(notes: Iterator[Note | None]) -> None:
            if port is not None:
                with port:  # closed at once after Ctrl-C, while the file is still being finished
                    performed = live.perform(notes, port, advance_to)
                gaps, lost = performed.pauses, performed.paused_seconds
            elif play:
                played = loudspeaker.play(notes, soundfont, advance_to)
                gaps, lost = played.underruns, played.silent_seconds
            else:
                deque(notes, maxlen=0)
                return
            if gaps:
                teller.warning(
                    f"the music stood still {gaps} times, {lost:.1f} s in all: this machine was too busy"
                )

        made = streamed.run(
            wish,
            model,
            player,
            places[0] if places else None,
            on_note=teller.note,
            on_progress=(lambda made: None) if heard else advance_to,
            on_mended=teller.warning,
        )
    if save_state is not None:
        state.save_state(made.state, wish.model, outputs.place(save_state, wish.seed))
    teller.streamed(wish, places, made.seconds, made.notes, reached if heard else None)


def _check_live(context: typer.Context, files: list[Path]) -> None:
    """Raise UgenError for flags that do not go with a song that is heard or written while it is
    made."""
    given = _given(context)
    if "play" in given and "midi_port" in given:
        raise UgenError("--play and --midi-port: give one of them")
    for name in ("count", *(("seconds", "bars", "replay") if "endless" in given else ())):
        if name in given:
            raise UgenError(
                f"--{name}: not with {'--endless' if name != 'count' else 'a song played while it is made'}"
            )
    if len(files) > 1:
        raise UgenError(f"-o {files[1]}: a song written while it is made goes to one file")
    if "soundfont" in given and "play" not in given:
        raise UgenError("--soundfont: goes with sound files and --play")
    if not files and not {"play", "midi_port", "as_json"} & given:
        raise UgenError("--endless: say where to, by -o song.mid, --play, --midi-port or --json")


def _given(context: typer.Context) -> set[str]:
    """The flags that stand on the command line."""
    sources = ((name, context.get_parameter_source(name)) for name in context.params)
    return {name for name, source in sources if source is not None and source.name == "COMMANDLINE"}


def _show_card(model: Path) -> None:
    from ugen.runtime.model_file.check import read_card

    from .model_info import describe

    encoding = (
        sys.stdout.encoding or "utf-8"
    )  # of a licence, what the terminal cannot show becomes a question mark
    typer.echo(describe(read_card(model), model).encode(encoding, "replace").decode(encoding))


def _only_replayed(context: typer.Context) -> None:
    """Raise UgenError for a flag that a replayed song's record decides."""
    free = {
        "model",
        "output",
        "replay",
        "soundfont",
        "threads",
        "provider",
        "quiet",
        "as_json",
        "play",
        "midi_port",
        "save_state",
    }
    for name in _given(context):
        if name not in free:
            raise UgenError(
                f"--{name.replace('_', '-')}: comes from the song with --replay; leave it out"
            )


def _primer(model: Model, path: Path | None, seconds: float | None, keep: bool) -> Any:
    """The primer's tokens, None for none. Raises UgenError also for flags that go with one only."""
    if path is None:
        for flag, given in (("--primer-seconds", seconds is not None), ("--keep-primer", keep)):
            if given:
                raise UgenError(f"{flag}: goes with --primer")
        return None
    from ugen.data import read_midi
    from ugen.runtime.generation.primer import tokens_of

    return tokens_of(model, read_midi(path), seconds)


def main() -> None:
    """Entry point of ugen-run."""
    run_app(app, "ugen-run")
