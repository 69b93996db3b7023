"""The page for browsers, built and opened in Chromium, and the npm package in Node.

`make web` builds it. Where Node, Chromium or the built page is missing, these tests are skipped; in
CI they fail.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import needs_program, ugen_run
from ugen.data import Score, read_midi
from ugen.data.midi.reader import read_tracks
from ugen.data.render.convert import Options, write_score
from ugen.runtime import kept_music, load

pytest.importorskip("torch")  # absent where other Pythons are tried, and so may be the page
ROOT = Path(__file__).parent.parent
WEB = ROOT / "runtime" / "web"
PAGE = WEB / "python" / "ugen_web" / "page"
CHECKS = WEB / "tests" / "browser" / "checks.mjs"
SEED = "--seed", "7"
SONG = "--seconds", "15", *SEED
SECOND_BAR = "--rewrite", "--from-bar", "2", "--to-bar", "2"


@pytest.fixture(scope="module", autouse=True)
def _built() -> None:
    for program in ("node", "npm", "chromium"):
        needs_program(program)
    if not (PAGE / "single.html").exists() or not (WEB / "node_modules").exists():
        refuse = pytest.fail if os.environ.get("CI") else pytest.skip
        refuse("the page is not built: make web")


def node(*words: object, cwd: Path = WEB) -> str:
    done = subprocess.run(
        ["node", *map(str, words)], cwd=cwd, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(row_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's pages, and what ugen-run makes of its model."""
    from ugen.export.export import export
    from ugen.export.settings import ExportSettings
    from ugen.export.web import write_model

    folder = tmp_path_factory.mktemp("pages")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(PAGE.parents[1]))
        patch.setenv(
            "PYTHONPATH", os.pathsep.join([str(PAGE.parents[1]), os.environ.get("PYTHONPATH", "")])
        )
        # in float32, whose logits differ too little between processors to change a song
        export(row_run, folder / "site", ExportSettings("web", precision="fp32"), steps=20)
        model = folder / "site" / "model.onnx"
        write_model(model, folder / "single.html", True, (), lambda line: None)
        _songs(model, folder)
    shutil.copy(WEB / "examples" / "embed.html", folder)
    return folder


def _scale() -> Score:
    """Two hands, a flute and drums, for sixteen seconds."""
    notes = []
    for n in range(64):
        notes.append((n * 120, n * 120 + 90, 60 + n * 5 % 17, 40 + n, 0, False))
        if n % 4 == 0:
            notes.append((n * 120, n * 120 + 460, 40 + n % 12, 90, 0, False))
            notes.append((n * 120, n * 120 + 60, 36 + n // 4 % 3 * 2, 100, 0, True))
        if n % 8 == 4:
            notes.append((n * 120, n * 120 + 700, 76 + n % 7, 70, 73, False))
    return Score.build(notes, 240)


def _songs(model: Path, folder: Path) -> None:
    write_score(_scale(), folder / "roll.html", Options())
    plain, primer = folder / "plain.mid", folder / "primer.mid"
    for words in (
        ("-o", plain, "-o", folder / "song.html", "-o", folder / "song-7.musicxml", *SONG),
        ("-o", primer, "--seconds", "6", "--exact", "--seed", "3"),
        ("-o", folder / "primed.mid", *SONG, "--primer", primer),
        ("-o", folder / "kept.mid", *SEED, "--with", primer, "--keep", "melody"),
        ("-o", folder / "rewritten.mid", *SEED, "--with", primer, *SECOND_BAR),
    ):
        done = ugen_run(model, *words)
        assert done.returncode == 0, done.stderr
    melody = kept_music(load(model), read_tracks(primer), "melody").score
    assert {*melody.notes.tolist()} <= {*read_midi(folder / "kept.mid").notes.tolist()}
    score = read_midi(plain)
    onsets = score.seconds_at(score.notes["onset"])
    notes = [
        {"pitch": int(pitch), "onset": float(onset)}
        for pitch, onset in zip(score.notes["pitch"], onsets, strict=True)
    ]
    (folder / "notes.json").write_text(json.dumps(notes))


def test_in_chromium(folder: Path) -> None:
    """All checks in one browser: one test, for several would start it in several processes."""
    found = [*map(json.loads, node("tests/browser/checks.mjs", folder).splitlines())]
    assert [each for each in found if not each["ok"]] == []
    assert len(found) == len(re.findall(r'^  async "', CHECKS.read_text("utf-8"), re.M)) > 12


def test_in_firefox(folder: Path) -> None:
    """In Firefox as it comes. Debian's is called firefox-esr."""
    program = shutil.which("firefox") or "firefox-esr"
    needs_program(program)
    lines = node("--experimental-websocket", "tests/browser/firefox.mjs", folder, program)
    found = [*map(json.loads, lines.splitlines())]
    assert [each["ok"] for each in found] == [True, True], found


def test_the_package_makes_the_song_in_node(folder: Path, tmp_path: Path) -> None:
    """The example of docs/web.md, with what `npm pack` would hold."""
    installed = tmp_path / "node_modules" / "ugen-web"
    shutil.copytree(WEB / "npm", installed / "npm", ignore=shutil.ignore_patterns("site"))
    shutil.copy(WEB / "package.json", installed)
    for name in ("onnxruntime-web", "onnxruntime-common"):
        (tmp_path / "node_modules" / name).symlink_to(WEB / "node_modules" / name)
    shutil.copy(WEB / "examples" / "song.mjs", tmp_path)
    said = node("song.mjs", folder / "site" / "model.onnx", "song.mid", cwd=tmp_path)
    assert said.startswith("2 x 40 cells, fp32")
    assert (tmp_path / "song.mid").read_bytes() == (folder / "plain.mid").read_bytes()


def test_typescript_is_sound_and_its_tests_pass() -> None:
    node("node_modules/typescript/bin/tsc", "--noEmit")
    node("node_modules/vitest/vitest.mjs", "run", "--reporter=dot")


def test_the_built_page_is_that_of_its_sources(tmp_path: Path) -> None:
    """A build is the same, byte for byte, wherever it is made."""
    before = {path: path.read_bytes() for path in PAGE.rglob("*") if path.is_file()}
    node("scripts/build.mjs", tmp_path / "page", tmp_path / "npm")
    again = {
        PAGE / path.relative_to(tmp_path / "page"): path.read_bytes()
        for path in (tmp_path / "page").rglob("*")
        if path.is_file()
    }
    assert again.keys() == before.keys()
    assert [path for path in before if again[path] != before[path]] == []


def test_the_wheel_of_the_page_holds_it(tmp_path: Path) -> None:
    pytest.importorskip("build")
    shutil.copytree(WEB / "python", tmp_path / "python")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", tmp_path]
    subprocess.run([*command, tmp_path / "python"], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = subprocess.run(
        [sys.executable, "-m", "zipfile", "-l", wheel], capture_output=True, text=True, check=True
    ).stdout
    held = set(re.findall(r"^ugen_web/page/(\S+)", names, re.M))
    assert held == {str(p.relative_to(PAGE)) for p in PAGE.rglob("*") if p.is_file()}
