"""Where songs go: files of any kind, by extension, or standard output."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from ugen.data import Score, UgenError
from ugen.data.errors import CodecError
from ugen.data.files import write_atomically
from ugen.data.render import audio, web_page
from ugen.data.render.convert import PAGE, WRITABLE, Options, write_score
from ugen.data.render.midi_file import file_bytes

STDOUT = Path("-")
SEED = "{seed}"
MIDI = (".mid", ".midi")


def check(files: Sequence[Path], count: int, soundfont: Path | None = None) -> str:
    """Raise UgenError when songs cannot be written there. Gives what plays them, if they are to
    sound."""
    if not files:
        raise UgenError("-o is missing: name the file to write, as in -o song.mid")
    for file in files:
        if file == STDOUT and getattr(sys.stdout, "name", "") == os.devnull:
            raise UgenError("standard output is closed", flag="-o", value="-")
        if file == STDOUT and sys.stdout.isatty():
            reason = "MIDI does not go to a terminal; name a file, or pipe it to a program"
            raise UgenError(reason, flag="-o", value="-")
        if file != STDOUT and file.suffix.lower() not in WRITABLE:
            reason = f"the name must end in {', '.join(WRITABLE)}"
            raise UgenError(reason, flag="-o", path=file)
        check_name(file, "-o", count)
    if len(set(files)) < len(files):
        raise UgenError("named twice", flag="-o", path=max(files, key=files.count))
    if any(file.suffix.lower() == PAGE for file in files):
        web_page.check()
    if any(file.suffix.lower() in audio.FORMATS for file in files):
        audio.check(soundfont)
        return f", played by {audio.credit(soundfont)}"
    if soundfont is not None:
        formats = ", ".join(audio.FORMATS)
        raise UgenError(f"goes with sound files ({formats}) and --play", flag="--soundfont")
    return ""


def check_name(file: Path, flag: str, count: int) -> None:
    """Raise UgenError when several songs would have one name, or one with a {word} that stands for
    nothing."""
    if unknown := re.search(r"\{(?!seed\})\w*\}", str(file)):
        reason = f"{unknown[0]} stands for nothing; {SEED} does"
        raise UgenError(reason, flag=flag, path=file)
    if count > 1 and SEED not in str(file):
        example = f"as in {flag} 'songs/{SEED}{file.suffix}'"
        reason = f"each of {count} songs needs its own name, {example}"
        raise UgenError(reason, flag=flag, path=file)


def name_of(file: Path, seed: int) -> Path:
    """The file of one song: {seed} in its name stands for its seed."""
    return Path(str(file).replace(SEED, str(seed)))


def sheet_of(files: Sequence[Path], is_best: bool) -> Path | None:
    """The picture of several songs; None where their names would not differ."""
    names = [file for file in files if SEED in str(file)]
    name = "best" if is_best else "all"
    return Path(str(names[0]).replace(SEED, name)).with_suffix(".png") if names else None


def write(
    score: Score,
    pad_ticks: int,
    record: str,
    files: Sequence[Path],
    soundfont: Path | None = None,
    streamed: bytes | None = None,
    key: tuple[int, bool] | None = None,
) -> None:
    """Write a song to every file, with its record where the kind has texts. `streamed`: its bytes
    as MIDI, if it was written while it was made. `key`: the one it was asked for, if any. Raises
    UgenError that names the file and the reason."""
    for file in files:
        if file == STDOUT:
            data = streamed or file_bytes(score, texts=[record], pad_ticks=pad_ticks, key=key)
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        elif streamed is not None and file.suffix.lower() in MIDI:
            write_atomically(file, streamed)
        else:
            options = Options(soundfont=soundfont)
            try:
                write_score(score, file, options, pad_ticks=pad_ticks, texts=[record], key=key)
            except CodecError as error:
                raise UgenError(error.reason, flag="-o", path=file) from None
