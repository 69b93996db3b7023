"""What ugen-run says while it works and when a song is made."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import typer
from ugen.data import Note
from ugen.data.cli.progress import progress_bar
from ugen.runtime.generation.request import Request


class RunMessages:
    """`quiet`: says nothing. `as_json`: in lines of JSON. `aside`: whether standard output is taken
    by a song. `played`: who plays it."""

    def __init__(self, quiet: bool, as_json: bool, aside: bool, played: str):
        self._quiet, self._as_json, self._aside, self._played = quiet, as_json, aside, played

    def bar(
        self, what: str, wish: Request, heard: bool = False
    ) -> AbstractContextManager[Callable[[float], None]]:
        """A progress bar over a song's length. `heard`: it is played, in its own time."""
        if wish.bars and not heard:
            return progress_bar(what, float(wish.bars), "bars")
        if heard:
            return progress_bar(what, None if wish.bars else wish.seconds, "s played")
        return progress_bar(
            what, wish.seconds, "s of music", lambda rate: f"{rate:,.0f} times as fast as it plays"
        )

    def warning(self, words: str) -> None:
        """Something about how it goes, on standard error."""
        if words and not self._quiet:
            typer.echo(words, err=True)

    def note(self, note: Note) -> None:
        """A note of a song that is still being made: a line of JSON."""
        if self._as_json:
            told = {**note._asdict(), "onset": round(note.onset, 6), "end": round(note.end, 6)}
            print(json.dumps(told), flush=True)

    def song(
        self, wish: Request, names: list[Path], seconds: float, notes: int, tokens: int
    ) -> None:
        """A song that was made."""
        if self._quiet:
            return
        if self._as_json:
            told: dict[str, Any] = {
                "files": [str(name) for name in names],
                "seconds": round(seconds, 3),
            }
            typer.echo(
                json.dumps({**told, "notes": notes, "seed": wish.seed, "tokens": tokens}),
                err=self._aside,
            )
            return
        self._say(wish, names, f"{seconds:g} s", seconds, notes)

    def streamed(
        self, wish: Request, names: list[Path], seconds: float, notes: int, heard: float | None
    ) -> None:
        """A song that was heard or written while it was made. `heard`: seconds of it, where it
        was."""
        if self._quiet or self._as_json:
            return
        if names:
            self._say(wish, names, f"{seconds:.1f} s", seconds, notes)
        if heard is not None:
            typer.echo(f"played {heard:.1f} s, seed {wish.seed}")

    def _say(
        self, wish: Request, names: list[Path], length: str, seconds: float, notes: int
    ) -> None:
        length = f"{wish.bars} bars, {seconds:.1f} s" if wish.bars else length
        typer.echo(
            f"{', '.join(map(str, names))}: {length}, {notes} notes, seed {wish.seed}{self._played}",
            err=self._aside,
        )
