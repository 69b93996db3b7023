"""Chords that a song is asked to keep to: the column that says them, and what comes of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_models import BEATS, CODECS, Flat, Reader, likes
from support import MUSIC
from ugen.data import Score, UgenError, read_midi
from ugen.data.analysis.chord_symbols import QUALITIES, parse_chords
from ugen.data.analysis.chords import find_chords, in_chords
from ugen.data.arrangement import arrange
from ugen.data.codecs.columns import CHORD_NAMES, CHORDS, NO_WISHES, Wishes
from ugen.data.corpus.corpus import Corpus
from ugen.runtime import SongSettings, generate
from ugen.runtime.cli.model_info import describe
from ugen.runtime.generation.request import Request
from ugen.runtime.generation.song_state import load_state, save_state
from ugen.train.batches import Asked, Augmentation, Feed, Streams

COLUMNS = "beat", "phase", "key", *CHORD_NAMES
KINDS = [event.partition(":")[0] for event in BEATS.events]
TONES = [*QUALITIES.values()]
TEXT = "Am | F | C G | Am"
AM, F, C, G = 22, 6, 1, 8
IDS = {event: token for token, event in enumerate(BEATS.events)}


def obedient(token: int, row: dict[str, int]) -> np.ndarray:
    """A model that plays a tone of the chord on each beat, any tone where there is no chord."""
    if KINDS[token] == "piece":
        return likes(BEATS, "meter:4/4")
    if KINDS[token] == "pitch":
        return likes(BEATS, "duration:24")
    if KINDS[token] == "duration":
        return likes(BEATS, "bar" if row["beat"] == 4 else "shift:24")
    quality, root = divmod(row["chord"] - 1, 12)
    tones = [(root + tone) % 12 for tone in TONES[quality]] if row["chord"] else range(12)
    return likes(BEATS, *(f"pitch:{48 + tone}" for tone in tones))


def model() -> Reader:
    return Reader(obedient, *COLUMNS)


def chords_of_rows(fed: Reader) -> list[list[int]]:
    """The chords that a model was told, one after the other."""
    told: list[list[int]] = []
    for row in fed.rows:
        if not told or row[-2:] != told[-1]:
            told.append(row[-2:])
    return told


def test_there_is_an_id_for_each_chord() -> None:
    assert 12 * len(QUALITIES) == CHORDS


def test_a_row_says_the_chord_and_the_one_that_follows() -> None:
    bars = [(AM,), (C, G), (F, F, AM, G)]
    words = "meter:4/4 pitch:60 duration:24 bar shift:24 shift:24 bar shift:36 shift:24 bar bar"
    tokens = np.array([IDS[word] for word in words.split()], np.uint16)
    rows = BEATS.to_rows(tokens, CHORD_NAMES, Wishes(chords=bars))[:, 1:].tolist()
    ending = [[F, F], [F, AM], [AM, G], [AM, C], [C, G]]
    assert rows == [[AM, C]] * 4 + [[C, G], [C, G], [G, F], *ending]


def test_two_chords_in_three_four_change_at_the_last_beat() -> None:
    words = "meter:3/4 shift:24 shift:24 bar meter:4/4 shift:24 shift:24"
    tokens = np.array([IDS[word] for word in words.split()], np.uint16)
    rows = BEATS.to_rows(tokens, CHORD_NAMES[:1], Wishes(chords=[(C, G)]))[1:, 1].tolist()
    assert rows == [C, C, G, C, C, C, G]


def test_a_bar_that_a_meter_cuts_short_is_counted_with_the_next() -> None:
    """In the rows, as in what is found and measured: else chords come a bar early from there on."""
    notes = [
        (at * 24, (at + 4) * 24, 48 + tone, 64, 0, False)
        for at, tones in ((0, (0, 4, 7)), (6, (5, 9, 12)), (10, (7, 11, 14)))
        for tone in tones
    ]
    score = Score.build(notes, 24, meters=[(0, 4, 4), (6 * 24, 4, 4)])
    chords = find_chords(score)
    assert chords == {0: (C, C), 1: (F, F), 2: (G, G)}
    tokens = BEATS.encode(score).tokens
    rows = BEATS.to_rows(tokens, CHORD_NAMES[:1], Wishes(chords=[*chords.values()]))
    onsets = [BEATS.events[token] in ("pitch:48", "pitch:53", "pitch:59") for token in tokens]
    assert rows[1:, 1][onsets].tolist() == [C, F, G]
    assert in_chords(score, chords.get) == 1.0


def test_what_is_not_asked_is_not_said() -> None:
    assert BEATS.cursor(columns=CHORD_NAMES).row() == [0, 0]
    assert NO_WISHES.chords_at(3, 0, 4) == (0, 0)
    later = Wishes(chords=[(C,), (F, G)], chords_from=2)
    found = [later.chords_at(bar, 2, 4) for bar in range(5)]
    assert found == [(0, 0), (0, C), (C, F), (G, C), (C, F)]


def test_transposing_moves_chords() -> None:
    tokens = BEATS.encode(arrange(read_midi(MUSIC / "piano" / "solace.mid"), "piano")).tokens[:99]
    rows = BEATS.to_rows(tokens, CHORD_NAMES, Wishes(chords=[(AM, 0), (119,)]))
    moved = BEATS.augment(rows, 5, 1.0, 0, CHORD_NAMES)
    assert {*moved[rows[:, 1] == AM, 1].tolist()} == {parse_chords("Dm").bars[0][0]}
    assert {*moved[rows[:, 1] == 0, 1].tolist()} == {0}
    assert {*moved[rows[:, 1] == 119, 1].tolist()} == {112}


def test_training_knows_the_chords_of_each_piece(small_corpus: Corpus) -> None:
    row = small_corpus.pieces("train")[0]
    assert not small_corpus.wishes(row).chords
    wishes = small_corpus.wishes(row, chords=True)
    found = find_chords(small_corpus.codec.decode(small_corpus.piece(row)))
    assert [*map(tuple, wishes.chords)][:-1] == [
        found.get(bar, (0,)) for bar in range(max(found) + 1)
    ]
    rows = BEATS.to_rows(small_corpus.piece(row), CHORD_NAMES, wishes)
    assert np.count_nonzero(rows[:, 1]) > 0.9 * len(rows)


def test_the_two_columns_are_left_out_together(small_corpus: Corpus) -> None:
    rows = small_corpus.pieces("train")
    streams = Streams(
        [small_corpus.piece(row) for row in rows],
        Feed(BEATS, ("key", *CHORD_NAMES)),
        8,
        32,
        Augmentation(transpose=True, wish_dropout=0.5),
        1,
        Asked(lambda piece: small_corpus.wishes(rows[piece], chords=True)),
    )
    told = [streams._sample().unsaid for _ in range(200)]
    with_chord = sum("chord" not in unsaid for unsaid in told)
    assert 0 < with_chord < 200
    assert all(("chord" in unsaid) == ("next_chord" in unsaid) for unsaid in told)


# songs


def test_a_song_keeps_to_its_chords_and_says_so() -> None:
    asked = model()
    song = generate(asked, bars=9, seed=3, chords=TEXT, exact=True, guard=False)
    assert song.in_chords == 1.0
    assert chords_of_rows(asked)[:6] == [[AM, F], [F, C], [C, G], [G, AM], [AM, AM], [AM, F]]
    other = generate(model(), bars=9, seed=3, chords="C#m7b5", exact=True, guard=False)
    assert other.in_chords == 1.0 and not np.array_equal(other.tokens, song.tokens)
    assert generate(model(), bars=9, seed=3, exact=True, guard=False).in_chords is None


def test_without_a_key_the_chords_name_it() -> None:
    assert generate(model(), bars=2, seed=3, chords="Dm | A7 | Dm", exact=True).key == "Dm"
    assert generate(model(), bars=2, seed=3, chords="Dm", key="F", exact=True).key == "F"


def test_a_song_goes_on_in_the_middle_of_its_chords(tmp_path: Path) -> None:
    fed = model()
    first = generate(fed, seconds=13, seed=3, chords=TEXT, exact=True, guard=False)
    save_state(first.state, "0" * 64, tmp_path / "a.json")
    state = load_state(tmp_path / "a.json", "0" * 64, fed.card)
    second = generate(fed, seconds=17, seed=3, exact=True, guard=False, start=state)
    both, fed.rows = fed.rows, []
    whole = generate(fed, seconds=30, seed=3, chords=TEXT, exact=True, guard=False)
    assert both == fed.rows
    assert np.array_equal(np.concatenate([first.tokens, second.tokens]), whole.tokens)
    assert second.in_chords == 1.0


def test_after_a_primer_chords_begin_with_the_next_bar() -> None:
    primer = np.array(
        [IDS[word] for word in ("meter:4/4", "pitch:60", "duration:24", "bar")], np.uint16
    )
    for length, told in ((4, [[AM, F], [F, C]]), (3, [[0, AM], [AM, F]])):
        fed = model()
        song = generate(
            fed, bars=4, seed=3, chords=TEXT, primer=primer[:length], exact=True, guard=False
        )
        assert chords_of_rows(fed)[1 if length == 4 else 0 :][:2] == told
        assert song.in_chords == 1.0


def test_a_record_holds_the_chords() -> None:
    from ugen.data.json_values import from_json, to_json

    request = Request("0" * 64, SongSettings(seconds=3, seed=1, chords=TEXT))
    again = from_json(Request, to_json(request))
    assert again.settings.chords == TEXT


def test_the_model_is_said_to_know_chords() -> None:
    assert "--chords any" in describe(model().card, __file__)
    assert "--chords any" not in describe(Flat().card, __file__)


@pytest.mark.parametrize(
    ("fed", "reason"),
    [
        (Flat(), "--chords: the model has no column chord; train-ugen "),
        (Flat(CODECS["events"]), "--chords: the events codec knows seconds only, no bars"),
    ],
)
def test_a_model_that_knows_no_chords_is_refused(fed: Flat, reason: str) -> None:
    with pytest.raises(UgenError) as caught:
        generate(fed, seconds=3, seed=1, chords=TEXT)
    assert str(caught.value).startswith(reason)


def test_bad_chords_are_refused_before_anything_is_made() -> None:
    with pytest.raises(UgenError, match="--chords Hm7x: no chord symbol"):
        SongSettings(seconds=3, seed=1, chords="Am | Hm7x")
    with pytest.raises(UgenError, match="--chords: 9000 characters"):
        SongSettings(seconds=3, seed=1, chords="C" * 9000)
    state = generate(model(), seconds=3, seed=1, chords=TEXT, exact=True).state
    with pytest.raises(UgenError, match="no chord symbol"):
        replace(state, chords="X")
    card = replace(model().card, columns=model().card.columns[:3])
    with pytest.raises(UgenError, match="column chord"):
        state.check(card)
