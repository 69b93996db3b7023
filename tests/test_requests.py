"""Songs as asked for: length, primers, keys, tempos, several outputs, many songs, replay."""

from __future__ import annotations

import base64
import importlib
import json
import re
import subprocess
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import mido
import numpy as np
import pretty_midi
import pytest
from fake_models import BEATS, Flat
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support import (
    BUNDLED,
    assert_refused,
    digest,
    needs_program,
    same_notes,
    scores,
    ugen_run,
    ugen_run_bytes,
)
from ugen.data import Score, UgenError, arrange, make_codec, read_midi, write_midi
from ugen.data.analysis.key import key_name, key_of, parse_key
from ugen.data.analysis.spread import COMPARED
from ugen.data.corpus.corpus import Corpus
from ugen.data.json_values import to_json
from ugen.runtime import Card, Sampling, SongSettings, generate, load
from ugen.runtime.generation.primer import tokens_of
from ugen.runtime.generation.request import Request, read_record
from ugen.runtime.generation.transform import Transform
from ugen.runtime.inference.loading import choose_provider
from ugen.runtime.sampling.rng import Rng
from ugen.runtime.sampling.sampler import WINDOW, Sampler
from ugen.runtime.scoring.ranking import REAL, distance_to, real_music

# length


@pytest.mark.parametrize("bars", [1, 2, 17])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_song_in_bars_ends_on_a_bar_line(bars: int, seed: int) -> None:
    song = generate(Flat(), seed=seed, bars=bars, guard=False)
    end = song.score.end_tick + song.pad_ticks
    line, done, meters = 0, 0, song.score.meters.tolist()
    while done < bars:
        _, numerator, denominator = [meter for meter in meters if meter[0] <= line][-1]
        following = line + song.score.ticks_per_beat * 4 * numerator // denominator
        changes = [tick for tick, _, _ in meters if line < tick < following]
        done += (
            not changes
        )  # a new meter begins a bar where it stands, and the bar before it is none
        line = min(changes, default=following)
    assert end == line, "that many bars of the meters it has"
    assert song.score.notes["end"].max(initial=0) <= end


def test_a_tempo_asked_for_holds_all_through_and_the_length_is_kept() -> None:
    song = generate(Flat(), seconds=20, seed=1, tempo=90, guard=False)
    assert song.score.tempos.tolist() == [(0, 666_667)]
    end = song.score.seconds_at(np.array([song.score.end_tick + song.pad_ticks + 1]))[0]
    assert 20 <= end <= 20.1


@pytest.mark.parametrize("name", ["frames", "events", "khot"])
@pytest.mark.parametrize("asked", [{"bars": 4}, {"tempo": 100.0, "seconds": 5}])
def test_codecs_without_beats_refuse_bars_and_tempos(name: str, asked: dict) -> None:
    with pytest.raises(
        UgenError, match=f"--{next(iter(asked))}: the {name} codec knows seconds only"
    ):
        generate(Flat(make_codec(name)), seed=1, **asked)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"seed": 1}, "a whole song needs seconds or bars"),
        ({"seed": 1, "seconds": 9, "bars": 4}, "--seconds and --bars: give one of them"),
        ({"seed": -1, "seconds": 9}, "--seed -1: must be 0 to"),
        ({"seed": 1 << 64, "seconds": 9}, "--seed 18446744073709551616: must be 0 to"),
        ({"seed": 1, "seconds": 9, "keep_primer": True}, "--keep-primer: goes with --primer"),
    ],
)
def test_settings_check_themselves(asked: dict, message: str) -> None:
    with pytest.raises(UgenError, match=message):
        generate(Flat(), **asked)


def test_settings_are_taken_whole_or_field_by_field() -> None:
    settings = SongSettings(seconds=5, seed=3, guard=False)
    song = generate(Flat(), settings)
    assert song.tokens.tolist() == generate(Flat(), seconds=5, seed=3, guard=False).tokens.tolist()
    other = generate(Flat(), settings, seed=4)
    assert other.seed == 4 and other.tokens.tolist() != song.tokens.tolist()
    assert settings.seed == 3


@pytest.mark.parametrize("kind", ["mid", "csv", "txt", "png", "musicxml"])
def test_a_song_saves_itself_as_any_kind_of_file(kind: str, tmp_path: Path) -> None:
    song = generate(Flat(), seconds=5, seed=3, guard=False)
    song.save(tmp_path / f"song.{kind}")
    assert (tmp_path / f"song.{kind}").stat().st_size > 50
    if kind == "mid":
        (end,) = {
            sum(message.time for message in track)
            for track in mido.MidiFile(tmp_path / "song.mid").tracks
        }
        finer = read_midi(tmp_path / "song.mid").ticks_per_beat // song.score.ticks_per_beat
        assert end == finer * (song.score.end_tick + song.pad_ticks), "its silence is kept"
        assert same_notes(read_midi(tmp_path / "song.mid"), song.score.at(480))


# primers


def test_a_primer_is_fed_first_and_the_song_continues_from_it() -> None:
    model = Flat()
    music = arrange(read_midi(BUNDLED[0]), "piano")
    primer = tokens_of(model, music, 8.0)
    song = generate(model, seconds=10, seed=3, primer=primer)
    assert model.fed[: len(primer) + 1] == [BEATS.start, *primer.tolist()]
    kept = generate(model, seconds=10, seed=3, primer=primer, keep_primer=True)
    assert song.tokens.tolist() == kept.tokens.tolist()
    beginning = BEATS.decode(primer)
    opening = kept.score.until(beginning.notes["onset"].max())
    assert same_notes(opening, beginning.until(beginning.notes["onset"].max())), (
        "the primer itself opens the song"
    )
    lasted = kept.seconds - song.seconds
    assert 6 < lasted <= 8.1 and song.seconds == pytest.approx(10)
    assert len(song.score.notes) < len(kept.score.notes)
    tail = kept.score.since(kept.score.tick_at(lasted))
    assert tail.notes["pitch"].tolist() == song.score.notes["pitch"].tolist()


def test_a_long_primer_has_the_same_text_in_every_record() -> None:
    """It had zlib's stored blocks, whose lengths depend on the version and the caller's buffer."""
    primer = np.arange(100_000, dtype=np.uint16) % 480
    text = base64.b64encode(primer.astype("<u2").tobytes()).decode()
    assert to_json(SongSettings(seed=1, seconds=9.0, primer=primer))["primer"] == text


@given(score=scores(), tick=st.integers(0, 25_000))
def test_what_is_cut_before_and_after_a_tick_is_all_there_was(score: Score, tick: int) -> None:
    before, after = score.until(tick), score.since(tick)
    assert len(before.notes) + len(after.notes) == len(score.notes)
    assert (after.notes["onset"] >= 0).all() and after.tempos["tick"][0] == after.meters["tick"][
        0
    ] == 0
    later = score.notes[score.notes["onset"] >= tick]
    origin = score.seconds_at(np.array([tick]))[0]
    np.testing.assert_allclose(
        after.seconds_at(after.notes["end"]), score.seconds_at(later["end"]) - origin, atol=1e-6
    )


def test_a_primer_of_nothing_is_refused(tmp_path: Path, model_file: Path) -> None:
    write_midi(Score.build([], 480), tmp_path / "empty.mid")
    done = ugen_run(model_file, "-o", tmp_path / "x.mid", "--primer", tmp_path / "empty.mid")
    assert done.returncode == 2
    assert done.stderr.startswith("ugen-run: --primer ")
    assert "empty.mid: no notes in it" in done.stderr


# sampling


def test_min_p_keeps_what_has_its_share_of_the_likeliest() -> None:
    logits, everything, rng = (
        np.log([0.5, 0.3, 0.15, 0.05]).astype(np.float32),
        np.ones(4, bool),
        Rng(1),
    )
    sampler = Sampler(4, Sampling(top_p=1.0, min_p=0.25))
    counts = np.bincount(
        [sampler.sample(logits, everything, rng) for _ in range(8000)], minlength=4
    )
    np.testing.assert_allclose(counts / 8000, np.array([0.5, 0.3, 0.15, 0]) / 0.95, atol=0.025)
    assert counts[3] == 0


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_repetition_penalty_makes_repeated_pitches_rarer_and_nothing_else(
    temperature: float,
) -> None:
    onset_tokens = np.array([True, True, False, False])
    sampling = Sampling(temperature, top_p=1.0, repetition_penalty=5.0)
    sampler, rng = Sampler(4, sampling, onset_tokens), Rng(2)
    logits, everything = np.log([0.4, 0.2, 0.3, 0.1]).astype(np.float32), np.ones(4, bool)
    sampler.recent_onsets = (0,)
    if temperature == 0:
        assert sampler.sample(logits, everything, rng) == 2, "0.4 / 5 is less than 0.3"
        assert sampler.recent_onsets == (0,)
        return
    tokens = []
    for _ in range(8000):
        sampler.recent_onsets = (0,)
        tokens.append(sampler.sample(logits, everything, rng))
    wanted = np.array([0.08, 0.2, 0.3, 0.1])
    np.testing.assert_allclose(np.bincount(tokens) / 8000, wanted / wanted.sum(), atol=0.025)


def test_a_repetition_penalty_forgets() -> None:
    sampler = Sampler(2, Sampling(repetition_penalty=2.0), np.ones(2, bool))
    for _ in range(3 * WINDOW):
        sampler.sample(np.zeros(2, np.float32), np.ones(2, bool), Rng(1))
    assert len(sampler.recent_onsets) == WINDOW


@pytest.mark.parametrize("name", ["frames", "khot"])
def test_codecs_without_onset_tokens_refuse_a_penalty(name: str) -> None:
    with pytest.raises(UgenError, match=f"--repetition-penalty: the {name} codec"):
        generate(
            Flat(make_codec(name)), seconds=5, seed=1, sampling=Sampling(repetition_penalty=2.0)
        )


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"min_p": 1}, "--min-p 1: must be 0"),
        ({"min_p": -0.1}, "--min-p -0.1"),
        ({"repetition_penalty": 0.5}, "--repetition-penalty 0.5: must be 1"),
    ],
)
def test_sampling_out_of_range_names_the_flag(asked: dict, message: str) -> None:
    with pytest.raises(UgenError, match=message):
        Sampling(**asked)


# the finished song, changed


def scale(tonic: int, minor: bool) -> Score:
    """A melody up and down a scale, its chord held."""
    degrees = [0, 2, 3, 5, 7, 8, 11, 12] if minor else [0, 2, 4, 5, 7, 9, 11, 12]
    notes = [
        (i * 480, i * 480 + 480, 60 + tonic + d, 80, 0, False)
        for i, d in enumerate(degrees + degrees[::-1])
    ]
    chord = [(0, 16 * 480, 48 + tonic + d, 60, 0, False) for d in (0, 3 if minor else 4, 7)]
    return Score.build([*notes, *chord], 480)


@pytest.mark.parametrize("minor", [False, True])
@pytest.mark.parametrize("tonic", range(12))
def test_keys_are_found_and_songs_go_to_the_key_asked_for(tonic: int, minor: bool) -> None:
    score = scale(tonic, minor)
    assert key_of(score) == (tonic, minor)
    assert parse_key(key_name((tonic, minor))) == (tonic, minor)
    moved = Transform(key="F#").apply(score)
    assert key_of(moved) == (6, minor)
    shifts = set((moved.notes["pitch"].astype(int) - score.notes["pitch"]).tolist())
    assert len(shifts) == 1 and -6 <= shifts.pop() <= 6


@given(score=scores(), semitones=st.integers(-24, 24))
def test_transposing_moves_pitches_alone_and_leaves_drums(score: Score, semitones: int) -> None:
    moved = Transform(transpose=semitones).apply(score)
    assert sorted(zip(moved.notes["onset"], moved.notes["end"], strict=True)) == sorted(
        zip(score.notes["onset"], score.notes["end"], strict=True)
    )
    drums = score.notes["drum"]
    assert sorted(moved.notes["pitch"][moved.notes["drum"]]) == sorted(score.notes["pitch"][drums])
    wanted = sorted((score.notes["pitch"][~drums].astype(int) + semitones) % 12)
    assert sorted(moved.notes["pitch"][~moved.notes["drum"]].astype(int) % 12) == wanted


def test_programs_and_loudness_are_set() -> None:
    band = Score.build([(0, 10, 60, 40, 5, False), (0, 10, 36, 80, 0, True)], 480)
    done = Transform(program=11, velocity=90).apply(band)
    assert [(bool(n["drum"]), int(n["program"]), int(n["velocity"])) for n in done.notes] == [
        (False, 11, 60),
        (True, 0, 120),
    ]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"transpose": 25}, "--transpose 25: must be -24 to 24"),
        ({"key": "H"}, "--key H: must be a key such as C"),
        ({"key": "C", "transpose": 1}, "--key and --transpose"),
        ({"program": 128}, "--program 128: must be 0 to 127"),
        ({"velocity": 0}, "--velocity 0: must be 1 to 127"),
    ],
)
def test_transforms_out_of_range_name_the_flag(asked: dict, message: str) -> None:
    with pytest.raises(UgenError, match=message):
        Transform(**asked)


# records


def test_a_song_is_made_again_byte_for_byte(row_file: Path, tmp_path: Path) -> None:
    options = [
        "--bars",
        6,
        "--key",
        "Dm",
        "--velocity",
        70,
        "--tempo",
        100,
        "--min-p",
        0.02,
        "--top-p",
        0.9,
        "--repetition-penalty",
        1.2,
        "--primer",
        BUNDLED[0],
        "--primer-seconds",
        5,
        "--keep-primer",
    ]
    done = ugen_run(row_file, "-o", tmp_path / "a.mid", *options)
    assert done.returncode == 0, done.stderr
    again = ugen_run(row_file, "-o", tmp_path / "b.mid", "--replay", tmp_path / "a.mid")
    assert again.returncode == 0, again.stderr
    assert digest(tmp_path / "a.mid") == digest(tmp_path / "b.mid")
    ugen_run(row_file, "-o", tmp_path / "c.mid", *options)
    assert digest(tmp_path / "c.mid") != digest(tmp_path / "a.mid"), "the seed is random"
    record = read_record(tmp_path / "a.mid", digest(row_file), load(row_file).card)
    assert record.transform == Transform(velocity=70) and record.settings.key == "Dm"


def test_a_request_makes_what_generate_makes(small_corpus: Corpus, model_file: Path) -> None:
    model = load(model_file)
    settings = SongSettings(seed=5, seconds=8.0, sampling=Sampling())
    song = Request("", settings).make(model)
    assert song.tokens.tolist() == generate(model, settings).tokens.tolist()


# the command


def test_one_song_goes_to_several_files_that_other_programs_open(
    model_file: Path, tmp_path: Path
) -> None:
    names = ["s.mid", "s.png", "s.csv", "s.txt"]
    outputs = [word for name in names for word in ("-o", tmp_path / "deep" / name)]
    done = ugen_run(model_file, *outputs, "--seconds", 20, "--seed", 3, "--exact")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "deep"
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    read = pretty_midi.PrettyMIDI(str(folder / "s.mid"))
    assert 10 < read.get_end_time() <= 20.01
    with Image.open(folder / "s.png") as picture:
        assert picture.width > 100
    needs_program("csvmidi")
    back = subprocess.run(
        ["csvmidi", folder / "s.csv", tmp_path / "back.mid"], check=True, timeout=20
    )
    assert back.returncode == 0
    assert same_notes(read_midi(tmp_path / "back.mid"), read_midi(folder / "s.mid"))
    assert set((folder / "s.txt").read_text().split()) <= {str(n) for n in range(129)}


@pytest.mark.parametrize("kind", ["wav", "mp3"])
def test_a_song_sounds_as_long_as_it_was_asked_for(
    model_file: Path, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / f"s.{kind}"
    done = ugen_run(model_file, "-o", file, "--seconds", 10, "--seed", 3, "--exact")
    assert done.returncode == 0 and "TimGM6mb.sf2 (Tim Brechbill, GPL-2)" in done.stdout, (
        done.stderr
    )
    needs_program("sox")
    asked = subprocess.run(
        ["sox", file, "-n", "stat"], check=True, capture_output=True, text=True, timeout=30
    ).stderr
    figures = {
        line.partition(":")[0].strip(): line.rpartition(":")[2].strip()
        for line in asked.splitlines()
    }
    assert 10 <= float(figures["Length (seconds)"]) <= 12.2
    assert float(figures["RMS     amplitude"]) > 0.01
    without = ugen_run(model_file, "-o", file, "--seconds", 10, without="torch onnx midirenderer")
    assert without.returncode == 2 and "pip install 'ugen-music[audio]'" in without.stderr


def test_auto_takes_the_processor_but_for_half_precision_where_there_is_a_card() -> None:
    cards = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
    int8, half = (
        Card(BEATS, 1, 1, precision, Sampling(), {}, "") for precision in ("int8", "fp16")
    )
    assert choose_provider("auto", int8, cards) == "cpu"
    assert choose_provider("auto", half, cards) == "tensorrt"
    assert choose_provider("auto", half, cards[2:]) == "cpu"
    assert choose_provider("cuda", int8, cards) == "cuda"


def test_many_songs_are_those_of_their_seeds(model_file: Path, tmp_path: Path) -> None:
    done = ugen_run(
        model_file,
        "-o",
        tmp_path / "{seed}.mid",
        "--count",
        3,
        "--seed",
        7,
        "--seconds",
        5,
        "--json",
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["seed"] for line in lines] == [7, 8, 9]
    names = ["7.mid", "8.mid", "9.mid", "all.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    alone = ugen_run(
        model_file,
        "-o",
        tmp_path / "alone.mid",
        "--seed",
        8,
        "--seconds",
        5,
        "--threads",
        2,
        "--quiet",
    )
    assert alone.stdout == alone.stderr == ""
    assert digest(tmp_path / "alone.mid") == digest(tmp_path / "8.mid")


def test_quiet_leaves_the_json_that_was_asked_for(model_file: Path, tmp_path: Path) -> None:
    """--json did nothing beside --quiet."""
    done = ugen_run(
        model_file, "-o", tmp_path / "a.mid", "--seconds", 2, "--seed", 1, "--json", "--quiet"
    )
    assert json.loads(done.stdout)["seed"] == 1 and done.stderr == ""


def test_standard_output_gets_the_song_alone(model_file: Path, tmp_path: Path) -> None:
    done = ugen_run_bytes(model_file, "-o", "-", "--seconds", 3, "--seed", 2)
    (tmp_path / "piped.mid").write_bytes(done.stdout)
    ugen_run(model_file, "-o", tmp_path / "file.mid", "--seconds", 3, "--seed", 2)
    assert digest(tmp_path / "piped.mid") == digest(tmp_path / "file.mid")
    assert b"seed 2" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "x.mp9"], "-o x.mp9: the name must end in .mid"),
        (["-o", "x.mid", "--soundfont", "x.sf2"], "--soundfont: goes with sound files"),
        (["-o", "x.mp3", "--soundfont", "x.sf2"], "x.sf2: No such file"),
        (
            ["-o", "x.mid", "--count", "3"],
            "-o x.mid: each of 3 songs needs its own name, as in -o 'songs/{seed}.mid'",
        ),
        (["-o", "x.mid", "-o", "x.mid"], "-o x.mid: named twice"),
        (["-o", "x.mid", "--keep-primer"], "--keep-primer: goes with --primer"),
        (["-o", "x.mid", "--primer-seconds", "3"], "--primer-seconds: goes with --primer"),
        (["-o", "x.mid", "--primer", "nowhere.mid"], "nowhere.mid: No such file"),
        (
            ["-o", "x.mid", "--provider", "gpu"],
            "--provider gpu: not one of cpu, cuda, tensorrt, coreml,",
        ),
        (["-o", "x.mid", "--provider", "cuda"], "--provider cuda: this onnxruntime has cpu"),
        (["-o", "x.mid", "--bars", "0"], "--bars 0: must be 1 to"),
        (["-o", "x.mid", "--tempo", "4000"], "--tempo 4000: must be 10 to 400"),
        (["-o", "x.mid", "--replay", "nowhere.mid"], "--replay nowhere.mid: No such file"),
        (
            ["-o", "x.mid", "--replay", "y.mid", "--top-k", "3"],
            "--top-k: comes from the song with --replay",
        ),
        (
            ["-o", "x.mid", "--replay", "y.mid", "--no-guard"],
            "--no-guard: comes from the song with --replay",
        ),
        (["-o", "/proc/no/x.png", "--seconds", "2"], "/proc/no/x.png: cannot be written"),
        (["-o", "/proc/no/x.mp3", "--seconds", "2"], "/proc/no/x.mp3: cannot be written"),
        (["-o", "/proc/no/x.csv", "--seconds", "2"], "/proc/no/x.csv: cannot be written"),
    ],
)
def test_mistakes_get_one_line_and_exit_code_2(
    model_file, tmp_path, monkeypatch, arguments, message
) -> None:
    monkeypatch.chdir(tmp_path)
    done = ugen_run(model_file, *arguments)
    assert_refused(done, message)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("page", ["README.md", "docs"])
def test_all_that_a_user_is_told_to_import_is_public(page: str) -> None:
    path = Path(__file__).parents[1] / page
    texts = [each.read_text("utf-8") for each in (path.glob("*.md") if path.is_dir() else [path])]
    lines = re.findall(r"^from (ugen\.(?:data|runtime)) import (.+)$", "\n".join(texts), re.M)
    assert lines
    for name, words in lines:
        module = importlib.import_module(name)
        for word in words.split(", "):
            assert word in module.__all__ and hasattr(module, word), (name, word)


def test_the_version_is_known_without_being_looked_up_at_import() -> None:
    import ugen.runtime

    assert "__version__" not in vars(ugen.runtime)
    assert ugen.runtime.__version__ == version("ugen-music")


def test_the_card_comes_as_json(model_file: Path) -> None:
    done = ugen_run(model_file, "--info", "--json")
    card = json.loads(done.stdout)
    assert done.returncode == 0 and card["codec"]["name"] == "beats"
    assert card["precision"] == load(model_file).card.precision


# keys, ends and the best of many


def test_the_key_that_a_song_came_out_in_is_told(plain_file: Path, tmp_path: Path) -> None:
    """A song of a model that knows no keys is moved, and stays in minor or major."""
    song = ["-o", tmp_path / "a.mid", "--force", "--seconds", 8, "--seed"]
    model, seeds = load(plain_file), range(1, 200)
    made = ((seed, generate(model, seconds=8, seed=seed)) for seed in seeds)
    in_minor = next(seed for seed, each in made if key_of(each.score)[1])
    minor = ugen_run(plain_file, *song, in_minor, "--key", "D")
    assert "asked: D major; came out: D minor (a song that is moved stays" in minor.stdout
    assert key_of(read_midi(tmp_path / "a.mid")) == (2, True)
    told = ugen_run(plain_file, *song, 8, "--key", "D").stdout
    assert re.search(
        "asked: D major; came out: .* (major|minor)( \\(a song that is moved.*)?$", told.strip()
    )
    drawn = ugen_run(plain_file, *song, 8, "--json")
    assert json.loads(drawn.stdout)["key"] == key_name(key_of(read_midi(tmp_path / "a.mid")))


def test_a_song_that_is_to_be_continued_does_not_end(row_file: Path, tmp_path: Path) -> None:
    song, state = tmp_path / "a.mid", tmp_path / "a.json"
    options = ["-o", song, "--force", "--seconds", 6, "--seed", 3]
    assert ugen_run(row_file, *options).returncode == 0
    done = ugen_run(row_file, "-o", tmp_path / "b.mid", "--replay", song, "--save-state", state)
    assert done.returncode == 2 and "it came to its end" in done.stderr and not state.exists()
    assert ugen_run(row_file, *options, "--save-state", state).returncode == 0
    record = read_record(song, digest(row_file), load(row_file).card)
    assert record.settings.exact
    on = ugen_run(row_file, "-o", song, "--force", "--from-state", state, "--seconds", 6)
    assert on.returncode == 0, on.stderr


def test_the_best_of_many_are_those_nearest_to_real_music(model_file: Path, tmp_path: Path) -> None:
    options = ["--seconds", 6, "--seed", 3, "--count", 4, "--json"]
    done = ugen_run(model_file, "-o", tmp_path / "{seed}.mid", *options, "--best", 2)
    assert done.returncode == 0, done.stderr
    kept = [json.loads(line) for line in done.stdout.splitlines()]
    model = load(model_file)
    away = {
        seed: distance_to(real_music(model.card), generate(model, seconds=6, seed=seed).score)
        for seed in range(3, 7)
    }
    best = sorted(away, key=lambda seed: away[seed])[:2]
    assert [row["seed"] for row in kept] == best
    assert [row["distance"] for row in kept] == [round(away[seed], 3) for seed in best]
    names = {"best.png", *(f"{seed}.mid" for seed in best)}
    assert {path.name for path in tmp_path.iterdir()} == names
    with Image.open(tmp_path / "best.png") as picture:
        assert picture.width > 1000
    few = ugen_run(model_file, "-o", tmp_path / "a.mid", "--best", 2, "--count", 2)
    assert few.returncode == 2 and "--best 2: goes with a larger --count" in few.stderr


def test_several_songs_come_with_a_picture_of_all(row_file: Path, tmp_path: Path) -> None:
    options = ["--seconds", 6, "--seed", 3, "--count", 2]
    done = ugen_run(row_file, "-o", tmp_path / "{seed}.mid", *options)
    assert done.returncode == 0 and done.stdout.endswith(f"{tmp_path / 'all.png'}\n")
    assert {path.name for path in tmp_path.iterdir()} == {"3.mid", "4.mid", "all.png"}
    with Image.open(tmp_path / "all.png") as picture:
        assert picture.height > 250, "two rows"


def test_songs_are_ranked_by_the_files_own_music_or_by_any() -> None:
    card = Card(BEATS, 1, 1, "fp32", Sampling(), {}, "")
    assert real_music(card) == REAL and set(REAL) == set(COMPARED)
    known = {"polyphony": [2, 0.5], "in_scale": [0.9], "seconds": [1, 1], "pitch_range": "x"}
    assert real_music(replace(card, provenance={"music_measures": known})) == {
        "polyphony": (2.0, 0.5)
    }
    assert real_music(replace(card, provenance={"music_measures": [1]})) == REAL
    music = arrange(read_midi(BUNDLED[0]), "piano")
    noise = generate(Flat(), seconds=60, seed=1, guard=False).score
    assert distance_to(REAL, music) < 2 < distance_to(REAL, noise)
    assert np.isfinite(distance_to(REAL, Score.build([], 480)))


def test_what_a_model_can_be_asked_for_is_told(row_file: Path, model_file: Path) -> None:
    told = ugen_run(row_file, "--info").stdout
    assert re.search("^columns +beat, phase, back_1, ", told, re.M)
    assert re.search("^can be asked +--key any .*minor.*$", told, re.M)
    assert re.search("^ +to end near --seconds or --bars$", told, re.M)
    assert "can be asked" not in ugen_run(model_file, "--info").stdout
