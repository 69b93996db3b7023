"""The model that comes with ugen: its file, its credits, and that what it makes is music."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from support import BUNDLED, command, ugen_run
from ugen.data import arrange, pretrained, read_midi
from ugen.data.analysis.measures import measures
from ugen.data.analysis.originality import originality
from ugen.data.midi.general_midi import instruments_in
from ugen.data.pretrained import PRETRAINED
from ugen.runtime import Model, ModelError, Song, generate, load


@pytest.fixture(scope="module")
def model() -> Model:
    """The model itself."""
    return load()


@pytest.fixture(scope="module")
def songs(model: Model) -> list[Song]:
    """Songs nobody chose."""
    return [generate(model, seconds=30, seed=seed) for seed in range(1, 9)]


def test_its_file_is_small_and_says_where_it_comes_from(model: Model) -> None:
    card, provenance = model.card, model.card.provenance
    assert PRETRAINED.stat().st_size < 4 << 20 and card.precision == "int8"
    for credit in (
        "Apache-2.0",
        "Freedoom",
        "Blasphemer",
        "Juan Manuel Nigretti",
        "Tanner Helland",
        "CC-BY-4.0",
        "Mutopia",
        "OpenScore",
        "THIS SOFTWARE IS PROVIDED",
    ):
        assert credit in card.licence
    assert card.licence == PRETRAINED.with_name("pretrained.credits.txt").read_text("utf-8").rstrip(
        "\n"
    )
    assert provenance["held_out"]["nats_per_token"] < 0.7 * min(
        each["nats_per_token"] for each in provenance["baselines"].values()
    )
    assert (
        card.originality is not None
        # a few that are too short to be found in the first run's table stand there twice
        and 0 <= len(card.originality.pieces) - provenance["corpus"]["pieces"] < 10
    )
    assert "/" not in provenance["corpus"].values() and "path" not in provenance["corpus"]


def test_the_band_is_small_and_says_where_it_comes_from() -> None:
    path = PRETRAINED.with_name("pretrained-band.onnx")
    card = load(path).card
    assert path.stat().st_size < 4 << 20 and (card.precision, card.arrangement) == ("int8", "band")
    credits = path.with_name("pretrained-band.credits.txt").read_text("utf-8")
    assert card.licence == credits.rstrip("\n")
    assert "Tanner Helland" in credits and "OpenScore" not in credits, "it learned from games alone"
    assert card.originality is not None
    assert len(card.originality.pieces) == card.provenance["corpus"]["pieces"]


def test_the_band_plays_together() -> None:
    """Several instruments in every song, as many as in pieces: 2 to 12."""
    songs = [generate(load("pretrained-band"), seconds=30, seed=seed) for seed in range(1, 7)]
    assert all(len(song.score.notes) > 60 for song in songs)
    assert all(1 <= len(instruments_in(song.score)) <= 16 for song in songs)
    assert np.mean([len(instruments_in(song.score)) for song in songs]) > 3
    assert len({instruments_in(song.score) for song in songs}) == 6


def test_the_command_plays_out_of_the_box(tmp_path: Path) -> None:
    done = ugen_run("-o", tmp_path / "song.mid", "--seconds", 10, "--seed", 1)
    assert done.returncode == 0, done.stderr
    assert len(read_midi(tmp_path / "song.mid").notes) > 10
    shown = ugen_run("--info")
    assert shown.returncode == 0 and "Tanner Helland" in shown.stdout


def test_its_songs_are_music(songs: list[Song]) -> None:
    """By the measures of the bundled music, loosely: nothing silent, stuck, monotonous, or beside
    all keys."""
    found = [measures(song.score) for song in songs]
    real = [
        measures(score.until(score.tick_at(30)))
        for score in (arrange(read_midi(path), "piano") for path in BUNDLED)
    ]

    def mean(name: str, of: list[dict[str, float]]) -> float:
        return float(np.mean([each[name] for each in of]))

    assert all(each["notes"] > 30 and each["longest_silence"] < 8 for each in found)
    assert all(each["commonest_pitch"] < 0.6 and each["pitches"] > 5 for each in found)
    assert 0.4 < mean("notes_per_second", found) / mean("notes_per_second", real) < 2.5
    assert mean("scale_consistency", found) > 0.78, "by chance it would be 0.7"
    assert 1.2 < mean("polyphony", found) < 8


def test_its_songs_are_its_own(model: Model, songs: list[Song]) -> None:
    """Most of a song is in none of the pieces that it learned from."""
    copied = [originality(song.score, model.card.originality) for song in songs]
    assert np.mean([each.share for each in copied]) < 0.3


@pytest.mark.parametrize("name", ["pretrained", "pretrained-band"])
def test_the_bundled_models_have_names(
    name: str, model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever a model may be given; a file of that name comes first, and no other is meant where
    none is named."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pretrained, "_FOLDER", tmp_path / "models")
    with pytest.raises(ModelError, match=rf"models.{name}\.onnx: No such file"):
        load(name)
    (tmp_path / "models").mkdir()
    shutil.copy(model_file, tmp_path / "models" / f"{name}.onnx")
    assert load(name).sha256 == load(model_file).sha256
    Path(name).write_bytes(PRETRAINED.read_bytes())
    assert load(name).sha256 == load().sha256 == load(PRETRAINED).sha256


def test_commands_take_the_names(tmp_path: Path) -> None:
    (tmp_path / "pretrained").mkdir()  # not meant where no model is named
    told = {}
    for words in ([], ["pretrained"], ["pretrained-band"]):
        process = command("ugen-run", *words, "--info", cwd=tmp_path)
        told[" ".join(words)] = process.communicate(timeout=120), process.returncode
    (shown, _), code = told[""]
    assert code == 0 and shown.startswith("file          pretrained.onnx")
    (_, said), code = told["pretrained"]
    assert code == 2 and said == "ugen-run: pretrained: not a file\n"
    (shown, _), code = told["pretrained-band"]
    assert code == 0 and shown.startswith("file          pretrained-band.onnx")
    process = command("ugen-score", BUNDLED[0], "pretrained", "--songs", 0, cwd=tmp_path.parent)
    shown, said = process.communicate(timeout=120)
    assert process.returncode == 0 and "pretrained.onnx on 1 piece" in shown, said
