"""onnxruntime under ugen: it reports nothing to its maker, leaves no files, and its absence is told
in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import needs_program

RUN = "from ugen.runtime.cli.run import main; main()"
# onnxruntime reports some ten seconds after it was loaded
WAITING = "import time; from ugen.runtime import load; load(); time.sleep(14)"
FORKING = """
import os, sys
from ugen.runtime import load
load()
if os.fork() == 0:
    sys.exit(7)
print(os.waitstatus_to_exitcode(os.wait()[1]))
"""


@pytest.fixture
def place(tmp_path: Path) -> dict[str, str]:
    """An environment with new, empty folders for the user and for temporary files."""
    for name in ("home", "temporary"):
        (tmp_path / name).mkdir()
    others = {k: v for k, v in os.environ.items() if k not in ("CI", "ORT_DISABLE_TELEMETRY")}
    return {**others, "HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "temporary")}


def python(code: str, *words: object, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=60)


def test_a_song_leaves_nothing_behind(tmp_path: Path, place: dict[str, str]) -> None:
    """onnxruntime 1.29 and later left a device id and a database in both folders."""
    song = tmp_path / "song.mid"
    assert python(RUN, "-o", song, "--seconds", 5, "--seed", 1, env=place).returncode == 0
    assert not [*(tmp_path / "home").rglob("*"), *(tmp_path / "temporary").rglob("*")]


def test_quiet_is_quiet_where_the_home_folder_cannot_be_written(
    tmp_path: Path, place: dict[str, str]
) -> None:
    """onnxruntime and matplotlib said so on standard error."""
    names = "-o", tmp_path / "song.mid", "-o", tmp_path / "song.png"
    words = *names, "--seconds", 5, "--seed", 1, "--quiet"
    done = python(RUN, *words, env={**place, "HOME": "/proc"})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_nothing_is_sent(tmp_path: Path, place: dict[str, str]) -> None:
    needs_program("strace")
    log = tmp_path / "calls"
    strace = ["strace", "-f", "-e", "trace=socket,connect,sendto,sendmsg", "-o", str(log)]
    subprocess.run([*strace, sys.executable, "-c", WAITING], env=place, timeout=60, check=True)
    assert "exited with 0" in log.read_text() and "AF_INET" not in log.read_text()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_of_a_program_with_a_model_ends(place: dict[str, str]) -> None:
    """It hung at its end, waiting for a thread that reports."""
    assert python(FORKING, env=place).stdout == "7\n"


def test_an_onnxruntime_that_does_not_load_is_told_in_one_line(
    tmp_path: Path, place: dict[str, str]
) -> None:
    broken = tmp_path / "broken" / "onnxruntime"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text('raise ImportError("DLL load failed\\nwhile importing")')
    path = os.pathsep.join([str(broken.parent), place.get("PYTHONPATH", "")])
    done = python(RUN, "-o", tmp_path / "a.mid", env={**place, "PYTHONPATH": path})
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert done.stderr.startswith("ugen-run: onnxruntime cannot be imported (DLL load failed)")
    assert "pip install --force-reinstall onnxruntime" in done.stderr
