"""The model that a new run begins with: the one asked for, or the one that comes with ugen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec

from ugen.data.corpus.corpus import Corpus
from ugen.data.pretrained import NAMES, model_path
from ugen.train.config import ModelConfig
from ugen.train.run_folder.initial_weights import InitialModel, fits, open_model
from ugen.train.run_folder.originality import known_fraction
from ugen.train.run_folder.run_config import NOTABLE

from .request import Request

Say = Callable[[str], None]

# training tokens: docs/pretrained.md has what fine-tuning gains on less
SMALL = 1_000_000


def bundled_model(request: Request, corpus: Corpus, say: Say) -> InitialModel | None:
    """The model that comes with ugen for the corpus' arrangement, where the corpus is small and
    new to it, and nothing is asked for that it has not."""
    tokens = sum(row.tokens for row in corpus.pieces("train"))
    path = model_path(NAMES[corpus.arrangement])
    if request.asks_for_a_shape or tokens > SMALL or not path.is_file():
        return None
    if find_spec("onnx") is None:
        say("starts from scratch: to start from the model that comes with ugen needs onnx")
        return None
    model = open_model(path)
    if not fits(model, corpus.codec):
        return None
    splits = "train", _held_out(corpus)
    known = max(_known(model, corpus, split) or 0 for split in splits)
    if known > NOTABLE:
        say(
            f"starts from scratch: the {corpus.arrangement} model that comes with ugen learned "
            f"from {known:.0%} of this music"
        )
        return None
    say(
        f"starts from the {corpus.arrangement} model that comes with ugen ({path.name}); "
        "--from-scratch to begin anew"
    )
    return model


def adapted(
    model: InitialModel, wanted: ModelConfig, request: Request, corpus: Corpus, say: Say
) -> InitialModel:
    """A first model with the columns and the dropout of the run, and what it knows of the held-out
    music."""
    known = _known(model, corpus, _held_out(corpus))
    before, after = model.config.columns, wanted.columns
    if request.options.columns is None and after:  # what it has beside the usual ones stays
        # but for labels, which each music names anew
        others = (each for each in before if each.name != "label")
        kept = {each.name: each for each in (*others, *after)}
        after = tuple(kept[each.name] for each in corpus.codec.columns if each.name in kept)
    new = [each.name for each in after if each not in before]
    gone = [each.name for each in before if each not in after]
    for names, what in ((new, "are new to it, and begin at zero"), (gone, "are left out")):
        if names:
            say(f"{model.about.name}: the columns {', '.join(names)} {what}")
    # labels are named anew by each music
    model = model.with_columns([each for each in after if each.name != "label"])
    model = model.with_columns(after)
    dropout = request.model.get("dropout", model.config.dropout)
    return replace(
        model,
        config=replace(model.config, dropout=dropout),
        about=replace(model.about, known=known),
    )


def _held_out(corpus: Corpus) -> str:
    """The split that a run is evaluated on."""
    return "valid" if corpus.pieces("valid") else "test"


def _known(model: InitialModel, corpus: Corpus, split: str) -> float | None:
    """The fraction of a split's pieces that a model learned from; None where its file cannot
    tell."""
    table = model.table
    return None if table is None else known_fraction(corpus, corpus.pieces(split), table)
