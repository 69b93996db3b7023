"""The corpus of a run: the one given, or one made from a folder."""

from __future__ import annotations

import shutil
from typing import Any

from ugen.data import UgenError
from ugen.data.cli.prepare import prepare_folder
from ugen.data.corpus.corpus import Corpus, is_corpus
from ugen.data.corpus.prepare import Settings
from ugen.data.files import read_json
from ugen.train.distributed import World
from ugen.train.run_folder.checkpoint import require_free

from .request import Request, flag_of


def check_music(given: dict[str, Any], corpus: Corpus) -> None:
    """Raise UgenError for an option of preparing that says something else than the prepared
    corpus."""
    settings = read_json(corpus.path / "corpus.json")
    have = {**settings, **settings["codec"]["options"], "codec": corpus.codec.name}
    for name, value in given.items():
        if value != have.get(name) and (name, value) != ("codec", "auto"):
            own = f"{name} {have[name]}" if name in have else f"codec {corpus.codec.name}"
            reason = f"the corpus {corpus.path} is prepared already, with {own}"
            raise UgenError(reason, flag=flag_of(name), value=value)
    if not (corpus.pieces("valid") or corpus.pieces("test")):
        reason = "holds out no pieces to evaluate with; prepare it with --valid 0.1"
        raise UgenError(reason, path=corpus.path)


def prepared(request: Request, settings: Settings, world: World) -> Corpus:
    """A corpus made from a folder, inside the run's folder; the first process makes it for all."""
    inside = request.output / "corpus"
    if world.rank == 0:
        require_free(request.output)
        if is_corpus(inside):  # left by a run that never began
            shutil.rmtree(inside)
        prepare_folder(request.source, inside, settings)
    world.wait()
    return Corpus.open(inside)
