"""The house: the wheel holds the whole tree, the light install is light, imports keep to the
arrows, docs are true."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import typer
from support import in_process
from ugen.data.cli.main import MUSIC

if sys.version_info < (3, 11):
    import tomli as tomllib
else:
    import tomllib

ROOT = Path(__file__).parent.parent
PACKAGES = ("data", "runtime", "train", "export")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES_INSTALLED = PROJECT["tool"]["setuptools"]["packages"]


def tracked(folder: str) -> set[str]:
    """Files of a package as git knows them."""
    listing = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", folder], capture_output=True, text=True, check=True
    )
    return {name for name in listing.stdout.split("\0") if name}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel built from what git tracks."""
    pytest.importorskip("build")  # an environment without the tools for work has none
    folder = tmp_path_factory.mktemp("wheel")
    archive = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, check=True
    ).stdout
    for name in filter(None, archive.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "tree" / name).write_bytes((ROOT / name).read_bytes())
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "-o",
        folder,
        folder / "tree",
    ]
    subprocess.run(command, check=True, capture_output=True)
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_the_wheel_holds_every_file_of_the_tree_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    expected = {
        f"ugen/{name}" for package in PACKAGES for name in tracked(package) if "/web/" not in name
    }
    found = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert found == expected


def test_the_wheel_carries_the_licences_of_its_music(wheel: zipfile.ZipFile) -> None:
    licences = {name.split("/licenses/")[1] for name in wheel.namelist() if "/licenses/" in name}
    assert {
        "LICENSE",
        "data/music/freedoom/LICENSE",
        "data/music/freedoom/CREDITS",
        "data/music/piano/LICENSE",
    } <= licences
    assert len(list(MUSIC.rglob("*.mid"))) == 104, "and the installed package has the music"


def test_the_light_install_is_light() -> None:
    names = {
        re.split(r"[><=]", requirement)[0] for requirement in PROJECT["project"]["dependencies"]
    }
    assert names == {"numpy", "mido", "onnxruntime", "rich", "typer"}


@pytest.mark.parametrize(
    "module", ["ugen.data", "ugen.runtime", "ugen.runtime.cli.run", "ugen.data.cli.main"]
)
def test_light_modules_import_with_torch_and_onnx_absent(module: str) -> None:
    code = f"import sys; sys.modules['torch'] = sys.modules['onnx'] = None; import {module}"
    subprocess.run([sys.executable, "-c", code], check=True)


ENTRY_POINTS = {  # light, so that Ctrl-C while the rest is imported is told in a line
    "ugen-data": "ugen.data.cli:ugen_data",
    "train-ugen": "ugen.train.__main__:train_ugen",
    "export-ugen": "ugen.export.__main__:export_ugen",
    "ugen-run": "ugen.runtime.cli:ugen_run",
    "ugen-score": "ugen.runtime.cli:ugen_score",
}
COMMANDS = {
    "ugen-data": "ugen.data.cli.main",
    "train-ugen": "ugen.train.cli",
    "export-ugen": "ugen.export.cli",
    "ugen-run": "ugen.runtime.cli.run",
    "ugen-score": "ugen.runtime.cli.score",
}


@pytest.mark.parametrize(("command", "module"), COMMANDS.items())
def test_every_command_helps_with_an_example(command: str, module: str) -> None:
    code = f"import sys; sys.modules['torch'] = None; from {module} import main; main()"
    texts = []
    for words in (
        [["--help"]] if command != "ugen-data" else [["prepare", "--help"], ["convert", "--help"]]
    ):
        done = subprocess.run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
        )
        texts.append(done.stdout)
    assert all("Example: " in text for text in texts)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_version_and_short_help(command: str) -> None:
    for flag, words in (("--version", b"ugen 0."), ("-h", f"Usage: {command}".encode())):
        done = in_process(command, flag)
        assert done.returncode == 0 and words in done.stdout


def test_the_hashes_are_of_the_versions_that_the_constraints_name() -> None:
    """`make pins` writes them anew."""

    def versions(path: Path) -> dict[str, str]:
        found = re.findall(r"^([\w.-]+)==([^\s;]+)", path.read_text("utf-8"), re.M)
        return {re.sub("[_.]", "-", name.lower()): version for name, version in found}

    constraints = versions(ROOT / "constraints.txt")
    for path in (ROOT / ".ci").glob("pins-*.txt"):
        pins = versions(path)
        assert pins.keys() == constraints.keys() - {"torch"} and pins.items() <= constraints.items()
        lines = path.read_text("utf-8").splitlines()[1:]
        assert all(re.search(r" --hash=sha256:[0-9a-f]{64}$", line) for line in lines)


def test_scripts_and_commands_agree() -> None:
    assert PROJECT["project"]["scripts"] == ENTRY_POINTS
    assert ENTRY_POINTS.keys() == COMMANDS.keys()


def test_the_annotated_tree_names_every_room_and_only_those() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    tree = re.search(r"## The tree\n.*?```text\n(.*?)```", page, re.S)
    assert tree, "CONTRIBUTING has an annotated tree"
    lines = [line for line in tree.group(1).splitlines() if line.strip()]
    named, package, continued = set(), "", 0
    for line in lines:
        name = re.match(r"( *)([a-z0-9_]+(?:/|\.py)(?: [a-z0-9_]+\.py)*)  ", line)
        continued = 0 if name else continued + 1
        assert continued < 2, f"more than two lines: {line}"
        if name and not name.group(1):
            package = name.group(2)
        elif name:
            named |= {f"{package}{each}" for each in name.group(2).split()}
    files = {name for package in PACKAGES for name in tracked(package)}
    rooms = {"/".join(name.split("/")[:2]) + "/" * (name.count("/") > 1) for name in files}
    rooms = {room for room in rooms if re.search(r"/$|(?<!/__init__)\.py$", room)}
    assert named == rooms


def test_every_package_is_installed() -> None:
    files = {name for p in PACKAGES for name in tracked(p) if "/web/" not in name}
    folders = {str(Path(name).parent) for name in files}
    packages = {each.removeprefix("ugen.").replace(".", "/") for each in PACKAGES_INSTALLED}
    assert packages == {folder for folder in folders if (ROOT / folder / "__init__.py").exists()}


def flags_of(module: str) -> set[str]:
    """All options of a command and its subcommands."""
    root = typer.main.get_command(importlib.import_module(module).app)
    commands = [root, *getattr(root, "commands", {}).values()]
    return {"--help"} | {
        flag
        for command in commands
        for parameter in command.params
        for flag in (*parameter.opts, *parameter.secondary_opts)
    }
