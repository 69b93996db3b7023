"""Songs of models that are told more than the last token: where in the bar they are, what came
before, the key, and how much is left. They end, and they keep their key."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_models import BEATS, Flat, Reader, Ruled, card_of, likes
from support import BUNDLED
from ugen.data import Score, UgenError, arrange, make_codec, read_midi, write_midi
from ugen.data.analysis.key import key_name, key_of
from ugen.data.analysis.structure import ends
from ugen.data.analysis.wishes import KEY_NAMES
from ugen.data.codecs.columns import Wishes
from ugen.data.corpus.prepare import Settings, prepare
from ugen.runtime import Sampling, SongSettings, generate, stream
from ugen.runtime.generation import note_stream
from ugen.runtime.generation.guard.returns import MOST_RETURNS, TOKENS, Returns
from ugen.runtime.generation.request import Request
from ugen.runtime.generation.wishes.usual import drawn_key
from ugen.runtime.playback.session import run

ALL = tuple(each.name for each in BEATS.columns)
END = BEATS.end
BAR = BEATS.events.index("bar")


KINDS = [event.partition(":")[0] for event in BEATS.events]
PITCHES = slice(BEATS.events.index("pitch:55"), BEATS.events.index("pitch:79"))


def playing(token: int, row: dict[str, int], end: float = -30.0) -> np.ndarray:
    """Logits of a model of chords of quarters, one on each beat. `end`: how it likes to end."""
    logits = np.full(BEATS.vocabulary, -30.0)
    if KINDS[token] == "piece":
        return likes(BEATS, "meter:4/4")
    if KINDS[token] == "pitch":
        return likes(BEATS, "duration:24")
    logits[PITCHES] = 0.0
    if KINDS[token] == "duration":
        logits[END] = end
        logits[BEATS.events.index("bar" if row.get("beat", 4) == 4 else "shift:24")] = 3.0
    return logits


def eager(token: int, row: dict[str, int]) -> np.ndarray:
    """A model that wants to end at once."""
    return playing(token, row, end=30.0)


def ending(token: int, row: dict[str, int]) -> np.ndarray:
    """A model that ends on the third beat of the last bar, by what it is told."""
    return playing(token, row, end=30.0 if row["left"] == 1 and row["beat"] == 3 else -30.0)


def with_bars_left(song_seconds: float) -> tuple[float, float]:
    """The bounds of a length that is kept to within two bars, at 120 in common time."""
    return song_seconds - 4 - 1e-6, song_seconds + 4 + 1e-6


# rows


def test_a_model_is_fed_the_rows_that_its_codec_makes_of_the_song() -> None:
    model = Reader(playing, *ALL)
    song = generate(model, seconds=30, seed=3, exact=True, key="Dm", guard=False)
    rows = BEATS.to_rows(song.tokens, ALL, Wishes({"key": 15}))
    assert len(rows) > 200 and model.rows == rows[:-1].tolist()


@pytest.mark.parametrize("length", [{"seconds": 30}, {"bars": 15}])
def test_a_primer_counts_and_the_rest_of_the_song_is_known_from_its_start(
    length: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(note_stream, "ENDINGS", 0)  # the rows of one way through the song
    primer = BEATS.encode(arrange(read_midi(BUNDLED[0]), "piano")).tokens[:300]
    before = BEATS.cursor()
    for token in primer.tolist():
        before.feed(token)
    model = Reader(playing, *ALL)
    song = generate(model, seed=3, key="C", guard=False, primer=primer, **length)
    wishes = {
        "seconds": Wishes({"key": 1}, seconds=before.seconds + 30),
        "bars": Wishes({"key": 1}, bars=before.bars + 15),
    }[next(iter(length))]
    rows = BEATS.to_rows(np.concatenate([primer, song.tokens]), ALL, wishes)
    assert model.rows == rows[:-1].tolist()


def test_a_song_goes_on_with_the_very_same_rows() -> None:
    model = Reader(playing, *ALL)
    first = generate(model, seconds=21, seed=3, exact=True, guard=False)
    second = generate(model, seconds=29, seed=3, exact=True, guard=False, start=first.state)
    both, model.rows = model.rows, []
    whole = generate(model, seconds=50, seed=3, exact=True, guard=False)
    assert both == model.rows
    assert np.array_equal(np.concatenate([first.tokens, second.tokens]), whole.tokens)
    assert first.key == second.key == whole.key


def test_a_song_that_was_taken_back_goes_on_with_the_rows_of_its_tokens() -> None:
    calls = 0

    def lapsing(token: int, row: dict[str, int]) -> np.ndarray:
        nonlocal calls
        calls += 1
        return likes(BEATS, "bar") if 200 < calls < 230 else playing(token, row)

    model = Reader(lapsing, *ALL)
    song = generate(model, seconds=60, seed=3, exact=True, key="C")
    assert song.retries
    rows = BEATS.to_rows(song.tokens, ALL, Wishes({"key": 1}))[:-1].tolist()
    assert model.rows[-200:] == rows[-200:]


# ends


@pytest.mark.parametrize("rule", [ending, eager, playing])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_songs_end_within_two_bars_of_what_was_asked(rule: Callable, seed: int) -> None:
    """Also of models that want to end at once, or never."""
    for seconds in (6, 30.7, 61):
        song = generate(Reader(rule, *ALL), seconds=seconds, seed=seed)
        assert song.tokens[-1] == END and END not in song.tokens[:-1]
        low, high = with_bars_left(seconds)
        assert low <= song.seconds <= high
        assert song.pad_ticks == 0, "it lasts as long as its last notes"
        last = song.score.notes["onset"].max()
        final = song.score.notes[song.score.notes["onset"] == last]
        assert (final["end"] - final["onset"] == 24).all(), "the last chord is held, not cut"
    for bars in (1, 2, 3, 16):
        song = generate(Reader(rule, *ALL), bars=bars, seed=seed)
        assert song.tokens[-1] == END and END not in song.tokens[:-1]
        assert bars - 2 <= song.seconds / 2 <= bars + 2


def test_a_model_that_is_told_how_much_is_left_ends_where_that_was_asked() -> None:
    for bars in (4, 9, 32):
        song = generate(Reader(ending, *ALL), bars=bars, seed=1)
        assert song.seconds == pytest.approx(2 * bars - 0.5), "with the third beat of the last bar"


def test_a_model_that_does_not_end_is_ended_with_the_chord_after_the_next_bar_line() -> None:
    for seed in range(5):
        song = generate(Reader(playing, *ALL), bars=8, seed=seed)
        onsets = song.score.notes["onset"]
        assert onsets.max() <= 8 * 96 and song.tokens[-1] == END
    assert (onsets == 8 * 96).sum() > 0


@pytest.mark.parametrize("guard", [True, False])
@pytest.mark.parametrize("seconds", [9, 40])
def test_the_last_bars_are_made_again_until_they_end_the_song(
    seconds: float, guard: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model of single notes at random: one song in eight or so ends in its key."""
    settings = {"seconds": seconds, "guard": guard}
    monkeypatch.setattr(note_stream, "ENDINGS", 0)
    left = [generate(Reader(playing, *ALL), seed=n, **settings) for n in range(12)]
    monkeypatch.setattr(note_stream, "ENDINGS", 40)
    found = [generate(Reader(playing, *ALL), seed=n, **settings) for n in range(12)]
    assert sum(ends(song.score) for song in left) <= 6
    assert sum(ends(song.score) for song in found) >= 10
    for one, other in zip(left, found, strict=True):
        kept = BEATS.decode(one.tokens).until(round((seconds - 8) * 48))
        assert len(kept.notes) and not len(kept.notes) > len(other.score.notes)
        assert (kept.notes == other.score.notes[: len(kept.notes)]).all(), "only the end is new"
        assert abs(other.seconds - seconds) <= 4 + 1e-6


def test_a_song_whose_end_was_made_again_is_the_same_as_a_stream_and_ends_at_once_nowhere() -> None:
    song = generate(Reader(playing, *ALL), seconds=40, seed=5)
    notes = list(stream(Reader(playing, *ALL), seconds=40, seed=5))
    assert [note.pitch for note in notes] == song.score.notes["pitch"].tolist()
    assert song.tokens[-1] == END and END not in song.tokens[:-1]


def test_a_last_chord_is_held_for_two_bars_at_most() -> None:
    def held(token: int, row: dict[str, int]) -> np.ndarray:
        if row["left"] == 1 and KINDS[token] == "pitch":
            return likes(BEATS, "duration:1536")
        return ending(token, row)

    song = generate(Reader(held, *ALL), bars=8, seed=1)
    assert song.score.end_tick / 96 == pytest.approx(10, abs=0.51)
    song = generate(Reader(held, *ALL), seconds=16, seed=1)
    assert song.seconds == pytest.approx(20, abs=1)


def test_an_exact_song_and_an_endless_one_do_not_end_and_are_told_of_no_end() -> None:
    for exact in ({"seconds": 20, "exact": True}, {"bars": 10, "exact": True}):
        model = Reader(eager, *ALL)
        song = generate(model, seed=1, **exact)
        assert song.seconds == pytest.approx(20) and END not in song.tokens
        assert {row[1 + ALL.index("left")] for row in model.rows} == {0}
    model = Reader(eager, *ALL)
    notes = stream(model, seed=1, guard=False)
    assert [next(notes).onset for _ in range(300)][-1] > 60
    assert {row[1 + ALL.index("left")] for row in model.rows} == {0}


def test_a_model_that_is_not_told_how_much_is_left_is_cut_as_before() -> None:
    columns = [name for name in ALL if name != "left"]
    song = generate(Reader(eager, *columns), seconds=20, seed=1)
    assert song.seconds == pytest.approx(20) and END not in song.tokens


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_without_bars_a_song_ends_by_no_longer_beginning_notes(seed: int) -> None:
    codec = make_codec("events")
    likely = [4.0 * event.startswith("note_off") for event in codec.events]
    for n in range(20, 101):
        likely[codec.events.index(f"shift:{n}")] = -30.0
    model = Reader(lambda token, row: np.array(likely), "key", "left", codec=codec)
    song = generate(model, seconds=20, seed=seed, guard=False)
    assert song.tokens[-1] == codec.end and 16 <= song.seconds <= 24
    notes = song.score.notes
    assert notes["end"].max() <= song.score.tick_at(song.seconds) + 1
    assert song.score.seconds_at(notes["onset"]).max() < 20.1


def test_where_pieces_have_no_end_a_song_is_cut_but_told_how_much_is_left() -> None:
    codec = make_codec("frames")
    silent = np.array([-3.0 * event.startswith("pitch") for event in codec.events])
    model = Reader(lambda token, row: silent, "left", codec=codec)
    song = generate(model, seconds=10, seed=1, guard=False)
    assert song.seconds == 10 and [row[1] for row in model.rows[:: len(model.rows) - 1]] == [5, 1]


def test_a_stream_of_a_song_that_ends_has_its_notes_and_its_file_is_made_again() -> None:
    for length in ({"seconds": 50.3}, {"bars": 30}):
        for rule in (ending, playing):
            song = generate(Reader(rule, *ALL), seed=4, **length)
            notes = list(stream(Reader(rule, *ALL), seed=4, **length))
            assert [note.pitch for note in notes] == song.score.notes["pitch"].tolist()
            ends = song.score.seconds_at(song.score.notes["end"])
            np.testing.assert_allclose([note.end for note in notes], ends)
            made = io.BytesIO()
            request = Request("0" * 64, SongSettings(seed=4, **length))
            done = run(request, Reader(rule, *ALL), list, made)
            assert done.seconds == pytest.approx(song.seconds)
            written = read_midi(made.getvalue())
            assert written.notes["pitch"].tolist() == song.score.notes["pitch"].tolist()
            assert written.seconds == pytest.approx(song.seconds)


@pytest.mark.parametrize("length", [{"seconds": 90.3}, {"bars": 50}, {}])
@pytest.mark.parametrize("primer", [None, 200])
def test_a_song_that_was_stopped_is_made_again_by_its_record(
    length: dict, primer: int | None
) -> None:
    """A record of the shorter length alone would tell the model of another end."""
    before = BEATS.encode(arrange(read_midi(BUNDLED[0]), "piano")).tokens[:primer]
    asked = {"primer": before, "keep_primer": True} if primer else {}

    def stops(notes) -> None:
        for number, _ in enumerate(notes):
            if number > 200:
                raise KeyboardInterrupt

    made, again = io.BytesIO(), io.BytesIO()
    settings = SongSettings(seed=4, **length, **asked)
    done = run(Request("0" * 64, settings), Reader(ending, *ALL), stops, made)
    assert done.stopped
    replayed = Request("0" * 64, settings).as_streamed(done.seconds, done.steps)
    run(replayed, Reader(ending, *ALL), list, again)
    assert read_midi(again.getvalue()).notes.tolist() == read_midi(made.getvalue()).notes.tolist()


def test_a_song_that_came_to_its_end_is_not_continued() -> None:
    state = generate(Reader(ending, *ALL), seconds=20, seed=4).state
    with pytest.raises(UgenError, match="--from-state: its song has come to its end; .*--exact"):
        generate(Reader(ending, *ALL), seconds=20, seed=4, start=state)


# beginnings


@pytest.mark.parametrize("name", ["beats", "events", "frames", "khot"])
def test_songs_do_not_begin_with_silence(name: str) -> None:
    codec = make_codec(name)
    for seed in range(8):
        rare = Ruled(codec, lambda step, calls: np.full(codec.vocabulary, -3.0 * (step < 3)))
        song = generate(rare, seconds=3, seed=seed, guard=False)
        assert song.score.notes["onset"].min() == 0
    if name in ("beats", "events"):
        begun = [
            generate(Flat(make_codec(name)), seconds=3, seed=seed, guard=False, exact=True)
            for seed in range(8)
        ]
        assert any(song.score.notes["onset"].min() > 0 for song in begun)


# keys


def id_of(key: str) -> int:
    return KEY_NAMES.index(key) + 1


def test_a_key_is_drawn_as_often_as_it_is_in_the_training_music() -> None:
    card = card_of(BEATS, ALL, corpus={"keys": {"C": 60, "Am": 40}})
    drawn = Counter(drawn_key(card, seed) for seed in range(2000))
    assert set(drawn) == {"C", "Am"} and drawn["Am"] / 2000 == pytest.approx(0.4, abs=0.04)
    unknown = {drawn_key(card_of(BEATS, ALL), seed) for seed in range(500)}
    assert unknown == set(KEY_NAMES)
    for damaged in ({"keys": {"C": -1}}, {"keys": {"C": "x"}}, {"keys": []}, []):
        assert drawn_key(card_of(BEATS, ALL, corpus=damaged), 1) in KEY_NAMES


def test_the_model_is_told_the_key_of_the_user_the_primer_or_the_draw() -> None:
    primer = BEATS.encode(arrange(read_midi(BUNDLED[0]), "piano")).tokens[:300]
    theirs = key_of(BEATS.decode(primer))

    def told(**asked) -> int:
        model = Reader(playing, *ALL, corpus={"keys": {"Bbm": 1}})
        song = generate(model, seconds=4, seed=1, guard=False, **asked)
        (key,) = {row[1 + ALL.index("key")] for row in model.rows}
        assert song.key is not None and key == id_of(song.key)
        return key

    assert told(key="F#") == id_of("F#")
    assert told() == id_of("Bbm")
    assert told(primer=primer) == id_of(key_name(theirs))
    assert told(primer=primer, key="F#") == id_of("F#")


def test_a_drawn_key_makes_the_song_of_that_key() -> None:
    """Drawing takes no numbers from those of the notes."""
    model = Reader(playing, *ALL)
    song = generate(model, seconds=9, seed=7)
    assert generate(model, seconds=9, seed=7, key=song.key).tokens.tolist() == song.tokens.tolist()


def test_a_song_keeps_to_the_pitches_of_its_key() -> None:
    """As far as it is asked to, and the training music does."""
    counts = [50, 1, 40, 1, 40, 40, 0, 50, 1, 40, 1, 40]  # of a major scale
    corpus = {"pitch_classes": {"major": counts}}
    scale = np.array(counts) > 1

    def in_key(key: str, about: object, **asked) -> float:
        model = Reader(lambda *row: np.zeros(BEATS.vocabulary), *ALL, corpus=about)
        sampling = Sampling(top_p=1.0, **asked)
        song = generate(model, seconds=60, seed=5, key=key, guard=False, sampling=sampling)
        tonic = id_of(key) - 1
        return float(scale[(song.score.notes["pitch"] - tonic) % 12].mean())

    assert in_key("E", corpus) > in_key("E", {}) + 0.1
    assert in_key("E", corpus, key_strength=2.0) > 0.9
    assert in_key("E", corpus, key_strength=0.0) == in_key("E", {}) < 0.7
    for other in ({"major": counts[:11]}, {"major": [*counts[:11], -1]}, {"minor": counts}, []):
        assert in_key("E", {"pitch_classes": other}) == in_key("E", {})


def test_a_corpus_counts_pitches_from_the_tonic_up(tmp_path: Path) -> None:
    for number, tonic in enumerate((0, 5, 9)):
        steps = [0, 4, 7, 12, 11, 9, 7, 5, 4, 2, 0, 7]
        rows = [
            (240 * n, 240 * n + 240 + number, 48 + tonic + steps[(n * (number + 1)) % 12], 80, 0, 0)
            for n in range(96)
        ]
        write_midi(Score.build(rows, 480), tmp_path / f"{number}.mid")
    corpus = prepare(tmp_path, tmp_path / "corpus", Settings(BEATS, valid=0))
    assert {row.key for row in corpus.pieces("train")} == {"C", "F", "A"}
    (found,) = corpus.pitch_classes.values()
    assert sum(found) == 3 * 96 and {pc for pc, n in enumerate(found) if n} == {
        0,
        2,
        4,
        5,
        7,
        9,
        11,
    }
    assert max(found) in (found[0], found[7])


def test_a_model_that_knows_no_keys_refuses_one() -> None:
    with pytest.raises(UgenError, match="--key Dm: the model was trained without the column key"):
        generate(Flat(), seconds=4, seed=1, key="Dm")
    with pytest.raises(UgenError, match="--key H: must be a key"):
        SongSettings(seed=1, key="H")


# bars that return


def bars_of(columns: tuple[str, ...], most: int, named: list[list[int]]) -> list[bool]:
    """Whether each bar was hidden. `named`: of each bar, what the column names of its ten tokens,
    which are all 7."""
    returns, hidden = Returns(columns, most), []
    returns.shown([0] * len(columns), 0)
    for bar, ids in enumerate(named):
        for n, name in enumerate(ids):
            row = returns.shown([name] * len(columns), bar)
            hidden += [row[-1] != name] if n == 0 else []
            returns.follow(7, [0] * len(columns), bar + (n == len(ids) - 1))
    return hidden


def test_after_some_returns_in_a_row_the_model_is_not_told_what_came_before() -> None:
    same, new = [8] * 10, [9] * 10
    nearly = [8] * 8 + [9] * 2  # eight tenths are not more than eight tenths
    assert bars_of(("back_1",), 2, [same] * 4) == [False, False, True, True]
    assert bars_of(("back_1",), 2, [same, new, same, same, same]) == [False] * 4 + [True]
    assert bars_of(("back_1",), 2, [same, same, new, same]) == [False, False, True, False]
    assert bars_of(("back_1",), 2, [same, nearly, same, same]) == [False] * 4
    assert bars_of(("back_1",), 0, [same] * 9) == [False] * 9, "0 turns it off"
    assert bars_of((), 2, []) == []


def test_without_bars_some_tokens_are_one() -> None:
    """Songs in events and frames went round in a few tokens. What only lasts does not count."""
    returns = Returns(("back_1", "after_2"), 2)
    returns.shown([0, 8], None)
    rows = [returns.follow(7, [0, 8], None) for _ in range(3 * TOKENS)]
    assert rows.index([0, 0]) == 2 * TOKENS - 1
    held = Returns(("back_1", "after_2"), 2)
    held.shown([8, 8], None)
    assert all(held.follow(7, [8, 8], None) == [8, 8] for _ in range(9 * TOKENS))


def test_it_must_be_one_column_that_names_the_bar() -> None:
    returns = Returns(("beat", "back_1", "back_2"), 1)
    returns.shown([3, 8, 9], 0)
    for n in range(10):
        ids = [3, 8, 9] if n % 2 else [3, 9, 8]
        row = returns.follow(7, ids, n == 9)
    assert row == [3, 8, 9]
    for n in range(10):
        row = returns.follow(7, [3, 9, 8], 1 + (n == 9))
    assert row == [3, 0, 0], "and the others stay as they are"


def test_a_song_that_only_copies_itself_is_stopped_in_it() -> None:
    """A model that points at what came a bar ago, as soon as anything did."""

    def copying(token: int, row: dict[str, int]) -> np.ndarray:
        logits = playing(token, row).copy()
        if row["back_1"]:
            logits[row["back_1"] - 1] += 40
        return logits

    model = Reader(copying, "back_1", "back_2")
    song = generate(model, bars=60, seed=2, exact=True, guard=False)
    bars = np.split(song.tokens, np.flatnonzero(song.tokens == BAR))
    again = [a.tolist() == b.tolist() for a, b in zip(bars[1:], bars[2:], strict=False)]
    rows = "".join("x" if each else "." for each in again).split(".")
    assert max(map(len, rows)) <= MOST_RETURNS + 1 and sum(again) > 20


def test_what_was_counted_stays_in_snapshots_and_states() -> None:
    model = Reader(playing, *ALL)
    state = generate(model, seconds=21, seed=3, exact=True, guard=False).state
    assert state.returns[1] > 0
    with pytest.raises(UgenError, match="returns: of other columns"):
        generate(model, seconds=1, seed=3, start=replace(state, returns=(1,)))


def test_the_key_of_a_score_is_told_in_words() -> None:
    from ugen.data.analysis.key import key_words

    assert key_words((2, True)) == "D minor" and key_words((6, False)) == "F# major"
    assert key_of(Score.build([(0, 24, 60, 80, 0, False)], 24)) is not None


@pytest.mark.parametrize("tones", [(0, 4, 8), (0, 6)])
def test_of_keys_that_fit_equally_well_the_first_is_taken(tones: tuple[int, ...]) -> None:
    """Rounding chose between them before: E major for C, E and G sharp, but D flat for D flat."""
    period = 12 // len(tones)
    for root in range(12):
        notes = [(0, 24, 60 + root + tone, 80, 0, False) for tone in tones]
        assert key_of(Score.build(notes, 24)) == (root % period, False)
