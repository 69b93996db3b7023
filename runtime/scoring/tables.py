"""What ugen-score found, in words. A file may say anything of itself: what is no score is left
out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from ugen.data.analysis.scores import (
    NOTE,
    OWN_MUSIC,
    baselines_from_json,
    comparison_lines,
    own_scores,
    scores_from_json,
)
from ugen.data.text import clock, count, printable

_MOST_NAMES, _LONGEST_NAME = 3, 60
_MOST_LEFT_OUT = 20  # named; of a large folder nobody reads more


def score_words(found: Mapping[str, Any]) -> str:
    """The scores of some music beside the model's own, and its songs beside the music."""
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
    lines += ["", *comparison_lines("this music", scores_from_json(found["scores"]), {}, kind)]
    whose = "own " if found["own_held_out"] else ""
    lines += comparison_lines(whose + own_music, own, baselines, kind)
    return "\n".join([*lines, f"({NOTE})", *(_songs(found["songs"]) if found["songs"] else ())])


def _unreadable(failed: Mapping[str, str]) -> Iterator[str]:
    for path, reason in islice(failed.items(), _MOST_LEFT_OUT):
        yield f"  left out {printable(path)}: {reason}"
    if (more := len(failed) - _MOST_LEFT_OUT) > 0:
        yield f"  left out {count(more, 'other')}; --json names all"


def _songs(songs: Mapping[str, Any]) -> list[str]:
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
        f"{'':27}{'music: mean':>14}{'deviation':>12}{'songs: mean':>14}{'deviation':>12}",
    ]
    for name, each in songs["measures"].items():
        lines.append(
            f"  {name:25}{each['music']:14.4g}{each['music_deviation']:12.4g}"
            f"{_shown(each['songs']):>14}{_shown(each['songs_deviation']):>12}"
        )
    if songs["distance"] is not None:
        lines.append(f"distance: {songs['distance']:.2f} standard deviations of the music")
    return lines


def _shown(value: float | None) -> str:
    return "" if value is None else format(value, ".4g")


def originality_words(found: Mapping[str, Any]) -> str:
    """What songs copied, and what to compare it with."""
    lines = [_song_words(path, each, found) for path, each in found["songs"].items()]
    lines += [
        *_unreadable(found["unreadable"]),
        "",
        f"compared with {count(found['runs'], 'run')} of {found['run_notes']} notes from "
        f"{count(found['pieces'], 'piece')}, in any key and at any tempo",
        f"every copied passage of {found['found_for_certain']} notes or more is found; "
        f"{_chance(found['false_positives'])}",
    ]
    if held := found["held_out"]:
        lines += [
            f"held-out music ({count(held['pieces'], 'piece')}) has passages of up to "
            f"{held['most']} notes in common with it;",
            f"in the median piece the longest has {held['median']:g} notes, and "
            f"{held['share']:.1%} of the notes are in any",
        ]
    return "\n".join(lines)


def _chance(false_positives: float) -> str:
    if not false_positives:
        return "the table is empty"
    return f"another run is mistaken for a copied one once in {1 / false_positives:,.0f}"


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
