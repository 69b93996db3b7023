"""What a command does when it is interrupted, when the system refuses something, or when a name is
odd: one line, an exit code, nothing half-written."""

from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import BUNDLED, command, python
from ugen.data import UgenError, make_codec, read_midi, write_midi
from ugen.data.corpus.prepare import Settings, prepare
from ugen.data.files import read_bytes, read_json, write_atomically, write_json
from ugen.data.locks import sweep
from ugen.data.midi.events import read_texts
from ugen.data.midi.stream_writer import MidiRecorder

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
    folder = many_files(tmp_path / "music", 1500)
    process = command("ugen-data", "prepare", folder, "-o", tmp_path / "c", "--workers", 2)
    time.sleep(after)
    for _ in range(1 + twice):
        os.killpg(process.pid, number)
        time.sleep(0.01)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number, err
    assert said(err).startswith("ugen-data: stopped")
    assert_ended(process)


DROPPED = """
import os, threading, time
from ugen.data.cli.app import make_app, run_app
start = threading.Timer.start
def start_late(timer):
    if {twice}:
        os.kill(os.getpid(), {number:d})
    start(timer)
threading.Timer.start = start_late
class Last:
    def __del__(self):
        os.kill(os.getpid(), {number:d})
        time.sleep(0.1)
app = make_app()
@app.command()
def work(word: str) -> None:
    Last()
    time.sleep(20)
run_app(app, "work")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("twice", [False, True])
def test_a_signal_is_not_dropped_where_python_drops_errors(number: int, twice: bool) -> None:
    """At a fork, and in destructors: a traceback, and the command went on. A second signal, at
    once, made a traceback."""
    code = DROPPED.format(number=number, twice=twice)
    done = subprocess.run([sys.executable, "-c", code, "x"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (128 + number, "work: stopped\n")


LATE = """
import os
class Last:
    def __del__(self, kill=os.kill, process=os.getpid()):
        kill(process, {number:d})
last = Last()
from ugen.data.cli import ugen_data
ugen_data()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_comes_while_python_ends_is_late(number: int) -> None:
    """The command had done its work, and its exit code said that it was killed."""
    code = LATE.format(number=number)
    done = subprocess.run([sys.executable, "-c", code, "music"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "") and "music" in done.stdout


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
    """When only the main process was killed, its workers stayed."""
    process, _ = with_workers(many_files(tmp_path / "music"), tmp_path / "c")
    process.kill()
    process.communicate()
    assert_ended(process)


def test_a_killed_worker_is_told_in_one_line_and_the_same_command_continues(tmp_path: Path) -> None:
    """A page of BrokenProcessPool; a hang where it was killed in the middle of an answer."""
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


def test_a_full_disk_on_standard_error_changes_nothing(tmp_path: Path) -> None:
    """A warning that could not be shown ended the work, as a fault of standard output."""
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    folder, out = many_files(tmp_path / "music", 3), tmp_path / "out"
    (folder / "linked").symlink_to(tmp_path)
    (folder / "bad.mid").write_bytes(b"no MIDI file")
    song = ["ugen-run", "-o", tmp_path / "song.mid", "--seconds", 5, "--threads", 256]
    for code, words in (
        (2, ["ugen-data", "convert", folder, out, "--to", ".csv"]),
        (2, ["ugen-data", "prepare"]),
        (0, song),
    ):
        with open("/dev/full", "w") as full:
            process = command(*words, stderr=full)
            process.communicate(timeout=60)
        assert process.returncode == code
    assert len(list(out.iterdir())) == 3 and (tmp_path / "song.mid").exists()


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


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_workers_have_standard_files_where_the_command_has_none(tmp_path: Path) -> None:
    """A pipe of the workers' got the number of a closed stream, and now and then `prepare` hung."""
    code = (
        "import os, subprocess, sys\n"
        "from ugen.data.cli.app import _open_streams\n"
        "_open_streams()\n"
        "child = 'import os; [os.fstat(n) for n in range(3)]'\n"
        "sys.exit(subprocess.run([sys.executable, '-c', child]).returncode)\n"
    )
    done = subprocess.run(python(code, closed=range(3)), check=False)
    assert done.returncode == 0


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


# files


def test_links_pipes_and_modes_of_output_files_are_kept(tmp_path: Path) -> None:
    """Whatever had the name was replaced by a plain file: a link, a pipe, a device."""
    (tmp_path / "elsewhere").mkdir()
    link, target = tmp_path / "link.json", tmp_path / "elsewhere" / "target.json"
    link.symlink_to(target)
    for value in (1, 2):  # a dangling link, then one to a file
        write_json(link, value)
        assert link.is_symlink() and read_json(target) == value
    target.chmod(0o640)
    write_json(link, 3)
    assert target.stat().st_mode & 0o777 == 0o640

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:
        write_atomically(pipe, b"music")
        assert reader.communicate()[0] == b"music" and pipe.is_fifo()
    write_atomically("/dev/null", b"music")
    assert Path("/dev/null").is_char_device()

    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for path, reason in ((loop, "symbolic links"), (tmp_path / "elsewhere", "is a folder")):
        with pytest.raises(UgenError, match=reason):
            write_atomically(path, b"")
    assert sorted(os.listdir(tmp_path)) == ["elsewhere", "link.json", "loop", "pipe"]


def test_new_files_have_the_mode_that_the_user_wants(tmp_path: Path) -> None:
    """Weights were for the owner alone, whatever the umask."""
    before = os.umask(0o027)
    try:
        write_json(tmp_path / "x.json", 1)
    finally:
        os.umask(before)
    assert (tmp_path / "x.json").stat().st_mode & 0o777 == 0o640


def test_a_mounted_file_is_written_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that a container mounts cannot be replaced: Device or resource busy."""
    path = tmp_path / "x.json"
    write_json(path, [1, 2, 3])
    number = path.stat().st_ino

    def busy(source: object, target: object) -> None:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), source, None, target)

    monkeypatch.setattr(os, "replace", busy)
    write_json(path, 1)
    assert path.stat().st_ino == number and read_json(path) == 1
    assert os.listdir(tmp_path) == ["x.json"]


@pytest.mark.parametrize("length", [200, 251, 255])
def test_names_may_be_as_long_as_the_system_allows(length: int, tmp_path: Path) -> None:
    """From 236 bytes on they were refused, for the hidden name beside was longer."""
    name = "é" * ((length - 4) // 2) + "x" * (length % 2) + ".mid"
    process = command("ugen-run", "-o", name, "--seconds", 5, cwd=tmp_path)
    assert process.communicate(timeout=60)[1] == "" and os.listdir(tmp_path) == [name]
    out = tmp_path / ("x" * length)
    process = command("ugen-data", "prepare", many_files(tmp_path / "m", 4), "-o", out)
    assert process.communicate(timeout=60)[1] == "" and (out / "corpus.json").exists()
    process = command("ugen-run", "-o", "x" * 300 + ".mid", cwd=tmp_path)
    assert "too long" in said(process.communicate(timeout=60)[1])


def test_a_planted_link_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hidden name could be guessed, and was opened through a link planted there."""
    victim = tmp_path / "victim"
    victim.write_text("mine")
    monkeypatch.setattr(os, "urandom", bytes)
    (tmp_path / ".ugen-00000000").symlink_to(victim)
    with pytest.raises(UgenError, match="File exists"):
        write_json(tmp_path / "x.json", 1)
    assert victim.read_text() == "mine" and not (tmp_path / "x.json").exists()


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_holds_is_not(
    tmp_path: Path,
) -> None:
    """They stayed for ever, beside what was written."""
    code = (
        "import os, sys; from ugen.data.files import replacing, temporary_folder; "
        "from pathlib import Path\n"
        "with replacing(sys.argv[1]), temporary_folder(Path(sys.argv[1]).parent) as folder:\n"
        "    (folder / 'x').touch(); print('ready', flush=True); sys.stdin.read()"
    )
    words = [sys.executable, "-c", code, tmp_path / "x.json"]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        process.stdout.readline()
        left = sorted(tmp_path.iterdir())
        for each in left:
            os.utime(each, (0, 0))
        sweep(tmp_path)
        assert sorted(tmp_path.iterdir()) == left and len(left) == 2
        process.kill()
    sweep.cache_clear()
    sweep(tmp_path)
    assert os.listdir(tmp_path) == []


def test_pipes_without_a_writer_and_devices_are_refused_as_input(tmp_path: Path) -> None:
    """They were waited for, or read until memory was gone."""
    pipe = tmp_path / "pipe.mid"
    os.mkfifo(pipe)
    for path, reason in ((pipe, "no one writes to"), ("/dev/zero", "not a file")):
        for read in (read_bytes, read_json, read_midi):
            with pytest.raises(UgenError, match=reason):
                read(path)
    with subprocess.Popen(["cat", BUNDLED[0]], stdout=subprocess.PIPE) as writer:
        process = command("ugen-data", "stats", "/dev/stdin", stdin=writer.stdout)
        assert process.communicate(timeout=60)[1] == "" and process.returncode == 0


# music that is written while it is made


def endless(path: Path, *words: object, **how: object) -> subprocess.Popen[str]:
    """The command, when its file is there."""
    process = command("ugen-run", "--endless", "--no-guard", "-o", path, "--seed", 1, *words, **how)
    for _ in range(500):
        if path.exists():
            break
        time.sleep(0.02)
    time.sleep(1.5)
    return process


def test_endless_music_stays_when_the_process_is_killed(tmp_path: Path) -> None:
    """All of it was lost; what lay in a hidden file had a track of no length."""
    song = tmp_path / "radio.mid"
    process = endless(song)
    process.kill()
    process.communicate()
    score = read_midi(song)
    assert len(score.notes) > 100 and score.warnings == ()
    assert any(text.startswith("ugen-run {") for text in read_texts(song.read_bytes(), "song"))
    assert os.listdir(tmp_path) == ["radio.mid"]


@pytest.mark.parametrize(
    ("number", "gap"),
    [
        (signal.SIGINT, 0.0),
        (signal.SIGINT, 0.002),
        (signal.SIGINT, 0.02),
        (signal.SIGTERM, 0.002),
        (signal.SIGHUP, None),
    ],
)
def test_endless_music_ends_well_however_often_it_is_interrupted(
    number: int, gap: float | None, tmp_path: Path
) -> None:
    """A second Ctrl-C lost all music, SIGHUP always did."""
    song, state = tmp_path / "radio.mid", tmp_path / "state.json"
    process = endless(song, "--save-state", state)
    process.send_signal(number)
    if gap is not None:
        time.sleep(gap)
        process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "") and "radio.mid" in out
    assert read_midi(song).warnings == () and state.exists()
    assert sorted(os.listdir(tmp_path)) == ["radio.mid", "state.json"]


def test_endless_music_keeps_what_fits_on_the_disk(tmp_path: Path) -> None:
    """The file of all that had been made was deleted."""
    song = tmp_path / "radio.mid"
    process = endless(song, most_bytes=60_000)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2 and "it holds what was saved before" in said(err)
    assert len(read_midi(song).notes) > 100 and read_midi(song).warnings == ()


def test_an_unfinished_save_is_undone(tmp_path: Path) -> None:
    """A disk that takes a part of what is saved leaves the file as it was saved before."""

    class Disk(io.BytesIO):
        room = 1 << 20

        def write(self, data: bytes) -> int:
            fits = data[: max(self.room - self.tell(), 0)]
            if data and not fits:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(fits)

    file = Disk()
    recorder = MidiRecorder(file, 480)
    recorder.note((0, 480, 60, 80, 0, False))
    recorder.save(["one"])
    whole = file.getvalue()
    for room in range(len(whole), len(whole) + 40):
        file.room = room
        recorder.note((960, 1440, 62, 80, 0, False))
        with pytest.raises(OSError, match="No space"):
            recorder.save(["a longer text than before, which does not fit"])
        assert file.getvalue() == whole
    assert len(read_midi(whole).notes) == 1
