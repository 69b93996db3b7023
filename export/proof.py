"""A checkpoint's card, and the proof that an exported file computes what the checkpoint does.

Every step is compared for five streams at once and for one by itself, which goes another way
through a runtime.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ugen.data.cli.progress import progress_bar
from ugen.data.json_values import to_json
from ugen.runtime.model_file.card import Card
from ugen.train.model import LstmModel
from ugen.train.run_folder.checkpoint import Checkpoint
from ugen.train.run_folder.originality import read_originality
from ugen.train.run_folder.run_config import FirstModel, RunConfig

from .measure import HEADER, Measured, as_json, calls, checkpoint_nats, measure, microseconds_of
from .parity import (
    BATCH,
    ExactRunner,
    Parity,
    Runner,
    TorchRunner,
    compare,
    require_equal,
    streams_of,
    zero_state,
)
from .settings import ExportSettings

NOT_TOLD = "path", "arrangement", "known"  # of the corpus: it stands elsewhere in the file
Say = Callable[[str], None]


class Proof:
    """A checkpoint, and the evidence that a file computes what it does.

    `steps`: of held-out music to compare, at most; None for all that the run kept.
    """

    def __init__(
        self, checkpoint: Checkpoint, settings: ExportSettings, say: Say, steps: int | None = None
    ):
        self.checkpoint = checkpoint
        self.settings = settings
        self.say = say
        self._model = checkpoint.model
        self._excerpt = checkpoint.held_out_excerpt[:, : None if steps is None else steps + 1]
        self._batch = streams_of(self._excerpt)
        self._originality = read_originality(checkpoint.path / "originality.json")

    def card(self, precision: str, found: list[Measured] | None = None) -> Card:
        """The card of a file made from this checkpoint, with what was measured, when it was."""
        config, checkpoint = self._model.config, self.checkpoint
        music = to_json(checkpoint.config.corpus)
        provenance = {
            "exporter": version("ugen-music"),
            "trainer": checkpoint.config.version,
            "weights_sha256": _weights_hash(self._model),
            "known_to_first_model" if checkpoint.config.knew else "held_out": to_json(
                checkpoint.scores
            ),
            **_beginning(checkpoint.config),
            "baselines": to_json(checkpoint.config.baselines),
            "model": to_json(config),
            "corpus": {k: v for k, v in music.items() if k not in NOT_TOLD},
            **(as_json(found, precision) if found else {}),
        }
        return Card(
            checkpoint.codec,
            config.layers,
            config.hidden,
            precision,
            self.settings.sampling,
            provenance,
            _licence(self.settings.licence, checkpoint.config.first_model),
            self._originality,
            checkpoint.config.corpus.arrangement,
            columns=config.columns,
            wishes=checkpoint.config.corpus.known,
        )

    def require(self, what: str, runner: Runner) -> None:
        """Raise UgenError unless a float32 runner agrees with the checkpoint."""
        steps = self._batch.shape[1] - 1
        self.say(
            f"{steps} held-out steps, state carried; largest differences from PyTorch in float64:"
        )
        self.say(f"{'':38} {'logits':>9} {'state':>9} {'same best':>9}")
        own = self._row("PyTorch in float32", TorchRunner(self._model))
        row = self._row(f"{what} on {BATCH} streams and on one", runner)
        require_equal(row, own, f"the {what} file")

    def measure(self, files: dict[str, Path]) -> list[Measured]:
        """Size, speed and held-out loss of ONNX files by precision; prints the table."""
        excerpt = self._excerpt
        steps = excerpt.shape[1] - 1
        truth = checkpoint_nats(self._model, excerpt)
        with self._progress("measuring", calls(list(files), excerpt)) as tick:
            found = measure(files, excerpt, truth, tick)
        self.say(
            f"\none stream, one thread; loss over {len(excerpt)} x {steps} steps of held-out music:"
        )
        self.say(HEADER)
        own = microseconds_of(TorchRunner(self._model), excerpt[0], zero_state(self._model, 1))
        weights = 4 * self._model.parameters_count() / 1e6
        for each in (Measured("PyTorch", weights, own, truth, 0.0), *found):
            self.say(each.row())
        return found

    def _row(self, what: str, runner: Runner) -> Parity:
        """Compare on BATCH streams and on one, which uses other kernels; print the larger gaps."""
        exact = ExactRunner(self._model)
        with self._progress(what, 2 * (self._batch.shape[1] - 1)) as tick:
            many, one = (
                compare(exact, runner, self._batch[:count], zero_state(self._model, count), tick)
                for count in (BATCH, 1)
            )
        both = many.worst(one)
        self.say(f"{what:38} {both.logits:9.1e} {both.state:9.1e} {both.tokens:9.2%}")
        return both

    @contextmanager
    def _progress(self, what: str, total: int) -> Iterator[Callable[[], None]]:
        done = 0
        with progress_bar(what, total, "steps") as advance_to:

            def tick() -> None:
                nonlocal done
                done += 1
                if done % 32 == 0:
                    advance_to(done)

            yield tick


def _beginning(config: RunConfig) -> dict[str, Any]:
    """What a card says of a run's first model, and of what its music is like."""
    first = config.first_model
    about = {"first_model": {"name": first.name, "known": first.known}} if first else {}
    return {**about, **({"music_measures": to_json(config.measures)} if config.measures else {})}


def _licence(licence: str, first: FirstModel | None) -> str:
    """The licence of the music, and of that which a first model learned from."""
    if first is None or not first.licence:
        return licence
    of_first = f"Training began with {first.name}, of whose music its file says:"
    return "\n\n".join((licence, of_first, first.licence))


def _weights_hash(model: LstmModel) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
