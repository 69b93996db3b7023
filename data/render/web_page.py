"""Pages that play music in a browser: the files that the extra `web` brings, filled with a model or
a song.

A page fetches nothing but its own parts, and works where it lies: on any host, or, as one file,
opened from disk.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from base64 import b64encode
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from ugen.data.errors import UgenError
from ugen.data.midi.general_midi import DRUMS
from ugen.data.optional_imports import require
from ugen.data.score import Score

_ASSETS = "<!-- ugen:assets -->"  # where a page of one file has what it plays
_WASM = "ort.wasm.gz"  # onnxruntime
_NAMES = '<meta name="ugen-assets" content="">'  # how a site says what it has


class Plain(NamedTuple):
    """The models that a page computes without onnxruntime: by their precisions, and by beginnings
    of names of weights that they do not have."""

    precisions: tuple[str, ...]
    unknown: tuple[str, ...]


def plain_models() -> Plain:
    """Raises UgenError when the extra `web` is not installed."""
    found = json.loads((_page() / "plain.json").read_text("utf-8"))
    return Plain(tuple(found["precisions"]), tuple(found["unknown"]))


def write_site(
    folder: Path, model: bytes, instruments: Iterable[int] | None, is_plain: bool
) -> None:
    """Put a page that plays a model into a folder. `instruments`: those that the model plays, None
    where that isn't known. `is_plain`: it needs no onnxruntime. Raises UgenError when the extra
    `web` is not installed."""
    page = _page()
    left_out = shutil.ignore_patterns(_WASM) if is_plain else None
    shutil.copytree(page / "site", folder, dirs_exist_ok=True, ignore=left_out)
    (folder / "model.onnx").write_bytes(model)
    (folder / "sounds.sf3").write_bytes(_sounds(page, instruments))
    index = (folder / "index.html").read_text("utf-8")
    _write(folder / "index.html", _put(index, _NAMES, _NAMES.replace('""', '"model.onnx"')))
    worker = folder / "sw.js"
    _, rest = worker.read_text("utf-8").split("\n", 1)
    _write(worker, f"const FILES = {json.dumps(_digests(folder))};\n{rest}")


def model_page(model: bytes, instruments: Iterable[int] | None, is_plain: bool) -> bytes:
    """The page that plays a model, as one file. Otherwise as `write_site`."""
    page = _page()
    wasm = {} if is_plain else {"ort.wasm": gzip.decompress((page / "site" / _WASM).read_bytes())}
    return _one_file(page, "single.html", {**wasm, "model.onnx": model}, instruments)


def song_page(score: Score, midi: bytes, name: str) -> bytes:
    """The page that plays one song, as one file. `midi`: the song as it is to be downloaded.
    Raises UgenError when the extra `web` is not installed."""
    notes = score.notes
    instruments = {int(each) for each in notes["program"][~notes["drum"]]}
    instruments |= {DRUMS} if notes["drum"].any() else set()
    song = {"name": name, **_events(score), "midi": b64encode(midi).decode()}
    assets = {"song.json": json.dumps(song, ensure_ascii=False).encode(errors="replace")}
    return _one_file(_page(), "song.html", assets, instruments or {0})


def _events(score: Score) -> dict[str, Any]:
    """A score as runtime/web/src/page/finished_song.ts reads it: times in seconds."""
    notes, tempos, meters = score.notes, score.tempos, score.meters

    def seconds(ticks: NDArray[np.int64]) -> list[float]:
        return [round(float(each), 6) for each in score.seconds_at(ticks)]

    onsets, ends = seconds(notes["onset"]), seconds(notes["end"])
    sounds = notes[["pitch", "velocity", "program", "drum"]].tolist()
    return {
        "seconds": max(ends, default=0),
        "tempos": [*zip(seconds(tempos["tick"]), tempos["usec"].tolist(), strict=True)],
        "meters": [
            (second, *meter)
            for second, meter in zip(
                seconds(meters["tick"]), meters[["numerator", "denominator"]].tolist(), strict=True
            )
        ],
        "notes": [
            (onset, end, *map(int, sound))
            for onset, end, sound in zip(onsets, ends, sounds, strict=True)
        ],
    }


def check() -> None:
    """Raise UgenError when the extra `web` is not installed, or its page not built."""
    _page()


def _page() -> Path:
    require("ugen_web", "web")
    from ugen_web import PAGE

    if not (PAGE / "single.html").exists():
        raise UgenError("the page is not built; in ugen's source: make web")
    return Path(PAGE)


def _one_file(
    page: Path, template: str, assets: Mapping[str, bytes], instruments: Iterable[int] | None
) -> bytes:
    """A page with all that it needs inside."""
    site = page / "site"
    shared = {name: (site / name).read_bytes() for name in ("worker.js", "licences.txt")}
    parts = {**shared, "sounds.sf3": _sounds(page, instruments), **assets}
    inside = "\n".join(_inside(name, data) for name, data in parts.items())
    return _put((page / template).read_text("utf-8"), _ASSETS, inside).encode()


def _inside(name: str, data: bytes) -> str:
    """Bytes as an element of a page, which its script unpacks."""
    packed = b64encode(gzip.compress(data, 9, mtime=0)).decode()
    return f'<script type="application/gzip;base64" id="asset:{name}">{packed}</script>'


def _sounds(page: Path, instruments: Iterable[int] | None) -> bytes:
    """The SoundFonts of instruments one after another; where they aren't known, one of each
    family."""
    folder = page / "sounds"
    known = sorted(set(instruments)) if instruments else []
    numbers = known or json.loads((folder / "families.json").read_text("utf-8"))
    return b"".join((folder / f"{number:03}.sf3").read_bytes() for number in numbers)


def _digests(folder: Path) -> dict[str, str]:
    """The files of a site by name, with the beginning of the hash of each."""
    files = sorted(path for path in folder.iterdir() if path.name != "sw.js")
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:8] for path in files}


def _put(text: str, mark: str, with_: str) -> str:
    if text.count(mark) != 1:
        raise UgenError("ugen_web is of another version: pip install --upgrade 'ugen-music[web]'")
    return text.replace(mark, with_)


def _write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8", newline="\n")
