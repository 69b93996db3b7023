"""One kind of file into another, by extension: MIDI, midicsv text, frames text, pictures, sound."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from ugen.data.codecs.frames import FramesCodec
from ugen.data.codecs.pitch_grid import (
    MAX_STEPS,
    STEP,
    drop_short,
    merge_gaps,
    runs_to_score,
    step_at,
)
from ugen.data.codecs.registry import make_codec
from ugen.data.errors import CodecError, UgenError
from ugen.data.files import replacing, write_atomically
from ugen.data.folders import paths_below
from ugen.data.midi.events import read_events, read_texts
from ugen.data.midi.midicsv import csv_lines, csv_to_midi
from ugen.data.midi.reader import read_midi
from ugen.data.midi.smf import MIDI_SUFFIXES, read_file, read_header
from ugen.data.score import Score
from ugen.data.settings import flag_of, setting

from .audio import FORMATS, write_audio
from .midi_file import file_bytes
from .musicxml import write_musicxml
from .piano_roll import ROW_SECONDS, piano_roll
from .web_page import song_page

READABLE = (*MIDI_SUFFIXES, ".csv", ".txt")
PICTURES = (".png", ".svg", ".jpg", ".jpeg")
MIDI = (".mid", ".midi")
PAGE = ".html"
# a bar of silence after music that came from frames text, as the original wrote it, and the text
# event that says where it came from
PAD_TICKS = 1920
_PART = 1 << 14  # words of text that are made at once
FROM_FRAMES = "from ugen's frames text"


@dataclass(frozen=True)
class Options:
    """How to convert. `check_used` says which kinds of file an option goes with."""

    ticks: int = setting(
        25, "Length of a step, in 1/480 beat at 120 beats a minute.", panel="Frames text"
    )
    velocity: int = setting(
        80, "Velocity of the notes.", minimum=1, maximum=127, panel="Frames text"
    )
    shortest: int = setting(
        0, "Drop notes shorter than this number of steps.", minimum=0, panel="Frames text"
    )
    gaps: int = setting(
        0, "Close gaps of up to this number of steps.", minimum=0, panel="Frames text"
    )
    gaps_first: bool = setting(
        False, "Close gaps before notes are dropped, not after.", panel="Frames text"
    )
    row_seconds: float = setting(
        ROW_SECONDS,
        "About how many seconds are in a row.",
        minimum=1,
        maximum=36_000,
        panel="Pictures",
    )
    dark: bool = setting(
        False, "Draw for a dark page; without it .svg has colours for both.", panel="Pictures"
    )
    as_played: bool = setting(
        False, "Write notes as long as they sound, not as long as they read well.", panel="Notation"
    )
    soundfont: Path | None = setting(
        None,
        "The SoundFont (.sf2) that plays.",
        default_text="pretty_midi's TimGM6mb.sf2 (GPL-2)",
        panel="Sound",
    )

    def __post_init__(self) -> None:
        make_codec("frames", ticks=self.ticks)  # raises UgenError where there is no such codec
        if self.gaps_first and not self.shortest:
            raise UgenError("goes with --shortest", flag="--gaps-first")


def check_used(names: Iterable[str], sources: Iterable[str], target: str) -> None:
    """Raise UgenError that names an option which changes nothing between such kinds of file.

    `names`: fields of Options that were given. `sources`, `target`: extensions.
    """
    is_read = ".txt" in sources
    pictures = target in PICTURES, f"pictures ({', '.join(PICTURES)})"
    uses = {
        "ticks": (is_read or target == ".txt", "frames text (.txt)"),
        "velocity": (is_read and target != ".txt", "frames text (.txt) turned into another kind"),
        "row_seconds": pictures,
        "dark": pictures,
        "as_played": (target == ".musicxml", "notation (.musicxml)"),
        "soundfont": (target in FORMATS, f"sound files ({', '.join(FORMATS)})"),
    }
    for each in fields(Options):
        is_used, kinds = uses.get(each.name, (is_read, "frames text (.txt) to read"))
        if each.name in names and not is_used:
            raise UgenError(f"goes with {kinds}", flag=flag_of(each))


def convert(source: Path, target: Path, options: Options) -> tuple[str, ...]:
    """Convert one file, and give what was wrong with it, in words. Raises UgenError that names the
    file and the reason; nothing half-written is left."""
    kind, target_kind = source.suffix.lower(), target.suffix.lower()
    if kind not in READABLE:
        choices = ", ".join(READABLE)
        reason = f"cannot read {kind or 'a file with no extension'}; choose {choices}"
        raise UgenError(reason, path=source)
    check_writable(target)
    if target_kind == ".csv" and kind in MIDI_SUFFIXES:
        # whole files, event by event: more than a Score holds
        data = read_file(source)
        _write_lines(target, csv_lines(data, str(source)))
        return read_midi(data, str(source)).warnings
    if kind == ".csv" and target_kind in MIDI:
        write_atomically(target, csv_to_midi(_text(source), str(source)))
        return ()
    score, end = _read(source, options)
    pad = max(end - score.end_tick, 0)
    texts = []
    if kind == ".txt" and target_kind != ".txt":
        pad += PAD_TICKS
        texts = [FROM_FRAMES]
    try:
        write_score(score, target, options, pad_ticks=pad, texts=texts)
    except CodecError as error:
        raise UgenError(error.reason, path=source) from None
    return score.warnings


def write_score(
    score: Score,
    path: Path,
    options: Options = Options(),
    *,
    pad_ticks: int = 0,
    texts: Sequence[str] = (),
    key: tuple[int, bool] | None = None,
) -> None:
    """Write a score as the kind of file that the extension of `path` names, one of WRITABLE.

    All but pictures last until `pad_ticks` after the last note. `texts` become text events where
    the kind has them: in MIDI and midicsv text. `key`: that of its signature, the likeliest where
    it is None. Raises UgenError that names the file and the
    reason; nothing half-written is left.
    """
    check_writable(path)
    WRITERS[path.suffix.lower()](Written(score, path, options, pad_ticks, texts, key))


class Written(NamedTuple):
    """What `write_score` was given."""

    score: Score
    path: Path
    options: Options
    pad_ticks: int
    texts: Sequence[str]
    key: tuple[int, bool] | None

    def midi(self) -> bytes:
        """It as a MIDI file."""
        return file_bytes(self.score, texts=self.texts, pad_ticks=self.pad_ticks, key=self.key)


def _write_midi(to: Written) -> None:
    write_atomically(to.path, to.midi())


def _write_csv(to: Written) -> None:
    _write_lines(to.path, csv_lines(to.midi(), str(to.path)))


def _write_lines(path: Path, parts: Iterable[str]) -> None:
    """Write a text, part by part."""
    with replacing(path) as partial, open(partial, "w", encoding="latin-1", newline="") as stream:
        stream.writelines(parts)


def _write_frames(to: Written) -> None:
    tokens = FramesCodec(to.options.ticks).encode(to.score).tokens
    steps = step_at(to.score, to.score.end_tick + to.pad_ticks, to.options.ticks)
    rest = max(min(steps, MAX_STEPS) - int(np.count_nonzero(tokens == STEP)), 0)
    tokens = np.concatenate([tokens, np.full(rest, STEP, np.uint16)])
    _write_lines(to.path, _words(tokens))


def _words(tokens: NDArray[np.uint16]) -> Iterator[str]:
    """Tokens as text, part by part."""
    for at in range(0, len(tokens), _PART):
        yield " " * (at > 0) + " ".join(map(str, tokens[at : at + _PART].tolist()))
    yield "\n"


def _write_sound(to: Written) -> None:
    end = np.array([to.score.end_tick + to.pad_ticks])
    seconds = float(to.score.seconds_at(end)[0]) or None
    write_audio(to.score, to.path, to.options.soundfont, seconds=seconds)


def _write_notation(to: Written) -> None:
    write_musicxml(to.score, to.path, to.key, to.pad_ticks, to.options.as_played)


def _write_page(to: Written) -> None:
    write_atomically(to.path, song_page(to.score, to.midi(), to.path.stem))


def _write_picture(to: Written) -> None:
    piano_roll(to.score, to.path, to.options.row_seconds, to.options.dark)


# what writes each kind of file. To add one, write its function and put it here
WRITERS: dict[str, Callable[[Written], None]] = {
    **dict.fromkeys(MIDI, _write_midi),
    ".csv": _write_csv,
    ".txt": _write_frames,
    ".musicxml": _write_notation,
    PAGE: _write_page,
    **dict.fromkeys(PICTURES, _write_picture),
    **dict.fromkeys(FORMATS, _write_sound),
}
WRITABLE = tuple(WRITERS)


def check_writable(path: Path) -> None:
    """Raise UgenError when the extension of `path` names no kind that can be written."""
    kind = path.suffix.lower()
    if kind not in WRITABLE:
        choices = ", ".join(WRITABLE)
        reason = f"cannot write {kind}" if kind else "has no extension"
        raise UgenError(f"{reason}; choose {choices}", path=path)


def read_score(source: Path, options: Options) -> Score:
    """A score from a MIDI, CSV or frames text file."""
    return _read(source, options)[0]


def _read(source: Path, options: Options) -> tuple[Score, int]:
    """A score, and the tick where its file ends: of frames text, rests after the last note
    count."""
    kind, name = source.suffix.lower(), str(source)
    if kind == ".txt":
        tokens = _frames_text(source)
        return _from_frames(tokens, options), int((tokens == STEP).sum()) * options.ticks
    data = csv_to_midi(_text(source), name) if kind == ".csv" else read_file(source)
    score = read_midi(data, name)
    if FROM_FRAMES.encode() in data and FROM_FRAMES in read_texts(data, name):
        (end_of_track,) = deque(read_events(data, read_header(data, name).tracks[0]), maxlen=1)
        return score, end_of_track.tick - PAD_TICKS
    return score, score.end_tick


def pairs(source: Path, target: Path, kind: str) -> dict[Path, Path]:
    """What to convert for a folder: every file under it that is of a readable kind by its name, and
    its place under `target`.

    `x.mid` becomes `x` with the suffix `kind`. Where two files would become one, each keeps its
    whole name: `x.mid.csv` and `x.midi.csv`.
    """
    paths = [Path(path) for path in paths_below(source)]
    paths = [path for path in paths if path.suffix.lower() in READABLE and not path.is_dir()]
    places = {path: target / path.relative_to(source) for path in paths}
    made = {path: place.with_suffix(kind) for path, place in places.items()}
    whole = {path: place.with_name(place.name + kind) for path, place in places.items()}
    while True:
        # in small letters, as some file systems do not tell them from capitals
        counts = Counter(str(each).lower() for each in made.values())
        clashing = {path: whole[path] for path in made if counts[str(made[path]).lower()] > 1}
        if made | clashing == made:
            return made
        made |= clashing


def _from_frames(tokens: NDArray[np.uint8], options: Options) -> Score:
    """Frames text as notes, with the original's two repairs."""
    runs = FramesCodec(options.ticks).runs(tokens)
    if options.gaps_first:
        runs = drop_short(merge_gaps(runs, options.gaps), options.shortest)
    else:
        runs = merge_gaps(drop_short(runs, options.shortest), options.gaps)
    return runs_to_score(runs, options.ticks, options.velocity)


def _text(source: Path) -> str:
    return read_file(source).decode("latin-1")


def _frames_text(source: Path) -> NDArray[np.uint8]:
    text = _text(source)
    parts, place = [np.zeros(0, np.uint8)], 0
    # some words at a time: a list of all takes ten times the memory of the file
    for block in re.finditer(r"\S(?:.{65536}\S*|.*)", text, re.DOTALL):
        words = block[0].split()
        for number, word in enumerate(words, place + 1):
            if not (word.isascii() and word.isdigit() and len(word) <= 3 and int(word) <= 128):
                reason = f"word {number} is {word[:20]!r}; frames text holds numbers from 0 to 128"
                raise UgenError(reason, path=source)
        place += len(words)
        parts.append(np.array(list(map(int, words)), np.uint8))
    return np.concatenate(parts)
