"""The midicsv text format: the rows of Debian's midicsv, the events of its csvmidi, and errors that
name a line."""

from __future__ import annotations

import random
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from odd_files import DOUBTFUL, VALID, header
from support import BUNDLED, needs_program, same_notes
from ugen.data import MidiError, Score, UgenError, read_midi
from ugen.data.midi.messages import EVENTS
from ugen.data.midi.midicsv import csv_to_midi, midi_to_csv

HEADER = header()  # format 0, 1 track, 480 ticks per beat
PIECES = BUNDLED[::9]
# by midicsv, which reads nothing but tracks after 14 bytes of header; all have the same tune
REFUSED = {
    "ok_alien_chunk.mid": "a chunk that is no track",
    "ok_header_len8.mid": "a header of 8 bytes",
    "ok_rmi_wrapper.rmi": "a RIFF wrapper",
}
EVERY_KIND = r"""
0, 0, Header, 1, 2, 480
1, 0, Start_track
1, 0, Sequence_number, 258
1, 0, SMPTE_offset, 1, 2, 3, 4, 5
1, 0, Text_t, "one"
1, 0, Copyright_t, "two"
1, 0, Title_t, "three ""quoted"", a\\b, caf\351\000\012\240"
1, 0, Instrument_name_t, ""
1, 0, Lyric_t, "five"
1, 0, Marker_t, "six"
1, 0, Cue_point_t, "seven"
1, 0, Channel_prefix, 3
1, 0, MIDI_port, 4
1, 0, Tempo, 66051
1, 0, Time_signature, 3, 2, 24, 8
1, 0, Key_signature, -3, "minor"
1, 0, Key_signature, 7, "major"
1, 0, Sequencer_specific, 3, 0, 65, 200
1, 0, Unknown_meta_event, 96, 3, 97, 98, 255
1, 0, Unknown_meta_event, 200, 0
1, 1, Note_on_c, 3, 60, 80
1, 129, Note_off_c, 3, 60, 64
1, 16513, Pitch_bend_c, 5, 8321
1, 2113665, Control_c, 15, 7, 100
1, 2113666, Program_c, 2, 12
1, 2113667, Channel_aftertouch_c, 1, 99
1, 2113668, Poly_aftertouch_c, 4, 61, 98
1, 2113669, System_exclusive, 4, 67, 18, 0, 247
1, 2113669, System_exclusive_packet, 2, 5, 247
1, 270549124, End_track
2, 0, Start_track
2, 9, End_track
0, 0, End_of_file
""".strip().replace(r"\351", "\xe9")


def song(*rows: str) -> str:
    """A text of one track that holds `rows`; they begin at line 3."""
    return "\n".join(
        [
            "0, 0, Header, 1, 1, 480",
            "1, 0, Start_track",
            *rows,
            "1, 99, End_track",
            "0, 0, End_of_file\n",
        ]
    )


def midi(body: str) -> bytes:
    """A file of one track, given in hex."""
    data = bytes.fromhex(body)
    return HEADER + b"MTrk" + len(data).to_bytes(4, "big") + data


def midicsv(data: bytes, folder: Path) -> str:
    """What Debian's midicsv prints of a valid file. Output is capped: on a broken file it can print
    without end."""
    needs_program("midicsv")
    path = folder / "in.mid"
    path.write_bytes(data)
    command = ["sh", "-c", 'midicsv "$1" | head -c 16777216', "sh", str(path)]
    return subprocess.run(command, capture_output=True, timeout=20, check=True).stdout.decode(
        "latin-1"
    )


def csvmidi(text: str, folder: Path) -> bytes:
    """The file that Debian's csvmidi makes of a text."""
    needs_program("csvmidi")
    source, target = folder / "in.csv", folder / "out.mid"
    source.write_bytes(text.encode("latin-1"))
    subprocess.run(
        ["csvmidi", str(source), str(target)], capture_output=True, timeout=20, check=True
    )
    return target.read_bytes()


def same_score(a: Score, b: Score) -> bool:
    """Whether two scores agree in notes, tempos and meters."""
    return (
        same_notes(a, b)
        and a.tempos.tolist() == b.tempos.tolist()
        and a.meters.tolist() == b.meters.tolist()
    )


@pytest.mark.parametrize("path", PIECES, ids=lambda path: path.stem)
def test_bundled_pieces_have_midicsvs_rows_and_csvmidis_events(path: Path, tmp_path: Path) -> None:
    data = path.read_bytes()
    rows = midi_to_csv(data, path.name)
    assert rows == midicsv(data, tmp_path)
    again = csv_to_midi(rows, path.name)
    theirs = csvmidi(rows, tmp_path)
    assert midi_to_csv(again, path.name) == rows
    assert midicsv(again, tmp_path) == midicsv(theirs, tmp_path) == rows
    assert midi_to_csv(theirs, path.name) == rows, "csvmidi writes running status"
    assert same_score(read_midi(again), read_midi(data))
    assert same_score(read_midi(theirs), read_midi(data))


def test_odd_files_have_midicsvs_rows(tmp_path: Path) -> None:
    files = {
        name: data
        for name, (_, data) in (VALID | DOUBTFUL).items()
        if name.lower().startswith("ok_")
    }
    assert len(files) == 31
    plain = midi_to_csv(VALID["ok_plain.mid"][1], "plain")
    for name, data in files.items():
        rows = midi_to_csv(data, name)
        expected = plain if name in REFUSED else midicsv(data, tmp_path)
        assert rows == expected, name
        again = csv_to_midi(rows, name)
        assert midi_to_csv(again, name) == rows, name
        assert same_score(read_midi(again), read_midi(data)), name
        # csvmidi refuses the division that midicsv prints, -6360
        if name != "ok_smpte_division.mid":
            assert midi_to_csv(csvmidi(rows, tmp_path), name) == rows, name


def test_every_kind_of_event_keeps_its_values(tmp_path: Path) -> None:
    text = EVERY_KIND + "\n"
    assert {row.split(", ")[2] for row in text.splitlines()} >= {kind.name for kind in EVENTS}
    data = csv_to_midi(text, "all.csv")
    assert midi_to_csv(data, "all.mid") == text
    assert midicsv(data, tmp_path) == text
    theirs = csvmidi(text, tmp_path)
    assert midi_to_csv(theirs, "all.mid") == midicsv(theirs, tmp_path) == text


def test_events_have_the_bytes_of_the_midi_standard() -> None:
    rows = {
        "Note_on_c, 3, 60, 80": "933c50",
        "Pitch_bend_c, 5, 8321": "e50141",  # 65 * 128 + 1, the low bits first
        "Tempo, 66051": "ff5103010203",
        "Key_signature, -3, minor": "ff5902fd01",
        "System_exclusive, 2, 67, 247": "f00243f7",
        "System_exclusive_packet, 1, 5": "f70105",
        "Unknown_meta_event, 96, 1, 7": "ff600107",
        'Marker_t, "A"': "ff060141",
    }
    for row, expected in rows.items():
        assert csv_to_midi(song(f"1, 99, {row}"), "a.csv")[22:-4].hex() == "63" + expected, row


def test_every_byte_of_a_text_is_escaped_as_midicsv_does(tmp_path: Path) -> None:
    data = midi("00 ff01 8200" + bytes(range(256)).hex() + "00 ff2f00")
    text = midi_to_csv(data, "a.mid")
    assert text == midicsv(data, tmp_path)
    assert len(text.splitlines()) == 5, "no character of the text ends a line"
    assert csv_to_midi(text, "a.csv") == csvmidi(text, tmp_path) == data


LENIENT = [
    ("# note\r\n ; note", []),
    ("1,5,NOTE_on_C,3,60,80", ["1, 5, Note_on_c, 3, 60, 80"]),
    ('"1",5,"Note_on_c", "3",60,  "80"', ["1, 5, Note_on_c, 3, 60, 80"]),
    ("1, 5, Text_t, a b \\101", ['1, 5, Text_t, "a b \\\\101"']),
    ('1, 5, Text_t, "\\1|\\12|\\101|\\\\n"', ['1, 5, Text_t, "\\001|\\012|A|\\\\n"']),
    ("1, 5, Key_signature, 2, MINOR", ['1, 5, Key_signature, 2, "minor"']),
]


@pytest.mark.parametrize(("given_row", "rows"), LENIENT, ids=[row for row, _ in LENIENT])
def test_other_ways_to_write_a_row_are_read_as_csvmidi_does(
    given_row: str, rows: list[str], tmp_path: Path
) -> None:
    made = csv_to_midi(song(given_row), "a.csv")
    assert midi_to_csv(made, "a.mid") == song(*rows)
    assert midi_to_csv(csvmidi(song(given_row), tmp_path), "a.mid") == song(*rows)


def test_blank_lines_and_padding_are_no_matter() -> None:
    """csvmidi stops at a blank line, against its manual."""
    padded = song("", "  ", "1, 5, Note_on_c, 3, 60, 80,,, ", '1, 6, Text_t, "a,"').replace(
        "\n", "\r\n"
    )
    assert midi_to_csv(csv_to_midi(padded, "a.csv"), "a.mid") == song(
        "1, 5, Note_on_c, 3, 60, 80", '1, 6, Text_t, "a,"'
    )


ODD_META = [
    "ff5102 0506",
    "ff5800",
    "ff5903 020100",
    "ff5902 0805",
    "ff5902 7f00",
    "ff0000",
    "ff2100",
    "ff5406010203040506",
]


@pytest.mark.parametrize("body", ODD_META)
def test_meta_events_that_fit_no_kind_lose_nothing(body: str, tmp_path: Path) -> None:
    data = midi(f"00 {body} 00 903c50 60 803c00 00 ff2f00")
    text = midi_to_csv(data, "a.mid")
    kind, *content = bytes.fromhex(body)[1:]
    assert text.splitlines()[2] == "1, 0, Unknown_meta_event, " + ", ".join(
        map(str, [kind, *content])
    )
    assert csv_to_midi(text, "a.csv") == csvmidi(text, tmp_path) == data


NOTE, OFF, END = "1, 0, Note_on_c, 0, 60, 80", "1, 96, Note_off_c, 0, 60, 0", "00 ff2f00"
DAMAGE = {
    "a data byte before any status": ("00 3c50", []),
    "running status after a sysex": (
        "00 903c50 00 f00143 05 3c00",
        [NOTE, "1, 0, System_exclusive, 1, 67", "1, 5, Note_on_c, 0, 60, 0"],
    ),
    "a velocity over 127": (
        "00 903c50 60 803cff 00 903eff 00 ff2f00",
        [NOTE, "1, 96, Note_off_c, 0, 60, 127", "1, 96, Note_on_c, 0, 62, 127"],
    ),
    "a pitch over 127": ("00 903c50 60 90ff50 00 803c00", [NOTE, OFF]),
    "a meta event past the end": ("00 903c50 60 ff0105 41", [NOTE]),
    "a sysex past the end": ("00 903c50 60 f005 41", [NOTE]),
    "a note cut short": ("00 903c50 60 903c", [NOTE]),
    "a quantity of 5 bytes": ("00 903c50 8181818101", [NOTE]),
    "no end of track": ("00 903c50 60 803c00", [NOTE, OFF]),
    "events after the end": (
        f"00 903c50 60 803c00 {END} 00 803e00",
        [NOTE, OFF, "1, 96, Note_off_c, 0, 62, 0"],
    ),
    "an end with data": ("00 903c50 60 803c00 00 ff2f0105", [NOTE, OFF]),
    "system messages": (
        f"00 f102 00 f20102 00 903c50 60 f6 00 803c00 {END}",
        [NOTE, "1, 96, Note_off_c, 0, 60, 0"],
    ),
    "a controller over 127": (f"00 b0ff81 {END}", ["1, 0, Control_c, 0, 127, 1"]),
}


@pytest.mark.parametrize(("body", "rows"), DAMAGE.values(), ids=DAMAGE.keys())
def test_damaged_tracks_end_where_read_midi_stops(body: str, rows: list[str]) -> None:
    text = midi_to_csv(midi(body), "a.mid")
    assert text.splitlines()[2:-2] == rows
    assert re.fullmatch(r"1, \d+, End_track", text.splitlines()[-2])
    assert same_notes(read_midi(csv_to_midi(text, "a.csv")), read_midi(midi(body)))


def test_headers_name_what_is_there() -> None:
    data = midi(f"00 903c50 60 803c00 {END}")
    assert midi_to_csv(data[:9] + b"\x03\x00\x09" + data[12:], "a.mid") == song(NOTE, OFF).replace(
        "99", "96"
    )
    with pytest.raises(MidiError, match=r"^a\.mid: not a MIDI file"):
        midi_to_csv(b"0, 0, Header, 1, 1, 480", "a.mid")
    with pytest.raises(MidiError, match=r"^a\.mid: a division of 0"):
        midi_to_csv(data[:12] + b"\0\0" + data[14:], "a.mid")


ROW_ERRORS = [
    ("1, 1, Bogus_t, 5", "unknown record type 'Bogus_t'"),
    ("1, 1", "not a row of track, time and type"),
    (
        "1, 1, Note_on_c, 3, 60",
        "Note_on_c: 2 fields after the type where it has 3: channel, note, velocity",
    ),
    (
        "1, 1, Note_on_c, 3, 60, 80, 9",
        "Note_on_c: 4 fields after the type where it has 3: channel, note, velocity",
    ),
    ("1, 1, End_track, 5", "End_track: 1 fields after the type where it has none"),
    ("1, 1, Text_t", "Text_t: 0 fields after the type where it has 1: text"),
    ("1, 1, Note_on_c, 16, 60, 80", "Note_on_c: channel is '16', not a number from 0 to 15"),
    ("1, 1, Note_on_c, 3, 60, 128", "Note_on_c: velocity is '128', not a number from 0 to 127"),
    ("1, 1, Note_on_c, 3, x, 80", "Note_on_c: note is 'x', not a number from 0 to 127"),
    ("1, 1, Note_on_c, 3, , 80", "Note_on_c: note is '', not a number from 0 to 127"),
    ("1, 1, Note_on_c, 3, \u0663, 80", r"Note_on_c: note is '\u0663', not a number from 0 to 127"),
    ("1, 1, Tempo, 16777216", "Tempo: tempo is '16777216', not a number from 0 to 16777215"),
    (
        "1, 1, Tempo, 1" + 5000 * "0",
        "Tempo: tempo is '10000000000000000000', not a number from 0 to 16777215",
    ),
    (
        "1, 1, Pitch_bend_c, 0, 16384",
        "Pitch_bend_c: value is '16384', not a number from 0 to 16383",
    ),
    ("1, 1, Key_signature, 8, major", "Key_signature: key is '8', not a number from -7 to 7"),
    ("1, 1, Key_signature, 1, dorian", "Key_signature: mode is 'dorian', not major or minor"),
    ("1, -1, Text_t, a", "Text_t: time is '-1', not a number from 0 to 100000000000000"),
    ("one, 1, Text_t, a", "Text_t: track is 'one', not a number from 0 to 65535"),
    (
        "1, 1, System_exclusive, 3, 1, 2",
        "System_exclusive: the length is 3, but 2 data bytes follow",
    ),
    (
        "1, 1, System_exclusive, 1, 256",
        "System_exclusive: a data byte is '256', not a number from 0 to 255",
    ),
    ("1, 1, System_exclusive", "System_exclusive: 0 fields after the type where it has 1: length"),
    (
        "1, 1, Unknown_meta_event, 47, 0",
        "Unknown_meta_event of type 47 would end the track; write End_track",
    ),
    ('1, 1, Text_t, "a', "field 4 has a quote that is not closed, or text beside its quotes"),
    ('1, 1, Text_t, "a"b', "field 4 has a quote that is not closed, or text beside its quotes"),
    ('1, 1, Text_t, a"b', "field 4 has a quote that is not closed, or text beside its quotes"),
    (r'1, 1, Text_t, "a\q"', r"\ is no escape; those are two backslashes, and \000 to \377"),
    (r'1, 1, Text_t, "a\777"', r"\777 is no escape; those are two backslashes, and \000 to \377"),
    ("1, 1, Text_t, \u2603", r"Text_t: '\u2603' is not a Latin-1 character"),
    ("2, 1, Text_t, a", "a row of track 2 within track 1"),
    ("2, 0, Start_track", "Start_track where track 1 has no End_track yet"),
    ("0, 0, End_of_file", "End_of_file where track 1 has no End_track yet"),
    ("0, 0, Header, 1, 1, 480", "Header where track 1 has no End_track yet"),
    (
        "1, 999999999, Text_t, a",
        "the time goes from 0 to 999999999; a file has room for 268435455 ticks between events",
    ),
]
START, FINISH = "0, 0, Header, 1, 1, 480\n1, 0, Start_track\n", "1, 9, End_track\n0, 0, End_of_file"
NO_TIME = "a division of 0 ticks gives notes no time"
TEXT_ERRORS = [
    ("", 1, "the first row is not a Header"),
    ("\n1, 0, Start_track", 2, "the first row is not a Header"),
    ("0, 0, Header, 3, 1, 480", 1, "Header: format is '3', not a number from 0 to 2"),
    ("0, 0, Header, 1, 1, 0", 1, NO_TIME),
    ("0, 0, Header, 1, 1, -6400", 1, NO_TIME),
    (
        f"0, 0, Header, 1, 1, 480\n{NOTE}",
        2,
        "Note_on_c outside of a track (Start_track to End_track)",
    ),
    (
        f"{START}1, 9, End_track\n{NOTE}",
        4,
        "Note_on_c outside of a track (Start_track to End_track)",
    ),
    (f"{START}1, 9, End_track\n1, 0, Start_track", 4, "track 1 comes after track 1"),
    (f"{START}{OFF}\n{NOTE}\n{FINISH}", 4, "the time goes from 96 to 0; it runs backwards"),
    (f"{START}{NOTE}", 3, "the text ends before its End_of_file"),
    (f"{START}1, 9, End_track", 3, "the text ends before its End_of_file"),
    (f"{START}{FINISH}\n# the end\n{NOTE}", 6, "a row after End_of_file"),
    (
        f"{START}{FINISH}".replace("1, 1, 480", "1, 2, 480"),
        4,
        "the Header names 2 tracks, the text has 1",
    ),
]
ERRORS = [*((song(row), 3, reason) for row, reason in ROW_ERRORS), *TEXT_ERRORS]


@pytest.mark.parametrize(
    ("text", "line", "reason"), ERRORS, ids=[reason[:40] for _, _, reason in ERRORS]
)
def test_errors_name_the_file_the_line_and_the_reason(text: str, line: int, reason: str) -> None:
    with pytest.raises(UgenError) as caught:
        csv_to_midi(text, "song.csv")
    assert str(caught.value) == f"song.csv: line {line}: {reason}"


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """EVERY_KIND with a few stretches replaced, dropped or repeated."""
    text = EVERY_KIND
    for _ in range(draw(st.integers(1, 3))):
        first = draw(st.integers(0, len(text)))
        end = min(len(text), first + draw(st.integers(0, 12)))
        pieces = st.sampled_from(
            ["", '"', '""', ",", "\n", "\\", "\\400", "-", "99999999999", text[first:end] * 2]
        )
        text = text[:first] + draw(pieces | st.text(max_size=3)) + text[end:]
    return text


@given(mutated())
def test_mutated_texts_give_a_file_or_an_error_of_one_line(text: str) -> None:
    try:
        data = csv_to_midi(text, "a.csv")
    except UgenError as error:
        assert re.match(r"a\.csv: line \d+: \S", str(error)) and "\n" not in str(error)
        return
    rows = midi_to_csv(data, "a.mid")
    assert csv_to_midi(rows, "a.csv") == data, "what is read is written whole"
    read_midi(data)


def readable_and_same(data: bytes) -> bool:
    """Whether rows of `data`, whatever they are, make a file of the same notes. False: `data` are
    no MIDI file."""
    try:
        rows = midi_to_csv(data, "a.mid")
    except MidiError as error:
        assert str(error).startswith("a.mid: ")
        return False
    try:
        again = csv_to_midi(rows, "a.csv")
    except UgenError as error:  # skipped system messages, each with the longest time before it
        assert "ticks between events" in str(error)
        return True
    assert midi_to_csv(again, "a.mid") == rows
    assert same_score(read_midi(again), read_midi(data))
    return True


@given(st.binary(max_size=200))
def test_arbitrary_tracks_keep_the_notes_that_read_midi_finds(body: bytes) -> None:
    assert readable_and_same(
        HEADER + b"MTrk" + len(body).to_bytes(4, "big") + body + bytes.fromhex("00ff2f00")
    )


def test_mutations_of_real_files_never_crash() -> None:
    chance = random.Random(5)
    outcomes: Counter[bool] = Counter()
    for path in BUNDLED[::10]:
        original = path.read_bytes()[:4_000]
        for _ in range(20):
            data = bytearray(original)
            for _ in range(chance.choice([1, 10, 100])):
                data[chance.randrange(len(data))] = chance.randrange(256)
            outcomes[readable_and_same(bytes(data[: chance.randrange(len(data))]))] += 1
    assert outcomes[True] > 100, outcomes
