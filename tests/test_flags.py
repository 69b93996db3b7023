"""Every option of every command acts, or is refused by name: none is read and ignored.

A command's table has an entry for each of its options: a command line, and what the option does
there. `Acts`: with the words `added` the result is another one. `Refused`: the command ends with
exit code 2 and a line that begins with `message`. A new command needs a new table in TABLES.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer
from support import BUNDLED
from typer.main import get_command
from ugen.data import write_midi
from ugen.data.cli.app import run_app
from ugen.runtime import SongSettings, generate, load
from ugen.runtime.cli.run import app as ugen_run
from ugen.runtime.generation.request import Request, file_hash
from ugen.runtime.generation.song_state import save_state


class Acts(NamedTuple):
    """The option changes the result."""

    line: str
    added: str


class Refused(NamedTuple):
    """The option is refused by name."""

    line: str
    message: str


SONG = "model.onnx -o song.mid --seconds 4 --seed 3"

UGEN_RUN = {
    "--output": Acts(SONG, "-o song.csv"),
    "--info": Refused(f"{SONG} --info", "--output: not with --info"),
    "--list-ports": Refused(f"{SONG} --list-ports", "--output: not with --list-ports"),
    "--seconds": Acts("model.onnx -o song.mid --seed 3", "--seconds 4"),
    "--bars": Acts("model.onnx -o song.mid --seed 3", "--bars 2"),
    "--tempo": Acts(SONG, "--tempo 66"),
    "--seed": Acts(SONG, "--seed 4"),
    "--count": Acts("model.onnx -o {seed}.mid --seconds 4 --seed 3", "--count 2"),
    "--temperature": Acts(SONG, "--temperature 0.5"),
    "--top-k": Acts(SONG, "--top-k 2"),
    "--top-p": Acts(SONG, "--top-p 0.3"),
    "--min-p": Acts(SONG, "--min-p 0.5"),
    "--repetition-penalty": Acts(SONG, "--repetition-penalty 9"),
    "--primer": Acts(SONG, "--primer primer.mid"),
    "--primer-seconds": Acts(f"{SONG} --primer primer.mid", "--primer-seconds 3"),
    "--keep-primer": Acts(f"{SONG} --primer primer.mid", "--keep-primer"),
    "--from-state": Acts(SONG, "--from-state state.json"),
    "--save-state": Acts(SONG, "--save-state s.json"),
    "--replay": Refused("model.onnx --endless -o x.mid --replay old.mid", "--replay: not with"),
    "--no-guard": Refused(
        "model.onnx -o song.mid --replay old.mid --no-guard", "--no-guard: comes from the song"
    ),
    "--transpose": Acts(SONG, "--transpose 2"),
    "--key": Acts(SONG, "--key F#"),
    "--program": Acts(SONG, "--program 11"),
    "--velocity": Acts(SONG, "--velocity 40"),
    "--soundfont": Refused(f"{SONG} --soundfont x.sf2", "--soundfont: goes with sound files"),
    "--endless": Refused("model.onnx --endless", "--endless: say where to"),
    "--play": Refused("model.onnx --play --midi-port x", "--play and --midi-port: give one"),
    "--midi-port": Refused("model.onnx --midi-port nowhere", "--midi-port nowhere: no port"),
    "--quiet": Acts(SONG, "--quiet"),
    "--json": Acts(SONG, "--json"),
    "--threads": Refused("model.onnx --info --threads 2", "--threads: not with --info"),
    "--provider": Refused(f"{SONG} --provider cuda", "--provider cuda: this onnxruntime has"),
}

TABLES: dict[str, tuple[typer.Typer, dict[str, Acts | Refused]]] = {
    "ugen-run": (ugen_run, UGEN_RUN)
}
ROWS = [(name, option) for name, (_, table) in TABLES.items() for option in table]
SHARED = {"--help", "--version", "--install-completion", "--show-completion"}


def options_of(name: str) -> set[str]:
    """The long names of a command's options. `name`: as it is typed, `ugen-data convert`."""
    command: Any = get_command(TABLES[name][0])
    for word in name.split()[1:]:
        command = command.commands[word]
    flags = [
        max((*each.opts, *each.secondary_opts), key=len)
        for each in command.params
        if each.param_type_name == "option"
    ]
    return set(flags) - SHARED


@pytest.fixture(scope="module")
def files(model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command lines name."""
    folder = tmp_path_factory.mktemp("files")
    shutil.copy(model_file, folder / "model.onnx")
    shutil.copy(BUNDLED[0], folder / "primer.mid")
    model = load(model_file)
    settings = SongSettings(seconds=4, seed=5)
    request = Request(file_hash(model_file), settings.for_model(model.card))
    song = generate(model, settings)
    write_midi(song.score, folder / "old.mid", texts=[request.record()])
    save_state(song.state, request.model, folder / "state.json")
    return folder


@pytest.fixture
def result(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: Any) -> Any:
    """Run a command line in a folder of its own: exit code, all it printed, all it wrote."""

    def run(name: str, line: str, number: int) -> tuple[int, bytes, str, dict[str, bytes]]:
        folder = tmp_path / str(number)
        shutil.copytree(files, folder)
        monkeypatch.chdir(folder)
        program, *words = name.split()
        monkeypatch.setattr("sys.argv", [program, *words, *line.split()])
        with pytest.raises(SystemExit) as exit:
            run_app(TABLES[name][0], program)
        out, error = capfdbinary.readouterr()
        written = {
            str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and not (files / path.relative_to(folder)).exists()
        }
        return exit.value.code, out, error.decode(), written

    return run


@pytest.mark.parametrize("name", TABLES)
def test_the_table_has_all_options(name: str) -> None:
    assert set(TABLES[name][1]) == options_of(name)


@pytest.mark.parametrize(("name", "option"), ROWS)
def test_an_option_acts_or_is_refused_by_name(name: str, option: str, result: Any) -> None:
    entry = TABLES[name][1][option]
    if isinstance(entry, Refused):
        code, _, error, written = result(name, entry.line, 1)
        assert code == 2 and error.startswith(f"{name.split()[0]}: {entry.message}"), error
        assert error.count("\n") == 1 and written == {}
        return
    without, added = result(name, entry.line, 1), result(name, f"{entry.line} {entry.added}", 2)
    assert without[0] == added[0] == 0, added[2]
    assert added != without
