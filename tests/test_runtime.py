"""The runtime: the random stream, the sampler, the loop on a fake model, files that lie, and no torch anywhere."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import digest
from ugen.data import UgenError, make_codec, read_midi
from ugen.data.codec import Codec
from ugen.runtime import Card, Model, ModelError, Sampling, generate, load, steps
from ugen.runtime.rng import Rng
from ugen.runtime.sampler import draw

BEATS = make_codec("beats")


class FakeSession:
    """Logits by a rule, state that counts the steps: the loop can be tested with nothing learned."""

    def __init__(self, codec: Codec, logits: Callable[[int], np.ndarray]):
        self.codec, self.logits, self.fed = codec, logits, []

    def run(self, names, feeds):
        assert feeds["token"].shape == (1, 1) and feeds["token"].dtype == np.int64
        self.fed.append(int(feeds["token"][0, 0]))
        assert feeds["h"][0, 0, 0] == len(self.fed) - 1, "the state is carried"
        return self.logits(len(self.fed))[None, None].astype(np.float32), feeds["h"] + 1, feeds["c"]


def fake(codec: Codec = BEATS, logits: Callable[[int], np.ndarray] | None = None) -> Model:
    """A model of uniform logits, or of a rule's."""
    flat = logits or (lambda step: np.zeros(codec.vocabulary))
    return Model(Card(codec, 1, 1, "fp32", Sampling(), {}, ""), FakeSession(codec, flat))


def test_the_random_stream_is_xoshiro128_starstar() -> None:
    """First outputs from the state 1, 2, 3, 4: the reference vector of the rand_xoshiro project."""
    rng = Rng(0)
    rng.state = (1, 2, 3, 4)
    assert [rng.next32() for _ in range(10)] == [
        11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804
    ]  # fmt: skip


def test_seeds_give_their_own_streams() -> None:
    firsts = {Rng(seed).uniform() for seed in range(500)}
    assert len(firsts) == 500
    assert all(0 <= u < 1 for u in firsts)
    assert abs(np.mean([Rng(1).uniform() for _ in range(1)] + [u for u in firsts]) - 0.5) < 0.05


@given(
    logits=st.lists(st.floats(-20, 20, width=32), min_size=1, max_size=40),
    k=st.integers(0, 45), p=st.floats(0.01, 1), u=st.floats(0, 1, exclude_max=True), data=st.data(),
)  # fmt: skip
def test_draws_stay_within_mask_top_k_and_top_p(logits, k, p, u, data) -> None:
    values = np.array(logits, np.float32)
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(logits), max_size=len(logits))))
    mask[data.draw(st.integers(0, len(logits) - 1))] = True
    token = draw(values, mask, Sampling(1.0, k, p), u)
    assert mask[token]
    better = values[mask] > values[token]
    assert k == 0 or better.sum() < k
    chances = np.exp(values[mask].astype(float) - values[mask].max())
    assert chances[better].sum() / chances.sum() < p + 1e-9, "all above it together do not reach p"


def test_draws_follow_the_distribution() -> None:
    logits = np.log(np.array([0.5, 0.25, 0.125, 0.125], np.float32))
    rng = Rng(3)
    all_in = Sampling(1.0, 0, 1.0)
    counts = np.bincount([draw(logits, np.ones(4, bool), all_in, rng.uniform()) for _ in range(8000)], minlength=4)
    np.testing.assert_allclose(counts / 8000, [0.5, 0.25, 0.125, 0.125], atol=0.025)  # over 4 standard deviations
    assert draw(logits, np.ones(4, bool), all_in, 0.4999) == 0
    assert draw(logits, np.ones(4, bool), all_in, 0.5001) == 1
    assert draw(logits, np.ones(4, bool), all_in, np.nextafter(1, 0)) == 3
    assert draw(logits, np.array([False, True, True, True]), Sampling(temperature=0), 0.99) == 1


def test_the_same_seed_makes_the_same_song_and_another_does_not() -> None:
    songs = [generate(fake(), 5, seed).tokens.tolist() for seed in (1, 1, 2)]
    assert songs[0] == songs[1] != songs[2]


@pytest.mark.parametrize("codec", [BEATS, make_codec("frames"), make_codec("beats", band=True)], ids=lambda c: c.name)
@pytest.mark.parametrize("seconds", [0.3, 7.0, 61.0])
def test_songs_have_the_asked_length_and_all_notes_end(codec: Codec, seconds: float) -> None:
    song = generate(fake(codec), seconds, 1)
    assert song.score.seconds <= seconds + 1e-6
    ticks = song.score.end_tick + song.pad_ticks
    step = song.score.seconds_at(np.array([ticks, ticks + 1]))
    assert step[0] <= seconds + 1e-6 and step[1] > seconds - 1e-6, "kept to within a tick"
    assert (song.score.notes["end"] > song.score.notes["onset"]).all()


def test_each_draw_is_fed_back_and_a_piece_never_ends_by_itself() -> None:
    eager = np.zeros(BEATS.vocabulary)
    eager[BEATS.end] = 50.0  # a model that wants to stop
    model = fake(logits=lambda step: eager)
    drawn = [token for token, _ in itertools.islice(steps(model, 4, Sampling()), 50)]
    assert model._session.fed == [BEATS.start, *drawn[:-1]]
    assert BEATS.end not in drawn


def test_out_of_range_requests_name_the_flag_and_the_range() -> None:
    for seconds in (0, -1, float("nan"), 1e9):
        with pytest.raises(UgenError, match="--seconds .*more than 0 and at most 86400"):
            generate(fake(), seconds, 1)
    for arguments, message in (((-0.1,), "--temperature -0.1"), ((1, -1), "--top-k -1"), ((1, 0, 0), "--top-p 0")):
        with pytest.raises(UgenError, match=message):
            Sampling(*arguments)


# model files


@pytest.fixture(scope="module")
def model_file(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported model."""
    from ugen.export.export import export_onnx

    path = tmp_path_factory.mktemp("model") / "model.onnx"
    export_onnx(small_run, path, "int8", 0.5, "test", lambda line: None)
    return path


def _metadata(key: str, value: object) -> Callable[[onnx.ModelProto], None]:
    def change(proto: onnx.ModelProto) -> None:
        entry = next(entry for entry in proto.metadata_props if entry.key == key)
        if value is None:
            proto.metadata_props.remove(entry)
        elif callable(value):
            entry.value = json.dumps(value(json.loads(entry.value)))
        else:
            entry.value = str(value)

    return change


def _rename_output(proto: onnx.ModelProto) -> None:
    proto.graph.node[-1].output[0] = proto.graph.output[0].name = "probabilities"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_metadata("ugen.format", None), "not a ugen model"),
        (_metadata("ugen.format", "2"), "model format 2; this ugen reads format 1"),
        (_metadata("ugen.codec", None), r"no ugen\.codec entry"),
        (_metadata("ugen.codec", "{"), r"ugen\.codec is not valid JSON"),
        (_metadata("ugen.codec", lambda c: {**c, "name": "remi"}), r"ugen\.codec is wrong .*'remi' is unknown"),
        (_metadata("ugen.codec", lambda c: {**c, "events": c["events"][::-1]}), "event table"),
        (_metadata("ugen.model", lambda m: {**m, "hidden": 41}), r"h is tensor\(float\)"),
        (_metadata("ugen.model", lambda m: {**m, "layers": 10**9}), "cannot be"),
        (_metadata("ugen.model", lambda m: {**m, "vocabulary": 7}), "does not fit its codec"),
        (_metadata("ugen.model", lambda m: {"kind": "lstm"}), r"ugen\.model is wrong \('layers'\)"),
        (_metadata("ugen.sampling", lambda s: {**s, "top_p": 7}), r"ugen\.sampling is wrong .*top-p 7"),
        (_metadata("ugen.provenance", "3"), r"ugen\.provenance is wrong"),
        (_rename_output, "probabilities"),
    ],
)
def test_lying_model_files_are_refused_by_the_part_that_lies(model_file, tmp_path, change, message) -> None:
    proto = onnx.load(model_file)
    change(proto)
    onnx.save(proto, tmp_path / "bad.onnx")
    with pytest.raises(ModelError, match=message) as caught:
        load(tmp_path / "bad.onnx")
    assert str(caught.value).startswith(str(tmp_path / "bad.onnx")) and "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"hello", b"\x08\x08garbage", b"PK\x03\x04zip"])
def test_files_that_are_no_models_are_refused_in_one_line(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(data)
    with pytest.raises(ModelError, match=r"bad\.onnx: "):
        load(tmp_path / "bad.onnx")


def test_a_truncated_model_is_refused(model_file: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.onnx").write_bytes(model_file.read_bytes()[:-1000])
    with pytest.raises(ModelError, match=r"cut\.onnx: "):
        load(tmp_path / "cut.onnx")


# the command


def ugen_run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command in a process where torch and onnx cannot be imported."""
    code = "import sys; sys.modules['torch'] = sys.modules['onnx'] = None; from ugen.runtime.cli import main; main()"
    return subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True)


def test_the_command_makes_the_same_bytes_from_the_same_seed_without_torch(model_file: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        done = ugen_run(model_file, "-o", tmp_path / f"{name}.mid", "--seconds", 12, "--seed", seed)
        assert done.returncode == 0, done.stderr
        assert f"seed {seed}" in done.stdout
    a, b, c = (digest(tmp_path / f"{name}.mid") for name in "abc")
    assert a == b != c
    score = read_midi(tmp_path / "a.mid")
    assert len(score.notes) > 5 and score.seconds <= 12.001
    drawn = ugen_run(model_file, "-o", tmp_path / "d.mid", "--seconds", 2)
    assert "seed" in drawn.stdout, "a seed that was drawn is printed"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.onnx", "-o", "x.mid"], "nowhere.onnx: No such file"),
        (["MODEL", "-o", "x.wav"], "-o x.wav: the name must end in .mid"),
        (["MODEL", "-o", "/proc/nowhere/x.mid", "--seconds", "1"], "/proc/nowhere/x.mid: cannot be written"),
        (["MODEL", "-o", "x.mid", "--top-p", "1.5"], "--top-p 1.5: must be more than 0 and at most 1"),
        (["MODEL", "-o", "x.mid", "--seconds", "-3"], "--seconds -3.0: must be more than 0"),
    ],
)
def test_mistakes_get_one_line_and_exit_code_2(model_file, tmp_path, monkeypatch, arguments, message) -> None:
    monkeypatch.chdir(tmp_path)
    done = ugen_run(*[model_file if argument == "MODEL" else argument for argument in arguments])
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("ugen-run: ") and message in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_mistyped_flags_are_refused(model_file: Path) -> None:
    done = ugen_run(model_file, "-o", "x.mid", "--second", 3)
    assert done.returncode == 2 and "--second" in done.stderr


def test_torch_is_not_imported_even_where_it_is_installed(model_file: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from ugen.runtime import load, generate; generate(load(sys.argv[1]), 1, 1); "
        "heavy = {'torch', 'onnx', 'matplotlib', 'scipy', 'pandas', 'safetensors'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code, str(model_file)], check=True)
