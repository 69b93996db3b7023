"""What was copied is found: in any key, at any tempo, inside other music, with its piece; what was
not, hardly ever."""

from __future__ import annotations

import base64
import copy
import json
import shutil
import tracemalloc
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from model_files import made
from numpy.typing import NDArray
from scoring import refused, ugen_score
from support import BUNDLED, scores, ugen_run
from ugen.data import Score, UgenError, arrange, make_codec, read_midi, write_midi
from ugen.data.analysis import originality as originalities
from ugen.data.analysis.fingerprint_table import SPARE, HeldOut, Table, bits_for, table_from_json
from ugen.data.analysis.fingerprints import N, grams, notes_in_order, reach
from ugen.data.analysis.originality import MOST_CHARACTERS, MOST_PIECES, make_table, originality
from ugen.data.corpus.near_duplicates import resemblance, sketch
from ugen.data.json_values import MAX_CHARACTERS
from ugen.data.score import NOTE
from ugen.export import torchscript
from ugen.export.export import export
from ugen.export.settings import ExportSettings
from ugen.runtime import Card, ModelError, Sampling
from ugen.runtime.model_file.card import card_from_metadata
from ugen.runtime.model_file.check import read_card
from ugen.train.learning.trainer import Trainer
from ugen.train.run_folder import originality as training

CODECS = ("beats", "events", "frames", "khot")
LEARNED, UNHEARD = BUNDLED[2::6], BUNDLED[5::6]


def heard(path: Path, codec: str = "beats") -> Score:
    """A piece as a model knows it."""
    speaks = make_codec(codec)
    return speaks.decode(speaks.encode(arrange(read_midi(path), "piano")).tokens)


@pytest.fixture(scope="module")
def table() -> Table:
    """All runs of notes of a sixth of the bundled music."""
    return make_table([path.name for path in LEARNED], map(heard, LEARNED))


def moved(score: Score, semitones: int = 0, later: int = 0, slower: float = 1.0) -> Score:
    """A score in another key, at another time, with longer or shorter ticks."""
    notes = score.notes.copy()
    notes["pitch"] += np.uint8(semitones % 256)
    for field in ("onset", "end"):
        notes[field] = np.rint(notes[field] * slower).astype(np.int64) + later
    notes["end"] = np.maximum(notes["end"], notes["onset"] + 1)
    return replace(score, notes=notes)


def telling(score: Score) -> NDArray[np.void]:
    """A score's notes but for the repetitions that it begins or ends with."""
    notes = notes_in_order(score)
    _, places = grams(notes)
    whole: NDArray[np.void] = notes[places[0] : places[-1] + N] if len(places) else notes[:0]
    return whole


# what was copied


@pytest.mark.parametrize("codec", CODECS)
def test_a_copy_is_found_whole_and_its_piece_named(codec: str) -> None:
    """Out of the codec as a model's song is; twice through it changes nothing that is looked at."""
    paths = LEARNED[::5]
    table = make_table([path.name for path in paths], [heard(path, codec) for path in paths])
    speaks = make_codec(codec)
    for path in paths:
        song = speaks.decode(speaks.encode(heard(path, codec)).tokens)
        found = originality(song, table)
        whole = telling(song)
        assert found.longest is not None and found.longest.notes == len(whole) > 0.9 * found.notes
        assert path.name in found.longest.pieces and found.share == len(whole) / found.notes
        begin, end = song.seconds_at(np.array([whole["onset"][0], whole["end"].max()]))
        assert (found.longest.begin, found.longest.end) == pytest.approx((begin, end))
        assert found.seconds == pytest.approx(song.seconds)


@pytest.mark.parametrize("semitones", [-5, -1, 1, 6])
def test_a_transposed_copy_is_found_whole(semitones: int, table: Table) -> None:
    for path in LEARNED[::4]:
        song = heard(path)
        pitches = song.notes["pitch"].astype(int) + semitones
        assert pitches.min() >= 0 and pitches.max() < 128
        found = originality(moved(song, semitones), table)
        assert found.longest is not None and found.longest.notes == len(telling(song))
        assert path.name in found.longest.pieces


def test_a_copy_at_another_tempo_is_found_whole(table: Table) -> None:
    """Another tempo map, and the same of longer ticks, as a codec of seconds would have it."""
    for path in LEARNED[::4]:
        song = heard(path)
        faster = replace(song, tempos=song.tempos.copy())
        faster.tempos["usec"] //= 2
        for other in (faster, moved(song, slower=3.0), moved(song, slower=1.1)):
            found = originality(other, table)
            assert found.longest is not None and found.longest.notes > 0.9 * found.notes
            assert path.name in found.longest.pieces


@pytest.mark.parametrize("codec", ["events", "frames", "khot"])
def test_most_of_a_copy_a_tenth_faster_is_found_on_a_grid_of_seconds(codec: str) -> None:
    paths = [path for path in BUNDLED if path.parent.name == "piano"][:4]
    table = make_table([path.name for path in paths], [heard(path, codec) for path in paths])
    speaks = make_codec(codec)
    for path in paths:
        original = arrange(read_midi(path), "piano")
        faster = replace(original, tempos=original.tempos.copy())
        faster.tempos["usec"] = faster.tempos["usec"] * 10 // 11
        found = originality(speaks.decode(speaks.encode(faster).tokens), table)
        assert found.longest is not None and path.name in found.longest.pieces
        assert found.longest.notes >= 30 and found.share > 0.6


def test_thirty_notes_inside_other_music_are_found_where_they_are(table: Table) -> None:
    """A passage from the middle of each piece, in another key, between two halves of music that was
    not learned."""
    other = heard(UNHEARD[-1])
    rng, grid = np.random.default_rng(0), other.ticks_per_beat
    for path in LEARNED[::3]:
        source = notes_in_order(heard(path))
        _, places = grams(source)
        whole = [
            k for k in places[:-30].tolist() if {k, k + 18} <= {*places.tolist()}
        ]  # no repetition at its ends
        at = int(rng.choice(whole))
        passage = source[at : at + 30].copy()
        assert heard(path).ticks_per_beat == grid
        half = notes_in_order(other)[:200]
        begin = int(half["onset"][-1]) + grid
        shift = begin - int(passage["onset"][0])
        for field in ("onset", "end"):
            passage[field] += shift
        passage["pitch"] += 2
        after = half.copy()
        for field in ("onset", "end"):
            after[field] += int(passage["onset"][-1]) + grid
        song = replace(other, notes=np.concatenate([half, passage, after]))
        found = originality(song, table).longest
        assert found is not None and 30 <= found.notes <= 33, (
            "a note or two beside it can fit by chance"
        )
        assert 198 <= found.first <= 200 and path.name in found.pieces
        seconds = song.seconds_at(np.array([passage["onset"][0], passage["end"].max()]))
        assert found.begin <= seconds[0] + 1e-9 and found.end >= seconds[1] - 1e-9


def test_a_winnowed_table_finds_every_passage_that_it_says_it_finds() -> None:
    """In 24,000 characters; what it reports is at most window - 1 notes short at either end."""
    table = make_table([path.name for path in LEARNED], map(heard, LEARNED), characters=24_000)
    assert (
        table.window > 2
        and table.certain == N + table.window - 1
        and len(table.encoded()) <= 24_000
    )
    rng = np.random.default_rng(1)
    for path in LEARNED:
        source = heard(path)
        notes = notes_in_order(source)
        _, places = grams(notes)
        for _ in range(5):
            first = int(rng.integers(0, len(places) - 2 * table.certain))
            for runs in (table.window, 2 * table.certain):
                begin, end = places[first], places[first + runs - 1] + N
                found = originality(replace(source, notes=notes[begin:end]), table).longest
                assert found is not None and path.name in found.pieces
                unseen = (
                    2 * (table.window - 1)
                    if (np.diff(places[first : first + runs]) == 1).all()
                    else end - begin
                )
                assert end - begin - unseen <= found.notes <= end - begin
    whole = originality(heard(LEARNED[3]), table)
    assert (
        whole.longest is not None
        and whole.longest.notes > whole.notes - 2 * table.window
        and whole.share > 0.95
    )


def test_a_passage_ends_where_the_piece_lacks_a_run_that_it_would_have_kept() -> None:
    """A table of windows of 5 with all runs of a piece but one in its middle, which winnowing
    keeps."""
    score = heard(LEARNED[0])
    score = replace(score, notes=notes_in_order(score)[:200])
    hashes, places = grams(score.notes)
    kept = np.flatnonzero(reach(hashes) >= 5)
    at = int(kept[len(kept) // 2])
    there = np.sort(hashes[hashes != hashes[at]]) >> np.uint64(2)
    whole = Table(("a",), there, np.zeros(len(there), np.int64), 62, window=5)
    longest = originality(score, whole).longest
    assert longest is not None and longest.notes <= max(
        places[at] + N - 1, len(score.notes) - places[at] - 1
    )
    unasked = int(
        np.setdiff1d(np.arange(20, 100), kept)[0]
    )  # one that winnowing leaves out is missed by nobody
    there = np.sort(hashes[hashes != hashes[unasked]]) >> np.uint64(2)
    longest = originality(
        score, replace(whole, keys=there, owners=np.zeros(len(there), np.int64))
    ).longest
    assert longest is not None and longest.notes == len(telling(score))


# what was not


def test_music_that_was_not_learned_has_short_passages_in_common(table: Table) -> None:
    """Real pieces share accompaniments and repeated notes, but most of them no dozen notes in a
    row."""
    known = [sketch(heard(path)) for path in LEARNED]
    strangers = [
        heard(path)
        for path in {*UNHEARD, *BUNDLED} - {*LEARNED}
        if path in UNHEARD or "piano" in path.parts
    ]
    strangers = [
        each for each in strangers if all(resemblance(sketch(each), other) < 0.1 for other in known)
    ]
    found = [originality(each, table) for each in strangers]
    longest = [each.longest.notes if each.longest else 0 for each in found]
    assert len(found) > 20 and max(longest) < 40 and np.median(longest) == 0
    assert np.mean([each.share for each in found]) < 0.05


def test_a_hash_that_no_piece_has_is_found_as_seldom_as_the_table_says(table: Table) -> None:
    """2 million random hashes; the chance that a sound table fails this is that of four standard
    deviations, 3e-5."""
    hashes = np.random.default_rng(2).integers(0, 1 << 64, 2_000_000, np.uint64)
    hits = len(np.unique(table.lookup(hashes)[0]))
    expected = len(hashes) * len(np.unique(table.keys)) / 2**table.bits
    assert table.false_positives <= 2**-SPARE and expected <= len(hashes) * table.false_positives
    assert abs(hits - expected) < 4 * expected**0.5 + 1


def test_what_is_held_out_gives_the_proportion(table: Table) -> None:
    out = [heard(path) for path in UNHEARD[:3]]
    held = make_table([path.name for path in LEARNED], map(heard, LEARNED), out).held_out
    found = [originality(score, table) for score in out]
    longest = [each.longest.notes if each.longest else 0 for each in found]
    share = round(float(np.median([each.share for each in found])), 4)
    minutes = [originality(score.until(score.tick_at(60)), table).longest for score in out]
    common = max(each.notes if each else 0 for each in minutes)
    assert held == HeldOut(3, float(np.median(longest)), max(longest), share, common)


@given(scores())
def test_any_score_can_be_asked(score: Score) -> None:
    table = make_table(["itself"], [score])
    found = originality(score, table)
    count = len(telling(score))
    assert found.notes == len(notes_in_order(score)) and (found.longest is None) == (count == 0)
    assert found.longest is None or found.longest.notes == count
    assert originality(score, make_table([], [])).longest is None
    assert table_from_json(json.loads(json.dumps(table.to_json()))).to_json() == table.to_json()


# hashes and winnowing


def test_hashes_are_what_they_have_always_been() -> None:
    """The hash is part of the file format: these numbers never change."""
    notes = np.zeros(14, NOTE)
    notes["pitch"] = [60, 64, 67, 60, 62, 64, 65, 67, 69, 71, 48, 72, 50, 127]
    notes["onset"] = [0, 0, 0, 24, 48, 60, 72, 84, 108, 156, 180, 180, 192, 300]
    notes["end"] = notes["onset"] + 10
    found, places = grams(notes)
    assert places.tolist() == [0, 1, 2]
    assert [hex(value) for value in found.tolist()] == GOLDEN
    assert len(grams(notes[:11])[0]) == 0 and grams(notes[:12])[0].tolist() == found[:1].tolist()


GOLDEN = ["0x366d3ceb262c9e26", "0x85c90e3f5ab1ffe7", "0x31cb38ac9a531a75"]


def by_the_page(notes: list[tuple[int, int]]) -> int:
    """The hash of a run of (onset, pitch), written from docs/model-format.md alone."""
    value, before = 0, 0
    for (onset, pitch), (next_onset, next_pitch) in zip(notes, notes[1:], strict=False):
        gap, kind = next_onset - onset, 0
        if gap:
            kind = (
                2
                if not before or before**2 < 2 * gap**2 and gap**2 < 2 * before**2
                else 1
                if gap < before
                else 3
            )
            before = gap
        value = (value + ((next_pitch - pitch + 127) * 4 + kind + 1) * 0x9E3779B97F4A7C15) % 2**64
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
            value = (value ^ value >> shift) * factor % 2**64
    return value


@given(scores())
def test_hashes_are_those_of_the_page(score: Score) -> None:
    notes = notes_in_order(score)
    plain = list(zip(notes["onset"].tolist(), notes["pitch"].tolist(), strict=True))
    hashes, places = grams(notes, 5)
    assert hashes.tolist() == [by_the_page(plain[k : k + 5]) for k in places]


@given(st.lists(st.integers(0, 12), max_size=60), st.integers(1, 12))
def test_reach_is_winnowing(values: list[int], window: int) -> None:
    """Against windows taken one by one, each with its last least hash; many hashes are equal
    here."""
    hashes = np.array(values, np.uint64)
    kept = set()
    for begin in range(len(values) - window + 1):
        least = min(values[begin : begin + window])
        kept.add(max(k for k in range(begin, begin + window) if values[k] == least))
    assert set(np.flatnonzero(reach(hashes) >= window).tolist()) == kept


def test_hashing_by_pieces_is_hashing_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    notes = notes_in_order(heard(BUNDLED[0]))
    whole = grams(notes)
    monkeypatch.setattr("ugen.data.analysis.fingerprints._CHUNK", 100)
    for part, again in zip(whole, grams(notes), strict=True):
        np.testing.assert_array_equal(part, again)


@pytest.mark.parametrize("pattern", [1, 2, 3, 4, 5])
def test_repeated_patterns_say_nothing(pattern: int) -> None:
    """A figure of up to four notes for ever, then two notes that it has not, then the figure in
    another key."""
    figure = np.array([60, 64, 67, 71, 74])[:pattern]
    pitch = np.concatenate([np.resize(figure, 40), [90, 20], np.resize(figure + 1, 40)])
    notes = [(24 * k, 24 * k + 20, int(p), 64, 0, False) for k, p in enumerate(pitch)]
    song = Score.build(notes, 24)
    _, places = grams(notes_in_order(song))
    assert len(places) == 71 if pattern == 5 else places.tolist() == [*range(40 - N + 1, 42)]
    copied = originality(song, make_table(["a figure"], [song])).longest
    assert copied is not None and copied.notes == (82 if pattern == 5 else 24)
    other = make_table(["the figure"], [Score.build(notes[:40], 24)])
    assert (originality(song, other).longest is None) == (pattern < 5)


# the table in a file


@given(
    st.lists(st.tuples(st.integers(0, 2**20 - 1), st.integers(0, 4)), max_size=50),
    st.integers(20, 62),
)
def test_a_table_survives_json(rows: list[tuple[int, int]], bits: int) -> None:
    rows.sort()
    keys = np.array([key << (bits - 20) for key, _ in rows], np.uint64)
    owners = np.array([owner for _, owner in rows], np.int64)
    table = Table(("a", "b", "ü", "d", "e"), keys, owners, bits, 3, 9, HeldOut(2, 1.5, 7, 0.25))
    text = json.dumps(table.to_json())
    back = table_from_json(json.loads(text))
    np.testing.assert_array_equal(back.keys, keys)
    np.testing.assert_array_equal(back.owners, owners)
    assert (back.pieces, back.bits, back.window, back.n, back.held_out) == (
        table.pieces,
        bits,
        3,
        9,
        HeldOut(2, 1.5, 7, 0.25),
    )


def test_the_bundled_music_fits_in_the_room_there_is() -> None:
    names, music = [path.name for path in BUNDLED], [heard(path) for path in BUNDLED]
    for room in (20_000, 100_000, MOST_CHARACTERS):
        table = make_table(names, music, characters=room)
        assert 0.8 * room < len(table.encoded()) <= room or table.window == 1
    assert table.window == 1 and table.certain == N


@pytest.mark.parametrize(("pieces", "room"), [(1, 500), (17, 6_000), (17, 15_000), (17, 30_000)])
def test_a_table_that_was_thinned_on_the_way_is_the_one_made_at_once(
    pieces: int, room: int
) -> None:
    """All pieces' hashes of that reach and no others; windows of one less would not have fitted."""
    music = [heard(path) for path in LEARNED[:pieces]]
    table = make_table([path.name for path in LEARNED[:pieces]], music, characters=room)
    hashed = [grams(notes_in_order(score))[0] for score in music]

    def rows(window: int) -> set[tuple[int, int]]:
        found = [
            (h, k) for k, each in enumerate(hashed) for h in each[reach(each) >= window].tolist()
        ]
        bits = bits_for(len(set(found)))
        return {(h >> 64 - bits, k) for h, k in found}

    wanted = rows(table.window)
    assert {*zip(table.keys.tolist(), table.owners.tolist(), strict=True)} == wanted
    larger = np.array(sorted(rows(table.window - 1)), np.uint64)
    owners = larger[:, 1].astype(np.int64)
    other = replace(table, keys=larger[:, 0], owners=owners, bits=bits_for(len(larger)))
    assert len(other.encoded()) > room >= len(table.encoded())


def test_names_leave_room_for_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a name can break a line, and with the longest names and table an entry is
    allowed."""
    names = ["\ud800\n" + '"' * 500] * MOST_PIECES
    short = originalities._short(names)
    assert short[0].isprintable()
    entry = {"pieces": short, "table": "x" * MOST_CHARACTERS}
    assert len(json.dumps(entry, ensure_ascii=False)) < MAX_CHARACTERS - 1000
    assert originalities._short(["a.mid"]) == ("a.mid",)


def metadata(table: Any) -> dict[str, str]:
    """A model file's metadata with such an entry."""
    plain = Card(make_codec("beats"), 1, 8, "fp32", Sampling(), {}, "").to_metadata()
    return {**plain, "ugen.originality": json.dumps(table)}


def test_a_card_keeps_its_table(table: Table) -> None:
    card = card_from_metadata(metadata(table.to_json()), "m.onnx")
    assert card.originality is not None and card.to_metadata() == metadata(table.to_json())
    plain = metadata({})
    del plain["ugen.originality"]
    assert card_from_metadata(plain, "m.onnx").originality is None


def _lies(whole: dict[str, Any]) -> dict[str, Any]:
    """Entries that are wrong, by what is wrong with them."""
    text, rows, held = (
        whole["table"],
        whole["rows"],
        {"pieces": 1, "median": 1, "most": 1, "share": 0},
    )
    changes: list[dict[str, Any]] = [
        {"more": 1},
        {"format": 2},
        {"format": True},
        {"n": 1},
        {"n": 65},
        {"n": 12.0},
        {"window": 0},
        {"window": True},
        {"bits": 0},
        {"bits": 63},
        {"bits": whole["bits"] + 8},
        {"rows": rows + 8},
        {"rows": rows - 8},
        {"rows": -1},
        {"rows": 1 << 60},
        {"pieces": whole["pieces"][:-9]},
        {"pieces": []},
        {"pieces": 7},
        {"pieces": [7]},
        {"table": text[:-4]},
        {"table": text + "AAAA"},
        {"table": "\n" + text[1:]},
        {"table": "\u00fc" + text[1:]},
        {"table": 7},
        {"table": "A" * len(text)},
        {"table": text[::-1]},
        {"held_out": 7},
        {"held_out": {**held, "pieces": -1}},
        {"held_out": {**held, "median": "1"}},
        {"held_out": {**held, "share": True}},
        {"held_out": {**held, "x": 0}},
    ]
    missing = {
        f"no {name}": {key: value for key, value in whole.items() if key != name} for name in whole
    }
    return {
        **missing,
        **{str(change)[:60]: {**whole, **change} for change in changes},
        "list": [],
        "null": None,
    }


def test_lying_entries_are_refused_in_one_line(table: Table) -> None:
    for name, entry in _lies(table.to_json()).items():
        with pytest.raises(ModelError) as caught:
            card_from_metadata(metadata(entry), "m.onnx")
        text = str(caught.value)
        assert text.startswith("m.onnx: the metadata entry ugen.originality: "), name
        assert text.isprintable() and len(text) < 400, name


def test_rows_that_cannot_be_are_refused() -> None:
    keys, owners = np.array([5, 3, 9, 1 << 18], np.uint64), np.array([0, 1, 2, 3])
    disordered = Table(("a", "b", "c", "d"), keys, owners, 20).to_json()
    ordered = Table(("a", "b", "c", "d"), np.sort(keys), owners, 20).to_json()
    for entry, reason in (
        (disordered, "too many bits"),
        ({**ordered, "pieces": ["a", "b", "c"]}, "among the pieces"),
        ({**ordered, "bits": 18}, "too many bits"),
    ):
        with pytest.raises(ModelError, match=reason):
            card_from_metadata(metadata(entry), "m.onnx")


def test_a_table_that_would_fill_the_memory_is_refused_before_it_does(table: Table) -> None:
    zeros = base64.b64encode(zlib.compress(bytes(1 << 28))).decode()
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"must have \d+ bytes, and nothing after"):
            table_from_json({**table.to_json(), "table": zeros})
        with pytest.raises(ValueError, match="rows must be from 0 to"):
            table_from_json({**table.to_json(), "table": zeros, "rows": 1 << 25})
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_damaged_tables_are_refused_or_read(table: Table) -> None:
    """A table with any bits is refused, or one whose rows are in order and all some piece's."""
    whole, rng, refusals = table.to_json(), np.random.default_rng(3), 0
    for _ in range(200):
        damaged = copy.deepcopy(whole)
        at = int(rng.integers(len(whole["table"]) - 4))
        damaged["table"] = (
            whole["table"][:at] + str(rng.choice(list("Az09+/="))) + whole["table"][at + 1 :]
        )
        try:
            read = table_from_json(damaged)
        except ValueError:
            refusals += 1
        else:
            assert (np.diff(read.keys.astype(np.int64)) >= 0).all() and read.owners.max() < len(
                read.pieces
            )
    assert refusals > 20


def test_an_entry_that_is_no_json_is_refused(tmp_path: Path) -> None:
    for value, reason in (("{", "not valid JSON"), ("x" * (MAX_CHARACTERS + 1), "are the most")):
        proto = made()
        proto.metadata_props.add(key="ugen.originality", value=value)
        onnx.save(proto, tmp_path / "model.onnx")
        with pytest.raises(ModelError, match=reason):
            read_card(tmp_path / "model.onnx")


# from run to file to command


@pytest.fixture(scope="module")
def exported(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small run as one file."""
    path = tmp_path_factory.mktemp("exported") / "model.onnx"
    export(small_run, path, ExportSettings(precision="int8", max_loss=50), steps=50)
    return path


def test_a_run_writes_its_table_and_exports_take_it_along(
    small_run, small_corpus, exported, tmp_path: Path
) -> None:
    found = read_card(exported).originality
    assert found is not None and found.pieces == tuple(
        row.file for row in small_corpus.pieces("train")
    )
    written = json.loads((small_run / "originality.json").read_text())
    assert found.to_json() == written and found.held_out is not None
    assert found.held_out.pieces == len(small_corpus.pieces("valid"))
    export(small_run, tmp_path / "model.ts", ExportSettings(format="torchscript"), steps=50)
    extra = {"ugen.originality": ""}
    torch.jit.load(str(tmp_path / "model.ts"), _extra_files=extra)
    assert json.loads(extra["ugen.originality"]) == written
    assert torchscript.load(tmp_path / "model.ts") is not None


def test_names_have_no_folders(small_run, small_corpus, tmp_path: Path) -> None:
    below = replace(
        small_corpus,
        rows=tuple(replace(row, file=f"my/secret/{row.file}") for row in small_corpus.rows),
    )
    training.write_originality(tmp_path / "originality.json", below, 1000)
    assert "secret" not in (tmp_path / "originality.json").read_text()


def test_a_run_without_a_table_exports_without_one(small_run, tmp_path: Path) -> None:
    older = tmp_path / "run"
    shutil.copytree(small_run, older)
    (older / "originality.json").unlink()
    export(older, tmp_path / "model.onnx", ExportSettings(precision="fp32"), steps=50)
    assert read_card(tmp_path / "model.onnx").originality is None
    said = refused("--originality", BUNDLED[0], tmp_path / "model.onnx")
    assert "model.onnx: has no ugen.originality entry" in said and "train-ugen" in said
    assert "originality" not in ugen_run(tmp_path / "model.onnx", "--info").stdout
    (older / "originality.json").write_text('{"format": 1}')
    with pytest.raises(UgenError, match=r"originality\.json: n is missing"):
        export(older, tmp_path / "other.onnx", ExportSettings(precision="fp32"), steps=50)
    assert not (tmp_path / "other.onnx").exists()


def test_very_many_pieces_get_no_table(
    small_run, small_corpus, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(training, "MOST_PIECES", 3)
    from ugen.train.run_folder.run_config import read_config

    about = read_config(small_run)
    model, config = about.model, about.training
    Trainer.begin(tmp_path / "run", small_corpus, model, config, torch.device("cpu"), "test")
    assert (tmp_path / "run" / "held_out_excerpt.npy").exists() and not (
        tmp_path / "run" / "originality.json"
    ).exists()


def test_the_command_names_the_piece_that_a_song_copied(
    exported, small_folder, small_corpus, tmp_path: Path
) -> None:
    row = small_corpus.pieces("train")[0]
    source = arrange(read_midi(small_folder / row.file), "piano")
    write_midi(moved(source, 1), tmp_path / "copy.mid")
    write_midi(replace(source, notes=source.notes[:5]), tmp_path / "short.mid")
    (tmp_path / "bad.mid").write_bytes(b"no")
    files = [tmp_path / name for name in ("copy.mid", "short.mid", "bad.mid")]
    done = ugen_score("--originality", *files, exported)
    assert done.returncode == 0 and not done.stderr
    assert f"{row.notes} notes, from 0:0" in done.stdout and row.file in done.stdout
    assert (
        "Nothing copied was found" in done.stdout
        and "left out" in done.stdout
        and "bad.mid: not a" in done.stdout
    )
    assert "Any copied passage of 12+ notes is found" in done.stdout
    found = json.loads(ugen_score("--originality", *files, exported, "--json").stdout)
    song = found["songs"][str(files[0])]
    assert (
        song["share"] == 1
        and song["longest"]["notes"] == song["notes"]
        and row.file in song["longest"]["pieces"]
    )
    assert (
        found["songs"][str(files[1])]["longest"] is None and found["false_positives"] <= 2**-SPARE
    )
    assert "cannot be used" in refused("--originality", tmp_path / "bad.mid", exported)
    told = ugen_run(exported, "--info").stdout
    assert f"{found['runs']:,} runs of 12 notes hashed" in told
