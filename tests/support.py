"""What tests share that is no fixture: the bundled music, made-up scores, and comparisons."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module
from io import BytesIO, TextIOWrapper
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st
from ugen.data import Score
from ugen.data.cli import interrupts
from ugen.data.cli.main import MUSIC

BUNDLED = sorted(MUSIC.rglob("*.mid"))


@st.composite
def scores(draw: st.DrawFn, most: int = 40) -> Score:
    """Scores of a few notes, programs and drums, with tempo and meter changes."""
    numbers = st.integers
    note = st.tuples(
        numbers(0, 20_000),
        numbers(1, 4_000),
        numbers(0, 127),
        numbers(1, 127),
        numbers(0, 127),
        st.booleans(),
    ).map(lambda n: (n[0], n[0] + n[1], *n[2:]))
    return Score.build(
        draw(st.lists(note, max_size=most)),
        draw(st.sampled_from([1, 24, 96, 480, 960, 32767])),
        draw(st.lists(st.tuples(numbers(0, 20_000), numbers(200_000, 2_000_000)), max_size=4)),
        draw(
            st.lists(
                st.tuples(numbers(0, 20_000), numbers(1, 16), st.sampled_from([2, 4, 8, 16])),
                max_size=4,
            )
        ),
    )


def digest(path: Path) -> str:
    """sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def same_notes(a: Score, b: Score) -> bool:
    """Whether two scores have the same notes, in ticks."""
    return len(a.notes) == len(b.notes) and bool(np.all(a.notes == b.notes))


def needs_program(name: str) -> None:
    """Skip the test that asks for a program which is not installed; in CI (the environment variable
    CI is set), where all of them must be, fail it."""
    if shutil.which(name) is None:
        refuse = pytest.fail if os.environ.get("CI") else pytest.skip
        refuse(f"needs {name}, which is not installed")


def quiet(line: str) -> None:
    """Say nothing."""


# Makes the process as it is asked for, and becomes the program that follows. (Where there are other
# threads, Python 3.12 warns of what `preexec_fn` would do.)
_LAUNCHER = """
import json, os, resource, signal, sys
(closed, most_bytes, processors), program = json.loads(sys.argv[1]), sys.argv[2:]
signal.signal(signal.SIGINT, signal.SIG_DFL)
if processors:
    os.sched_setaffinity(0, processors)
if most_bytes:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
for descriptor in closed:
    os.close(descriptor)
os.execv(program[0], program)
"""


def python(
    code: str,
    *words: object,
    closed: Sequence[int] = (),
    most_bytes: int = 0,
    processors: Sequence[int] = (),
) -> list[str]:
    """The words of a process that runs some code, and where Ctrl-C has its usual effect even if a
    shell put the suite in the background. `closed`: the standard streams that it does not get.
    `most_bytes`: of a file that it writes, as on a full disk. `processors`: those it may use."""
    asked = json.dumps([[*closed], most_bytes, [*processors]])
    launcher = [sys.executable, "-IS", "-c", _LAUNCHER, asked]
    return [*launcher, sys.executable, "-c", code, *map(str, words)]


def train_ugen(*arguments: object) -> subprocess.Popen[str]:
    """Start the command; where torch is not installed, the test is skipped."""
    pytest.importorskip("torch")
    code = "from ugen.train.cli import main; main()"
    return subprocess.Popen(
        python(code, *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finished(process: subprocess.Popen[str], code: int = 0) -> str:
    """Wait; give all it printed."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == code, err
    return out + err


_COMMANDS = {
    "ugen-data": "ugen.data.cli:ugen_data",
    "train-ugen": "ugen.train.__main__:train_ugen",
    "export-ugen": "ugen.export.__main__:export_ugen",
    "ugen-run": "ugen.runtime.cli:ugen_run",
    "ugen-score": "ugen.runtime.cli:ugen_score",
}


def in_process(name: str, *words: object, without: str = "") -> subprocess.CompletedProcess[bytes]:
    """Run a command in this process, which spares the start of another. `without`: modules that
    cannot be imported meanwhile."""
    module, function = _COMMANDS[name].split(":")
    absent = without.split()
    if "torch" in absent and name.startswith("ugen-"):  # nor what imports it
        absent += [each for each in sys.modules if each.startswith(("ugen.train", "ugen.export"))]
    handlers = {number: signal.getsignal(number) for number in interrupts.signals()}
    arguments = [name, *map(str, words)]
    out, err = BytesIO(), BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        for each in absent:
            patch.setitem(sys.modules, each, None)
        patch.setattr(sys, "argv", arguments)
        patch.setattr(sys, "stdout", TextIOWrapper(out, "utf-8"))
        patch.setattr(sys, "stderr", TextIOWrapper(err, "utf-8"))
        try:
            getattr(import_module(module), function)()
        except SystemExit as end:
            code = end.code
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        sys.stdout.flush()
        sys.stderr.flush()
        return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def _as_text(done: subprocess.CompletedProcess[bytes]) -> subprocess.CompletedProcess[str]:
    out, err = done.stdout.decode(), done.stderr.decode()
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)


def assert_refused(done: subprocess.CompletedProcess[str], message: str) -> None:
    """That a command said so in one line that begins with its name, and ended with exit code 2."""
    assert done.returncode == 2
    said = done.stderr
    assert said.count("\n") == 1 and said.startswith(f"{done.args[0]}: ") and message in said


def trained(*words: object, code: int = 0) -> str:
    """Run train-ugen in this process; give all it printed. `code`: the exit code it must have."""
    pytest.importorskip("torch")
    done = _as_text(in_process("train-ugen", *words))
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def ugen_data(*words: object, without: str = "") -> subprocess.CompletedProcess[str]:
    """Run ugen-data in this process."""
    return _as_text(in_process("ugen-data", *words, without=without))


def ugen_run_bytes(
    *words: object, without: str = "torch onnx"
) -> subprocess.CompletedProcess[bytes]:
    """Run ugen-run in this process, as if what it does not need were not installed."""
    return in_process("ugen-run", *words, without=without)


def ugen_run(*words: object, without: str = "torch onnx") -> subprocess.CompletedProcess[str]:
    """The same, of what it prints as text."""
    return _as_text(ugen_run_bytes(*words, without=without))


def command(
    name: str,
    *words: object,
    stdout: object = subprocess.PIPE,
    stderr: object = subprocess.PIPE,
    stdin: object = subprocess.DEVNULL,
    closed: Sequence[int] = (),
    most_bytes: int = 0,
    cwd: Path | None = None,
    **environment: str | None,
) -> subprocess.Popen[str]:
    """Start an installed command in a process group of its own; `closed` and `most_bytes` as for
    `python`. `environment`: None removes a variable."""
    module, function = _COMMANDS[name].split(":")

    changed = {**os.environ, **environment}
    return subprocess.Popen(
        python(
            f"from {module} import {function} as run; run()",
            *words,
            closed=closed,
            most_bytes=most_bytes,
        ),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        text=True,
        errors="replace",
        cwd=cwd,
        start_new_session=True,
        env={key: value for key, value in changed.items() if value is not None},
    )
