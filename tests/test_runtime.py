"""The runtime: the random stream, the sampler, the loop on a fake model, the command, and no torch
anywhere."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import assert_refused, digest, ugen_run
from ugen.data import UgenError, make_codec, read_midi
from ugen.data.codecs.base import Codec
from ugen.runtime import Card, Model, Sampling, generate, steps
from ugen.runtime.sampling.rng import Rng
from ugen.runtime.sampling.sampler import Sampler, sample_keys

BEATS = make_codec("beats")


class FakeStream:
    """Logits by a rule, and what was fed: the loop can be tested with nothing learned."""

    def __init__(self, codec: Codec, rule: Callable[[int], np.ndarray], fed: list[int]):
        self.x = np.full((1, 1), codec.start, np.int64)
        self.logits = np.empty((1, 1, codec.vocabulary), np.float32)
        self._rule, self._fed = rule, fed
        self.state = np.zeros((2, 1, 1, 1), np.float32)

    def advance(self) -> np.ndarray:
        self._fed.append(int(self.x[0, 0]))
        self.logits[:] = self._rule(len(self._fed))
        return self.logits


class FakeModel(Model):
    """A model of uniform logits, or of a rule's. `fed`: the tokens it was fed, of all its
    streams."""

    def __init__(self, codec: Codec, rule: Callable[[int], np.ndarray] | None):
        super().__init__(Card(codec, 1, 1, "fp32", Sampling(), {}, ""), None)
        self.fed: list[int] = []
        self._rule = rule or (lambda step: np.zeros(codec.vocabulary))

    def stream(self, batch: int = 1) -> FakeStream:
        return FakeStream(self.card.codec, self._rule, self.fed)


def fake(codec: Codec = BEATS, logits: Callable[[int], np.ndarray] | None = None) -> FakeModel:
    """A model that learned nothing."""
    return FakeModel(codec, logits)


class FixedRng:
    """Numbers known in advance in the place of a random stream."""

    def __init__(self, *numbers: float):
        self._numbers = list(numbers)

    def uniform(self) -> float:
        return self._numbers.pop(0)


def test_the_random_stream_is_splitmix64() -> None:
    """First outputs of the seed 1234567: the vector that implementations of Vigna's splitmix64.c
    are held to."""
    assert Rng(1234567).words(5).tolist() == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert Rng(1234567).uniform() == (6457827717110365317 >> 11) / 2**53


def test_a_random_stream_can_be_entered_anywhere() -> None:
    whole = Rng(5)
    numbers = [whole.uniform() for _ in range(3000)]
    assert whole.position == 3000
    for position in (0, 1, 1023, 1024, 1025, 2500):
        assert Rng(5, position).uniform() == numbers[position]
    assert Rng(5).uniforms(3000).tolist() == numbers


def test_seeds_give_their_own_streams() -> None:
    firsts = {Rng(seed).uniform() for seed in range(500)}
    assert len(firsts) == 500
    assert all(0 <= u < 1 for u in firsts)
    assert abs(np.mean(list(firsts)) - 0.5) < 0.05  # a standard deviation is 0.013
    assert Rng(2**64 - 1).uniform() != Rng(0).uniform()


@given(
    logits=st.lists(st.floats(-20, 20, width=32), min_size=1, max_size=40),
    k=st.integers(0, 45),
    p=st.floats(0.01, 1),
    data=st.data(),
    u=st.tuples(st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True)),
)
def test_samples_stay_within_mask_top_k_and_top_p(logits, k, p, u, data) -> None:
    values = np.array(logits, np.float32)
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(logits), max_size=len(logits))))
    mask[data.draw(st.integers(0, len(logits) - 1))] = True
    token = Sampler(len(values), Sampling(1.0, k, p)).sample(values, mask, FixedRng(*u))
    assert mask[token]
    better = values[mask] > values[token]
    assert k == 0 or better.sum() < k
    chances = np.exp(values[mask].astype(float) - values[mask].max())
    assert chances[better].sum() / chances.sum() < p + 1e-9, "all above it together do not reach p"


def test_samples_follow_the_distribution_renormalized_over_what_is_kept() -> None:
    chances = np.array([0.05, 0.5, 0.125, 0.2, 0.125])
    logits, everything, rng = np.log(chances).astype(np.float32), np.ones(5, bool), Rng(3)
    for sampling, kept in (
        (Sampling(1.0, 0, 1.0), [0, 1, 2, 3, 4]),
        (Sampling(1.0, 2, 1.0), [1, 3]),
        (Sampling(1.0, 3, 1.0), [1, 2, 3, 4]),  # as likely as the third
        (Sampling(1.0, 0, 0.6), [1, 3]),
        (Sampling(1.0, 0, 0.75), [1, 2, 3, 4]),
        (Sampling(1.0, 3, 0.4), [1]),
    ):
        sampler = Sampler(5, sampling)
        counts = np.bincount(
            [sampler.sample(logits, everything, rng) for _ in range(8000)], minlength=5
        )
        wanted = np.where(np.isin(np.arange(5), kept), chances, 0)
        np.testing.assert_allclose(
            counts / 8000, wanted / wanted.sum(), atol=0.025
        )  # over 4 standard deviations
        assert (counts[wanted == 0] == 0).all()


def test_a_sample_is_the_first_token_whose_running_sum_exceeds_u_of_the_whole() -> None:
    logits = np.log(np.array([0.5, 0.25, 0.125, 0.125], np.float32))
    sampler, everything = Sampler(4, Sampling(1.0, 0, 1.0)), np.ones(4, bool)
    for u, token in ((0.4999, 0), (0.5001, 1), (np.nextafter(1, 0), 3)):
        assert sampler.sample(logits, everything, FixedRng(u)) == token
    masked = np.array([False, True, True, True])
    assert sampler.sample(logits, masked, FixedRng(0.0)) == 1
    assert Sampler(4, Sampling(temperature=0)).sample(logits, masked, FixedRng()) == 1


@pytest.mark.parametrize("temperature", [5e-324, 1e-320, 1e-300, 1e-251, 1e-60])
def test_the_least_temperatures_take_the_likeliest_without_a_warning(temperature: float) -> None:
    """Dividing by one of 1e-320 overflowed."""
    sampling = Sampling(temperature=temperature)
    logits = np.array([3e38, -3e38, 1.5, np.nextafter(np.float32(1.5), 0)], np.float32)
    for mask, likeliest in (([1, 1, 1, 1], 0), ([0, 1, 1, 1], 2), ([0, 1, 0, 1], 3)):
        for u in (0.0, 0.5, np.nextafter(1, 0)):
            sampler = Sampler(4, sampling)
            assert sampler.sample(logits, np.array(mask, bool), FixedRng(u, u)) == likeliest
    assert sample_keys(logits, sampling, np.full(4, 0.5)).tolist() == [True, False, True, True]


def test_a_mask_that_leaves_only_improbable_tokens_is_obeyed() -> None:
    logits = np.array([900.0, -900.0, -901.0], np.float32)
    counts = np.bincount(
        [
            Sampler(3, Sampling()).sample(logits, np.array([False, True, True]), Rng(seed))
            for seed in range(400)
        ]
    )
    assert counts[0] == 0
    assert counts[1] / 400 == pytest.approx(
        1 / (1 + np.exp(-1)), abs=0.1
    )  # over 4 standard deviations


def test_the_same_seed_makes_the_same_song_and_another_does_not() -> None:
    songs = [generate(fake(), seconds=5, seed=seed).tokens.tolist() for seed in (1, 1, 2)]
    assert songs[0] == songs[1] != songs[2]


@pytest.mark.parametrize(
    "codec", [BEATS, make_codec("frames"), make_codec("beats", band=True)], ids=lambda c: c.name
)
@pytest.mark.parametrize("seconds", [0.3, 7.0, 61.0])
def test_songs_have_the_asked_length_and_all_notes_end(codec: Codec, seconds: float) -> None:
    song = generate(fake(codec), seconds=seconds, seed=1, guard=False)
    assert song.score.seconds <= seconds + 1e-6
    ticks = song.score.end_tick + song.pad_ticks
    step = song.score.seconds_at(np.array([ticks, ticks + 1]))
    assert step[0] <= seconds + 1e-6 and step[1] > seconds - 1e-6, "kept to within a tick"
    assert (song.score.notes["end"] > song.score.notes["onset"]).all()


def test_each_token_is_fed_back_and_a_song_never_ends_by_itself() -> None:
    eager = np.zeros(BEATS.vocabulary)
    eager[BEATS.end] = 50.0  # a model that wants to stop
    model = fake(logits=lambda step: eager)
    tokens = [token for token, _ in itertools.islice(steps(model, 4, Sampling()), 50)]
    assert model.fed == [BEATS.start, *tokens[:-1]]
    assert BEATS.end not in tokens


def test_out_of_range_requests_name_the_flag_and_the_range() -> None:
    for seconds in (0, -1, float("nan"), 1e9):
        with pytest.raises(UgenError, match="--seconds .*more than 0 and at most 86400"):
            generate(fake(), seconds=seconds, seed=1)
    for arguments, message in (
        ((-0.1,), "--temperature -0.1"),
        ((1, -1), "--top-k -1"),
        ((1, 0, 0), "--top-p 0"),
    ):
        with pytest.raises(UgenError, match=message):
            Sampling(*arguments)


# the command


def test_the_command_makes_the_same_bytes_from_the_same_seed_without_torch(
    model_file: Path, tmp_path: Path
) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        length = "--seconds", 12, "--exact"
        done = ugen_run(model_file, "-o", tmp_path / f"{name}.mid", *length, "--seed", seed)
        assert done.returncode == 0, done.stderr
        assert f"seed {seed}" in done.stdout
    a, b, c = (digest(tmp_path / f"{name}.mid") for name in "abc")
    assert a == b != c
    score = read_midi(tmp_path / "a.mid")
    assert len(score.notes) > 5 and score.seconds <= 12.001
    unseeded = ugen_run(model_file, "-o", tmp_path / "d.mid", "--seconds", 2)
    assert "seed" in unseeded.stdout, "a random seed is printed"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.onnx", "-o", "x.mid"], "nowhere.onnx: No such file"),
        (["MODEL", "-o", "x.xyz"], "-o x.xyz: the name must end in .mid"),
        (
            ["MODEL", "-o", "/proc/nowhere/x.mid", "--seconds", "1"],
            "/proc/nowhere/x.mid: cannot be written",
        ),
        (
            ["MODEL", "-o", "x.mid", "--top-p", "1.5"],
            "--top-p 1.5: must be more than 0 and at most 1",
        ),
        (["MODEL", "-o", "x.mid", "--seconds", "-3"], "--seconds -3.0: must be more than 0"),
    ],
)
def test_mistakes_get_one_line_and_exit_code_2(
    model_file, tmp_path, monkeypatch, arguments, message
) -> None:
    monkeypatch.chdir(tmp_path)
    done = ugen_run(*[model_file if argument == "MODEL" else argument for argument in arguments])
    assert_refused(done, message)
    assert list(tmp_path.iterdir()) == []


def test_mistyped_flags_are_refused(model_file: Path) -> None:
    done = ugen_run(model_file, "-o", "x.mid", "--second", 3)
    assert done.returncode == 2 and "--second" in done.stderr


def test_torch_is_not_imported_even_where_it_is_installed(model_file: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from ugen.runtime import load, generate; "
        "generate(load(sys.argv[1]), seconds=1, seed=1); "
        "heavy = {'torch', 'onnx', 'matplotlib', 'scipy', 'pandas', 'safetensors'}; "
        "heavy &= set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code, str(model_file)], check=True)
