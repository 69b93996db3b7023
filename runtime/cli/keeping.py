"""The music that stays in a song, as ugen-run's options name it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ugen.data import UgenError
from ugen.data.midi.reader import Tracks, read_tracks
from ugen.data.text import printable
from ugen.runtime.generation.wishes.kept import Bounds, Kept, bars_of, check_kept, require_given
from ugen.runtime.generation.wishes.parts import kept_music
from ugen.runtime.inference.model import Model

from .flags import Keeping

_NEEDS_WITH = "keep", "rewrite", "from_bar", "to_bar"


def read_kept(
    model: Model, keeping: Keeping, given: Mapping[str, str], warn: Callable[[str], None]
) -> Kept | None:
    """The music that stays, if any does. Raises UgenError."""
    path = keeping.music or keeping.vary
    _check(keeping, given)
    if path is None:
        return None
    flag = "--with" if keeping.vary is None else "--vary"
    try:
        require_given(model.card)
        music = read_tracks(path)
        if not len(music.score.notes):
            raise UgenError("no notes in it")
        kept = _kept(model, keeping, music)
        check_kept(model.card, kept)
    except UgenError as error:
        if error.flag in (None, "--with"):
            raise UgenError(error.reason, flag=flag, path=path) from None
        raise
    for warning in music.score.warnings:
        warn(printable(f"{path}: {warning}"))
    return kept


def _check(keeping: Keeping, given: Mapping[str, str]) -> None:
    """Raise UgenError for options that do not go together."""
    if keeping.music is not None and keeping.vary is not None:
        raise UgenError("--with and --vary: give one of them")
    if keeping.music is None:
        for name in _NEEDS_WITH if keeping.vary is None else _NEEDS_WITH[1:]:
            if name in given:
                raise UgenError("goes with --with", flag=given[name])
    if keeping.vary is None and "much" in given:
        raise UgenError("goes with --vary", flag=given["much"])
    if "to_bar" in given and "from_bar" not in given:
        raise UgenError("goes with --from-bar", flag=given["to_bar"])
    if keeping.rewrite and "from_bar" not in given:
        raise UgenError("say which bars, by --from-bar 9 --to-bar 16", flag="--rewrite")
    if (keeping.music or keeping.vary) and "endless" in given:
        raise UgenError("not with --with: the song is as long as its music", flag="--endless")


def _kept(model: Model, keeping: Keeping, music: Tracks) -> Kept:
    if keeping.vary is not None:
        return kept_music(model, music, keeping.keep, much=keeping.much)
    bars = _bars(keeping.from_bar, keeping.to_bar, bars_of(music.score))
    return kept_music(model, music, keeping.keep, bars, rewrite=keeping.rewrite)


def _bars(first: str | None, last: str | None, most: int) -> tuple[Bounds, ...]:
    """Stretches of bars, from 1 on."""
    if first is None:
        return ()
    begins = _numbers(first, "--from-bar")
    ends = [most] if last is None else _numbers(last, "--to-bar")
    if len(begins) != len(ends):
        reason = f"{len(ends)} of them for {len(begins)} of --from-bar"
        raise UgenError(reason, flag="--to-bar", value=printable(str(last)[:80]))
    return tuple(zip(begins, ends, strict=True))


def _numbers(text: str, flag: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and len(part) < 9 for part in parts):
        reason = "must be the number of a bar, or several, as in 9,25"
        raise UgenError(reason, flag=flag, value=printable(text[:80]))
    return [int(part) for part in parts]
