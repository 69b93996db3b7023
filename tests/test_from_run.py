"""A training run where a model file is wanted."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from support import ugen_run

pytest.importorskip("torch")  # a run is made with it
SONG = ("--seconds", 4, "--seed", 3)


@pytest.fixture
def run(small_run: Path, tmp_path: Path) -> Path:
    """A run of its own."""
    return shutil.copytree(small_run, tmp_path / "run")


def test_a_run_plays_where_torch_is_and_is_exported_once(run: Path, tmp_path: Path) -> None:
    song, again = tmp_path / "song.mid", tmp_path / "again.mid"
    done = ugen_run(run, "-o", song, *SONG, without="")
    assert done.returncode == 0, done.stderr
    assert f"{run}: exported to {run / 'model.onnx'} first" in done.stderr
    done = ugen_run(run, "-o", again, *SONG)
    assert done.returncode == 0 and "exported" not in done.stderr, "and then without torch"
    assert song.read_bytes() == again.read_bytes()


def test_without_torch_a_run_is_refused_in_a_line_that_says_what_to_do(
    run: Path, tmp_path: Path
) -> None:
    done = ugen_run(run, "-o", tmp_path / "song.mid")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert f"a training run; where torch is installed: export-ugen {run} -o" in done.stderr


def test_a_file_older_than_the_weights_is_not_taken(run: Path, tmp_path: Path) -> None:
    (run / "model.onnx").write_bytes(b"of an earlier evaluation")
    os.utime(run / "model.onnx", (0, 0))
    done = ugen_run(run, "-o", tmp_path / "song.mid")
    assert done.returncode == 2 and "a training run" in done.stderr
    (run / "model.safetensors").unlink()
    (run / "model.onnx").unlink()
    done = ugen_run(run, "-o", tmp_path / "song.mid")
    assert done.returncode == 2 and "has learned nothing yet" in done.stderr
