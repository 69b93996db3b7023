"""Every option of every command acts, or is refused by name: none is read and ignored.

A command's table has an entry for each of its options: a command line, and what the option does
there. `Acts`: with the words `added` the result is another one. `Refused`: the command ends with
exit code 2 and a line that begins with `message`. A new command needs a new table in TABLES.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import mido
import pytest
import typer
from support import BUNDLED
from typer.main import get_command
from ugen.data import Score, write_midi
from ugen.data.cli.app import run_app
from ugen.data.cli.main import app as ugen_data
from ugen.data.render.convert import write_score
from ugen.runtime import SongSettings, generate, load
from ugen.runtime.cli.run import app as ugen_run
from ugen.runtime.cli.score import app as ugen_score
from ugen.runtime.generation.request import Request
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
    "--exact": Acts(SONG, "--exact"),
    "--tempo": Acts(SONG, "--tempo 66"),
    "--seed": Acts(SONG, "--seed 4"),
    "--count": Acts("model.onnx -o {seed}.mid --seconds 4 --seed 3", "--count 2"),
    "--best": Acts("model.onnx -o {seed}.mid --seconds 4 --seed 3 --count 3", "--best 2"),
    "--temperature": Acts(SONG, "--temperature 0.5"),
    "--top-k": Acts(SONG, "--top-k 2"),
    "--top-p": Acts(SONG, "--top-p 0.3"),
    "--min-p": Acts(SONG, "--min-p 0.5"),
    "--repetition-penalty": Acts(SONG, "--repetition-penalty 9"),
    "--key-strength": Acts(SONG, "--key-strength 9"),
    "--primer": Acts(SONG, "--primer primer.mid"),
    "--primer-seconds": Acts(f"{SONG} --primer primer.mid", "--primer-seconds 3"),
    "--keep-primer": Acts(f"{SONG} --primer primer.mid", "--keep-primer"),
    "--from-state": Acts(SONG, "--from-state state.json"),
    "--save-state": Acts(SONG, "--save-state s.json"),
    "--replay": Refused("model.onnx --endless -o x.mid --replay old.mid", "--replay: not with"),
    "--no-guard": Refused(
        "model.onnx -o song.mid --replay old.mid --no-guard", "--no-guard: comes from the song"
    ),
    "--no-copy-guard": Refused(
        "model.onnx -o song.mid --replay old.mid --no-copy-guard",
        "--no-copy-guard: comes from the song",
    ),
    "--transpose": Acts(SONG, "--transpose 2"),
    "--key": Acts(SONG, "--key F#"),
    **{
        f"--{name}": Refused(f"{SONG} --{name} {value}", f"--{name}: the model has no column")
        for name, value in (("like", "rag"), ("density", "dense"), ("polyphony", "low"))
    },
    "--guidance": Acts(f"{SONG} --no-guard", "--guidance 2"),
    "--meter": Refused(f"{SONG} --meter 3/4", "--meter: the model has no column meter"),
    "--chords": Refused(f"{SONG} --chords Am", "--chords: the model has no column chord"),
    **{
        f"--{name}": Refused(f"model.onnx -o x.mid --{name} absent.mid", f"--{name} absent.mid: ")
        for name in ("with", "vary")
    },
    "--keep": Refused(f"{SONG} --keep bass", "--keep: goes with --with"),
    "--rewrite": Refused(f"{SONG} --with primer.mid --rewrite", "--rewrite: say which bars"),
    "--from-bar": Refused(f"{SONG} --from-bar 3", "--from-bar: goes with --with"),
    "--to-bar": Refused(f"{SONG} --with primer.mid --to-bar 3", "--to-bar: goes with --from-bar"),
    "--much": Refused(f"{SONG} --with primer.mid --much 0.5", "--much: goes with --vary"),
    "--instruments": Refused(f"{SONG} --instruments piano", "--instruments: the model knows one"),
    "--no-drums": Refused(f"{SONG} --no-drums", "--no-drums: the model knows one piano"),
    "--program": Acts(SONG, "--program 11"),
    "--velocity": Acts(SONG, "--velocity 40"),
    "--soundfont": Refused(f"{SONG} --soundfont x.sf2", "--soundfont: goes with sound files"),
    "--endless": Refused("model.onnx --endless", "--endless: say where to"),
    "--play": Refused("model.onnx --play --midi-port x", "--play and --midi-port: give one"),
    "--midi-port": Refused("model.onnx --midi-port nowhere", "--midi-port nowhere: no port"),
    "--force": Refused("model.onnx --info --force", "--force: not with --info"),
    "--midi-in": Refused("model.onnx --midi-in x", "--midi-in: goes with --midi-port"),
    "--quiet": Acts(SONG, "--quiet"),
    "--json": Acts(SONG, "--json"),
    "--threads": Refused("model.onnx --info --threads 2", "--threads: not with --info"),
    "--provider": Refused(f"{SONG} --provider cuda", "--provider cuda: this onnxruntime has"),
}

SCORE = "primer.mid model.onnx --songs 0"

UGEN_SCORE = {
    "--originality": Acts("primer.mid model.onnx", "--originality"),
    "--json": Acts(SCORE, "--json"),
    "--songs": Acts("primer.mid model.onnx", "--songs 1"),
    "--sustain": Acts("pedal.mid model.onnx --songs 0", "--sustain"),
    "--threads": Refused("--originality primer.mid model.onnx --threads 2", "--threads: not with"),
}

PREPARE = "music -o corpus --valid 0.5"

UGEN_DATA_PREPARE = {
    "--output": Refused("music -o primer.mid", "primer.mid"),
    "--workers": Refused(f"{PREPARE} --workers 0", "--workers"),
    "--codec": Acts(PREPARE, "--codec events"),
    "--ticks": Acts(f"{PREPARE} --codec frames", "--ticks 50"),
    "--fold": Acts(f"{PREPARE} --codec frames", "--fold"),
    "--arrange": Acts(PREPARE, "--arrange band"),
    "--valid": Acts("music -o corpus", "--valid 0.5"),
    "--test": Acts(f"{PREPARE}", "--test 0.4"),
    "--sustain": Acts(PREPARE, "--sustain"),
    "--labels": Acts(PREPARE, "--labels none"),
}

UGEN_DATA_TOKENS = {
    "--codec": Acts("primer.mid", "--codec events"),
    "--ticks": Acts("primer.mid --codec frames", "--ticks 50"),
    "--fold": Acts("primer.mid --codec frames", "--fold"),
    "--arrange": Acts("primer.mid", "--arrange band"),
}

FRAMES = "frames.txt song.mid"

UGEN_DATA_CONVERT = {
    "--to": Acts("music out --to .csv", "--to .txt"),
    "--show": Refused("primer.mid song.csv --show", "--show: goes with a picture"),
    "--force": Refused("primer.mid primer.mid --force", "primer.mid: is what is to be converted"),
    "--ticks": Acts(FRAMES, "--ticks 50"),
    "--velocity": Acts(FRAMES, "--velocity 50"),
    "--shortest": Acts(FRAMES, "--shortest 3"),
    "--gaps": Acts(FRAMES, "--gaps 2"),
    "--gaps-first": Acts(f"{FRAMES} --gaps 2 --shortest 3", "--gaps-first"),
    "--row-seconds": Acts("primer.mid song.png", "--row-seconds 9"),
    "--dark": Acts("primer.mid song.png", "--dark"),
    "--as-played": Acts("primer.mid song.musicxml", "--as-played"),
    "--soundfont": Refused("primer.mid song.csv --soundfont x.sf2", "--soundfont"),
}

TABLES: dict[str, tuple[typer.Typer, Any]] = {
    "ugen-run": (ugen_run, UGEN_RUN),
    "ugen-score": (ugen_score, UGEN_SCORE),
    "ugen-data prepare": (ugen_data, UGEN_DATA_PREPARE),
    "ugen-data tokens": (ugen_data, UGEN_DATA_TOKENS),
    "ugen-data convert": (ugen_data, UGEN_DATA_CONVERT),
    "ugen-data report": (
        ugen_data,
        {
            "--output": Refused("music -o x.txt", "-o x.txt"),
            "--force": Refused("music --force", "--force: goes with -o"),
        },
    ),
    "ugen-data stats": (ugen_data, {"--json": Acts("primer.mid", "--json")}),
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
    (folder / "music").mkdir()
    shutil.copy(model_file, folder / "model.onnx")
    shutil.copy(BUNDLED[0], folder / "primer.mid")
    model = load(model_file)
    settings = SongSettings(seconds=4, seed=5, exact=True)
    request = Request(model.sha256, settings.for_model(model.card))
    song = generate(model, settings)
    write_midi(song.score, folder / "old.mid", texts=[request.record()])
    save_state(song.state, request.model, folder / "state.json")
    for path in BUNDLED[:4]:
        shutil.copy(path, folder / "music" / path.name)
    # short notes with short gaps, and long ones
    steps = [(60, step, step + 1) for step in range(0, 40, 3)] + [(64, 0, 20), (64, 23, 40)]
    rows = [(on * 25, off * 25, pitch, 80, 0, False) for pitch, on, off in steps]
    write_score(Score.build(rows, 480), folder / "frames.txt")
    pedal = mido.MidiTrack(
        mido.Message.from_bytes(data, time=time)
        for data, time in (
            ((0xB0, 64, 127), 0),
            ((0x90, 60, 80), 0),
            ((0x80, 60, 0), 100),
            ((0xB0, 64, 0), 900),
        )
    )
    for path in (folder / "pedal.mid", folder / "music" / "pedal.mid"):
        mido.MidiFile(tracks=[pedal]).save(path)
    return folder


@pytest.fixture
def result(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: Any) -> Any:
    """Run a command line in a folder of its own: exit code, all it printed, all it wrote."""

    def run(name: str, line: str) -> tuple[int, bytes, str, dict[str, bytes]]:
        monkeypatch.chdir(tmp_path)
        folder = tmp_path / "here"
        shutil.rmtree(folder, ignore_errors=True)
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
        if "no column" in entry.message and os.environ.get("UGEN_TEST_MODEL"):
            pytest.skip("the model at hand has columns")
        code, _, error, written = result(name, entry.line)
        assert code == 2 and error.startswith(f"{name.split()[0]}: {entry.message}"), error
        assert error.count("\n") == 1 and written == {}
        return
    without, added = result(name, entry.line), result(name, f"{entry.line} {entry.added}")
    assert without[0] == added[0] == 0, added[2]
    assert added != without == result(name, entry.line), "and nothing else changes it"
