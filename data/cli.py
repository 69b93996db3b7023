"""ugen-data: files and corpora."""

from __future__ import annotations

import json
import os
from collections import Counter
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .command import make_app, progress_bar, run_app

if TYPE_CHECKING:
    from .corpus import Corpus

app = make_app()
MUSIC = Path(__file__).parent / "music"


class CodecName(str, Enum):
    """Codecs."""

    beats = "beats"
    frames = "frames"


class Arrangement(str, Enum):
    """Arrangements."""

    piano = "piano"
    band = "band"


@app.command(epilog="Example: ugen-data prepare my-midi-files -o corpus")
def prepare(
    folder: Annotated[Path, typer.Argument(help="A folder; all MIDI files in it and below are read.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The corpus folder to write.")],
    codec: Annotated[CodecName, typer.Option(help="beats (metrical) or frames (time steps).")] = CodecName.beats,
    ticks: Annotated[int, typer.Option(help="frames: length of a step, in 1/480 beat at 120 bpm.")] = 25,
    arrange: Annotated[
        Arrangement, typer.Option(help="piano merges pitched tracks; band keeps programs and drums.")
    ] = Arrangement.piano,
    valid: Annotated[float, typer.Option(help="Share of the pieces held out while training.")] = 0.1,
    test: Annotated[float, typer.Option(help="Share of the pieces held out for a last test.")] = 0.0,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; one a core when not given.")] = None,
) -> None:
    """Turn a folder of MIDI files into a corpus, with a manifest of every file kept or dropped and why."""
    prepare_folder(folder, output, codec.value, arrange.value, ticks, valid, test, workers)


@app.command(epilog="Example: ugen-data convert song.mid song.png")
def convert(
    source: Annotated[Path, typer.Argument(help="A MIDI file, or frames text (.txt).")],
    target: Annotated[Path, typer.Argument(help="What to write, by extension: .mid, .txt, .png, .jpg.")],
    ticks: Annotated[int, typer.Option(help="Frames text: length of a step, in 1/480 beat at 120 bpm.")] = 25,
    row_seconds: Annotated[float, typer.Option(min=1, help="Pictures: seconds in a row.")] = 30.0,
) -> None:
    """Convert a file into another kind: MIDI, frames text, or a piano roll."""
    from .codecs import make_codec
    from .convert import convert as run

    make_codec("frames", ticks=ticks)  # a wrong --ticks is said whatever the files are
    score = run(source, target, ticks, row_seconds)
    typer.echo(f"{target}: {len(score.notes)} notes, {score.seconds:.1f} s")
    for remark in score.remarks:
        typer.echo(f"{source}: {remark}", err=True)


@app.command(epilog="Example: ugen-data stats song.mid other.mid")
def stats(
    files: Annotated[list[Path], typer.Argument(help="MIDI files.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line instead of a table.")] = False,
) -> None:
    """Print what can be counted of pieces: length, density, range, silence, repetition."""
    from .measures import measures
    from .midi_read import read_midi

    for file in files:
        values = measures(read_midi(file))
        if as_json:
            typer.echo(json.dumps({"file": str(file), **values}))
        else:
            typer.echo(f"{file}: " + "  ".join(f"{name} {value:.4g}" for name, value in values.items()))


@app.command(epilog='Example: train-ugen "$(ugen-data music)" -o runs/demo')
def music() -> None:
    """Print the folder of the music that comes with ugen, licences beside it."""
    typer.echo(str(MUSIC))


def prepare_folder(
    folder: Path, output: Path, codec: str, arrangement: str, ticks: int = 25,
    valid: float = 0.1, test: float = 0.0, workers: int | None = None,
) -> Corpus:  # fmt: skip
    """Prepare a corpus with a progress bar, and say what was kept and what was not."""
    from .codecs import make_codec
    from .errors import UgenError
    from .prepare import Settings
    from .prepare import prepare as run

    if codec == "frames" and arrangement != "piano":
        raise UgenError("--codec frames holds no programs or drums: it goes with --arrange piano")
    made = make_codec("frames", ticks=ticks) if codec == "frames" else make_codec(codec, band=arrangement == "band")
    settings = Settings(made, arrangement, valid, test)
    with progress_bar("reading", 1.0, "") as advance_to:
        corpus = run(folder, output, settings, workers or os.cpu_count() or 1, lambda n, total: advance_to(n / total))
    _summary(corpus)
    return corpus


def _summary(corpus: Corpus) -> None:
    kept = [row for row in corpus.rows if row.status == "kept"]
    splits = Counter(row.split for row in kept)
    lost, notes = sum(row.lost for row in kept), sum(row.notes for row in kept)
    typer.echo(
        f"{corpus.path}: {len(kept)} of {len(corpus.rows)} files kept "
        f"({', '.join(f'{n} {split}' for split, n in splits.items())}), "
        f"{notes:,} notes in {sum(row.tokens for row in kept):,} tokens, {lost:,} notes lost to the grid"
    )
    reasons = Counter(row.reason.split(" as ")[0] for row in corpus.rows if row.status == "dropped")
    for reason, count in reasons.most_common(5):
        typer.echo(f"  left out {count}: {reason}")
    mended = sum(bool(row.remarks) for row in kept)
    if mended:
        typer.echo(f"  {mended} damaged files were mended; the manifest says how")


def main() -> None:
    """Entry point of ugen-data."""
    run_app(app, "ugen-data")
