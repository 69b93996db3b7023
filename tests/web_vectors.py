"""Golden vectors for runtimes in other languages: what songs come of given logits.

    python tests/web_vectors.py

writes vectors/songs.json and vectors/bundled.json in runtime/web/tests. The latter has hashes of
songs by models in int8: those that come with ugen, and a small one of three layers. The models of
the former are no networks: their logits are a hash of the rows that they are fed, so that every id
of every column decides what comes next. So a runtime that makes the same songs has the same cursor,
mask, sampler, guard, ending, decoder and writers of MIDI and MusicXML. `Hashed` says how such a
model computes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from fake_models import CODECS
from numpy.typing import NDArray
from ugen.data import Codec, UgenError, read_midi
from ugen.data.analysis.fingerprint_table import HeldOut
from ugen.data.analysis.originality import make_table
from ugen.data.analysis.wishes import BY_NAME, Known
from ugen.data.codecs.base import split_event
from ugen.data.codecs.columns import Column
from ugen.data.render.midi_file import file_bytes
from ugen.data.render.musicxml import write_musicxml
from ugen.runtime import Card, Model, Sampling, Song, SongSettings, load
from ugen.runtime.generation.primer import tokens_of
from ugen.runtime.generation.request import Request
from ugen.runtime.generation.transform import Transform
from ugen.runtime.inference.model import start_of
from web_kept_vectors import kept_cases, kept_of

RUNTIME = Path(__file__).parent.parent / "runtime"
FOLDER = RUNTIME / "web" / "tests" / "vectors"
PRIMER = Path(__file__).parent.parent / "data/music/freedoom/freedoom1_d_introa.mid"
# int8 models by their names in runtime/, and how many seeds: those that come with ugen, and one of
# three layers of 36, which are no multiple of what is multiplied at once
SONGS_OF = {"pretrained": 20, "pretrained-band": 5, "web/tests/vectors/three-layers": 3}
LABELS = ("rag", "waltz")
SHA256 = "0" * 64


class Hashed(Model):
    """A model whose logits are a hash of all that it was fed, more or less by `bias`."""

    def __init__(self, card: Card, bias: NDArray[np.float32]):
        super().__init__(card, None, sha256=SHA256)
        self.bias = bias

    def stream(self, batch: int = 1) -> Any:
        return _HashedStream(self, batch)


class _HashedStream:
    """h is a number below 2 ** 20. A step makes it 31 * h + the sum of (n + 1) * (id + 1) over the
    ids of the row, or of (n + 1) over the keys that sound. c stays 0."""

    def __init__(self, model: Hashed, batch: int):
        self.x = start_of(model.card, batch)
        self.logits = np.zeros((batch, 1, model.card.codec.vocabulary), np.float32)
        self.state = np.zeros((2, 1, batch, 1), np.float32)
        self._bias = model.bias
        self._fed = np.arange(1, self.x.shape[-1] + 1)
        self._is_frame = model.card.codec.input == "frame"

    def advance(self) -> NDArray[np.float32]:
        x = self.x.reshape(len(self.x), -1).astype(np.int64)
        fed = (self._fed * (x if self._is_frame else x + 1)).sum(axis=1)
        h = (31 * self.state[0, 0, :, 0].astype(np.int64) + fed) % (1 << 20)
        self.state[0, 0, :, 0] = h
        numbers = np.arange(len(self._bias), dtype=np.uint32)[None, :] * np.uint32(40503)
        numbers = numbers + h[:, None].astype(np.uint32) * np.uint32(2654435761)
        numbers ^= numbers >> np.uint32(15)
        numbers *= np.uint32(2246822519)
        numbers ^= numbers >> np.uint32(13)
        # from -2 up to 2, in 24 bits
        self.logits[:, 0] = (numbers >> np.uint32(8)) * 2.0**-22 - 2 + self._bias
        return self.logits


def bias_of(codec: Codec, **of_kinds: float) -> NDArray[np.float32]:
    """What makes a hash sound a little like music: usual pitches, times and lengths. `of_kinds`:
    more or less for a kind of event, by its name, or for one event."""
    found = []
    for event in codec.events:
        kind, value = split_event(event)
        if kind in ("pitch", "note_on"):
            much = -abs(value - 62) / 8
        elif kind == "drum":
            much = -abs(value - 42) / 8
        elif kind in ("shift", "duration"):
            usual = (6, 12, 24) if codec.has_bars else (10, 20, 40)
            much = 1.0 if value in usual else -6.0
        elif kind == "note_off" or event == "step":
            much = 3.0
        else:
            much = {"bar": -1.0, "velocity": -4.0, "tempo": -5.0, "meter": -3.0, "step": -3.0}.get(
                kind, 0.0
            )
        found.append(much + of_kinds.get(kind, 0) + of_kinds.get(event, 0))
    return np.array(found, np.float32)


def known_of(columns: Sequence[str]) -> tuple[Known, ...]:
    """What the training music of a model with these columns would say of each wish."""
    known = []
    for name in columns:
        if (wish := BY_NAME.get(name)) is not None:
            values = wish.values or LABELS
            bounds = wish.bounds or ((1.5, 3.0) if wish.numbers else ())
            counts = tuple(n % 4 + 1 for n in range(len(values)))
            known.append(Known(name, values, counts, bounds))
    return tuple(known)


PROVENANCE = {
    "corpus": {
        "ensembles": [[0, 32, 128], [0, 24, 33], [40, 41, 42], [128]],
        "pitch_classes": {
            "major": [90, 2, 40, 3, 60, 50, 4, 80, 3, 45, 2, 30],
            "minor": [90, 2, 40, 60, 3, 50, 4, 80, 45, 3, 30, 12],
        },
    }
}


def model_of(codec: Codec, columns: bool, copies: bool = False, **bias: float) -> Hashed:
    """A model of a codec, with all of its columns or none. `copies`: the model has learned from a
    piece that is its own song."""
    found = codec.columns if columns else ()
    known = known_of([each.name for each in found])
    sizes = {each.name: len(each.values) + 1 for each in known}
    card = Card(
        codec,
        1,
        1,
        "fp32",
        Sampling(top_p=0.95),
        PROVENANCE,
        "nobody's",
        columns=tuple(Column(each.name, sizes.get(each.name, each.size)) for each in found),
        wishes=known,
        arrangement="band" if getattr(codec, "band", False) else "piano",
    )
    model = Hashed(card, bias_of(codec, **bias))
    if copies:
        song = Request(SHA256, SongSettings(seconds=60.0, seed=1, guard=False)).make(model)
        table = make_table(["its own"], [song.score])
        model.card = replace(
            card, originality=replace(table, held_out=HeldOut(1, 9.0, 17, 0.5, 17))
        )
    return model


CHORDS = (
    "Am | F | C G | Am",
    "| Dm7b5 G7alt | % | Cmaj9/E / F#dim7 | N.C. |",
    "Bbmaj7 E♭6/9 A♭Δ7 Dø7 G7(b9) Cm-5 Csus2 Gsus D+ F°7 E9 Am9 Bm11 C#13 Fadd9",
    "C7#9 | Fmin7 Gmi Ab-7 | Cmaj7#11 Do7 | Co Faug7 C5 | Dm6 EmM7 | G7sus4 Asus2sus4",
    "B## | Fbb",
)
NO_CHORDS = "", "Am || F", "H7", "C D E F G | C", "Am | x", "%", "Cfoo | D" + "m" * 40


class Case(NamedTuple):
    """A song to make. `asked`: settings as the package `ugen-web` takes them."""

    model: str
    asked: dict[str, Any]


def _models() -> dict[str, Hashed]:
    found = {}
    for name, codec in CODECS.items():
        found[name] = model_of(codec, columns=False)
        if codec.columns:
            found[f"{name}, columns"] = model_of(codec, columns=True)
    found["beats, copies"] = model_of(CODECS["beats"], columns=True, copies=True)
    found["events, copies"] = model_of(CODECS["events"], columns=True, copies=True)
    found["frames, copies"] = model_of(CODECS["frames"], columns=True, copies=True)
    found["khot, copies"] = model_of(CODECS["khot"], columns=False, copies=True)
    found["silent"] = model_of(CODECS["beats"], columns=False, bar=30.0)
    of_two = {"pitch": -40.0, "pitch:120": 60.0, "pitch:122": 60.0}
    found["high"] = model_of(CODECS["beats"], columns=False, **of_two)
    of_one = {"pitch": -40.0, "pitch:60": 90.0, "shift:24": 0.0, "duration:24": 40.0, "bar": 8.0}
    found["one pitch"] = model_of(CODECS["beats"], columns=False, **of_one)
    chord = {**of_one, "pitch:64": 80.0, "pitch:67": 70.0}
    found["loop"] = model_of(CODECS["beats"], columns=False, **chord)
    found["stuck"] = model_of(CODECS["events"], columns=False, note_off=-40.0, piece=-40.0)
    found["ends at once"] = model_of(CODECS["beats"], columns=True, piece=30.0)
    found["never ends"] = model_of(CODECS["beats"], columns=True, piece=-30.0)
    return found


MODELS = _models()


WISHED = {"key": "F#m", "density": "dense", "polyphony": "low", "label": "waltz"}
OF_BEATS = {**WISHED, "meter": "3/4"}
BAND = {"instruments": [0, 33, 128], "drums": True}
BEATS, EVENTS, FRAMES = "beats, columns", "events, columns", "frames, columns"
PRIMED = {"primer": base64.b64encode(PRIMER.read_bytes()).decode()}
ASKED: list[tuple[str, dict[str, Any]]] = [
    (BEATS, {"bars": 8, "seed": 3}),
    (BEATS, {"bars": 1, "seed": 3}),
    (BEATS, {"bars": 12, "seed": 4, "wishes": OF_BEATS, "tempo": 90}),
    (BEATS, {"bars": 6, "seed": 5, "wishes": {"label": "rag:0.7,waltz:0.3"}, "guidance": 1}),
    (BEATS, {"seconds": 30, "seed": 6, "wishes": OF_BEATS, "guidance": 2.5}),
    (BEATS, {"seconds": 12.5, "seed": 2**64 - 1, "temperature": 0.8, "topP": 0.5}),
    (BEATS, {"seconds": 12, "seed": 8, "topK": 5, "minP": 0.05, "repetitionPenalty": 1.3}),
    (BEATS, {"seconds": 12, "seed": 8, "temperature": 0, "guard": False}),
    (BEATS, {"seconds": 12, "seed": 9, "keyStrength": 3, "wishes": {"key": "Eb"}}),
    (BEATS, {"seconds": 40, "seed": 10, "topK": 1, "guard": False}),
    (BEATS, {"bars": 200, "seed": 11}),
    (BEATS, {"seconds": 120, "seed": 8, "temperature": 0}),
    *((name, {"seconds": 90, "seed": 3}) for name in ("stuck", "high", "one pitch")),
    ("loop", {"seconds": 90, "seed": 3}),
    ("beats, copies", {"seconds": 60, "seed": 1}),
    ("beats, copies", {"seconds": 60, "seed": 1, "copyGuard": False}),
    ("events, copies", {"seconds": 60, "seed": 1}),
    ("frames, copies", {"seconds": 30, "seed": 1}),
    ("khot, copies", {"seconds": 17, "seed": 1}),
    ("beats", {"bars": 4, "seed": 12, "tempo": 200.5}),
    ("beats", {"seconds": 9, "seed": 12, "wishes": {"key": "Bb"}}),
    ("beats-band", {"bars": 8, "seed": 13, "wishes": BAND}),
    ("beats-band, columns", {"bars": 24, "seed": 14, "wishes": {"instruments": [40, 73]}}),
    ("beats-band, columns", {"seconds": 30, "seed": 15, "wishes": {"drums": False}}),
    ("beats-band, columns", {"seconds": 3, "seed": 16, "wishes": BAND}),
    ("beats-band, columns", {"bars": 40, "seed": 17, "wishes": OF_BEATS}),
    (EVENTS, {"seconds": 30, "seed": 18, "wishes": WISHED}),
    (EVENTS, {"seconds": 12, "seed": 19, "repetitionPenalty": 2, "topK": 9}),
    (EVENTS, {"seconds": 24, "seed": 20, "wishes": {"label": "rag:1,waltz:2"}}),
    (FRAMES, {"seconds": 30, "seed": 21, "wishes": WISHED, "temperature": 0.5}),
    ("frames-fold, columns", {"seconds": 30, "seed": 22, "temperature": 0.7}),
    ("khot", {"seconds": 3, "seed": 23, "temperature": 0.3, "topP": 0.9, "minP": 0.2}),
    ("khot", {"seconds": 3, "seed": 24, "topK": 3}),
    ("khot", {"seconds": 3, "seed": 24, "temperature": 0, "guard": False}),
    (BEATS, {"seconds": 12, "seed": 25, **PRIMED, "primerSeconds": 10}),
    (BEATS, {"bars": 6, "seed": 26, **PRIMED, "keepPrimer": True, "wishes": {"key": "D"}}),
    ("beats", {"bars": 6, "seed": 27, **PRIMED, "exact": True, "tempo": 100}),
    ("beats-band, columns", {"bars": 12, "seed": 28, **PRIMED, "keepPrimer": True}),
    (EVENTS, {"seconds": 9, "seed": 29, **PRIMED, "keepPrimer": True}),
    ("frames", {"seconds": 5, "seed": 30, **PRIMED, "primerSeconds": 6}),
    ("frames-fold, columns", {"seconds": 9, "seed": 31, **PRIMED, "primerSeconds": 20}),
    ("khot", {"seconds": 3, "seed": 32, **PRIMED, "primerSeconds": 3, "keepPrimer": True}),
    *(
        (BEATS, {"bars": 9, "seed": 33 + n, "wishes": {"chords": chords}})
        for n, chords in enumerate(CHORDS)
    ),
    *kept_cases(),
    # what a model cannot do
    *((BEATS, {"bars": 2, "seed": 1, "wishes": {"chords": each}}) for each in NO_CHORDS),
    ("beats", {"bars": 2, "seed": 1, "wishes": {"chords": "Am"}}),
    ("events", {"bars": 8, "seed": 1}),
    ("beats", {"seconds": 8, "seed": 1, "wishes": {"density": "dense"}}),
    ("beats", {"seconds": 8, "seed": 1, "wishes": {"instruments": [1]}}),
    (BEATS, {"seconds": 8, "seed": 1, "wishes": {"label": "polka"}}),
    ("frames", {"seconds": 8, "seed": 1, "repetitionPenalty": 2}),
]


def cases() -> list[Case]:
    """The songs."""
    found = []
    for name in MODELS:
        seconds = 4 if "khot" in name else 20
        found.append(Case(name, {"seconds": seconds, "seed": 1}))
        if "copies" not in name:
            found.append(Case(name, {"seconds": seconds, "seed": 2, "exact": True}))
    return found + [Case(*each) for each in ASKED]


_NAMES = {"label": "like"}


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def request_of(model: Hashed, asked: Mapping[str, Any]) -> Request:
    """What `ugen-run` would make of it."""
    given = {_snake(name): value for name, value in asked.items()}
    wishes = given.pop("wishes", {})
    if "instruments" in wishes:
        names = ["drums" if n == 128 else str(n) for n in wishes["instruments"]]
        wishes = {**wishes, "instruments": ", ".join(names)}
    given |= {_NAMES.get(name, name): value for name, value in wishes.items()}
    fields = Sampling.__dataclass_fields__
    sampling = {name: given.pop(name) for name in list(given) if name in fields}
    floats = ("seconds", "tempo", "guidance")
    given |= {name: float(given[name]) for name in floats if given.get(name) is not None}
    sampling = {name: n if name == "top_k" else float(n) for name, n in sampling.items()}
    if "primer" in given:
        score = read_midi(base64.b64decode(given["primer"]))
        given["primer"] = tokens_of(model, score, given.pop("primer_seconds", None))
    given["kept"] = kept_of(model, given)
    key = given.pop("key", None) if "key" not in model.card.known else None
    settings = SongSettings(sampling=replace(model.card.sampling, **sampling), **given)
    return Request(SHA256, settings, Transform(key=key))


def made(model: Hashed, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What comes of it."""
    try:
        request = request_of(model, asked)
        song = request.make(model)
    except UgenError as error:
        return {"error": str(error)}
    return {
        "record": request.record(),
        "tokens": song.tokens.tolist(),
        "seconds": song.seconds,
        "key": song.key,
        "retries": [str(retry) for retry in song.retries],
        "notes": len(song.score.notes),
        "midi": hashlib.sha256(_midi(request, song)).hexdigest(),
        "musicxml": _notation(request, song),
    }


def vectors() -> dict[str, Any]:
    """All of the file."""
    return {
        "models": {
            name: {"metadata": model.card.to_metadata(), "bias": model.bias.tolist()}
            for name, model in MODELS.items()
        },
        "songs": [
            {"model": name, "asked": asked, **made(MODELS[name], asked)} for name, asked in cases()
        ],
    }


def bundled() -> list[dict[str, Any]]:
    """What those models make of some seeds: 30 seconds."""
    found = []
    for name, seeds in SONGS_OF.items():
        model = load(RUNTIME / f"{name}.onnx")
        for seed in range(1, seeds + 1):
            settings = SongSettings(seconds=30.0, seed=seed, sampling=model.card.sampling)
            request = Request(model.sha256, settings)
            song = request.make(model)
            tokens = song.tokens.astype("<u2").tobytes()
            found.append(
                {
                    "model": name,
                    "seed": seed,
                    "tokens": hashlib.sha256(tokens).hexdigest(),
                    "midi": hashlib.sha256(_midi(request, song)).hexdigest(),
                    "musicxml": _notation(request, song),
                }
            )
    return found


def _midi(request: Request, song: Song) -> bytes:
    """The file that `ugen-run -o` writes."""
    key = request.signature(song.key)
    return file_bytes(song.score, texts=[request.record()], pad_ticks=song.pad_ticks, key=key)


def _notation(request: Request, song: Song) -> str:
    """A hash of the file that `ugen-run -o song.musicxml` writes, or why it cannot."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "song.musicxml"
        try:
            write_musicxml(song.score, path, request.signature(song.key), song.pad_ticks)
        except UgenError as error:
            return str(error)
        return hashlib.sha256(path.read_bytes()).hexdigest()


def text() -> str:
    """songs.json, a line for each model and song."""
    parts = []
    for name, part in vectors().items():
        pairs = part.items() if isinstance(part, dict) else enumerate(part)
        lines = [
            (f"{json.dumps(key)}: " if isinstance(part, dict) else "")
            + json.dumps(each, separators=(",", ":"))
            for key, each in pairs
        ]
        begin, end = "{}" if isinstance(part, dict) else "[]"
        parts.append(f'"{name}": {begin}\n' + ",\n".join(lines) + f"\n{end}")
    return "{" + ",\n".join(parts) + "}\n"


if __name__ == "__main__":
    (FOLDER / "songs.json").write_text(text(), "utf-8")
    lines = ",\n".join(json.dumps(each) for each in bundled())
    (FOLDER / "bundled.json").write_text(f"[\n{lines}\n]\n", "utf-8")
