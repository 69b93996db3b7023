"""The report of a corpus: its sums are the manifest's, it names every file, and says what looks
odd."""

from __future__ import annotations

import html
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from html_page import Page
from support import BUNDLED
from ugen.data import Score, UgenError, make_codec, midi_bytes, read_midi, write_midi
from ugen.data.corpus.corpus import SPLITS, Corpus
from ugen.data.corpus.prepare import Settings, prepare
from ugen.data.corpus.report import findings, table
from ugen.data.corpus.report_page import page
from ugen.data.corpus.summary import Facts, facts
from ugen.data.text import printable


@pytest.fixture(scope="module")
def odd_corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """A user's folder: a few good pieces, a copy, a version, and more files that are dropped than
    kept."""
    folder = tmp_path_factory.mktemp("odd") / "folder"
    folder.mkdir()
    pieces = [read_midi(path) for path in (*BUNDLED[40:43], BUNDLED[-1])]
    for name, piece in zip(
        ("<b>.mid", "two & three.mid", "three.mid", "original.mid"), pieces, strict=True
    ):
        write_midi(piece.until(piece.tick_at(40.0)), folder / name)
    shutil.copy(folder / "<b>.mid", folder / "<copy>.mid")
    notes = read_midi(folder / "original.mid").notes.copy()
    notes["pitch"] += np.uint8(2)
    write_midi(Score.build(notes, pieces[-1].ticks_per_beat), folder / "version.mid")
    (folder / "cut.mid").write_bytes(BUNDLED[60].read_bytes()[:9000])
    for i in range(1, 6):
        (folder / f"empty{i}.mid").write_bytes(b"")
        short = Score.build([(480 * k, 480 * k + 240, 60 + k, 80, 0, False) for k in range(i)], 480)
        (folder / f"short{i}.mid").write_bytes(midi_bytes(short))
    (folder / "notes.txt").write_text("not music")
    return prepare(folder, folder.parent / "corpus", Settings(make_codec("beats"), valid=0.2))


def assert_sums_agree(corpus: Corpus, found: Facts) -> None:
    """The report's sums are those of the manifest and of the tokens themselves."""
    kept = [row for row in corpus.rows if row.status == "kept"]
    assert (
        len(found.kept)
        == len(kept)
        == sum(split.pieces for split in found.splits)
        == found.total.pieces
    )
    assert sum(len(files) for files in found.dropped.values()) == len(corpus.rows) - len(kept)
    assert found.notes_in == sum(row.notes_in for row in kept)
    assert found.lost == sum(row.lost for row in kept)
    assert found.total.tokens == len(corpus.tokens) == sum(kind.count for kind in found.kinds)
    assert found.total.notes == sum(row.notes for row in kept)
    for name, split in zip(SPLITS, found.splits, strict=True):
        rows = corpus.pieces(name)
        assert (split.name, split.pieces, split.tokens) == (
            name,
            len(rows),
            sum(row.tokens for row in rows),
        )
        assert split.seconds == pytest.approx(sum(row.seconds for row in rows))


def test_sums_are_the_manifests(small_corpus: Corpus, odd_corpus: Corpus) -> None:
    for corpus in (small_corpus, odd_corpus):
        assert_sums_agree(corpus, facts(corpus))


def test_events_are_counted_as_they_stand_in_the_tokens(small_corpus: Corpus) -> None:
    found, codec = facts(small_corpus), small_corpus.codec
    names = [codec.events[token] for token in small_corpus.tokens.tolist()]
    assert found.pitches == tuple(names.count(f"pitch:{pitch}") for pitch in range(128))
    assert found.tempos and all(n == names.count(f"tempo:{bpm}") for bpm, n in found.tempos.items())
    assert {kind.name: kind.count for kind in found.kinds}["duration"] == sum(
        n.startswith("duration:") for n in names
    )
    trained = {
        codec.events[token]
        for row in small_corpus.pieces("train")
        for token in small_corpus.piece(row)
    }
    assert set(found.unseen) == set(codec.events) - trained
    assert sum(kind.events - kind.in_training for kind in found.kinds) == len(found.unseen)
    assert set(found.held_out_only) == set(names) - trained
    seconds = sorted(row.seconds for row in found.kept)
    assert (found.lengths[0], found.lengths[-1]) == (seconds[0], seconds[-1])


def test_copies_versions_and_damage_are_named(odd_corpus: Corpus) -> None:
    found = facts(odd_corpus)
    assert [(row.file, row.family) for row in found.dropped["duplicate"]] == [
        ("<copy>.mid", "<b>.mid")
    ]
    assert {frozenset((head, *files)) for head, files in found.families.items()} == {
        frozenset(("original.mid", "version.mid"))
    }
    assert [row.file for row in found.repaired] == ["cut.mid"]
    assert [row.file for row in found.dropped["too_short"]] == [
        f"short{i}.mid" for i in range(1, 6)
    ]
    assert [len(files) for files in found.dropped.values()] == [5, 5, 1, 1], (
        "the most frequent first"
    )


def test_a_lopsided_corpus_is_called_so(odd_corpus: Corpus) -> None:
    found, text = facts(odd_corpus), table(facts(odd_corpus))
    assert findings(found)[0].startswith(
        "more than half of the files were dropped: most often (5 of 12) "
    )
    for words in (
        "1 damaged file repaired",
        "validation has only",
        "training has only",
        "training lasts only",
    ):
        assert words in text and words in page(found)
    one = replace(found.splits[1], pieces=1)
    lopsided = replace(found, splits=(found.splits[0], one, found.splits[2]))
    assert "validation has only 1 piece" in findings(lopsided)
    none = replace(found, splits=(found.splits[0], replace(one, pieces=0), found.splits[2]))
    assert any("there is no validation" in words for words in findings(none))
    splits = tuple(
        replace(each, pieces=n, asked=a)
        for each, n, a in zip(found.splits, (20, 80, 0), (0, 0.1, 0), strict=True)
    )
    uneven = replace(found, splits=splits)
    assert (
        "validation has 80% of the pieces, where 10% were asked for: versions of a piece stay "
        "together" in findings(uneven)
    )
    lossy = replace(found, lost=found.total.notes)
    assert "50.0% of the notes did not fit the codec's time grid" in findings(lossy)


def test_a_corpus_with_nothing_odd_has_no_findings(odd_corpus: Corpus) -> None:
    found = facts(odd_corpus)
    fine = tuple(replace(split, pieces=100, seconds=1e5, tokens=10**9) for split in found.splits)
    calm = replace(
        found,
        splits=fine,
        dropped={},
        repaired=(),
        families={},
        held_out_only={},
        tempos={90: 1, 120: 1},
    )
    assert findings(calm) == []
    assert "No problems found" in table(calm) and "No problems found" in page(calm)


def test_the_table_fits_a_terminal_whatever_the_corpus(
    small_corpus: Corpus, odd_corpus: Corpus
) -> None:
    found = facts(odd_corpus)
    name = "a\n\x1b[31m" + "long " * 60
    wild = replace(
        found,
        name=name,
        lost=10**6,
        kept=tuple(
            replace(row, file=name, lost=10**5, warnings=(name,)) for row in found.kept * 20
        ),
        repaired=found.kept * 20,
        dropped={
            code: (replace(row, file=name, reason=name, family=name),) * 90
            for code, (row, *_) in found.dropped.items()
        },
        families={f"{name}{i}": (name,) * 9 for i in range(99)},
        held_out_only={name + str(i): 10**6 for i in range(9)},
    )
    for each in (found, wild, facts(small_corpus)):
        lines = table(each).splitlines()
        assert len(lines) <= 60 and max(map(len, lines)) <= 100
        assert all(line == printable(line) for line in lines)


def test_every_file_is_on_the_page_and_its_name_escaped(
    small_corpus: Corpus, odd_corpus: Corpus
) -> None:
    for corpus in (small_corpus, odd_corpus):
        text = page(facts(corpus))
        cells = Page(text).cells
        files = cells[-8 * len(corpus.rows) :: 8]
        assert files == [row.file for row in corpus.rows]
        for row, at in zip(
            corpus.rows, range(len(cells) - 8 * len(corpus.rows), len(cells), 8), strict=True
        ):
            counts = [
                f"{row.notes_in:,}",
                f"{row.lost:,}",
                f"{row.seconds:,.1f}",
                f"{row.tokens:,}",
            ]
            assert cells[at + 1 : at + 7] == [row.status, row.split, *counts]
            assert cells[at + 7] == (row.reason or "; ".join(row.warnings))
    assert html.escape("<b>.mid") in text and "<b>" not in text and "two &amp; three.mid" in text


def test_the_page_needs_nothing_beside_itself(odd_corpus: Corpus) -> None:
    text = page(facts(odd_corpus))
    read = Page(text)
    assert text.startswith("<!DOCTYPE html>")
    assert not {"script", "link", "img", "iframe"} & set(read.seen)
    assert not {"src", "href", "onclick", "onload"} & read.names
    assert (
        "http:" not in text
        and "https:" not in text
        and "url(" not in text
        and "@import" not in text
    )
    assert read.seen.count("rect") > 10, "the charts are drawn"


def test_names_that_no_encoding_holds_do_not_break_the_page(odd_corpus: Corpus) -> None:
    found = facts(odd_corpus)
    row = replace(found.rows[0], file="caf\udce9\u2028.mid")
    assert "caf\ufffd\ufffd.mid".encode() in page(replace(found, rows=(row,))).encode("utf-8")


def test_a_codec_without_tempo_is_reported(small_folder: Path, tmp_path: Path) -> None:
    corpus = prepare(small_folder, tmp_path / "frames", Settings(make_codec("frames"), valid=0.2))
    found = facts(corpus)
    assert_sums_agree(corpus, found)
    assert found.tempos == {} and "Tempos" not in table(found)
    assert [kind.name for kind in found.kinds] == ["step", "pitch"]
    Page(page(found))


def test_tokens_of_another_codec_are_refused(small_corpus: Corpus, tmp_path: Path) -> None:
    """On opening: to train on them was a traceback."""
    copy = shutil.copytree(small_corpus.path, tmp_path / "corpus")
    wrong = np.full(len(small_corpus.tokens), small_corpus.codec.vocabulary, "<u2")
    (copy / "tokens.u16").write_bytes(wrong.tobytes())
    with pytest.raises(UgenError, match="holds tokens of .* prepare the corpus again"):
        Corpus.open(copy)


def test_a_khot_corpus_is_counted_by_the_pitches_that_sound(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for path in BUNDLED[-4:]:
        shutil.copy(path, folder / path.name)
    corpus = prepare(folder, tmp_path / "corpus", Settings(make_codec("khot"), valid=0.3))
    found = facts(corpus)
    rows = [row for row in corpus.rows if row.status == "kept"]
    sounding = sum(corpus.codec.counts(corpus.piece(row)) for row in rows)
    assert list(found.pitches) == sounding.tolist() and sum(found.pitches) > 10_000
    assert "pitch" in table(found)
