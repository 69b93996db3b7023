"""Music as sound, played from a SoundFont: a score as WAV, FLAC, Ogg Vorbis or MP3, or notes while
they are made.

    write_audio(read_midi("song.mid"), "song.mp3")
    for sound in stream_audio(notes): ...

The SoundFont is TimGM6mb (GPL-2), which comes with pretty_midi, or any other in SoundFont 2 format;
soundfile encodes. `pip install 'ugen-music[audio]'` brings both, and the synthesizer.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, repeat
from pathlib import Path
from typing import IO

import numpy as np
from ugen.data.errors import UgenError
from ugen.data.files import replacing
from ugen.data.score import Note, Score

from .synthesizer import (
    RATE,
    RING_SECONDS,
    CrowdedError,
    Samples,
    Segment,
    check_crowds,
    load_soundfont,
    play,
    segments,
)

CREDIT = "TimGM6mb.sf2 (Tim Brechbill, GPL-2)"
FORMATS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}

_PEAK = 10 ** (-1 / 20)  # -1 dBFS
# frames that are played together, multiples of the synthesizer's block of 64: of a file; of a
# stream, first and later. Of real time, 20 s take 1.5 %, 2 s 2.2 %, 5 s 1.6 %
_SEGMENT, _FIRST, _CHUNK = 20 * RATE, 2 * RATE, 5 * RATE
# of a stream: the bundled music, as piano or as it is, then peaks between 0.1 and 1.8, the median
# at 0.5
_GAIN = 2.0
_KNEE = 0.5  # what is louder than this, a stream compresses
# frames encoded at once: minutes of Vorbis in one call overflow libsndfile's stack
_BLOCK = 1 << 15
_LONGEST = 6 * 3600  # seconds; a WAV file ends at 4 GB


def write_audio(
    score: Score,
    path: str | Path,
    soundfont: Path | None = None,
    *,
    seconds: float | None = None,
    on_progress: Callable[[float], None] = lambda seconds: None,
) -> None:
    """Play a score into a file, 48 kHz stereo, of the kind that its extension says: .wav, .flac,
    .ogg or .mp3.

    The file lasts until 2 s after the last note's end, in which it dies away, and at least
    `seconds`, where the score is cut. The loudest moment is at -1 dBFS (MP3 and Vorbis, being
    approximations, may overshoot a little). Velocities under 16 are played as 16, notes over two
    minutes end there. `on_progress` gets the seconds played. Memory does not grow with the length;
    a temporary file beside `path` takes 23 MB per minute.

    Raises UgenError when a library is missing, the SoundFont is missing or damaged, the file cannot
    be written, there are no notes and no `seconds` (with them: silence), or it would last longer
    than six hours.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise UgenError(f"the name must end in one of {', '.join(FORMATS)}", path=path)
    if seconds is not None and not seconds > 0:
        raise UgenError(f"the length must be above 0 s, not {seconds:g}", path=path)
    sounds = load_soundfont(soundfont)
    if seconds is not None and seconds < score.seconds:
        score = score.until(score.tick_at(seconds))
    frames = _frames(score, seconds, path)

    def music() -> Iterator[Segment]:
        return segments(_notes(score), repeat(_SEGMENT), frames)

    try:
        check_crowds(music())
    except CrowdedError as error:
        raise UgenError(error.reason, path=path) from None
    with replacing(path) as partial, tempfile.TemporaryFile(dir=partial.parent) as spool:
        peak, done = 0.0, 0
        for sound in play(music(), sounds):
            spool.write(sound.tobytes())
            peak = max(peak, float(np.abs(sound).max()))
            done += len(sound)
            on_progress(done / RATE)
        spool.seek(0)
        _encode(spool, partial, path, _PEAK / peak if peak else 1.0)


def stream_audio(notes: Iterable[Note], soundfont: Path | None = None) -> Iterator[Samples]:
    """The sound of notes that are still being made, 48 kHz stereo float32, chunk by chunk from time
    0 on.

    The notes come in order of onset and may be endless. A chunk comes when its last note is known:
    after the first note beyond it, or at the end of the notes. The first chunk lasts 2 s, others
    5 s; the last ends with 2 s for the last notes to die away. Velocities and long notes are played
    as in files. The gain is fixed, because the loudest moment is not known: see `limited`. Memory
    does not grow.

    Raises UgenError, before it takes a note, when a library is missing, or the SoundFont is missing
    or damaged.
    """
    sounds = load_soundfont(soundfont)
    music = segments(notes, chain([_FIRST], repeat(_CHUNK)))
    return (limited(sound * np.float32(_GAIN)) for sound in play(music, sounds))


def limited(sound: Samples) -> Samples:
    """A soft limiter: up to half of full volume sound is unchanged; what is louder is compressed to
    stay within full volume."""
    over = np.maximum(np.abs(sound) - _KNEE, 0)
    compressed = (1 - _KNEE) * np.tanh(over / (1 - _KNEE))
    result: Samples = np.clip(sound, -_KNEE, _KNEE) + np.copysign(compressed, sound)
    return result


def check(soundfont: Path | None) -> None:
    """Raise UgenError when sound cannot be made here, before there is any to make."""
    load_soundfont(soundfont)


def credit(soundfont: Path | None) -> str:
    """What plays, and its licence, to be shown to the user."""
    return CREDIT if soundfont is None else soundfont.name


def _frames(score: Score, seconds: float | None, path: Path) -> int:
    """The file's length."""
    if seconds is None and not len(score.notes):
        raise UgenError("there are no notes to play", path=path)
    length = max(seconds or 0.0, score.seconds + RING_SECONDS if len(score.notes) else 0.0)
    if length > _LONGEST:
        reason = f"{length:.0f} s are too long for a sound file; the limit is {_LONGEST} s"
        raise UgenError(reason, path=path)
    return max(1, round(length * RATE))


def _notes(score: Score) -> Iterator[Note]:
    """The notes of a score, in seconds."""
    onsets, ends = (score.seconds_at(score.notes[field]) for field in ("onset", "end"))
    for onset, end, row in zip(onsets, ends, score.notes, strict=True):
        yield Note(float(onset), float(end), *row.item()[2:])


def _encode(spool: IO[bytes], partial: Path, path: Path, gain: float) -> None:
    """Write float32 frames to a sound file, block by block."""
    import soundfile

    container, subtype = FORMATS[path.suffix.lower()]
    try:
        with soundfile.SoundFile(partial, "w", RATE, 2, subtype, format=container) as file:
            while block := spool.read(_BLOCK * 8):
                file.write(np.frombuffer(block, np.float32).reshape(-1, 2) * np.float32(gain))
    except soundfile.SoundFileError as error:
        reason = f"cannot be written ({error})".replace(str(partial), path.name)
        raise UgenError(reason, path=path) from None
