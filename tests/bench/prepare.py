"""How fast a folder of MIDI files becomes tokens, beside MidiTok's TSD and REMI, and how much
memory that takes.

    pip install miditok -c constraints.txt
    python tests/bench/prepare.py FOLDER [PAGE]

Each contestant reads every file from disk and gives token ids, in one process: ugen by read_midi,
arrange and encode, MidiTok by encode(path), as it comes or with programs in one stream. `prepare`
is the whole of ugen's: hashes, sketches, families, manifest and files written too. Times are
processor seconds, user and system, so that a busy machine counts less; rounds go through all
contestants in turn. A figure is the median over the rounds, a ratio the median of the rounds'
ratios. Notes are those in the files, whatever a contestant keeps of them: piano leaves out drums,
and MidiTok, by its defaults, tempos and pitches below 21 and above 108, which beats keeps. A file
that any contestant refuses counts for none.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from ugen.data import Codec, make_codec, read_midi
from ugen.data.arrangement import arrange
from ugen.data.corpus.prepare import Settings, prepare
from ugen.data.files import write_atomically
from ugen.data.midi.smf import MIDI_SUFFIXES

ROUNDS, TIMES = 3, 10
WHOLE = "ugen `prepare`, beats, piano"
RIVALS = ("TSD", "REMI")
CHILD = """
import resource, sys
from ugen.data import make_codec
from ugen.data.corpus.prepare import Settings, prepare
prepare(sys.argv[1], sys.argv[2], Settings(make_codec("beats")), int(sys.argv[3]))
for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
    print(resource.getrusage(who).ru_maxrss)
"""
Tokenize = Callable[[Path], int]


def ours(codec: Codec, arrangement: str) -> Tokenize:
    """From a file to the number of its tokens, by ugen."""
    return lambda path: len(codec.encode(arrange(read_midi(path), arrangement)).tokens)


def theirs(kind: str, programs: bool) -> Tokenize:
    """The same by MidiTok, which gives one sequence, or a list with one a track."""
    import miditok  # late, so that the processes whose memory is measured start from a small one

    options = {"use_programs": True, "one_token_stream_for_programs": True} if programs else {}
    tokenizer = getattr(miditok, kind)(miditok.TokenizerConfig(**options))

    def run(path: Path) -> int:
        found = tokenizer.encode(path)
        return sum(
            len(sequence.ids) for sequence in (found if isinstance(found, list) else [found])
        )

    return run


def contestants() -> dict[str, Tokenize]:
    """By name; "band" in a name tells which are compared with which."""
    rows = {
        "ugen beats, piano": ours(make_codec("beats"), "piano"),
        "ugen frames, piano": ours(make_codec("frames"), "piano"),
        "ugen beats, band": ours(make_codec("beats", band=True), "band"),
    }
    for kind in RIVALS:
        rows[rival(kind, WHOLE)] = theirs(kind, False)
        rows[rival(kind, "band")] = theirs(kind, True)
    return rows


def rival(kind: str, name: str) -> str:
    """MidiTok's counterpart of a contestant."""
    return f"MidiTok {kind}, programs (band)" if "band" in name else f"MidiTok {kind}"


def one_pass(
    tokenize: Tokenize, files: list[Path]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Seconds and tokens of each file; NaN where it is refused."""
    seconds, tokens = np.full(len(files), np.nan), np.full(len(files), np.nan)
    for i, path in enumerate(files):
        before = time.process_time()
        try:
            tokens[i] = tokenize(path)
        except Exception as error:  # whatever a contestant makes of a file: refusals are counted
            print(f"{path.name}: {type(error).__name__}: {error}", file=sys.stderr)
            continue
        seconds[i] = time.process_time() - before
    return seconds, tokens


def linked(files: list[Path], folder: Path, times: int = 1) -> Path:
    """A folder with `times` subfolders of links to the files."""
    for copy in range(times):
        (folder / f"copy{copy}").mkdir(parents=True)
        for number, path in enumerate(files):
            os.symlink(path.resolve(), folder / f"copy{copy}" / f"{number:06d}{path.suffix}")
    return folder


def race(
    files: list[Path], folder: Path
) -> tuple[dict[str, list[float]], dict[str, int], Counter[str], list[int]]:
    """Seconds by round, tokens and refusals of each contestant, and which files none refuses."""
    rows = contestants()
    seconds: dict[str, list[NDArray[np.float64]]] = {name: [] for name in rows}
    tokens: dict[str, NDArray[np.float64]] = {}
    whole: list[float] = []
    for number in range(ROUNDS):
        for name, tokenize in rows.items():
            found, tokens[name] = one_pass(tokenize, files)
            seconds[name].append(found)
        kept = np.flatnonzero(~np.isnan([tokens[name] for name in rows]).any(axis=0)).tolist()
        source = linked([files[i] for i in kept], folder / f"kept{number}")
        before = time.process_time()
        corpus = prepare(source, folder / f"corpus{number}", Settings(make_codec("beats")))
        whole.append(time.process_time() - before)
        print(f"round {number + 1} of {ROUNDS}", file=sys.stderr)
    totals = {
        name: [float(found[kept].sum()) for found in rounds] for name, rounds in seconds.items()
    }
    counts = {name: int(found[kept].sum()) for name, found in tokens.items()}
    refused = Counter({name: int(np.isnan(found).sum()) for name, found in tokens.items()})
    return {WHOLE: whole, **totals}, {WHOLE: len(corpus.tokens), **counts}, refused, kept


def speed_table(files: list[Path], folder: Path) -> list[str]:
    """Markdown: notes per second and tokens per note of each contestant, and ratios to its
    counterparts in MidiTok."""
    seconds, tokens, refused, kept = race(files, folder)
    notes = sum(len(read_midi(files[i]).notes) for i in kept)
    rows = [
        f"| one core, {len(kept):,} files, {notes:,} notes | notes/s | tokens per note "
        "| times TSD | times REMI |",
        "|---|---|---|---|---|",
    ]
    for name, found in seconds.items():
        ratios = [np.median(np.divide(seconds[rival(kind, name)], found)) for kind in RIVALS]
        cells = [
            f"{notes / np.median(found):,.0f}",
            f"{tokens[name] / notes:.2f}",
            *(f"{r:.2f}" for r in ratios),
        ]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    named = ", ".join(f"{name} {count}" for name, count in refused.items() if count) or "none"
    out = len(files) - len(kept)
    return [*rows, "", f"Files refused, of {len(files):,}: {named}; left out for all: {out:,}."]


def peak(folder: Path, out: Path, workers: int) -> tuple[float, float]:
    """Peak MiB of a process that prepares a folder, and of the largest of its workers."""
    command = [sys.executable, "-c", CHILD, str(folder), str(out), str(workers)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return int(lines[0]) / unit, int(lines[1]) / unit


def memory_table(files: list[Path], folder: Path) -> list[str]:
    """Markdown: peak memory for the files once and ten times, with one worker and with two."""
    once, often = linked(files, folder / "once"), linked(files, folder / "often", TIMES)
    rows = [
        f"| peak resident MiB | {len(files):,} files | {TIMES} times as many | ratio |",
        "|---|---|---|---|",
    ]
    for workers in (1, 2):
        few, many = (
            peak(source, folder / f"{source.name}{workers}", workers) for source in (once, often)
        )
        rows.append(memory_row(f"workers={workers}, main process", few[0], many[0]))
    rows.append(memory_row("workers=2, larger worker", few[1], many[1]))
    return [
        *rows,
        "",
        "The copies are read and arranged like any file, then dropped as duplicates.",
    ]


def memory_row(name: str, few: float, many: float) -> str:
    """A row of the table of memory."""
    return f"| {name} | {few:.1f} | {many:.1f} | {many / few:.2f} |"


def main(source: str, page: str = "") -> None:
    """Measure, print and write the page."""
    warnings.simplefilter("ignore")
    files = sorted(
        path
        for path in Path(source).rglob("*")
        if path.suffix.lower() in MIDI_SUFFIXES and path.is_file()
    )
    with tempfile.TemporaryDirectory() as folder:
        memory = memory_table(files, Path(folder))
        speed = speed_table(files, Path(folder))
    names = ("numpy", "miditok", "symusic")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    machine = f"{platform.machine()}, {os.cpu_count()} cores; Python {platform.python_version()}"
    how = " ".join((__doc__ or "").split("\n\n", 2)[2].split())
    lines = [
        "# Preparing a corpus",
        "",
        f"Machine: {machine}, {versions}.",
        "",
        *speed,
        "",
        *memory,
        "",
        f"How: {how}",
        "",
    ]
    print("\n".join(lines))
    if page:
        write_atomically(page, "\n".join(lines).encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
