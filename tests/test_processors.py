"""What differs between machines: how many processors may be used, whether they have bf16, and who
may read files."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from support import command, python
from ugen.data.corpus.corpus import Corpus
from ugen.data.processors import usable_processors, usable_threads

ONE = {min(os.sched_getaffinity(0))} if hasattr(os, "sched_getaffinity") else set()


@pytest.fixture(autouse=True)
def _eight_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that may use 8 of a host's 64."""
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)


def container(root: Path, groups: str, files: dict[str, str]) -> Path:
    """A system's files about control groups."""
    for name, text in {"proc/self/cgroup": groups, **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text + "\n")
    return root


V1 = "5:memory:/docker/c0ffee\n4:cpu,cpuacct:/docker/c0ffee\n1:name=systemd:/docker/c0ffee\n0::/"
QUOTAS = {
    "no control groups": ("", {}, 8),
    "version 2, half a processor": ("0::/", {"cpu.max": "50000 100000"}, 1),
    "version 2, three": ("0::/a/b", {"a/b/cpu.max": "300000 100000"}, 3),
    "version 2, two and a half": ("0::/", {"cpu.max": "250000 100000"}, 2),
    "version 2, no limit": ("0::/", {"cpu.max": "max 100000"}, 8),
    "version 2, more than there are": ("0::/", {"cpu.max": "6400000 100000"}, 8),
    "version 2, of a group above": (
        "0::/a/b",
        {"a/b/cpu.max": "max 100000", "a/cpu.max": "200000 100000"},
        2,
    ),
    "version 2, the host's name of the group": (
        "0::/docker/c0ffee",
        {"cpu.max": "100000 50000"},
        2,
    ),
    "version 1": (
        V1,
        {
            "cpu,cpuacct/docker/c0ffee/cpu.cfs_quota_us": "150000",
            "cpu,cpuacct/docker/c0ffee/cpu.cfs_period_us": "50000",
        },
        3,
    ),
    "version 1, mounted as the container's own": (
        V1,
        {"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000"},
        1,
    ),
    "version 1, no limit": (
        V1,
        {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"},
        8,
    ),
    "damaged": ("x\n::\n0", {"cpu.max": "many"}, 8),
}


@pytest.mark.parametrize("name", QUOTAS)
def test_quotas_of_control_groups_count(tmp_path: Path, name: str) -> None:
    """os.cpu_count() was asked: with half a processor training ran at a third of its speed."""
    groups, files, count = QUOTAS[name]
    root = container(tmp_path, groups, {f"sys/fs/cgroup/{k}": v for k, v in files.items()})
    assert usable_processors(root) == count


def test_systems_without_affinity_count_their_processors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert usable_processors(tmp_path) == 64
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_processors(tmp_path) == 1


def test_no_more_threads_are_used_than_there_are_processors(tmp_path: Path) -> None:
    """--threads 1024 made a minute's work last for hours, without a word."""
    said: list[str] = []
    assert (usable_threads(8, said.append), said) == (8, [])
    assert usable_threads(1024, said.append) == 8
    assert said == ["--threads 1024: this process may use 8 processors, and uses 8 threads"]
    process = command("ugen-run", "-o", tmp_path / "song.mid", "--seconds", 5, "--threads", 256)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0 and err.startswith("--threads 256: this process may use ")


PREPARE = """
import sys
import multiprocessing
from ugen.data.corpus import workers
class Counted(multiprocessing.Process):
    started = 0
    def start(self):
        Counted.started += 1
        super().start()
multiprocessing.Process = Counted
from ugen.data.cli.main import main
try:
    main()
finally:
    print("workers:", Counted.started)
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity here")
@pytest.mark.parametrize(("words", "count"), [([], 0), (["--workers", "200"], 61)])
def test_preparing_starts_as_many_workers_as_it_may(
    small_folder: Path, tmp_path: Path, words: list[str], count: int
) -> None:
    """A process bound to one processor started a worker for each of the host's; and Windows waits
    for 61 at most."""
    words = ["prepare", str(small_folder), "-o", str(tmp_path / "c"), *words]
    command = python(PREPARE, *words, processors=[*ONE])
    done = subprocess.run(command, capture_output=True, text=True)
    assert f"workers: {count}\n" in done.stdout, done.stderr


TRAIN = "from ugen.train.cli import main; main()"
SMALL = "--threads 1 --hidden 16 --embedding 8 --batch 2 --bptt-length 32 --sample-minutes 0"


def train(*words: object) -> subprocess.CompletedProcess[str]:
    """train-ugen on a processor without bf16, as oneDNN imitates it; files as for a group."""
    return subprocess.run(
        [sys.executable, "-c", TRAIN, *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"},
        umask=0o027,
    )


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="a switch of x86's")
def test_a_processor_without_bf16_trains_in_fp32(small_corpus: Corpus, tmp_path: Path) -> None:
    """--precision bf16 ended in a traceback there, and so did a run of a newer machine resumed."""
    pytest.importorskip("torch")
    run, words = tmp_path / "run", SMALL.split()
    refused = train(small_corpus.path, "-o", run, *words, "--precision", "bf16")
    said = "train-ugen: --precision bf16: this machine cannot compute it; leave the option out\n"
    assert (refused.returncode, refused.stderr) == (2, said)
    begun = train(small_corpus.path, "-o", run, *words, "--epochs", "0.2", "--precision", "fp32")
    assert begun.returncode == 0, begun.stderr
    config = json.loads((run / "config.json").read_text())
    config["training"]["precision"] = "bf16"
    (run / "config.json").write_text(json.dumps(config))
    words = ["--resume", "--epochs", "0.4", "--threads", "1", "--sample-minutes", "0"]
    resumed = train(small_corpus.path, "-o", run, *words)
    assert resumed.returncode == 0, resumed.stderr
    assert "this machine cannot train in bf16; the run continues in fp32" in resumed.stdout


def test_all_files_of_a_run_have_the_mode_that_was_asked_for(
    small_corpus: Corpus, tmp_path: Path
) -> None:
    """Weights were for their owner alone, whatever the umask: others could not export them."""
    pytest.importorskip("torch")
    done = train(small_corpus.path, "-o", tmp_path / "run", *SMALL.split(), "--epochs", "0.1")
    assert done.returncode == 0, done.stderr
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "run").iterdir()}
    assert modes["model.safetensors"] == modes["resume.safetensors"] == 0o640
    assert {mode for name, mode in modes.items() if "." in name} == {0o640}, modes
