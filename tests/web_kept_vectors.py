"""Golden vectors of songs in which music stays (web_vectors.py): its files, and what is asked."""

from __future__ import annotations

import base64
import tempfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from ugen.data import Score, UgenError
from ugen.data.midi.writer import midi_bytes
from ugen.data.score import NOTE
from ugen.runtime import Model
from ugen.runtime.cli.flags import Keeping
from ugen.runtime.cli.keeping import read_kept
from ugen.runtime.generation.wishes.kept import Kept


def tune() -> bytes:
    """Eight bars for two hands, of which no onset is on the grid."""
    right = [(480 * n + 7, 480 * n + 300, 72 + n % 5, 83, 0, False) for n in range(32)]
    left = [(960 * n + 3, 960 * n + 900, 40 + n * 5 % 12, 51, 0, False) for n in range(16)]
    notes = np.array(right + left, NOTE)
    score = Score.build(notes, 480, [(0, 618_557)])
    return midi_bytes(score, left=score.notes["pitch"] < 60)


def band_tune() -> bytes:
    """Ten bars of flute, strings, bass and drums: of 3/4 and 4/4, one of them cut short, with two
    tempos, and chords that are held."""
    flute = [(640 * n, 640 * n + 500, 79 - n % 6, 90 + n, 73, False) for n in range(24)]
    bass = [(960 * n + 5, 960 * n + 930, 36 + n * 7 % 12, 70, 33, False) for n in range(16)]
    chords = [
        (1920 * n, 1920 * n + 2500, 60 + n + k, 60, 48, False) for n in range(8) for k in (0, 4, 7)
    ]
    drums = [(320 * n, 320 * n + 60, 42 if n % 2 else 36, 99, 0, True) for n in range(48)]
    meters = [(0, 3, 4), (4320, 4, 4), (9000, 4, 4)]
    return midi_bytes(
        Score.build(flute + bass + chords + drums, 480, [(0, 500_000), (5000, 400_000)], meters)
    )


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def kept_cases() -> list[tuple[str, dict[str, Any]]]:
    """Songs of which a part stands already, and what cannot be kept."""
    beats, band = "beats, columns", "beats-band, columns"
    piano, players = {"with": _text(tune())}, {"with": _text(band_tune())}
    lone = {
        "with": _text(midi_bytes(Score.build([(5, 500, 60, 70, 0, False)], 480, (), [(0, 4, 32)])))
    }
    fine = {"with": _text(midi_bytes(Score.build([(7000, 9000, 60, 70, 0, False)], 9601)))}
    return [
        *((beats, {"seed": 40 + n, **piano, "keep": keep}) for n, keep in enumerate(PARTS)),
        *((band, {"seed": 60 + n, **players, "keep": keep}) for n, keep in enumerate(BAND_PARTS)),
        (beats, {"seed": 80, **piano, "keep": "melody", "fromBar": 3, "toBar": 5}),
        (beats, {"seed": 81, **piano, "rewrite": True, "fromBar": 3, "toBar": 4}),
        (beats, {"seed": 82, **piano, "rewrite": True, "fromBar": "2, 6", "toBar": "2,8"}),
        (beats, {"seed": 83, **piano, "rewrite": True, "fromBar": 5, "keep": "left"}),
        (beats, {"seed": 84, "vary": piano["with"]}),
        (beats, {"seed": 85, "vary": piano["with"], "much": 0.6, "keep": "bass"}),
        (band, {"seed": 86, "vary": players["with"], "much": 1}),
        (band, {"seed": 87, **players, "rewrite": True, "fromBar": 3, "toBar": 6}),
        (band, {"seed": 88, **players, "keep": "drums", "wishes": {"instruments": [0, 33]}}),
        (band, {"seed": 89, **players, "keep": "melody", "wishes": {"drums": False}, "tempo": 90}),
        (beats, {"seed": 90, **players, "keep": "all", "exact": True, "wishes": {"key": "F#m"}}),
        (beats, {"seed": 91, **piano, "keep": "right", "wishes": {"chords": "Am | F"}, "bars": 8}),
        (beats, {"seed": 92, **piano, "keep": "melody", "temperature": 0}),
        (beats, {"seed": 93, **piano, "keep": "melody", "wishes": {"label": "rag,waltz"}}),
        (beats, {"seed": 94, **fine, "keep": "all"}),
        # what cannot be kept
        *((beats, {"seed": 1, **piano, **each}) for each in NOT_KEPT),
        ("beats", {"seed": 1, **piano, "keep": "melody"}),
        (beats, {"seed": 1, **lone, "keep": "all"}),
        (beats, {"seed": 1, "with": _text(b"MThd"), "keep": "all"}),
        (beats, {"seed": 1, "with": _text(midi_bytes(Score.build([], 480))), "keep": "all"}),
        (beats, {"seed": 1, **players, "keep": "drums"}),
        (beats, {"seed": 1, "vary": piano["with"], "rewrite": True}),
        *((beats, {"seed": 1, **each}) for each in ({"keep": "all"}, {"much": 0.3}, {"toBar": 2})),
    ]


PARTS = "melody", "bass", "left", "right", "all", "1", "2,melody", " Left Hand ", "piano"
BAND_PARTS = "drums", "melody", "bass, drums", "flute", "string", "4", "all", "left,right", "33"
NOT_KEPT: tuple[dict[str, Any], ...] = (
    {},
    {"keep": "nose"},
    {"keep": ""},
    {"keep": "drums"},
    {"keep": "melody", "fromBar": 9},
    {"keep": "melody", "fromBar": "3,x"},
    {"keep": "melody", "fromBar": "3,4", "toBar": 4},
    {"keep": "melody", "toBar": 4},
    {"keep": "melody", "rewrite": True},
    {"keep": "melody", "seconds": 9},
    {"keep": "melody", "bars": 9},
    {"keep": "melody", "wishes": {"meter": "3/4"}},
    {"keep": "melody", "much": 0.5},
)


def kept_of(model: Model, given: dict[str, Any]) -> Kept | None:
    """What `ugen-run` would keep of a file. Takes its options out of those that are given."""
    names = {field.name for field in fields(Keeping)} | {"with"}
    options = {name: given.pop(name) for name in list(given) if name in names}
    flags = {name: f"--{name.replace('_', '-')}" for name in options}
    kinds = (("from_bar", str), ("to_bar", str), ("much", float))
    options |= {name: kind(options[name]) for name, kind in kinds if name in options}
    with tempfile.NamedTemporaryFile() as file:
        for name in ("with", "vary"):
            if name in options:
                file.write(base64.b64decode(options.pop(name)))
                options["music" if name == "with" else name] = Path(file.name)
        file.flush()
        try:
            return read_kept(model, Keeping(**options), flags, lambda warning: None)
        except UgenError as error:
            raise UgenError(str(error).replace(f" {file.name}", "")) from None
