"""Notes turned into sound by a SoundFont, a few seconds of music at a time.

RustySynth, which the midirenderer wheel holds, plays. It plays a whole MIDI file into memory, with
64 voices, 16 channels and 16 bits. So it gets some seconds of the music at a time, and of these so
few notes that they fit; the sounds it makes are added up here.
"""

from __future__ import annotations

import io
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from ugen.data.errors import UgenError
from ugen.data.files import read_bytes
from ugen.data.midi.messages import MELODIC_CHANNELS
from ugen.data.midi.writer import midi_bytes
from ugen.data.optional_imports import require
from ugen.data.score import Note, Score

Samples = NDArray[np.float32]  # [n, 2]: left and right
# onset and end in frames, pitch, velocity, program, drum
FrameNote = tuple[int, int, int, int, int, bool]

RATE = 48_000  # frames per second: midirenderer knows no other
RING_SECONDS = 2  # for the last notes to die away

# notes at once in a lane: with two voices each, some of the 64 are left for notes that die away
_MOST_NOTES = 24
# notes of one key at once: one more ends the oldest, for each needs a lane of its own
_MOST_OF_A_KEY = 8
# each is played on its own, which takes as long as the music when there are sixteen: 384 notes
_MOST_LANES = 16
_MOST_IN_SEGMENT = 50_000  # notes that begin in a segment: bounds memory
_TOO_MANY = "too many notes sound at once to be played"
# velocity: the synthesizer leaves out notes 60 dB below its full volume, 11 and softer on a piano
_SOFTEST = 16
_LONGEST_NOTE = 120 * RATE


class CrowdedError(UgenError):
    """More notes sound at once than can be played in any time."""


class SoundFont(NamedTuple):
    """A SoundFont 2 file."""

    path: Path
    data: bytes


class Segment(NamedTuple):
    """Some seconds of music: the notes that begin in them, in frames from the segment's start."""

    frames: int
    notes: list[FrameNote]


def load_soundfont(path: Path | None) -> SoundFont:
    """A SoundFont that has played one note; without a path pretty_midi's. Raises UgenError that
    names what is missing or wrong."""
    require("midirenderer", "audio")
    require("soundfile", "audio")
    path = path or _default_soundfont()
    data = read_bytes(path, kind="a SoundFont")
    if data[:4] != b"RIFF" or data[8:12] != b"sfbk":
        raise UgenError("not a SoundFont (.sf2)", path=path)
    if len(data) < 8 + int.from_bytes(data[4:8], "little"):
        raise UgenError("the SoundFont is cut short", path=path)
    soundfont = SoundFont(path, data)
    _render(soundfont, Score.build([(0, 1, 60, 100, 0, False)], RATE // 2))
    return soundfont


def _default_soundfont() -> Path:
    spec = find_spec("pretty_midi")  # not imported: it takes a second, and warns
    if spec is None or spec.origin is None:
        raise UgenError(
            "this needs pretty_midi's SoundFont, which is not installed: "
            "pip install 'ugen-music[audio]'"
        )
    return Path(spec.origin).with_name("TimGM6mb.sf2")


def segments(notes: Iterable[Note], lengths: Iterable[int], at_least: int = 0) -> Iterator[Segment]:
    """Music in segments of these lengths in frames, until the last note has died away and
    `at_least` that many frames."""
    coming = map(_in_frames, notes)
    note = next(coming, None)
    start, until = 0, at_least
    for length in lengths:
        if note is None and start >= until:
            return
        here: list[FrameNote] = []
        while note is not None and note[0] < start + length:
            assert note[0] >= start, "notes come in order of onset"
            here.append((note[0] - start, note[1] - start, *note[2:]))
            until = max(until, note[1] + RING_SECONDS * RATE)
            if len(here) > _MOST_IN_SEGMENT:
                raise CrowdedError(_TOO_MANY)
            note = next(coming, None)
        frames = length if note is not None else min(length, until - start)
        yield Segment(frames, here)
        start += frames


def _in_frames(note: Note) -> FrameNote:
    """A note in frames, changed to what the synthesizer can play."""
    onset, end = round(note.onset * RATE), round(note.end * RATE)
    end = min(max(end, onset + 1), onset + _LONGEST_NOTE)
    return onset, end, note.pitch, max(note.velocity, _SOFTEST), note.program, note.drum


def play(music: Iterable[Segment], soundfont: SoundFont) -> Iterator[Samples]:
    """The sound of segments that follow each other, one by one."""
    ringing = np.zeros((0, 2), np.float32)  # of earlier segments
    for frames, notes in music:
        until = max((end for _onset, end, *_ in notes), default=0) + RING_SECONDS * RATE
        sound = np.zeros((max(frames, len(ringing), until), 2), np.float32)
        sound[: len(ringing)] = ringing
        for lane in _lanes(notes):
            alone = _render(soundfont, Score.build(lane, RATE // 2))
            sound[: len(alone)] += alone
        yield sound[:frames]
        ringing = sound[frames:]


def check_crowds(music: Iterable[Segment]) -> None:
    """Raise CrowdedError where more notes sound at once than can be played; this takes no time
    beside playing."""
    for segment in music:
        _lanes(segment.notes)


@dataclass
class Lane:
    """Notes that the synthesizer can play together: its channels and voices suffice, and no key is
    held twice."""

    notes: list[FrameNote] = field(default_factory=list)
    # heap: end, and what sounds until then: drum, program, pitch
    sounding: list[tuple[int, tuple[bool, int, int]]] = field(default_factory=list)
    keys: set[tuple[bool, int, int]] = field(default_factory=set)
    programs: set[int] = field(default_factory=set)
    drum_kits: set[int] = field(default_factory=set)

    def takes(self, note: FrameNote) -> bool:
        """Add a note, in order of onset, if it fits."""
        onset, end, pitch, _velocity, program, drum = note
        while self.sounding and self.sounding[0][0] <= onset:
            self.keys.remove(heappop(self.sounding)[1])
        programs = self.drum_kits if drum else self.programs
        channels = 1 if drum else len(MELODIC_CHANNELS)
        if program not in programs and len(programs) == channels:
            return False
        key = drum, program, pitch
        if len(self.sounding) == _MOST_NOTES or key in self.keys:
            return False
        programs.add(program)
        self.keys.add(key)
        heappush(self.sounding, (end, key))
        self.notes.append(note)
        return True


def _thinned(notes: list[FrameNote]) -> list[FrameNote]:
    """The notes, in order of onset, with no more than _MOST_OF_A_KEY of a key at once."""
    thinned = list(notes)
    sounding: dict[tuple[bool, int, int], deque[int]] = defaultdict(deque)
    for place, (onset, _end, pitch, _velocity, program, drum) in enumerate(notes):
        of_key = sounding[drum, program, pitch]
        while of_key and thinned[of_key[0]][1] <= onset:
            of_key.popleft()
        if len(of_key) == _MOST_OF_A_KEY:
            oldest = of_key.popleft()
            begin, _, of_pitch, velocity, of_program, is_drum = thinned[oldest]
            end = max(onset, begin + 1)
            thinned[oldest] = (begin, end, of_pitch, velocity, of_program, is_drum)
        of_key.append(place)
    return thinned


def _lanes(notes: list[FrameNote]) -> list[list[FrameNote]]:
    """The notes in as few lanes as the synthesizer needs. Raises CrowdedError for thousands of
    notes at once."""
    lanes: list[Lane] = []
    for note in _thinned(notes):
        if not any(lane.takes(note) for lane in lanes):
            if len(lanes) == _MOST_LANES:
                raise CrowdedError(_TOO_MANY)
            lanes.append(Lane())
            lanes[-1].takes(note)
    return [lane.notes for lane in lanes]


def _render(soundfont: SoundFont, score: Score) -> Samples:
    """A score, one tick per frame, as sound, 2 s longer. What clips is rendered again, with fewer
    notes at a time."""
    import soundfile

    wave = _wave(soundfont, midi_bytes(score, pad_ticks=RING_SECONDS * RATE))
    sound: Samples = soundfile.read(io.BytesIO(wave), dtype="float32", always_2d=True)[0]
    if np.abs(sound).max() > 0.9999 and len(score.notes) > 1:
        parts = [_render(soundfont, Score.build(score.notes[i::2], RATE // 2)) for i in (0, 1)]
        sound = np.zeros((max(map(len, parts)), 2), np.float32)
        for part in parts:
            sound[: len(part)] += part
        return sound
    fade = np.linspace(1, 0, RATE // 4, dtype=np.float32)
    sound[-len(fade) :] *= fade[:, None]
    return sound


def _wave(soundfont: SoundFont, midi: bytes) -> bytes:
    """A MIDI file as a WAV file."""
    import midirenderer

    try:
        wave: bytes = midirenderer.render_wave_from(soundfont.data, midi)
    except BaseException as error:
        # RustySynth's own mistakes arrive as a PanicException, which is no Exception
        if isinstance(error, RuntimeError | ValueError) or type(error).__name__ == "PanicException":
            reason = f"damaged SoundFont ({error})".replace("\n", " ")
            raise UgenError(reason, path=soundfont.path) from None
        raise
    return wave
