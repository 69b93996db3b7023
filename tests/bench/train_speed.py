"""Training: updates of the Trainer beside those of a bare PyTorch loop, and bf16 beside fp32.

    python tests/bench/train_speed.py PAGE [--quick]

An update of the Trainer does all that it does in a run on the bundled music (`beats`, piano): it
packs pieces into streams and varies them, cuts its chunk where a stream begins a piece (an LSTM
call cannot reset its state midway), carries the state and keeps the losses; evaluations are left
out. The bare loop trains the same model class, with the same batch, chunk, fused AdamW and
clipping, on one batch of random tokens that stays in memory; it carries the state and cuts nothing.
Rounds go through all contestants in turn, every other one backwards, so that drift affects all
alike. A speed is the median over the rounds; a ratio is the median of the rounds' ratios, with the
least and the greatest beside it. LSTM calls are counted separately, over further updates, after the
streams have moved as far apart as they do in a run. torch chooses its threads.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import ugen.data
from machine import cpu_lines, how, machine, markdown
from torch.nn.functional import cross_entropy
from ugen.data import make_codec
from ugen.data.corpus.corpus import Corpus
from ugen.data.corpus.prepare import Settings, prepare
from ugen.data.files import write_atomically
from ugen.train.config import ModelConfig, TrainConfig
from ugen.train.learning.trainer import Trainer
from ugen.train.model import LstmModel

ROUNDS, UPDATES, WARM = 5, 10, 2
# chunks passed over first: streams that all begin pieces together would need no cuts for long
SETTLE = 300
QUICK = 2, 1, 1
SHAPES = (  # options of the model, and of its training
    ({}, {}),
    ({"layers": 3, "hidden": 300}, {"batch": 32}),
    ({"layers": 8, "hidden": 300}, {"batch": 32}),
)
BARE, OURS, BF16 = "bare", "fp32", "bf16"
Update = Callable[[], None]


def bare(shape: ModelConfig, config: TrainConfig) -> Update:
    """An update as short as PyTorch allows."""
    model = LstmModel(shape)
    optimizer = torch.optim.AdamW(
        model.parameters(),
        lr=config.lr,
        betas=(0.9, 0.98),
        weight_decay=config.weight_decay,
        fused=True,
    )
    size = config.batch, config.bptt_length
    x = torch.stack([torch.randint(ids, size) for ids in shape.rows], dim=-1)
    y = torch.randint(shape.vocabulary, size)
    state = model.state(config.batch)

    def update() -> None:
        nonlocal state
        logits, h, c = model(x, *state)
        loss = cross_entropy(logits.flatten(0, 1), y.flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.grad_clip)
        optimizer.step()
        state = h.detach(), c.detach()

    return update


class Contest:
    """One shape of model, trained in three ways."""

    def __init__(
        self, corpus: Corpus, folder: Path, model: dict[str, int], training: dict[str, int]
    ):
        codec = corpus.codec
        shape = ModelConfig(codec.vocabulary, columns=codec.columns, **model)
        self.config = TrainConfig(**training)
        self.name = f"{shape.layers} x {shape.hidden}, batch {self.config.batch}" + " (default)" * (
            not model
        )
        self.trainers = {
            precision: Trainer(
                folder,
                corpus,
                shape,
                TrainConfig(**training, precision=precision),
                torch.device("cpu"),
            )
            for precision in (OURS, BF16)
        }
        self.updates: dict[str, Update] = {
            BARE: bare(shape, self.config),
            **{name: trainer.update for name, trainer in self.trainers.items()},
        }
        self.speeds: dict[str, list[float]] = {name: [] for name in self.updates}
        for trainer in self.trainers.values():
            for _ in range(SETTLE):
                trainer.learner.streams.next()

    def round(self, updates: int, warm: int, backwards: bool) -> None:
        """Tokens per second of each way, once."""
        for name, update in list(self.updates.items())[:: -1 if backwards else 1]:
            for _ in range(warm):
                update()
            before = time.perf_counter()
            for _ in range(updates):
                update()
            seconds = time.perf_counter() - before
            self.speeds[name].append(
                updates * self.config.batch * self.config.bptt_length / seconds
            )

    def calls(self, updates: int) -> float:
        """LSTM calls per update of the Trainer: one, and one more at every cut."""
        trainer, calls = self.trainers[OURS], []
        hook = trainer.model.lstm_stack.register_forward_hook(lambda *_: calls.append(1))
        for _ in range(updates):
            trainer.update()
        hook.remove()
        return len(calls) / updates

    def row(self, calls: float) -> dict[str, str]:
        """The shape's row of the table."""
        plain, ours, bf16 = (f"{np.median(self.speeds[name]):,.0f}" for name in (BARE, OURS, BF16))
        return {
            "layers x hidden": self.name,
            "bare loop, tokens/s": plain,
            "Trainer, tokens/s": ours,
            "Trainer / bare": self._ratio(OURS, BARE),
            "LSTM calls per update": f"{calls:.2f}",
            "Trainer in bf16, tokens/s": bf16,
            "bf16 / fp32": self._ratio(BF16, OURS),
        }

    def _ratio(self, name: str, other: str) -> str:
        ratios = np.divide(self.speeds[name], self.speeds[other])
        return f"{np.median(ratios):.2f} ({ratios.min():.2f} to {ratios.max():.2f})"


def measured(rounds: int, updates: int, warm: int) -> pd.DataFrame:
    """The table: a row for each shape."""
    with tempfile.TemporaryDirectory() as folder:
        music = Path(ugen.data.__file__).parent / "music"
        corpus = prepare(music, Path(folder) / "corpus", Settings(make_codec("beats")))
        contests = [Contest(corpus, Path(folder), *shape) for shape in SHAPES]
        for number in range(rounds):
            for contest in contests:
                contest.round(updates, warm, backwards=number % 2 == 1)
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
        return pd.DataFrame([contest.row(contest.calls(updates)) for contest in contests])


def main(page: Path, quick: bool) -> None:
    """Measure, print and write the page."""
    rounds, updates, warm = QUICK if quick else (ROUNDS, UPDATES, WARM)
    table = measured(rounds, updates, warm)
    words = {word for line in cpu_lines("flags")[:1] for word in line.split()}
    flags = ", ".join(sorted(word for word in words if word.endswith("_bf16"))) or "none"
    lines = [
        "# Training speed",
        "",
        "Written by `python tests/bench/train_speed.py`; every figure is from one run on one "
        "machine. Read the ratios: times drift.",
        "",
        *(["**A smoke run: too short to mean anything.**", ""] if quick else []),
        machine("torch", "numpy"),
        "",
        f"Threads of torch: {torch.get_num_threads()}; instructions for bf16: {flags}; {rounds} "
        f"rounds of {updates} updates, after {warm} untimed ones each.",
        "",
        *markdown(table),
        "",
        how(__doc__),
        "",
    ]
    print("\n".join(lines))
    write_atomically(page, "\n".join(lines).encode())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("--quick", action="store_true", help="a smoke run of a few updates")
    main(**vars(parser.parse_args()))
