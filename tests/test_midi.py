"""MIDI files: everything valid is read, damage never crashes, other programs read what we write."""

from __future__ import annotations

import io
import random
import subprocess
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pretty_midi
import pytest
import symusic
from hypothesis import given
from hypothesis import strategies as st
from odd_files import DOUBTFUL, INVALID, PLAIN, TUNE, VALID, header, note
from odd_files import track as track_chunk
from support import BUNDLED, needs_program, same_notes, scores
from ugen.data import MidiError, Score, UgenError, midi_bytes, read_midi, write_midi
from ugen.data.midi.events import read_texts
from ugen.data.midi.stream_writer import MidiRecorder

HEADER = header()  # format 0, 1 track, 480 ticks per beat


def track(body: str) -> bytes:
    """A track of a hex dump, with an end of track."""
    return track_chunk(bytes.fromhex(body))


def test_every_odd_file_has_the_outcome_that_is_expected_of_it(tmp_path: Path) -> None:
    def outcome(name: str, data: bytes) -> int | str:
        (tmp_path / name).write_bytes(data)
        try:
            return len(read_midi(tmp_path / name).notes)
        except MidiError as error:
            assert str(error).startswith(f"{tmp_path / name}: "), "a message names its file"
            return "error"

    assert len({*VALID, *DOUBTFUL, *INVALID}) == 81
    for name, (notes, data) in VALID.items():
        assert outcome(name, data) == notes, name
    for name, (doubtful, data) in DOUBTFUL.items():
        found = outcome(name, data)
        assert doubtful is None or found in (doubtful, "error"), name
    for name, data in INVALID.items():
        assert outcome(name, data) == "error", name


def test_rules_where_files_leave_room() -> None:
    overlap = read_midi(HEADER + track("00 903c50  60 903c40  60 803c00  60 803c00"))
    assert [(n["onset"], n["end"], n["velocity"]) for n in overlap.notes] == [
        (0, 192, 80),
        (96, 288, 64),
    ]
    nothing_long = read_midi(HEADER + track("00 903c50  00 803c00"))
    assert nothing_long.notes["end"][0] == 1
    hanging = read_midi(HEADER + track("00 903c50  60 903e50  60 803e00"))
    assert hanging.notes["end"].tolist() == [192, 192]
    assert "1 note without an end" in hanging.warnings[0]
    programs = read_midi(
        HEADER + track("00 c005  00 903c50  60 803c00  00 c007  00 903c50  60 803c00")
    )
    assert programs.notes["program"].tolist() == [5, 7]
    drums = read_midi(HEADER + track("00 992450  60 892400"))
    assert drums.notes["drum"].tolist() == [True]


def test_formats_and_time_bases() -> None:
    one = track("00 903c50  60 803c00")
    two_patterns = header(2, 2) + one + one
    assert read_midi(two_patterns).notes["onset"].tolist() == [0, 96], "format 2 is laid end to end"
    # 25 frames per second of 40 ticks: 96 ticks are 96 ms
    smpte = header(division=0xE728) + one
    assert read_midi(smpte).seconds == pytest.approx(0.096)
    riff = (
        b"RIFF"
        + (12 + len(HEADER + one)).to_bytes(4, "little")
        + b"RMIDdata"
        + bytes(4)
        + HEADER
        + one
    )
    assert same_notes(read_midi(riff), read_midi(HEADER + one))


def test_damage_keeps_what_was_read_and_says_so() -> None:
    whole = HEADER + track("00 903c50  60 803c00  00 903e50  60 803e00")
    cut = read_midi(whole[:36])
    assert len(cut.notes) >= 1
    assert any(
        "ends inside an event" in warning or "shorter than its length" in warning
        for warning in cut.warnings
    )
    with pytest.raises(MidiError, match=r"song\.mid: not a MIDI file .*byte 0"):
        read_midi(b"<!DOCTYPE html>", name="song.mid")


def test_tempo_map_gives_seconds() -> None:
    score = Score.build(
        [(960, 1440, 60, 80, 0, False)], 480, tempos=[(480, 1_000_000), (960, 250_000)]
    )
    assert score.seconds_at(np.array([480, 960, 1440])).tolist() == [0.5, 1.5, 1.75]
    assert [score.tick_at(s) for s in (0.5, 1.5, 1.75)] == [480, 960, 1440]


@pytest.mark.parametrize("path", BUNDLED[::4], ids=lambda path: path.stem)
def test_real_music_survives_writing(path: Path) -> None:
    score = read_midi(path)
    again = read_midi(midi_bytes(score))
    assert sorted(again.notes.tolist()) == sorted(score.notes.tolist())
    assert again.seconds == pytest.approx(score.seconds)


# both writers: of a whole score, and of one that is still being made

LONGEST_GAP = 2**28 - 1  # what a variable-length quantity of four bytes holds


def recorded(score: Score, pad_ticks: int = 0, texts: Sequence[str] = ()) -> bytes:
    """A score written note by note."""
    file = io.BytesIO()
    recorder = MidiRecorder(file, score.ticks_per_beat)
    events: list[tuple[int, Callable[..., None], list[Any]]] = []
    events += [(tick, recorder.tempo, [tick, usec]) for tick, usec in score.tempos.tolist()]
    events += [(meter[0], recorder.meter, list(meter)) for meter in score.meters.tolist()]
    events += [(note[0], recorder.note, [list(note)]) for note in score.notes.tolist()]
    for _, write, arguments in sorted(events, key=lambda event: event[0]):
        write(*arguments)
    recorder.save(texts, score.end_tick + pad_ticks)
    return file.getvalue()


writers = pytest.mark.parametrize("write", [midi_bytes, recorded])


@writers
@given(score=scores())
def test_what_is_written_is_read_back(write: Callable[..., bytes], score: Score) -> None:
    again = read_midi(write(score, pad_ticks=20_000))
    assert same_notes(again, score)
    assert again.ticks_per_beat == score.ticks_per_beat
    assert again.tempos.tolist() == score.tempos.tolist()
    assert again.meters.tolist() == score.meters.tolist()
    assert again.warnings == ()


@st.composite
def crowded_scores(draw: st.DrawFn) -> Score:
    """Scores in which equal pitches overlap, dozens of programs and drum kits sound at once, and
    gaps are longer than a delta time can be."""
    tick = st.integers(0, 12) | st.sampled_from([LONGEST_GAP, 5 * LONGEST_GAP + 3])
    length = st.integers(1, 12) | st.sampled_from([LONGEST_GAP - 1, LONGEST_GAP + 1])
    note = st.tuples(
        tick, length, st.integers(60, 62), st.integers(1, 127), st.integers(0, 40), st.booleans()
    ).map(lambda n: (n[0], n[0] + n[1], *n[2:]))
    return Score.build(draw(st.lists(note, max_size=120)), 480)


def exact(score: Score) -> list[tuple[Any, ...]]:
    """All that is known of each note, in an order of its own."""
    return sorted(score.notes.tolist())


@writers
@given(score=crowded_scores())
def test_crowded_scores_are_read_back_exactly(
    write: Callable[[Score], bytes], score: Score
) -> None:
    """A streamed file swapped the ends of overlapping equal pitches, and lost programs from the
    16th on."""
    again = read_midi(write(score))
    assert again.warnings == ()
    assert exact(again) == exact(score)


@writers
def test_every_program_and_drum_kit_can_sound_at_once(write: Callable[[Score], bytes]) -> None:
    notes = [(0, 9, 60, 80, program, drum) for program in range(128) for drum in (False, True)]
    score = Score.build(notes, 480)
    assert exact(read_midi(write(score))) == exact(score)


def test_a_streamed_file_needs_ports_only_for_what_sounds_at_once() -> None:
    """Most programs know no ports."""
    notes = [(9 * n, 9 * n + 12, 60, 80, n % 128, n % 3 == 0) for n in range(200)]
    assert b"\xff\x21" not in recorded(Score.build(notes, 480))
    chord = [(0, 9, 60, 80, program, False) for program in range(16)]
    assert recorded(Score.build(chord, 480)).count(b"\xff\x21") == 3, "to port 1, 0, and 1"


def test_a_streamed_file_has_one_tempo_per_tick_and_none_after_its_end() -> None:
    file = io.BytesIO()
    recorder = MidiRecorder(file, 480)
    for tick, usec in ((0, 600_000), (9, 1), (9, 400_000), (99, 300_000)):
        recorder.tempo(tick, usec)
    recorder.note([9, 20, 60, 80, 0, False])
    recorder.save(end=50)
    assert read_midi(file.getvalue()).tempos.tolist() == [(0, 600_000), (9, 400_000)]
    assert file.getvalue().count(b"\xff\x51") == 2


@writers
@pytest.mark.parametrize("gap", [LONGEST_GAP, LONGEST_GAP + 1, LONGEST_GAP + 2, 2**40])
def test_gaps_of_any_length_are_written_as_valid_delta_times(
    write: Callable[..., bytes], gap: int
) -> None:
    """Gaps of 2**28 ticks and more became quantities of five bytes, at which readers stop."""
    notes = [
        (0, 1, 60, 80, 0, False),
        (gap, gap + 1, 60, 90, 0, False),
        (gap, 2 * gap, 61, 9, 5, 0),
    ]
    data = write(Score.build(notes, 480, tempos=[(gap, 400_000)]), pad_ticks=gap)
    read = read_midi(data)
    assert read.warnings == () and exact(read) == sorted(notes)
    assert read.tempos.tolist() == [(0, 500_000), (gap, 400_000)]
    by_mido = mido.MidiFile(file=io.BytesIO(data))
    ons = []
    for track in by_mido.tracks:
        now = 0
        for message in track:
            now += message.time
            if message.type == "note_on":
                ons.append((now, message.note))
        assert now == 3 * gap, "each track ends where it was asked to"
    assert sorted(ons) == [(0, 60), (gap, 60), (gap, 61)]


@writers
def test_texts_are_written_in_utf_8(write: Callable[..., bytes]) -> None:
    """Any character beyond Latin-1 was a UnicodeEncodeError, or a question mark."""
    data = write(Score.build([(0, 1, 60, 80, 0, False)], 480), texts=["日本", "né"])
    assert read_texts(data, "song.mid") == ["日本", "né"]
    by_mido = mido.MidiFile(file=io.BytesIO(data), charset="utf-8").tracks[0]
    assert [event.text for event in by_mido if event.type == "text"] == ["日本", "né"]


@given(st.binary(max_size=200))
def test_arbitrary_tracks_never_crash_the_reader(body: bytes) -> None:
    score = read_midi(HEADER + b"MTrk" + len(body).to_bytes(4, "big") + body)
    assert (score.notes["end"] > score.notes["onset"]).all()
    assert len(score.notes) <= len(body)


def test_mutations_of_real_files_never_crash_the_reader() -> None:
    chance = random.Random(5)
    outcomes: Counter[str] = Counter()
    for path in BUNDLED[::10]:
        original = path.read_bytes()[:20_000]
        for _ in range(20):
            data = bytearray(original)
            for _ in range(chance.choice([1, 10, 100])):
                data[chance.randrange(len(data))] = chance.randrange(256)
            try:
                tracemalloc.start()
                score = read_midi(bytes(data[: chance.randrange(len(data))]))
                peak = tracemalloc.get_traced_memory()[1]
                assert peak < 300 * len(data) + 2**20, (
                    "memory in proportion, whatever sizes the file claims"
                )
                outcomes["read"] += 1
                assert (score.notes["end"] > score.notes["onset"]).all()
            except MidiError:
                outcomes["refused"] += 1
            finally:
                tracemalloc.stop()
    assert outcomes["read"] > 100, outcomes


def _midicsv_notes(path: Path) -> list[tuple[int, int]]:
    """(tick, pitch) of every note that Debian's midicsv prints. Output is cut: it can print without
    end."""
    needs_program("midicsv")
    text = subprocess.run(
        ["midicsv", str(path)], capture_output=True, timeout=30, check=True
    ).stdout[: 1 << 24]
    rows = [line.split(", ") for line in text.decode("latin-1").splitlines()]
    return sorted(
        (int(r[1]), int(r[4])) for r in rows if len(r) > 5 and r[2] == "Note_on_c" and int(r[5]) > 0
    )


@writers
@pytest.mark.parametrize("path", BUNDLED[::13], ids=lambda path: path.stem)
def test_other_programs_read_what_we_write(
    path: Path, tmp_path: Path, write: Callable[[Score], bytes]
) -> None:
    score = read_midi(path)
    written = tmp_path / "song.mid"
    written.write_bytes(write(score))
    ours = sorted((int(n["onset"]), int(n["pitch"])) for n in score.notes)
    assert _midicsv_notes(written) == ours
    by_symusic = symusic.Score(str(written))
    assert sorted((n.time, n.pitch) for t in by_symusic.tracks for n in t.notes) == ours
    by_pretty = pretty_midi.PrettyMIDI(str(written))
    seconds = sorted((round(n.start, 4), n.pitch) for i in by_pretty.instruments for n in i.notes)
    mine = sorted(
        zip(
            score.seconds_at(score.notes["onset"]).round(4),
            score.notes["pitch"].tolist(),
            strict=True,
        )
    )
    assert len(seconds) == len(mine)
    np.testing.assert_allclose(np.array(seconds), np.array(mine), atol=2e-3)


@writers
def test_what_is_written_are_the_bytes_of_mido_messages(write: Callable[..., bytes]) -> None:
    """The light runtime is made of a few libraries, and no longer used this one."""
    notes = [(0, 9, 60, 80, program, drum) for program in range(20) for drum in (False, True)]
    data = write(Score.build(notes, 480, [(3, 400_000)], [(5, 7, 64)]), texts=["né"])
    by_mido = mido.MidiFile(file=io.BytesIO(data))
    again = io.BytesIO()
    by_mido.save(file=again)
    assert again.getvalue() == data
    kinds = {message.type for track in by_mido.tracks for message in track}
    assert {"text", "set_tempo", "time_signature", "midi_port", "program_change"} < kinds


@pytest.mark.parametrize("path", BUNDLED[::5], ids=lambda path: path.stem)
def test_symusic_reads_the_same_of_undamaged_files(path: Path) -> None:
    score, other = read_midi(path), symusic.Score(str(path))
    ours = [(n["onset"], n["end"] - n["onset"], n["pitch"], n["velocity"]) for n in score.notes]
    theirs = [
        (n.time, max(n.duration, 1), n.pitch, n.velocity) for t in other.tracks for n in t.notes
    ]
    assert sorted(tuple(map(int, note)) for note in ours) == sorted(theirs)


@pytest.mark.parametrize("place", range(14, 100))
@pytest.mark.parametrize("insert", [None, 0x07, 0x85])
def test_a_byte_lost_or_added_in_a_track_costs_no_other_track(
    place: int, insert: int | None
) -> None:
    tracks = [track_chunk(note(40)), track_chunk(note(60)), track_chunk(note(80))]
    whole = header(1, 3) + b"".join(tracks)
    place = min(place, len(whole) - 1)
    added = b"" if insert is None else bytes([insert])
    damaged = whole[:place] + added + whole[place + (insert is None) :]
    pitches = read_midi(damaged).notes["pitch"].tolist()
    assert len({40, 60, 80} & set(pitches)) >= 2


def test_writing_never_leaves_half_a_file(tmp_path: Path) -> None:
    score = Score.build([(0, 10, 60, 80, 0, False)], 480)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UgenError, match=r"file/song\.mid: cannot be written"):
        write_midi(score, tmp_path / "file" / "song.mid")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_reader_has_no_hidden_imports() -> None:
    code = (
        "import sys; from ugen.data import midi_bytes, read_midi\n"
        "assert not {'mido', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_sustain_pedal_holds_notes_until_it_is_lifted_or_they_are_struck_again() -> None:
    """Pedal down at 10, lifted at 100 (0x64). C ends at 20, is struck again at 50; E ends at 60, G
    at 110."""
    body = (
        "00 903c50  00 904050  00 904350  0a b0407f  0a 803c00  1e 903c50"
        "05 803c00  05 804000  28 b04000  0a 804300"
    )
    plain, held = (read_midi(HEADER + track(body), sustain=sustain) for sustain in (False, True))
    assert [(n["onset"], n["end"], n["pitch"]) for n in plain.notes] == [
        (0, 20, 60),
        (0, 60, 64),
        (0, 110, 67),
        (50, 55, 60),
    ]
    assert [(n["onset"], n["end"], n["pitch"]) for n in held.notes] == [
        (0, 50, 60),
        (0, 100, 64),
        (0, 110, 67),
        (50, 100, 60),
    ]
    never_lifted = read_midi(
        HEADER + track("00 b0407f  00 903c50  0a 803c00  10 903e50  10 803e00"), sustain=True
    )
    assert never_lifted.notes["end"].tolist() == [42, 42]
    on_another_channel = read_midi(
        HEADER + track("00 b1407f  00 903c50  0a 803c00  10 903e50  10 803e00"), sustain=True
    )
    assert on_another_channel.notes["end"].tolist() == [10, 42]


# damage in the wild, and what it means all the same

TUNE_TRACK = track_chunk(TUNE)


def rows_of(data: bytes, **options: bool) -> list[tuple[int, ...]]:
    """Onset, end, pitch and program of each note of a file."""
    notes = read_midi(data, **options).notes
    return [(int(n["onset"]), int(n["end"]), int(n["pitch"]), int(n["program"])) for n in notes]


def of_body(body: str, **options: bool) -> list[tuple[int, ...]]:
    """The notes of a track, given in hex."""
    return rows_of(HEADER + track(body), **options)


@pytest.mark.parametrize(
    "data",
    [
        b"\0" + PLAIN,
        b"\r\n\r\n" + PLAIN,
        bytes(128) + PLAIN + bytes(50),
        PLAIN[:7] + b"\x08" + PLAIN[8:],
        PLAIN[:7] + b"\x0a" + PLAIN[8:],
        PLAIN[:7] + b"\x04" + PLAIN[8:],
        PLAIN[:7] + b"\xff" + PLAIN[8:],
        header(1, 2)
        + b"MTrk\0\0\0\x0e"
        + bytes.fromhex("00ff0109")
        + b"a song"
        + b"\0\xff\x2f\0"
        + TUNE_TRACK,
        header(1, 2) + track_chunk(b"\0\xff\1\6a song", length=500) + TUNE_TRACK,
        header(1, 2) + track_chunk(b"\0\xff\1\6a song", length=3) + TUNE_TRACK,
        header(1, 2) + track_chunk(b"\0\xff\1\6a song") + b"stray" + TUNE_TRACK,
        header(1, 2) + track_chunk(TUNE[:0]) + b"\0" + TUNE_TRACK,
        header() + track_chunk(TUNE, length=9),
        header() + track_chunk(TUNE, length=0x7FFFFFFF),
        header() + track_chunk(bytes.fromhex("00 ff2f00") + TUNE),
        header() + track_chunk(bytes.fromhex("00 ff5103ffffff 60 ff2f00") + TUNE + bytes(9)),
    ],
)
def test_a_lost_byte_or_a_wrong_length_costs_no_later_music(data: bytes) -> None:
    """Tracks after a length that was wrong by a byte were lost, and songs behind an End of Track,
    or with bytes before their header."""
    score = read_midi(data)
    assert score.notes["pitch"].tolist() == [60, 62, 64, 65, 67, 69, 71, 72]
    assert score.warnings


def test_data_bytes_over_127_cost_one_note_at_most() -> None:
    """They ended the track."""
    assert of_body("00 903cff  60 803cff  00 90bc50  00 903e50  60 80bc00  00 803e00") == [
        (0, 96, 60, 0),
        (96, 192, 62, 0),
    ]
    loud = read_midi(HEADER + track("00 903c81 60 803c00 00 903e82 60 3e00"))
    assert loud.notes["velocity"].tolist() == [127, 127]
    assert loud.warnings == ("track 1: a velocity over 127, read as 127 (2 times)",)


@pytest.mark.parametrize(
    "between", ["f00143", "f7022140", "f8", "fe", "fa", "f6", "f20101", "ff0100"]
)
def test_only_a_status_byte_of_a_channel_changes_the_running_status(between: str) -> None:
    """The rest of the track was lost."""
    assert of_body(f"00 903c50  60 {between}  00 3c00  00 3e50  60 3e00") == [
        (0, 96, 60, 0),
        (96, 192, 62, 0),
    ]


def test_times_are_padded_with_any_number_of_bytes() -> None:
    """More than four were damage."""
    assert of_body("8080808000 903c50  8080808060 803c00") == [(0, 96, 60, 0)]
    assert "more than 4 bytes" in read_midi(HEADER + track("9080808000 903c50")).warnings[0]


ON, OFF = "903c50", "803c00"


def test_one_missing_note_off_costs_no_later_note_its_length() -> None:
    """Every later note of the pitch took the next one's end."""
    lost = of_body(f"00 {ON} 60 {OFF} 00 {ON} 60 {ON} 30 {OFF} 00 {ON} 30 {OFF}")
    assert [row[:2] for row in lost] == [(0, 96), (96, 192), (192, 240), (240, 288)]
    balanced = of_body(f"00 {ON} 10 {ON} 10 {OFF} 10 {OFF} 00 {ON} 60 {ON} 10 {OFF}")
    assert [row[:2] for row in balanced] == [(0, 32), (16, 48), (48, 144), (144, 160)]
    doubled = of_body(f"00 {ON} 10 {ON} 00 {ON} 10 {OFF} 00 {OFF}")
    assert [row[:2] for row in doubled] == [(0, 16), (16, 32), (16, 32)]


def test_a_note_whose_off_comes_before_its_on_has_no_length() -> None:
    """It took the next note's end, and all later ones theirs."""
    once = of_body(f"00 {OFF} 00 {ON} 60 {ON} 30 {OFF} 00 {ON} 30 {OFF}")
    assert [row[:2] for row in once] == [(0, 1), (96, 144), (144, 192)]
    often = of_body(f"00 {OFF} 00 {ON} 60 {OFF} 00 {ON} 60 {ON} 30 {OFF} 30 {OFF} 00 {ON}")
    assert [row[:2] for row in often] == [(0, 1), (96, 97), (192, 240), (288, 289)]
    repeated = of_body(f"00 {OFF} 00 {ON} 60 {OFF} 00 {ON} 60 {OFF}")
    assert [row[:2] for row in repeated] == [(0, 96), (96, 192)]


def test_a_stuck_note_ends_with_the_music() -> None:
    """It lasted until an end of track hours away."""
    stuck = read_midi(HEADER + track("00 903050 00 903c50 60 803c00 ffffff7f ff0100"))
    assert stuck.notes["end"].tolist() == [96, 96]
    assert "1 note without an end" in stuck.warnings[0]
    alone = of_body("00 903c50 ffffff7f ff0100")
    assert alone == [(0, 4 * 480, 60, 0)], "a bar where nothing follows"


@pytest.mark.parametrize("control", ["7b", "78"])
def test_all_notes_off_ends_the_notes_of_its_channel(control: str) -> None:
    body = f"00 903c50 00 913c50 60 b0{control}00 60 803c00 00 813c00"
    assert [row[:2] for row in of_body(body)] == [(0, 96), (0, 192)]
    assert of_body(f"00 903c50 00 b0{control}00 60 803c00") == [(0, 96, 60, 0)], "struck just now"


def test_programs_hold_in_their_order_within_a_tick() -> None:
    """The last of a tick held for all of its notes."""
    assert of_body("00 c005 00 903c50 00 c007 00 903e50 60 803c00 00 803e00") == [
        (0, 96, 60, 5),
        (0, 96, 62, 7),
    ]


def test_tracks_that_share_a_channel_keep_programs_of_their_own() -> None:
    """One track's program held for all."""
    note = "00 903c50 60 803c00"
    tracks = [track(f"00 c005 {note}"), track(f"00 c007 {note}"), track(note)]
    data = header(1, 3) + b"".join(tracks)
    assert sorted(row[3] for row in rows_of(data)) == [5, 7, 7]


def test_a_port_named_after_the_program_holds_for_it() -> None:
    """Notation programs write it so, and the programs were lost."""
    note = "00 903c50 60 803c00"
    tracks = [track(f"00 c0{n:02x} 00 b00764 00 ff2101{n:02x} {note}") for n in (1, 2)]
    data = header(1, 3) + b"".join(tracks) + track(f"00 ff210101 {note}")
    assert sorted(row[3] for row in rows_of(data)) == [1, 1, 2]


def test_ends_are_paired_by_port() -> None:
    body = "00 ff210100 00 903c50 00 ff210101 00 903c50 60 803c00 00 ff210100 60 803c00"
    assert [row[:2] for row in of_body(body)] == [(0, 96), (0, 192)]


XG_ON, GS_RESET = "00 f00843104c00007e00f7", "00 f00a41104212 40007f 0041f7"
HIT = "00 903c50 60 803c00 00 993c50 60 893c00"


@pytest.mark.parametrize(
    ("events", "drums"),
    [
        ("", [False, True]),
        ("00 b0007f 00 c000", [False, True]),
        (f"{XG_ON} 00 b0007f 00 c000", [True, True]),
        (f"{XG_ON} 00 b0007e 00 c000", [True, True]),
        (f"{XG_ON} 00 b90000 00 c900", [False, True]),
        (f"{XG_ON} 00 f00843104c08000702f7", [True, True]),
        (f"{XG_ON} 00 f00843104c08090700f7", [False, False]),
        (f"00 b0007f {XG_ON}", [True, True]),  # on one tick, the order of tracks decides nothing
        (f"00 b0007f 60 {XG_ON[3:]}", [False, True]),
        ("00 f00a41104212 401115 0119f7", [True, True]),
        ("00 f00a41104212 401015 001bf7", [False, False]),
        ("00 f0057e7f0903f7 00 b00078", [True, True]),
        ("00 f0057e7f0903f7 00 b90079", [False, False]),
        ("00 b00078", [True, True]),
        (f"{GS_RESET} 00 b00078", [False, True]),
        (f"{XG_ON} 00 b0007f 00 f0057e7f0901f7", [False, True]),
    ],
)
def test_drums_are_where_xg_gs_and_gm2_put_them(events: str, drums: list[bool]) -> None:
    """They were what stands on channel 10."""
    score = read_midi(HEADER + track(f"{events} {HIT}"))
    assert score.notes["drum"].tolist() == drums


def test_the_pedal_holds_what_is_let_go_after_it_went_down() -> None:
    """On one tick the pedal always came first: at each change of it, notes rang a bar too long."""
    off_first = "00 903c50 60 803c00 00 b0407f 60 b04000 00 903e50 01 803e00"
    assert of_body(off_first, sustain=True)[0] == (0, 96, 60, 0)
    down_first = "00 903c50 60 b0407f 00 803c00 60 b04000"
    assert of_body(down_first, sustain=True) == [(0, 192, 60, 0)]
    changed = "00 b0407f 00 903c50 60 803c00 00 b04000 00 b0407f 60 b04000"
    assert of_body(changed, sustain=True) == [(0, 96, 60, 0)]


def test_29_frames_stand_for_30_in_a_little_more_than_a_second() -> None:
    data = header(division=0xE328) + track("00 903c50 8960 803c00")  # 40 ticks a frame, 1,248 ticks
    assert read_midi(data).seconds == pytest.approx(1248 / 40 / (30 / 1.001))


def test_a_warning_stands_once_however_often_it_is_deserved() -> None:
    """A megabyte of such events made a manifest of 33."""
    score = read_midi(header(1, 99) + track("00 f1 00" * 1000) + track("00 ff5100") * 98)
    assert len(score.warnings) == 13 and score.warnings[-1].endswith(" more")
    assert "(1,000 times)" in score.warnings[0]


def test_many_notes_on_one_key_take_no_time_with_their_square() -> None:
    """Twenty thousand took 6 s to write, and over a minute to play."""
    notes = [(i, i + 5_000, 60, 80, 0, False) for i in range(5_000)]
    score = Score.build(notes, 480)
    began = time.process_time()
    data = midi_bytes(score)
    assert exact(read_midi(data)) == exact(score)
    assert time.process_time() - began < 5
