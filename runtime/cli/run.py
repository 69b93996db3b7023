"""ugen-run: make music from a model file."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from ugen.data import UgenError, read_midi
from ugen.data.analysis.chord_symbols import chords_text, parse_chords
from ugen.data.analysis.chords import chords_of_bars
from ugen.data.analysis.key import key_name, parse_key
from ugen.data.cli.app import make_app, run_app
from ugen.data.cli.options import given_flags, refuse_others, with_options, with_version
from ugen.data.cli.terminal import width
from ugen.data.codecs.base import Tokens
from ugen.data.errors import CodecError
from ugen.data.pretrained import HELP, PRETRAINED
from ugen.data.processors import usable_threads
from ugen.data.text import printable
from ugen.runtime.generation.primer import primer_music, tokens_of
from ugen.runtime.generation.request import Request, read_record
from ugen.runtime.generation.settings import SongSettings
from ugen.runtime.generation.song_state import load_state
from ugen.runtime.generation.transform import Transform
from ugen.runtime.inference.loading import load
from ugen.runtime.inference.model import Model
from ugen.runtime.sampling.config import Sampling

from .flags import Keeping, Live, Machine, Output, Source, check_flags
from .from_run import model_file
from .keeping import read_kept
from .outputs import STDOUT

if TYPE_CHECKING:
    from .messages import RunMessages

app = make_app()

SECONDS = 60.0  # of a song when no length is given

EXAMPLES = """Example: ugen-run -o song.mid

Example: ugen-run pretrained-band -o song.mid

Example: ugen-run runs/mine -o song.mid

Example: ugen-run model.onnx -o song.mid --seconds 60 --seed 7

Example: ugen-run model.onnx -o song.mid -o song.png --bars 32 --primer mine.mid --keep-primer

Example: ugen-run model.onnx -o 'songs/{seed}.mid' --count 50 --best 5

Example: ugen-run model.onnx -o song.mid --like ragtime --density dense --meter 2/4

Example: ugen-run model.onnx -o song.mid --chords 'Am | F | C G | Am' --bars 16

Example: ugen-run model.onnx -o song.mid --with mine.mid --keep melody

Example: ugen-run model.onnx -o song.mid --with mine.mid --from-bar 9 --to-bar 16 --rewrite

Example: ugen-run model.onnx -o song.mid --vary mine.mid --much 0.3

Example: ugen-run band.onnx -o song.mid --instruments 'piano, acoustic bass, drums'

Example: ugen-run model.onnx --endless --play

Example: ugen-run --midi-in keyboard --midi-port synth

Example: ugen-run model.onnx --info"""


@app.command(epilog=EXAMPLES)
@with_version
@with_options(
    output=Output,
    source=Source,
    keeping=Keeping,
    song=SongSettings,
    sampling=Sampling,
    transform=Transform,
    live=Live,
    machine=Machine,
)
def run(
    context: typer.Context,
    model: Annotated[
        Path,
        typer.Argument(
            metavar="[MODEL]",
            help=f"A model file that export-ugen wrote, or a run of train-ugen; {HELP}.",
            show_default="pretrained",
        ),
    ] = PRETRAINED,
    info: Annotated[bool, typer.Option("--info", help="Describe the model file and exit.")] = False,
    *,
    output: dict[str, Any],
    source: dict[str, Any],
    keeping: dict[str, Any],
    song: dict[str, Any],
    sampling: dict[str, Any],
    transform: dict[str, Any],
    live: dict[str, Any],
    machine: dict[str, Any],
) -> None:
    """Make new music from a model file."""
    given = given_flags(context)
    targets, origin, streaming = Output(**output), Source(**source), Live(**live)
    if info:
        _show_card(given, model_file(model), targets.as_json)
        return
    if streaming.list_ports:
        _show_ports(given)
        return
    from . import songs
    from .messages import RunMessages

    credit = check_flags(given, targets, origin, streaming.is_on)
    messages = RunMessages(targets.quiet, targets.as_json, STDOUT in targets.files, credit)
    computing = Machine(**machine)
    loaded = load(
        model_file(model), usable_threads(computing.threads, messages.warning), computing.provider
    )
    messages.card = loaded.card
    if origin.replay is not None:
        request = read_record(origin.replay, loaded.sha256, loaded.card)
    else:
        kept = read_kept(loaded, Keeping(**keeping), given, messages.warning)
        if kept is not None:
            song["kept"] = kept
        _complete(song, targets, streaming, messages)
        if "key" not in loaded.card.known and "key" in song:
            transform["key"] = song.pop("key")
        settings = _settings(loaded, origin, song, sampling, messages)
        request = Request(loaded.sha256, settings, Transform(**transform))
    songs.make(request, origin, loaded, targets, streaming, messages)


def _complete(
    song: dict[str, Any], targets: Output, streaming: Live, messages: RunMessages
) -> None:
    """Add what follows from the other options, and put key and chords as records have them."""
    is_open = streaming.endless or streaming.midi_in is not None
    if not is_open and song.keys().isdisjoint(("seconds", "bars", "kept")):
        song["seconds"] = SECONDS
    if targets.save_state is not None and not streaming.endless:
        song["exact"] = True  # a song that has come to its end cannot be continued
    if " " in song.get("key", ""):  # D minor: records and other runtimes have Dm
        song["key"] = key_name(parse_key(song["key"]))
    if "chords" in song:
        song["chords"] = _chords(song["chords"], messages)


def _settings(
    model: Model,
    origin: Source,
    song: dict[str, Any],
    sampling: dict[str, Any],
    messages: RunMessages,
) -> SongSettings:
    """What to make: what is given, else what a state holds, else the model's own."""
    path = origin.from_state
    start = None if path is None else load_state(path, model.sha256, model.card)
    defaults = start.sampling if start else model.card.sampling
    seed = start.seed if start else secrets.randbits(32)
    return SongSettings(
        start=start,
        sampling=replace(defaults, **sampling),
        primer=_primer_tokens(model, origin, messages),
        **{"seed": seed, **song},
    )


def _chords(given: str, messages: RunMessages) -> str:
    """Chords as they are given, or those of a MIDI file."""
    if given.lower().endswith((".mid", ".midi")):
        try:
            return chords_text(chords_of_bars(read_midi(given)))
        except UgenError as error:
            raise UgenError(error.reason, flag="--chords", path=given) from None
    for warning in parse_chords(given).warnings:
        messages.warning(printable(f"--chords: {warning}"))
    return given


def _primer_tokens(model: Model, origin: Source, messages: RunMessages) -> Tokens | None:
    if origin.primer is None:
        if origin.primer_seconds is not None:
            raise UgenError("goes with --primer", flag="--primer-seconds")
        return None
    try:
        music = primer_music(model, read_midi(origin.primer), origin.primer_seconds)
        tokens = tokens_of(model, music)
    except CodecError as error:
        raise UgenError(error.reason, flag="--primer", path=origin.primer) from None
    except UgenError as error:
        path = origin.primer if error.flag == "--primer" else error.path
        raise UgenError(error.reason, flag=error.flag, path=path) from None
    for warning in music.warnings:
        messages.warning(printable(f"{origin.primer}: {warning}"))
    return tokens


def _show_card(given: Mapping[str, str], model: Path, as_json: bool) -> None:
    refuse_others(given, "--info", ("model", "info", "as_json"))
    from ugen.runtime.model_file.check import read_card

    from .model_info import card_json, describe

    card = read_card(model)
    text = json.dumps(card_json(card, model)) if as_json else describe(card, model, width())
    # of a licence, what the terminal cannot show becomes a question mark
    encoding = sys.stdout.encoding or "utf-8"
    typer.echo(text.encode(encoding, "replace").decode(encoding))


def _show_ports(given: Mapping[str, str]) -> None:
    refuse_others(given, "--list-ports", ("model", "list_ports"))
    from ugen.runtime.playback.midi_port import port_names

    typer.echo("\n".join(port_names()) or "no MIDI ports here")
    if inputs := port_names("in"):
        typer.echo("\n".join(["", "for --midi-in:", *inputs]))


def main() -> None:
    """Entry point of ugen-run."""
    run_app(app, "ugen-run")
