"""ugen-data: files and corpora."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from ugen.data.errors import UgenError

from .app import make_app, run_app
from .choices import Arrangement, CodecName, Colour
from .progress import progress_bar

app = make_app()

MUSIC = Path(__file__).parent.parent / "music"


@app.command(epilog="Example: ugen-data prepare my-midi-files -o corpus")
def prepare(
    folder: Annotated[
        Path, typer.Argument(help="A folder; all MIDI files in it and below are read.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The corpus folder to write.")],
    codec: Annotated[
        CodecName,
        typer.Option(
            help="beats (metrical), events (performance), frames (time steps), khot (vectors)."
        ),
    ] = CodecName.beats,
    ticks: Annotated[
        int | None,
        typer.Option(
            help="frames, khot: length of a step, in 1/480 beat at 120 bpm; 25 when not given."
        ),
    ] = None,
    fold: Annotated[
        bool, typer.Option("--fold", help="frames: one token for a step and its repetitions.")
    ] = False,
    arrange: Annotated[
        Arrangement,
        typer.Option(help="piano merges pitched tracks; band keeps programs and drums."),
    ] = Arrangement.piano,
    sustain: Annotated[
        bool, typer.Option("--sustain", help="Fold the sustain pedal into the ends of notes.")
    ] = False,
    valid: Annotated[
        float, typer.Option(help="Share of the pieces held out while training.")
    ] = 0.1,
    test: Annotated[
        float, typer.Option(help="Share of the pieces held out for a last test.")
    ] = 0.0,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; one a core when not given.")
    ] = None,
) -> None:
    """Turn a folder of MIDI files into a corpus, with a manifest of every file kept or dropped and
    why."""
    from .prepare import corpus_settings, prepare_folder

    settings = corpus_settings(
        codec.value, arrange.value, ticks=ticks, fold=fold, valid=valid, test=test, sustain=sustain
    )
    prepare_folder(folder, output, settings, workers)


@app.command(epilog="Example: ugen-data report corpus -o report.html")
def report(
    corpus: Annotated[Path, typer.Argument(help="A corpus folder that prepare wrote.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write a page (.html) as well.")
    ] = None,
) -> None:
    """Say what is in a corpus: what was kept, dropped, mended and lost, and how the music is
    spread."""
    from ugen.data.corpus.corpus import Corpus
    from ugen.data.corpus.report import table
    from ugen.data.corpus.report_page import page
    from ugen.data.corpus.summary import facts
    from ugen.data.files import write_atomically

    if output is not None and output.suffix.lower() not in (".html", ".htm"):
        raise UgenError(f"-o {output}: the name must end in .html")
    found = facts(Corpus.open(corpus))
    typer.echo(table(found))
    if output is not None:
        write_atomically(output, page(found).encode())
        typer.echo(f"{output}: the same as a page, with every file")


@app.command(epilog="Example: ugen-data convert song.mid song.png")
def convert(
    source: Annotated[
        Path,
        typer.Argument(help="A MIDI file, midicsv text (.csv), frames text (.txt), or a folder."),
    ],
    target: Annotated[
        Path,
        typer.Argument(
            help="What to write: .mid, .csv, .txt, .png, .jpg, .wav, .flac, .ogg, .mp3; else a folder."
        ),
    ],
    to: Annotated[
        str | None, typer.Option(help="For folders: the extension to write, such as .csv.")
    ] = None,
    ticks: Annotated[
        int, typer.Option(help="Frames text: length of a step, in 1/480 beat at 120 bpm.")
    ] = 25,
    velocity: Annotated[
        int, typer.Option(min=1, max=127, help="Frames text: loudness of its notes.")
    ] = 80,
    shortest: Annotated[
        int, typer.Option(min=0, help="Frames text: drop notes shorter than this many steps.")
    ] = 0,
    gaps: Annotated[
        int, typer.Option(min=0, help="Frames text: close gaps of up to this many steps.")
    ] = 0,
    gaps_first: Annotated[
        bool, typer.Option("--gaps-first", help="Frames text: close gaps, then drop notes.")
    ] = False,
    row_seconds: Annotated[float, typer.Option(min=1, help="Pictures: seconds in a row.")] = 30.0,
    colour: Annotated[Colour, typer.Option(help="Pictures: what colours tell.")] = Colour.program,
    soundfont: Annotated[
        Path | None,
        typer.Option(
            help="Sound: the .sf2 that plays; pretty_midi's TimGM6mb.sf2 (GPL-2) when not given."
        ),
    ] = None,
    show: Annotated[
        bool, typer.Option("--show", help="Open the picture in the system's viewer.")
    ] = False,
) -> None:
    """Convert a file, or all of a folder, into another kind."""
    from ugen.data.codecs.registry import make_codec
    from ugen.data.render.audio import FORMATS, credit
    from ugen.data.render.convert import Options
    from ugen.data.render.convert import convert as run

    kind = ((to or "") if source.is_dir() else target.suffix).lower()
    if soundfont is not None and kind not in FORMATS:
        raise UgenError(
            f"--soundfont: goes with sound files ({', '.join(FORMATS)}), not with {kind or target}"
        )
    played = f", played by {credit(soundfont)}" if kind in FORMATS else ""
    make_codec("frames", ticks=ticks)  # a wrong --ticks is said whatever the files are
    options = Options(
        ticks, velocity, shortest, gaps, gaps_first, row_seconds, colour.value, soundfont
    )
    if source.is_dir():
        _convert_folder(source, target, to, options, played)
        return
    if to is not None:
        raise UgenError(f"--to {to}: goes with a folder; {source} is none")
    if show and target.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise UgenError(f"--show: goes with a picture; {target} is none")
    run(source, target, options)
    typer.echo(f"{target}: written{played}")
    if show:
        typer.launch(str(target))


def _convert_folder(
    source: Path, target: Path, to: str | None, options: object, played: str
) -> None:
    """Convert what can be converted, name what cannot, and fail at the end if there was any."""
    from ugen.data.render.convert import WRITABLE, Options, pairs
    from ugen.data.render.convert import convert as run

    assert isinstance(options, Options)
    if to is None or to.lower() not in WRITABLE:
        raise UgenError(
            f"--to: say which of {', '.join(WRITABLE)} to make of the files in {source}"
        )
    work = list(pairs(source, target, to.lower()))
    failed = 0
    with progress_bar("converting", len(work)) as advance_to:
        for number, (path, made) in enumerate(work, 1):
            try:
                run(path, made, options)
            except UgenError as error:
                failed += 1
                typer.echo(str(error), err=True)
            advance_to(number)
    typer.echo(f"{target}: {len(work) - failed} files written{played}")
    if failed:
        raise UgenError(
            f"{failed} of {len(work)} files in {source} could not be converted; each is named above"
        )


@app.command(epilog="Example: ugen-data stats song.mid other.mid")
def stats(
    files: Annotated[list[Path], typer.Argument(help="MIDI files.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line instead of a table.")
    ] = False,
) -> None:
    """Print what can be counted of pieces: length, density, range, harmony, rhythm, silence,
    repetition."""
    from ugen.data.analysis.measures import measures
    from ugen.data.midi.reader import read_midi

    found = {str(file): measures(read_midi(file)) for file in files}
    if as_json:
        for file, values in found.items():
            typer.echo(json.dumps({"file": file, **values}))
        return
    for name in next(iter(found.values())):
        typer.echo(f"{name:20}" + "".join(f"{values[name]:12.4g}" for values in found.values()))
    typer.echo(f"{'':20}" + "".join(f"{Path(file).stem[:11]:>12}" for file in found))


@app.command(epilog='Example: train-ugen "$(ugen-data music)" -o runs/demo')
def music() -> None:
    """Print the folder of the music that comes with ugen, licences beside it."""
    typer.echo(str(MUSIC))


def main() -> None:
    """Entry point of ugen-data."""
    run_app(app, "ugen-data")
