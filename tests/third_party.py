"""`make third-party`: THIRD_PARTY.md, the licences of what each extra installs, from its metadata.

python tests/third_party.py > THIRD_PARTY.md    in an environment with `.[dev]`
"""

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import tomllib
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
NAME = "ugen-music"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = {
    "": "The light install",
    "plot": "plot",
    "train": "train",
    "export": "export",
    "tensorboard": "tensorboard",
    "audio": "audio",
    "play": "play",
    "docs": "docs, only to build these pages",
}
HEAD = """# Third-party software and data

Written by `make third-party`. None of the packages below is part of ugen: pip installs them. A
package stands under the first extra that needs it.
"""
# what metadata do not say
TAIL = """## Inside packages

- `pretty_midi` holds the SoundFont `TimGM6mb.sf2` by Tim Brechbill, GPL-2. ugen plays sound with
  it unless `--soundfont` names another; the MP3 in `docs/showcase` is played by it.
- `midirenderer` is built on RustySynth, MIT. `soundfile` holds libsndfile, LGPL-2.1.
- `ugen-music-web`, of the extra `web`, holds the packages named above, the sounds of
  FluidR3Mono, MIT, and stb_vorbis, MIT, which unpacks them.
- `rtmidi2`'s wheel for Linux holds the libraries of ALSA and JACK, LGPL-2.1, and what they need.

## Inside ugen

- `data/music/freedoom`: music of Freedoom, BSD-3-Clause; `LICENSE` and `CREDITS` lie beside it.
- `data/music/piano`: piano pieces in the public domain; `PROVENANCE.json` names the typesetters.
- `runtime/pretrained.onnx`, `runtime/pretrained-band.onnx`: Apache-2.0, as ugen is. Whose music
  they learned from, and under which licences, is in `runtime/pretrained.credits.txt` and
  `runtime/pretrained-band.credits.txt`, and in the files (`ugen-run --info`).
"""


def needed(extra: str) -> dict[str, Distribution]:
    """The distributions that an extra brings, in turn, by name; those that are not installed here
    (of other systems) are left out."""
    found: dict[str, Distribution] = {}
    waiting, seen = [(NAME, extra)], set()
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        if name == NAME:
            lines = PROJECT["optional-dependencies"].get(extra, PROJECT["dependencies"])
        else:
            try:
                found[name] = distribution(name)
            except PackageNotFoundError:
                continue
            lines = found[name].requires or ()
        for each in map(Requirement, lines):
            if each.marker is None or each.marker.evaluate({"extra": extra}):
                waiting += [(_normal(each.name), wanted) for wanted in each.extras or ("",)]
    return {dist.metadata["Name"]: dist for dist in found.values()}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def licence(dist: Distribution) -> str:
    """Its licence in a few words: the expression, a classifier, or the first line of its field."""
    metadata = dist.metadata
    if metadata["License-Expression"]:
        return str(metadata["License-Expression"])
    classes = [
        each.rpartition(" :: ")[2]
        for each in metadata.get_all("Classifier") or ()
        if each.startswith("License :: ") and not each.endswith("OSI Approved")
    ]
    stated = str(metadata["License"] or "").strip().splitlines()
    return ", ".join(classes) or (stated[0] if stated else "see its files")


def address(dist: Distribution) -> str:
    """Where its source is, as far as it says."""
    urls = dict(each.lower().split(", ", 1) for each in dist.metadata.get_all("Project-URL") or ())
    names = "source", "source code", "repository", "github", "homepage", "home"
    found = next((urls[name] for name in names if name in urls), dist.metadata["Home-page"])
    return f"<{found}>" if found else ""


def page() -> str:
    """THIRD_PARTY.md."""
    lines, known = [HEAD], set()
    for extra, title in EXTRAS.items():
        rows = {name: dist for name, dist in needed(extra).items() if name not in known}
        known |= rows.keys()
        lines += [f"## {title}\n", "| package | licence | source |", "|---|---|---|"]
        for name, dist in sorted(rows.items(), key=lambda item: item[0].lower()):
            lines.append(f"| {name} | {licence(dist)} | {address(dist)} |")
        lines.append("")
    return "\n".join([*lines, *_browser(), TAIL])


def _browser() -> list[str]:
    """What the page for browsers is built of."""
    folder = ROOT / "runtime" / "web"
    if not (folder / "package-lock.json").exists():
        return []
    locked = json.loads((folder / "package-lock.json").read_text())["packages"]
    names = [
        name.removeprefix("node_modules/")
        for name, each in locked.items()
        if name and not each.get("dev")
    ]
    rows = [f"| {name} | {locked[f'node_modules/{name}'].get('license', '')} |" for name in names]
    return ["## The page for browsers\n", "| package | licence |", "|---|---|", *rows, ""]


if __name__ == "__main__":
    sys.stdout.write(page())
