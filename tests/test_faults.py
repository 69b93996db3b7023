"""What a command does when it is interrupted, when the system refuses something, or when a name is
odd: one line, an exit code, nothing half-written."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from support import BUNDLED, command

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals and devices of Unix")


def said(text: str) -> str:
    """The one line that a command said."""
    assert text.count("\n") == 1 and "Traceback" not in text, text
    return text


def many_files(folder: Path, count: int = 200) -> Path:
    """A folder that takes a while to prepare."""
    folder.mkdir()
    for number in range(count):
        os.link(BUNDLED[number % len(BUNDLED)], folder / f"{number}.mid")
    return folder


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize("after", [0.15, 0.4, 0.8])
def test_a_signal_ends_prepare_and_its_workers_in_one_line(
    number: int, twice: bool, after: float, tmp_path: Path
) -> None:
    """Tracebacks of the main process and of its workers, and death without a word by SIGTERM."""
    folder = many_files(tmp_path / "music")
    process = command("ugen-data", "prepare", folder, "-o", tmp_path / "c", "--workers", 2)
    time.sleep(after)
    for _ in range(1 + twice):
        os.killpg(process.pid, number)
        time.sleep(0.01)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number, err
    assert said(err).startswith("ugen-data: stopped")
    assert_ended(process)


def assert_ended(process: subprocess.Popen[str]) -> None:
    """Wait until no process of a command's group lives, those aside that no one has waited for."""
    for _ in range(200):
        found = subprocess.run(
            ["ps", "-o", "stat=", "-g", str(process.pid)], capture_output=True, text=True
        )
        if all(state.startswith("Z") for state in found.stdout.split()):
            return
        time.sleep(0.02)
    raise AssertionError("a worker lives on")


def children_of(process: subprocess.Popen[str]) -> list[int]:
    path = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(pid) for pid in path.read_text().split()]


def with_workers(folder: Path, out: Path) -> tuple[subprocess.Popen[str], list[int]]:
    """A command whose two workers are at work."""
    if not Path("/proc/self/task").is_dir():
        pytest.skip("needs Linux's list of processes")
    process = command("ugen-data", "prepare", folder, "-o", out, "--workers", 2)
    for _ in range(200):
        if len(workers := children_of(process)) == 2:
            return process, workers
        time.sleep(0.02)
    raise AssertionError("no workers")


def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    """When only the main process was killed, its workers stayed for ever."""
    process, _ = with_workers(many_files(tmp_path / "music"), tmp_path / "c")
    process.kill()
    process.communicate()
    assert_ended(process)


def test_a_killed_worker_is_told_in_one_line_and_the_same_command_continues(tmp_path: Path) -> None:
    """A page of BrokenProcessPool; where the worker was killed in the middle of an answer, a hang."""
    folder = many_files(tmp_path / "music")
    process, workers = with_workers(folder, tmp_path / "c")
    os.kill(workers[0], signal.SIGKILL)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1 and "a worker was killed" in said(err)
    again = command("ugen-data", "prepare", folder, "-o", tmp_path / "c", "--workers", 2)
    assert again.communicate(timeout=60)[1] == "" and again.returncode == 0


def test_of_two_prepares_of_one_corpus_the_second_is_refused(tmp_path: Path) -> None:
    """Both failed, and left a broken corpus under its final name."""
    folder = many_files(tmp_path / "music")
    first, _ = with_workers(folder, tmp_path / "c")
    second = command("ugen-data", "prepare", folder, "-o", tmp_path / "c")
    _, err = second.communicate(timeout=60)
    assert second.returncode == 2 and "c: another process is at work on it" in said(err)
    assert first.communicate(timeout=60)[1] == "" and first.returncode == 0
    assert sorted(os.listdir(tmp_path)) == ["c", "music"]


def test_the_lock_of_a_killed_prepare_is_not_held(tmp_path: Path) -> None:
    folder = many_files(tmp_path / "music")
    process, _ = with_workers(folder, tmp_path / "c")
    process.kill()
    process.communicate()
    again = command("ugen-data", "prepare", folder, "-o", tmp_path / "c")
    assert again.communicate(timeout=60)[1] == "" and again.returncode == 0


def test_songs_and_samples_of_ugen_are_not_learned_from(tmp_path: Path) -> None:
    """A run or a song inside the folder of music: the next run learned from it."""
    from ugen.data import make_codec, read_midi, write_midi
    from ugen.data.corpus.prepare import Settings, prepare

    folder = many_files(tmp_path / "music", 3)
    score = read_midi(BUNDLED[4])
    write_midi(score, folder / "song.mid", texts=['ugen-run {"version": "1"}'])
    write_midi(score, folder / "sample.mid", texts=['train-ugen {"version": "1"}'])
    rows = prepare(folder, tmp_path / "c", Settings(make_codec("beats"))).rows
    left_out = {row.file: row.reason for row in rows if row.code == "made_by_ugen"}
    assert left_out.keys() == {"song.mid", "sample.mid"}
    assert left_out["song.mid"].startswith("made by ugen-run;")


# output and names


def test_a_full_disk_on_standard_output_is_one_line() -> None:
    """A page of Python: OSError 28."""
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    for words in (["ugen-data", "music"], ["ugen-run", "--info"], ["ugen-run", "--help"]):
        with open("/dev/full", "w") as full:
            process = command(*words, stdout=full)
            _, err = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "standard output: No space left on device" in said(err)


def test_a_reader_that_has_gone_is_no_error_to_tell() -> None:
    process = command("ugen-run", "--help")
    process.stdout.close()
    with process:
        assert process.stderr.read() == ""
    assert process.returncode == 1


@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)])
def test_closed_streams_change_nothing(closed: tuple[int, ...], tmp_path: Path) -> None:
    """Without standard error (pythonw, services, 2>&-) nothing was made, without a word."""
    song, corpus = tmp_path / "song.mid", tmp_path / "c"
    folder = many_files(tmp_path / "music", 4)
    for words in (
        ["ugen-run", "-o", song, "--seconds", 5, "--seed", 1],
        ["ugen-data", "prepare", folder, "-o", corpus],
    ):
        process = command(*words, closed=closed)
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert song.stat().st_size > 100 and (corpus / "corpus.json").exists()


@pytest.mark.parametrize("encoding", ["cp932", "gbk", "cp1252", "ascii:strict", "utf-8:strict"])
def test_what_a_code_page_lacks_is_replaced(encoding: str, tmp_path: Path) -> None:
    """UnicodeEncodeError after the song was written, for a name that the code page lacks."""
    song = tmp_path / os.fsdecode("Zoë Dvořák 🎵 ".encode() + b"\xff.mid")
    process = command(
        "ugen-run", "-o", song, "--seconds", 5, "--seed", 1, PYTHONIOENCODING=encoding
    )
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "") and "Zo" in out and song.exists()


def test_names_reach_no_terminal_raw(tmp_path: Path) -> None:
    """A name with escapes could move the cursor or hide text, in errors and in results."""
    folder = tmp_path / "music"
    folder.mkdir()
    (folder / "\x1b[2Jbad\n.mid").write_bytes(b"no MIDI file")
    os.link(BUNDLED[0], folder / "\x1b[31mred.mid")
    for words in (
        ["convert", folder, tmp_path / "\x1b[1mout", "--to", ".csv"],
        ["convert", folder / "\x1b[31mred.mid", tmp_path / "\x1b[31mred.csv"],
        ["stats", folder / "\x1b[31mred.mid"],
        ["stats", folder / "\x1b[2Jbad\n.mid"],
        ["prepare", folder, "-o", tmp_path / "c"],
    ):
        text = "".join(command("ugen-data", *words).communicate(timeout=60))
        assert "\x1b" not in text and text


def test_a_home_that_is_missing_is_not_needed(tmp_path: Path) -> None:
    song = tmp_path / "song.mid"
    process = command("ugen-run", "-o", song, "--seconds", 5, HOME=None)
    assert process.communicate(timeout=60)[1] == "" and song.exists()


def test_brackets_in_a_name_are_shown_on_a_terminal(tmp_path: Path) -> None:
    """rich took them for markup: MarkupError, and nothing was made."""
    import pty

    own, its = pty.openpty()
    song = tmp_path / "x [/b] [bold] y.mid"
    process = command("ugen-run", "-o", song, "--seconds", 20, "--seed", 1, stderr=its)
    os.close(its)
    process.communicate(timeout=60)
    assert song.exists() and b"Traceback" not in os.read(own, 1 << 16)
    os.close(own)
