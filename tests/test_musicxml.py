"""MusicXML: every note is there, every bar adds up, the schema holds, other programs read it."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from notation_reader import Element, Read, read
from support import BUNDLED, needs_program, scores, ugen_data
from ugen.data import Score, UgenError, arrange, make_codec, read_midi
from ugen.data.render.convert import Options, convert, write_score
from ugen.data.render.musicxml import write_musicxml
from ugen.data.render.notation.bars import quantized
from ugen.runtime.cli import outputs


def read_back(score: Score, folder: Path, **options: bool) -> Read:
    write_musicxml(score, folder / "song.musicxml", **options)
    return read(folder / "song.musicxml")


def expected(score: Score) -> list[tuple[int, int, int, int]]:
    """The notes of a score on the grid, as `read` gives them."""
    kinds = sorted({(bool(n["drum"]), int(n["program"])) for n in score.notes})
    return sorted(
        (kinds.index((bool(drum), program)), int(onset), int(onset if drum else end), int(pitch))
        for onset, end, pitch, _, program, drum in quantized(score).notes.tolist()
    )


@pytest.mark.parametrize("as_played", [False, True])
@given(score=scores())
@settings(max_examples=40)
def test_every_note_is_written_and_every_bar_adds_up(
    tmp_path_factory: pytest.TempPathFactory, score: Score, as_played: bool
) -> None:
    folder = tmp_path_factory.getbasetemp()
    try:
        found = read_back(score, folder, as_played=as_played)
    except UgenError as error:
        assert "bars and only" in error.reason
        return
    assert found.notes == expected(score)
    releases = [note.get("release") for part in found.measures for m in part for note in m]
    assert not (as_played and any(releases))


@st.composite
def crowded(draw: st.DrawFn) -> Score:
    """Many notes at once, which need more voices than a staff has."""
    note = st.tuples(st.integers(0, 200), st.integers(1, 99), st.integers(55, 66))
    rows = draw(st.lists(note, min_size=1, max_size=60))
    return Score.build([(on, on + n, pitch, 80, 40, False) for on, n, pitch in rows], 24)


@pytest.mark.parametrize("as_played", [False, True])
@given(score=crowded())
@settings(max_examples=50)
def test_notes_beyond_four_voices_are_cut_into_tied_ones(
    tmp_path_factory: pytest.TempPathFactory, score: Score, as_played: bool
) -> None:
    found = read_back(score, tmp_path_factory.getbasetemp(), as_played=as_played)
    assert found.notes == expected(score)
    voices = {each.text for part in found.measures for m in part for each in m.iter("voice")}
    assert voices <= set("1234")


@pytest.mark.parametrize("path", BUNDLED[::5], ids=lambda path: path.stem)
def test_bundled_music_through_the_codec_is_read_back(path: Path, tmp_path: Path) -> None:
    codec = make_codec("beats", band=True)
    score = codec.decode(codec.encode(read_midi(path)).tokens)
    assert read_back(score, tmp_path).notes == expected(score)
    on_grid = [tuple(row)[:3] for row in score.notes.tolist()]
    mine = [tuple(row)[:3] for row in quantized(score).notes.tolist()]
    assert sorted(mine) == sorted(on_grid), "what comes from the codec is on the grid"


# what stands in a file


def one_part(tmp_path: Path, notes: list[tuple[int, ...]], **fields: object) -> Read:
    """Notes of 24 ticks a beat: onset, end, pitch."""
    rows = [(on, end, pitch, 80, 40, False) for on, end, pitch in notes]
    return read_back(Score.build(rows, 24, **fields), tmp_path)  # type: ignore[arg-type]


def written(measure: Element) -> list[str]:
    """Its notes in words: a letter or r, the type, dots, 3 in a triplet, and ties."""
    return [
        (note.findtext("pitch/step") or "r")
        + " "
        + (note.findtext("type") or "whole bar")
        + "." * len(note.findall("dot"))
        + " 3" * (note.find("time-modification") is not None)
        + " tied" * (note.find("tie[@type='start']") is not None)
        for note in measure.findall("note")
    ]


@pytest.mark.parametrize(
    ("notes", "words"),
    [
        ([(0, 96)], ["C whole"]),
        ([(0, 36), (36, 48), (48, 96)], ["C quarter.", "C eighth", "C half"]),
        ([(0, 12), (12, 36), (36, 48), (48, 96)], ["C eighth", "C quarter", "C eighth", "C half"]),
        ([(0, 60), (60, 96)], ["C half tied", "C eighth", "C quarter."]),
        ([(24, 48)], ["r quarter", "C quarter", "r half"]),
        ([(0, 8), (8, 16), (16, 24), (24, 96)], ["C eighth 3"] * 3 + ["C half."]),
        ([(0, 16), (16, 32), (32, 48), (48, 96)], ["C quarter 3"] * 3 + ["C half"]),
        (
            [(0, 4), (4, 8), (8, 12), (12, 24)],
            ["C 16th 3"] * 3 + ["C eighth", "r quarter", "r half"],
        ),
        ([(0, 16), (16, 24), (24, 96)], ["C quarter 3", "C eighth 3", "C half."]),
        ([(16, 24), (24, 96)], ["r quarter 3", "C eighth 3", "C half."]),
        (
            [(4, 8), (8, 12), (12, 96)],
            [*["r 16th 3", "C 16th 3", "C 16th 3"], "C quarter. tied", "C half"],
        ),
        ([(0, 20), (24, 44), (48, 96)], ["C quarter", "C quarter", "C half"]),
        ([(0, 26), (24, 50), (48, 96)], ["C quarter", "C quarter", "C half"]),
    ],
)
def test_rhythms_are_written_as_people_do(tmp_path, notes, words) -> None:
    pitches = [60 + 12 * (n % 2) for n in range(len(notes))]
    found = one_part(tmp_path, [(*note, p) for note, p in zip(notes, pitches, strict=True)])
    assert written(found.measures[0][0]) == words


def test_a_shorter_first_bar_is_a_pickup(tmp_path: Path) -> None:
    notes = [(0, 24, 60), (24, 120, 62), (120, 216, 64)]
    found = one_part(tmp_path, notes, meters=[(0, 1, 4), (24, 4, 4)])
    first, second, third = found.measures[0]
    assert first.attrib == {"number": "0", "implicit": "yes"}
    assert first.findtext("attributes/time/beats") == "4" and second.find("attributes") is None
    assert [second.get("number"), third.get("number")] == ["1", "2"]
    assert found.bars == [24, 96, 96]


def test_a_voice_that_is_silent_for_a_bar_has_no_rest_over_the_others(tmp_path: Path) -> None:
    """MuseScore drew it across them."""
    notes = [(0, 240, 60), (0, 96, 72), (96, 120, 64), (192, 240, 72)]
    found = one_part(tmp_path, notes)
    heard = [[v.text for v in bar.iter("voice")] for bar in found.measures[0]]
    assert [set(bar) for bar in heard] == [{"1", "2"}, {"1", "2"}, {"1", "2"}]
    assert not found.measures[0][1].findall("note/rest[@measure]")


def test_a_silent_pickup_has_no_rest_of_a_whole_bar(tmp_path: Path) -> None:
    """music21 took it for as long as the meter says, and all notes came later."""
    found = one_part(tmp_path, [(24, 120, 62)], meters=[(0, 1, 4), (24, 4, 4)])
    assert written(found.measures[0][0]) == ["r quarter"]


def test_meters_change_and_cut_bars_short(tmp_path: Path) -> None:
    notes = [(n * 12, n * 12 + 12, 60) for n in range(40)]
    found = one_part(tmp_path, notes, meters=[(0, 4, 4), (96, 6, 8), (204, 3, 4)])
    assert found.bars[:5] == [96, 72, 36, 72, 72]
    assert [m.get("number") for m in found.measures[0]][:5] == ["1", "2", "X1", "3", "4"]
    assert [m.findtext("attributes/time/beat-type") for m in found.measures[0]][:4] == [
        *("4", "8", None, "4")
    ]


@pytest.mark.parametrize(
    ("key", "fifths", "spelled"),
    [
        ((0, False), 0, "C C# D Eb E F F# G G# A Bb B"),
        ((1, False), -5, "C Db D Eb Fb F Gb G Ab A Bb Cb"),
        ((6, False), 6, "B# C# C## D# E E# F# F## G# A A# B"),
        ((9, True), 0, "C C# D D# E F F# G G# A Bb B"),
        ((3, True), -6, "C Db D Eb Fb F Gb G Ab A Bb Cb"),
        ((8, True), 5, "B# C# C## D# E E# F# F## G# A A# B"),
    ],
)
def test_pitches_are_spelled_by_the_key(tmp_path, key, fifths, spelled) -> None:
    score = Score.build([(24 * n, 24 * n + 24, 60 + n, 80, 40, 0) for n in range(12)], 24)
    write_musicxml(score, tmp_path / "song.musicxml", key)
    found = read(tmp_path / "song.musicxml")
    assert [pitch for *_, pitch in found.notes] == list(range(60, 72))
    first = found.measures[0][0]
    assert first.findtext("attributes/key/fifths") == str(fifths)
    signs = {"2": "##", "1": "#", "-1": "b", "-2": "bb", None: ""}
    pitches = [pitch for measure in found.measures[0] for pitch in measure.iter("pitch")]
    names = [f"{p.findtext('step')}{signs[p.findtext('alter')]}" for p in pitches]
    assert names == spelled.split()


def test_accidentals_hold_to_the_end_of_the_bar(tmp_path: Path) -> None:
    notes = [(0, 24, 66), (24, 48, 66), (48, 72, 65), (72, 120, 66), (120, 144, 66)]
    rows = [(on, end, pitch, 80, 40, False) for on, end, pitch in notes]
    write_musicxml(Score.build(rows, 24), tmp_path / "song.musicxml", (0, False))
    found = read(tmp_path / "song.musicxml").measures[0]
    marks = [note.findtext("accidental") for bar in found[:2] for note in bar.findall("note")]
    # tied over the bar line, the second bar's first F# needs none; the one after it does
    assert marks == ["sharp", None, "natural", "sharp", None, "sharp", None]


def test_a_band_has_a_part_for_each_instrument(tmp_path: Path) -> None:
    rows = [(0, 96, 40, 80, 33, False), (0, 96, 64, 80, 0, False), (0, 96, 45, 80, 0, False)]
    rows += [(at, at + 1, 38 if at % 48 else 36, 80, 0, True) for at in range(0, 96, 24)]
    found = read_back(Score.build(rows, 24), tmp_path)
    names = [part.findtext("part-name") for part in found.parts]
    assert names == ["Acoustic grand piano", "Electric bass (finger)", "Drums"]
    signs = [[each.text for each in part[0].iter("sign")] for part in found.measures]
    assert signs == [["G", "F"], ["F"], ["percussion"]]
    drums = found.measures[2][0]
    assert written(drums) == ["r quarter"] * 4, "a hit lasts to the end of its beat"
    assert len(drums.findall("note/unpitched")) == 4
    assert [each.findtext("midi-unpitched") for each in found.parts[2].iter("midi-instrument")] == [
        *("37", "39")
    ]


def test_tempos_are_marked_where_one_notices(tmp_path: Path) -> None:
    notes = [(n * 96, n * 96 + 96, 60) for n in range(4)]
    found = one_part(
        tmp_path, notes, tempos=[(0, 500_000), (96, 490_000), (216, 750_000), (288, 740_000)]
    )
    marks = [[m.text for m in bar.iter("per-minute")] for bar in found.measures[0]]
    assert marks == [["120"], [], ["80"], []]
    sounds = [[s.get("tempo") for s in bar.iter("sound")] for bar in found.measures[0]]
    assert list(map(len, sounds)) == [1, 1, 1, 1]
    assert found.measures[0][2].findtext("direction/offset") == "24"


def test_beams_join_the_notes_of_a_beat(tmp_path: Path) -> None:
    notes = [(0, 12, 60), (12, 18, 62), (18, 24, 64), (24, 42, 60), (42, 48, 62), (48, 60, 60)]
    found = one_part(tmp_path, notes)
    beams = [[b.text for b in n.findall("beam")] for n in found.measures[0][0].findall("note")]
    assert beams[:6] == [
        ["begin"],
        ["continue", "begin"],
        ["end", "end"],
        ["begin"],
        ["end", "backward hook"],
        [],
    ]


def test_the_same_score_makes_the_same_bytes(tmp_path: Path) -> None:
    score = read_midi(BUNDLED[0])
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_score(score, tmp_path / name / "song.musicxml", key=(2, True))
    a, b = ((tmp_path / name / "song.musicxml").read_bytes() for name in "ab")
    assert a == b and b"<fifths>-1</fifths><mode>minor</mode>" in a


# hostile music


def test_music_too_long_for_its_notes_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    far = Score.build([(10**12, 10**12 + 1, 60, 80, 0, False)], 1)
    with pytest.raises(UgenError, match="bars and only 1 note"):
        write_musicxml(far, tmp_path / "far.musicxml")
    many = [(96 * n, 96 * n + 24, 60, 80, n % 128, False) for n in range(8000)]
    with pytest.raises(UgenError, match="has 128 parts of 8,000 bars; 1,000,000 are the most"):
        write_musicxml(Score.build(many, 24), tmp_path / "many.musicxml")
    organ = [(n, 10**5 + n, n, 80, 40, False) for n in range(100)]
    organ += [(n, n + 3, 100 + n % 28, 80, 40, False) for n in range(200, 9000)]
    with pytest.raises(UgenError, match="too many notes at once"):
        write_musicxml(Score.build(organ, 24), tmp_path / "organ.musicxml")
    assert not list(tmp_path.iterdir())


def test_a_song_that_cannot_be_written_as_notation_is_told_by_its_file(tmp_path: Path) -> None:
    """The reason stood there alone."""
    far = Score.build([(10**12, 10**12 + 1, 60, 80, 0, False)], 1)
    with pytest.raises(UgenError, match=r"-o .*far\.musicxml: has .* bars and only 1 note"):
        outputs.write(far, 0, "", [tmp_path / "far.musicxml"])


@pytest.mark.parametrize("meter", [(0, 4), (255, 1), (1, 1 << 20), (5, 64), (7, 32), (33, 16)])
def test_odd_meters_are_written(tmp_path: Path, meter: tuple[int, int]) -> None:
    score = Score.build([(0, 7, 60, 80, 0, 0), (90, 95, 60, 80, 0, 0)], 24, meters=[(0, *meter)])
    assert read_back(score, tmp_path).notes == expected(score)


def test_time_grows_with_the_notes_and_no_faster(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)

    def seconds(count: int) -> float:
        onsets = np.sort(rng.integers(0, 12 * count, count))
        rows = [(int(on), int(on) + 20, 40 + n * 7 % 40, 80, 0, 0) for n, on in enumerate(onsets)]
        begin = time.process_time()
        write_musicxml(Score.build(rows, 24), tmp_path / "song.musicxml")
        return time.process_time() - begin

    few, many = seconds(2_000), seconds(16_000)
    assert many < 8 * few * 2


def test_silence_is_a_bar_of_rest(tmp_path: Path) -> None:
    found = read_back(Score.build([], 480), tmp_path)
    assert found.bars == [96] and written(found.measures[0][0]) == ["r whole bar"] * 2


def test_names_are_escaped(tmp_path: Path) -> None:
    write_score(Score.build([], 480), tmp_path / "a<b>&\x01\udcff.musicxml")
    (path,) = tmp_path.iterdir()
    assert "a&lt;b&gt;&amp;\ufffd\ufffd" in path.read_text("utf-8")


# the command


def test_convert_writes_and_refuses(tmp_path: Path) -> None:
    done = ugen_data("convert", BUNDLED[0], tmp_path / "a.musicxml", "--as-played")
    assert done.returncode == 0, done.stderr
    assert " release=" not in (tmp_path / "a.musicxml").read_text()
    done = ugen_data("convert", tmp_path / "a.musicxml", tmp_path / "a.mid")
    assert done.returncode == 2 and "a.musicxml: cannot read .musicxml" in done.stderr


# other programs


def kinds_of_music(folder: Path) -> list[Path]:
    """A piano piece, one of a band, one made up, each half a minute."""
    paths = []
    odd = Score.build(
        [(n * 7, n * 7 + 11 + n % 5, 40 + n * 5 % 40, 80, n % 3, n % 7 == 0) for n in range(90)],
        24,
        tempos=[(n * 50, 400_000 + 9_000 * n) for n in range(9)],
        meters=[(0, 1, 8), (12, 6, 8), (100, 5, 16), (300, 2, 2)],
    )
    piano, band = (read_midi(BUNDLED[n]) for n in (-1, 40))
    piano = arrange(piano, "piano")
    for name, score in (("piano", piano), ("band", band), ("odd", odd)):
        paths.append(folder / f"{name}.musicxml")
        cut = score.until(score.tick_at(30.0))
        write_musicxml(cut, paths[-1], as_played=True)
    return paths


STUB = (
    """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="{}">{}</xs:schema>"""
)


def schema(folder: Path) -> Path:
    """The published schema, from a package that holds it; the two that it fetches from the network
    are replaced by the few attributes that it takes of them."""
    try:
        package = importlib.metadata.distribution("musicxml")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("needs the package musicxml, which holds the schema")
    text = Path(str(package.locate_file("musicxml/generate_classes/musicxml_4_0.xsd"))).read_text()
    for name, space, attributes in (
        ("xml", "http://www.w3.org/XML/1998/namespace", "lang space"),
        ("xlink", "http://www.w3.org/1999/xlink", "href type role title show actuate"),
    ):
        declared = "".join(f'<xs:attribute name="{each}"/>' for each in attributes.split())
        (folder / f"{name}.xsd").write_text(STUB.format(space, declared))
        text = text.replace(f"http://www.musicxml.org/xsd/{name}.xsd", f"{name}.xsd")
    (folder / "musicxml.xsd").write_text(text)
    return folder / "musicxml.xsd"


def test_files_are_valid_by_the_published_schema(tmp_path: Path) -> None:
    needs_program("xmllint")
    paths = kinds_of_music(tmp_path)
    convert(BUNDLED[10], tmp_path / "more.musicxml", Options())
    paths.append(tmp_path / "more.musicxml")
    command = ["xmllint", "--nonet", "--noout", "--schema", str(schema(tmp_path)), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:2000]


MUSIC21 = """
import sys, music21
for path in sys.argv[1:]:
    score = music21.converter.parse(path, forceSource=True)
    for number, part in enumerate(dict.fromkeys(p.id.split('-Staff')[0] for p in score.parts)):
        for staff in (p for p in score.parts if p.id.split('-Staff')[0] == part):
            for bar in staff.getElementsByClass('Measure'):
                for note in bar.recurse().notes:
                    onset = note.getOffsetInHierarchy(staff)
                    for pitch in getattr(note, 'notes', [note]):
                        if not isinstance(pitch, music21.note.Unpitched):
                            tie = pitch.tie.type if pitch.tie else ''
                            words = number, 24 * onset, 24 * note.quarterLength, pitch.pitch.midi
                            print(path, *(round(float(w)) for w in words), tie)
"""


def test_music21_reads_the_same_notes(tmp_path: Path) -> None:
    pytest.importorskip("music21")
    paths = kinds_of_music(tmp_path)
    command = [sys.executable, "-W", "ignore", "-c", MUSIC21, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    for path in paths:
        pieces = []
        for line in done.stdout.splitlines():
            name, part, onset, length, pitch, *tie = line.split(" ")
            if name == str(path):
                pieces.append((int(part), int(pitch), int(onset), int(length), tie[0]))
        notes: list[tuple[int, int, int, int]] = []
        for part, pitch, onset, length, tie in sorted(pieces):
            if tie in ("stop", "continue"):
                assert notes[-1][0] == part and notes[-1][3] == pitch and notes[-1][2] == onset
                notes[-1] = (part, notes[-1][1], onset + length, pitch)
            else:
                notes.append((part, onset, onset + length, pitch))
        mine = [note for note in read(path).notes if note[2] > note[1]]
        assert sorted(notes) == mine
        assert len(mine) > 20
