"""What ugen-score found, in words. A file may say anything of itself: what is no score is left
out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from ugen.data.analysis.scores import (
    NOTE,
    OWN_MUSIC,
    Scores,
    baselines_from_json,
    comparison_lines,
    own_scores,
    scores_from_json,
)
from ugen.data.text import clock, count, printable

_MOST_NAMES, _LONGEST_NAME = 3, 60
_SONGS_WIDTH = 79  # of the table of songs; narrower without deviations
_ALIKE = 1.1  # times a loss per note: no more is a difference
_MOST_LEFT_OUT = 20  # named; of a large folder nobody reads more


def score_words(found: Mapping[str, Any], width: int | None = None) -> str:
    """The scores of some music beside the model's own, and its songs beside the music. `width`: of
    a terminal."""
    music, kind = found["music"], found["input"]
    own_music, own = own_scores({key: found[f"own_{key}"] for key in OWN_MUSIC})
    baselines = baselines_from_json(found["own_baselines"])
    lines = [
        f"{printable(found['model'])} on {count(music['pieces'], 'piece')}: "
        f"{count(music['notes'], 'note')}, {clock(music['seconds'])}, "
        f"{count(music['tokens'], 'step' if kind == 'frame' else 'token')}",
        *_unreadable(found["unreadable"]),
    ]
    if music["lost"]:
        lines.append(f"  {count(music['lost'], 'note')} did not fit the codec's grid")
    if music["known"]:
        lines.append(
            f"  the model learned from {music['known']} of {count(music['pieces'], 'piece')}: "
            "these are no held-out scores"
        )
    here = scores_from_json(found["scores"])
    title = "this music (known)" if music["known"] else "this music"
    lines += ["", *comparison_lines(title, here, {}, kind, width)]
    whose = "own " if found["own_held_out"] else ""
    lines += comparison_lines(whose + own_music, own, baselines, kind, width)
    lines += [f"({NOTE}; docs/glossary.md)", *_verdict(music, here, own)]
    return "\n".join([*lines, *(_songs(found["songs"], width) if found["songs"] else ())])


def _verdict(music: Mapping[str, Any], here: Scores | None, own: Scores | None) -> Iterator[str]:
    """In words, whether the model knows this kind of music."""
    if here and own and own.nats_per_note > 0 and not music["known"]:
        ratio = here.nats_per_note / own.nats_per_note
        how = "about as well as"
        if not 1 / _ALIKE <= ratio <= _ALIKE:
            how = "better than" if ratio < 1 else "worse than"
        yield (
            f"It predicts this music {how} its own held-out music: {here.nats_per_note:.2f} nats "
            f"per note, and {own.nats_per_note:.2f} there."
        )


def _unreadable(failed: Mapping[str, str]) -> Iterator[str]:
    for path, reason in islice(failed.items(), _MOST_LEFT_OUT):
        yield f"  left out {printable(path)}: {reason}"
    if (more := len(failed) - _MOST_LEFT_OUT) > 0:
        yield f"  left out {count(more, 'other')}; --json names all"


def _songs(songs: Mapping[str, Any], width: int | None) -> list[str]:
    """Measures of songs and of the music."""
    made = f"{count(songs['songs'], 'song')} of {songs['seconds']:.0f} s by this model"
    guard = (
        f" (guard: retried {songs['retried']}, took copies back in {songs['copied']}, "
        f"gave up on {songs['given_up']} more)"
    )
    lines = [
        "",
        f"{made} beside the music, cut to that length"
        + (guard if songs["retried"] or songs["copied"] or songs["given_up"] else ""),
    ]
    rows: list[tuple[str, ...]] = [("", "music: mean", "deviation", "songs: mean", "deviation")]
    for name, each in songs["measures"].items():
        numbers = (each[key] for key in ("music", "music_deviation", "songs", "songs_deviation"))
        rows.append((f"  {name}", *map(_shown, numbers)))
    is_narrow = width is not None and width < _SONGS_WIDTH
    for name, *cells in rows:
        shown = cells[::2] if is_narrow else cells
        lines.append(f"{name:27}" + "".join(f"{cell:>13}" for cell in shown))
    if songs["distance"] is not None:
        lines.append(
            f"distance: {songs['distance']:.2f} standard deviations of the music, over ten "
            "measures; 0 would be the same on average"
        )
    return lines


def _shown(value: float | None) -> str:
    return "" if value is None else format(value, ".4g")


def originality_words(found: Mapping[str, Any]) -> str:
    """What songs copied, and what to compare it with."""
    lines = [_song_words(path, each, found) for path, each in found["songs"].items()]
    lines += [
        *_unreadable(found["unreadable"]),
        "",
        f"Compared with {count(found['runs'], 'run')} of {found['run_notes']} notes from "
        f"{count(found['pieces'], 'piece')}, in any key and at any tempo. Any copied passage of "
        f"{found['found_for_certain']}+ notes is found; {_chance(found['false_positives'])}.",
    ]
    if held := found["held_out"]:
        lines.append(
            f"For comparison: held-out pieces ({held['pieces']}) share passages of up to "
            f"{held['most']} notes with the training music (median {held['median']:g}; "
            f"{held['share']:.1%} of the notes of the median piece)."
        )
    return "\n".join(lines)


def _chance(false_positives: float) -> str:
    if not false_positives:
        return "the table is empty"
    return f"false positives: 1 run in {1 / false_positives:,.0f}"


def _song_words(path: str, each: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    head = f"{printable(path)}: {count(each['notes'], 'note')}, {clock(each['seconds'])}. "
    longest = each["longest"]
    if longest is None:
        return f"{head}Nothing copied was found"
    least = "at least " if found["found_for_certain"] > found["run_notes"] else ""
    return (
        f"{head}The longest copied passage: {least}{longest['notes']} notes, from "
        f"{_time(longest['begin'])} to {_time(longest['end'])}, of {_names(longest['pieces'])}; "
        f"{each['share']:.1%} of the notes are in passages of {found['run_notes']} or more"
    )


def _time(seconds: float) -> str:
    tenths = round(seconds * 10)
    return f"{tenths // 600}:{tenths // 10 % 60:02}.{tenths % 10}"


def _names(pieces: tuple[str, ...]) -> str:
    named = [printable(name[:_LONGEST_NAME]) for name in pieces[:_MOST_NAMES]]
    others = len(pieces) - len(named)
    more = f" and {others} others" if others > 1 else " and another" if others else ""
    return ", ".join(named) + more
