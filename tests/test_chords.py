"""Chord symbols, and the chords that are found in a score."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import MUSIC, ugen_data
from ugen.data import Score, UgenError, read_midi
from ugen.data.analysis.chord_symbols import (
    NO_CHORD,
    QUALITIES,
    chord_at,
    chord_name,
    chords_text,
    parse_chord,
    parse_chords,
)
from ugen.data.analysis.chords import chords_of_bars, find_chords, in_chords
from ugen.data.midi.writer import midi_bytes

BEAT = 24
C, F, G, AM = (parse_chord(symbol)[0] for symbol in ("C", "F", "G", "Am"))
ALL = range(1, 1 + 12 * len(QUALITIES))
KNOWN = """
C=C Am=Am Bb7=Bb7 B♭m7=Bbm7 F♯=F# Cb=B B#=C F#m7b5=F#m7b5 Gmaj7=Gmaj7 CΔ7=Cmaj7 CΔ=Cmaj7 CM7=Cmaj7
Dø=Dm7b5 Dø7=Dm7b5 Cm7(b5)=Cm7b5 Cm7-5=Cm7b5 Edim=Edim E°=Edim E°7=Edim7 Eo7=Edim7 C+=Caug
Asus4=Asus4 Asus=Asus4 C4=Csus4 C-7=Cm7 Cmin7=Cm7 Cmi=Cm Fmaj=F Dbaug=C#aug Gb=F# N.C.=N.C. NC=N.C.
"""
NEAREST = """
C13=C7 C9=C7 C7#9=C7 C7(b9)=C7 C7alt=C7 C6/9=C C6=C Cm6=Cm Cadd9=C C(add9)=C Cno3=C C5=C Cmaj9=Cmaj7
Cm11=Cm7 CmMaj7=Cm Cm(maj7)=Cm C+7=Caug C7sus4=Csus4 C9sus4=Csus4 Csus2=Gsus4 G/B=G Eb6/9/G=Eb
"""


def pairs(table: str) -> list[list[str]]:
    """Symbols, and what they mean."""
    return [pair.split("=") for pair in table.split()]


def tones(chord: int) -> list[int]:
    """Its notes, the root the lowest."""
    quality, root = divmod(chord - 1, 12)
    return [48 + root + tone for tone in [*QUALITIES.values()][quality]]


def played(chords: list[int], beats: int = 2, meter: tuple[int, int] = (4, 4)) -> Score:
    """A score of block chords of so many beats each."""
    notes = [
        (at * beats * BEAT, (at + 1) * beats * BEAT, pitch, 64, 0, False)
        for at, chord in enumerate(chords)
        for pitch in tones(chord)
    ]
    return Score.build(notes, BEAT, meters=[(0, *meter)])


@pytest.mark.parametrize(("symbol", "meaning"), pairs(KNOWN))
def test_symbols_are_read_as_musicians_write_them(symbol: str, meaning: str) -> None:
    chord, simpler = parse_chord(symbol)
    assert (chord_name(chord), simpler) == (meaning, False)


@pytest.mark.parametrize(("symbol", "nearest"), pairs(NEAREST))
def test_what_the_model_does_not_know_becomes_the_nearest_chord(symbol: str, nearest: str) -> None:
    chord, simpler = parse_chord(symbol)
    assert (chord_name(chord), simpler) == (nearest, True)
    assert parse_chords(symbol).warnings == (f"{symbol} is taken for {nearest}",)


def test_every_chord_has_a_name_of_its_own() -> None:
    names = [chord_name(chord) for chord in (NO_CHORD, *ALL)]
    assert [parse_chord(name) for name in names] == [(n, False) for n in (NO_CHORD, *ALL)]


@pytest.mark.parametrize(
    ("text", "bars"),
    [
        ("Am | F | C G | Am", [(AM,), (F,), (C, G), (AM,)]),
        ("| Am | % | C G | % |", [(AM,), (AM,), (C, G), (C, G)]),
        ("C / / G | F |\nAm |\n", [(C, C, C, G), (F,), (AM,)]),
        ("Am F C", [(AM,), (F,), (C,)]),
        ("C F G | N.C.", [(C, F, G), (NO_CHORD,)]),
    ],
)
def test_progressions_are_bars_of_chords(text: str, bars: list[tuple[int, ...]]) -> None:
    assert [*parse_chords(text).bars] == bars
    assert [*parse_chords(chords_text(bars)).bars] == bars or "|" not in chords_text(bars)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Am | Hm7x", "--chords Hm7x: no chord symbol (German H is B, and B is Bb); write a "),
        ("C7x", "such as m, 7, maj7, m7, dim, m7b5, aug or sus4, as in F#m7, or N.C."),
        ("am", "--chords am: no chord symbol; write a capital"),
        ("", "--chords: has no chords; write bars, as in Am | F"),
        ("Am || F", "--chords: bar 2 is empty; write % to repeat the bar before it"),
        ("% | F", "--chords %: no chord symbol"),
        ("A B C D E | F", "--chords: bar 1 has 5 chords; 4 are the most"),
        ("A |" * 501, "--chords: has 501 bars; 500 are the most"),
    ],
)
def test_a_bad_progression_is_refused_in_one_line(text: str, reason: str) -> None:
    with pytest.raises(UgenError) as caught:
        parse_chords(text)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text("ABCFGm7#b♭♯Δø°+-()/susaddimj69|% ", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        bars = parse_chords(text).bars
    except UgenError:
        return
    assert all(chord in (NO_CHORD, *ALL) for bar in bars for chord in bar)


@pytest.mark.parametrize(
    ("count", "beats", "at"),
    [
        (1, 4, [0, 0, 0, 0]),
        (2, 4, [0, 0, 1, 1]),
        (3, 4, [0, 0, 1, 2]),
        (4, 4, [0, 1, 2, 3]),
        (2, 3, [0, 0, 1]),
        (2, 6, [0, 0, 0, 1, 1, 1]),
        (4, 3, [0, 1, 2]),
    ],
)
def test_the_chords_of_a_bar_begin_on_beats(count: int, beats: int, at: list[int]) -> None:
    assert [chord_at(tuple(range(count)), beat, beats) for beat in range(beats)] == at


def test_every_chord_is_found_where_it_is_played() -> None:
    score = played([*ALL])
    found = [chord for bar in find_chords(score).values() for chord in bar]
    wrong = {chord_name(a): chord_name(b) for a, b in zip(ALL, found, strict=True) if a != b}
    assert wrong == {}
    assert in_chords(score, find_chords(score).get) == 1.0


def test_an_odd_bar_has_one_chord_and_an_even_one_two() -> None:
    assert find_chords(played([C, G], 3, (3, 4))) == {0: (C,), 1: (G,)}
    assert find_chords(played([C, G], 3, (12, 8))) == {0: (C, G)}
    assert chords_of_bars(played([C, C, F, G])) == [(C,), (F, G)]


def test_a_note_between_does_not_change_the_chord() -> None:
    """Passing notes made a chord of every half bar."""
    score = played([C, C, G, G])
    passing = (2 * BEAT, 2 * BEAT + BEAT, 57, 64, 0, False)  # an A over C major
    score = Score.build([*map(tuple, score.notes.tolist()), passing], BEAT)
    assert find_chords(score) == {0: (C, C), 1: (G, G)}


def test_chords_move_with_the_music() -> None:
    score = read_midi(MUSIC / "piano" / "maple-leaf-rag.mid")
    notes = score.notes.copy()
    notes["pitch"] += 5
    moved = find_chords(replace(score, notes=notes))
    for bar, chords in find_chords(score).items():
        for before, after in zip(chords, moved[bar], strict=True):
            assert (after - 1) // 12 == (before - 1) // 12
            assert (after - before) % 12 == 5 or after == before == NO_CHORD


def test_drums_and_silence_have_no_chords() -> None:
    drums = [(0, BEAT, 36, 64, 0, True), (8 * BEAT, 9 * BEAT, 38, 64, 0, True)]
    assert find_chords(Score.build(drums, BEAT)) == {}
    assert in_chords(Score.build(drums, BEAT), lambda bar: (C,)) == 0.0
    later = replace(played([C]), notes=played([C]).notes.copy())
    for field in ("onset", "end"):
        later.notes[field] += 9 * BEAT
    assert chords_of_bars(later)[:2] == [(NO_CHORD,), (NO_CHORD,)]


def test_the_share_in_chords_is_by_time() -> None:
    score = played([C, G], 4)
    assert in_chords(score, lambda bar: (C,)) == pytest.approx((1 + 1 / 3) / 2)
    assert in_chords(score, {0: (C,), 1: (NO_CHORD,)}.get) == 1.0
    assert in_chords(score, {0: (C, G), 1: (G,)}.get) == pytest.approx((2 / 3 + 1) / 2)


def test_notes_without_end_take_no_time_without_end() -> None:
    """A few notes that claim to last for years would take all memory."""
    notes = [(0, 1 << 40, 48 + n, 64, 0, False) for n in range(50)]
    score = Score.build(notes, 1, meters=[(0, 1, 32768)])
    before = time.monotonic()
    assert len(find_chords(score)) <= 256
    assert time.monotonic() - before < 5


def test_the_command_prints_what_can_be_asked_for(tmp_path: Path) -> None:
    midi = tmp_path / "a.mid"
    midi.write_bytes(midi_bytes(played([C, F, G, G, AM, AM, C, C, F, F])))
    printed = ugen_data("chords", midi).stdout
    assert printed == "C F | G | Am | C |\nF |\n"
    assert parse_chords(printed).bars == ((C, F), (G,), (AM,), (C,), (F,))
