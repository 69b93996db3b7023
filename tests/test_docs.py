"""README and docs/: every block runs or says why not, flags and links exist, the site builds."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from doc_blocks import OUTPUT, PAGES, ROOT, RUN, SHOWN, SONG, blocks
from support import BUNDLED
from test_package import COMMANDS, ENTRY_POINTS, PROJECT, flags_of
from ugen.data import read_midi
from ugen.data.pretrained import PRETRAINED

pytest.importorskip("torch")

# What the shown commands take besides, so that a page takes seconds: three seconds of training, of
# the model that comes with ugen or a tiny one, and one precision, proved on a little music. A file
# that is there is written again: a reader would be asked.
HASTE = {"train-ugen": "--epochs 0.1 --minutes 0.05 --threads 1 --sample-minutes 0"}
SHIM = """#!/bin/bash
for ((i = 1; i < $#; i++)); do
  target=$((i + 1))
  if [ "${{!i}}" = -o ] && [ -f "${{!target}}" ]; then rm "${{!target}}"; fi
done
extra=({extra})
{choose}
code='{before}; from {module} import {function} as f; import sys; sys.argv[0] = "{name}"; f()'
exec {python} -c "$code" "$@" "${{extra[@]}}"
"""
CHOOSE = {
    "train-ugen": """case " $* " in
  *--list-presets*|*--help*) extra=() ;;
  *--preset*|*--init-from*|*--resume*) ;;
  *band*|*--from-scratch*) extra+=(--hidden 16 --embedding 16) ;;
  *) extra+=(--init-from pretrained) ;;
esac""",
    "export-ugen": """case " $* " in
  *--format*) ;;
  *--precision*) extra+=(--max-loss 9) ;;
  *) extra+=(--precision int8 --max-loss 9) ;;
esac""",
}
BEFORE = {
    "export-ugen": "from functools import partial; import ugen.export.export as module; "
    "module.export = partial(module.export, steps=200)"
}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the commands of ugen, in haste."""
    folder = tmp_path_factory.mktemp("bin")
    for name, entry in ENTRY_POINTS.items():
        module, function = entry.split(":")
        words = {"module": module, "function": function, "name": name, "python": sys.executable}
        words["choose"], words["before"] = CHOOSE.get(name, ""), BEFORE.get(name, "pass")
        text = SHIM.format(**words, extra=HASTE.get(name, ""))
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    (folder / "python").symlink_to(sys.executable)
    return folder


@pytest.fixture
def workplace(
    small_folder: Path, row_run: Path, tmp_path: Path, programs: Path, monkeypatch
) -> Path:
    """A folder as a reader has it who comes from other pages: music, a model, a run, a song."""
    place = tmp_path / "reader"
    (place / "my-midi-files").mkdir(parents=True)
    for path in sorted(small_folder.iterdir())[::2]:
        shutil.copy(path, place / "my-midi-files")
    shutil.copytree(row_run, place / "runs" / "mine")
    shutil.copy(PRETRAINED, place / "model.onnx")
    for name in ("mine.mid", "song.mid", "my-song.mid"):
        shutil.copy(BUNDLED[0], place / name)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("MPLBACKEND", "agg")
    return place


def test_every_block_says_its_language_and_why_it_is_not_run() -> None:
    found = [block for page in PAGES for block in blocks(page)]
    assert len(found) > 40
    assert [block.place for block in found if block.language not in RUN | SHOWN] == []


@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(block.is_run_here for block in blocks(page))]
)
def test_every_block_runs(page: str, workplace: Path) -> None:
    """In order, in one folder. What a page makes itself is not there before."""
    shown = [block for block in blocks(page) if block.is_run_here or block.note == OUTPUT]
    for made in re.findall(r"(?<= -o )[\w./-]+", "\n".join(block.text for block in shown)):
        path = workplace / made
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    if "cp -r " in shown[0].text:
        shutil.rmtree(workplace / "my-midi-files")
    printed = ""
    for block in shown:
        if block.note == OUTPUT:
            assert printed == block.text, block.place
            continue
        words = ["bash", "-euo", "pipefail"] if block.language == "bash" else [sys.executable]
        done = subprocess.run(
            [*words, "-c", block.text], cwd=workplace, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{block.place}: {done.stdout}{done.stderr}"
        printed = done.stdout
        if block.language == "python" and ".save(" in block.text:
            assert len(read_midi(workplace / "song.mid").notes) > 5


@pytest.mark.parametrize("page", PAGES)
def test_every_flag_exists(page: str) -> None:
    known = {name: flags_of(module) for name, module in COMMANDS.items()}
    for block in blocks(page):
        text = block.text.replace("\\\n", " ")
        for command, words in re.findall(rf"({'|'.join(COMMANDS)}) ([^\n#|&]*)", text):
            for flag in re.findall(r"(?<= )--[a-z-]+", f" {words}"):
                assert flag in known[command], f"{block.place}: {command} {words}"


def test_links_of_readme_and_contributing_lead_somewhere() -> None:
    for page in ("README.md", "CONTRIBUTING.md"):
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", (ROOT / page).read_text("utf-8")):
            assert target.startswith("https://") or (ROOT / target).exists(), f"{page}: {target}"


def test_the_song_that_readme_shows_is_the_one_that_its_command_makes(tmp_path: Path) -> None:
    """`make showcase` makes it again, after a change of the model."""
    (words,) = re.findall(r"^ugen-run (-o song.mid .*--seed .*)$", readme := _readme(), re.M)[:1]
    module, function = ENTRY_POINTS["ugen-run"].split(":")
    code = f"from {module} import {function}; {function}()"
    subprocess.run([sys.executable, "-c", code, *words.split()], cwd=tmp_path, check=True)
    assert "(docs/showcase/song.mid)" in readme
    assert read_midi(tmp_path / "song.mid").notes.tolist() == read_midi(SONG).notes.tolist()


def test_every_page_stands_once_in_the_sites_list() -> None:
    listed = re.findall(r"^ +- (?:.*: )?([\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M)
    assert sorted(listed) == sorted(path.name for path in (ROOT / "docs").glob("*.md"))


def _readme() -> str:
    return (ROOT / "README.md").read_text("utf-8")


def test_the_site_builds_without_broken_links_and_fetches_nothing(tmp_path: Path) -> None:
    """Warnings are errors: links and anchors that lead nowhere, names that are not documented."""
    pytest.importorskip("mkdocs")
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", tmp_path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    pages = {path.name: path.read_text("utf-8") for path in tmp_path.glob("*.html")}
    assert {"index.html", "tutorial.html", "api.html"} <= pages.keys()
    assert "sampling" in pages["api.html"], "docstrings are there"
    fetched = (
        r'<(script|img|audio|iframe)[^>]* src="(https?:)?//|stylesheet[^>]* href="(https?:)?//'
    )
    assert [name for name, text in pages.items() if re.search(fetched, text)] == []


def test_the_cells_of_the_notebook_run(
    workplace: Path, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a little music, as music.zip. `!` lines go to a shell, as IPython has it; what it displays
    is only made."""
    cells = json.loads((ROOT / "docs" / "notebook.ipynb").read_text("utf-8"))["cells"]
    assert not any(cell.get("outputs") for cell in cells), "saved without outputs"
    shutil.make_archive(str(workplace / "music"), "zip", workplace / "my-midi-files")
    for name in ("my-midi-files", "runs"):
        shutil.rmtree(workplace / name)
    (workplace / "model.onnx").unlink()
    lines = [_DISPLAY]
    for cell in cells:
        if cell["cell_type"] == "code":
            lines += [_plain(line) for line in "".join(cell["source"]).splitlines()]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], cwd=workplace, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("song-3.mid", "song-1.mp3", "song-1.png", "report.html"):
        assert (workplace / name).stat().st_size > 100


_DISPLAY = """import sys, types
sys.modules["IPython.display"] = module = types.ModuleType("display")
module.Audio = module.Image = module.display = print
"""


def _plain(line: str) -> str:
    """A line of a cell as plain Python."""
    if line.startswith("%pip"):
        return ""
    if line.startswith("!"):
        return f"import subprocess; subprocess.run(f{line[1:]!r}, shell=True, check=True)"
    return line


def test_the_third_party_page_names_every_dependency() -> None:
    text = (ROOT / "THIRD_PARTY.md").read_text("utf-8").lower()
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = [PROJECT["project"]["dependencies"], *(extras[n] for n in extras if n != "dev")]
    names = {re.split(r"[\[><=;]", each)[0].strip() for lines in wanted for each in lines}
    assert [n for n in names if not n.startswith("ugen-music") and f"| {n} |" not in text] == []


def test_versions_agree_and_docker_copies_what_is_there() -> None:
    assert f"\nversion: {PROJECT['project']['version']}\n" in (ROOT / "CITATION.cff").read_text()
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    copied = [word for line in lines if line.startswith("COPY") for word in line.split()[1:-1]]
    assert len(lines) <= 12 and all((ROOT / name).exists() for name in copied)
