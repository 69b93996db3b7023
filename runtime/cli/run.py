"""ugen-run: make music from a model file."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from ugen.data import UgenError
from ugen.data.cli.app import make_app, run_app
from ugen.data.cli.options import given_flags, refuse_others, with_options, with_version
from ugen.runtime.generation.request import Request, read_record
from ugen.runtime.generation.settings import SongSettings
from ugen.runtime.generation.song_state import load_state
from ugen.runtime.generation.transform import Transform
from ugen.runtime.inference.loading import PRETRAINED, load
from ugen.runtime.inference.model import Model
from ugen.runtime.sampling.config import Sampling

from .flags import check_flags

app = make_app()

SECONDS = 60.0  # of a song when no length is given

OUTPUT, LIVE, MACHINE = "Output", "Playing live", "Machine"

EXAMPLES = """Example: ugen-run -o song.mid

Example: ugen-run model.onnx -o song.mid --seconds 60 --seed 7

Example: ugen-run model.onnx -o song.mid -o song.png --bars 32 --primer mine.mid --keep-primer

Example: ugen-run model.onnx -o 'songs/{seed}.mid' --count 50

Example: ugen-run model.onnx --endless --play

Example: ugen-run model.onnx --info"""

ModelFile = Annotated[
    Path,
    typer.Argument(
        metavar="[MODEL]",
        help="A model file that export-ugen wrote.",
        show_default="the model that comes with ugen",
    ),
]
Info = Annotated[bool, typer.Option("--info", help="Describe the model file and exit.")]
ListPorts = Annotated[
    bool, typer.Option("--list-ports", help="List the MIDI ports and exit.", rich_help_panel=LIVE)
]
Files = Annotated[
    list[Path] | None,
    typer.Option(
        "-o",
        "--output",
        help="File to write, of the kind that its extension names: .mid, .mp3, .ogg, .flac, .wav, "
        ".png, .csv, .txt; - is MIDI on standard output. May be given several times. {seed} in "
        "the name stands for the seed.",
        rich_help_panel=OUTPUT,
    ),
]
SoundFont = Annotated[
    Path | None,
    typer.Option(
        help="The .sf2 file that plays sound files and --play.",
        show_default="TimGM6mb.sf2, GPL-2",
        rich_help_panel=OUTPUT,
    ),
]
SaveState = Annotated[
    Path | None,
    typer.Option(help="Write where the song ended, for --from-state.", rich_help_panel=OUTPUT),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print only errors.", rich_help_panel=OUTPUT)
]
AsJson = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print JSON: a line for each song, for each note of a song made live, or the --info.",
        rich_help_panel=OUTPUT,
    ),
]
Count = Annotated[
    int,
    typer.Option(
        min=1,
        max=100_000,
        help="Number of songs, with consecutive seeds.",
        rich_help_panel=SongSettings.PANEL,
    ),
]
Primer = Annotated[
    Path | None,
    typer.Option(help="A MIDI file to continue from.", rich_help_panel=SongSettings.PANEL),
]
PrimerSeconds = Annotated[
    float | None,
    typer.Option(
        help="Continue from the first seconds of it only.", rich_help_panel=SongSettings.PANEL
    ),
]
FromState = Annotated[
    Path | None,
    typer.Option(
        help="Continue the song of this state; with another --seed, differently.",
        rich_help_panel=SongSettings.PANEL,
    ),
]
Replay = Annotated[
    Path | None,
    typer.Option(
        help="Make the song of this MIDI file again, by the record in it.",
        rich_help_panel=SongSettings.PANEL,
    ),
]
Endless = Annotated[
    bool, typer.Option("--endless", help="Make music until Ctrl-C ends it.", rich_help_panel=LIVE)
]
Play = Annotated[
    bool,
    typer.Option(
        "--play", help="Play through the loudspeaker while it is made.", rich_help_panel=LIVE
    ),
]
MidiPort = Annotated[
    str | None,
    typer.Option(
        help="Play on this MIDI port while it is made, by its name or a part of it; new opens one "
        "called ugen.",
        rich_help_panel=LIVE,
    ),
]
Threads = Annotated[
    int,
    typer.Option(min=1, max=256, help="Processor threads for the model.", rich_help_panel=MACHINE),
]
Provider = Annotated[
    str,
    typer.Option(
        help="Where to compute: cpu, cuda, tensorrt, coreml, directml, openvino, or auto.",
        rich_help_panel=MACHINE,
    ),
]


@app.command(epilog=EXAMPLES)
@with_version
@with_options(song=SongSettings, sampling=Sampling, transform=Transform)
def run(
    context: typer.Context,
    model: ModelFile = PRETRAINED,
    info: Info = False,
    output: Files = None,
    soundfont: SoundFont = None,
    save_state: SaveState = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
    count: Count = 1,
    primer: Primer = None,
    primer_seconds: PrimerSeconds = None,
    from_state: FromState = None,
    replay: Replay = None,
    endless: Endless = False,
    play: Play = False,
    midi_port: MidiPort = None,
    list_ports: ListPorts = False,
    threads: Threads = 1,
    provider: Provider = "auto",
    *,
    song: dict[str, Any],
    sampling: dict[str, Any],
    transform: dict[str, Any],
) -> None:
    """Make new music from a model file."""
    given = given_flags(context)
    if info:
        return _show_card(given, model, as_json)
    if list_ports:
        return _show_ports(given)
    from . import outputs, songs
    from .messages import RunMessages

    files = output or []
    is_live = endless or play or midi_port is not None
    check_flags(given, files, is_live)
    targets = songs.Targets(files, soundfont, save_state, play, midi_port)
    credit = targets.check(count, is_live)
    messages = RunMessages(quiet, as_json, outputs.STDOUT in files, credit)
    loaded = load(model, threads, provider)
    if replay is not None:
        request = read_record(replay, loaded.sha256, loaded.card)
    else:
        if not endless and song.keys().isdisjoint(("seconds", "bars")):
            song["seconds"] = SECONDS
        song["primer"] = _primer_tokens(loaded, primer, primer_seconds)
        settings = _settings(loaded, song, sampling, from_state)
        request = Request(loaded.sha256, settings, Transform(**transform))
    songs.make(request, count, loaded, targets, messages, is_live)


def _settings(
    model: Model, song: dict[str, Any], sampling: dict[str, Any], from_state: Path | None
) -> SongSettings:
    """What to make: what is given, else what a state holds, else the model's own."""
    start = None if from_state is None else load_state(from_state, model.sha256, model.card)
    usual = start.sampling if start else model.card.sampling
    seed = start.seed if start else secrets.randbits(32)
    settings = {"seed": seed, **song}
    return SongSettings(start=start, sampling=replace(usual, **sampling), **settings)


def _primer_tokens(model: Model, path: Path | None, seconds: float | None) -> Any:
    """The primer's tokens, None for none."""
    if path is None:
        if seconds is not None:
            raise UgenError("goes with --primer", flag="--primer-seconds")
        return None
    from ugen.data import read_midi
    from ugen.runtime.generation.primer import tokens_of

    return tokens_of(model, read_midi(path), seconds)


def _show_card(given: Mapping[str, str], model: Path, as_json: bool) -> None:
    refuse_others(given, "--info", ("model", "info", "as_json"))
    from ugen.runtime.model_file.check import read_card

    from .model_info import card_json, describe

    card = read_card(model)
    text = json.dumps(card_json(card, model)) if as_json else describe(card, model)
    # of a licence, what the terminal cannot show becomes a question mark
    encoding = sys.stdout.encoding or "utf-8"
    typer.echo(text.encode(encoding, "replace").decode(encoding))


def _show_ports(given: Mapping[str, str]) -> None:
    refuse_others(given, "--list-ports", ("model", "list_ports"))
    from ugen.runtime.playback.midi_port import port_names

    typer.echo("\n".join(port_names()) or "no MIDI ports here")


def main() -> None:
    """Entry point of ugen-run."""
    run_app(app, "ugen-run")
