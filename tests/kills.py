"""Kill, interrupt and race the commands at random moments: `make kills`.

Prints a row for each kind of trial: how many there were, how many of them hit (the command was at
work, or one of the two was refused), and how many showed something else than promised. The folder
of each failure is kept, with what the commands printed. All of it takes about an hour.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from kill_trials import Race, Trials, Work
from support import BUNDLED
from ugen.data import read_midi, write_midi
from ugen.data.cli.main import MUSIC

TINY = ("--hidden=8", "--embedding=8", "--batch=4", "--bptt-length=16", "--threads=1")
TINY += ("--sample-minutes=0", "--precision=fp32")
INT8 = "--precision=int8", "--max-loss=50"
SONG = "--seconds=10", "--seed=1", "--force"
SIGNALS = {
    "SIGTERM": (signal.SIGTERM,),
    "SIGINT": (signal.SIGINT,),
    "SIGHUP": (signal.SIGHUP,),
    "SIGINT twice": (signal.SIGINT, signal.SIGINT),
}

# they run in the folder of the trial, which has the stock beside it
PREPARE = "ugen-data", "prepare", MUSIC, "-o", "corpus", "--workers", 2
TRAIN = "train-ugen", "../stock/music", "-o", "run", *TINY, "--valid", 0.2, "--epochs", 4
EXPORT = "export-ugen", "../stock/run", "--force", "-o"
EVERYTHING = ("*",)
OF_RUN = "run/corpus/*", "run/held_out_excerpt.npy", "run/originality.json"
WEIGHTS = ("run/model.safetensors",)


def works() -> list[Work]:
    """All commands that are killed and interrupted."""
    three = ("-o", "a.mid", "-o", "a.csv", "-o", "a.wav")
    many = ("-o", "songs/{seed}.mid", "--count", 20, "--save-state", "{seed}.json")
    return [
        Work(
            "ugen-data prepare",
            PREPARE,
            stable=("corpus/*",),
            once="corpus",
            kept=".corpus.partial*",
        ),
        Work(
            "ugen-data convert",
            ("ugen-data", "convert", "../stock/music", "csv", "--to", ".csv", "--force"),
            stable=EVERYTHING,
        ),
        Work(
            "train-ugen",
            TRAIN,
            stable=OF_RUN,
            final=WEIGHTS,
            begun="run/config.json",
            kept="run/.corpus.partial*",
        ),
        Work("train-ugen --resume", (*TRAIN, "--resume"), ("run",), OF_RUN, WEIGHTS),
        Work("export-ugen, int8", (*EXPORT, "m.onnx", *INT8)),
        Work("export-ugen, torchscript", (*EXPORT, "m.ts", "--format", "torchscript")),
        Work("ugen-run -o", ("ugen-run", *three, *SONG), stable=EVERYTHING),
        Work("ugen-run --count", ("ugen-run", *many, *SONG), stable=EVERYTHING),
        Work(
            "ugen-run --endless",
            ("ugen-run", "-o", "radio.mid", "--endless", "--force"),
            ends=False,
        ),
        Work("ugen-score", ("ugen-score", "../stock/music", "../stock/m.onnx", "--songs", 0)),
    ]


def races(found: Sequence[Work]) -> Iterator[Race]:
    """All pairs that are raced."""
    prepare, _, train, resume, export, *_ = found
    yield Race("two prepares of one corpus", prepare, prepare.words)
    yield Race("two trainings into one folder", train, train.words)
    yield Race("two --resume of one run", resume, resume.words)
    yield Race("two exports to one file", export, export.words, refusable=())
    on_corpus = ("train-ugen", "corpus", "-o", "run", *TINY, "--epochs", 0)
    yield Race("train while its corpus is prepared", prepare, on_corpus, refusable=(1,))
    again = Work("", export.words, ("m.onnx",))
    play = ("ugen-run", "m.onnx", "-o", "song.mid", *SONG)
    yield Race("play a model while it is exported", again, play, refusable=())


def make_stock(trials: Trials) -> None:
    """Short pieces, a run that can be continued, and its model file."""
    music = trials.stock / "music"
    for path in BUNDLED[::9]:
        score = read_midi(path)
        write_midi(score.until(score.tick_at(20.0)), music / path.name)
    trials.finish(*TRAIN[:-1], 1)
    shutil.move(trials.folder / "run", trials.stock)
    trials.finish(*EXPORT, "../stock/m.onnx", *INT8)


def rows(trials: Trials, kills: int, only: str) -> Iterator[int]:
    """Do all trials whose row is asked for; gives the number of failures of each row."""
    found = works()
    some, more = -(-kills // 5), -(-2 * kills // 5)
    kinds = [("kill", work.name, work, kills, partial(trials.kill, work)) for work in found]
    for work in found:
        for name, numbers in SIGNALS.items():
            kinds.append((name, work.name, work, some, partial(trials.interrupt, work, *numbers)))
    for race in races(found):
        kinds.append(("race", race.name, race.work, more, partial(trials.race, race)))
    print(f"{'':14}{'':36}{'trials':>7}{'hits':>7}{'failures':>10}", flush=True)
    for what, name, work, count, trial in kinds:
        if only in f"{what} {name}":
            if not work.seconds:
                trials.measure(work)
            yield trials.row(what, name, count, trial)


def main() -> None:
    """Entry point."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=50, help="of each command")
    options.add_argument("--only", default="", help="only rows whose names contain this")
    options.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    given = options.parse_args()
    kept = Path(tempfile.mkdtemp(prefix="kills-"))
    with tempfile.TemporaryDirectory() as scratch:
        trials = Trials(Path(scratch), kept, given.seed)
        make_stock(trials)
        failures = sum(rows(trials, given.kills, given.only))
    print(f"{failures} failures, seed {given.seed}{f', kept in {kept}' if failures else ''}")
    if not failures:
        kept.rmdir()
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
