"""What training and exporting do when they are stopped, when a disk is full, and when nothing is
learned."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from support import BUNDLED, command
from ugen.data.corpus.corpus import Corpus
from ugen.train.evaluation.diagnostics import about_run

TINY = ["--hidden", 8, "--embedding", 8, "--batch", 4, "--bptt-length", 16, "--threads", 1]
TINY += ["--sample-minutes", 0]


def train(*words: object, **how: object) -> subprocess.Popen[str]:
    """Start a small run."""
    return command("train-ugen", *words, *TINY, **how)


def ended(process: subprocess.Popen[str], code: int = 0) -> str:
    """All that a command said, one line at most of it on standard error."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == code, err
    assert err.count("\n") == (code != 0) and "Traceback" not in err, err
    return (out or "") + err


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    while not path.exists():
        assert process.poll() is None
        time.sleep(0.005)


def test_of_two_trainings_in_one_folder_the_second_is_refused(
    small_corpus: Corpus, tmp_path: Path
) -> None:
    """Both went on, and mixed their files in it."""
    run = tmp_path / "run"
    first = train(small_corpus.path, "-o", run, "--minutes", 5)
    wait_for(run / ".lock", first)
    for flags in ([], ["--resume"]):
        said = ended(train(small_corpus.path, "-o", run, *flags), 2)
        assert "run: another process is at work on it" in said
    wait_for(run / "config.json", first)
    said = ended(train(small_corpus.path, "-o", run, "--resume"), 2)
    assert "run: another process is at work on it" in said
    first.kill()
    first.communicate()
    ended(train(small_corpus.path, "-o", run, "--resume", "--epochs", 0.5))
    assert not (run / ".lock").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_training_in_one_line_that_says_how_to_continue(
    number: int, small_corpus: Corpus, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    process = train(small_corpus.path, "-o", run, "--minutes", 5)
    wait_for(run / "config.json", process)
    for _ in range(2):
        process.send_signal(number)
        time.sleep(0.01)
    said = ended(process, 128 + number)
    assert "continue with the same command and --resume" in said
    ended(train(small_corpus.path, "-o", run, "--resume", "--epochs", 0))


@pytest.mark.parametrize("again", [[], ["--resume"]])
def test_a_run_that_is_killed_before_its_first_checkpoint_never_began(
    again: list[str], small_corpus: Corpus, tmp_path: Path
) -> None:
    """Neither the same command nor --resume would go on."""
    run = tmp_path / "run"
    process = train(small_corpus.path, "-o", run)
    wait_for(run / "held_out_excerpt.npy", process)
    process.kill()
    process.communicate()
    assert not (run / "config.json").exists(), "it was killed early enough"
    ended(train(small_corpus.path, "-o", run, "--epochs", 0, *again))
    assert (run / "model.safetensors").exists()


def test_a_full_disk_is_told_with_what_is_kept(small_corpus: Corpus, tmp_path: Path) -> None:
    """A page of SafetensorError after hours, and a run that could not be resumed."""
    run = tmp_path / "run"
    ended(train(small_corpus.path, "-o", run, "--epochs", 1))
    size = (run / "resume.safetensors").stat().st_size
    words = [small_corpus.path, "-o", run, "--resume", "--epochs"]
    said = ended(train(*words, 3, most_bytes=size - 1), 2)
    assert "resume.safetensors: cannot be written (File too large); stopped after" in said
    assert "continue with the same command and --resume" in said
    ended(train(*words, 3))
    assert not [name for name in os.listdir(run) if name.startswith(".")]


def test_weights_of_before_the_first_update_are_not_called_the_best(tmp_path: Path) -> None:
    """They were kept, exported and sampled without a word."""
    folder = tmp_path / "two"
    folder.mkdir()
    for number, path in enumerate(BUNDLED[:2]):
        os.link(path, folder / f"{number}.mid")
    run = tmp_path / "run"
    said = ended(train(folder, "-o", run, "--lr", 10, "--epochs", 2))
    assert "Nothing was learned" in said and "Try a lower --lr" in said
    assert "The best weights" not in said and "next: export-ugen" not in said
    process = command("export-ugen", run, "-o", tmp_path / "m.onnx", "--precision", "fp32")
    assert "learned nothing" in ended(process)


def test_temporary_files_are_not_needed_and_none_is_left(
    small_corpus: Corpus, tmp_path: Path
) -> None:
    """torch left a folder of its compiler's there, or failed where it could not."""
    run, place = tmp_path / "run", tmp_path / "place"
    place.mkdir()
    ended(train(small_corpus.path, "-o", run, "--epochs", 0.1, TMPDIR=str(place)))
    export = ["export-ugen", run, "-o", tmp_path / "m.onnx", "--precision", "fp32"]
    ended(command(*export, TMPDIR=str(place)))
    assert os.listdir(place) == []


def test_divergence_is_not_called_memorizing() -> None:
    row = {"epoch": 1.0, "known_nats_per_token": 1.0, "top_event": "bar"}
    for entry in ("time", "top_event"):
        row |= {f"{entry}_predicted": 0.1, f"{entry}_actual": 0.1}
    history = [{**row, "nats_per_token": loss} for loss in (6.0, 10.0, 9.0)]
    assert about_run(history).keys() == {"divergence"}
    history[1]["nats_per_token"] = 5.0
    assert about_run(history).keys() == {"overfitting"}


def test_resuming_looks_at_the_folder_it_is_given(tmp_path: Path) -> None:
    """Files added or gone, and folders that are missing, were passed over in silence."""
    folder, run = tmp_path / "music", tmp_path / "run"
    folder.mkdir()
    for number, path in enumerate(BUNDLED[:3]):
        os.link(path, folder / f"{number}.mid")
    ended(train(folder, "-o", run, "--epochs", 0.1))
    assert "since the run began" not in ended(train(folder, "-o", run, "--resume", "--epochs", 0.2))
    (folder / "1.mid").rename(folder / "new.mid")
    os.link(BUNDLED[4], folder / "other.mid")
    said = ended(train(folder, "-o", run, "--resume", "--epochs", 0.3))
    assert "2 files new and 1 file gone since the run began, which continues with its own" in said
    for words, reason in (
        ([tmp_path / "nowhere"], "nowhere: does not exist"),
        ([folder, "--codec", "events"], "--codec events"),
        ([folder, "--arrange", "band"], "--arrange band"),
    ):
        assert reason in ended(train(*words, "-o", run, "--resume"), 2)
    assert "holds no training run" in ended(train(folder, "-o", tmp_path / "x", "--resume"), 2)


def test_a_run_that_learned_from_a_corpus_says_which_to_give(
    small_corpus: Corpus, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    ended(train(small_corpus.path, "-o", run, "--epochs", 0))
    said = ended(train(tmp_path, "-o", run, "--resume"), 2)
    assert f"the run learned from the corpus {small_corpus.path}; give that one" in said


@pytest.mark.parametrize("name", ["m.onnx", "m.ts"])
def test_an_export_to_a_full_disk_is_one_line_and_leaves_nothing(
    name: str, small_run: Path, tmp_path: Path
) -> None:
    """TorchScript's C++ ended the process with fifty lines of stack."""
    kind = "torchscript" if name == "m.ts" else "onnx"
    process = command(
        "export-ugen", small_run, "-o", tmp_path / name, "--format", kind, most_bytes=20_000
    )
    assert "cannot be written (File too large)" in ended(process, 2)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_export_that_is_ended_leaves_nothing_or_is_swept(
    number: int, small_run: Path, tmp_path: Path
) -> None:
    """Folders named tmpXXXXXXXX stayed beside the file."""
    words = [small_run, "-o", tmp_path / "m.onnx", "--precision", "fp32"]
    process = command("export-ugen", *words)
    while not os.listdir(tmp_path):
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(number)
    process.communicate()
    assert all(name.startswith(".ugen-") for name in os.listdir(tmp_path))
    assert number == signal.SIGKILL or not os.listdir(tmp_path)
    time.sleep(1)
    ended(command("export-ugen", *words))
    assert os.listdir(tmp_path) == ["m.onnx"]


def test_an_export_whose_output_goes_nowhere_is_told_so(small_run: Path, tmp_path: Path) -> None:
    """A full standard output was told as a model file that cannot be written."""
    words = [small_run, "-o", tmp_path / "m.onnx", "--precision", "fp32"]
    with open("/dev/full", "w") as full:
        said = ended(command("export-ugen", *words, stdout=full), 1)
    assert said == "export-ugen: standard output: No space left on device\n"
    assert os.listdir(tmp_path) == []
