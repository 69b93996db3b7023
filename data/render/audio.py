"""Music as sound, played from a SoundFont: a score as WAV, FLAC, Ogg Vorbis or MP3, or notes while
they are made.

    write_audio(read_midi("song.mid"), "song.mp3")
    for sound in stream_audio(notes): ...

RustySynth, which the midirenderer wheel holds, plays; soundfile encodes. The SoundFont is TimGM6mb
(GPL-2), which comes with pretty_midi, or any other in SoundFont 2 format. `pip install
'ugen-music[audio]'` brings all three.

The synthesizer plays a whole MIDI file into memory, with 64 voices, 16 channels and 16 bits. So it
is given some seconds of the music at a time, and of these so few notes that they fit; what it makes
of them is added up here.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import chain, repeat
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from ugen.data.errors import UgenError
from ugen.data.files import replacing
from ugen.data.midi.writer import midi_bytes
from ugen.data.optional_imports import require
from ugen.data.score import Note, Score

Samples = NDArray[np.float32]  # [n, 2]: left and right
_Row = tuple[
    int, int, int, int, int, bool
]  # a note: onset and end in frames, pitch, velocity, program, drum

RATE = 48_000  # frames a second: midirenderer knows no other
RING_SECONDS = 2  # what the last notes get to die away
CREDIT = "TimGM6mb.sf2 (Tim Brechbill, GPL-2)"
FORMATS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}

_PEAK = 10 ** (-1 / 20)  # -1 dBFS
_PIECE = (
    20 * RATE
)  # onsets within so many frames are played together; a multiple of the synthesizer's block of 64
_FIRST, _CHUNK = (
    2 * RATE,
    5 * RATE,
)  # the same in a stream. Of real time, 2 s take 2.2 %, 5 s 1.6 %, 20 s 1.5 %
# of a stream: the bundled music, as piano or as it is, then peaks between 0.1 and 1.8, the median
# 0.5
_GAIN = 2.0
_KNEE = 0.5  # what is louder than this, a stream presses together
_BLOCK = (
    1 << 15
)  # frames encoded at once: minutes of Vorbis in one call overflow libsndfile's stack
_MOST_NOTES = (
    24  # at once in a lane: with two voices each, some of the 64 are left for notes that die away
)
# velocity: the synthesizer leaves out notes 60 dB below its full volume, 11 and softer on a piano
_SOFTEST = 16
_LONGEST_NOTE = 120 * RATE
_LONGEST = 6 * 3600  # seconds; a WAV file ends at 4 GB


class _SoundFont(NamedTuple):
    path: Path
    data: bytes


def write_audio(
    score: Score,
    path: str | Path,
    soundfont: Path | None = None,
    *,
    seconds: float | None = None,
    on_progress: Callable[[float], None] = lambda seconds: None,
) -> None:
    """Play a score into a file, 48 kHz stereo; its name's ending says which kind: .wav, .flac, .ogg
    or .mp3.

    The file lasts until 2 s after the last note's end, in which it dies away, and at least
    `seconds`, where the score is cut. The loudest moment is at -1 dBFS (MP3 and Vorbis, being
    approximations, may overshoot a little). Velocities under 16 are played as 16, notes over two
    minutes end there. `on_progress` is told the seconds played. Memory does not grow with the
    length; 23 MB a minute are taken on the disk, beside `path`, while this works.

    Raises UgenError when a library is missing, the SoundFont is missing or damaged, the file cannot
    be written, there are no notes and no `seconds` (with them: silence), or it would last longer
    than six hours.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise UgenError(f"{path}: the name must end in one of {', '.join(FORMATS)}")
    if seconds is not None and not seconds > 0:
        raise UgenError(f"{path}: the length must be above 0 s, not {seconds:g}")
    sounds = _load(soundfont)
    if seconds is not None and seconds < score.seconds:
        score = score.until(score.tick_at(seconds))
    frames = _frames(score, seconds, path)
    with replacing(path) as partial, tempfile.TemporaryFile(dir=partial.parent) as spool:
        peak, done = 0.0, 0
        for piece in _played(_pieces(_notes(score), repeat(_PIECE), frames), sounds):
            spool.write(piece.tobytes())
            peak = max(peak, float(np.abs(piece).max()))
            done += len(piece)
            on_progress(done / RATE)
        spool.seek(0)
        _encode(spool, partial, path, _PEAK / peak if peak else 1.0)


def stream_audio(notes: Iterable[Note], soundfont: Path | None = None) -> Iterator[Samples]:
    """The sound of notes that are still being made, 48 kHz stereo float32, chunk by chunk from time
    0 on.

    The notes come in order of onset, and need never end. A chunk is there when its last note is
    known: when the first note after it has come, or no more do. The first lasts 2 s, others 5 s;
    the last ends with 2 s for the last notes to die away. Velocities and long notes are played as
    in files. Loudness is fixed, as no one knows what is to come: see `limited`. Memory does not
    grow.

    Raises UgenError, before it takes a note, when a library is missing, or the SoundFont is missing
    or damaged.
    """
    sounds = _load(soundfont)
    pieces = _pieces(notes, chain([_FIRST], repeat(_CHUNK)))
    return (limited(sound * np.float32(_GAIN)) for sound in _played(pieces, sounds))


def limited(sound: Samples) -> Samples:
    """What is within half of full volume as it is; what is louder pressed together, so that all is
    within it."""
    over = np.maximum(np.abs(sound) - _KNEE, 0)
    pressed: Samples = np.clip(sound, -_KNEE, _KNEE) + np.copysign(
        (1 - _KNEE) * np.tanh(over / (1 - _KNEE)), sound
    )
    return pressed


def check(soundfont: Path | None) -> None:
    """Raise UgenError when sound cannot be made here, before there is any to make."""
    _load(soundfont)


def credit(soundfont: Path | None) -> str:
    """What plays, and its licence, to be shown to the user."""
    return CREDIT if soundfont is None else soundfont.name


def _load(soundfont: Path | None) -> _SoundFont:
    """A SoundFont that has played one note. Raises UgenError that names what is missing or
    wrong."""
    require("midirenderer", "audio")
    require("soundfile", "audio")
    path = soundfont or _default_soundfont()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UgenError(f"{path}: {error.strerror or error}") from None
    if data[:4] != b"RIFF" or data[8:12] != b"sfbk":
        raise UgenError(f"{path}: not a SoundFont (.sf2)")
    if len(data) < 8 + int.from_bytes(data[4:8], "little"):
        raise UgenError(f"{path}: the SoundFont is cut short")
    _rendered(_SoundFont(path, data), Score.build([(0, 1, 60, 100, 0, False)], RATE // 2))
    return _SoundFont(path, data)


def _default_soundfont() -> Path:
    spec = find_spec("pretty_midi")  # not imported: it takes a second, and warns
    if spec is None or spec.origin is None:
        raise UgenError(
            "this needs pretty_midi's SoundFont, which is not installed: pip install 'ugen-music[audio]'"
        )
    return Path(spec.origin).with_name("TimGM6mb.sf2")


def _frames(score: Score, seconds: float | None, path: Path) -> int:
    """The file's length."""
    if seconds is None and not len(score.notes):
        raise UgenError(f"{path}: there are no notes to play")
    length = max(seconds or 0.0, score.seconds + RING_SECONDS if len(score.notes) else 0.0)
    if length > _LONGEST:
        raise UgenError(
            f"{path}: {length:.0f} s are too long for a sound file; the limit is {_LONGEST} s"
        )
    return max(1, round(length * RATE))


def _notes(score: Score) -> Iterator[Note]:
    """The notes of a score, in seconds."""
    onsets, ends = (score.seconds_at(score.notes[field]) for field in ("onset", "end"))
    for onset, end, row in zip(onsets, ends, score.notes, strict=True):
        yield Note(float(onset), float(end), *row.item()[2:])


class _Piece(NamedTuple):
    """Some seconds of music: the notes that begin in them, in frames from the piece's beginning."""

    frames: int
    notes: list[_Row]


def _pieces(notes: Iterable[Note], lengths: Iterable[int], at_least: int = 0) -> Iterator[_Piece]:
    """Music in pieces of these lengths, until the last note has died away and `at_least` so many
    frames."""
    coming = map(_in_frames, notes)
    row = next(coming, None)
    start, until = 0, at_least
    for length in lengths:
        if row is None and start >= until:
            return
        here: list[_Row] = []
        while row is not None and row[0] < start + length:
            assert row[0] >= start, "notes come in order of onset"
            here.append((row[0] - start, row[1] - start, *row[2:]))
            until = max(until, row[1] + RING_SECONDS * RATE)
            row = next(coming, None)
        frames = length if row is not None else min(length, until - start)
        yield _Piece(frames, here)
        start += frames


def _in_frames(note: Note) -> _Row:
    """A note in frames, what the synthesizer could not play made playable."""
    onset, end = round(note.onset * RATE), round(note.end * RATE)
    end = min(max(end, onset + 1), onset + _LONGEST_NOTE)
    return onset, end, note.pitch, max(note.velocity, _SOFTEST), note.program, note.drum


def _played(pieces: Iterable[_Piece], sounds: _SoundFont) -> Iterator[Samples]:
    """The sound of pieces that follow each other, piece by piece."""
    ringing = np.zeros((0, 2), np.float32)  # of earlier pieces
    for frames, notes in pieces:
        until = max((end for _onset, end, *_ in notes), default=0) + RING_SECONDS * RATE
        sound = np.zeros((max(frames, len(ringing), until), 2), np.float32)
        sound[: len(ringing)] = ringing
        for lane in _lanes(notes):
            alone = _rendered(sounds, Score.build(lane, RATE // 2))
            sound[: len(alone)] += alone
        yield sound[:frames]
        ringing = sound[frames:]


@dataclass
class _Lane:
    """Notes that the synthesizer can play together: channels and voices suffice, and no key is held
    twice."""

    rows: list[_Row] = field(default_factory=list)
    sounding: list[tuple[int, tuple[bool, int, int]]] = field(
        default_factory=list
    )  # end, and what sounds
    programs: tuple[set[int], set[int]] = field(
        default_factory=lambda: (set(), set())
    )  # pitched, drum kits

    def takes(self, row: _Row) -> bool:
        """Add a note, in order of onset, if it fits."""
        onset, end, pitch, _velocity, program, drum = row
        self.sounding = [(until, key) for until, key in self.sounding if until > onset]
        programs, key = self.programs[drum], (drum, program, pitch)
        no_channel = program not in programs and len(programs) == (1 if drum else 15)
        if (
            no_channel
            or len(self.sounding) == _MOST_NOTES
            or any(key == other for _, other in self.sounding)
        ):
            return False
        programs.add(program)
        self.sounding.append((end, key))
        self.rows.append(row)
        return True


def _lanes(notes: list[_Row]) -> list[list[_Row]]:
    """The notes in as few parts as the synthesizer needs."""
    lanes: list[_Lane] = []
    for row in notes:
        if not any(lane.takes(row) for lane in lanes):
            lanes.append(_Lane())
            lanes[-1].takes(row)
    return [lane.rows for lane in lanes]


def _rendered(sounds: _SoundFont, score: Score) -> Samples:
    """A score, a tick a frame, as sound, 2 s longer. Clipped sound is made again of fewer notes at
    a time."""
    import midirenderer
    import soundfile

    midi = midi_bytes(score, pad_ticks=RING_SECONDS * RATE)
    try:
        wave = midirenderer.render_wave_from(sounds.data, midi)
    except (
        BaseException
    ) as error:  # RustySynth's own mistakes arrive as a PanicException, which is no Exception
        if isinstance(error, RuntimeError | ValueError) or type(error).__name__ == "PanicException":
            raise UgenError(
                f"{sounds.path}: damaged SoundFont ({error})".replace("\n", " ")
            ) from None
        raise
    sound: Samples = soundfile.read(io.BytesIO(wave), dtype="float32", always_2d=True)[0]
    if np.abs(sound).max() > 0.9999 and len(score.notes) > 1:
        parts = [_rendered(sounds, Score.build(score.notes[i::2], RATE // 2)) for i in (0, 1)]
        sound = np.zeros((max(map(len, parts)), 2), np.float32)
        for part in parts:
            sound[: len(part)] += part
        return sound
    fade = np.linspace(1, 0, RATE // 4, dtype=np.float32)
    sound[-len(fade) :] *= fade[:, None]
    return sound


def _encode(spool: IO[bytes], partial: Path, path: Path, gain: float) -> None:
    """Write float32 frames to a sound file, block by block."""
    import soundfile

    container, subtype = FORMATS[path.suffix.lower()]
    try:
        with soundfile.SoundFile(partial, "w", RATE, 2, subtype, format=container) as file:
            while block := spool.read(_BLOCK * 8):
                file.write(np.frombuffer(block, np.float32).reshape(-1, 2) * np.float32(gain))
    except soundfile.SoundFileError as error:
        raise UgenError(
            f"{path}: cannot be written ({error})".replace(str(partial), path.name)
        ) from None
