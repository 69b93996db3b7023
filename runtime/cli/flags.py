"""The options of ugen-run besides the song's own, and which of them go together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ugen.data import UgenError
from ugen.data.cli import overwrite
from ugen.data.settings import setting
from ugen.runtime.generation.settings import SongSettings

from . import outputs


@dataclass(frozen=True)
class Output:
    """Where songs go. `{seed}` in the name of a file stands for a song's seed."""

    PANEL: ClassVar[str] = "Output"

    output: list[Path] | None = setting(
        None,
        "File to write, of the kind that its extension names: .mid, .musicxml, .mp3, .ogg, .flac, "
        ".wav, .svg, .png, .html, .csv, .txt; - is MIDI on standard output. May be given several "
        "times. {seed} in the name stands for the seed.",
        flag="-o --output",
    )
    soundfont: Path | None = setting(
        None, "The .sf2 file that plays sound files and --play.", default_text="TimGM6mb.sf2, GPL-2"
    )
    save_state: Path | None = setting(
        None, "Write where the song stops, for --from-state; it is then made as with --exact."
    )
    force: bool = setting(False, overwrite.HELP, flag="-f --force")
    quiet: bool = setting(False, "Print only errors.", flag="-q --quiet")
    as_json: bool = setting(
        False,
        "Print JSON: a line for each song, for each note of a song made live, or the --info.",
        flag="--json",
    )

    @property
    def files(self) -> list[Path]:
        """The files to write, as they are named."""
        return self.output or []

    def require_new(self, seed: int, count: int) -> None:
        """Ask before files of songs with these seeds are overwritten, or raise UgenError."""
        songs = [name for n in range(count) for name in self.names(seed + n)]
        overwrite.require_new((name for name in songs if name != outputs.STDOUT), self.force, "-o")
        if (state := self.save_state) is not None:
            states = (outputs.name_of(state, seed + n) for n in range(count))
            overwrite.require_new(states, self.force, "--save-state")

    def names(self, seed: int) -> list[Path]:
        """The files of one song."""
        return [outputs.name_of(file, seed) for file in self.files]


@dataclass(frozen=True)
class Source:
    """What songs are made from, besides a seed."""

    PANEL: ClassVar[str] = SongSettings.PANEL

    count: int = setting(
        1,
        "Number of songs, with consecutive seeds. A picture of them stands beside them.",
        minimum=1,
        maximum=100_000,
    )
    best: int | None = setting(
        None,
        "Keep only this many of them: those whose measures are nearest to real music.",
        minimum=1,
        maximum=100,
    )
    primer: Path | None = setting(None, "A MIDI file to continue from.")
    primer_seconds: float | None = setting(None, "Continue from the first seconds of it only.")
    from_state: Path | None = setting(
        None, "Continue the song of this state; with another --seed, differently."
    )
    replay: Path | None = setting(
        None, "Make the song of this MIDI file again, by the record in it."
    )


@dataclass(frozen=True)
class Keeping:
    """Music that stays in a song, while the model writes the rest."""

    PANEL: ClassVar[str] = "Parts that stay"

    music: Path | None = setting(
        None,
        "A MIDI file of which a part stays; the model writes the rest around it.",
        flag="--with",
    )
    keep: str | None = setting(
        None,
        "The part of it that stays: melody (the top line), bass (the lowest), left or right (a "
        "hand), drums, all, a track's number or name, or an instrument; several with commas.",
    )
    rewrite: bool = setting(
        False,
        "Write the bars --from-bar to --to-bar anew; all others stay. With --keep, its part "
        "stays in these bars, too.",
    )
    from_bar: str | None = setting(
        None, "The first bar that is meant, from 1 on; of several stretches, as in 9,25."
    )
    to_bar: str | None = setting(
        None, "The last bar of each.", default_text="the last of the music"
    )
    vary: Path | None = setting(
        None, "A MIDI file of which some bars stay, and others are written anew, by the seed."
    )
    much: float = setting(
        0.3, "The fraction of its bars that --vary writes anew.", minimum=0.01, maximum=1
    )


@dataclass(frozen=True)
class Live:
    """Songs that are played or written while they are made."""

    PANEL: ClassVar[str] = "Playing live"

    endless: bool = setting(False, "Make music until Ctrl-C ends it.")
    play: bool = setting(False, "Play through the loudspeaker while it is made.")
    midi_port: str | None = setting(
        None,
        "Play on this MIDI port while it is made, by its name or a part of it; new opens one "
        "called ugen.",
    )
    midi_in: str | None = setting(
        None,
        "Play a duet: what is played on this MIDI port is answered on --midi-port, after a bar of "
        "silence and until Ctrl-C.",
    )
    list_ports: bool = setting(False, "List the MIDI ports and exit.")

    @property
    def is_on(self) -> bool:
        """Whether a song is."""
        return self.endless or self.play or self.midi_port is not None or self.midi_in is not None


@dataclass(frozen=True)
class Machine:
    """What computes."""

    PANEL: ClassVar[str] = "Machine"

    threads: int = setting(1, "Processor threads for the model.", minimum=1, maximum=256)
    provider: str = setting(
        "auto", "Where to compute: cpu, cuda, tensorrt, coreml, directml, openvino, or auto."
    )


# decided by a replayed song's record are all flags but these
_WITH_REPLAY = {
    "model",
    "output",
    "replay",
    "soundfont",
    "threads",
    "provider",
    "quiet",
    "force",
    "as_json",
    "play",
    "midi_port",
    "save_state",
}


def check_flags(given: Mapping[str, str], output: Output, source: Source, is_live: bool) -> str:
    """Raise UgenError for flags that do not go together, or songs that cannot be written there.
    Gives what plays sound files, if there are any."""
    count = source.count if source.best is None else source.best
    if source.best is not None and source.best >= source.count:
        reason = "goes with a larger --count, as in --count 50 --best 5"
        raise UgenError(reason, flag="--best", value=source.best)
    if "key" in given and "transpose" in given:
        raise UgenError("--key and --transpose: give one of them")
    if "midi_in" in given:
        _check_duet(given)
        return ""
    if "endless" in given:
        for name in ("seconds", "bars", "exact", "replay"):
            if name in given:
                raise UgenError("not with --endless", flag=given[name])
    if "replay" in given:
        for name, flag in given.items():
            if name not in _WITH_REPLAY:
                raise UgenError("comes from the song with --replay; leave it out", flag=flag)
    if output.save_state is not None:
        outputs.check_name(output.save_state, "--save-state", count)
        if output.save_state in output.files:
            raise UgenError("-o has that name, too", flag="--save-state", path=output.save_state)
    if not is_live:
        return outputs.check(output.files, count, output.soundfont)
    _check_live(given, output)
    return ""


# what a duet has no use for
_NOT_IN_A_DUET = (
    "music",
    "vary",
    "output",
    "play",
    "endless",
    "seconds",
    "count",
    "best",
    "primer",
    "primer_seconds",
    "keep_primer",
    "from_state",
    "save_state",
    "replay",
    "chords",
    "soundfont",
    "as_json",
)


def _check_duet(given: Mapping[str, str]) -> None:
    for name in _NOT_IN_A_DUET:
        if name in given:
            raise UgenError("not with --midi-in", flag=given[name])
    if "midi_port" not in given:
        raise UgenError("goes with --midi-port, where it answers", flag="--midi-in")


def _check_live(given: Mapping[str, str], output: Output) -> None:
    if "play" in given and "midi_port" in given:
        raise UgenError("--play and --midi-port: give one of them")
    if "count" in given:
        raise UgenError("not with a song played while it is made", flag="--count")
    if len(output.files) > 1:
        reason = "a song written while it is made goes to one file"
        raise UgenError(reason, flag="-o", path=output.files[1])
    if "soundfont" in given and "play" not in given:
        raise UgenError("goes with sound files and --play", flag="--soundfont")
    if not output.files and given.keys().isdisjoint(("play", "midi_port", "as_json")):
        reason = "say where to, by -o song.mid, --play, --midi-port or --json"
        raise UgenError(reason, flag="--endless")
