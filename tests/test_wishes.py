"""What a song can be asked to be: measured in training music, known by its model, told to it, and
measured in the song."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_models import BEATS, CODECS, Flat, Reader, Ruled, card_of, likes
from support import BUNDLED
from ugen.data import Score, UgenError, make_codec, read_midi, write_midi
from ugen.data.analysis.wishes import BY_NAME, WISH_TABLE, Known, known_of, measured
from ugen.data.cli.prepare import prepare_folder
from ugen.data.codecs.base import split_event
from ugen.data.codecs.columns import CONSTANT, WISHES, Column, Wishes
from ugen.data.corpus.corpus import Corpus
from ugen.data.corpus.prepare import Settings, prepare
from ugen.data.midi.general_midi import DRUMS, NAMES, instrument
from ugen.runtime import SongSettings, generate
from ugen.runtime.cli.messages import RunMessages
from ugen.runtime.generation.request import Request, read_record
from ugen.runtime.generation.song_state import load_state, save_state
from ugen.runtime.generation.wishes import asked
from ugen.runtime.generation.wishes.instruments import LONGEST_REST
from ugen.runtime.model_file.card import card_from_metadata

BAND = CODECS["beats-band"]
LABELS = ("rag", "tango", "waltz")
STYLE = Known("label", LABELS, (5, 0, 3))
THIRDS = Known("density", BY_NAME["density"].values, (4, 4, 4), (2.0, 4.0))
TEMPO = Known("tempo", BY_NAME["tempo"].values, (3, 3, 3, 3, 3, 3, 0, 3), BY_NAME["tempo"].bounds)


def notes(count: int, beats: int, at_once: int = 1) -> Score:
    """Chords of `at_once` notes, evenly over so many beats."""
    rows = [
        (480 * beats * n // count, 480 * beats * (n + 1) // count, 60 + 4 * k, 80, 0, False)
        for n in range(count)
        for k in range(at_once)
    ]
    return Score.build(rows, 480, [(0, 600_000)], [(0, 3, 4)])


# the table


def test_every_wish_has_its_column_and_its_setting() -> None:
    assert {wish.name for wish in WISH_TABLE} == set(CONSTANT)
    sizes = {each.name: each.size for each in WISHES}
    for wish in WISH_TABLE:
        assert sizes[wish.name] == 1 + len(wish.values)
        assert hasattr(SongSettings, wish.flag.removeprefix("--"))


def test_a_piece_is_measured() -> None:
    found = measured(notes(24, 12, 3), True)
    assert found | {"key": "C"} == {
        "key": "C",
        "density": 6.0,
        "polyphony": 3.0,
        "meter": "3/4",
        "tempo": 100.0,
    }
    without_beats = measured(notes(24, 12, 3), False)
    assert without_beats["density"] == 10.0, "notes a second"
    assert (without_beats["meter"], without_beats["tempo"]) == ("", 0.0)
    assert not any(measured(Score.build([], 480), True).values())


def test_the_main_meter_is_the_one_that_lasts_longest() -> None:
    rows = [(0, 20_000, 60, 80, 0, False)]
    meters = [(0, 4, 4), (1920, 3, 4), (9600, 4, 4), (96_000, 2, 4)]
    assert measured(Score.build(rows, 480, [], meters), True)["meter"] == "4/4"


def test_thirds_are_those_of_the_music() -> None:
    (known,) = known_of({"density": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.0]})
    assert known.counts == (2, 2, 2)
    ids = [known.id_of(value) for value in (0.0, 0.5, 2.0, 3.5, 9.0)]
    assert ids == [0, 1, 1, 2, 3]


def test_what_no_piece_was_cannot_be_asked_for() -> None:
    assert STYLE.ask("waltz") == 3
    with pytest.raises(UgenError, match="^--like tango: no training piece .* rag, waltz$"):
        STYLE.ask("tango")
    assert TEMPO.ask(100.0) == 4 and TEMPO.ask(160.0) == 0, "a tempo is left open"
    keys = known_of({"key": ["C", "Am"]})[0]
    assert keys.ask("F#") == 7, "pieces are transposed"


@pytest.mark.parametrize(
    "bad",
    [
        {"name": "mood"},
        {"values": ("rag", "rag", "waltz")},
        {"values": ("rag", "", "waltz")},
        {"values": ("rag", "a\nb", "waltz")},
        {"values": ("rag", "x" * 65, "waltz")},
        {"values": tuple(map(str, range(129))), "counts": (1,) * 129},
        {"counts": (5, 0)},
        {"counts": (5, -1, 0)},
        {"bounds": (1.0, 2.0)},
        {"name": "density"},
        {"name": "density", "values": THIRDS.values},
        {"name": "density", "values": THIRDS.values, "bounds": (2.0, 1.0)},
    ],
)
def test_a_table_that_is_none_is_refused(bad: dict) -> None:
    with pytest.raises(UgenError):
        Known(**{"name": "label", "values": LABELS, "counts": (5, 0, 3), **bad})


# corpora


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("music")
    chance = np.random.default_rng(1)
    for number in range(24):
        name = folder / ("rag" if number % 3 else "waltz") / "deep" / f"{number}.mid"
        name.parent.mkdir(parents=True, exist_ok=True)
        score = notes(2 * (40 + number), 40 + number, 1 + number % 3)
        score.notes["pitch"] = 36 + chance.integers(0, 36, len(score.notes))
        write_midi(score, name)
    write_midi(notes(200, 60), folder / "alone.mid")
    return folder


def prepared(music: Path, out: Path, labels: str = "folder", codec: str = "beats") -> Corpus:
    settings = Settings(make_codec(codec), valid=0, labels=labels)
    return prepare(music, out, settings)


def test_every_sub_folder_is_a_label(music: Path, tmp_path: Path) -> None:
    corpus = prepared(music, tmp_path / "corpus")
    labels = {row.file: row.label for row in corpus.rows}
    assert labels["alone.mid"] == "" and labels[str(Path("rag/deep/1.mid"))] == "rag"
    known = {each.name: each for each in corpus.known}
    assert known["label"].values == ("rag", "waltz")
    columns = corpus.columns(BEATS.columns)
    assert Column("label", 3) in columns and Column("density", 4) in columns
    assert "meter" not in {each.name for each in columns}, "all are in one"
    row = next(row for row in corpus.pieces("train") if row.label == "rag" and row.meter)
    ids = corpus.ids(row)
    assert ids["label"] == 1 and ids["meter"] == 2
    assert corpus.wishes(row).ids == ids
    moved = corpus.ids(row, semitones=2, tempo=1.5)
    assert (ids["tempo"], moved["tempo"]) == (4, 7) and moved["key"] != ids["key"]
    with pytest.raises(UgenError, match="--columns meter: needs music in several meters"):
        corpus.columns(BEATS.columns, asked=True)


def test_labels_may_stand_in_a_table(music: Path, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("file,label\nalone.mid,slow\nrag/deep/1.mid, quick \n\nwaltz/deep/0.mid,\n")
    corpus = prepared(music, tmp_path / "corpus", str(table))
    labels = {row.file: row.label for row in corpus.rows if row.label}
    assert labels == {"alone.mid": "slow", str(Path("rag/deep/1.mid")): "quick"}
    unlabelled = prepared(music, tmp_path / "none", "none")
    assert not any(row.label for row in unlabelled.rows)
    assert unlabelled.hash != corpus.hash


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name;label\n", "its first line must be file,label"),
        ("file,label\nalone.mid\n", "row 2 has 1 cells"),
        ("file,label\nother.mid,slow\n", "names no file of the folder"),
        ("\xff", "not a table of text"),
        (None, "No such file"),
    ],
)
def test_a_table_of_labels_that_is_none(
    music: Path, tmp_path: Path, text: str | None, reason: str
) -> None:
    table = tmp_path / "labels.csv"
    if text is not None:
        table.write_bytes(text.encode("latin-1"))
    with pytest.raises(UgenError, match=f"^--labels .*{reason}"):
        prepared(music, tmp_path / "corpus", str(table))
    with pytest.raises(UgenError, match=r"--labels folders: must be folder, none, or a \.csv"):
        prepared(music, tmp_path / "corpus", "folders")


def test_music_without_beats_has_no_meter(music: Path, tmp_path: Path) -> None:
    corpus = prepared(music, tmp_path / "corpus", codec="events")
    names = {each.name for each in corpus.known}
    assert names == {"key", "density", "polyphony", "label"}


# what a model is told


NAMED = ("key", "density", "label", "tempo")


def asked_model(rule=None, codec=BEATS, names=NAMED) -> Reader:
    """A model that knows wishes; `rows` are those that it was fed."""
    model = Reader(rule or playing, *names, codec=codec)
    known = (STYLE, THIRDS, TEMPO)
    columns = tuple(
        replace(each, size=4) if each.name == "label" else each for each in model.card.columns
    )
    model.card = replace(model.card, wishes=known, columns=columns)
    return model


def playing(token: int, row: dict[str, int]) -> np.ndarray:
    logits = np.full(BEATS.vocabulary, -30.0)
    for event in ("pitch:60", "pitch:64", "duration:24", "shift:24", "bar"):
        logits[BEATS.events.index(event)] = 0.0
    return logits


def told(model: Reader, name: str, **fields) -> list[int]:
    generate(model, **{"seconds": 20, "seed": 1, "guard": False, **fields})
    place = 1 + model.card.column_names.index(name)
    return [row[place] for row in model.rows]


def test_a_model_is_told_what_is_asked_for() -> None:
    assert set(told(asked_model(), "density", density="dense")) == {3}
    assert set(told(asked_model(), "label", like="waltz")) == {3}
    assert set(told(asked_model(), "tempo", tempo=130)) == {6}
    for name in ("density", "label", "tempo"):
        assert set(told(asked_model(), name)) == {0}, "what is not asked for is left open"


def test_a_mix_is_drawn_bar_by_bar_by_its_weights() -> None:
    model = asked_model()
    song = generate(model, seconds=600, seed=5, guard=False, like="rag:3,waltz:1")
    labels = [row[1 + model.card.column_names.index("label")] for row in model.rows]
    bars = np.cumsum([row[0] == BEATS.events.index("bar") for row in model.rows])
    by_bar = [set(np.array(labels)[bars == bar].tolist()) for bar in range(bars[-1])]
    assert all(len(each) == 1 for each in by_bar)
    share = np.mean([each == {1} for each in by_bar])
    assert len(by_bar) > 200 and share == pytest.approx(0.75, abs=0.08)
    again = asked_model()
    other = generate(again, seconds=600, seed=5, guard=False, like="rag:3,waltz:1")
    assert song.tokens.tolist() == other.tokens.tolist() and again.rows == model.rows


@pytest.mark.parametrize("codec", [BEATS, CODECS["events"]], ids=["beats", "events"])
def test_a_mix_goes_on_after_a_state(codec, tmp_path: Path) -> None:
    """Two parts of a song are told what the whole was."""
    names = ("key", "density", "label")

    def any_token(token: int, row: dict[str, int]) -> np.ndarray:
        return np.zeros(codec.vocabulary)

    fields = {"seed": 3, "guard": False, "exact": True, "like": "rag:1,waltz:1"}
    whole, parts = asked_model(any_token, codec, names), asked_model(any_token, codec, names)
    generate(whole, seconds=60, density="dense", **fields)
    first = generate(parts, seconds=30, density="dense", **fields)
    save_state(first.state, "", tmp_path / "state.json")
    state = load_state(tmp_path / "state.json", "", parts.card)
    second = generate(parts, seconds=30, start=state, seed=3, guard=False, exact=True)
    assert second.asked["label"] == "rag:1,waltz:1" and second.asked["density"] == "dense"
    assert len({row[-1] for row in parts.rows}) > 1
    shared = min(len(whole.rows), len(parts.rows))
    assert parts.rows[:shared] == whole.rows[:shared] and shared > 100


def wavering(token: int, row: dict[str, int]) -> np.ndarray:
    """Of two pitches one is likelier where dense music is asked for."""
    logits = playing(token, row)
    logits[BEATS.events.index("pitch:64")] += 1.0 * (row["density"] == 3)
    return logits


def test_what_is_asked_for_is_done_more_than_the_model_would() -> None:
    def odds(guidance: float | None, **asked) -> float:
        model = asked_model(wavering)
        song = generate(model, seconds=1500, seed=2, guard=False, guidance=guidance, **asked)
        pitches = song.score.notes["pitch"]
        assert len(model.rows) > 1000
        return float(np.log(np.mean(pitches == 64) / np.mean(pitches == 60)))

    left_open = odds(None)
    assert odds(1.0, density="dense") - left_open == pytest.approx(1.0, abs=0.3)
    assert odds(2.0, density="dense") - left_open == pytest.approx(2.0, abs=0.4)
    assert odds(None, density="dense") - left_open > 2.2, "the default"
    assert odds(3.0) == left_open, "a key that nobody asked for is not guided"


def test_a_guided_song_goes_on_after_a_state(tmp_path: Path) -> None:
    fields = {"seed": 3, "guard": False, "exact": True}
    model = asked_model(wavering)
    whole = generate(model, seconds=40, density="dense", **fields)
    first = generate(model, seconds=20, density="dense", **fields)
    save_state(first.state, "", tmp_path / "state.json")
    state = load_state(tmp_path / "state.json", "", model.card)
    assert state.guided == ("density",) and len(state.h) == 2
    second = generate(model, seconds=20, start=state, **fields)
    assert [*first.tokens, *second.tokens][:200] == whole.tokens.tolist()[:200]
    assert generate(model, seconds=20, start=state, guidance=1.0, **fields).state.h.size == 1
    plain = generate(model, seconds=20, **fields).state
    assert plain.h.size == 1
    assert generate(model, seconds=9, start=plain, density="dense", **fields).state.h.size == 2


def test_a_song_begins_in_the_meter_that_is_asked_for() -> None:
    model = asked_model(lambda token, row: np.zeros(BEATS.vocabulary), names=("meter",))
    counts = tuple(int(value in ("3/4", "4/4")) for value in BY_NAME["meter"].values)
    known = Known("meter", BY_NAME["meter"].values, counts)
    model.card = replace(model.card, wishes=(known,))
    for seed in range(5):
        song = generate(model, bars=4, seed=seed, guard=False, meter="3/4")
        assert BEATS.events[song.tokens[0]] == "meter:3/4"


def test_a_song_that_is_asked_for_can_be_made_again(tmp_path: Path) -> None:
    model = asked_model()
    settings = SongSettings(
        seconds=8, seed=3, like="rag:1,waltz:2", density="sparse", tempo=80, guard=False
    )
    request = Request("", settings)
    song = request.make(model)
    write_midi(song.score, tmp_path / "a.mid", texts=[request.record()])
    again = read_record(tmp_path / "a.mid", "", model.card)
    assert again.settings.like == "rag:1,waltz:2" and again.settings.density == "sparse"
    assert again.make(asked_model()).tokens.tolist() == song.tokens.tolist()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"density": "thick"}, "--density thick: must be one of sparse, medium, dense"),
        ({"meter": "3/4"}, "--meter: the model has no column meter; train-ugen .* several meters"),
        ({"like": "jazz"}, "--like jazz: no training piece is so; the model knows rag, waltz"),
        ({"like": "rag:x"}, "--like rag:x: must be a name, or names with weights"),
        ({"like": "rag:0,waltz:1"}, "--like rag:0,waltz:1: must be a name"),
        ({"like": "rag:nan"}, "--like rag:nan: must be a name"),
        ({"like": "rag,jazz:2"}, "--like jazz: no training piece is so"),
        ({"like": "x" * 9000}, "--like: 9000 characters"),
        ({"instruments": "piano"}, "--instruments: the model knows one piano only"),
        ({"drums": False}, "--no-drums: the model knows one piano only"),
    ],
)
def test_what_a_model_does_not_know_is_refused_in_one_line(fields: dict, reason: str) -> None:
    with pytest.raises(UgenError, match=f"^{reason}"):
        generate(asked_model(), seconds=4, seed=1, **fields)


def test_what_came_out_is_told() -> None:
    card = asked_model().card
    words = asked.asked_words({"key": "Dm", "density": "dense", "tempo": 96.0, "label": "rag"})
    assert words == "D minor, dense, 96 beats a minute, like rag"
    found = asked.found_words(card, notes(60, 12), {"density": "dense", "label": "rag"})
    assert found == "5.0 notes a beat, dense"


# the model file


def test_a_model_file_says_what_it_knows() -> None:
    card = asked_model().card
    read = card_from_metadata(card.to_metadata(), "m.onnx")
    assert read.wishes == card.wishes and read.columns == card.columns
    assert set(read.known) == {"key", "density", "label", "tempo"}
    assert "wishes" not in " ".join(card_of(BEATS, ("key",)).to_metadata())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"wishes": (STYLE, STYLE)}, "wishes: one twice"),
        ({"wishes": ()}, "inputs: its codec has no such column: label"),
        ({"columns": (Column("label", 9),)}, "inputs: its codec has no such column: label"),
    ],
)
def test_a_model_file_whose_columns_are_not_its_wishes(change: dict, reason: str) -> None:
    card = replace(asked_model().card, **change)
    with pytest.raises(UgenError, match=reason):
        card_from_metadata(card.to_metadata(), "m.onnx")


# instruments


def test_instruments_have_numbers_and_names() -> None:
    assert len(NAMES) == len(set(NAMES)) == 128
    named = {"piano": 0, " Acoustic  Bass": 32, "32": 32, "drums": DRUMS, "harpsi": 6, "violin": 40}
    assert {text: instrument(text) for text in named} == named
    with pytest.raises(UgenError, match="'bass' may be acoustic bass, .*, ...; say which"):
        instrument("bass")
    for unknown in ("kazoo", "128", "-1", ""):
        with pytest.raises(UgenError, match="is no instrument; 0 to 127, drums, or a name"):
            instrument(unknown)


def heard(song, seconds: float | None = None) -> list[int]:
    """The instruments of a song's notes, in order of onset."""
    rows = song.score.notes
    return [DRUMS if row["drum"] else int(row["program"]) for row in rows]


@pytest.mark.parametrize("seconds", [2, 8, 30, 120])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_band_uses_the_instruments_that_are_named_and_no_others(seconds: int, seed: int) -> None:
    """Also where the model likes none of them."""
    song = generate(
        Ruled(BAND, lambda step, calls: disliking),
        seconds=seconds,
        seed=seed,
        instruments="acoustic bass, 40, drums",
        guard=False,
    )
    assert set(heard(song)) == {32, 40, DRUMS}


disliking = likes(
    BAND, "meter:4/4", "program:0", "pitch:60", "duration:24", "shift:24", "bar", "velocity:66"
)
disliking[BAND.events.index("program:40")] = 9.0
disliking[BAND.events.index("drum:36")] = 10.0


def test_instruments_that_are_left_out_hand_their_chances_to_the_others() -> None:
    """Masked alone, they handed them to drums: a trio of piano, bass and drums was four fifths
    drums."""
    logits = np.zeros(BAND.vocabulary)
    logits[BAND.events.index("program:30")] = 9.0
    logits[[BAND.events.index("shift:6"), BAND.events.index(f"program:{DRUMS}")]] = 7.0
    song = generate(
        Ruled(BAND, lambda step, calls: logits),
        seconds=60,
        seed=1,
        instruments="violin,drums",
        guard=False,
    )
    programs = [BAND.events[token] for token in song.tokens.tolist()]
    violin, drums = programs.count("program:40"), programs.count(f"program:{DRUMS}")
    assert violin > drums > 0


def test_an_instrument_that_was_silent_for_long_comes_in_again() -> None:
    song = generate(
        Ruled(BAND, lambda step, calls: disliking),
        bars=64,
        seed=1,
        instruments="violin,acoustic bass",
        guard=False,
    )
    cursor, bars = BAND.cursor(), []
    for token in song.tokens.tolist():
        cursor.feed(token)
        bars += [cursor.bars] * (BAND.events[token] == "program:32")
    assert bars and np.diff([0, *bars, 64]).max() <= LONGEST_REST
    assert len(bars) < 20, "and no more often than it must"


def test_no_drums_are_used_where_none_are_wanted() -> None:
    def any_token(step: int, calls: int) -> np.ndarray:
        return np.zeros(BAND.vocabulary)

    made = [
        generate(Ruled(BAND, any_token), seconds=60, seed=2, guard=False, drums=drums)
        for drums in (True, False)
    ]
    assert [DRUMS in heard(song) for song in made] == [True, False]
    assert len(set(heard(made[1]))) > 20
    with pytest.raises(UgenError, match="--no-drums: --instruments names drums"):
        generate(Ruled(BAND, any_token), seconds=4, seed=2, drums=False, instruments="drums")


def test_a_band_plays_the_instruments_of_a_training_piece() -> None:
    """Where none are asked for: songs wandered through twenty instruments."""
    model = Ruled(BAND, lambda step, calls: np.zeros(BAND.vocabulary))
    ensembles = [[0, 32, DRUMS], [40, 41], [], [0, 300], "piano"]
    model.card = card_of(BAND, corpus={"ensembles": ensembles})
    assert model.card.ensembles == ((0, 32, DRUMS), (40, 41))
    fields = {"seconds": 60, "guard": False}
    found = [set(heard(generate(model, seed=seed, **fields))) for seed in range(1, 9)]
    assert {frozenset(each) for each in found} == {frozenset({0, 32, DRUMS}), frozenset({40, 41})}
    first = found.index({0, 32, DRUMS}) + 1
    assert set(heard(generate(model, seed=first, drums=False, **fields))) == {0, 32}
    assert set(heard(generate(model, seed=first, instruments="violin", **fields))) == {40}
    half = generate(model, seed=first, exact=True, **fields)
    other = found.index({40, 41}) + 1
    goes_on = generate(model, seed=other, start=half.state, **fields)
    assert set(heard(goes_on)) == {0, 32, DRUMS, 40, 41}, "with those that played before"


def test_a_corpus_tells_which_instruments_play_together(tmp_path: Path) -> None:
    for number, programs in enumerate(((0,), (30, 40), (5, 9))):
        rows = [
            (240 * n, 240 * n + 200, 50 + (7 * n * (number + 1)) % 30, 80, program, False)
            for n in range(64)
            for program in programs
        ]
        rows += [(480 * n, 480 * n + 100, 36, 80, 0, True) for n in range(16 * number)]
        write_midi(Score.build(rows, 480), tmp_path / f"{number}.mid")
    for band, expected in ((True, ((0,), (30, 40, DRUMS), (5, 9, DRUMS))), (False, ())):
        out = tmp_path / f"corpus-{band}"
        arrangement = "band" if band else "piano"
        settings = Settings(make_codec("beats", band=band), arrangement=arrangement, valid=0)
        prepare(tmp_path, out, settings)
        assert Corpus.open(out).ensembles == expected


def test_a_band_goes_on_after_a_state() -> None:
    """With its instruments, and as one song would have."""
    fields = {"seed": 4, "guard": False, "exact": True}
    band = {"instruments": "violin,acoustic bass,drums"}
    model = Ruled(BAND, lambda step, calls: disliking)
    whole = generate(model, bars=40, **fields, **band)
    first = generate(model, bars=20, **fields, **band)
    second = generate(model, bars=20, start=first.state, **fields)
    assert [*first.tokens, *second.tokens] == whole.tokens.tolist()


def test_tokens_of_a_band_are_those_that_the_codec_allows() -> None:
    model = Ruled(BAND, lambda step, calls: np.zeros(BAND.vocabulary))
    song = generate(model, seconds=90, seed=7, guard=False, instruments="violin, drums, viola")
    cursor = BAND.cursor()
    for token in song.tokens.tolist():
        assert cursor.mask()[token], split_event(BAND.events[token])
        cursor.feed(token)
    assert set(heard(song)) == {40, 41, DRUMS}


def test_rows_of_a_piece_hold_what_is_wished() -> None:
    rows = BEATS.to_rows(
        BEATS.encode(read_midi(BUNDLED[0])).tokens, ("density", "label"), Wishes({"density": 2})
    )
    assert (rows[:, 1] == 2).all() and (rows[:, 2] == 0).all()
    assert Flat().card.known == {}


def test_preparing_names_the_labels(
    music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(make_codec("beats"), valid=0.2)
    prepare_folder(music, tmp_path / "corpus", settings, workers=1)
    assert "labels, for ugen-run --like: rag (16), waltz (8)\n" in capsys.readouterr().out


def test_what_a_band_was_asked_for_and_what_came_out_are_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    messages = RunMessages(False, False, False, "")
    messages.card = card_of(BAND)
    settings = SongSettings(seconds=8, seed=1, instruments="violin,drums")
    rows = [(0, 480, 60, 80, 40, False), (0, 120, 36, 80, 0, True), (480, 600, 36, 80, 0, True)]
    song = Score.build(rows, 480)
    messages.song(Request("", settings), [Path("a.mid")], 8.0, 3, 9, song)
    told = capsys.readouterr().out
    assert "seed 1; asked: violin, drums; came out: violin (1), drums (2)\n" in told
    settings = replace(settings, instruments=None, drums=False)
    messages.song(Request("", settings), [Path("a.mid")], 8.0, 3, 9, song)
    assert "; asked: no drums; came out: violin (1), drums (2)\n" in capsys.readouterr().out
