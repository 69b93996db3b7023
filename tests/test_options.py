"""Options made from settings: what a command is given, its help, and mistakes told in one line."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from ugen.data import UgenError
from ugen.data.cli.app import make_app, run_app
from ugen.data.cli.options import with_options, with_version
from ugen.data.settings import setting


@dataclass(frozen=True)
class Settings:
    """Settings of every kind of field."""

    warmth: float = setting(1.0, "How warm.", panel="Tone", minimum=0, maximum=10)
    length: float = setting(1.0, "How long.", minimum=0)
    top_k: int | None = setting(None, "How many.", default_text="the model's")
    guard: bool = setting(True, "Leave the guard out.", flag="--no-guard")
    keep: bool = setting(False, "Keep it.", flag="-k --keep")
    kind: str = setting("dry", "Which kind.", choices=("dry", "wet"))
    inner: int = 7


def run(*arguments: str) -> list[Any]:
    """Run a command with these options; what it was given."""
    app, given = make_app(), []

    @app.command(epilog="Example: tone song.mid")
    @with_version
    @with_options(settings=Settings)
    def tone(
        settings: dict[str, Any],
        file: Annotated[Path, typer.Argument(help="A file.")] = Path("song.mid"),
    ) -> None:
        """Tone."""
        if file == Path("bad.mid"):
            raise UgenError("is bad", path=file)
        given.append((file, settings))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["tone", *arguments])
        with pytest.raises(SystemExit) as ended:
            run_app(app, "tone")
    return [ended.value.code or 0, *given]


def test_only_what_stands_on_the_command_line_is_given() -> None:
    assert run() == [0, (Path("song.mid"), {})]
    assert run(
        "a.mid", "--warmth", "1", "--no-guard", "--keep", "--kind", "wet", "--top-k", "3"
    ) == [
        0,
        (Path("a.mid"), {"warmth": 1.0, "guard": False, "keep": True, "kind": "wet", "top_k": 3}),
    ]


def test_the_help_says_what_each_field_says(capsys: pytest.CaptureFixture[str]) -> None:
    for flag in ("-h", "--help"):
        assert run(flag) == [0]
        text = capsys.readouterr().out
        for words in (
            "How warm (0 to 10).",
            "1.0",
            "Tone",
            "(the model's)",
            "--no-guard",
            "dry",
            "Example:",
        ):
            assert words in text
        assert "inner" not in text


def test_bounds_are_checked_and_short_flags_are_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("-k") == [0, (Path("song.mid"), {"keep": True})]
    for value in ("11", "-0.5", "nan", "inf"):
        assert run("--warmth", value) == [2]
        assert capsys.readouterr().err == f"tone: --warmth {value}: must be 0 to 10\n"
    assert run("--length", "inf") == [2], "it was taken, and drawing a picture ended in a traceback"
    assert capsys.readouterr().err == "tone: --length inf: must be a finite number\n"


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == [0]
    assert capsys.readouterr().out.startswith("ugen 0.")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--warmth", "11"], "tone: --warmth 11"),
        (["--warmth", "hot"], "tone: --warmth hot: must be a valid number"),
        (["--kind", "moist"], "tone: --kind: 'moist' is not one of 'dry', 'wet'"),
        (["--cold"], "tone: no such option: --cold (see tone --help)"),
        (["--top-k"], "tone: option '--top-k' requires an argument"),
        (["a", "b"], "tone: got unexpected extra argument(s) (b) (see tone --help)"),
        (["bad.mid"], "tone: bad.mid: is bad"),
    ],
)
def test_a_mistake_is_one_line(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == [2]
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(line)
    assert shown.err.count("\n") == 1
