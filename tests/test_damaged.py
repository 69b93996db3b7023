"""Records, states and primers that are damaged or lie: one line that names the flag and the file,
exit code 2, and nothing half accepted."""

from __future__ import annotations

import base64
import copy
import json
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
from fake_models import BEATS, Flat, Ruled
from hypothesis import given
from hypothesis import strategies as st
from support import BUNDLED, digest, ugen_run
from ugen.data import Score, UgenError, make_codec, read_midi, write_midi
from ugen.data.analysis.wishes import BY_NAME, Known
from ugen.data.codecs.columns import Column
from ugen.runtime import Card, Sampling, SongSettings, SongState, generate, load, tokens_of
from ugen.runtime.generation.request import MARK, Request, read_record
from ugen.runtime.generation.song_state import load_state, save_state
from ugen.runtime.generation.transform import Transform

MODEL = "0" * 64
SLOW = Known(
    "tempo", BY_NAME["tempo"].values, (9,) * len(BY_NAME["tempo"].values), BY_NAME["tempo"].bounds
)
KNOWN = Known("label", ("rag", "waltz", "jig"), (5, 5, 0))
NAMES = "back_1", "back_2", "key", "tempo", "chord", "next_chord"
COLUMNS = (*(each for each in BEATS.columns if each.name in NAMES), Column("label", 4))
CARD = Card(BEATS, 2, 8, "fp32", Sampling(), {}, "", columns=COLUMNS, wishes=(KNOWN, SLOW))
WRONG: list[Any] = [True, 7, 1.5, "x", [], [[]], {}, {"a": 1}]


def state(**changes: Any) -> SongState:
    """A state of the card's model."""
    values = {
        "seed": 3,
        "position": 100,
        "sampling": Sampling(repetition_penalty=1.5),
        "tempo": 90.0,
        "asked": {"key": "Dm", "label": "rag:0.7,waltz"},
        "guided": ("key", "label"),
        "guidance": 2.0,
        "instruments": None,
        "drums": True,
        "chords": "Dm | Gm A7",
        "chord_bar": 1,
        "passed": 5,
        "returns": (0, 3, 2, 1),
        "lead": 2,
        "recent_onsets": (BEATS.events.index("pitch:60"),),
        "tokens": np.array([BEATS.events.index("bar")], np.uint16),
        "h": np.zeros(16, np.float32),
        "c": np.zeros(16, np.float32),
    }
    return SongState(**{**values, **changes})


def record_json() -> Any:
    """A record with a value in every field, or in all that can be together."""
    asked = {"exact": True, "key": "F", "cut": 1.5, "stopped_after": 9, "tempo": 80.0}
    asked["guided"] = ("key",)
    settings = SongSettings(seconds=2.0, seed=3, sampling=Sampling(), start=state(), **asked)
    request = Request(MODEL, settings, Transform(key="Dm", program=3, velocity=70))
    return json.loads(request.record().removeprefix(MARK))


def state_json(folder: Path) -> Any:
    save_state(state(), MODEL, folder / "fine.json")
    return json.loads((folder / "fine.json").read_text())


def check_record(value: Any, folder: Path) -> str:
    """What is said of a record; nothing, if it is accepted."""
    path = folder / "song.mid"
    text = MARK + (value if isinstance(value, str) else json.dumps(value))
    write_midi(Score.build([(0, 480, 60, 80, 0, False)], 480), path, texts=[text])
    return check(lambda: read_record(path, MODEL, CARD), f"--replay {path}: ")


def check_state(value: Any, folder: Path) -> str:
    path = folder / "state.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return check(lambda: load_state(path, MODEL, CARD), f"--from-state {path}: ")


def check(read: Callable[[], object], beginning: str) -> str:
    try:
        read()
    except UgenError as error:
        text = str(error)
        assert error.exit_code == 2 and text.isprintable() and text.startswith(beginning)
        assert len(text) < len(beginning) + 400
        return text.removeprefix(beginning)
    return ""


def places(value: Any, *above: str | int) -> Iterator[tuple[str | int, ...]]:
    """The way to each value in JSON, to the outermost first."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in items:
        yield *above, key
        if isinstance(each, (dict, list)):
            yield from places(each, *above, key)


def at(value: Any, place: tuple[str | int, ...]) -> Any:
    for key in place:
        value = value[key]
    return value


def fits(there: Any, other: Any) -> bool:
    """Whether a value is of a type that may stand in the place of another one."""
    if other == {} and isinstance(there, dict) and "label" in there:
        return True  # nothing is asked for
    if there is None:
        return isinstance(other, (int, float, str))
    if isinstance(there, float) and type(other) is int:
        return True
    return type(there) is type(other) and not (isinstance(there, dict) or other == [[]])


BOTH = pytest.mark.parametrize("kind", ["record", "state"])


def example(kind: str, folder: Path) -> tuple[Any, Callable[[Any, Path], str]]:
    fine = record_json() if kind == "record" else state_json(folder)
    checked = check_record if kind == "record" else check_state
    assert checked(fine, folder) == ""
    return fine, checked


@BOTH
def test_a_field_of_a_wrong_type_is_refused_by_name(kind: str, tmp_path: Path) -> None:
    """Each in turn, at every depth. Some ended in tracebacks, or were accepted: true for a seed."""
    fine, checked = example(kind, tmp_path)
    tried = 0
    for place in places(fine):
        for wrong in WRONG:
            if not fits(at(fine, place), wrong):
                damaged = copy.deepcopy(fine)
                at(damaged, place[:-1])[place[-1]] = wrong
                text = checked(damaged, tmp_path)
                assert text, (place, wrong)
                assert str([each for each in place if isinstance(each, str)][-1]) in text
                tried += 1
    assert tried > 100


@BOTH
def test_missing_and_unknown_fields_are_refused_by_name(kind: str, tmp_path: Path) -> None:
    fine, checked = example(kind, tmp_path)
    named = [
        each for each in places(fine) if isinstance(each[-1], str) and each[-2:-1] != ("asked",)
    ]
    for place in named:
        damaged = copy.deepcopy(fine)
        at(damaged, place[:-1])[f"{place[-1]}2"] = 1
        assert f"{place[-1]}2 is unknown" in checked(damaged, tmp_path)
    named = [
        each for each in places(fine) if isinstance(each[-1], str) and each[-2:-1] != ("asked",)
    ]
    for place in named:
        damaged = copy.deepcopy(fine)
        del at(damaged, place[:-1])[place[-1]]
        assert f"{place[-1]} is missing" in checked(damaged, tmp_path)


def packed(values: np.ndarray) -> str:
    return base64.b64encode(zlib.compress(values.tobytes())).decode()


LIES = {
    "seed": [-1, 1 << 64],
    "position": [-1, 2**60],
    "tempo": [0, 1e9],
    "asked": [
        {"key": "H"},
        {"key": "Hm"},
        {"key": ""},
        {"label": "polka"},
        {"label": "jig"},  # of which there is no piece
        {"label": "rag:0,waltz"},
        {"label": "rag:nan"},
        {"label": "rag:1e9"},
        {"label": "x" * 100_000},
        {"meter": "3/4"},  # the model has no such column
        {"tempo": "90"},
        {"tempo": "slow"},
        {"left": "1"},
        {"né\n": "x"},
        {"x" * 1000: "x"},
    ],
    "guided": [["H"], ["left"], ["key", "key"]],
    "guidance": [0.9, -3, 11],
    "instruments": ["H", "", "piano", "128", "x" * 100_000],  # this model knows one piano
    "drums": [False],
    "chords": ["H", "", "|", "Am |" * 501, "x" * 100_000, "A\x1b", "C" + "b55" * 40 + "x"],
    "chord_bar": [-2, 1 << 60],
    "passed": [-1, 1 << 60],
    "lead": [-1, 10**9],
    "returns": [[], [0, 3, 2], [0, 3, 2, -1]],
    "recent_onsets": [[60] * 33, [-1], [70_000]],
    "sampling": [{"temperature": 99}],
    "tokens": [packed(np.full(9, 9999, "<u2")), packed(np.zeros(1 << 18, "<u2")), "AAAA", "é"],
    "h": [
        packed(np.zeros(15, "<f4")),
        packed(np.zeros(1 << 27, "u1")),
        packed(np.full(16, np.nan, "<f4")),
        packed(np.full(16, 1e38, "<f4")),
        packed(np.zeros(16, "<f4"))[:-8],
    ],
    "c": [packed(np.full(16, np.inf, "<f4")), packed(np.zeros(17, "<f4"))],
}


@BOTH
@pytest.mark.parametrize("name", LIES)
def test_a_state_that_cannot_be_is_refused(kind: str, name: str, tmp_path: Path) -> None:
    fine, checked = example(kind, tmp_path)
    inside = fine["state"] if kind == "state" else fine["request"]["settings"]["start"]
    for lie in LIES[name]:
        inside[name] = lie
        text = checked(fine, tmp_path)
        assert name in text, (lie, text)


def test_a_request_that_cannot_be_is_refused(tmp_path: Path) -> None:
    for name, lie, said in (
        ("seconds", 1e9, "--seconds"),
        ("seconds", -1, "--seconds"),
        ("cut", 0.0, "cut 0"),
        ("stopped_after", -1, "stopped_after -1"),
        ("key", "H", "--key H"),
        ("bars", 4, "--seconds and --bars"),
        ("primer", "AAAAAAAA", "--primer: not with --from-state"),
        ("keep_primer", True, "--keep-primer: goes with --primer"),
        ("tempo", 9, "--tempo 9"),
        ("guided", ["H"], "guided"),
        ("guidance", 0.5, "--guidance 0.5"),
    ):
        damaged = record_json()
        damaged["request"]["settings"][name] = lie
        assert said in check_record(damaged, tmp_path)
    damaged = record_json()
    damaged["request"]["settings"].update(seconds=None, cut=None, stopped_after=None)
    assert "longer than a day" in check_record(damaged, tmp_path)
    damaged = record_json()
    damaged["request"]["transform"]["key"] = "H"
    assert "--key H" in check_record(damaged, tmp_path)


@BOTH
def test_of_another_model_file_it_is_refused(kind: str, tmp_path: Path) -> None:
    fine, checked = example(kind, tmp_path)
    (fine if kind == "state" else fine["request"])["model"] = "1" * 64
    assert "another model file" in checked(fine, tmp_path)


@BOTH
@pytest.mark.parametrize("text", ["", "{", "[1]", "[" * 100_000, "NaN", '{"a": 1e999}', "9" * 5000])
def test_text_that_is_no_object_is_refused(kind: str, text: str, tmp_path: Path) -> None:
    assert (check_record if kind == "record" else check_state)(text, tmp_path)


@given(
    numbers=st.lists(st.integers(0, 65535), max_size=40), name=st.sampled_from(["beats", "khot"])
)
def test_any_tokens_in_a_state_are_refused_or_continued(numbers: list[int], name: str) -> None:
    codec = make_codec(name)
    if codec.input == "token":
        numbers = [number % (codec.vocabulary + 1) for number in numbers]
    model = Ruled(codec, lambda step, calls: np.zeros(codec.vocabulary))
    one = np.zeros(1, np.float32)
    plain = {"lead": 0, "tempo": None, "recent_onsets": (), "sampling": Sampling(), "asked": {}}
    plain |= {"guided": (), "chords": None, "returns": (0, 0)}
    start = state(tokens=np.array(numbers, np.uint16), h=one, c=one, **plain)
    try:
        generate(model, seconds=1, seed=3, start=start, guard=False)
    except UgenError as error:
        assert "tokens" in str(error) or numbers[-1] == codec.end


def test_the_command_says_it_in_one_line(model_file: Path, tmp_path: Path) -> None:
    model = load(model_file)
    assert model.sha256 == digest(model_file)
    song = tmp_path / "song.mid"
    done = ugen_run(
        model_file, "-o", song, "--seconds", 2, "--seed", 1, "--save-state", tmp_path / "s.json"
    )
    assert done.returncode == 0 and read_record(song, model.sha256, model.card).settings.seed == 1
    value = json.loads((tmp_path / "s.json").read_text())
    value["state"]["h"] = value["state"]["tokens"]
    (tmp_path / "bad.json").write_text(json.dumps(value))
    (text,) = [each.text for each in mido.MidiFile(song).tracks[0] if each.type == "text"]
    write_midi(Score.build([], 480), tmp_path / "bad.mid", texts=[text.replace("seed", "seat")])
    (tmp_path / "noise.mid").write_bytes(os.urandom(500))
    (tmp_path / "cut.mid").write_bytes(BUNDLED[0].read_bytes()[:40])
    for flag, name in (
        ("--from-state", "bad.json"),
        ("--from-state", "none.json"),
        ("--replay", "bad.mid"),
        ("--replay", "noise.mid"),
        ("--replay", "none.mid"),
        ("--primer", "noise.mid"),
        ("--primer", "cut.mid"),
        ("--primer", "none.mid"),
    ):
        done = ugen_run(model_file, "-o", tmp_path / "x.mid", flag, tmp_path / name)
        assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
        assert done.stderr.startswith("ugen-run: ")
        assert name in done.stderr or f"{flag}: no notes" in done.stderr
    write_midi(
        Score.build([(0, 9, 60, 80, 0, False)], 480), tmp_path / "other.mid", texts=["hello"]
    )
    done = ugen_run(model_file, "-o", tmp_path / "x.mid", "--replay", tmp_path / "other.mid")
    assert done.returncode == 2 and "does not say how it was made" in done.stderr
    assert not (tmp_path / "x.mid").exists()


@given(data=st.data())
def test_no_damaged_primer_is_a_traceback(data: st.DataObject) -> None:
    whole = bytearray(BUNDLED[3].read_bytes()[:3000])
    for _ in range(data.draw(st.integers(1, 9))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert len(tokens_of(Flat(), read_midi(bytes(whole), "primer.mid"))) > 0
    except UgenError as error:
        assert str(error).isprintable()
