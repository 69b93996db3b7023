"""What commands print in terminals of several sizes, and where there is none: lines that fit, words
that are whole, a bar that stays."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support import BUNDLED
from terminals import in_terminal, shown
from ugen.data.cli import progress
from ugen.data.cli.terminal import fitted
from ugen.data.corpus.corpus import Corpus

SIZES = [(60, 20), (80, 24), (200, 50)]
TINY = ("--hidden", 8, "--embedding", 8, "--epochs", 0.3, "--sample-minutes", 0, "--threads", 1)


def printed(module: str, *words: object, columns: int, folder: Path) -> list[str]:
    """The lines of a command that succeeds. All fit the terminal, but for the paths of a test."""
    code, raw = in_terminal(module, *words, columns=columns, folder=folder)
    assert code == 0, raw
    lines = shown(raw)
    assert [line for line in lines if len(line) > columns and "/pytest-of-" not in line] == []
    return lines


@pytest.mark.parametrize("size", SIZES)
def test_training_fits_the_terminal(
    size: tuple[int, int], small_corpus: Corpus, tmp_path: Path
) -> None:
    """Words were broken at 80 columns, cells had lines of their own, and the bar was cut off."""
    pytest.importorskip("torch")
    words = (small_corpus.path, "-o", "run", *TINY, "-v")
    lines = printed("ugen.train.cli", *words, columns=size[0], folder=tmp_path)
    text = " ".join(" ".join(lines).split())
    for said in ("held out, to test it on music that it never trained on", "less is better"):
        assert said in text, "no word is broken"
    assert "at most about" in text and re.search("Good enough|Not good enough", text)
    bars = [line for line in lines if line.startswith(("━", "╸"))]
    assert bars and all(re.match(r"[━╸╺]{20} +\d+% ", line) for line in bars)
    head = next(line for line in lines if line.startswith("epoch training"))
    assert ("speed" in head) == (size[0] == 200), "what does not fit is left out"
    cells = next(line for line in lines if re.match(r" +0\.0 ", line))
    assert abs(len(cells) - len(head)) <= 1


@pytest.mark.parametrize("size", SIZES)
def test_light_commands_fit_the_terminal(
    size: tuple[int, int], model_file: Path, small_corpus: Corpus, tmp_path: Path
) -> None:
    song = "a-song-with-quite-a-long-name-for-a-terminal.mid"
    words = (model_file, "-o", song, "--seconds", 5, "--seed", 3)
    lines = printed("ugen.runtime.cli.run", *words, columns=size[0], folder=tmp_path)
    assert "seed 3" in " ".join(lines) and "hear it" in " ".join(lines)
    for module, more in (
        ("ugen.runtime.cli.run", (model_file, "--info")),
        ("ugen.runtime.cli.score", (model_file, BUNDLED[0], "--songs", 1)),
        ("ugen.data.cli.main", ("report", small_corpus.path)),
        ("ugen.data.cli.main", ("stats", *BUNDLED[:3])),
    ):
        printed(module, *more, columns=size[0], folder=tmp_path)


def test_no_color_is_heeded(model_file: Path, tmp_path: Path) -> None:
    words = (model_file, "-o", tmp_path / "song.mid", "--seconds", 5)
    for env, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        code, raw = in_terminal("ugen.runtime.cli.run", *words, "--force", env=env)
        assert code == 0
        assert bool(re.search(r"\x1b\[[0-9;]*3[0-9]", raw)) is coloured


def test_lines_are_broken_between_words_and_only_on_terminals() -> None:
    text = "  one two three\nfour --a-long-flag-that-is-no-shorter"
    assert fitted(text, None) == text
    assert fitted(text, 12).split("\n") == [
        "  one two",
        "    three",
        "four",
        "  --a-long-flag-that-is-no-shorter",
    ]


def test_without_a_terminal_a_line_comes_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """Nothing was said for minutes."""
    monkeypatch.setattr(progress, "EVERY", 0.05)
    assert not sys.stderr.isatty()
    with progress.progress_bar("reading", 10, "files") as advance_to:
        advance_to(1)
        time.sleep(0.06)
        advance_to(5)
        advance_to(6)
    assert re.fullmatch(r"reading: 50%, \d+ seconds? left\n", capsys.readouterr().err)
