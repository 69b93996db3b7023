"""Sound files: SoX opens them; their length, level and pitch; what is refused."""

from __future__ import annotations

import platform
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support import BUNDLED, needs_program, ugen_data
from ugen.data import Score, UgenError, midi_bytes, read_midi
from ugen.data.render.audio import FORMATS, write_audio
from ugen.data.render.synthesizer import RATE, RING_SECONDS

PEAK = 10 ** (-1 / 20)  # -1 dBFS
# onset and end in seconds, pitch, velocity, program, drum
Note = tuple[float, float, int, int, int, bool]


def score(*notes: Note) -> Score:
    """A score at 120 bpm from notes in seconds."""
    return Score.build([(round(a * 960), round(b * 960), *rest) for a, b, *rest in notes], 480)


def decoded(path: Path) -> NDArray[np.float32]:
    """What SoX reads of a file, float32 [n, 2], after a check that it need not convert rate or
    channels."""
    needs_program("sox")
    for flag, expected in (("-r", RATE), ("-c", 2)):
        assert (
            int(subprocess.run(["soxi", flag, path], capture_output=True, check=True).stdout)
            == expected
        )
    raw = subprocess.run(["sox", path, "-t", "f32", "-"], capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.float32).reshape(-1, 2)


def played(folder: Path, *notes: Note) -> NDArray[np.float32]:
    """Notes as they come back from a WAV file."""
    write_audio(score(*notes), folder / "played.wav")
    return decoded(folder / "played.wav")


def part(sound: NDArray[np.float32], begin: float, end: float) -> NDArray[np.float32]:
    """A sound between two times in seconds."""
    return sound[round(begin * RATE) : round(end * RATE)]


def level(sound: NDArray[np.float32]) -> float:
    """The RMS of a sound."""
    return float(np.sqrt(np.mean(np.square(sound))))


def spectrum(sound: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Frequencies in Hz and the strength at each."""
    mono = sound.mean(1) * np.hanning(len(sound))
    return np.fft.rfftfreq(1 << 18, 1 / RATE), np.abs(np.fft.rfft(mono, 1 << 18))


def fundamental(sound: NDArray[np.float32], near: float) -> float:
    """The strongest frequency within two semitones, which must be 3 times its surroundings."""
    frequency, strength = spectrum(sound)
    close = np.abs(np.log2(frequency.clip(1) / near)) < 2 / 12
    assert strength[close].max() > 3 * np.median(strength[close])
    return float(frequency[close][strength[close].argmax()])


def alike(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """The similarity of two sounds' spectra, in bands of about a semitone: 0 to 1."""
    bands = np.geomspace(50, 12_000, 96)
    a, b = (_bands(sound, bands) for sound in (one, other))
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def _bands(sound: NDArray[np.float32], bands: NDArray[np.float64]) -> NDArray[np.float64]:
    frequency, strength = spectrum(sound)
    return np.histogram(frequency, bands, weights=strength)[0]


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_opens_elsewhere_and_lasts_sounds_and_peaks_as_promised(
    tmp_path: Path, kind: str
) -> None:
    piece = read_midi(BUNDLED[-4])
    piece = piece.until(piece.tick_at(30))
    progress: list[float] = []
    write_audio(piece, tmp_path / f"song{kind}", on_progress=progress.append)
    sound = decoded(tmp_path / f"song{kind}")
    # MP3 pads to whole frames
    assert piece.seconds < len(sound) / RATE < piece.seconds + RING_SECONDS + 0.1
    assert level(part(sound, 0, 30)) > 0.02
    assert 0.9 * PEAK < np.abs(sound).max() < (PEAK + 1e-3 if kind in (".wav", ".flac") else 0.99)
    assert np.abs(sound[-10:]).max() < 1e-3, "it ends in silence"
    assert progress == sorted(progress) and abs(progress[-1] - piece.seconds - RING_SECONDS) < 1e-3
    assert [path.name for path in tmp_path.iterdir()] == [f"song{kind}"]


@pytest.mark.parametrize("program", [0, 19, 40, 56, 73])
def test_notes_sound_at_their_pitch(tmp_path: Path, program: int) -> None:
    """symusic 0.5.8 is a semitone off for some of these."""
    sound = played(
        tmp_path,
        *[(2.0 * i, 2.0 * i + 1.5, pitch, 100, program, False) for i, pitch in enumerate((57, 69))],
    )
    for i, hertz in enumerate((220, 440)):
        assert fundamental(part(sound, 2 * i + 0.1, 2 * i + 1.4), hertz) == pytest.approx(
            hertz, rel=0.01
        )


def test_two_notes_at_once_are_both_heard(tmp_path: Path) -> None:
    sound = played(tmp_path, (0, 2, 60, 100, 19, False), (0, 2, 67, 100, 19, False))
    for pitch in (60, 67):
        hertz = 440 * 2 ** ((pitch - 69) / 12)
        assert fundamental(part(sound, 0.1, 1.9), hertz) == pytest.approx(hertz, rel=0.01)


def test_drums_sound_however_short_and_each_its_own_way(tmp_path: Path) -> None:
    kick, hat = (played(tmp_path, (0, 1 / 96, pitch, 100, 0, True)) for pitch in (36, 42))
    centre = [
        np.average(frequency, weights=strength)
        for frequency, strength in map(spectrum, (kick, hat))
    ]
    assert min(level(part(kick, 0, 0.1)), level(part(hat, 0, 0.1))) > 0.01
    assert centre[1] > 2 * centre[0]


def test_programs_sound_different_and_as_many_as_there_are(tmp_path: Path) -> None:
    """MIDI has 16 channels; the 17th program of a piece must not take over another's."""
    programs = range(0, 95, 5)
    many = played(tmp_path, *[(i, i + 0.5, 60, 100, p, False) for i, p in enumerate(programs)])
    tried = (0, 1, 2, 3, 15, 16, 17, 18)
    alone = [part(played(tmp_path, (0, 0.5, 60, 100, programs[i], False)), 0, 0.5) for i in tried]
    for sound, i in zip(alone, tried, strict=True):
        assert alike(part(many, i, i + 0.5), sound) > 0.95, f"program {programs[i]}"
    assert max(alike(alone[i], alone[i + 4]) for i in range(4)) < 0.9


def test_a_key_struck_again_while_it_sounds_goes_on_until_its_own_end(tmp_path: Path) -> None:
    """On one channel the end of the first note would silence both."""
    sound = played(tmp_path, (0, 1, 60, 100, 19, False), (0.5, 4, 60, 100, 19, False))
    assert level(part(sound, 3, 3.8)) > 0.3 * level(part(sound, 0.1, 0.9))


def test_onsets_are_in_time_and_notes_go_on_where_pieces_meet(tmp_path: Path) -> None:
    """Twenty seconds are played at a time."""
    sound = played(tmp_path, (18, 22, 60, 100, 19, False), (40.5, 41, 60, 100, 0, False))
    steady = [level(part(sound, t, t + 0.5)) for t in (18.5, 19.5, 20, 21)]
    assert max(steady) < 1.3 * min(steady)
    heard = np.flatnonzero(np.abs(part(sound, 30, 43)).max(1) > 0.01)[0] / RATE + 30
    assert heard == pytest.approx(40.5, abs=0.02)
    assert np.abs(part(sound, 30, 40.4)).max() < 1e-3


@pytest.mark.parametrize("pitches", [range(36, 84, 3), range(36, 96)])
def test_a_crowd_at_full_volume_does_not_clip(tmp_path: Path, pitches: range) -> None:
    """The sum exceeds the synthesizer's 16 bits, yet no peak is flat."""
    sound = played(tmp_path, *[(0, 1, pitch, 127, 46, False) for pitch in pitches])
    assert np.abs(sound).max() == pytest.approx(PEAK, abs=1e-3)
    for side in sound.T:
        assert (np.abs(side) > 0.999 * PEAK).sum() < 4


def test_more_notes_than_the_synthesizer_has_voices_are_all_heard(tmp_path: Path) -> None:
    """It has 64, and takes the oldest note's for the newest."""
    crowd = [
        (0.1, 2, pitch, 40, program, False) for pitch in range(24, 54) for program in (32, 33, 38)
    ]
    sound = played(tmp_path, (0, 2, 108, 127, 73, False), *crowd)
    assert fundamental(part(sound, 1, 1.9), 4186) == pytest.approx(4186, rel=0.01)


def test_what_rings_longer_than_two_seconds_fades(tmp_path: Path) -> None:
    sound = played(
        tmp_path, *[(0, 0.5, pitch, 127, 96, False) for pitch in (36, 48, 60, 64, 67, 72)]
    )
    assert level(part(sound, 2, 2.25)) > 0.01
    assert np.abs(sound[-10:]).max() < 1e-3


def test_soft_notes_are_heard(tmp_path: Path) -> None:
    assert level(played(tmp_path, (0, 1, 60, 1, 0, False))) > 0.01


def test_without_notes_there_is_silence_of_the_asked_length_or_an_error(tmp_path: Path) -> None:
    write_audio(score(), tmp_path / "silence.wav", seconds=3)
    assert (
        decoded(tmp_path / "silence.wav").shape == (3 * RATE, 2)
        and not decoded(tmp_path / "silence.wav").any()
    )
    with pytest.raises(UgenError, match=r"none.wav: there are no notes to play"):
        write_audio(score(), tmp_path / "none.wav")


@pytest.mark.parametrize(("seconds", "length"), [(3, 5), (11, 12), (20, 20)])
def test_an_asked_length_cuts_or_fills_up(tmp_path: Path, seconds: float, length: float) -> None:
    write_audio(
        score((0, 1, 60, 100, 0, False), (2, 10, 60, 100, 19, False)),
        tmp_path / "a.wav",
        seconds=seconds,
    )
    sound = decoded(tmp_path / "a.wav")
    assert len(sound) / RATE == pytest.approx(length, abs=1e-3)
    assert level(part(sound, 2.2, 2.8)) > 0.01
    assert seconds != 3 or level(part(sound, 4, 5)) < 0.2 * level(part(sound, 2.2, 2.8))


def test_vorbis_of_some_minutes_does_not_crash(tmp_path: Path) -> None:
    """libsndfile overflows its stack, which ends the process, on two minutes in one call."""
    write_audio(
        score((0, 1, 60, 100, 0, False), (290, 300, 60, 100, 0, False)), tmp_path / "long.ogg"
    )
    assert len(decoded(tmp_path / "long.ogg")) / RATE == pytest.approx(302, abs=0.1)


# what is refused


def soundfont() -> Path:
    """The default SoundFont."""
    spec = find_spec("pretty_midi")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).with_name("TimGM6mb.sf2")


def test_another_soundfont_plays(tmp_path: Path) -> None:
    """The default one with all samples replaced by a buzz, in which no pitch is left."""
    data = bytearray(soundfont().read_bytes())
    begin = data.index(b"smpl") + 8
    length = int.from_bytes(data[begin - 4 : begin], "little")
    data[begin : begin + length] = (
        (np.arange(length // 2) // 20 % 2 * 16_000 - 8_000).astype("<i2").tobytes()
    )
    (tmp_path / "buzz.sf2").write_bytes(data)
    piece = score((0, 2, 69, 100, 73, False))
    write_audio(piece, tmp_path / "buzz.wav", tmp_path / "buzz.sf2")
    assert alike(decoded(tmp_path / "buzz.wav"), played(tmp_path, (0, 2, 69, 100, 73, False))) < 0.9


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("none.sf2", None, "none.sf2: No such file"),
        ("text.sf2", lambda data: b"no sound at all", "text.sf2: not a SoundFont"),
        ("empty.sf2", lambda data: b"", "empty.sf2: not a SoundFont"),
        ("half.sf2", lambda data: data[: len(data) // 2], "half.sf2: the SoundFont is cut short"),
        ("mad.sf2", lambda data: data[:100] + bytes(len(data) - 100), "mad.sf2: damaged SoundFont"),
        ("wrong.sf2", lambda data: data.replace(b"inst", b"tsni"), "wrong.sf2: damaged SoundFont"),
    ],
)
def test_a_soundfont_that_is_none_is_named_in_one_line(
    tmp_path: Path, name: str, damage, message: str
) -> None:
    if damage is not None:
        (tmp_path / name).write_bytes(damage(soundfont().read_bytes()))
    done = ugen_data("convert", BUNDLED[0], tmp_path / "song.wav", "--soundfont", tmp_path / name)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and message in done.stderr
    assert not (tmp_path / "song.wav").exists()


def test_damage_that_the_synthesizer_trips_over_is_an_error_of_ours(tmp_path: Path) -> None:
    """Its own mistakes are exceptions that `except Exception` does not catch."""
    data = bytearray(soundfont().read_bytes())
    at = data.index(b"shdr") + 8
    # every sample begins and ends far beyond the last
    for i in range(at + 20, len(data) - 46, 46):
        data[i : i + 8] = (0x7FFFFF00).to_bytes(4, "little") + (0x7FFFFFF0).to_bytes(4, "little")
    (tmp_path / "beyond.sf2").write_bytes(data)
    with pytest.raises(UgenError, match=r"beyond.sf2: damaged SoundFont"):
        write_audio(score((0, 1, 60, 100, 0, False)), tmp_path / "a.wav", tmp_path / "beyond.sf2")
    assert not (tmp_path / "a.wav").exists()


@pytest.mark.parametrize(
    ("name", "seconds", "message"),
    [
        ("a.aac", None, r"a.aac: the name must end in one of .wav, .flac, .ogg, .mp3"),
        ("a.wav", 0.0, r"a.wav: the length must be above 0 s, not 0"),
        ("a.wav", float("nan"), r"a.wav: the length must be above 0 s, not nan"),
        ("a.wav", 1e9, r"a.wav: 1000000000 s are too long for a sound file"),
    ],
)
def test_what_cannot_be_a_sound_file_is_refused(
    tmp_path: Path, name: str, seconds: float | None, message: str
) -> None:
    with pytest.raises(UgenError, match=message):
        write_audio(score((0, 1, 60, 100, 0, False)), tmp_path / name, seconds=seconds)
    assert not list(tmp_path.iterdir())


def test_failing_half_way_leaves_nothing_and_the_old_file_stands(tmp_path: Path) -> None:
    def interrupt(seconds: float) -> None:
        if seconds > 25:
            raise KeyboardInterrupt

    (tmp_path / "song.mp3").write_bytes(b"the old one")
    with pytest.raises(KeyboardInterrupt):
        write_audio(score((0, 60, 60, 100, 0, False)), tmp_path / "song.mp3", on_progress=interrupt)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"the old one"]
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UgenError, match="cannot be written"):
        write_audio(score((0, 1, 60, 100, 0, False)), tmp_path / "file" / "song.mp3")


@pytest.mark.parametrize(
    ("missing", "machine", "message"),
    [
        (
            "midirenderer",
            "x86_64",
            "this needs midirenderer, which is not installed: pip install 'ugen-music[audio]'",
        ),
        (
            "soundfile",
            "x86_64",
            "this needs soundfile, which is not installed: pip install 'ugen-music[audio]'",
        ),
        (
            "pretty_midi",
            "x86_64",
            "pretty_midi's SoundFont, which is not installed: pip install 'ugen-music[audio]'",
        ),
        (
            "midirenderer",
            "aarch64",
            "this needs midirenderer, which is not built for .* on aarch64",
        ),
    ],
)
def test_what_is_missing_is_named(
    tmp_path, monkeypatch, missing: str, machine: str, message: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    with pytest.raises(UgenError, match=message.replace("[", r"\[")):
        write_audio(score((0, 1, 60, 100, 0, False)), tmp_path / "a.wav")


def test_nothing_of_it_is_loaded_before_it_is_needed() -> None:
    code = (
        "import sys, ugen.data.render.audio, ugen.data.render.convert, ugen.data.cli.main\n"
        "assert not {'midirenderer', 'soundfile', 'pretty_midi', 'cffi'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# the command


def test_the_command_says_what_played_and_its_licence(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.mid").write_bytes(midi_bytes(score((0, 1, 60, 100, 0, False))))
    done = ugen_data("convert", tmp_path / "in" / "a.mid", tmp_path / "a.mp3")
    assert (
        done.returncode == 0
        and "a.mp3: written, played by TimGM6mb.sf2 (Tim Brechbill, GPL-2)" in done.stdout
    )
    done = ugen_data(
        "convert", tmp_path / "in", tmp_path / "out", "--to", ".flac", "--soundfont", soundfont()
    )
    assert done.returncode == 0 and "1 files written, played by TimGM6mb.sf2\n" in done.stdout
    assert len(decoded(tmp_path / "out" / "a.flac")) == 3 * RATE
    done = ugen_data(
        "convert", tmp_path / "in" / "a.mid", tmp_path / "a.png", "--soundfont", soundfont()
    )
    assert done.returncode == 2 and "--soundfont: goes with sound files" in done.stderr
    done = ugen_data("convert", tmp_path / "a.mp3", tmp_path / "b.mid")
    assert (
        done.returncode == 2
        and "a.mp3: cannot read .mp3" in done.stderr
        and done.stderr.count("\n") == 1
    )
