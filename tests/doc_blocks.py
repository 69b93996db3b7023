"""Code blocks of README and docs/, as a reader sees them, and how to run them.

A comment on the line before a block says why it is not run, or who runs it:

    <!-- not run: needs Docker -->
    <!-- run by: tests/newcomer.py -->

and one before a block of text that it must be what the block above prints:

    <!-- output of the block above -->
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
SHOWN = {"text", "json", "html", "js"}  # output, trees and the like: nothing to run here
RUN = {"bash", "python"}
SONG = ROOT / "docs" / "showcase" / "song.mid"
# run by a fresh environment's Python with the paths of two MIDI files: whether their notes differ
NOTES_DIFFER = (
    "import sys; from ugen.data import read_midi; "
    "a, b = (read_midi(each).notes.tolist() for each in sys.argv[1:]); sys.exit(a != b)"
)
_BLOCK = re.compile(r"(?:^<!-- (.*?) -->\n+)?^```(\w*)\n(.*?)^```$", re.S | re.M)
OUTPUT = "output of the block above"
_NOTE = re.compile(rf"(not run|run by): \S.{{9,}}|{OUTPUT}")


class Block(NamedTuple):
    """A block of a page, the line where it begins, and what the comment before it says."""

    page: str
    line: int
    language: str
    text: str
    note: str

    @property
    def is_run_here(self) -> bool:
        return self.language in RUN and not self.note

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: str) -> list[Block]:
    """All blocks of a page, from the top."""
    text = (ROOT / page).read_text("utf-8")
    found = []
    for match in _BLOCK.finditer(text):
        note = match[1] if match[1] and _NOTE.fullmatch(match[1]) else ""
        line = text.count("\n", 0, match.start(2)) + 1
        found.append(Block(page, line, match[2], match[3], note))
    return found
