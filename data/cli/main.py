"""ugen-data: files and corpora."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer
from ugen.data.corpus.prepare import Settings
from ugen.data.errors import UgenError
from ugen.data.folders import paths_below, why_no_file
from ugen.data.midi.files import midi_files
from ugen.data.render import audio
from ugen.data.render import convert as converter
from ugen.data.text import printable

from . import overwrite
from .app import make_app, run_app
from .file_warnings import FileWarnings
from .options import with_options, with_version
from .prepare import CodecChoice, corpus_settings, prepare_folder
from .progress import progress_bar
from .stats import stats_lines
from .terminal import say, width

app = make_app()


@app.callback()
@with_version
def ugen_data() -> None:
    """Files of music, and corpora made of them."""


BARS_IN_LINE = 4  # of chords
MUSIC = Path(__file__).parent.parent / "music"


@app.command(epilog="Example: ugen-data prepare my-midi-files -o corpus")
@with_options(choice=CodecChoice, settings=Settings)
def prepare(
    folder: Annotated[
        Path, typer.Argument(help="A folder; all MIDI files in it and below are read.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The corpus folder to write.")],
    choice: dict[str, Any],
    settings: dict[str, Any],
    workers: Annotated[
        int | None, typer.Option(help="Processes.", show_default="one per usable core")
    ] = None,
) -> None:
    """Turn a folder of MIDI files into a corpus.

    Its manifest has a row for every file: kept, or dropped and why.
    """
    prepare_folder(folder, output, corpus_settings(folder, **choice, **settings), workers)
    name = printable(shlex.quote(str(output)))
    say(f"next: train-ugen {name} -o runs/mine; what is in it: ugen-data report {name}")


@app.command(epilog="Example: ugen-data tokens song.mid --codec events")
@with_options(choice=CodecChoice)
def tokens(
    file: Annotated[Path, typer.Argument(help="A MIDI file.")], choice: dict[str, Any]
) -> None:
    """Print a file as the tokens that a model is trained on.

    There is one line per bar, or per step, after its time in seconds.
    """
    from ugen.data.analysis.beat_grid import LEAST_ON_GRID, on_grid
    from ugen.data.arrangement import arrange
    from ugen.data.codecs.listing import token_lines
    from ugen.data.midi.reader import read_midi

    chosen = CodecChoice(**choice)
    score = arrange(read_midi(file), chosen.arrangement)
    codec = chosen.make(lambda: on_grid(score) >= LEAST_ON_GRID)
    FileWarnings().say(file, score.warnings)
    for line in token_lines(codec, codec.encode(score).tokens):
        typer.echo(line)


@app.command(epilog="Example: ugen-data report corpus -o report.html")
def report(
    corpus: Annotated[Path, typer.Argument(help="A corpus folder that prepare wrote.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write a page (.html) as well.")
    ] = None,
    force: Annotated[bool, typer.Option("-f", "--force", help=overwrite.HELP)] = False,
) -> None:
    """Report what a corpus holds, and what was dropped or lost."""
    from ugen.data.corpus.corpus import Corpus
    from ugen.data.corpus.report import table
    from ugen.data.corpus.report_page import page
    from ugen.data.corpus.summary import facts
    from ugen.data.files import write_atomically

    if output is not None and output.suffix.lower() not in (".html", ".htm"):
        raise UgenError("the name must end in .html", flag="-o", value=output)
    if force and output is None:
        raise UgenError("goes with -o", flag="--force")
    overwrite.require_new([] if output is None else [output], force, "-o")
    found = facts(Corpus.open(corpus))
    typer.echo(table(found, width()))
    if output is not None:
        write_atomically(output, page(found).encode())
        typer.echo(printable(f"{output}: the same as a page, with every file"))


@app.command(epilog="Example: ugen-data convert song.mid song.png")
@with_options(options=converter.Options)
def convert(
    source: Annotated[
        Path,
        typer.Argument(help="A MIDI file, midicsv text (.csv), frames text (.txt), or a folder."),
    ],
    target: Annotated[
        Path,
        typer.Argument(help=f"The file to write ({', '.join(converter.WRITABLE)}), or a folder."),
    ],
    options: dict[str, Any],
    to: Annotated[
        str | None, typer.Option(help="For folders: the extension to write, such as csv.")
    ] = None,
    show: Annotated[
        bool, typer.Option("--show", help="Open the picture in the system's viewer.")
    ] = False,
    force: Annotated[bool, typer.Option("-f", "--force", help=overwrite.HELP)] = False,
) -> None:
    """Convert a file, or all files of a folder, into another kind."""
    is_folder = source.is_dir()
    kind = (f".{(to or '').removeprefix('.')}" if is_folder else target.suffix).lower()
    if is_folder and kind not in converter.WRITABLE:
        choices = ", ".join(converter.WRITABLE)
        raise UgenError(f"say which of {choices} to make of the files", flag="--to", value=to)
    if to is not None and not is_folder:
        raise UgenError(f"goes with a folder; {source} is none", flag="--to", value=to)
    if show and (is_folder or kind not in converter.PICTURES):
        raise UgenError(f"goes with a picture; {target} is none", flag="--show")
    work = converter.pairs(source, target, kind) if is_folder else {source: target}
    converter.check_used(options, {path.suffix.lower() for path in work}, kind)
    settings = converter.Options(**options)
    if any(path.resolve() == made.resolve() for path, made in work.items()):
        raise UgenError("is what is to be converted; name another file", path=target)
    overwrite.require_new(work.values(), force)
    played = f", played by {audio.credit(settings.soundfont)}" if kind in audio.FORMATS else ""
    if is_folder:
        _convert_folder(source, target, work, settings, played)
        return
    FileWarnings().say(source, converter.convert(source, target, settings))
    typer.echo(printable(f"{target}: written{played}"))
    if show:
        typer.launch(str(target))


def _convert_folder(
    source: Path, target: Path, work: dict[Path, Path], options: converter.Options, played: str
) -> None:
    """Convert what can be converted, name what cannot, and fail at the end if there was any."""
    failed = 0
    with progress_bar("converting", len(work)) as advance_to, FileWarnings() as warnings:
        for below in map(Path, paths_below(source)):
            warnings.say(below, [why_no_file(below)] * below.is_dir())
        for number, (path, made) in enumerate(work.items(), 1):
            try:
                warnings.say(path, converter.convert(path, made, options))
            except UgenError as error:
                failed += 1
                typer.echo(str(error), err=True)
            advance_to(number)
    typer.echo(printable(f"{target}: {len(work) - failed} files written{played}"))
    if failed:
        raise UgenError(
            f"{failed} of {len(work)} files in {source} could not be converted; each is named above"
        )


@app.command(epilog="Example: ugen-data stats song.mid other.mid")
def stats(
    files: Annotated[list[Path], typer.Argument(help="MIDI files, or folders of them.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line instead of a table.")
    ] = False,
) -> None:
    """Print measures of pieces: length, density, harmony, rhythm, repetition, key, and end."""
    files = [file for path in files for file in midi_files(path)]
    found = _measures(files)
    if as_json:
        for file, values in found.items():
            typer.echo(json.dumps({"file": file, **values}))
    elif found:
        for line in stats_lines(found, width()):
            typer.echo(line)
    if failed := len(set(map(str, files)) - found.keys()):
        raise UgenError(f"{failed} of {len(files)} files could not be read; each is named above")


@app.command(epilog="Example: ugen-data chords song.mid")
def chords(file: Annotated[Path, typer.Argument(help="A MIDI file.")]) -> None:
    """Print the chords of a piece, bar by bar, as --chords of ugen-run takes them."""
    from ugen.data.analysis.chord_symbols import chords_text
    from ugen.data.analysis.chords import chords_of_bars
    from ugen.data.midi.reader import read_midi

    score = read_midi(file)
    FileWarnings().say(file, score.warnings)
    bars = chords_of_bars(score)
    for at in range(0, len(bars), BARS_IN_LINE):
        typer.echo(f"{chords_text(bars[at : at + BARS_IN_LINE])} |")


def _measures(files: list[Path]) -> dict[str, dict[str, float]]:
    """The measures of the files that can be read; names the others, unless there is but one."""
    from ugen.data.analysis.measures import measures
    from ugen.data.midi.reader import read_midi

    found = {}
    with FileWarnings() as warnings:
        for file in files:
            try:
                score = read_midi(file)
            except UgenError as error:
                if len(files) == 1:
                    raise
                typer.echo(printable(str(error)), err=True)
                continue
            warnings.say(file, score.warnings)
            found[str(file)] = measures(score)
    return found


@app.command(epilog='Example: train-ugen "$(ugen-data music)" -o runs/demo')
def music() -> None:
    """Print the folder of the music that comes with ugen, licences beside it."""
    typer.echo(str(MUSIC))


def main() -> None:
    """Entry point of ugen-data."""
    run_app(app, "ugen-data")
