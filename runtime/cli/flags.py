"""Which options of ugen-run go together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ugen.data import UgenError

# decided by a replayed song's record are all flags but these
_WITH_REPLAY = {
    "model",
    "output",
    "replay",
    "soundfont",
    "threads",
    "provider",
    "quiet",
    "as_json",
    "play",
    "midi_port",
    "save_state",
}


def check_flags(given: Mapping[str, str], files: Sequence[Path], is_live: bool) -> None:
    """Raise UgenError for flags that do not go together."""
    if "endless" in given:
        for name in ("seconds", "bars", "replay"):
            if name in given:
                raise UgenError("not with --endless", flag=given[name])
    if "replay" in given:
        for name, flag in given.items():
            if name not in _WITH_REPLAY:
                raise UgenError("comes from the song with --replay; leave it out", flag=flag)
    if not is_live:
        return
    if "play" in given and "midi_port" in given:
        raise UgenError("--play and --midi-port: give one of them")
    if "count" in given:
        raise UgenError("not with a song played while it is made", flag="--count")
    if len(files) > 1:
        reason = "a song written while it is made goes to one file"
        raise UgenError(reason, flag="-o", path=files[1])
    if "soundfont" in given and "play" not in given:
        raise UgenError("goes with sound files and --play", flag="--soundfont")
    if not files and given.keys().isdisjoint(("play", "midi_port", "as_json")):
        reason = "say where to, by -o song.mid, --play, --midi-port or --json"
        raise UgenError(reason, flag="--endless")
