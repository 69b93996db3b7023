"""The house: imports keep to the arrows between packages and to the order of their rooms."""

from __future__ import annotations

import ast
import graphlib
import importlib
import pkgutil
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
# what each package may import of ugen, and which packages may import each heavy library
ARROWS = {
    "data": {"data"},
    "runtime": {"runtime", "data"},
    "train": {"train", "data"},
    "export": {"export", "train", "runtime", "data"},
}
HEAVY = {
    "torch": {"train", "export"},
    "onnx": {"train", "export"},
    "safetensors": {"train"},
    "onnxruntime": {"runtime", "export"},
    "pandas": {"data", "train"},
    "matplotlib": {"data", "train"},
}
# the rooms of each package from the ground up: none imports one that stands above it
ROOMS = {
    "data": (
        "errors text locks files folders pretrained settings json_values optional_imports"
        " processors",
        "score tempo_map arrangement html_page",
        "midi",
        "codecs",
        "analysis",
        "corpus",
        "render",
        "cli",
    ),
    "runtime": (
        "sampling",
        "model_file",
        "inference",
        "generation",
        "playback",
        "scoring",
        "cli __main__",
    ),
    "train": (
        "config presets device model forward conditions batches distributed progress",
        "evaluation",
        "run_folder",
        "learning",
        "reporting",
        "run_setup",
        "cli __main__",
    ),
}


class Import(NamedTuple):
    """An import statement: the dotted name of each thing it loads, and where it stands."""

    importer: str
    names: tuple[str, ...]
    place: str


def imports_of(root: Path) -> list[Import]:
    """All imports of the packages under `root`, relative ones of any number of dots resolved."""
    found = []
    for path in sorted(path for package in ARROWS for path in (root / package).rglob("*.py")):
        parts = ["ugen", *path.relative_to(root).with_suffix("").parts]
        inside = parts[:-1]  # the package that relative imports start from
        importer = ".".join(inside if path.name == "__init__.py" else parts)
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = inside[: len(inside) - node.level + 1] if node.level else []
                module = ".".join([*base, *([node.module] if node.module else [])])
                names = [f"{module}.{alias.name}" for alias in node.names]
            else:
                continue
            found.append(Import(importer, tuple(names), f"{path}:{node.lineno}"))
    return found


def wrong_imports(root: Path) -> list[str]:
    """Imports that break the arrows of the packages or the order of their rooms."""
    return [
        f"{place}: {importer} imports {name}"
        for importer, names, place in imports_of(root)
        for name in names
        if not _is_allowed(importer, name)
    ]


def _is_allowed(importer: str, name: str) -> bool:
    package, room = [*importer.split("."), ""][1:3]
    top, other, target = [*name.split("."), "", ""][:3]
    if top != "ugen":
        return package in HEAVY.get(top, {package})
    if other != package:
        return other in ARROWS[package]
    return not room or _floor(package, target) <= _floor(package, room)


def _floor(package: str, room: str) -> int:
    """The place of a room, from the ground up. What a package's door hands on counts as ground."""
    floors = ROOMS.get(package, ())
    return next((n for n, rooms in enumerate(floors) if room in rooms.split()), -1)


def test_imports_keep_to_the_arrows_and_the_order_of_rooms() -> None:
    assert wrong_imports(ROOT) == []


def test_every_module_stands_in_a_room() -> None:
    for package, floors in ROOMS.items():
        found = {path.stem for path in (ROOT / package).glob("*.py")} - {"__init__"}
        found |= {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}
        assert sorted(found) == sorted(" ".join(floors).split()), package


@pytest.mark.parametrize(
    ("module", "statement"),
    [
        ("data/midi/reader.py", "from ugen.data.codecs.base import Codec"),
        ("data/midi/reader.py", "from ..codecs import base"),
        ("data/midi/reader.py", "from ...runtime import load"),
        ("data/score.py", "from .midi.reader import read_midi"),
        ("runtime/model_file/check.py", "import ugen.runtime.inference.model"),
        ("runtime/sampling/rng.py", "def late():\n    from ..generation import song"),
        ("runtime/playback/midi_port.py", "import torch"),
        ("train/model.py", "from .learning.trainer import Trainer"),
        ("train/config.py", "from ugen.runtime import load"),
    ],
)
def test_a_planted_import_is_found(tmp_path: Path, module: str, statement: str) -> None:
    (tmp_path / module).parent.mkdir(parents=True)
    (tmp_path / module).write_text(statement + "\n")
    assert len(wrong_imports(tmp_path)) == 1


def circle_of(root: Path) -> list[str]:
    """The modules of a circle of imports; empty when there is none."""
    found = imports_of(root)
    modules = {each.importer for each in found}
    graph: dict[str, set[str]] = {}
    for importer, names, _ in found:
        # `from package import name` loads the module `package.name`, or takes a name of `package`
        loaded = {name if name in modules else name.rpartition(".")[0] for name in names}
        doors = {f"ugen.{package}" for package in ARROWS}  # they import all: no circle of ours
        graph.setdefault(importer, set()).update((loaded & modules) - {importer} - doors)
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def test_no_modules_import_each_other_in_a_circle(tmp_path: Path) -> None:
    assert circle_of(ROOT) == []
    for name, other in (("score", "tempo_map"), ("tempo_map", "errors"), ("errors", "score")):
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / f"{name}.py").write_text(f"from .{other} import x\n")
    assert set(circle_of(tmp_path)) == {f"ugen.data.{n}" for n in ("score", "tempo_map", "errors")}


@pytest.mark.parametrize("package", ["ugen.data", "ugen.runtime"])
def test_no_module_is_shadowed_by_a_name_that_its_package_hands_on(package: str) -> None:
    door = importlib.import_module(package)
    assert all(hasattr(door, name) for name in door.__all__)
    modules = {info.name for info in pkgutil.iter_modules(door.__path__)}
    assert not modules & set(door.__all__)
