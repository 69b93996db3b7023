"""What `make kills` does to a command, and what must hold afterwards.

Every trial starts real commands in a fresh folder. Afterwards each file that has its final name is
whole, nothing hidden is left, and the same command (or --resume) ends as if nothing had happened.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import soundfile
import torch
from support import command, digest
from ugen.data.files import read_json
from ugen.data.json_values import parse_json
from ugen.data.render.convert import Options, read_score
from ugen.runtime import load
from ugen.train.run_folder.checkpoint import load_tensors

PATIENCE = 120  # seconds for a command; it takes a few
Words = tuple[object, ...]


@dataclass
class Work:
    """A command. `given`: what of the stock its folder holds before. `stable`: names of files that
    have the same bytes whenever they are there; `final`: at the end only. `begun`: the file before
    which half of the kills are aimed, and after which the command continues with --resume. `once`:
    what is there when it is done, and not made again. `kept`: what a signal may leave."""

    name: str
    words: Words
    given: tuple[str, ...] = ()
    stable: tuple[str, ...] = ()
    final: tuple[str, ...] = ()
    begun: str = ""
    once: str = ""
    kept: str = ""
    ends: bool = True

    # measured undisturbed
    right: dict[str, str] = field(default_factory=dict)
    """The hashes of all files that it writes."""

    seconds: float = 0.0
    working: float = 0.0
    """Of the seconds, those after the first sign of its work."""

    beginning: float = 0.0
    """Of these, those until `begun` is there."""


@dataclass(frozen=True)
class Race:
    """A command, and the words of a second one in the same folder while it is at work. `refusable`:
    which of the two may be refused."""

    name: str
    work: Work
    second: Words
    refusable: tuple[int, ...] = (0, 1)


class Failure(Exception):  # noqa: N818
    """What is not as promised."""


class Trials:
    """Trials in a folder, which is emptied before each."""

    def __init__(self, scratch: Path, kept: Path, seed: int):
        self.folder = scratch / "trial"
        self.stock = scratch / "stock"
        self.temporary = scratch / "tmp"
        self.kept = kept
        self.chance = random.Random(seed)
        self.said: list[str] = []
        for each in (self.folder, self.stock, self.temporary):
            each.mkdir()

    def measure(self, work: Work) -> None:
        """Run a command undisturbed, twice: what it writes, and how long it takes."""
        for _ in range(2):
            self.prepare(work.given)
            began = time.monotonic()
            process = self.start(*work.words)
            wait_for(self._signs, process)
            work.working = -time.monotonic()
            if work.begun:
                wait_for((self.folder / work.begun).exists, process)
                work.beginning = time.monotonic() + work.working
            if not work.ends:
                time.sleep(1.5)
                process.send_signal(signal.SIGINT)
            self.finish(process=process)
            work.seconds = time.monotonic() - began
            work.working += time.monotonic()
        work.right = {name: digest(self.folder / name) for name in self._names()}

    # what is tried

    def kill(self, work: Work) -> tuple[int, int]:
        """Kill the main process at a random moment, look, and run the command again, up to four
        times, and once to its end."""
        self.prepare(work.given)
        hits, wanted = 0, self.chance.randint(1, 4)
        for kills in range(1, wanted + 1):  # noqa: B007
            process = self.start(*self._words(work))
            self._wait_a_while(work, process)
            is_hit = process.poll() is None
            process.kill()
            self._communicate(process)  # until workers have ended, too: they hold its output
            require(is_hit or process.returncode == 0, f"ended with {process.returncode}")
            self.look(work)
            hits += is_hit
            is_done = bool(work.once) and (self.folder / work.once).exists()
            if is_done or not is_hit:
                break
        self._age()
        self.finish(*self._words(work, is_last=True), code=2 * is_done)
        self.look(work, is_over=True)
        require(set(self._names()) == work.right.keys(), "there are other files")
        return kills, hits

    def _words(self, work: Work, is_last: bool = False) -> Words:
        """The command, or how to continue it."""
        if work.begun and any(self.folder.iterdir()):
            has_begun = (self.folder / work.begun).exists()
            is_resumed = has_begun or (
                (self.folder / "run").is_dir() and self.chance.random() < 0.5
            )
            return (*work.words, *["--resume"] * is_resumed)
        return work.words if work.ends or not is_last else (*work.words[:-1], "--seconds", 5)

    def interrupt(self, work: Work, *numbers: signal.Signals) -> tuple[int, int]:
        """Send signals at a random moment after Python has given the command its turn."""
        self.prepare(work.given)
        process = self.start(*work.words)
        wait_for(lambda: _is_handling(process), process)
        with suppress(subprocess.TimeoutExpired):
            process.wait(self.chance.uniform(0, work.seconds))
        is_hit = process.poll() is None
        for number in numbers:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            time.sleep(self.chance.choice([0, 0.002, 0.02]))
        err = self._communicate(process)
        if process.returncode == 0:
            require(err == "", "ended well with words on standard error")
        else:
            code = process.returncode
            require(code == 128 + numbers[0], f"exit code {code} after signal {numbers[0]}")
            require(err.count("\n") == 1 and "Traceback" not in err, "not one line")
        self.look(work)
        self._look_for_leftovers(but=work.kept)
        return 1, is_hit

    def race(self, race: Race) -> tuple[int, int]:
        """Start a command while another is at work."""
        self.prepare(race.work.given)
        first = self.start(*race.work.words)
        with suppress(subprocess.TimeoutExpired):
            first.wait(self.chance.uniform(0, race.work.seconds))
        processes = [first, self.start(*race.second)]
        errors = [self._communicate(process) for process in processes]
        codes = [process.returncode for process in processes]
        for k, (code, err) in enumerate(zip(codes, errors, strict=True)):
            lines = err.count("\n")
            refused = k in race.refusable and code in (1, 2) and lines == 1
            is_right = (code == 0 and not lines) or (refused and "Traceback" not in err)
            require(is_right, f"command {k + 1} ended with {code}")
        require(0 in codes, "both were refused")
        self.look(race.work, is_over=True)
        return 1, any(codes)

    # how

    def prepare(self, given: tuple[str, ...] = ()) -> None:
        """An empty folder, with what is given of the stock."""
        for each in (self.folder, self.temporary):
            shutil.rmtree(each, ignore_errors=True)
            each.mkdir()
        for name in given:
            copy = shutil.copytree if (self.stock / name).is_dir() else shutil.copy2
            copy(self.stock / name, self.folder / name)
        self.said = []
        self._before = self._entries()

    def _entries(self) -> list[tuple[str, int]]:
        with suppress(FileNotFoundError), os.scandir(self.folder) as entries:
            return sorted((each.name, each.stat().st_mtime_ns) for each in entries)
        return []

    def _signs(self) -> bool:
        return self._entries() != self._before

    def start(self, *words: object) -> subprocess.Popen[str]:
        """A command in the folder of the trial."""
        self.said.append(" ".join(map(str, words)))
        return command(*words, cwd=self.folder, TMPDIR=str(self.temporary))

    def _communicate(self, process: subprocess.Popen[str]) -> str:
        try:
            out, err = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise Failure(f"it, or a worker, lives on after {PATIENCE} s") from None
        self.said += [f"exit code {process.returncode}", out, err]
        return err

    def finish(
        self, *words: object, process: subprocess.Popen[str] | None = None, code: int = 0
    ) -> None:
        """Run a command to its end, which must be a good one, or a refusal in one line."""
        process = process or self.start(*words)
        err = self._communicate(process)
        is_right = process.returncode == code and err.count("\n") == bool(code)
        require(is_right, f"ended with {process.returncode}: {err}")

    def _wait_a_while(self, work: Work, process: subprocess.Popen[str]) -> None:
        """A fifth of the kills comes at any time, the others when something is being written."""
        longest = work.seconds
        if self.chance.random() < 0.8 and work.right:
            wait_for(self._signs, process)
            longest = work.working
            if work.begun and self.chance.random() < 0.6:
                longest = work.beginning
        with suppress(subprocess.TimeoutExpired):
            process.wait(self.chance.uniform(0, longest))

    def _names(self, hidden: bool = False) -> list[str]:
        paths = [path for path in (*self.folder.rglob("*"), *self.temporary.iterdir())]
        names = [os.path.relpath(path, self.folder) for path in paths if hidden or path.is_file()]
        return [name for name in names if hidden == (name[0] == "." or "/." in name)]

    def look(self, work: Work, is_over: bool = False) -> None:
        """Every file with its final name is whole, and the right one where only one is right."""
        fixed = work.stable + work.final * is_over
        for name in self._names():
            if any(fnmatch(name, pattern) for pattern in fixed):
                require(digest(self.folder / name) == work.right.get(name), f"{name} is another")
                continue
            try:
                read(self.folder / name)
            except Exception as error:
                raise Failure(f"{name} cannot be read: {error!r}") from None
        if is_over:
            missing = work.right.keys() - set(self._names())
            require(not missing, f"missing: {sorted(missing)}")
            self._look_for_leftovers()

    def _look_for_leftovers(self, but: str = "") -> None:
        left = [name for name in self._names(hidden=True) if not fnmatch(name, but)]
        require(not left, f"left behind: {left}")

    def _age(self) -> None:
        """Let what is hidden seem old: files of a second ago may be in use."""
        for name in self._names(hidden=True):
            os.utime(self.folder / name, (0, 0), follow_symlinks=False)

    def row(self, what: str, name: str, count: int, trial: Callable[[], tuple[int, int]]) -> int:
        """Do trials and print their row of the table; gives the number of failures."""
        done = hits = failures = 0
        while done < count:
            try:
                tried, hit = trial()
                done, hits = done + tried, hits + hit
            except Failure as failure:
                done, failures = done + 1, failures + 1
                place = self.kept / "-".join(f"{what} {name} {done}".split())
                shutil.copytree(self.folder, place, symlinks=True)
                (place / "said.txt").write_text("\n".join([str(failure), *self.said]), "utf-8")
                print(f"  FAILURE: {failure}\n  kept in {place}", flush=True)
        print(f"{what:14}{name:36}{done:7}{hits:7}{failures:10}", flush=True)
        return failures


def require(condition: bool, otherwise: str) -> None:
    """Raise Failure unless something holds."""
    if not condition:
        raise Failure(otherwise)


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait until something holds, or the command has ended."""
    while not condition() and process.poll() is None:
        time.sleep(0.004)


def _is_handling(process: subprocess.Popen[str]) -> bool:
    """Whether a command handles signals: before that Python starts, and ends as it likes."""
    with suppress(OSError, ValueError, IndexError):
        status = Path(f"/proc/{process.pid}/status").read_text("utf-8")
        caught = int(status.split("SigCgt:")[1].split()[0], 16)
        return bool(caught & 1 << (signal.SIGHUP - 1))
    return True


def read(path: Path) -> None:
    """Read a file to its end; another reader for each kind."""
    kind = path.suffix
    if kind in (".mid", ".csv"):
        require(read_score(path, Options()).warnings == (), f"{path} is damaged")
    elif kind == ".jsonl":
        [parse_json(line) for line in path.read_text("utf-8").splitlines()]
    elif kind == ".html":
        require(path.read_text("utf-8").rstrip().endswith("</html>"), f"{path} is cut")
    else:
        readers: dict[str, Callable[[Path], object]] = {
            ".json": read_json,
            ".npy": lambda path: np.load(path, allow_pickle=False),
            ".onnx": load,
            ".safetensors": load_tensors,
            ".ts": torch.jit.load,
            ".u16": lambda path: np.fromfile(path, "<u2"),
            ".wav": soundfile.read,
        }
        readers[kind](path)
