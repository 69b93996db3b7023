"""Training: streams lose nothing, state is carried exactly, runs resume to the same weights, music
is learned."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support import digest, finished, in_process, train_ugen, trained
from torch.nn.functional import cross_entropy
from ugen.data import UgenError, make_codec
from ugen.data.codecs.columns import CHORD_NAMES, Wishes
from ugen.data.corpus.corpus import Corpus
from ugen.data.corpus.prepare import Settings, prepare
from ugen.train.batches import Asked, Augmentation, Chunk, Feed, Streams, passes
from ugen.train.config import ModelConfig, TrainConfig
from ugen.train.evaluation.baselines import baselines, n_gram, unigram
from ugen.train.evaluation.evaluate import HeldOutSet, evaluate
from ugen.train.forward import run_chunk, to_batch
from ugen.train.learning.trainer import Trainer
from ugen.train.model import LstmModel
from ugen.train.progress import Progress
from ugen.train.run_folder.checkpoint import load_checkpoint, load_tensors
from ugen.train.run_setup.request import Request, RunOptions

CPU = torch.device("cpu")
FRAMES = make_codec("frames")
BEATS = make_codec("beats")
FEED = Feed(FRAMES)


def pieces(*lengths: int) -> list[np.ndarray]:
    """Pieces whose tokens are all different: piece k holds 20 k + 1, 20 k + 2, …"""
    return [np.arange(1, n + 1, dtype=np.uint16) + 20 * k for k, n in enumerate(lengths)]


@given(st.lists(st.integers(1, 12), min_size=1, max_size=6), st.integers(1, 4), st.integers(2, 9))
def test_a_pass_plays_every_token_once_after_its_own_predecessor(
    lengths: list[int], batch: int, chunk: int
) -> None:
    played = []
    rows = [FEED.rows(piece) for piece in pieces(*lengths)]
    for x, y, begins, live in passes(rows, FEED, batch, chunk):
        assert x.shape[:2] == y.shape == begins.shape == live.shape == (batch, chunk)
        assert (x[begins] == 0).all(), "a piece begins with the start token"
        played += [(int(a), int(b)) for a, b in zip(x[live][:, 0], y[live], strict=True)]
    expected = [
        (0 if i == 0 else int(p[i - 1]), int(p[i])) for p in pieces(*lengths) for i in range(len(p))
    ]
    assert sorted(played) == sorted(expected)


def test_training_streams_play_every_piece_every_epoch_and_waste_nothing() -> None:
    music = pieces(7, 11, 5, 13)
    streams = Streams(music, FEED, batch=2, chunk=9, augmentation=Augmentation(), seed=1)
    rows = [streams.next() for _ in range(8)]
    assert all(chunk.live.all() for chunk in rows)
    for stream in range(2):
        x = np.concatenate([chunk.x[stream, :, 0] for chunk in rows])
        y = np.concatenate([chunk.y[stream] for chunk in rows])
        begins = np.concatenate([chunk.begins[stream] for chunk in rows])
        within = ~begins[1:]
        assert (x[1:][within] == y[:-1][within]).all(), (
            "each input is the target before it, but at a piece's start"
        )
        assert (x[begins] == 0).all()
    starts = sum(int(chunk.begins.sum()) for chunk in rows)
    assert starts >= 2 * 8 * 9 // 13


def test_transposition_keeps_within_the_keys_and_reaches_all_of_them(small_corpus: Corpus) -> None:
    row = small_corpus.pieces("train")[0]
    streams = Streams(
        [small_corpus.piece(row)], Feed(BEATS), 1, row.tokens, Augmentation(transpose=True), 1
    )
    seen = set()
    for _ in range(80):
        chunk = streams.next()
        pitches = BEATS.pitches()[chunk.y]
        assert pitches[pitches >= 0].min() >= 21 - 12 and pitches.max() <= 127
        seen.add(int(pitches[pitches >= 0].min()))
    assert len(seen) > 6


def test_state_is_carried_over_chunks_and_reset_where_a_piece_begins() -> None:
    """Losses over packed, chopped streams equal those of each piece alone in one go."""
    torch.manual_seed(0)
    model = LstmModel(ModelConfig(129, embedding=8, layers=2, hidden=16, dropout=0.0)).eval()
    music = [
        np.random.default_rng(k).integers(0, 129, n).astype(np.uint16)
        for k, n in enumerate((37, 5, 64, 23))
    ]
    state, total = model.state(2), 0.0
    with torch.no_grad():
        for chunk in passes([FEED.rows(piece) for piece in music], FEED, 2, 11):
            batch = to_batch(chunk, CPU)
            top, state = run_chunk(model, batch, state)
            total += float(
                cross_entropy(
                    model.logits(top, batch.x)[batch.live], batch.y[batch.live], reduction="sum"
                )
            )
        alone = 0.0
        for piece in music:
            x = torch.from_numpy(np.concatenate([[0], piece])[None].astype(np.int64))
            logits, *_ = model(x[:, :-1, None], *model.state(1))
            alone += float(cross_entropy(logits[0], x[0, 1:], reduction="sum"))
    assert total == pytest.approx(alone, rel=1e-5)


def test_evaluation_counts_in_tokens_notes_and_seconds() -> None:
    model = LstmModel(ModelConfig(129, embedding=4, hidden=8))
    for parameter in model.parameters():
        torch.nn.init.zeros_(
            parameter
        )  # every token as likely as any other; the first of them wins the argmax
    music = [np.array([61, 65, 0, 61, 0, 0], np.uint16)]
    scores = evaluate(model, HeldOutSet(music, 6, notes=2, seconds=0.5), FRAMES, CPU)
    assert scores.nats_per_token == pytest.approx(np.log(129))
    assert scores.nats_per_note == pytest.approx(np.log(129) * 6 / 2, rel=1e-5)
    assert scores.nats_per_second == pytest.approx(np.log(129) * 6 / 0.5, rel=1e-5)
    assert scores.accuracy == pytest.approx(3 / 6), "it says 0 always, the step end"
    assert scores.accuracy_without_time == 0
    assert (scores.time_predicted, scores.time_actual) == (1, 0.5)
    assert model.training, "evaluation leaves the mode as it was"


def test_something_is_learned_and_the_baselines_stand_beside_it(small_run: Path) -> None:
    rows = [json.loads(line) for line in (small_run / "metrics.jsonl").read_text().splitlines()]
    config = json.loads((small_run / "config.json").read_text())
    best = min(row["nats_per_token"] for row in rows)
    assert (
        best < 0.85 * config["baselines"]["unigram"]["nats_per_token"] < rows[0]["nats_per_token"]
    )
    assert set(config["baselines"]) == {"unigram", "repeat-last", "5-gram"}
    saved = load_checkpoint(small_run)
    assert saved.scores.nats_per_token == best, "the best weights are the ones kept"
    scores = evaluate(saved.model, _heldout(config), saved.codec, CPU)
    assert scores.nats_per_token == pytest.approx(best, rel=1e-4)


def _heldout(config: dict) -> HeldOutSet:
    corpus = Corpus.open(config["corpus"]["path"])
    return HeldOutSet.from_rows(corpus, corpus.pieces("valid"))


# baselines


def test_baselines_on_cases_worked_by_hand() -> None:
    train, held = [np.array([1, 2, 1, 2, 1, 2])], [np.array([1, 2, 1])]
    assert unigram(train, held, 3).nats_per_token == pytest.approx(-np.log([4 / 9] * 3).mean())
    found = baselines(train, held, 3, 0)
    assert found["repeat-last"].accuracy == pytest.approx(0), (
        "nothing has come before in so short a piece"
    )
    longer = baselines(train, [np.array([1, 2, 1, 2])], 3, 0)
    assert longer["repeat-last"].accuracy == pytest.approx(1 / 4)
    assert found["5-gram"].accuracy == 1


def test_n_gram_probabilities_sum_to_one() -> None:
    chance = np.random.default_rng(0)
    train = [chance.integers(0, 6, 60) for _ in range(4)]
    context = [3, 1, 4]
    each = [
        n_gram(train, [np.array([*context, word])], 6, 0, 3).nats_per_token * 4 for word in range(6)
    ]
    shared = n_gram(train, [np.array(context)], 6, 0, 3).nats_per_token * 3
    assert sum(np.exp(shared - nats) for nats in each) == pytest.approx(1)


# resuming


ARGUMENTS = [
    "--precision",
    "fp32",
    "--sample-minutes",
    "0",
    "--epochs",
    "4",
    "--batch",
    "4",
    "--bptt-length",
    "32",
    "--hidden",
    "24",
    "--layers",
    "2",
    "--embedding",
    "16",
    "--threads",
    "1",
    "--seed",
    "5",
]


def test_a_killed_run_resumes_to_the_same_weights_bit_for_bit(
    small_corpus: Corpus, tmp_path: Path
) -> None:
    trained(small_corpus.path, "-o", tmp_path / "whole", *ARGUMENTS)
    process = train_ugen(small_corpus.path, "-o", tmp_path / "killed", *ARGUMENTS)
    metrics = tmp_path / "killed" / "metrics.jsonl"
    deadline = time.monotonic() + 60
    while not (metrics.exists() and len(metrics.read_text().splitlines()) >= 3):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    interrupted_at = len(metrics.read_text().splitlines())
    again = ["--resume", "--threads", 1, "--sample-minutes", 0]
    trained(small_corpus.path, "-o", tmp_path / "killed", *again)
    assert interrupted_at < len(metrics.read_text().splitlines()), "it was killed before its end"
    assert digest(tmp_path / "killed" / "model.safetensors") == digest(
        tmp_path / "whole" / "model.safetensors"
    )
    losses = [
        [
            json.loads(line)["nats_per_token"]
            for line in (tmp_path / run / "metrics.jsonl").read_text().splitlines()
        ]
        for run in ("whole", "killed")
    ]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("what", ["professor-forcing", "khot", "bf16", "options"])
def test_every_kind_of_run_resumes_bit_for_bit(
    small_folder: Path, small_corpus: Corpus, tmp_path, what
) -> None:
    """Stopped by an error in the middle, between two evaluations; the discriminator is carried on,
    too."""
    corpus = small_corpus
    if what == "khot":
        corpus = prepare(
            small_folder, tmp_path / "corpus", Settings(make_codec("khot", ticks=240), valid=0.2)
        )
    extra = {"skip": True, "learn_initial_state": True, "layers": 2} if what == "options" else {}
    shape = ModelConfig(
        corpus.codec.vocabulary, corpus.codec.input, embedding=12, hidden=16, **extra
    )
    config = TrainConfig(
        batch=4,
        bptt_length=64,
        epochs=16 if what == "khot" else 2,
        class_weights=0.5 if what == "options" else 0.0,
        objective="professor-forcing" if what == "professor-forcing" else "likelihood",
        precision="bf16" if what == "bf16" else "fp32",
        patience=100,
    )
    Trainer.begin(tmp_path / "whole", corpus, shape, config, CPU, "test").run()
    broken = Trainer.begin(tmp_path / "broken", corpus, shape, config, CPU, "test")
    with pytest.raises(ZeroDivisionError):
        broken.run([_Breaker(broken.evaluate_every + 3)])
    Trainer.resume(tmp_path / "broken", corpus, CPU).run()
    for file in ("model.safetensors", "resume.safetensors"):
        tensors = [load_tensors(tmp_path / run / file)[0] for run in ("whole", "broken")]
        assert set(tensors[0]) == set(tensors[1])
        assert all(torch.equal(tensors[0][name], tensors[1][name]) for name in tensors[0])


class _Breaker:
    """A callback that breaks off at a step."""

    def __init__(self, step: int):
        self._at = step

    def on_update(self, progress: Progress) -> None:
        """Break off when it is time."""
        if progress.update == self._at:
            raise ZeroDivisionError

    def on_evaluation(self, progress: Progress) -> None:
        """Nothing."""


def test_two_processes_learn_what_one_does(small_corpus: Corpus, tmp_path: Path) -> None:
    """The same global batch over gloo: the same curve, but for the order in which sums are
    taken."""
    flags = [small_corpus.path, *ARGUMENTS, "--dropout", "0", "--epochs", "2"]
    trained(*flags, "-o", tmp_path / "one")
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc_per_node=2",
        "-m",
        "ugen.train",
    ]
    words = [*command, *map(str, flags), "-o", str(tmp_path / "two")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "2 processes" in done.stdout and done.stdout.count("learning from") == 1, (
        "only the first one speaks"
    )
    curves = []
    for run in ("one", "two"):
        rows = [
            json.loads(line) for line in (tmp_path / run / "metrics.jsonl").read_text().splitlines()
        ]
        curves.append(
            [[row["nats_per_token"], row["known_nats_per_token"], row["gradient"]] for row in rows]
        )
    assert len(curves[0]) > 2
    assert np.allclose(curves[0], curves[1], rtol=1e-4)
    odd = subprocess.run(
        [*words, "--batch", "3", "-o", str(tmp_path / "odd")],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert odd.returncode != 0 and "--batch 3: does not divide among 2 processes" in odd.stderr


def test_a_resumed_run_keeps_its_settings_but_for_its_length(
    small_run: Path, small_corpus: Corpus, tmp_path
) -> None:
    run = shutil.copytree(small_run, tmp_path / "run")
    flags = [small_corpus.path, "-o", run, "--resume", "--sample-minutes", 0]
    refused = trained(*flags, "--hidden", 41, code=2)
    assert "--hidden 41: the run to resume has 40" in refused
    assert "--find-lr: goes with a new run" in trained(*flags, "--find-lr", code=2)
    steps = len((run / "metrics.jsonl").read_text().splitlines())
    trained(*flags, "--hidden", 40, "--epochs", 14, "--patience", 100)
    assert len((run / "metrics.jsonl").read_text().splitlines()) > steps
    assert json.loads((run / "config.json").read_text())["training"]["epochs"] == 14


def test_ctrl_c_says_how_to_continue(small_corpus: Corpus, tmp_path: Path) -> None:
    process = train_ugen(small_corpus.path, "-o", tmp_path / "run", *ARGUMENTS, "--minutes", "5")
    # the last file of the first checkpoint
    while not (tmp_path / "run" / "config.json").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert "continue with the same command and --resume" in finished(process, 130)


def test_a_run_stops_by_the_clock(small_corpus: Corpus, tmp_path: Path) -> None:
    trainer = Trainer.begin(
        tmp_path / "run",
        small_corpus,
        ModelConfig(BEATS.vocabulary, embedding=4, hidden=8),
        TrainConfig(minutes=0.05, batch=2, bptt_length=8, patience=10**6),
        CPU,
        "test",
    )
    before = time.monotonic()
    assert trainer.run() == "time limit reached"
    assert 2 < time.monotonic() - before < 15


def test_a_run_stops_early_when_held_out_music_gets_no_better(
    small_corpus: Corpus, tmp_path: Path
) -> None:
    trainer = Trainer.begin(
        tmp_path / "run",
        small_corpus,
        ModelConfig(BEATS.vocabulary, embedding=4, hidden=8),
        TrainConfig(lr=1e-8, epochs=1000, batch=2, bptt_length=8, patience=2),
        CPU,
        "test",
    )
    assert "has not improved" in trainer.run()


# mistakes


def test_a_run_is_never_overwritten_and_never_resumed_on_other_music(
    small_run: Path, small_corpus: Corpus
) -> None:
    before = digest(small_run / "model.safetensors")
    assert "holds a training run already" in trained(small_corpus.path, "-o", small_run, code=2)
    other = Corpus(
        small_corpus.path,
        small_corpus.codec,
        "piano",
        small_corpus.rows,
        small_corpus.tokens,
        "other",
    )
    with pytest.raises(UgenError, match="not the corpus that the run"):
        Trainer.resume(small_run, other, CPU)
    assert digest(small_run / "model.safetensors") == before


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("config.json", b"{", "not valid JSON"),
        ("config.json", b"{}", "model is missing"),
        ("model.safetensors", b"garbage", r"model\.safetensors: cannot be read"),
        ("held_out_excerpt.npy", b"garbage", r"held_out_excerpt\.npy"),
    ],
)
def test_damaged_checkpoints_are_refused_by_file(
    small_run, tmp_path, file, content, message
) -> None:
    run = shutil.copytree(small_run, tmp_path / "run")
    (run / file).write_bytes(content)
    with pytest.raises(UgenError, match=message):
        load_checkpoint(run)


def test_weights_of_another_shape_are_named(small_run: Path, tmp_path: Path) -> None:
    run = shutil.copytree(small_run, tmp_path / "run")
    config = json.loads((run / "config.json").read_text())
    config["model"]["embedding"] = 25
    (run / "config.json").write_text(json.dumps(config))
    with pytest.raises(
        UgenError, match=r"weight 'embedding\.weight' is \[\d+, 24\], not \[\d+, 25\]"
    ):
        load_checkpoint(run)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--hidden", "0"], "--hidden 0: must be"),
        (["--lr", "nan"], "--lr nan"),
        (["--dropout", "1.5"], "--dropout 1.5"),
        (["--codec", "frames", "--arrange", "band"], "which --codec frames cannot hold"),
        (
            ["--preset", "small", "--init-from", "x"],
            "--preset: the model comes from --init-from; leave it out",
        ),
        (["--precision", "fp16", "--device", "cpu"], "--precision fp16: goes with a GPU"),
        (["--init-from", "nowhere"], "nowhere: not a training run"),
        (["--init-from", "nowhere", "--from-scratch"], "--from-scratch: not with --init-from"),
        (
            ["--codec", "khot", "--tied"],
            "--tied: a khot model has no token embedding that its head could share",
        ),
        (["--class-weights", "2"], "--class-weights 2: must be"),
        (["--device", "cuda"], "--device cuda: not on this machine, which has cpu"),
    ],
)
def test_mistakes_get_one_line_and_exit_code_2(
    small_folder: Path, tmp_path: Path, arguments, message
) -> None:
    if "cuda" in arguments and torch.cuda.is_available():
        arguments, message = ["--device", "mps"], "--device mps: not on this machine"
    done = in_process("train-ugen", small_folder, "-o", tmp_path / "run", *arguments)
    err = done.stderr.decode()
    assert done.returncode == 2
    assert err.startswith("train-ugen: ") and err.count("\n") == 1 and message in err
    assert not (tmp_path / "run").exists(), "a flag is checked before a folder is read"


def test_a_resume_of_nothing_is_refused(small_folder: Path, tmp_path: Path) -> None:
    said = trained(small_folder, "-o", tmp_path / "run", "--resume", code=2)
    assert "holds no training run to resume" in said
    assert not (tmp_path / "run").exists()


def test_a_missing_extra_is_one_line() -> None:
    code = "import sys; sys.modules['torch'] = None; from ugen.train.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "x", "-o", "y"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert (
        done.stderr
        == "train-ugen: this needs torch, which is not installed: pip install 'ugen-music[train]'\n"
    )


# columns


COLUMNS = tuple(each.name for each in BEATS.columns)


def _row_model(columns: tuple[str, ...] = COLUMNS, **options: Any) -> LstmModel:
    chosen = tuple(each for each in BEATS.columns if each.name in columns)
    config = ModelConfig(
        BEATS.vocabulary, columns=chosen, embedding=8, hidden=16, dropout=0.0, **options
    )
    return LstmModel(config).eval()


def test_a_row_of_a_varied_piece_is_the_varied_row(small_corpus: Corpus) -> None:
    """Columns are computed once, and varied with the tokens."""
    items = small_corpus.piece(small_corpus.pieces("train")[0])
    wishes = Wishes({"key": 22}, bars=12)
    rows = BEATS.to_rows(items, COLUMNS, wishes)
    varied = BEATS.augment(rows, 3, 1.0, 0, COLUMNS)
    table = BEATS.augmentation(3)
    moved = BEATS.to_rows(table[items], COLUMNS, Wishes({"key": 22}, bars=12))
    assert (varied == moved).all()
    assert (varied[:, 0] == table[rows[:, 0]]).all()


def test_wishes_are_unsaid_in_a_share_of_the_playings(small_corpus: Corpus) -> None:
    row = small_corpus.pieces("train")[0]
    streams = Streams(
        [small_corpus.piece(row)],
        Feed(BEATS, COLUMNS),
        1,
        row.tokens,
        Augmentation(wish_dropout=0.4),
        1,
        Asked(lambda piece: small_corpus.wishes(row), lambda piece, *_: small_corpus.ids(row)),
    )
    places = [1 + COLUMNS.index(name) for name in ("key", "left", "density", "tempo")]
    said = np.array([chunk.x[0, 5, places] > 0 for chunk in _chunks(streams, 400)])
    key, left, *rarer = said.mean(axis=0)
    assert [key, left] == pytest.approx([0.48, 0.48], abs=0.1), "0.6 of playings, times 0.8"
    assert rarer == pytest.approx([0.29, 0.29], abs=0.1), "of these in 0.6"
    assert np.mean(~said.any(axis=1)) > 0.35
    assert np.mean(said[:, :2].any(axis=1) & ~said[:, 2:].any(axis=1)) > 0.2, "as songs ask"


def _chunks(streams: Streams, count: int) -> list[Chunk]:
    return [streams.next() for _ in range(count)]


def test_the_last_bars_of_a_piece_are_counted_down(small_corpus: Corpus) -> None:
    row = small_corpus.pieces("train")[0]
    rows = Feed(BEATS, COLUMNS).rows(small_corpus.piece(row), small_corpus.wishes(row))
    left = rows[:, 1 + COLUMNS.index("left")]
    assert left[-2] == 1, "in the last bar"
    assert (np.diff(left.astype(int)) <= 0).all() and left[0] > 4


def test_a_pointer_adds_its_gate_to_the_token_that_a_column_names() -> None:
    model = _row_model()
    with torch.no_grad():
        model.gates.weight.zero_()
        model.gates.bias.copy_(torch.tensor([2.0, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0]))
    x = torch.zeros(1, 1, 1 + len(COLUMNS), dtype=torch.int64)
    plain = model(x, *model.state(1))[0]
    top = model.hidden_sequence(x, *model.state(1))[0]
    first = 1 + COLUMNS.index("back_1")
    x[0, 0, first : first + 7] = torch.tensor([11, 11, 0, 31, 0, 41, 11])
    pointed = model.logits(top, x)
    expected = torch.zeros_like(plain)
    expected[0, 0, 10], expected[0, 0, 30], expected[0, 0, 40] = 22.0, 7.0, 13.0
    assert torch.allclose(pointed - plain, expected, atol=1e-5)


def test_a_row_is_embedded_as_the_sum_of_its_ids_vectors() -> None:
    model = _row_model()
    ids = [5, 2, 7, 0, 9, 0, 0, 4, 0, 6, 3, 1, 2, 3, 0, 5, 1, 8, 120, 9, 0, 7, 103]
    row = torch.tensor([[ids]])
    table, first = model.embedding.weight, 0
    expected = torch.zeros(8)
    for size, number in zip(model.config.rows, row[0, 0].tolist(), strict=True):
        expected = expected + table[first + number]
        first += size
    assert first == len(table)
    assert torch.allclose(model.embedding(row)[0, 0], expected, atol=1e-6)


USUAL = tuple(name for name in COLUMNS if name not in CHORD_NAMES)


@pytest.mark.parametrize(
    ("columns", "names"), [("all", USUAL), ("none", ()), ("back_2,beat", ("beat", "back_2"))]
)
def test_columns_are_chosen(columns: str, names: tuple[str, ...]) -> None:
    request = Request(Path(), Path(), RunOptions(columns=columns), {}, {}, {})
    assert request.configs(BEATS)[0].names == names


@pytest.mark.parametrize(
    ("options", "training", "reason"),
    [
        ({"columns": "beat,bar"}, {}, "bar is none of them; the beats codec has beat, phase"),
        ({"columns": "all"}, {"objective": "professor-forcing"}, "know the last token only"),
    ],
)
def test_columns_that_cannot_be_are_refused(
    options: dict[str, Any], training: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UgenError, match=reason):
        Request(Path(), Path(), RunOptions(**options), {}, training, {}).configs(BEATS)


def test_what_is_wished_reaches_the_logits_past_the_layers() -> None:
    """In the layers alone a key had no effect: the vectors of 12 keys are seen by few pieces."""
    model = _row_model()
    x = torch.zeros(1, 1, 1 + len(COLUMNS), dtype=torch.int64)
    top = model.hidden_sequence(x, *model.state(1))[0]
    with torch.no_grad():
        model.wishes.weight[5] = 1.0
    free = model.logits(top, x)
    x[0, 0, 1 + COLUMNS.index("key")] = 5
    expected = model.logits(top + 1, torch.zeros_like(x))
    assert torch.allclose(model.logits(top, x), expected, atol=1e-5)
    assert not torch.allclose(model.logits(top, x), free, atol=1e-2)
