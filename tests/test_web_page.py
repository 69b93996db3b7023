"""Pages for browsers as Python writes them, from a small page that stands in for the built one:
whole, the same every time, and refused in one line. tests/test_web.py opens real ones."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest
from support import ugen_data
from ugen.data import Score, UgenError, read_midi
from ugen.data.pretrained import PRETRAINED
from ugen.data.render.convert import Options, write_score
from ugen.export.web import instruments_of, write_model
from ugen.runtime import load
from ugen.runtime.cli import outputs

ROOT = Path(__file__).parent.parent
PLAIN = ROOT / "runtime/web/src/core/inference/plain.json"
EXAMPLES = ROOT / "runtime" / "web" / "examples"
SITE = {
    "index.html": '<html><meta name="ugen-assets" content="">main.js</html>',
    "main.js": "main",
    "worker.js": "worker",
    "licences.txt": "licences",
    "sw.js": 'const FILES = {"main.js":"1"};\nthe rest\n',
}
FAMILIES = [0, 33, 128]


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page as `npm run build` leaves it, but small."""
    folder = tmp_path / "page"
    for name, text in SITE.items():
        (folder / "site").mkdir(parents=True, exist_ok=True)
        (folder / "site" / name).write_text(text)
    (folder / "site" / "ort.wasm.gz").write_bytes(gzip.compress(b"wasm"))
    shutil.copy(PLAIN, folder)
    (folder / "sounds").mkdir()
    for number in range(129):
        (folder / "sounds" / f"{number:03}.sf3").write_bytes(f"<{number}>".encode())
    (folder / "sounds" / "families.json").write_text(json.dumps(FAMILIES))
    for name in ("single", "song"):
        (folder / f"{name}.html").write_text(f"<html>{name}<!-- ugen:assets --></html>")
    module = ModuleType("ugen_web")
    module.PAGE = folder  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ugen_web", module)
    return folder


def assets(page: bytes) -> dict[str, bytes]:
    """What a page of one file has inside."""
    found = re.findall(
        rb'<script type="application/gzip;base64" id="asset:([^"]+)">([^<]+)</script>', page
    )
    return {name.decode(): gzip.decompress(base64.b64decode(text)) for name, text in found}


def write(output: Path, single_file: bool = False, given: tuple[str, ...] = ()) -> str:
    lines: list[str] = []
    write_model(PRETRAINED, output, single_file, given, lines.append)
    return "\n".join(lines)


def test_a_site_has_the_page_the_model_and_its_instruments(page: Path, tmp_path: Path) -> None:
    said = write(tmp_path / "site")
    site = tmp_path / "site"
    assert {path.name for path in site.iterdir()} == {*SITE, "model.onnx", "sounds.sf3"}
    assert (site / "model.onnx").read_bytes() == PRETRAINED.read_bytes()
    assert (site / "sounds.sf3").read_bytes() == b"<0>", "a piano needs no more"
    assert 'name="ugen-assets" content="model.onnx"' in (site / "index.html").read_text()
    assert "MB of files" in said and str(site) in said


def test_a_site_is_kept_for_offline_use_as_it_is_now(page: Path, tmp_path: Path) -> None:
    write(tmp_path / "site")
    first, rest = (tmp_path / "site" / "sw.js").read_text().split("\n", 1)
    kept = json.loads(first.removeprefix("const FILES = ").removesuffix(";"))
    files = [path for path in (tmp_path / "site").iterdir() if path.name != "sw.js"]
    assert rest == "the rest\n" and kept == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:8] for path in files
    }


def test_one_file_holds_all_and_is_the_same_every_time(page: Path, tmp_path: Path) -> None:
    for name in ("a.html", "b.html"):
        write(tmp_path / name, single_file=True)
    data = (tmp_path / "a.html").read_bytes()
    assert data == (tmp_path / "b.html").read_bytes() and data.startswith(b"<html>single<script")
    assert assets(data) == {
        "worker.js": b"worker",
        "licences.txt": b"licences",
        "sounds.sf3": b"<0>",
        "model.onnx": PRETRAINED.read_bytes(),
    }


@pytest.mark.parametrize(
    "plain",
    [
        {"precisions": ["fp32"], "unknown": []},
        {"precisions": ["int8"], "unknown": ["other", "head"]},
    ],
)
def test_onnxruntime_comes_with_models_that_need_it(
    page: Path, tmp_path: Path, plain: dict[str, list[str]]
) -> None:
    (page / "plain.json").write_text(json.dumps(plain))
    write(tmp_path / "site")
    assert gzip.decompress((tmp_path / "site" / "ort.wasm.gz").read_bytes()) == b"wasm"
    write(tmp_path / "page.html", single_file=True)
    assert assets((tmp_path / "page.html").read_bytes())["ort.wasm"] == b"wasm"


def test_a_song_brings_its_midi_file_and_the_instruments_in_it(page: Path, tmp_path: Path) -> None:
    score = Score.build([(0, 480, 60, 80, 40, False), (0, 480, 36, 80, 0, True)], 480)
    write_score(score, tmp_path / "a song.html", Options(), texts=["its record"])
    write_score(score, tmp_path / "song.mid", Options(), texts=["its record"])
    inside = assets((tmp_path / "a song.html").read_bytes())
    song = json.loads(inside["song.json"])
    assert song["name"] == "a song" and song["seconds"] == 0.5
    assert song["notes"] == [[0, 0.5, 60, 80, 40, 0], [0, 0.5, 36, 80, 0, 1]]
    assert song["tempos"] == [[0, 500_000]] and song["meters"] == [[0, 4, 4]]
    assert base64.b64decode(song["midi"]) == (tmp_path / "song.mid").read_bytes()
    assert inside["sounds.sf3"] == b"<40><128>" and "model.onnx" not in inside


def test_convert_writes_pages_too(tmp_path: Path) -> None:
    """Where there is no page: it says in one line what brings it."""
    score = Score.build([(0, 480, 60, 80, 0, False)], 480)
    write_score(score, tmp_path / "song.mid", Options())
    assert read_midi((tmp_path / "song.mid").read_bytes()).notes.size == 1
    done = ugen_data("convert", tmp_path / "song.mid", tmp_path / "song.html", without="ugen_web")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "pip install 'ugen-music[web]'" in done.stderr
    assert not (tmp_path / "song.html").exists()


def test_bands_bring_the_instruments_that_their_music_often_has() -> None:
    assert instruments_of(load(PRETRAINED).card) == (0,)
    band = instruments_of(load(PRETRAINED.with_name("pretrained-band.onnx")).card)
    assert band is not None and 128 in band and 30 in band and 10 < len(band) < 60


def test_a_missing_page_is_refused_before_a_song_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ugen_web", None)
    with pytest.raises(UgenError, match=r"ugen_web, which .*pip install 'ugen-music\[web\]'"):
        outputs.check([Path("song.html")], 1)


def test_a_page_that_was_not_built_is_told(page: Path, tmp_path: Path) -> None:
    (page / "single.html").unlink()
    with pytest.raises(UgenError, match="the page is not built; in ugen's source: make web"):
        write(tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_the_docs_show_the_examples_that_the_suite_runs() -> None:
    page = (ROOT / "docs" / "web.md").read_text("utf-8")
    embed, song = ((EXAMPLES / name).read_text("utf-8") for name in ("embed.html", "song.mjs"))
    assert embed in page and song.split("*/\n")[1] in page


@pytest.mark.parametrize(
    ("name", "single_file", "given", "refused"),
    [
        ("music.html", False, (), "-o .*music.html: goes with --single-file"),
        ("music", True, (), r"-o .*music: names a file that ends in \.html"),
        ("page", False, (), "-o .*page: exists already"),
        ("new", False, ("max_loss",), "--max-loss: goes with a run; .* is a model already"),
    ],
)
def test_what_goes_with_no_page_is_refused(
    page: Path, tmp_path: Path, name: str, single_file: bool, given: tuple[str, ...], refused: str
) -> None:
    with pytest.raises(UgenError, match=refused):
        write(tmp_path / name, single_file, given)
    assert not (tmp_path / name).exists() or name == "page"


def test_a_page_of_another_version_is_told_and_leaves_nothing(page: Path, tmp_path: Path) -> None:
    (page / "site" / "index.html").write_text("<html></html>")
    with pytest.raises(UgenError, match="ugen_web is of another version"):
        write(tmp_path / "site")
    assert not (tmp_path / "site").exists() and not list(tmp_path.glob(".*"))
