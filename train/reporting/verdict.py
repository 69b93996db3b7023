"""What became of a run, in words. The terminal and the report's page say the same, from here."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ugen.data.text import count, printable
from ugen.train.evaluation.diagnostics import (
    COLLAPSE_HINT,
    FEWEST_MINUTES,
    MEMORIZED_GAP,
    NOTHING_LEARNED,
    collapse,
    overfitting,
)
from ugen.train.learning.trainer import LEAST_GAIN
from ugen.train.run_folder.run_config import RunConfig

# a loss that is less than this far below the best baseline's is no achievement
CLEARLY = 0.05
# a loss that fell by more than this in the last quarter of a run has not come to rest
STILL = 0.01

Row = Mapping[str, Any]  # a line of metrics.jsonl


@dataclass(frozen=True)
class Verdict:
    """`sentences`: how good the model is. `next_step`: the one thing to do now, in words; empty
    while the run goes on. `command`: that does it, if one does. `is_good`: enough to export."""

    sentences: tuple[str, ...]
    next_step: str
    command: str
    is_good: bool


def verdict(run: Path, config: RunConfig, history: Sequence[Row]) -> Verdict | None:
    """What became of a run, or how it stands; None before its first evaluation."""
    history = [row for row in history if math.isfinite(row["nats_per_token"])]
    if not history:
        return None
    best = min(history, key=lambda row: row["nats_per_token"])
    is_over = _is_over(config, history)
    better, against = _against_baselines(config, best)
    improving = _is_improving(history)
    collapsed = bool(collapse(history))
    is_good = bool(best["update"]) and better and not collapsed
    sentences = [against, *_training(history, improving, is_over), *_memorizing(history, best)]
    if not history[-1]["update"]:
        sentences = ["No update was made: the weights are those that it began with.", against]
    elif not best["update"] and is_over:
        sentences = [f"{NOTHING_LEARNED}.", against]
    next_step, command = "", ""
    if is_over:
        sentences.append("Good enough to export." if is_good else "Not good enough to export.")
        next_step, command = _next(run, config, history, is_good, improving)
    return Verdict(tuple(filter(None, sentences)), next_step, command, is_good)


def _against_baselines(config: RunConfig, best: Row) -> tuple[bool, str]:
    """Whether a model is clearly better than all that only counts, and in words by how much."""
    music = "held-out pieces, which it never trained on"
    if config.knew:
        music = "pieces that its first model had learned from, which proves little of new music"
    unit = "step" if config.model.input == "frame" else "token"
    loss = float(best["nats_per_token"])
    mine = f"On {music}, its loss is {loss:.3f} nats per {unit}"
    others = sorted((each.nats_per_token, name) for name, each in config.baselines.items())
    if not others:
        return True, f"{mine}."
    ahead = [printable(name) for other, name in others if other <= loss]
    least, name = others[0]
    gain = 1 - loss / least if least > 0 else 0.0
    if ahead:
        return False, (
            f"{mine}: no better than {' and '.join(ahead)}, which only "
            f"{'count' if len(ahead) > 1 else 'counts'} (best: {least:.3f})."
        )
    if gain < CLEARLY:
        return False, (
            f"{mine}: hardly better than the best baseline, {printable(name)} ({least:.3f})."
        )
    return True, (
        f"{mine}: better than {'the' if len(others) == 1 else 'all'} "
        f"{count(len(others), 'baseline')}, {gain:.0%} below the best ({printable(name)}, "
        f"{least:.3f})."
    )


def _training(history: Sequence[Row], improving: bool, is_over: bool) -> Iterator[str]:
    """Whether it is still improving."""
    if not is_over:
        yield "Training goes on."
    elif improving:
        yield "It was still improving when it ended: more time would make it better."
    elif stale := _stale(history):
        yield f"It is done: {count(stale, 'evaluation')} brought nothing better."
    elif len(history) > 1:
        yield "It is done: it has nearly stopped improving."


def _memorizing(history: Sequence[Row], best: Row) -> Iterator[str]:
    """Whether it memorizes."""
    known, held_out = best["known_nats_per_token"], best["nats_per_token"]
    if known is None or not best["update"]:
        return
    if overfitting(history):
        yield "In the end it memorized its pieces; the weights of before that are kept."
    elif held_out - known > MEMORIZED_GAP * held_out:
        yield f"It memorizes: on pieces that it trained on its loss is {known:.3f}."
    else:
        yield f"It does not memorize: on pieces that it trained on its loss is {known:.3f}."


def _next(
    run: Path, config: RunConfig, history: Sequence[Row], is_good: bool, improving: bool
) -> tuple[str, str]:
    """The one next step, and the command that takes it."""
    here = printable(shlex.quote(str(run)))
    if is_good:
        return "make the file that plays anywhere", f"export-ugen {here} -o model.onnx"
    if not history[-1]["update"]:
        return "train it, with --epochs above 0", ""
    training, corpus = config.training, printable(shlex.quote(config.corpus.path))
    if config.corpus.seconds < 60 * FEWEST_MINUTES and not improving:
        return "train again with more music of the same kind", ""
    if collapse(history):
        return COLLAPSE_HINT[:1].lower() + COLLAPSE_HINT[1:], ""
    if improving:
        longer = f"--epochs {max(2 * training.epochs, 1):g}"
        if training.minutes:
            longer = f"--minutes {2 * training.minutes:g}"
        return "train longer", f"train-ugen {corpus} -o {here} --resume {longer}"
    if overfitting(history):
        return "train again with more music of the same kind, or a higher --dropout", ""
    return f"train again with another --lr (it was {training.lr:g}; --find-lr looks for one)", ""


def _is_over(config: RunConfig, history: Sequence[Row]) -> bool:
    last, training = history[-1], config.training
    if _stale(history) >= training.patience:
        return True
    if training.minutes:
        return bool(last["seconds"] >= 60 * training.minutes - 0.01)
    return bool(last["epoch"] >= training.epochs - 0.001)  # as they are rounded


def _stale(history: Sequence[Row]) -> int:
    """The evaluations since the last that was better."""
    best, since = math.inf, 0
    for row in history:
        loss = row["nats_per_token"]
        since = 0 if loss < best - LEAST_GAIN else since + 1
        best = min(best, loss)
    return since


def _is_improving(history: Sequence[Row]) -> bool:
    """Whether the last quarter of the updates made it clearly better."""
    last = history[-1]
    before = [row["nats_per_token"] for row in history if row["update"] <= 0.75 * last["update"]]
    best = min(row["nats_per_token"] for row in history)
    return bool(before) and _stale(history) == 0 and min(before) - best > STILL * best
