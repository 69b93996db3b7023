"""What a program sees of ugen: help that reads well, and a typed program that runs."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

PUBLIC = [
    (door, name)
    for door in ("ugen.data", "ugen.runtime")
    for name in importlib.import_module(door).__all__
]


@pytest.mark.parametrize(("door", "name"), PUBLIC)
def test_help_has_words_and_no_addresses(door: str, name: str) -> None:
    """`generate` showed `on_progress=<function <lambda> at 0x7f...>`, `load` a path of this
    machine."""
    thing = getattr(importlib.import_module(door), name)
    if not callable(thing):
        return
    words = inspect.getdoc(thing) or ""
    assert len(words.split()) >= 3 and not words.startswith(f"{name}(")
    signature = str(inspect.signature(thing))
    assert " at 0x" not in signature and "PosixPath" not in signature


def test_a_users_program_runs(tmp_path: Path) -> None:
    program = Path(__file__).parent / "user_program.py"
    done = subprocess.run(
        [sys.executable, program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.count("\n") == 3
    assert (tmp_path / "again.mid").exists()


def test_the_page_of_the_api_names_every_setting_of_a_song() -> None:
    from ugen.runtime import SongSettings

    text = (Path(__file__).parents[1] / "docs" / "api.md").read_text("utf-8")
    (listed,) = re.findall(r"^The fields: (.*?)\.", text, re.S | re.M)
    named = re.findall(r"`(\w+)`", listed)
    assert named == [field.name for field in dataclasses.fields(SongSettings)]
