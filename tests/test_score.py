"""ugen-score's scores are those of training, whatever the codec, the precision and the order of the
pieces."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from model_files import made
from odd_files import delta, header, note, track
from scoring import refused, ugen_score
from support import BUNDLED, ugen_run
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from ugen.data import UgenError, make_codec, read_midi, write_midi
from ugen.data.analysis.measures import measures
from ugen.data.analysis.scores import step_nats
from ugen.data.analysis.spread import distance
from ugen.data.corpus.corpus import Corpus
from ugen.data.corpus.prepare import Settings, prepare
from ugen.data.json_values import to_json
from ugen.export.export import export
from ugen.export.onnx_graph import build
from ugen.export.settings import ExportSettings
from ugen.runtime import Card, Sampling, generate, load
from ugen.runtime.generation.guard.faults import GuardError
from ugen.runtime.generation.primer import primer_music
from ugen.runtime.model_file.format import PRECISIONS
from ugen.runtime.scoring.evaluate import score
from ugen.runtime.scoring.pieces import Piece, read_piece
from ugen.runtime.scoring.songs import compare_songs, song_seconds
from ugen.train.config import ModelConfig
from ugen.train.evaluation.evaluate import HeldOutSet, evaluate
from ugen.train.model import LstmModel
from ugen.train.run_folder.checkpoint import load_checkpoint


@pytest.fixture(scope="module")
def exported(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The small run as ONNX, by precision."""
    folder = tmp_path_factory.mktemp("exported")
    for precision in PRECISIONS:
        settings = ExportSettings(precision=precision, max_loss=50)
        export(small_run, folder / f"{precision}.onnx", settings, steps=50)
    return {precision: folder / f"{precision}.onnx" for precision in PRECISIONS}


@pytest.fixture(scope="module")
def held_out_folder(
    small_folder: Path, small_corpus: Corpus, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The MIDI files of the pieces that the small run did not learn from, and two that cannot be
    read."""
    folder = tmp_path_factory.mktemp("held-out")
    for row in small_corpus.pieces("valid"):
        shutil.copy(small_folder / row.file, folder / row.file)
    (folder / "broken.mid").write_bytes(b"MThd\0\0")
    (folder / "below").mkdir()
    (folder / "below" / "no music\x1b.mid").write_bytes(b"no music")
    return folder


def test_the_fp32_file_scores_its_own_held_out_folder_as_training_did(
    exported, held_out_folder
) -> None:
    done = ugen_score(exported["fp32"], held_out_folder, "--json", "--songs", 0)
    assert done.returncode == 0 and done.stdout.count("\n") == 1, "one JSON object and nothing else"
    found = json.loads(done.stdout)
    own = load(exported["fp32"]).card.provenance
    assert found["scores"] == pytest.approx(own["held_out"], abs=1e-3)
    assert found["own_held_out"] == own["held_out"] and found["own_baselines"] == own["baselines"]
    unreadable = {Path(path).name: reason for path, reason in found["unreadable"].items()}
    assert unreadable.keys() == {"broken.mid", "no music\x1b.mid"}
    assert all(reason and reason.isprintable() for reason in unreadable.values())


@pytest.mark.parametrize("codec", ["beats", "events", "frames", "khot"])
def test_scores_are_those_of_training_with_every_codec(
    codec: str, small_folder: Path, tmp_path: Path
) -> None:
    """Over more pieces than there are streams in a batch, of random weights."""
    settings = Settings(make_codec(codec), valid=0.2)
    corpus = prepare(small_folder, tmp_path / "corpus", settings)
    rows = [row for row in corpus.rows if row.status == "kept"][:5]
    pieces = [corpus.codec.to_inputs(corpus.piece(row))[:300] for row in rows] * 4
    tokens = [corpus.codec.from_inputs(piece) for piece in pieces]
    torch.manual_seed(3)
    columns, shape = corpus.codec.columns, {"embedding": 12, "layers": 2, "hidden": 20}
    config = ModelConfig(corpus.codec.vocabulary, corpus.codec.input, columns, **shape)
    model = LstmModel(config).eval()
    heldout = HeldOutSet(tokens, sum(map(len, pieces)), 100, 50.0)
    wanted = evaluate(model, heldout, corpus.codec, torch.device("cpu"))
    card = Card(corpus.codec, 2, 20, "fp32", Sampling(), {}, "", columns=columns)
    onnx.save(build(model, card.to_metadata()), tmp_path / "model.onnx")
    given = [Piece(each, 100 / len(tokens), 50.0 / len(tokens)) for each in tokens]
    seen: list[int] = []
    found = score(load(tmp_path / "model.onnx"), given, seen.append)
    assert seen[-1] == sum(map(len, pieces)) and seen == sorted(seen)
    assert vars(found) == pytest.approx(vars(wanted), abs=1e-3)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_piece_scores_the_same_alone_and_among_others(
    precision: str, exported, small_folder: Path
) -> None:
    """Streams of an int8 batch share a scale: there pieces must go one by one."""
    model = load(exported[precision])
    pieces = [read_piece(path, model.card) for path in sorted(small_folder.glob("*.mid"))[:3]]
    alone = [score(model, [piece]) for piece in pieces]
    tokens = [len(piece.tokens) for piece in pieces]
    for order in (1, -1):
        together = score(model, pieces[::order])
        nats = sum(each.nats_per_token * n for each, n in zip(alone, tokens, strict=True))
        assert together.nats_per_token * sum(tokens) == pytest.approx(nats, rel=1e-5)
        assert together.nats_per_note * sum(p.notes for p in pieces) == pytest.approx(
            nats, rel=1e-5
        )
        assert together.nats_per_second * sum(p.seconds for p in pieces) == pytest.approx(
            nats, rel=1e-5
        )
    right = sum(each.accuracy * n for each, n in zip(alone, tokens, strict=True))
    assert together.accuracy * sum(tokens) == pytest.approx(right, abs=2)


def test_smaller_precisions_score_nearly_alike(
    exported, small_corpus: Corpus, small_folder: Path
) -> None:
    files = [small_folder / row.file for row in small_corpus.pieces("valid")]
    nats = {}
    for precision, path in exported.items():
        model = load(path)
        nats[precision] = score(
            model, [read_piece(file, model.card) for file in files]
        ).nats_per_token
    assert nats["fp16"] == pytest.approx(nats["fp32"], rel=2e-3)
    assert nats["int8"] == pytest.approx(nats["fp32"], rel=0.05) and nats["int4"] == pytest.approx(
        nats["fp32"], rel=0.2
    )


@given(seed=st.integers(0, 99), steps=st.integers(1, 20))
def test_a_step_costs_what_torch_says(seed: int, steps: int) -> None:
    """The losses that training minimizes, of tokens and of vectors."""
    chance = np.random.default_rng(seed)
    logits = (10 * chance.normal(size=(steps, 7))).astype(np.float32)
    tokens, keys = chance.integers(0, 7, steps), chance.random((steps, 7)) < 0.3
    of_tokens = cross_entropy(torch.from_numpy(logits), torch.from_numpy(tokens), reduction="none")
    np.testing.assert_allclose(step_nats(logits, tokens), of_tokens, rtol=1e-5, atol=1e-5)
    sounding = torch.from_numpy(keys).float()
    of_keys = binary_cross_entropy_with_logits(torch.from_numpy(logits), sounding, reduction="none")
    np.testing.assert_allclose(step_nats(logits, keys), of_keys.sum(-1), rtol=1e-5, atol=1e-5)


def test_a_model_that_knows_nothing_has_the_losses_of_a_fair_die() -> None:
    """Uniform logits: log(vocabulary) nats per token, and accuracy that of the first token in the
    table."""
    codec = make_codec("events")

    class Even:
        card = Card(codec, 1, 1, "fp32", Sampling(), {}, "")

        def stream(self, batch: int) -> Even:
            self.x = np.zeros((batch, 1), np.int64)
            self.logits = np.zeros((batch, 1, codec.vocabulary), np.float32)
            self.state = (np.ones((1, batch, 1), np.float32),) * 2
            return self

        def advance(self) -> None:
            assert self.x.max() < codec.vocabulary

    tokens = codec.encode(read_midi(BUNDLED[-1])).tokens
    found = score(Even(), [Piece(tokens, 10, 5.0)])  # type: ignore[arg-type]
    nats = np.log(codec.vocabulary)
    assert found.nats_per_token == pytest.approx(nats) and found.nats_per_note == pytest.approx(
        nats * len(tokens) / 10
    )
    assert found.accuracy == pytest.approx((tokens == 0).mean()) and found.top5 == 1
    assert found.accuracy_without_time == pytest.approx(
        (tokens[~codec.is_time[tokens]] == 0).mean()
    )


def test_songs_are_measured_beside_the_music_cut_to_their_length(
    exported, small_folder: Path
) -> None:
    model = load(exported["int8"])
    pieces = [read_piece(path, model.card) for path in sorted(small_folder.glob("*.mid"))[:3]]
    seen: list[float] = []
    found = compare_songs(model, pieces, 2, seen.append)
    seconds = song_seconds(pieces)
    assert (found.songs, found.given_up, found.seconds) == (2, 0, seconds)
    assert seconds <= 60 and seen[-1] == 2 * seconds and seen == sorted(seen)
    own = [measures(generate(model, seconds=seconds, seed=seed).score) for seed in (1, 2)]
    codec = model.card.codec
    theirs = []
    for piece in pieces:
        whole = codec.decode(piece.tokens)
        theirs.append(measures(whole.until(whole.tick_at(seconds))))
        theirs[-1]["ends"] = measures(whole)["ends"]
    for name, spread in found.measures.items():
        if not name.startswith("copied"):
            ours, others = [each[name] for each in own], [each[name] for each in theirs]
            assert spread == pytest.approx(
                (np.mean(others), np.std(others), np.mean(ours), np.std(ours))
            )
    assert found.measures.keys() == {*own[0], "copied_notes", "copied_fraction"}
    assert found.distance == distance(found.measures)


def test_songs_that_the_guard_gives_up_on_are_counted(
    exported, small_folder: Path, monkeypatch
) -> None:
    def no_music(*arguments: object, **more: object) -> None:
        raise GuardError("degenerate output")

    model = load(exported["int8"])
    pieces = [read_piece(path, model.card) for path in sorted(small_folder.glob("*.mid"))[:2]]
    monkeypatch.setattr("ugen.runtime.scoring.songs.generate", no_music)
    found = compare_songs(model, pieces, 2)
    assert (found.songs, found.retried, found.given_up) == (0, 0, 2)
    assert found.measures["notes"].songs is None and found.measures["notes"].music > 0


def test_the_command_says_it_in_words(exported, held_out_folder, small_corpus: Corpus) -> None:
    done = ugen_score(held_out_folder, exported["int8"], "--songs", 1)
    assert done.returncode == 0 and not done.stderr
    held_out = load(exported["int8"]).card.provenance["held_out"]
    pieces = len(small_corpus.pieces("valid"))
    assert (
        f"on {pieces} piece" in done.stdout and f"{held_out['nats_per_second']:.2f}" in done.stdout
    )
    assert "broken.mid: " in done.stdout and "no music\ufffd.mid: " in done.stdout
    for word in (
        "this music",
        "this model",
        "unigram",
        "repeat-last",
        "5-gram",
        "1 song of",
        "scale_consistency",
    ):
        assert word in done.stdout
    assert max(map(len, done.stdout.splitlines())) < 140


@pytest.mark.parametrize("flag", ["-h", "--help", "--version"])
def test_help_and_version_need_no_file(flag: str) -> None:
    done = ugen_score(flag)
    assert done.returncode == 0 and not done.stderr
    assert done.stdout.startswith("ugen ") if flag == "--version" else "--songs" in done.stdout


def test_what_a_file_says_of_itself_may_be_anything(tmp_path: Path, small_folder: Path) -> None:
    proto = made()
    entries = {entry.key: entry for entry in proto.metadata_props}
    entries["ugen.provenance"].value = json.dumps(
        {
            "held_out": {"nats_per_token": "1e9", "accuracy": [1]},
            "corpus": 7,
            "baselines": {
                "a\x1b[2J": {"nats_per_token": 3, "accuracy": 0.5},
                "b": 7,
                "c": {"nats_per_token": True},
                "d": {"nats_per_token": 2.5, "accuracy": {}},
            },
        }
    )
    onnx.save(proto, tmp_path / "model.onnx")
    done = ugen_score(tmp_path / "model.onnx", next(small_folder.glob("*.mid")), "--songs", 0)
    assert done.returncode == 0 and "\x1b" not in done.stdout and "a\ufffd[2J" in done.stdout
    assert done.stdout.count("this model") == 1, "on this music, and not on its own"
    assert "copied" not in done.stdout


def test_a_band_model_hears_drums() -> None:
    codec = make_codec("beats", band=True)
    band = Card(codec, 1, 8, "fp32", Sampling(), {}, "", arrangement="band")
    piano = Card(make_codec("beats"), 1, 8, "fp32", Sampling(), {}, "")
    drums = int(read_midi(BUNDLED[0]).notes["drum"].sum())
    assert drums
    assert read_piece(BUNDLED[0], band).notes >= read_piece(BUNDLED[0], piano).notes + drums * 0.9


def test_what_cannot_be_scored_is_refused_in_one_line(exported, tmp_path: Path) -> None:
    model, music = exported["int8"], BUNDLED[0]
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.mid").write_bytes(b"no")
    (tmp_path / "bad.onnx").write_bytes(b"no")
    whole = read_midi(music)
    notes = whole.notes.copy()
    notes["drum"] = True
    write_midi(
        type(whole)(notes, whole.ticks_per_beat, whole.tempos, whole.meters), tmp_path / "drums.mid"
    )
    assert "and 2 were given" in refused(model, model, music)
    assert "name a folder of music" in refused(model)
    assert "nowhere: no such file or folder" in refused(model, tmp_path / "nowhere")
    assert "no MIDI files in it" in refused(model, tmp_path / "empty")
    assert "bad.mid: cannot be used: not a MIDI file" in refused(model, tmp_path / "bad.mid")
    assert "no notes that this model knows" in refused(model, tmp_path / "drums.mid")
    assert "nor can 1 other\n" in refused(model, tmp_path / "drums.mid", tmp_path / "bad.mid")
    assert "bad.onnx: not an ONNX file" in refused(tmp_path / "bad.onnx", music)
    for flag in ("--songs", "--threads"):  # both were parsed and ignored
        said = refused("--originality", model, music, flag, 3)
        assert f"{flag}: not with --originality" in said
    with pytest.raises(UgenError, match="no pieces"):
        score(load(model), [])


def test_linked_folders_and_files_that_are_gone_are_named(model_file: Path, tmp_path: Path) -> None:
    """They were passed over without a word; and each of a large folder had a line."""
    folder, elsewhere = tmp_path / "music", tmp_path / "elsewhere"
    for each in (folder, elsewhere):
        each.mkdir()
    (folder / "linked").symlink_to(elsewhere)
    linked = f"{folder / 'linked'}: a link to a folder, which is not followed"
    assert f"; {linked}\n" in refused(model_file, folder)
    (folder / "a.mid").symlink_to(BUNDLED[0])
    for number in range(25):
        (folder / f"gone{number:02}.mid").symlink_to("nothing")
    done = ugen_score(model_file, folder, "--songs", 0)
    assert done.returncode == 0 and "on 1 piece" in done.stdout
    assert f"  left out {folder / 'gone00.mid'}: a link to nothing\n" in done.stdout
    assert done.stdout.count("left out") == 21 and "left out 6 others; --json" in done.stdout
    found = json.loads(ugen_score(model_file, folder, "--songs", 0, "--json").stdout)
    assert len(found["unreadable"]) == 26 and linked.partition(": ")[0] in found["unreadable"]


def test_the_small_runs_scores_are_its_checkpoints(small_run: Path, exported) -> None:
    found = load(exported["fp32"]).card.provenance["held_out"]
    assert found == to_json(load_checkpoint(small_run).scores)


def test_damage_and_silence_are_said(model_file: Path, tmp_path: Path) -> None:
    """ugen-score and --primer read damaged files without a word, and ten seconds of silence before
    a song were no primer."""
    notes = b"".join(note(60 + i % 12, velocity=130) for i in range(32))
    (tmp_path / "song.mid").write_bytes(header() + track(delta(480 * 120) + notes[1:]))
    said = "song.mid: track 1: a velocity over 127, read as 127 (32 times)"
    silence = "song.mid: 1:00 of silence before the first note, cut"
    for options in (["--songs", 0], ["--originality"]):
        done = ugen_score(model_file, tmp_path / "song.mid", *options)
        assert "velocity over 127" in done.stderr and "silence before" in done.stderr
    done = ugen_run(
        model_file,
        "--primer",
        tmp_path / "song.mid",
        "--primer-seconds",
        10,
        "-o",
        tmp_path / "o.mid",
        "--seconds",
        2,
    )
    assert done.returncode == 0 and said in done.stderr and silence in done.stderr
    loaded, music = load(model_file), read_midi(tmp_path / "song.mid")
    assert primer_music(loaded, music, 10).seconds == pytest.approx(10)
    (tmp_path / "drums.mid").write_bytes(header() + track(note(36, channel=9)))
    done = ugen_run(model_file, "--primer", tmp_path / "drums.mid", "-o", tmp_path / "o.mid")
    assert "drums.mid: no notes in it for this model" in done.stderr
