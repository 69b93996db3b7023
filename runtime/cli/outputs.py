"""Where songs go: files of any kind that can be made of MIDI, by extension, or standard output."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ugen.data import UgenError
from ugen.data.files import write_atomically
from ugen.data.midi.writer import midi_bytes
from ugen.data.render import audio
from ugen.data.render.convert import WRITABLE, Options, convert
from ugen.runtime.generation.song import Song

STDOUT = Path("-")
SEED = "{seed}"
_MIDI = (".mid", ".midi")


def check(outputs: Sequence[Path], count: int, soundfont: Path | None = None) -> str:
    """Raise UgenError when songs cannot go there, before any is made. Gives what plays them, if
    they are to sound."""
    if not outputs:
        raise UgenError("-o is missing: name the file to write, as in -o song.mid")
    for output in outputs:
        if output != STDOUT and output.suffix.lower() not in WRITABLE:
            raise UgenError(f"-o {output}: the name must end in {', '.join(WRITABLE)}")
        if count > 1 and SEED not in str(output):
            raise UgenError(
                f"-o {output}: of {count} songs each needs a name, as in -o 'songs/{SEED}.mid'"
            )
    if len(set(outputs)) < len(outputs):
        raise UgenError(f"-o {max(outputs, key=outputs.count)}: named twice")
    if any(output.suffix.lower() in audio.FORMATS for output in outputs):
        audio.check(soundfont)
        return f", played by {audio.credit(soundfont)}"
    if soundfont is not None:
        raise UgenError(f"--soundfont: goes with sound files ({', '.join(audio.FORMATS)})")
    return ""


def place(output: Path, seed: int) -> Path:
    """The file of one song: {seed} in its name stands for its seed."""
    return Path(str(output).replace(SEED, str(seed)))


def write(song: Song, record: str, files: Sequence[Path], soundfont: Path | None = None) -> None:
    """Write a song to every file, sound as `soundfont` plays it. Raises UgenError that names the
    file and the reason; none is left half-written."""
    data = midi_bytes(song.score, texts=[record], pad_ticks=song.pad_ticks)
    for file in files:
        if file == STDOUT:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        elif file.suffix.lower() in _MIDI:
            write_atomically(file, data)
        elif file.suffix.lower() in audio.FORMATS:
            audio.write_audio(song.score, file, soundfont, seconds=song.seconds)
        else:
            with tempfile.TemporaryDirectory() as folder:
                midi = Path(folder) / "song.mid"
                midi.write_bytes(data)
                convert(midi, file, Options())
