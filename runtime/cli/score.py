"""ugen-score: how well a model predicts music, what its songs are like, and what a song copied."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from ugen.data.cli.app import make_app, run_app
from ugen.data.cli.file_warnings import FileWarnings
from ugen.data.cli.options import given_flags, refuse_others, with_options, with_version
from ugen.data.cli.progress import progress_bar
from ugen.data.cli.terminal import say, width
from ugen.data.pretrained import HELP, PRETRAINED, model_path
from ugen.data.processors import usable_threads
from ugen.runtime.scoring.settings import ScoreSettings

from .from_run import is_run, model_file

if TYPE_CHECKING:
    from ugen.runtime.model_file.card import Card
    from ugen.runtime.scoring.pieces import Piece

app = make_app()

EXAMPLES = """Example: ugen-score model.onnx my-midi-files

Example: ugen-score --originality song.mid model.onnx"""


@app.command(epilog=EXAMPLES)
@with_version
@with_options(settings=ScoreSettings)
def score(
    context: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(
            help="A folder of music, or MIDI files; and a model file (.onnx), or else the one that "
            f"comes with ugen; {HELP}."
        ),
    ],
    settings: dict[str, Any],
    originality: Annotated[
        bool, typer.Option("--originality", help="Find what songs copied from the training music.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object, and nothing else.")
    ] = False,
) -> None:
    """Score a model on music, or find what songs copied from its training music."""
    from ugen.runtime.scoring.tables import originality_words

    if originality:
        refuse_others(given_flags(context), "--originality", _WITH_ORIGINALITY)
    model, music = _sorted_out(files)
    asked = ScoreSettings(**settings)
    find, words = (_originality, originality_words) if originality else (_scores, _words)
    found = find(model, music, asked)
    if as_json:
        typer.echo(json.dumps(found))
    else:
        say(words(found))


_WITH_ORIGINALITY = "files", "originality", "sustain", "as_json"


def _sorted_out(files: Sequence[Path]) -> tuple[Path, list[Path]]:
    """Which of the files is the model, and all MIDI files that the others are or hold."""
    from ugen.data import UgenError
    from ugen.data.midi.files import midi_files

    files = [model_file(path) if is_run(path) else model_path(path) for path in files]
    models = [path for path in files if path.suffix.lower() == ".onnx"] or [PRETRAINED]
    if len(models) > 1:
        raise UgenError(f"takes one model file (.onnx), and {len(models)} were given")
    others = [path for path in files if path not in models]
    if not others:
        raise UgenError("name a folder of music, too, or MIDI files", path=models[0])
    return models[0], [file for path in others for file in midi_files(path)]


def _readable(
    files: Sequence[Path], card: Card, sustain: bool
) -> tuple[dict[Path, Piece], dict[str, str]]:
    """The pieces that can be read, and for the other files why not. Says what was wrong with them.
    Raises UgenError when there are none."""
    from ugen.data import UgenError
    from ugen.data.text import count, printable
    from ugen.runtime.scoring.pieces import read_piece

    found, failed = {}, {}
    with progress_bar("reading", len(files), "files") as advance_to, FileWarnings() as warnings:
        for number, path in enumerate(files, 1):
            try:
                found[path] = read_piece(path, card, sustain)
                warnings.say(path, found[path].warnings)
            except UgenError as error:
                failed[str(path)] = printable(error.reason)
            advance_to(number)
    if not found:
        first, reason = next(iter(failed.items()))
        others = f"; nor can {count(len(failed) - 1, 'other')}" if len(failed) > 1 else ""
        raise UgenError(f"cannot be used: {reason}{others}", path=first)
    return found, failed


def _originality(model: Path, music: Sequence[Path], settings: ScoreSettings) -> dict[str, Any]:
    """What songs copied, as JSON."""
    from ugen.runtime.model_file.check import read_card
    from ugen.runtime.scoring.songs import originality_of, table_of

    card, sustain = read_card(model), settings.sustain
    table = table_of(card, model)
    pieces, failed = _readable(music, card, sustain)
    found = {path: originality_of(piece, card, table) for path, piece in pieces.items()}
    return {
        "model": str(model),
        "pieces": len(table.pieces),
        "runs": len(table.keys),
        "run_notes": table.n,
        "found_for_certain": table.certain,
        "false_positives": table.false_positives,
        "held_out": asdict(table.held_out) if table.held_out else None,
        "songs": {str(path): asdict(each) for path, each in found.items()},
        "unreadable": failed,
    }


def _words(found: dict[str, Any]) -> str:
    from ugen.runtime.scoring.tables import score_words

    return score_words(found, width())


def _scores(model: Path, music: Sequence[Path], settings: ScoreSettings) -> dict[str, Any]:
    """Scores, and measures of songs, as JSON."""
    from ugen.data.analysis.scores import OWN_MUSIC
    from ugen.runtime.inference.loading import load
    from ugen.runtime.scoring.evaluate import score as score_pieces
    from ugen.runtime.scoring.songs import compare_songs, known_pieces, song_seconds

    loaded = load(model, usable_threads(settings.threads, partial(typer.echo, err=True)))
    card, codec = loaded.card, loaded.card.codec
    found, failed = _readable(music, card, settings.sustain)
    pieces = list(found.values())
    steps = sum(len(codec.to_inputs(piece.tokens)) for piece in pieces)
    with progress_bar("scoring", steps, "steps") as advance_to:
        scores = score_pieces(loaded, pieces, advance_to)
    compared = None
    if settings.songs:
        seconds = settings.songs * song_seconds(pieces)
        with progress_bar("making songs", seconds, "s of music") as advance_to:
            songs = compare_songs(loaded, pieces, settings.songs, advance_to)
        measures = {name: each._asdict() for name, each in songs.measures.items()}
        compared = {**songs._asdict(), "measures": measures}
    return {
        "model": str(model),
        "input": codec.input,
        "music": {
            "pieces": len(pieces),
            "tokens": steps,
            "notes": sum(piece.notes for piece in pieces),
            "seconds": sum(piece.seconds for piece in pieces),
            "lost": sum(piece.lost for piece in pieces),
            "known": known_pieces(pieces, card),
        },
        "scores": asdict(scores),
        "unreadable": failed,
        **{f"own_{entry}": _object(card, entry) for entry in OWN_MUSIC},
        "own_baselines": _object(card, "baselines"),
        "songs": compared,
    }


def _object(card: Card, name: str) -> dict[str, Any]:
    """An object in a card's provenance, empty when there is none."""
    value = card.provenance.get(name)
    return value if isinstance(value, dict) else {}


def main() -> None:
    """Entry point of ugen-score."""
    run_app(app, "ugen-score")
