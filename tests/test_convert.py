"""Conversion: every pair of kinds, folders, the repairs of frames text, pictures that open, and
what mistakes print."""

from __future__ import annotations

from pathlib import Path

import pytest
from odd_files import header, track
from support import BUNDLED, assert_refused, same_notes, ugen_data
from ugen.data import Score, UgenError, midi_bytes, read_midi, write_midi
from ugen.data.render.convert import WRITABLE, Options, convert, read_score, write_score

PIECE = BUNDLED[-4]


def test_midi_to_csv_and_back_keeps_every_note(tmp_path: Path) -> None:
    convert(PIECE, tmp_path / "a.csv", Options())
    convert(tmp_path / "a.csv", tmp_path / "a.mid", Options())
    assert same_notes(read_midi(tmp_path / "a.mid"), read_midi(PIECE))
    assert (tmp_path / "a.csv").read_text("latin-1").startswith("0, 0, Header, 1, ")


def test_midi_to_frames_text_and_back_is_stable(tmp_path: Path) -> None:
    convert(PIECE, tmp_path / "a.txt", Options())
    convert(tmp_path / "a.txt", tmp_path / "b.mid", Options())
    convert(tmp_path / "b.mid", tmp_path / "b.txt", Options())
    assert (tmp_path / "a.txt").read_bytes() == (tmp_path / "b.txt").read_bytes()
    assert set(read_midi(tmp_path / "b.mid").notes["velocity"]) == {80}


@pytest.mark.parametrize(
    ("source", "target"),
    [(".csv", ".txt"), (".txt", ".csv"), (".csv", ".png"), (".txt", ".jpg"), (".mid", ".svg")],
)
def test_any_kind_becomes_any_other(tmp_path: Path, source: str, target: str) -> None:
    convert(PIECE, tmp_path / f"a{source}", Options())
    convert(tmp_path / f"a{source}", tmp_path / f"b{target}", Options())
    assert (tmp_path / f"b{target}").stat().st_size > 100


def test_the_repairs_of_frames_text_and_their_order(tmp_path: Path) -> None:
    """Pitch 60: two steps, a gap of one, one step, a gap of three, one step."""
    (tmp_path / "a.txt").write_text("61 0 61 0 0 61 0 0 0 0 61 0")

    def notes(**changes: int | bool) -> list[tuple[int, int]]:
        score = read_score(tmp_path / "a.txt", Options(**changes))  # type: ignore[arg-type]
        return [(int(n["onset"]) // 25, int(n["end"]) // 25) for n in score.notes]

    assert notes() == [(0, 2), (3, 4), (7, 8)]
    assert notes(shortest=2) == [(0, 2)]
    assert notes(gaps=1) == [(0, 4), (7, 8)]
    assert notes(shortest=2, gaps=1) == [(0, 2)]
    assert notes(shortest=2, gaps=1, gaps_first=True) == [(0, 4)]
    assert notes(gaps=9) == [(0, 8)]
    loud = read_score(tmp_path / "a.txt", Options(velocity=101))
    assert loud.notes["velocity"].tolist() == [101] * 3


def test_folders_convert_whole_and_name_what_they_cannot(tmp_path: Path) -> None:
    source = tmp_path / "in"
    (source / "deep").mkdir(parents=True)
    for name, path in (("a.mid", BUNDLED[0]), ("deep/b.mid", BUNDLED[-1])):
        (source / name).write_bytes(path.read_bytes())
    done = ugen_data("convert", source, tmp_path / "out", "--to", ".csv")
    assert done.returncode == 0, done.stderr
    assert sorted(
        p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.csv")
    ) == ["a.csv", "deep/b.csv"]
    (source / "bad.mid").write_text("no music")
    done = ugen_data("convert", source, tmp_path / "again", "--to", ".txt")
    assert done.returncode == 2
    assert "bad.mid: not a MIDI file" in done.stderr and "1 of 3 files" in done.stderr
    assert len(list((tmp_path / "again").rglob("*.txt"))) == 2, "the others are there"


def test_files_of_one_name_keep_their_extensions(tmp_path: Path) -> None:
    """x.mid and x.midi both became x.csv, and two files were said to be written."""
    source, made = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for name in ("x.mid", "x.midi", "x.mid.mid", "y.kar"):
        (source / name).write_bytes(BUNDLED[0].read_bytes())
    done = ugen_data("convert", source, made, "--to", ".csv")
    assert "4 files written" in done.stdout, done.stderr
    names = ["x.mid.csv", "x.mid.mid.csv", "x.midi.csv", "y.csv"]
    assert sorted(path.name for path in made.iterdir()) == names


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["PIECE", "a.png", "--ticks", 30], "--ticks: goes with frames text (.txt)"),
        (["PIECE", "a.png", "--velocity", 9], "--velocity: goes with frames text (.txt) turned"),
        (["a.txt", "b.txt", "--velocity", 9], "--velocity: goes with frames text (.txt) turned"),
        (["PIECE", "a.txt", "--shortest", 2], "--shortest: goes with frames text (.txt) to read"),
        (["PIECE", "a.txt", "--gaps", 2], "--gaps: goes with frames text (.txt) to read"),
        (["PIECE", "a.wav", "--gaps-first"], "--gaps-first: goes with frames text (.txt) to read"),
        (["a.txt", "a.mid", "--gaps", 2, "--gaps-first"], "--gaps-first: goes with --shortest"),
        (["PIECE", "a.txt", "--row-seconds", 9], "--row-seconds: goes with pictures (.png, .svg"),
        (["PIECE", "a.csv", "--dark"], "--dark: goes with pictures (.png, .svg"),
        (["PIECE", "a.mid", "--as-played"], "--as-played: goes with notation (.musicxml)"),
        (["PIECE", "a.png", "--soundfont", "a.sf2"], "--soundfont: goes with sound files (.wav,"),
        (["in", "out", "--to", ".csv", "--ticks", 9], "--ticks: goes with frames text (.txt)"),
        (["in", "out", "--to", ".png", "--show"], "--show: goes with a picture"),
    ],
)
def test_options_that_would_change_nothing_are_refused(
    tmp_path, monkeypatch, words, message
) -> None:
    """They were parsed and ignored."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.mid").write_bytes(PIECE.read_bytes())
    done = ugen_data("convert", *[PIECE if word == "PIECE" else word for word in words])
    assert_refused(done, f"ugen-data: {message}")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["song.wav", "song.mid"], "song.wav: cannot read .wav"),
        (["song", "song.mid"], "song: cannot read a file with no extension"),
        (["PIECE", "song.aac"], "song.aac: cannot write .aac"),
        (["nowhere.mid", "song.txt"], "nowhere.mid: No such file"),
        (
            ["words.txt", "song.mid"],
            "words.txt: word 2 is '129'; frames text holds numbers from 0 to 128",
        ),
        (["PIECE", "song.txt", "--ticks", "0"], "ticks must be 1 to 1920, not 0"),
        (["PIECE", "song.txt", "--to", ".csv"], "--to .csv: goes with a folder"),
        (["PIECE", "song.txt", "--show"], "--show: goes with a picture"),
        ([".", "out"], "--to: say which of .mid"),
    ],
)
def test_mistakes_get_one_line_and_exit_code_2(tmp_path, monkeypatch, words, message) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words.txt").write_text("61 129 0")
    done = ugen_data("convert", *[PIECE if word == "PIECE" else word for word in words])
    assert done.returncode == 2
    assert done.stderr.startswith("ugen-data: ") and message in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["words.txt"]


def test_stats_come_as_a_table_and_as_json(tmp_path: Path) -> None:
    write_midi(
        read_midi(midi_bytes(Score.build([(0, 960, 60, 80, 0, False)], 480))), tmp_path / "a.mid"
    )
    assert "notes_per_second" in ugen_data("stats", tmp_path / "a.mid").stdout
    done = ugen_data("stats", tmp_path / "a.mid", PIECE, "--json")
    assert done.stdout.count("\n") == 2 and '"seconds": 1.0' in done.stdout


# scores written as any kind


@pytest.mark.parametrize("kind", WRITABLE)
def test_a_score_is_written_as_the_kind_its_path_names(tmp_path: Path, kind: str) -> None:
    if kind == ".html":
        pytest.importorskip("ugen_web")
    score = Score.build([(0, 480, 60, 80, 0, False)], 480)
    write_score(score, tmp_path / f"a{kind}", pad_ticks=480 * 8, texts=["a note on the song"])
    data = (tmp_path / f"a{kind}").read_bytes()
    assert len(data) > 20 and [path.name for path in tmp_path.iterdir()] == [f"a{kind}"]
    assert (b"a note on the song" in data) == (kind in (".mid", ".midi", ".csv"))
    if kind == ".wav":
        assert len(data) == pytest.approx(4.5 * 48_000 * 4, abs=100), "silence up to the asked end"


@pytest.mark.parametrize("head", ["61 0", "61 65 0 61 0", "0 0 61 0 0 61 0", "21 61 108 0"])
def test_text_keeps_a_tail_of_rests_of_any_length(tmp_path: Path, head: str) -> None:
    text, song, again = tmp_path / "a.txt", tmp_path / "a.mid", tmp_path / "b.txt"
    for rests in (*range(9), 23, 24, 25, 47, 48, 49, 76, 77, 191, 192, 193, 2000):
        text.write_text(head + " 0" * rests)
        convert(text, song, Options())
        convert(song, again, Options())
        assert again.read_text().split() == text.read_text().split(), rests


def test_a_score_is_not_written_as_a_kind_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(UgenError, match=r"song\.aac: cannot write \.aac"):
        write_score(Score.build([], 480), tmp_path / "song.aac")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["0 0 61 0 61 65 0 0 61 0 0 0 0", "0 0 0", "61 0 " + "0 " * 500])
@pytest.mark.parametrize("through", [".mid", ".csv"])
def test_text_keeps_its_rests_through_midi_and_back(
    tmp_path: Path, text: str, through: str
) -> None:
    """Those after the last note were lost."""
    (tmp_path / "a.txt").write_text(text)
    convert(tmp_path / "a.txt", tmp_path / f"a{through}", Options())
    convert(tmp_path / f"a{through}", tmp_path / "b.txt", Options())
    assert (tmp_path / "b.txt").read_text().split() == text.split()


DAMAGED = header() + track(bytes.fromhex("00 903cff 60 803c00 00 3c50"))
SAID = "song.mid: track 1: a velocity over 127, read as 127"


@pytest.mark.parametrize("words", [["convert", "song.mid", f"a{kind}"] for kind in WRITABLE[:4]])
def test_converting_says_what_was_damaged(tmp_path, monkeypatch, words) -> None:
    """Only `prepare` did."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "song.mid").write_bytes(DAMAGED)
    done = ugen_data(*words)
    assert done.returncode == 0 and done.stderr.startswith(SAID)


def test_stats_say_what_was_damaged_and_print_what_can_be_read(tmp_path, monkeypatch) -> None:
    """One bad file hid the measures of the others."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "song.mid").write_bytes(DAMAGED)
    (tmp_path / "bad.mid").write_text("no music")
    done = ugen_data("stats", "bad.mid", "song.mid", PIECE, "--json")
    assert done.returncode == 2 and done.stdout.count("\n") == 2
    assert "bad.mid: not a MIDI file" in done.stderr and SAID in done.stderr
    assert done.stderr.endswith("ugen-data: 1 of 3 files could not be read; each is named above\n")


def test_a_folder_names_the_first_damaged_files_and_counts_the_others(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(23):
        (tmp_path / "in" / f"{number:02}song.mid").write_bytes(DAMAGED)
    done = ugen_data("convert", tmp_path / "in", tmp_path / "out", "--to", ".csv")
    assert done.stderr.count(SAID) == 20
    assert done.stderr.endswith("and 3 more files with such warnings\n")


def test_linked_folders_are_not_converted_and_named(tmp_path: Path) -> None:
    """They were passed over without a word."""
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    (source / "a.mid").symlink_to(PIECE)
    (source / "linked").symlink_to(PIECE.parent)
    done = ugen_data("convert", source, out, "--to", ".csv")
    said = f"{source / 'linked'}: a link to a folder, which is not followed\n"
    assert (done.returncode, done.stderr) == (0, said)
    assert [path.name for path in out.iterdir()] == ["a.csv"]
    (source / "gone.mid").symlink_to("nothing")
    done = ugen_data("convert", source, out, "--to", ".csv", "--force")
    assert done.returncode == 2 and f"{source / 'gone.mid'}: No such file" in done.stderr


def test_a_file_that_a_codec_refuses_is_named(tmp_path: Path) -> None:
    far = Score.build([(0, 1, 60, 80, 0, False), (10**8, 10**8 + 1, 60, 80, 0, False)], 480)
    write_midi(far, tmp_path / "far.mid")
    with pytest.raises(UgenError, match=r"far\.mid: lasts"):
        convert(tmp_path / "far.mid", tmp_path / "a.txt", Options())
