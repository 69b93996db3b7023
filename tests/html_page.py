"""A page of HTML as tests look at it."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

VOID = {"meta", "img"}


class Page(HTMLParser):
    """Reads a page as strictly as it can: tags must close in order. Keeps visible text, cells,
    images, links, music and paths."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.words = ""
        self.cells: list[str] = []
        self.sources: list[str] = []
        self.names: set[str] = set()
        self.links: list[str] = []
        self.played: list[Any] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.names |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]
        self.played += [json.loads(value or "") for name, value in attrs if name == "data-notes"]
        self.sources += [value or "" for name, value in attrs if name == "src"]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "td":
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.words += data
        if self.open and self.open[-1] == "td":
            self.cells[-1] += data
