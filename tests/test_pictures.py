"""Piano rolls: notes where they are, told apart by anybody, in every format and with nothing but
numpy."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from support import BUNDLED
from ugen.data import Score, UgenError, arrange, read_midi
from ugen.data.render import inks
from ugen.data.render.lettering import lettered, width_of
from ugen.data.render.piano_roll import contact_sheet, piano_roll
from ugen.data.render.roll_rows import ACROSS, LEFT
from ugen.data.render.shapes import WIDE

PARTS = [name for name in inks.PARTS if name.startswith("part")]
BLUE = [inks.colour(f"part0-{level}", dark=False) for level in range(inks.LEVELS)]
MARKS = [inks.colour(f"part0-{level}+", dark=False) for level in range(inks.LEVELS)]


def notes(*rows: tuple[int, int, int, int], program: int = 40, drum: bool = False) -> Score:
    """A score of onsets and ends in beats of half a second, pitches and velocities."""
    return Score.build([(480 * a, 480 * b, p, v, program, drum) for a, b, p, v in rows], 480)


def drawn(score: Score, path: Path, **options: object) -> NDArray[np.uint8]:
    """Its pixels, as another program reads them."""
    piano_roll(score, path, **options)  # type: ignore[arg-type]
    with Image.open(path) as image:
        return np.array(image.convert("RGB"))


def where(image: NDArray[np.uint8], colours: list[tuple[int, int, int]]) -> NDArray[np.bool_]:
    """The pixels of some colours, without the legend."""
    found = np.any([(image == each).all(axis=-1) for each in colours], axis=0)
    found[:60] = False
    return found


def texts(path: Path) -> list[str]:
    return [each.text or "" for each in ET.parse(path).iter("{http://www.w3.org/2000/svg}text")]


def test_notes_are_where_they_sound(tmp_path: Path) -> None:
    image = drawn(notes((0, 1, 40, 80), (20, 21, 80, 80)), tmp_path / "a.png")
    rows, columns = np.nonzero(where(image, BLUE))
    left = columns < WIDE / 4
    assert rows[left].min() > rows[~left].max(), "the first note is the lower one"
    beat = ACROSS / 60
    assert abs(columns[left].min() - LEFT) <= 2 and abs(columns[left].max() - LEFT - beat) <= 4
    assert abs(columns[~left].min() - LEFT - 20 * beat) <= 3


def test_repeated_notes_do_not_melt_into_one(tmp_path: Path) -> None:
    """Eight notes of one pitch, each begun where the one before ended, were one bar."""
    for length in (1, 2):  # half a second, and down to a sixteenth of one at 240 beats a minute
        rows = [(length * k, length * (k + 1), 60, 127) for k in range(8)]
        score = notes(*rows)
        for seconds in (30.0, 60.0 * length):
            image = drawn(score, tmp_path / "a.png", row_seconds=seconds)
            line = where(image, BLUE)
            line = line[line.sum(axis=1).argmax()]
            assert (np.diff(line.astype(int)) == 1).sum() == 8, (length, seconds)
            begins = where(image, MARKS)
            begins = begins[begins.sum(axis=1).argmax()]
            assert (np.diff(begins.astype(int)) == 1).sum() == 8


def test_a_note_under_a_longer_one_shows_where_it_begins(tmp_path: Path) -> None:
    long, short = (0, 480 * 8, 60, 80, 40, False), (960, 1440, 60, 80, 41, False)
    piano_roll(Score.build([long, short], 480), tmp_path / "a.png")
    image = np.array(Image.open(tmp_path / "a.png"))
    for part in PARTS[:2]:
        assert where(image, [inks.colour(f"{part}-3+", dark=False)]).any()


def luminance(colour: tuple[int, int, int]) -> float:
    return float(linear(colour) @ [0.2126, 0.7152, 0.0722])


def linear(colour: tuple[int, int, int]) -> NDArray[np.float64]:
    value = np.array(colour) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """By WCAG 2: 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


# what the colour-blind see (Machado, Oliveira and Fernandes 2009, all cones of a kind missing)
SIGHT = {
    "all cones": np.eye(3),
    "no red": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "no green": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "no blue": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def lab(colour: tuple[int, int, int], sight: str) -> NDArray[np.float64]:
    """CIE L*a*b* of what such eyes see."""
    seen = np.clip(SIGHT[sight] @ linear(colour), 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(np.array(to_xyz) @ seen / [0.9505, 1, 1.089])
    return np.array([116 * y, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("sight", SIGHT)
def test_the_colour_blind_tell_parts_apart(sight: str, dark: bool) -> None:
    """Two of the ten colours of before were red and green of one lightness, two others greys."""
    for loudness, least in ((2, 25), (1, 20), (3, 17), (0, 12), (4, 12)):
        for one, other in combinations(PARTS, 2):
            pair = [inks.colour(f"{name}-{loudness}", dark) for name in (one, other)]
            apart = np.linalg.norm(lab(pair[0], sight) - lab(pair[1], sight))
            assert apart > least, (one, other, loudness)


@pytest.mark.parametrize("dark", [False, True])
def test_loud_notes_stand_out_most_and_quiet_ones_can_be_seen(dark: bool) -> None:
    """The loudest were yellow on white, 1.26 to 1."""
    page = inks.colour("page", dark)
    for part in inks.PARTS:
        by_level = [contrast(inks.colour(f"{part}-{level}", dark), page) for level in range(5)]
        assert by_level == sorted(by_level) and by_level[0] > 2 and by_level[2] > 3
    for ink in ("ink", "soft"):
        assert contrast(inks.colour(ink, dark), page) > 4.5
    levels = [inks.level(velocity) for velocity in range(128)]
    assert levels == sorted(levels) and set(levels) == set(range(inks.LEVELS))


def test_svg_says_who_plays_what_and_suits_dark_pages(tmp_path: Path) -> None:
    path = tmp_path / "<&> song é.svg"
    score = Score.build(
        [
            (0, 480, 60, 80, 0, False),
            (480, 960, 64, 80, 33, False),
            (0, 240, 36, 80, 0, True),
            (0, 240, 42, 80, 0, True),
            (0, 240, 70, 80, 0, True),
        ],
        480,
        [(0, 600_000)],
        [(0, 3, 4)],
    )
    piano_roll(score, path)
    words = texts(path)
    assert words[0] == "<&> song é"
    assert "3/4, 100 beats per minute, 0:01, 5 notes" in words[1]
    for each in ("quiet", "loud", "C4", "C5", "acoustic grand piano", "electric bass (finger)"):
        assert each in words
    assert [each for each in words if each in ("kick", "hi-hat", "percussion", "toms")] == [
        *("percussion", "hi-hat", "kick")
    ], "the drums that play, in lanes"
    text = path.read_text("utf-8")
    assert "@media(prefers-color-scheme:dark)" in text
    styled = set(re.findall(r"\.([\w-]+)\{", text.partition("@media")[0]))
    assert set(re.findall(r'class="([\w-]+)"', text)) <= styled
    piano_roll(score, tmp_path / "dark.svg", dark=True)
    assert "@media" not in (tmp_path / "dark.svg").read_text("utf-8")


def test_a_piano_has_hands_and_many_instruments_share_a_colour(tmp_path: Path) -> None:
    piano = notes((0, 4, 36, 80), (0, 4, 76, 80), program=0)
    piano_roll(piano, tmp_path / "a.svg")
    assert {"right hand", "left hand"} <= set(texts(tmp_path / "a.svg"))
    rows = [(480 * k, 480 * k + 240, 60, 80, k, False) for k in range(12)]
    piano_roll(Score.build(rows, 480), tmp_path / "b.svg")
    words = texts(tmp_path / "b.svg")
    assert "5 others" in words and "acoustic grand piano" in words


def test_bars_are_numbered_where_there_are_beats(tmp_path: Path) -> None:
    rows = [(k, k + 1, 60, 80) for k in range(16)]
    piano_roll(notes(*rows), tmp_path / "a.svg")
    assert {"1", "2", "3", "4"} <= set(texts(tmp_path / "a.svg"))
    rng = np.random.default_rng(3)
    free = [(int(at), int(at) + 100, 60, 80, 0, False) for at in rng.integers(0, 20_000, 90)]
    piano_roll(Score.build(free, 480), tmp_path / "b.svg")
    assert not {"1", "2", "3"} & set(texts(tmp_path / "b.svg")), "played freely: no bars"
    tiny = Score.build([(0, 10_000, 60, 80, 0, False)], 480, meters=[(0, 1, 128)])
    piano_roll(tiny, tmp_path / "c.svg")
    assert "2" not in texts(tmp_path / "c.svg"), "no line a pixel"


def test_rows_are_even_and_a_last_bar_is_no_row_of_its_own(tmp_path: Path) -> None:
    """A song that ends within two bars of its minute had a third row with nothing in it."""
    heights = []
    for seconds in (20, 60, 66, 80, 95):
        score = notes((0, 1, 60, 80), (2 * seconds - 1, 2 * seconds, 72, 80))
        image = drawn(score, tmp_path / "a.png")
        heights.append(len(image))
        assert where(image, MARKS).any(axis=0).sum() >= 4, "both notes are drawn"
        last = where(image, BLUE)[heights[0] :].any(axis=0)
        assert seconds == 20 or last.argmax() > WIDE - 60, "the last row is full"
    assert heights[0] < heights[1] == heights[2] < heights[3] == heights[4]
    score = arrange(read_midi(BUNDLED[-4]), "piano")
    assert len(drawn(score, tmp_path / "a.png", row_seconds=20.0)) > 2 * len(
        drawn(score, tmp_path / "a.png", row_seconds=60.0)
    )


def test_a_held_note_begins_in_one_row_only(tmp_path: Path) -> None:
    image = drawn(notes((0, 240, 60, 80)), tmp_path / "a.png")
    assert where(image, BLUE).any(axis=1).sum() >= 16, "in each of four rows"
    assert where(image, MARKS).any(axis=0).sum() == 2


def test_pictures_that_would_never_end_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UgenError, match="rows of 30 s are too many to draw"):
        piano_roll(Score.build([(10**8, 10**8 + 1, 60, 80, 0, False)], 480), tmp_path / "a.png")
    with pytest.raises(UgenError, match="201 rows are too many"):
        contact_sheet([("", notes((0, 1, 60, 80)))] * 201, tmp_path / "a.png")
    assert not any(tmp_path.iterdir())
    for kind in ("png", "svg", "jpg"):
        piano_roll(Score.build([], 480), tmp_path / f"empty.{kind}")
        assert (tmp_path / f"empty.{kind}").stat().st_size > 1000


def test_every_format_shows_the_same(tmp_path: Path) -> None:
    score = arrange(read_midi(BUNDLED[-4]), "piano")
    sharp, blurred = (drawn(score, tmp_path / f"a{kind}") for kind in (".png", ".jpg"))
    assert sharp.shape == blurred.shape and sharp.shape[1] == WIDE
    assert np.abs(sharp.astype(int) - blurred).mean() < 4
    piano_roll(score, tmp_path / "a.svg")
    root = ET.parse(tmp_path / "a.svg").getroot()
    assert [root.get("width"), root.get("height")] == [str(WIDE), str(len(sharp))]
    marks = r'<path class="part[\w-]+o" d="([^"]+)"'
    boxes = [
        tuple(map(int, box))
        for path in re.findall(marks, (tmp_path / "a.svg").read_text())
        for box in re.findall(r"M(\d+) (\d+)h(\d+)v(\d+)", path)
    ]
    assert len(boxes) > len(score.notes), "a mark a note, and the legend's"


def test_a_sheet_shows_songs_one_below_another(tmp_path: Path) -> None:
    songs = [(f"seed {k}", notes((0, k + 1, 60 + k, 80))) for k in range(3)]
    for kind in ("svg", "png"):
        contact_sheet(songs, tmp_path / f"a.{kind}")
    words = texts(tmp_path / "a.svg")
    assert [each for each in words if each.startswith("seed")] == [
        "seed 0  (C major, 4/4, 120 beats per minute, 0:00, 1 note)",
        *(each for each in words if each.startswith(("seed 1", "seed 2"))),
    ]


def test_letters_are_ink_of_the_size_asked_for() -> None:
    for size in (7, 11, 20):
        for character in map(chr, range(33, 127)):
            ink = lettered(character, size)
            assert ink.max() > 0.6 and ink.min() == 0, (character, size)
            rows = np.flatnonzero(ink.max(axis=1) > 0.5)
            if character.isupper():
                assert abs(len(rows) - size) <= 0.25 * size + 1
        assert width_of("mm", size) > width_of("ii", size)
    assert (lettered("é", 12) == lettered("e", 12)).all(), "without its accent"
    assert lettered("漢", 12).max() > 0.6, "a box"
    different = {lettered(each, 16).tobytes() for each in map(chr, range(33, 127))}
    assert len(different) == 94, "each is a letter of its own"


def test_the_light_install_draws(tmp_path: Path) -> None:
    """It asked for matplotlib."""
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['matplotlib', 'PIL', 'pandas']));"
        "from pathlib import Path; from ugen.data import UgenError, read_midi;"
        "from ugen.data.render.convert import write_score; score = read_midi(sys.argv[1])\n"
        "for kind in ('png', 'svg', 'jpg'):\n"
        "    try: write_score(score, Path(sys.argv[2], 'a.' + kind))\n"
        "    except UgenError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, BUNDLED[-4], tmp_path],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "this needs PIL, which is not installed: pip install 'ugen-music[plot]'\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "a.svg"]
