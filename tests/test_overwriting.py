"""Nothing that exists is overwritten in silence: it is asked for on a terminal, refused elsewhere,
done with --force."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support import BUNDLED, trained, ugen_data, ugen_run
from terminals import in_terminal
from ugen.data.cli.overwrite import require_new
from ugen.data.errors import UgenError

SONG = ("--seconds", 4, "--seed")


@pytest.fixture
def song(model_file: Path, tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Make song.mid of a seed."""

    def make(seed: int, *words: object) -> tuple[int, str]:
        done = ugen_run(model_file, "-o", tmp_path / "song.mid", *SONG, seed, *words)
        return done.returncode, done.stderr

    return make


def test_a_song_is_not_lost_to_the_next(
    song: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    """`ugen-run -o song.mid` twice once lost the first."""
    assert song(3)[0] == 0
    first = (tmp_path / "song.mid").read_bytes()
    code, said = song(4)
    assert code == 2 and "song.mid: exists already; --force overwrites it" in said
    assert (tmp_path / "song.mid").read_bytes() == first
    assert song(4, "--force")[0] == 0 and (tmp_path / "song.mid").read_bytes() != first


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1)])
def test_on_a_terminal_it_is_asked(
    answer: str, code: int, model_file: Path, tmp_path: Path
) -> None:
    path = tmp_path / "song.mid"
    path.write_bytes(b"an old song")
    words = (model_file, "-o", path, *SONG, 3)
    found, said = in_terminal("ugen.runtime.cli.run", *words, answer=f"{answer}\n")
    assert found == code and "song.mid exists already; overwrite? [y/N]" in said
    assert (path.read_bytes() == b"an old song") == (answer == "n")


def test_of_several_songs_the_first_that_exists_is_named(model_file: Path, tmp_path: Path) -> None:
    (tmp_path / "4.mid").write_bytes(b"an old song")
    words = (model_file, "-o", tmp_path / "{seed}.mid", *SONG, 3, "--count", 2)
    done = ugen_run(*words)
    assert done.returncode == 2 and "4.mid: exists already;" in done.stderr
    assert not (tmp_path / "3.mid").exists(), "found before any is made"


def test_what_holds_nothing_may_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    require_new([tmp_path / "empty", tmp_path / "new", Path("/dev/null"), tmp_path], False)
    (tmp_path / "full").write_text("x")
    with pytest.raises(UgenError, match=r"full: exists already \(and 1 more\)"):
        require_new([tmp_path / "full"] * 2, False)


def test_a_file_is_not_converted_onto_itself_nor_onto_others(tmp_path: Path) -> None:
    """`convert song.mid song.mid` once replaced the song, and its record was lost."""
    song, text = tmp_path / "song.mid", tmp_path / "song.csv"
    shutil.copy(BUNDLED[0], song)
    before = song.read_bytes()
    for words in ((song, song), (song, song, "--force")):
        assert "is what is to be converted" in ugen_data("convert", *words).stderr
    assert ugen_data("convert", song, text).returncode == 0
    again = ugen_data("convert", song, text)
    assert again.returncode == 2 and "song.csv: exists already" in again.stderr
    assert ugen_data("convert", song, text, "--force").returncode == 0
    assert song.read_bytes() == before


@pytest.mark.parametrize("inside", ["", "run"])
def test_a_run_is_not_written_among_the_music(inside: str, tmp_path: Path) -> None:
    """The next run once learned from the samples of this one."""
    for path in BUNDLED[:3]:
        shutil.copy(path, tmp_path)
    said = trained(tmp_path, "-o", tmp_path / inside, "--epochs", 0, code=2)
    assert "is inside the music; choose a folder outside" in said
    assert len(list(tmp_path.iterdir())) == 3
