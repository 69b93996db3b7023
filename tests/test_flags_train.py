"""train-ugen's options: each changes the result or is refused by name, in a new run and in a
resumed one."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import typer
from support import digest, finished, train_ugen, trained
from ugen.data.corpus.corpus import Corpus
from ugen.train.cli import app, main
from ugen.train.presets import PRESETS

TINY = ["--hidden", "8", "--embedding", "8", "--batch", "2", "--bptt-length", "16"]
FAST = ["--epochs", "0", "--sample-minutes", "0", "--threads", "1"]

# what a run's config.json holds, and a value that is not the one of TINY
SETTINGS: dict[str, tuple[str, Any]] = {
    "embedding": ("model", 9),
    "layers": ("model", 2),
    "hidden": ("model", 9),
    "dropout": ("model", 0.25),
    "skip": ("model", True),
    "tied": ("model", True),
    "pointer": ("model", False),
    "learn_initial_state": ("model", True),
    "batch": ("training", 3),
    "bptt_length": ("training", 17),
    "lr": ("training", 0.25),
    "weight_decay": ("training", 0.25),
    "warmup": ("training", 7),
    "grad_clip": ("training", 0.25),
    "epochs": ("training", 0.25),
    "minutes": ("training", 0.001),
    "patience": ("training", 7),
    "transpose": ("training", False),
    "tempo_jitter": ("training", 0.25),
    "velocity_jitter": ("training", 7),
    "wish_dropout": ("training", 0.25),
    "given": ("training", 0.5),
    "class_weights": ("training", 0.25),
    "objective": ("training", "professor-forcing"),
    "precision": ("training", "bf16"),
    "seed": ("training", 7),
}
# tested each by itself below, or by a test of its own
OTHERS = {
    "source",
    "output",
    "codec",
    "ticks",
    "fold",
    "arrangement",
    "valid",
    "test",
    "sustain",
    "labels",
    "preset",
    "columns",
    "init_from",
    "from_scratch",  # tests/test_first_model.py
    "find_lr",
    "device",
    "threads",
    "sample_minutes",
    "tensorboard",
    "verbose",
    "resumed",
}
PRINT_AND_EXIT = {"presets", "measure", "version", "help", "install_completion", "show_completion"}


def run(*arguments: object, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Run the command in this process. Gives its exit code and all it printed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["train-ugen", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
    shown = capsys.readouterr()
    return int(ended.value.code or 0), shown.out + shown.err


def config(folder: Path) -> dict[str, Any]:
    """A run's config.json."""
    found: dict[str, Any] = json.loads((folder / "config.json").read_text())
    return found


def flags(name: str, value: Any) -> list[object]:
    """A setting as it stands on the command line."""
    flag = f"--{name.replace('_', '-')}"
    if isinstance(value, bool):
        return [flag if value else f"--no-{flag[2:]}"]
    return [flag, value]


@pytest.fixture(scope="module")
def tiny_run(small_corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained run."""
    path = tmp_path_factory.mktemp("tiny") / "run"
    trained(small_corpus.path, "-o", path, *TINY, *FAST, "--precision", "fp32")
    return path


def test_every_option_is_in_this_table() -> None:
    """So that a new one is tested, too."""
    found = {parameter.name for parameter in typer.main.get_command(app).params}
    assert found - PRINT_AND_EXIT == {*SETTINGS, *OTHERS}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_is_in_the_run_and_in_a_resumed_one_acts_or_is_refused(
    name: str, tiny_run: Path, small_corpus: Corpus, tmp_path: Path, capsys: Any
) -> None:
    part, value = SETTINGS[name]
    assert config(tiny_run)[part][name] != value
    base = [*TINY, *FAST, "--precision", "fp32"]
    new = tmp_path / "new"
    code, said = run(small_corpus.path, "-o", new, *base, *flags(name, value), capsys=capsys)
    assert code == 0, said
    assert config(new)[part][name] == value
    resumed = shutil.copytree(tiny_run, tmp_path / "resumed")
    again = [small_corpus.path, "-o", resumed, "--resume", "--sample-minutes", 0]
    code, said = run(*again, *flags(name, value), capsys=capsys)
    if name in ("epochs", "minutes"):
        assert code == 0 and config(resumed)[part][name] == value
    elif name == "patience":
        assert code == 0 and "finished" in said
        run(*again, *flags(name, value), "--epochs", 0.1, capsys=capsys)
        assert config(resumed)[part][name] == value
    else:
        assert code == 2 and f"{flags(name, value)[0]}".replace("--no-", "--") in said
        assert config(resumed) == config(tiny_run)


def test_columns_are_in_the_run_and_cannot_be_changed(
    tiny_run: Path, small_corpus: Corpus, tmp_path: Path, capsys: Any
) -> None:
    assert len(config(tiny_run)["model"]["columns"]) > 5, "by default all"
    new = tmp_path / "new"
    chosen = ["--columns", "beat,back_2"]
    code, said = run(small_corpus.path, "-o", new, *TINY, *FAST, *chosen, capsys=capsys)
    assert code == 0, said
    assert [each["name"] for each in config(new)["model"]["columns"]] == ["beat", "back_2"]
    resumed = shutil.copytree(tiny_run, tmp_path / "resumed")
    again = [small_corpus.path, "-o", resumed, "--resume", "--sample-minutes", 0]
    code, said = run(*again, *chosen, capsys=capsys)
    assert code == 2 and "--columns beat,back_2: the run to resume has beat,phase" in said
    code, said = run(*again, "--columns", "all", capsys=capsys)
    assert code == 0, said


@pytest.mark.parametrize(
    ("options", "entry", "expected"),
    [
        (["--codec", "events"], ("codec", "name"), "events"),
        (["--codec", "khot", "--ticks", 240], ("codec", "options"), {"ticks": 240}),
        (["--codec", "frames", "--fold"], ("codec", "options"), {"ticks": 25, "fold": True}),
        (["--arrange", "band"], ("arrangement",), "band"),
        (["--valid", 0.5], ("valid",), 0.5),
        (["--test", 0.3], ("test",), 0.3),
        (["--sustain"], ("sustain",), True),
        (["--labels", "none"], ("labels",), "none"),
    ],
)
def test_how_a_folder_is_prepared_is_heeded_and_refused_for_a_prepared_corpus(
    options: list[Any],
    entry: Any,
    expected: Any,
    small_folder: Path,
    small_corpus: Corpus,
    tiny_run: Path,
    tmp_path: Path,
    capsys: Any,
) -> None:
    """`train-ugen CORPUS --codec frames` was once parsed and ignored."""
    code, said = run(small_folder, "-o", tmp_path / "run", *TINY, *FAST, *options, capsys=capsys)
    assert code == 0, said
    found: Any = json.loads((tmp_path / "run" / "corpus" / "corpus.json").read_text())
    for name in entry:
        found = found[name]
    assert found == expected
    for more in (["-o", tmp_path / "other", *TINY, *FAST], ["-o", tiny_run, "--resume"]):
        code, said = run(small_corpus.path, *more, *options, capsys=capsys)
        assert code == 2 and said.startswith(f"train-ugen: {options[0]}")
        assert "is prepared already, with" in said and said.count("\n") == 1
    assert not (tmp_path / "other").exists()


def test_a_prepared_corpus_takes_flags_that_say_what_it_is(
    small_corpus: Corpus, tmp_path: Path, capsys: Any
) -> None:
    same = ["--codec", "beats", "--arrange", "piano", "--valid", 0.2]
    arguments = [small_corpus.path, "-o", tmp_path / "run", *TINY, *FAST, *same]
    assert run(*arguments, capsys=capsys)[0] == 0
    assert run(*arguments, "--resume", capsys=capsys)[0] == 0


def test_what_a_run_starts_from_and_where_it_runs(
    small_corpus: Corpus, tiny_run: Path, tmp_path: Path, capsys: Any
) -> None:
    def made(name: str, *options: object) -> Path:
        out = tmp_path / name
        code, said = run(small_corpus.path, "-o", out, *FAST, *options, capsys=capsys)
        assert code == 0, said
        return out

    preset = made("preset", "--preset", "lstm-1x300", "--embedding", 8)
    assert config(preset)["model"]["hidden"] == 300
    started = made("started", "--init-from", tiny_run)
    assert digest(started / "model.safetensors") == digest(tiny_run / "model.safetensors")
    assert config(made("rate", *TINY, "--find-lr"))["training"]["lr"] != 5e-3
    made("one", *TINY, "--threads", 2)
    assert torch.get_num_threads() == 2
    made("two", *TINY, "--threads", 1)
    assert torch.get_num_threads() == 1
    assert not (tmp_path / "one" / "samples").exists()
    assert (made("sampled", *TINY, "--sample-minutes", 1) / "samples").is_dir()
    missing = "mps" if torch.cuda.is_available() else "cuda"
    other = tmp_path / "other"
    code, said = run(small_corpus.path, "-o", other, "--device", missing, capsys=capsys)
    assert code == 2 and f"--device {missing}: not on this machine" in said


def test_a_preset_that_is_not_the_resumed_run_is_refused(
    small_corpus: Corpus, tiny_run: Path, capsys: Any
) -> None:
    arguments = [small_corpus.path, "-o", tiny_run, "--resume"]
    code, said = run(*arguments, "--preset", "small", capsys=capsys)
    assert code == 2 and "--preset small: its embedding is 256, and 8 in the run" in said
    assert run(*arguments, "--preset", "small", *TINY, capsys=capsys)[0] == 0
    for flag, value in (("--find-lr", []), ("--init-from", [tiny_run]), ("--from-scratch", [])):
        code, said = run(*arguments, flag, *value, capsys=capsys)
        assert code == 2 and f"{flag}: goes with a new run" in said


# faults of before


def test_the_list_of_presets_measures_nothing_unasked(
    monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """It once took minutes before the first line."""
    monkeypatch.setattr("ugen.train.learning.speed.tokens_per_second", lambda *_, **__: 54_321.0)
    code, said = run("--list-presets", capsys=capsys)
    assert code == 0 and "eight layers" in said and "54,321" not in said
    for flags in (("--list-presets", "--measure"), ("--measure", "--list-presets")):
        code, said = run(*flags, capsys=capsys)
        assert code == 0 and said.count("54,321") == len(PRESETS)
    code, said = run("music", "-o", "run", "--measure", capsys=capsys)
    assert code == 2 and "--measure: goes with --list-presets" in said


def test_no_epochs_make_no_update(tiny_run: Path, small_corpus: Corpus) -> None:
    """`--epochs 0` once made an update."""
    rows = [json.loads(line) for line in (tiny_run / "metrics.jsonl").read_text().splitlines()]
    assert [row["update"] for row in rows] == [0]


def test_a_finished_run_is_left_as_it_is(tiny_run: Path, small_corpus: Corpus, capsys: Any) -> None:
    """Resuming one once evaluated again, for minutes, and wrote a row of NaN."""
    before = {path: path.stat().st_mtime_ns for path in tiny_run.rglob("*")}
    code, said = run(small_corpus.path, "-o", tiny_run, "--resume", capsys=capsys)
    assert code == 0 and "finished (all epochs are done)" in said and said.count("\n") == 1
    assert {path: path.stat().st_mtime_ns for path in tiny_run.rglob("*")} == before


def test_a_resumed_run_needs_its_source(tiny_run: Path, tmp_path: Path, capsys: Any) -> None:
    """One that does not exist was once taken without a word."""
    code, said = run(tmp_path / "nowhere", "-o", tiny_run, "--resume", capsys=capsys)
    assert code == 2 and "nowhere: does not exist" in said


@pytest.mark.parametrize("resume", [[], ["--resume"]])
def test_a_run_stopped_before_its_first_evaluation_begins_again(
    small_corpus: Corpus, tmp_path: Path, resume: list[str]
) -> None:
    """Its folder could once neither be resumed nor be trained in again."""
    out = tmp_path / "run"
    arguments = [small_corpus.path, "-o", out, *TINY, "--sample-minutes", "0", "--threads", "1"]
    process = train_ugen(*arguments, "--epochs", "1")
    while not (
        out / "held_out_excerpt.npy"
    ).exists():  # it stands right before the first evaluation
        assert process.poll() is None
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    said = finished(process, 130)
    assert "the same command begins again" in said
    assert not (out / "metrics.jsonl").exists(), "it was stopped early enough"
    trained(*arguments, "--epochs", "0", *resume)
    assert (out / "model.safetensors").exists() and config(out)["training"]["epochs"] == 0


def test_rows_reach_a_pipe_when_the_progress_line_is_on_a_terminal(
    small_corpus: Corpus, tmp_path: Path
) -> None:
    """`train-ugen ... | tee log` once lost them: the progress line took standard output."""
    ours, theirs = pty.openpty()
    code = "from ugen.train.cli import main; main()"
    arguments = [small_corpus.path, "-o", tmp_path / "run", *TINY, *FAST, "--epochs", "0.1"]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, stderr=theirs
    )
    os.close(theirs)
    out = process.communicate(timeout=120)[0].decode()
    os.close(ours)
    assert process.returncode == 0
    rows = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    shown = [line for line in out.splitlines() if line.lstrip()[:3] in ("0.0", "0.1")]
    assert len(shown) == len(rows) == 2
    assert "\x1b" not in out, "and nothing of the progress line"


def test_what_a_killed_run_left_is_swept_also_from_a_finished_one(
    tiny_run: Path, small_corpus: Corpus, tmp_path: Path, capsys: Any
) -> None:
    """A finished run writes nothing more; it kept the hidden file for ever."""
    run_folder = shutil.copytree(tiny_run, tmp_path / "run")
    left = run_folder / ".ugen-0123abcd"
    left.write_bytes(b"half of a report")
    os.utime(left, (0, 0))
    code, said = run(small_corpus.path, "-o", run_folder, "--resume", capsys=capsys)
    assert code == 0 and "finished" in said and not left.exists()
