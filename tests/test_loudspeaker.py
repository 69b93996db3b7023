"""Music played while it is made: the stream of sound, and the loudspeaker in simulated time."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from itertools import count, islice
from pathlib import Path

import miniaudio
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support import BUNDLED
from ugen.data import Note, Score, UgenError, read_midi
from ugen.data.render.audio import RATE, RING_SECONDS, Samples, limited, stream_audio, write_audio
from ugen.runtime.playback import audio_player as loudspeaker
from ugen.runtime.playback.audio_player import play
from ugen.runtime.playback.stats import PlaybackStats

FIRST, CHUNK = 2, 5  # seconds


def beat() -> Iterator[Note]:
    """Two notes a second, endlessly. They begin between blocks of the synthesizer, whose clock is
    rounded."""
    return (Note(i / 2 + 0.01, i / 2 + 0.41, 60 + i % 12, 80) for i in count())


def watched(notes: Iterator[Note], taken: list[Note]) -> Iterator[Note]:
    """The same notes, written down as they are taken."""
    for note in notes:
        taken.append(note)
        yield note


def streamed(notes: list[Note]) -> Samples:
    """All of a stream."""
    return np.concatenate(list(stream_audio(notes)))


def filed(notes: list[Note], folder: Path) -> NDArray[np.float32]:
    """The same notes from a file; onsets and ends are whole hundredths of a second."""
    import soundfile

    rows = [
        (round(n.onset * 100), round(n.end * 100), n.pitch, n.velocity, n.program, n.drum)
        for n in notes
    ]
    write_audio(Score.build(rows, 50), folder / "song.wav")
    sound: NDArray[np.float32] = soundfile.read(folder / "song.wav", dtype="float32")[0]
    return sound


def strongest(sound: Samples) -> float:
    """The frequency in Hz of which there is most."""
    mono = sound.mean(1) * np.hanning(len(sound))
    return float(np.abs(np.fft.rfft(mono)).argmax() * RATE / len(sound))


# the stream


def test_a_stream_is_the_file_but_for_its_loudness(tmp_path: Path) -> None:
    """Across chunks: a chord held over the first border, and notes in three chunks."""
    chord = [Note(1.51, 4.01, pitch, 60) for pitch in (48, 55, 64)]
    notes = sorted([*chord, *islice(beat(), 17)])
    stream, file = streamed(notes), filed(notes, tmp_path)
    gain = float(np.abs(stream).max() / np.abs(file).max())
    assert stream.dtype == np.float32 and stream.shape == file.shape
    assert 0.1 < np.abs(stream).max() < 0.5, "nothing was pressed together"
    assert np.abs(stream / gain - file).max() < 0.002, "-53 dB of the loudest"


def test_notes_sound_at_their_pitch_and_in_their_place_in_every_chunk() -> None:
    """One of a second in the middle of each of four chunks."""
    hertz = {0.5: 440, 4.0: 880, 9.0: 523.25, 14.0: 659.26}
    sound = streamed(
        [Note(at, at + 1, round(69 + 12 * np.log2(f / 440)), 100, 73) for at, f in hertz.items()]
    )
    for at, frequency in hertz.items():
        here = sound[round((at + 0.1) * RATE) : round((at + 0.9) * RATE)]
        assert strongest(here) == pytest.approx(frequency, rel=0.01)
    for begin, end in ((0, 0.49), (3.6, 3.99), (8.6, 8.99), (13.6, 13.99)):
        assert np.abs(sound[round(begin * RATE) : round(end * RATE)]).max() < 0.003


def test_a_chunk_is_there_as_soon_as_its_notes_are_known() -> None:
    taken: list[Note] = []
    edge = 0.0
    for i, chunk in enumerate(islice(stream_audio(watched(beat(), taken)), 5)):
        assert len(chunk) == (CHUNK if i else FIRST) * RATE
        edge += len(chunk) / RATE
        assert taken[-2].onset < edge <= taken[-1].onset < edge + 0.5


@pytest.mark.parametrize(
    ("end", "lengths"), [(1.5, [2, 1.5]), (1, [2, 1]), (0.01, [2, 0.01]), (11, [2, 5, 5, 1])]
)
def test_the_last_chunk_ends_when_the_last_note_has_died_away(
    end: float, lengths: list[float]
) -> None:
    chunks = list(stream_audio([Note(0, end, 60, 100, 19)]))
    assert [len(chunk) / RATE for chunk in chunks] == pytest.approx(lengths)
    assert sum(lengths) == pytest.approx(end + RING_SECONDS)
    assert np.abs(chunks[-1][-10:]).max() < 1e-3 < np.abs(chunks[0]).max()


def test_of_no_notes_there_is_no_sound() -> None:
    assert list(stream_audio([])) == []


def test_places_are_exact_after_ten_minutes() -> None:
    """In float32, frames are lost after six. A frame earlier, the synthesizer would begin a block
    of 64 earlier."""
    early, late = (FIRST + CHUNK * n + (64 * 800 + 1) / RATE for n in (1, 120))
    chunks = stream_audio([Note(early, early + 0.5, 60, 90), Note(late, late + 0.5, 60, 90)])
    one, other = (chunk for i, chunk in enumerate(chunks) if i in (2, 121))
    assert other.any() and np.array_equal(one[: len(other)], other)


def test_notes_out_of_order_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(AssertionError, match="order of onset"):
        streamed([Note(10, 11, 60, 80), Note(1, 2, 60, 80)])


def test_a_bad_soundfont_is_refused_before_a_note_is_taken(tmp_path: Path) -> None:
    (tmp_path / "bad.sf2").write_text("no sound at all")
    with pytest.raises(UgenError, match=r"bad.sf2: not a SoundFont"):
        stream_audio((pytest.fail("taken") for _ in (1,)), tmp_path / "bad.sf2")


def test_music_is_neither_lost_nor_pressed_flat() -> None:
    """The loudest of the bundled pieces, and a crowd at full volume."""
    piece = read_midi(next(path for path in BUNDLED if path.name == "freedm_d_tense.mid"))
    seconds = [piece.seconds_at(piece.notes[name]).tolist() for name in ("onset", "end")]
    notes = (Note(a, b, *row[2:]) for a, b, row in zip(*seconds, piece.notes.tolist(), strict=True))
    loud = np.abs(np.concatenate(list(islice(stream_audio(notes), 2))))
    assert 0.6 < loud.max() < 1 and (loud > 0.95).mean() < 0.001
    crowd = np.abs(streamed([Note(0, 1, pitch, 127, 46) for pitch in range(36, 84, 3)]))
    assert crowd.max() <= 1


@given(st.lists(st.floats(-100, 100, width=32), min_size=2, max_size=50))
def test_the_limiter_keeps_order_and_sign_and_what_is_soft_and_all_is_in_bounds(
    levels: list[float],
) -> None:
    sound = np.sort(np.array([levels, levels], np.float32), axis=1).T
    out = limited(sound)
    assert out.dtype == np.float32 and np.all(np.diff(out, axis=0) >= -1e-7)
    assert np.abs(out).max() <= 1 and np.array_equal(np.sign(out), np.sign(sound))
    soft = np.abs(sound) <= 0.5
    assert np.array_equal(out[soft], sound[soft]) and np.all(np.abs(out[~soft]) >= 0.5)


def test_the_limiter_has_no_steps_and_no_corner() -> None:
    rising = np.linspace(-3, 3, 60_001, dtype=np.float32)[:, None].repeat(2, 1)
    steps = np.diff(limited(rising), axis=0)
    assert steps.max() < 1.1e-4 and np.abs(np.diff(steps, axis=0)).max() < 1e-6


# the loudspeaker


class Machine:
    """A sound device and a clock: time passes in `sleep` only, and what is handed out meanwhile is
    heard."""

    backend = "simulated"

    def __init__(self) -> None:
        self.now, self.running, self.closed, self.broken = 0.0, False, False, False
        self.heard = bytearray()

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.running and not self.broken:
            frames = round(seconds * RATE)
            given = self.source.send(frames)
            assert len(given) == frames * 8
            self.heard += given

    def start(self, source: Generator[bytes, int, None]) -> None:
        self.source, self.running = source, True

    def close(self) -> None:
        self.running, self.closed = False, True


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """One that plays."""
    simulated = Machine()
    monkeypatch.setattr(loudspeaker, "time", simulated)
    monkeypatch.setattr(miniaudio, "PlaybackDevice", lambda *arguments, **more: simulated)
    return simulated


def test_all_of_a_song_is_heard_sample_by_sample(machine: Machine) -> None:
    notes = list(islice(beat(), 40))
    reports: list[float] = []
    expected = streamed(notes)
    assert play(notes, on_progress=reports.append) == PlaybackStats(len(expected) / RATE, 0, 0.0)
    heard = np.frombuffer(bytes(machine.heard), np.float32).reshape(-1, 2)
    assert np.array_equal(heard[: len(expected)], expected) and not heard[len(expected) :].any()
    assert reports == sorted(reports) and reports[-1] == len(expected) / RATE
    assert 2 < len(reports) / machine.now < 5 and machine.closed


def test_sound_is_made_ahead_but_not_far(machine: Machine) -> None:
    taken: list[Note] = []

    def look(seconds: float) -> None:
        ahead = taken[-1].onset - seconds
        assert ahead < 20.6 and (seconds < 2 or ahead > 14)
        if seconds > 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        play(watched(beat(), taken), on_progress=look)
    assert machine.closed and machine.now < 31


def test_slow_makers_are_waited_for_and_the_silence_is_counted(machine: Machine) -> None:
    """The first 2 s are heard, then 1 s of silence, 5 s of music, 0.5 s of silence, and the
    rest."""

    def slow() -> Iterator[Note | None]:
        yield Note(0, 1, 60, 80)
        yield Note(3, 4, 60, 80)
        for _ in range(30):
            machine.sleep(0.1)
            yield None
        yield Note(8, 9, 60, 80)
        machine.sleep(5.5)

    assert play(slow()) == PlaybackStats(11.0, 2, 1.5)
    heard = np.frombuffer(bytes(machine.heard), np.float32).reshape(-1, 2)
    for begin, end in ((2, 3), (8, 8.5)):
        assert not heard[round(begin * RATE) : round(end * RATE)].any()


def test_time_before_there_is_any_sound_is_no_silence(machine: Machine) -> None:
    def late() -> Iterator[Note]:
        machine.sleep(60)
        yield Note(0, 1, 60, 80)

    assert play(late()) == PlaybackStats(3.0, 0, 0.0)


def test_a_lost_device_is_noticed(machine: Machine) -> None:
    machine.broken = True
    with pytest.raises(UgenError, match="--play: the sound device has taken no sound for 5 s"):
        play(beat())
    assert machine.closed and machine.now < 6


def test_without_notes_nothing_is_played(machine: Machine) -> None:
    assert play([]) == PlaybackStats(0.0, 0, 0.0) and machine.closed and not machine.heard


def test_it_plays_in_real_time_and_stops_at_once() -> None:
    """miniaudio's own device that nobody hears. Progress comes on the thread that asked to play."""
    reports: list[float] = []

    def tell(seconds: float) -> None:
        assert threading.current_thread() is threading.main_thread()
        reports.append(seconds)

    began = time.monotonic()
    result = play([Note(0, 0.1, 60, 80)], on_progress=tell, backend="null")
    took = time.monotonic() - began
    assert result == PlaybackStats(2.1, 0, 0.0) and reports == sorted(reports) and len(reports) > 3
    assert 2.1 < took < 10

    def interrupt(seconds: float) -> None:
        if seconds > 0.5:
            nonlocal began
            began = time.monotonic()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        play(beat(), on_progress=interrupt, backend="null")
    assert time.monotonic() - began < 2


# what is refused


def refused(monkeypatch: pytest.MonkeyPatch, device: object) -> str:
    """What is said of a device, by `check` and by `play`."""
    monkeypatch.setattr(miniaudio, "PlaybackDevice", device)
    with pytest.raises(UgenError) as checked:
        loudspeaker.check(None)
    with pytest.raises(UgenError) as played:
        play(pytest.fail("taken") for _ in (1,))
    assert str(checked.value) == str(played.value)
    return str(checked.value)


def test_no_device_is_one_line_that_names_the_reason_and_a_way_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*arguments: object, **more: object) -> None:
        raise miniaudio.MiniaudioError("failed to init device", -401)

    way_out = "; -o song.wav writes a file instead"
    said = refused(monkeypatch, fails)
    reason = "miniaudio: failed to init device: -401"
    assert said == f"--play: no sound device can be opened here ({reason}){way_out}"
    silent = Machine()
    silent.backend = "Null"  # what miniaudio takes when there is nothing else
    said = refused(monkeypatch, lambda *arguments, **more: silent)
    assert (
        said == f"--play: no sound device can be opened here (there is no sound system){way_out}"
        and silent.closed
    )


def test_a_device_that_does_not_start_is_refused_too(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(source: object) -> None:
        raise miniaudio.MiniaudioError("failed to start audio device", -400)

    monkeypatch.setattr(machine, "start", fails)
    with pytest.raises(UgenError, match=r"--play: no sound device .*failed to start audio device"):
        play(beat())
    assert machine.closed


def said_elsewhere(code: str, **environment: str) -> str:
    """What a process of its own prints that imports the loudspeaker first."""
    code = f"import sys\nfrom ugen.runtime.playback.audio_player import check\n{code}"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | environment
    )
    return done.stdout + done.stderr


TRY = "try:\n    check(None, {})\nexcept Exception as error:\n    print(error)"


def test_alsa_complains_to_nobody_but_us() -> None:
    """It prints a page to standard error, from C; here its configuration is missing on any
    machine."""
    said = said_elsewhere(TRY.format("'alsa'"), ALSA_CONFIG_PATH="/nowhere")
    assert (
        said.startswith("--play: no sound device can be opened here (miniaudio: ")
        and said.count("\n") == 1
    )


def test_a_missing_miniaudio_is_named_and_none_is_loaded_before_it_is_needed() -> None:
    code = "print('miniaudio' in sys.modules, 'midirenderer' in sys.modules)\n"
    code += "sys.modules['miniaudio'] = None\n"
    assert said_elsewhere(code + TRY.format(None)) == (
        "False False\n"
        "this needs miniaudio, which is not installed: pip install 'ugen-music[play]'\n"
    )


def test_check_wants_a_soundfont_as_well(machine: Machine, tmp_path: Path) -> None:
    loudspeaker.check(None)
    with pytest.raises(UgenError, match=r"none.sf2: No such file"):
        loudspeaker.check(tmp_path / "none.sf2")
    with pytest.raises(UgenError, match=r"none.sf2: No such file"):
        play((pytest.fail("taken") for _ in (1,)), tmp_path / "none.sf2")
