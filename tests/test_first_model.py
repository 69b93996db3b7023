"""The model that a run begins with: its columns, what it knew, when the bundled one is taken."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from model_files import random_model
from noise import noise
from support import BUNDLED
from ugen.data import arrange, make_codec, pretrained, read_midi, write_midi
from ugen.data.analysis.originality import KNOWN, MOST_CHARACTERS, make_table, originality
from ugen.data.cli.main import MUSIC
from ugen.data.codecs.columns import Column
from ugen.data.corpus.corpus import Corpus
from ugen.data.corpus.prepare import Settings, prepare
from ugen.data.score import Score
from ugen.runtime.cli.model_info import describe
from ugen.runtime.cli.score import main as score_main
from ugen.runtime.model_file.check import read_card
from ugen.train.cli import main
from ugen.train.config import ModelConfig
from ugen.train.forward import step_nats
from ugen.train.model import LstmModel
from ugen.train.run_folder.music_measures import music_measures
from ugen.train.run_folder.originality import read_originality
from ugen.train.run_folder.other_columns import with_columns
from ugen.train.run_folder.run_config import read_config
from ugen.train.run_setup.request import RARER

BEATS = make_codec("beats")
FAST = ["--epochs", "0", "--sample-minutes", "0", "--threads", "1"]


def run(command: Any, *arguments: object, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Run a command in this process. Gives its exit code and all it printed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["command", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            command()
    shown = capsys.readouterr()
    return int(ended.value.code or 0), shown.out + shown.err


@pytest.fixture(scope="module")
def other_corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Music that the small run never heard."""
    folder = tmp_path_factory.mktemp("other")
    for path in BUNDLED[4::9]:
        score = arrange(read_midi(path), "piano")
        write_midi(score.until(score.tick_at(30.0)), folder / path.name)
    return prepare(folder, folder / "corpus", Settings(BEATS, valid=0.2))


@pytest.fixture
def bundled(row_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a small model in the place of the bundled ones."""
    folder = tmp_path / "models"
    folder.mkdir()
    shutil.copy(row_file, folder / "pretrained.onnx")
    monkeypatch.setattr(pretrained, "_FOLDER", folder)
    return folder


# columns


def nats(model: LstmModel, rows: np.ndarray) -> float:
    """The mean loss of a model on rows."""
    x = torch.from_numpy(rows)
    with torch.no_grad():
        logits, _, _ = model(x[:, :-1], *model.state(len(x)))
        return float(step_nats(logits, x[:, 1:, 0]).mean())


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("before", [(), ("left", "back_2", "beat"), ("key", "phase")])
def test_new_columns_change_nothing_at_first(before: tuple[str, ...], tied: bool) -> None:
    """Also when the others stand in another order, or are wishes, or such as are pointed at."""
    known = {each.name: each for each in BEATS.columns}
    old = tuple(known[name] for name in before)
    config = ModelConfig(BEATS.vocabulary, columns=old, hidden=20, embedding=12, tied=tied)
    model = random_model(config)
    after, weights = with_columns(config, model.state_dict(), BEATS.columns)
    other = LstmModel(after).eval()
    other.load_state_dict(weights)
    rows = noise(BEATS, BEATS.columns, 3, 60)
    places = [0, *(1 + BEATS.columns.index(each) for each in old)]
    assert nats(other, rows) == pytest.approx(nats(model, rows[:, :, places]), rel=1e-5)
    again, back = with_columns(after, weights, old)
    assert again == config
    for name, value in model.state_dict().items():
        torch.testing.assert_close(back[name], value)


def test_a_column_of_another_size_is_a_new_one() -> None:
    config = ModelConfig(BEATS.vocabulary, columns=(Column("beat", 9),), hidden=8, embedding=8)
    weights = random_model(config).state_dict()
    _, found = with_columns(config, weights, [Column("beat", 7)])
    assert not found["embedding.weight"][BEATS.vocabulary :].any()


def test_columns_of_a_first_model_are_named(
    small_run: Path, small_corpus: Corpus, tmp_path: Path, capsys: Any
) -> None:
    """A run without columns once began only runs without."""
    start = [small_corpus.path, "--init-from", small_run, *FAST]
    code, said = run(main, *start, "-o", tmp_path / "all", capsys=capsys)
    assert code == 0 and "run: the columns beat, phase, back_1" in said
    assert "are new to it, and begin at zero" in said
    usual = [each for each in BEATS.columns if each.name not in RARER]
    wanted = small_corpus.columns(usual)
    assert read_config(tmp_path / "all").model.columns == wanted
    all_columns = [small_corpus.path, "--init-from", tmp_path / "all", *FAST]
    code, said = run(
        main, *all_columns, "-o", tmp_path / "few", "--columns", "beat,key", capsys=capsys
    )
    assert code == 0 and "are new" not in said and "the columns phase, back_1" in said
    assert "are left out" in said and read_config(tmp_path / "few").model.names == ("beat", "key")


# what the first model knew


def test_held_out_music_that_the_first_model_knew_is_named(
    row_file: Path, small_corpus: Corpus, tmp_path: Path, capsys: Any
) -> None:
    """Its losses once stood as those of held-out music."""
    rows = tuple(
        replace(row, split={"train": "valid", "valid": "train"}[row.split])
        if row.status == "kept"
        else row
        for row in small_corpus.rows
    )
    swapped = shutil.copytree(small_corpus.path, tmp_path / "swapped")
    lines = "".join(row.to_line() for row in rows)
    (swapped / "manifest.jsonl").write_text(lines, "utf-8")
    started = tmp_path / "started"
    code, said = run(main, swapped, "-o", started, "--init-from", row_file, *FAST, capsys=capsys)
    assert code == 0, said
    assert "model.onnx had learned from 100% of the held-out pieces" in said
    assert "known to first model" in said and "held-out pieces  " not in said
    page = (started / "report.html").read_text("utf-8")
    assert "had learned from 100%" in page and "Best on pieces that the first model knew" in page
    from ugen.export.export import export
    from ugen.export.settings import ExportSettings

    export(started, tmp_path / "m.onnx", ExportSettings(precision="fp32", licence="mine"), steps=50)
    card = read_card(tmp_path / "m.onnx")
    assert "held_out" not in card.provenance and "known_to_first_model" in card.provenance
    shown = describe(card, tmp_path / "m.onnx")
    assert "known to first model" in shown and "held-out music" not in shown
    assert "model.onnx, which had learned from 100% of the held-out pieces" in shown
    assert card.licence.startswith("mine\n\nTraining began with model.onnx")
    assert card.licence.endswith("test"), "the first model's own"
    assert set(card.provenance["music_measures"]) >= {"key_stability", "bars_returning"}


def test_scores_on_music_that_a_model_learned_from_are_no_held_out_scores(
    row_file: Path, small_folder: Path, other_corpus: Corpus, capsys: Any
) -> None:
    other = other_corpus.path.parent
    code, said = run(score_main, row_file, small_folder, "--songs", 0, capsys=capsys)
    assert code == 0 and "the model learned from" in said and "no held-out scores" in said
    code, said = run(score_main, row_file, other, "--songs", 0, "--json", capsys=capsys)
    assert code == 0 and json.loads(said)["music"]["known"] == 0


def test_the_table_knows_the_music_of_both_models(
    row_run: Path, other_corpus: Corpus, small_corpus: Corpus, tmp_path: Path, capsys: Any
) -> None:
    """What a first model learned from was once unknown to --originality."""
    arguments = [other_corpus.path, "-o", tmp_path / "run", "--init-from", row_run, *FAST]
    assert run(main, *arguments, capsys=capsys)[0] == 0
    table = read_originality(tmp_path / "run" / "originality.json")
    assert table is not None
    for corpus in (small_corpus, other_corpus):
        for row in corpus.pieces("train"):
            found = originality(corpus.codec.decode(corpus.piece(row)), table)
            assert found.share > KNOWN and found.longest is not None
            assert row.file in found.longest.pieces
        for row in corpus.pieces("valid"):
            assert originality(corpus.codec.decode(corpus.piece(row)), table).share < KNOWN


def test_the_table_has_a_piece_of_both_models_once(
    row_run: Path, small_corpus: Corpus, tmp_path: Path, capsys: Any
) -> None:
    """A run that went on from another on the same music kept all of its hashes twice."""
    arguments = [small_corpus.path, "-o", tmp_path / "run", "--init-from", row_run, *FAST]
    assert run(main, *arguments, capsys=capsys)[0] == 0
    tables = [read_originality(path / "originality.json") for path in (row_run, tmp_path / "run")]
    assert len({len(table.pieces) for table in tables if table is not None}) == 1


def random_score(seed: int, notes: int) -> Score:
    """Notes that repeat nothing."""
    rng = np.random.default_rng(seed)
    onsets = np.cumsum(rng.integers(1, 5, notes)) * 120
    rows = [
        (int(t), int(t) + 100, int(p), 80, 0, False)
        for t, p in zip(onsets, rng.integers(30, 90, notes), strict=True)
    ]
    return Score.build(rows, 480, [], [])


def test_two_tables_in_one_keep_within_a_model_files_bound() -> None:
    names = [f"{n:04} of a long name" for n in range(64)]
    scores = [random_score(seed, 4000) for seed in range(128)]
    first = make_table(names, scores[:64], characters=MOST_CHARACTERS)
    both = make_table(names, scores[64:], characters=MOST_CHARACTERS, first=first)
    assert len(json.dumps(both.to_json())) < 1 << 20
    assert both.pieces == (*names, *names) and both.false_positives < 2**-10
    for number, score in enumerate(scores):
        longest = originality(score, both).longest
        assert longest is not None and longest.notes > 4000 - 2 * both.window
        assert longest.pieces == (names[number % 64],)
    fresh = originality(random_score(1000, 4000), both)
    assert fresh.longest is None or fresh.longest.notes < 2 * both.n


# the bundled one


def test_a_small_folder_that_is_new_to_it_starts_from_the_bundled_model(
    bundled: Path, other_corpus: Corpus, tmp_path: Path, capsys: Any
) -> None:
    source, out = other_corpus.path, tmp_path / "run"
    code, said = run(main, source, "-o", out, *FAST, "--dropout", "0.25", capsys=capsys)
    assert code == 0 and "starts from the piano model that comes with ugen" in said
    about = read_config(out)
    assert about.model.hidden == 40 and about.model.dropout == 0.25 and about.first_model
    assert about.first_model.name == "pretrained.onnx" and not about.knew
    code, said = run(main, source, "-o", out, "--resume", "--epochs", "0", capsys=capsys)
    assert code == 0, said
    for number, flags in enumerate((["--from-scratch"], ["--hidden", "8"], ["--columns", "none"])):
        out = tmp_path / str(number)
        code, said = run(main, source, "-o", out, *FAST, *flags, capsys=capsys)
        assert code == 0 and "comes with ugen" not in said and not read_config(out).first_model
    (bundled / "pretrained.onnx").unlink()
    code, said = run(main, source, "-o", tmp_path / "none", *FAST, capsys=capsys)
    assert code == 0 and "comes with ugen" not in said


def test_music_that_the_bundled_model_knows_is_learned_from_scratch(
    bundled: Path, small_corpus: Corpus, tmp_path: Path, capsys: Any
) -> None:
    code, said = run(main, small_corpus.path, "-o", tmp_path / "run", *FAST, capsys=capsys)
    assert code == 0 and "starts from scratch: the piano model that comes with ugen learned" in said
    assert said.count("starts from") == 1 and not read_config(tmp_path / "run").first_model


def test_the_music_of_the_demo_is_known_to_the_real_bundled_model(
    tmp_path: Path, capsys: Any
) -> None:
    """So that `make demo` shows what is learned from its own music."""
    folder = tmp_path / "music"
    folder.mkdir()
    for path in sorted(MUSIC.rglob("*.mid"))[::6]:
        shutil.copy(path, folder / path.name)
    code, said = run(main, folder, "-o", tmp_path / "run", *FAST, "--valid", "0.2", capsys=capsys)
    assert code == 0 and "starts from scratch: the piano model that comes" in said


def test_a_bundled_model_of_another_codec_is_not_taken(
    bundled: Path, other_corpus: Corpus, tmp_path: Path, capsys: Any
) -> None:
    (bundled / "pretrained.onnx").rename(bundled / "pretrained-band.onnx")
    arguments = [other_corpus.path.parent, "-o", tmp_path / "run", *FAST, "--arrange", "band"]
    code, said = run(main, *arguments, capsys=capsys)
    assert code == 0 and "comes with ugen" not in said


def test_a_large_corpus_is_learned_from_scratch(
    bundled: Path,
    other_corpus: Corpus,
    tmp_path: Path,
    capsys: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ugen.train.run_setup.first_model.SMALL", 1000)
    code, said = run(main, other_corpus.path, "-o", tmp_path / "run", *FAST, capsys=capsys)
    assert code == 0 and "comes with ugen" not in said


# what the music is like


def test_measures_are_of_enough_pieces(small_corpus: Corpus) -> None:
    """Of two held-out pieces alone the deviations would say nothing."""
    found = music_measures(small_corpus)
    assert len(found) == 10 and all(deviation >= 0 for _, deviation in found.values())
    assert found["notes_per_second"][1] > 0.1


def test_a_finished_run_of_an_older_version_learns_what_its_music_is_like(
    small_corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """By --resume, so that a file exported from it says as much as a new one."""
    path = tmp_path / "run"
    given = [small_corpus.path, "-o", path, *FAST, "--from-scratch"]
    assert run(main, *given, capsys=capsys)[0] == 0
    whole = (path / "config.json").read_text("utf-8")
    older = json.loads(whole)
    del older["measures"], older["corpus"]["pitch_classes"]
    (path / "config.json").write_text(json.dumps(older), "utf-8")
    code, said = run(main, *given[:-1], "--resume", capsys=capsys)
    assert code == 0 and "finished" in said
    assert json.loads((path / "config.json").read_text("utf-8")) == json.loads(whole)
