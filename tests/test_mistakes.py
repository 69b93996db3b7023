"""Mistakes that once got no answer, a riddle or a traceback."""

from __future__ import annotations

import shutil
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from support import BUNDLED
from ugen.data.analysis.key import parse_key
from ugen.data.cli.app import run_app

MODULES = {
    "ugen-run": "ugen.runtime.cli.run",
    "ugen-data": "ugen.data.cli.main",
    "train-ugen": "ugen.train.cli",
    "export-ugen": "ugen.export.cli",
}


@pytest.fixture
def place(model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model, a song and some music."""
    shutil.copy(model_file, tmp_path / "model.onnx")
    shutil.copy(BUNDLED[0], tmp_path / "song.mid")
    (tmp_path / "m").mkdir()
    for path in BUNDLED[:3]:
        shutil.copy(path, tmp_path / "m")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answer(line: str, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> tuple[int, str]:
    """The exit code of a command line, and what it said."""
    program, *words = line.split()
    if program in ("train-ugen", "export-ugen"):
        pytest.importorskip("torch")
    monkeypatch.setattr("sys.argv", [program, *words])
    with pytest.raises(SystemExit) as ended:
        run_app(import_module(MODULES[program]).app, program)
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out + err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ugen-run song.mid -o a.mid", "a MIDI file, not a model; --primer continues one"),
        ("ugen-run model.onnx a.mid", "a file to write is named by -o"),
        ("ugen-run https://x.org/model.onnx -o a.mid", "ugen opens no connection: download"),
        ("ugen-run model.onnx -o {model}.mid", "{model} stands for nothing; {seed} does"),
        ("ugen-data report m", "not a corpus (no corpus.json in it); make one with ugen-data"),
        ("ugen-data report nowhere", "nowhere: no such folder"),
        ("ugen-data prepare nowhere -o c", "nowhere: no such folder"),
        ("ugen-data convert song.mid a", "a: has no extension; choose .mid"),
        ("ugen-data convert m out --to xyz", "--to xyz: say which of .mid, .midi, .csv"),
        ("train-ugen m -o r --valid 0", "--valid 0: training needs held-out pieces"),
        ("train-ugen m -o r --init-from pretrained-band", "same, by --arrange band"),
        ("export-ugen m -o a.xyz", "ends in .onnx (other kinds: --format)"),
    ],
)
def test_a_mistake_is_answered_in_a_line_that_helps(
    line: str, words: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    before = sorted(place.rglob("*"))
    code, said = answer(line, monkeypatch, capsys)
    assert code == 2 and words in said and said.count("\n") == 1, said
    assert sorted(place.rglob("*")) == before, "and nothing is written"


def test_keys_are_known_by_their_words_too() -> None:
    assert parse_key("D minor") == parse_key("Dm") == (2, True)
    assert parse_key("Bb major") == parse_key("Bb") == (10, False)


def test_measures_of_a_folder_and_an_extension_without_a_dot(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """`stats FOLDER` was "Is a directory", and `--to csv` refused."""
    code, said = answer("ugen-data stats m", monkeypatch, capsys)
    assert code == 0 and said.splitlines()[0].split() == [p.stem[:11] for p in sorted(BUNDLED[:3])]
    code, said = answer("ugen-data stats song.mid", monkeypatch, capsys)
    assert code == 0 and "notes at once" in said and said.splitlines()[0].split()[-1] == "usual"
    assert answer("ugen-data convert m texts --to csv", monkeypatch, capsys)[0] == 0
    assert len(list((place / "texts").glob("*.csv"))) == 3
