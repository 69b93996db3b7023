"""What ugen-score found, in words. What a file says of itself may be anything: what is no number is
left out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from ugen.data.analysis.scores import NOTE, baselines_from_json, comparison_lines, scores_from_json
from ugen.data.text import clock, count, printable

_MOST_NAMES, _LONGEST_NAME = 3, 60


def score_words(found: Mapping[str, Any]) -> str:
    """The scores of some music beside the model's own, and its songs beside the music."""
    music, kind = found["music"], found["input"]
    own, baselines = found["own_held_out"], found["own_baselines"]
    lines = [
        f"{printable(found['model'])} on {count(music['pieces'], 'piece')}: "
        f"{count(music['notes'], 'note')}, {clock(music['seconds'])}, "
        f"{count(music['tokens'], 'step' if kind == 'frame' else 'token')}",
        *_unreadable(found["unreadable"]),
    ]
    if music["lost"]:
        lines.append(f"  {count(music['lost'], 'note')} did not fit the codec's grid")
    lines += ["", *comparison_lines("this music", scores_from_json(found["scores"]), {}, kind)]
    lines += comparison_lines(
        "own held-out music", scores_from_json(own), baselines_from_json(baselines), kind
    )
    return "\n".join([*lines, f"({NOTE})", *(_beside(found["songs"]) if found["songs"] else ())])


def _shown(value: Any, form: str) -> str:
    plain = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e9
    return format(value, form) if plain and not math.isnan(value) else ""


def _unreadable(failed: Mapping[str, str]) -> Iterator[str]:
    for path, reason in failed.items():
        yield f"  left out {printable(path)}: {reason}"


def _beside(songs: Mapping[str, Any]) -> list[str]:
    """Measures of songs and of the folder's pieces."""
    made = f"{count(songs['songs'], 'song')} of {songs['seconds']:.0f} s by this model"
    heard = f" (the guard mended {songs['mended']}, and gave up on {songs['given_up']} more)"
    lines = [
        "",
        f"{made} beside the music, cut to that length{heard if songs['mended'] or songs['given_up'] else ''}",
        f"{'':20}{'music: mean':>14}{'deviation':>12}{'songs: mean':>14}{'deviation':>12}",
    ]
    for name, each in songs["measures"].items():
        lines.append(
            f"  {name:18}{each['folder']:14.4g}{each['folder_deviation']:12.4g}"
            f"{_shown(each['songs'], '.4g'):>14}{_shown(each['songs_deviation'], '.4g'):>12}"
        )
    return lines


def originality_words(found: Mapping[str, Any]) -> str:
    """What songs copied, and what to hold it against."""
    lines = [_song_words(path, each, found) for path, each in found["songs"].items()]
    lines += list(_unreadable(found["unreadable"]))
    lines += [
        "",
        f"compared with {count(found['runs'], 'run')} of {found['run_notes']} notes from "
        f"{count(found['pieces'], 'piece')}, in any key and at any tempo",
        "every copied passage of "
        f"{found['found_for_certain']} notes or more is found; {_chance(found['false_positives'])}",
    ]
    if held := found["held_out"]:
        lines += [
            f"music it never saw ({count(held['pieces'], 'held-out piece')}) has passages of up to "
            f"{held['most']} notes in common with it;",
            f"in the median piece the longest has {held['median']:g} "
            f"notes, and {held['share']:.1%} of the notes lie in any",
        ]
    return "\n".join(lines)


def _chance(false_positives: float) -> str:
    if not false_positives:
        return "nothing is there to be found"
    return f"other runs are taken for copied once in {1 / false_positives:,.0f}"


def _song_words(path: str, each: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    begin = f"{printable(path)}: {count(each['notes'], 'note')}, {clock(each['seconds'])}. "
    longest = each["longest"]
    if longest is None:
        return f"{begin}Nothing copied was found"
    least = "at least " if found["found_for_certain"] > found["run_notes"] else ""
    return (
        f"{begin}The longest copied passage: {least}{longest['notes']} notes, from {_time(longest['begin'])} to "
        f"{_time(longest['end'])}, of {_names(longest['pieces'])}; {each['share']:.1%} of the notes lie in passages of "
        f"{found['run_notes']} or more"
    )


def _time(seconds: float) -> str:
    tenths = round(seconds * 10)
    return f"{tenths // 600}:{tenths // 10 % 60:02}.{tenths % 10}"


def _names(pieces: tuple[str, ...]) -> str:
    named = [printable(name[:_LONGEST_NAME]) for name in pieces[:_MOST_NAMES]]
    others = len(pieces) - len(named)
    return ", ".join(named) + (
        f" and {others} others" if others > 1 else " and another" if others else ""
    )
