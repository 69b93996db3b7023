"""Music without a beat grid: it is noticed, and gets the codec that suits it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support import BUNDLED, ugen_data
from ugen.data import Score, read_midi, write_midi
from ugen.data.analysis.beat_grid import LEAST_ON_GRID, on_grid
from ugen.data.corpus.auto_codec import has_beats

BPM = 97


def flattened(score: Score) -> Score:
    """The same music at 120 beats per minute, as it sounds at 97."""
    notes = score.notes.copy()
    for field in ("onset", "end"):
        notes[field] = np.rint(notes[field] / score.ticks_per_beat * 480 * 120 / BPM)
    return Score.build(notes, 480)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four pieces that have lost their beat grid, and two that have one."""
    folder = tmp_path_factory.mktemp("music")
    for number, path in enumerate(BUNDLED[::16][:6]):
        score = read_midi(path)
        write_midi(flattened(score) if number < 4 else score, folder / f"{number}.mid")
    return folder


@pytest.mark.parametrize("path", BUNDLED[3::12], ids=lambda path: path.stem)
def test_written_music_is_on_the_grid(path: Path) -> None:
    score = read_midi(path)
    assert on_grid(score) > LEAST_ON_GRID
    assert on_grid(flattened(score)) < LEAST_ON_GRID


def test_music_that_begins_beside_the_beat_is_on_a_grid() -> None:
    """As some files do, by a thirty-second for all their length."""
    notes = [(15 + 120 * n, 100 + 120 * n, 60, 64, 0, False) for n in range(40)]
    assert on_grid(Score.build(notes, 480)) == 1


def test_no_notes_are_on_no_grid() -> None:
    assert on_grid(Score.build([], 480)) == 0


def test_most_of_a_folder_decides(folder: Path, tmp_path: Path) -> None:
    assert not has_beats(folder)
    write_midi(read_midi(folder / "4.mid"), tmp_path / "a.mid")
    (tmp_path / "broken.mid").write_bytes(b"MThd")
    assert has_beats(tmp_path)
    assert has_beats(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("flags", "codec", "advice"),
    [
        ("", "events", ""),
        ("--codec beats", "beats", ": --codec events suits them"),
        ("--arrange band", "beats", ": --codec events suits them"),
    ],
)
def test_prepare_says_so_and_chooses(
    flags: str, codec: str, advice: str, folder: Path, tmp_path: Path
) -> None:
    done = ugen_data("prepare", folder, "-o", tmp_path / "corpus", "--valid", "0.2", *flags.split())
    assert done.returncode == 0, done.stderr
    why = "performed, or their tempo was flattened"
    assert f"  4 of 6 pieces have no beat grid ({why}){advice}\n" in done.stdout
    assert json.loads((tmp_path / "corpus/corpus.json").read_text())["codec"]["name"] == codec
    rows = map(json.loads, (tmp_path / "corpus/manifest.jsonl").read_text().splitlines())
    assert [row["on_grid"] < LEAST_ON_GRID for row in rows] == [True] * 4 + [False] * 2
    report = ugen_data("report", tmp_path / "corpus")
    assert "4 of 6 pieces have no beat grid" in report.stdout


def test_tokens_of_a_file_without_a_grid_are_events(folder: Path) -> None:
    assert "note_on" in ugen_data("tokens", folder / "0.mid").stdout
    assert "bar" in ugen_data("tokens", folder / "4.mid").stdout
