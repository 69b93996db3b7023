"""What ugen-run prints while it works and when a song is made."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import typer
from ugen.data import Note, Score
from ugen.data.analysis.key import key_name, key_of, key_words, parse_key
from ugen.data.analysis.wishes import measured
from ugen.data.cli.progress import no_bar, progress_bar
from ugen.data.cli.terminal import say, width
from ugen.data.text import printable
from ugen.runtime.generation.request import Request
from ugen.runtime.generation.wishes.asked import asked_words, found_words
from ugen.runtime.generation.wishes.instruments import band_asked, band_found
from ugen.runtime.model_file.card import Card
from ugen.runtime.scoring.ranking import usual_in_chords


class RunMessages:
    """`quiet`: only JSON and errors. `as_json`: lines of JSON. `to_stderr`: standard output is
    taken by a song. `credit`: what plays sound files. `card`: of the model, once it is loaded."""

    card: Card

    def __init__(self, quiet: bool, as_json: bool, to_stderr: bool, credit: str):
        self._quiet = quiet
        self.as_json = as_json
        self._to_stderr = to_stderr
        self._credit = credit

    def progress(
        self, what: str, request: Request, played: bool = False
    ) -> AbstractContextManager[Callable[[float], None]]:
        """A progress bar over a song's length. `played`: in its own time."""
        settings = request.settings
        if self._quiet:
            return no_bar()
        if played:
            return progress_bar(what, settings.seconds, "s played")
        if settings.bars:
            return progress_bar(what, float(settings.bars), "bars")
        return progress_bar(
            what, settings.seconds, "s of music", lambda rate: f"{rate:,.0f} times real time"
        )

    def warning(self, text: str) -> None:
        """Something that the user should know, on standard error."""
        if not self._quiet:
            say(printable(text), err=True)

    def note(self, note: Note) -> None:
        """A note of a song that is still being made: a line of JSON."""
        if self.as_json:
            rounded = note._replace(onset=round(note.onset, 6), end=round(note.end, 6))
            print(json.dumps(rounded._asdict()), flush=True)

    def song(
        self,
        request: Request,
        files: Sequence[Path],
        seconds: float,
        notes: int,
        tokens: int,
        score: Score | None = None,
        distance: float | None = None,
        in_chords: float | None = None,
    ) -> None:
        """A song that was made. `score`: where there is one. `distance`: to real music, where it
        was ranked. `in_chords`: the fraction of note time in the chords asked for."""
        settings = request.settings
        key = None if score is None or score.notes["drum"].all() else key_of(score)
        kept = None
        if settings.kept is not None:
            kept = len(settings.kept.staying(settings.seed).notes)
        if self.as_json:
            row = {
                "files": [str(file) for file in files],
                "seconds": round(seconds, 3),
                "notes": notes,
                "seed": settings.seed,
                "tokens": tokens,
                "key": key and key_name(key),
                "asked": _asked(request),
                **({} if score is None else self._measured(score)),
                **({} if kept is None else {"kept_notes": kept}),
                **({} if in_chords is None else {"in_chords": round(in_chords, 3)}),
                **({} if distance is None else {"distance": round(distance, 3)}),
            }
            typer.echo(json.dumps(row), err=self._to_stderr)
        elif not self._quiet:
            names = ", ".join(map(str, files))
            length = f"{round(seconds, 1):g} s, {notes} notes, seed {settings.seed}"
            if kept is not None:
                length += f"; {kept} notes stayed, {notes - kept} are new"
            if score is not None:
                length += self._told(request, score, key)
            if in_chords is not None:
                length += f"; share of note time in the chords asked: {in_chords:.2f}"
                length += f" (real music in its own: {usual_in_chords(self.card):.2f})"
            if distance is not None:
                length += f", {distance:.2f} from real music"
            text = printable(f"{names}: {length}{self._credit}")
            say(text, err=self._to_stderr)

    def hint(self, files: Sequence[Path]) -> None:
        """How to hear a song, to who sits at a terminal."""
        only_midi = {file.suffix.lower() for file in files} <= {".mid", ".midi"}
        if only_midi and width() and not self._quiet and not self.as_json:
            say("hear it: any MIDI player, --play, or -o song.mp3; see it: -o song.png")

    def picture(self, file: Path) -> None:
        """A picture of several songs."""
        if not self._quiet and not self.as_json:
            typer.echo(printable(str(file)), err=self._to_stderr)

    def line(self, text: str) -> None:
        """Something that happens while music is played."""
        if not self._quiet:
            typer.echo(printable(text))

    def played(self, request: Request, seconds: float) -> None:
        """A song that was played."""
        if not self._quiet and not self.as_json:
            typer.echo(f"played {seconds:.1f} s, seed {request.settings.seed}")

    def _measured(self, score: Score) -> dict[str, Any]:
        """What can be wished of a song, as it came out; its key stands by itself."""
        values = measured(score, self.card.codec.has_bars)
        return {"measured": {name: values[name] for name in values if name != "key"}}

    def _told(self, request: Request, score: Score, key: tuple[int, bool] | None) -> str:
        """What was asked for, and what came out; the key if nothing was."""
        settings, asked = request.settings, _asked(request)
        band = band_asked(settings.instruments, settings.drums)
        if not asked and not band:
            return "" if key is None else f", in {key_words(key)}"
        told = f"; asked: {', '.join(filter(None, [asked_words(asked), band]))}"
        found = [found_words(self.card, score, asked), band_found(score) if band else ""]
        if any(found):
            told += f"; came out: {', '.join(filter(None, found))}"
        moved = request.transform.key
        if moved is not None and key is not None and parse_key(moved)[1] != key[1]:
            told += " (a song that is moved stays in minor or major)"
        return told


def _asked(request: Request) -> dict[str, str | float]:
    moved = request.transform.key
    return {**request.settings.asked, **({} if moved is None else {"key": moved})}
