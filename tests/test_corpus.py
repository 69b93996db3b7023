"""Preparing a folder: every file is accounted for, duplicates and versions never leak, splits stay
put."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from odd_files import header, track
from support import BUNDLED, trained, ugen_data
from ugen.data import Score, UgenError, make_codec, midi_bytes, read_midi, write_midi
from ugen.data.cli.main import MUSIC
from ugen.data.codecs.registry import CODECS
from ugen.data.corpus.corpus import SPLITS, Corpus, ManifestRow
from ugen.data.corpus.near_duplicates import families
from ugen.data.corpus.prepare import Settings, prepare
from ugen.data.corpus.report import table
from ugen.data.corpus.report_page import page
from ugen.data.corpus.splits import split
from ugen.data.corpus.summary import facts
from ugen.data.files import write_json

BEATS = Settings(make_codec("beats"), valid=0.2)


def transposed(score: Score, semitones: int, stretch: int) -> Score:
    """The same piece in another key and at another speed."""
    notes = score.notes[~score.notes["drum"]].copy()
    notes["pitch"] += np.uint8(semitones)
    notes["onset"] *= stretch
    notes["end"] *= stretch
    return Score.build(notes, score.ticks_per_beat)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's folder: good files, broken ones, copies and versions."""
    folder = tmp_path / "folder"
    (folder / "deeper").mkdir(parents=True)
    for path in BUNDLED[40:52]:
        shutil.copy(path, folder / path.name)
    shutil.copy(BUNDLED[40], folder / "deeper" / "copy.mid")
    shutil.copy(BUNDLED[-1], folder / BUNDLED[-1].name)
    write_midi(transposed(read_midi(BUNDLED[-1]), 2, 2), folder / "version.mid")
    (folder / "page.mid").write_text("<!DOCTYPE html>")
    (folder / "empty.MID").write_bytes(b"")
    (folder / "silent.mid").write_bytes(midi_bytes(Score.build([], 480)))
    (folder / "drums.mid").write_bytes(
        midi_bytes(Score.build([(i, i + 9, 36, 80, 0, True) for i in range(99)], 480))
    )
    (folder / "cut.mid").write_bytes(BUNDLED[60].read_bytes()[:9000])
    (folder / "notes.txt").write_text("not music")
    return folder


def test_every_file_is_in_the_manifest_with_its_reason(folder: Path, tmp_path: Path) -> None:
    corpus = prepare(folder, tmp_path / "corpus", BEATS)
    rows = {row.file: row for row in corpus.rows}
    assert set(rows) == {
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()
    }
    assert all(row.reason and row.code for row in corpus.rows if row.status == "dropped")
    codes = {
        "page.mid": "unreadable",
        "empty.MID": "unreadable",
        "silent.mid": "no_notes",
        "drums.mid": "only_drums",
        "notes.txt": "not_midi",
        "cut.mid": "",
    }
    assert {name: rows[name].code for name in codes} == codes
    duplicates = [row for row in corpus.rows if row.code == "duplicate"]
    assert [row.reason for row in duplicates] == [f"the same music as {duplicates[0].family}"]
    assert "not a MIDI file (it has no MThd) (byte 0)" in rows["page.mid"].reason
    assert "not a MIDI file" in rows["empty.MID"].reason
    assert rows["silent.mid"].reason == "holds no notes"
    assert "drums only" in rows["drums.mid"].reason
    assert rows["notes.txt"].reason == "not a MIDI file (by extension)"
    same = {rows["deeper/copy.mid"].status, rows[BUNDLED[40].name].status}
    assert same == {"kept", "dropped"}, "one of two copies stays"
    assert rows["cut.mid"].status == "kept" and rows["cut.mid"].warnings, (
        "damage is repaired, with a warning"
    )


def test_the_corpus_holds_the_music(folder: Path, tmp_path: Path) -> None:
    corpus = prepare(folder, tmp_path / "corpus", BEATS)
    row = next(row for row in corpus.rows if row.file == BUNDLED[45].name)
    score = read_midi(BUNDLED[45])
    assert row.notes_in == len(score.notes)
    assert len(corpus.codec.decode(corpus.piece(row)).notes) == row.notes
    assert sum(row.tokens for row in corpus.rows) == len(corpus.tokens)


def test_versions_of_a_piece_share_its_family_and_split(folder: Path, tmp_path: Path) -> None:
    rows = {row.file: row for row in prepare(folder, tmp_path / "corpus", BEATS).rows}
    assert rows["version.mid"].family == rows[BUNDLED[-1].name].family
    assert rows["version.mid"].split == rows[BUNDLED[-1].name].split
    families = Counter(row.family for row in rows.values() if row.status == "kept")
    assert families.most_common(2)[0][1] == 2 and families.most_common(2)[1][1] == 1, (
        "other pieces are their own"
    )


def test_new_files_move_no_old_ones(folder: Path, tmp_path: Path) -> None:
    before = {
        row.file: row.split for row in prepare(MUSIC / "freedoom", tmp_path / "a", BEATS).rows
    }
    for path in (MUSIC / "freedoom").glob("*.mid"):
        shutil.copy(path, folder / path.name)
    after = {row.file: row.split for row in prepare(folder, tmp_path / "b", BEATS).rows}
    assert Counter(before.values())["valid"] > 5
    moved = [
        file for file, split in before.items() if split and after[file] and after[file] != split
    ]
    assert not moved


def test_workers_make_the_same_corpus(folder: Path, tmp_path: Path) -> None:
    one, two = prepare(folder, tmp_path / "1", BEATS, 1), prepare(folder, tmp_path / "2", BEATS, 2)
    assert one.rows == two.rows
    assert (one.tokens == two.tokens).all()
    assert one.hash == two.hash


def test_an_interrupted_run_goes_on_where_it_stopped(folder: Path, tmp_path: Path) -> None:
    whole = prepare(folder, tmp_path / "whole", BEATS)
    total = len(whole.rows)
    read: list[int] = []

    def interrupt(done: int, of: int) -> None:
        read.append(done)
        if done == total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(folder, tmp_path / "corpus", BEATS, on_file=interrupt)
    assert not (tmp_path / "corpus").exists(), "nothing stands under the final name"
    work = tmp_path / ".corpus.partial"
    with open(work / "journal.jsonl", "a") as stream:
        stream.write('{"stamp": ["half a li')  # as a power cut leaves it
    with open(work / "tokens.u16", "ab") as stream:
        stream.write(b"torn")
    resumed = prepare(
        folder, tmp_path / "corpus", BEATS, on_file=lambda done, of: read.append(done)
    )
    assert read == list(range(1, total + 1)), "no file is read twice"
    assert resumed.rows == whole.rows and resumed.hash == whole.hash
    assert (resumed.tokens == whole.tokens).all()
    assert not work.exists()


@pytest.mark.parametrize("zeros", [0, 1])
def test_tokens_that_a_power_cut_zeroed_are_read_again(
    folder: Path, tmp_path: Path, zeros: int
) -> None:
    """Files were trusted by their size alone: zeros where tokens had been went into the corpus."""
    whole = prepare(folder, tmp_path / "whole", BEATS)
    _stop_at_the_last_file(folder, tmp_path / "corpus")
    tokens = tmp_path / ".corpus.partial" / "tokens.u16"
    size = tokens.stat().st_size
    with open(tokens, "r+b") as stream:
        stream.seek(size // 2)
        stream.write(bytes(size - size // 2) if zeros else b"\xff")
    read: list[int] = []
    resumed = prepare(
        folder, tmp_path / "corpus", BEATS, on_file=lambda done, of: read.append(done)
    )
    assert 1 < read[0] < len(whole.rows) - 1, "what is sound stays"
    assert resumed.rows == whole.rows and (resumed.tokens == whole.tokens).all()


def _stop_at_the_last_file(folder: Path, out: Path) -> None:
    def interrupt(done: int, of: int) -> None:
        if done == of - 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(folder, out, BEATS, on_file=interrupt)


def test_a_changed_line_of_the_journal_is_read_again(folder: Path, tmp_path: Path) -> None:
    """Its numbers went into the corpus: only the tokens had a hash."""
    whole = prepare(folder, tmp_path / "whole", BEATS)
    _stop_at_the_last_file(folder, tmp_path / "corpus")
    journal = tmp_path / ".corpus.partial" / "journal.jsonl"
    text = journal.read_text()
    journal.write_text(text.replace('"notes": ', '"notes": 1', 3))
    assert journal.read_text() != text
    assert prepare(folder, tmp_path / "corpus", BEATS).rows == whole.rows


def test_all_is_on_disk_before_the_corpus_gets_its_name(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was flushed: after a power cut a file could stand under its name, and be empty."""
    flushed: list[str] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        name = os.readlink(f"/proc/self/fd/{descriptor}")
        flushed.append(str(Path(name).relative_to(tmp_path)))
        fsync(descriptor)

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("needs Linux's list of open files")
    monkeypatch.setattr(os, "fsync", watched)
    write_json(tmp_path / "a" / "x.json", {})
    assert flushed[0].startswith("a/.ugen-") and flushed[1:] == ["a"]
    flushed.clear()
    prepare(folder, tmp_path / "corpus", BEATS)
    names = ("corpus.json", "manifest.jsonl", "tokens.u16")
    assert {f".corpus.partial/{name}" for name in names} <= set(flushed)
    assert flushed[-2:] == [".corpus.partial", "."]


@pytest.mark.parametrize("change", ["a file", "the settings"])
def test_work_that_no_longer_holds_is_done_again(folder: Path, tmp_path: Path, change: str) -> None:
    def interrupt(done: int, of: int) -> None:
        if done == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(folder, tmp_path / "corpus", BEATS, on_file=interrupt)
    settings = BEATS
    if change == "a file":
        first = sorted(path for path in folder.rglob("*") if path.is_file())[0]
        shutil.copy(BUNDLED[70], first)
    else:
        settings = Settings(make_codec("frames"), valid=0.2)
    read: list[int] = []
    resumed = prepare(
        folder, tmp_path / "corpus", settings, on_file=lambda done, of: read.append(done)
    )
    assert read[0] == 1
    assert resumed.rows == prepare(folder, tmp_path / "fresh", settings).rows


def test_bad_folders_are_named_and_leave_nothing(tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    with pytest.raises(UgenError, match="nowhere: no such folder"):
        prepare(tmp_path / "nowhere", out, BEATS)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UgenError, match="no MIDI files in it"):
        prepare(empty, out, BEATS)
    shutil.copy(BUNDLED[0], empty / "one.mid")
    with pytest.raises(UgenError, match="1 of 1 files can be used, and at least two different"):
        prepare(empty, out, BEATS)
    assert not out.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_nothing_need_be_held_out(tmp_path: Path) -> None:
    """With --valid 0, ten good pieces were said to be too few."""
    folder = tmp_path / "folder"
    folder.mkdir()
    for path in BUNDLED[40:50]:
        shutil.copy(path, folder / path.name)
    corpus = prepare(folder, tmp_path / "corpus", replace(BEATS, valid=0.0))
    assert [len(corpus.pieces(name)) for name in SPLITS] == [10, 0, 0]
    refused = trained(corpus.path, "-o", tmp_path / "run", code=2)
    assert "corpus: holds out no pieces to evaluate with; prepare it with --valid" in refused
    for path in list(folder.iterdir())[1:]:
        path.unlink()
    assert len(prepare(folder, tmp_path / "one", replace(BEATS, valid=0.0)).pieces("train")) == 1
    for path in folder.iterdir():
        path.write_bytes(b"")
    with pytest.raises(UgenError, match="at least one piece is needed; most often: not a MIDI"):
        prepare(folder, tmp_path / "none", replace(BEATS, valid=0.0))


def test_versions_of_one_piece_are_named_as_the_reason(tmp_path: Path) -> None:
    """It was said that all 4 of 4 files can be used, and no more."""
    folder = tmp_path / "keys"
    folder.mkdir()
    score = read_midi(BUNDLED[45])
    for up in range(4):
        notes = score.notes.copy()
        notes["pitch"] += up
        write_midi(replace(score, notes=notes), folder / f"{up}.mid")
    with pytest.raises(UgenError, match="4 of 4 files can be used, all versions of one piece,"):
        prepare(folder, tmp_path / "corpus", BEATS)


@pytest.mark.parametrize("absolute", ["the folder", "the output", "both", "neither"])
def test_an_output_inside_the_folder_is_no_input(
    folder: Path, monkeypatch: pytest.MonkeyPatch, absolute: str
) -> None:
    """With one path absolute and the other relative, the work under way entered its manifest."""
    monkeypatch.chdir(folder.parent)
    root = folder if absolute in ("the folder", "both") else Path(folder.name)
    out = folder / "deeper" / "corpus"
    if absolute in ("the folder", "neither"):
        out = out.relative_to(folder.parent)
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}

    def interrupt(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(root, out, BEATS, on_file=interrupt)
    assert {row.file for row in prepare(root, out, BEATS).rows} == files


@pytest.mark.parametrize("codec", CODECS)
def test_a_few_bytes_cannot_claim_much_music(tmp_path: Path, codec: str) -> None:
    """301 bytes with meter changes far apart became 1.7 million tokens, and were kept."""
    folder = tmp_path / "folder"
    folder.mkdir()
    meters = [(190_000 * i, 1 + i % 2, 4) for i in range(40)]
    onsets = [0, *range(190_000 * 40, 190_000 * 40 + 15)]  # the first keeps what comes before
    notes = [(onset, onset + 1, 60 + i, 80, 0, False) for i, onset in enumerate(onsets)]
    write_midi(Score.build(notes, 1, [(0, 3000)], meters), folder / "bomb.mid")
    far = [(480 * 100 * i, 480 * 100 * i + 240, 60 + i, 80, 0, False) for i in range(16)]
    write_midi(Score.build(far, 480), folder / "sparse.mid")
    long = [(480 * i, 480 * (i + 3000), 60 + i, 80, 0, False) for i in range(16)]
    write_midi(Score.build(long, 480), folder / "organ.mid")
    shutil.copy(BUNDLED[0], folder)
    corpus = prepare(folder, tmp_path / "corpus", Settings(make_codec(codec), valid=0.0))
    dropped = {row.file: row.reason for row in corpus.rows if row.code == "not_encodable"}
    if codec == "beats":
        assert re.fullmatch(r"has 5,7\d\d,\d\d\d bars and only 16 notes", dropped["bomb.mid"])
    else:
        assert re.fullmatch(r"lasts \d+:\d\d:\d\d and has only 16 notes", dropped["bomb.mid"])
    steps = 48 * 32 / 0.026
    most = 8 * steps if codec == "khot" else 2 * steps  # words of a vector; time and a pitch
    assert all(row.tokens < most for row in corpus.rows if row.notes == 16)


def test_an_existing_folder_is_never_overwritten(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(UgenError, match="mine: exists already"):
        prepare(folder, tmp_path / "mine", BEATS)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def edit(corpus: Path, name: str, value: object) -> None:
    """Change a field of the first row that was kept."""
    path = corpus / "manifest.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    kept = next(i for i, row in enumerate(rows) if row["status"] == "kept")
    rows[kept][name] = value
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda c: (c / "tokens.u16").write_bytes(b"12345"),
            r"tokens\.u16: 5 bytes, but the manifest has \d+",
        ),
        (lambda c: (c / "tokens.u16").unlink(), "tokens.u16: No such file"),
        (lambda c: (c / "manifest.jsonl").write_text("{}\n"), "line 1 is not a manifest row"),
        (lambda c: (c / "corpus.json").write_text("{"), "not valid JSON"),
        (
            lambda c: (c / "corpus.json").write_text('{"format": 9}'),
            "corpus format 9; this ugen reads format 1",
        ),
        (
            lambda c: (c / "corpus.json").write_text('{"format": 1}'),
            r"corpus\.json: hash is missing",
        ),
        (
            lambda c: edit(c, "sha256", 5),
            r"line \d+ is not a manifest row \(sha256 is 5, and must be a",
        ),
        (lambda c: edit(c, "notes", True), r"\(notes is true, and must be a whole number\)"),
        (lambda c: edit(c, "seconds", None), r"\(seconds is null, and must be a number\)"),
        (lambda c: edit(c, "code", "bad luck"), r'\(code is "bad luck", and must be'),
        (lambda c: edit(c, "more", 1), r"\(more is unknown\)"),
        (lambda c: edit(c, "lost", -1), r"\(a number below 0"),
        (lambda c: edit(c, "seconds", 1e300), r"\(a number below 0, or too large"),
        (lambda c: edit(c, "split", "all"), r"\(kept, with \d+ tokens in the split 'all'"),
        (lambda c: edit(c, "status", "dropped"), r"\(dropped, with \d+ tokens"),
        (lambda c: edit(c, "offset", 7), r"\(tokens or offset do not follow"),
    ],
)
def test_damaged_corpora_are_refused_by_part(
    small_corpus: Corpus, tmp_path: Path, damage, message: str
) -> None:
    copy = shutil.copytree(small_corpus.path, tmp_path / "corpus")
    damage(copy)
    with pytest.raises(UgenError, match=message):
        Corpus.open(copy)


def test_the_pedal_is_folded_in_when_asked(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, step in (("a", 1), ("b", 3)):
        song = bytearray(
            midi_bytes(
                Score.build(
                    [
                        (i * 480, i * 480 + 240, 50 + i * i * step % 19, 80, 0, False)
                        for i in range(40)
                    ],
                    480,
                )
            )
        )
        down = bytes.fromhex("00 b0407f")
        at = song.rfind(b"MTrk")
        song[at + 4 : at + 8] = (int.from_bytes(song[at + 4 : at + 8], "big") + len(down)).to_bytes(
            4, "big"
        )
        song[at + 8 : at + 8] = down
        (folder / f"{name}.mid").write_bytes(song)
    lengths = []
    for sustain in (False, True):
        settings = Settings(make_codec("beats"), valid=0.5, sustain=sustain)
        corpus = prepare(folder, tmp_path / f"{sustain}", settings)
        row = next(row for row in corpus.rows if row.file == "a.mid")
        notes = corpus.codec.decode(corpus.piece(row)).notes
        lengths.append(int((notes["end"] - notes["onset"]).max()))
    assert lengths[0] == 12 and lengths[1] > 100


def test_fractions_out_of_range_are_named() -> None:
    with pytest.raises(UgenError, match=r"--valid 1\.5: must be 0 or more, and less than 1"):
        Settings(make_codec("beats"), valid=1.5)


def test_file_names_that_are_hardly_text_are_kept_track_of(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    odd_names = [
        "line\u2028break.mid",
        "next\x85line.mid",
        os.fsdecode(b"caf\xe9.mid"),
        "名前 ünï.mid",
        "<b>.mid",
    ]
    for name, path in zip(odd_names, BUNDLED[40:], strict=False):
        shutil.copy(path, folder / name)
    corpus = prepare(folder, tmp_path / "corpus", BEATS)
    assert {row.file for row in corpus.rows if row.status == "kept"} == set(odd_names)


def test_manifest_rows_are_json_lines(small_corpus: Corpus) -> None:
    lines = (small_corpus.path / "manifest.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == len(small_corpus.rows)
    assert {key for line in lines for key in json.loads(line)} == set(
        ManifestRow("x", "kept").__dataclass_fields__
    )


def test_the_manifest_is_a_table_for_notebooks(small_corpus: Corpus) -> None:
    pytest.importorskip("pandas")
    frame = small_corpus.manifest()
    assert len(frame) == len(small_corpus.rows) and list(frame.columns) == [
        *ManifestRow.__dataclass_fields__
    ]
    assert frame["tokens"].sum() == len(small_corpus.tokens)
    assert set(frame[frame["split"] == "train"]["file"]) == {
        row.file for row in small_corpus.pieces("train")
    }


def test_links_locked_folders_archives_and_empty_files_have_their_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linked folders, dangling links and locked folders had no row."""
    folder = tmp_path / "folder"
    for name in ("real", "locked"):
        (folder / name).mkdir(parents=True)
    shutil.copy(BUNDLED[0], folder / "real")
    (folder / "linked").symlink_to(folder / "real")
    (folder / "loop").symlink_to(folder)
    (folder / "gone.mid").symlink_to("nothing")
    (folder / "empty.mid").touch()
    (folder / "songs.zip").write_bytes(b"PK")
    os.mkfifo(folder / "pipe.mid")
    scandir = os.scandir

    def locked(path: str) -> Any:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", locked)
    corpus = prepare(folder, tmp_path / "corpus", Settings(make_codec("beats"), valid=0.0))
    assert {row.file: row.reason for row in corpus.rows if row.reason} == {
        "empty.mid": "not a MIDI file (it is empty) (byte 0)",
        "gone.mid": "a link to nothing",
        "linked": "a link to a folder, which is not followed",
        "locked": "a folder that may not be read",
        "loop": "a link to a folder, which is not followed",
        "pipe.mid": "not a file",
        "songs.zip": "an archive; unpack it first",
    }


def test_long_silence_before_the_music_is_cut_and_short_silence_kept(tmp_path: Path) -> None:
    """Bar after bar of it was learned from; then the file counted as a damaged one."""
    folder = tmp_path / "folder"
    folder.mkdir()
    for bars in (0, 4, 30):
        at = 1920 * bars + 960
        notes = [(at + 480 * i, at + 480 * i + 240, 60 + i, 80 + bars, 0, False) for i in range(16)]
        write_midi(Score.build(notes, 480), folder / f"{bars}.mid")
    damaged = header() + track(bytes.fromhex("3c50 00"))
    (folder / "damaged.mid").write_bytes(damaged)
    said = ugen_data("prepare", folder, "-o", tmp_path / "corpus", "--valid", 0).stdout
    assert "\n  silence before the first note cut in 1 file\nnext: " in said, "none was damaged"
    corpus = Corpus.open(tmp_path / "corpus")
    text = table(facts(corpus))
    assert "30.mid: 1:00" in text and "30.mid" in page(facts(corpus)) and "epaired" not in text
    rows = {row.file: row for row in corpus.rows}
    assert rows["0.mid"].warnings == rows["4.mid"].warnings == ()
    assert rows["30.mid"].warnings == () and rows["30.mid"].silence_cut == 60
    assert rows["0.mid"].silence_cut == rows["4.mid"].silence_cut == 0
    assert rows["30.mid"].tokens == rows["0.mid"].tokens == rows["4.mid"].tokens - 4
    assert rows["damaged.mid"].reason.startswith("no notes could be read: track 1: a data byte")


@pytest.mark.parametrize("size", [1, 2, 20])
def test_a_family_is_held_out_as_often_as_a_single_piece(size: int) -> None:
    """By the least hash of its members, a family of twenty was held out seven times in eight."""
    names = [(family, str(member)) for family in range(2000) for member in range(size)]
    rows = [
        ManifestRow(name, "kept", family=str(family), sha256=digest(f"{family} {name}"))
        for family, name in names
    ]
    split_rows = split(rows, 0.1, 0.2)
    splits = {row.family: row.split for row in split_rows}
    assert all(splits[row.family] == row.split for row in split_rows), "families stay together"
    counts = Counter(splits.values())
    # 2,000 families: 5 standard deviations are 67 and 89
    assert abs(counts["valid"] - 200) < 67 and abs(counts["test"] - 400) < 89


def digest(text: str) -> str:
    """sha256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def test_many_versions_of_one_piece_take_no_time_with_their_square() -> None:
    """A thousand took a minute."""
    chance = np.random.default_rng(0)
    piece = chance.integers(0, 2**63, 128).astype(np.uint64)
    versions = []
    for _ in range(2000):
        version = piece.copy()
        version[chance.choice(128, 20, False)] = chance.integers(0, 2**63, 20)
        versions.append(np.unique(version))
    others = [np.unique(chance.integers(0, 2**63, 128).astype(np.uint64)) for _ in range(100)]
    began = time.process_time()
    assert families(versions + others) == [0] * 2000 + list(range(2000, 2100))
    assert time.process_time() - began < 5
