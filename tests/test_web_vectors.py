"""The golden vectors for other runtimes are what this code makes."""

from __future__ import annotations

import json

from web_midi_vectors import FILE as MIDI_FILE
from web_midi_vectors import text as midi_text
from web_vectors import FILE, text


def test_the_vectors_are_fresh() -> None:
    """`python tests/web_vectors.py` writes them anew."""
    stored, made = (json.loads(each) for each in (FILE.read_text("utf-8"), text()))
    assert stored["models"] == made["models"]
    for old, new in zip(stored["songs"], made["songs"], strict=True):
        assert old == new, (old["model"], old["asked"])


def test_the_vectors_of_midi_files_are_fresh() -> None:
    """`python tests/web_midi_vectors.py` writes them anew."""
    stored, made = (json.loads(each) for each in (MIDI_FILE.read_text("utf-8"), midi_text()))
    assert stored == made
