"""From checkpoint to file: build, write beside, prove and measure what was written, then rename."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any

import onnx
from ugen.data import UgenError
from ugen.data.cli.progress import progress_bar
from ugen.data.files import replacing
from ugen.data.json_values import to_json
from ugen.runtime import load as load_onnx
from ugen.runtime.model_file.card import Card
from ugen.runtime.sampling.config import Sampling
from ugen.train.model import LstmModel
from ugen.train.run_folder.checkpoint import Checkpoint, load_checkpoint
from ugen.train.run_folder.originality import read_originality

from . import torchscript, triton
from .measure import (
    HEADER,
    Measured,
    as_json,
    calls,
    checkpoint_nats,
    fastest,
    measure,
    microseconds_of,
)
from .onnx_graph import build
from .proof import (
    BATCH,
    ExactRunner,
    Parity,
    Runner,
    TorchRunner,
    compare,
    probe_batch,
    require_equal,
    torch_at_its_best,
    zero_state,
)
from .quantize import PRECISIONS, in_precision

Say = Callable[[str], None]


@torch_at_its_best()
def export_onnx(
    run: Path,
    output: Path,
    precision: str,
    max_change: float,
    licence: str,
    say: Say,
    sampling: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Write a run as ONNX. `precision`: fp32, fp16, int8, int4, or auto: the fastest whose loss on
    held-out music grows by no more than `max_change`. `sampling`: what the file's defaults have
    other than Sampling().

    Raises UgenError, and leaves no file, when the float32 file disagrees with the checkpoint, or
    when the precision asked for costs more than `max_change`.
    """
    if output.suffix != ".onnx":
        raise UgenError(f"-o {output}: an ONNX file's name ends in .onnx")
    proof = Proof(load_checkpoint(run), licence, say, sampling)
    with replacing(output) as partial, tempfile.TemporaryDirectory(dir=output.parent) as folder:
        files = {name: Path(folder) / f"{name}.onnx" for name in PRECISIONS}
        fp32 = build(proof.checkpoint.model, proof.card("fp32").to_metadata())
        for name, file in files.items():
            onnx.save(in_precision(fp32, name, proof.card(name).to_metadata()), file)
        proof.require(f"ONNX on {BATCH} streams and on one", load_onnx(files["fp32"]))
        found = proof.measure(files)
        chosen = _choose(found, precision, max_change)
        made = onnx.load(files[chosen.precision])
        onnx.helper.set_model_props(made, proof.card(chosen.precision, found).to_metadata())
        onnx.save(made, partial)
        load_onnx(partial)
    say(f"{output}: {chosen.precision}, {output.stat().st_size / 1e6:.2f} MB. Make music with it:")
    say(f"ugen-run {output} -o song.mid")


@torch_at_its_best()
def export_torchscript(
    run: Path,
    output: Path,
    licence: str,
    say: Say,
    sampling: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Write a run as TorchScript, float32. Raises UgenError, and leaves no file, when it
    disagrees."""
    if output.suffix not in (".ts", ".pt"):
        raise UgenError(f"-o {output}: a TorchScript file's name ends in .ts")
    proof = Proof(load_checkpoint(run), licence, say, sampling)
    with replacing(output) as partial:
        torchscript.save(proof.checkpoint.model, partial, proof.card("fp32").to_metadata())
        proof.require(
            f"TorchScript on {BATCH} streams and on one", TorchRunner(torchscript.load(partial))
        )
    say(f"{output}: {output.stat().st_size / 1e6:.2f} MB")


class Proof:
    """A checkpoint, and the evidence that a file does what it does."""

    def __init__(self, checkpoint: Checkpoint, licence: str, say: Say, sampling: Mapping[str, Any]):
        self.checkpoint, self._licence, self._say = checkpoint, licence, say
        self._sampling = Sampling(**sampling)
        self._model, self._batch = checkpoint.model, probe_batch(checkpoint.held_out_excerpt)
        self._originality = read_originality(checkpoint.path / "originality.json")
        self._own: Parity | None = None

    def card(self, precision: str, found: list[Measured] | None = None) -> Card:
        """The card of a file made from this checkpoint, with what was measured, when it was."""
        config, checkpoint = self._model.config, self.checkpoint
        corpus = checkpoint.config["corpus"]
        provenance = {
            "exporter": version("ugen-music"),
            "trainer": checkpoint.config.get("version", "unknown"),
            "weights_sha256": _weights_hash(self._model),
            "held_out": checkpoint.scores,
            "baselines": checkpoint.config["baselines"],
            "model": to_json(config),
            "corpus": {k: v for k, v in corpus.items() if k not in ("path", "arrangement")},
            **(as_json(found, precision) if found else {}),
        }
        return Card(
            checkpoint.codec,
            config.layers,
            config.hidden,
            precision,
            self._sampling,
            provenance,
            self._licence,
            self._originality,
            corpus["arrangement"],
        )

    def require(self, what: str, runner: Runner) -> None:
        """Raise UgenError unless a float32 runner agrees with the checkpoint over held-out music,
        state carried."""
        steps = self._batch.shape[1] - 1
        if self._own is None:
            self._say(
                f"{steps} held-out steps, state carried; the largest differences from PyTorch in float64:"
            )
            self._say(f"{'':38} {'logits':>9} {'state':>9} {'same best':>9}")
            self._own = self._row("PyTorch in float32", TorchRunner(self._model))
        require_equal(self._row(what, runner), self._own, f"the {what.split()[0]} file")

    def measure(self, files: dict[str, Path]) -> list[Measured]:
        """Size, speed and held-out loss of ONNX files by precision; prints the table."""
        probe = self.checkpoint.held_out_excerpt
        models = {name: load_onnx(file) for name, file in files.items()}
        steps = probe.shape[1] - 1
        truth = checkpoint_nats(self._model, probe)
        with self._progress("measuring", calls(list(files), probe)) as tick:
            found = measure(files, models, probe, truth, tick)
        self._say(
            f"\none stream, one thread; loss over {len(probe)} x {steps} steps of held-out music:"
        )
        self._say(HEADER)
        own = microseconds_of(TorchRunner(self._model), probe[0], zero_state(self._model, 1))
        weights = 4 * self._model.parameters_count() / 1e6
        for each in (Measured("PyTorch", weights, own, truth, 0.0), *found):
            self._say(each.row())
        return found

    def _row(self, what: str, runner: Runner) -> Parity:
        """Compare on BATCH streams and on one, which takes other kernels; print the larger gaps."""
        exact = ExactRunner(self._model)
        with self._progress(what, 2 * (self._batch.shape[1] - 1)) as tick:
            many, one = (
                compare(exact, runner, self._batch[:count], zero_state(self._model, count), tick)
                for count in (BATCH, 1)
            )
        both = many.worst(one)
        self._say(f"{what:38} {both.logits:9.1e} {both.state:9.1e} {both.tokens:9.2%}")
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


def _choose(found: list[Measured], precision: str, max_change: float) -> Measured:
    """The file to keep. Raises UgenError when the one asked for costs too much."""
    if precision == "auto":
        return fastest(found, max_change)
    chosen = next(each for each in found if each.precision == precision)
    if precision != "fp32" and chosen.loss_change > max_change:
        raise UgenError(
            f"{precision} predicts held-out music {chosen.loss_change:.2%} worse, more than --max-loss "
            f"{max_change:.2%}; nothing was written. Use --precision auto, or a larger --max-loss"
        )
    return chosen


def _weights_hash(model: LstmModel) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


@torch_at_its_best()
def export_triton(
    run: Path,
    output: Path,
    licence: str,
    say: Say,
    sampling: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Write a run as a Triton model repository, float32: triton.py says what is in it.

    Raises UgenError, and leaves nothing, when `output` is there already or the model in it
    disagrees.
    """
    proof, name = Proof(load_checkpoint(run), licence, say, sampling), triton.model_name(run)
    card = proof.card("fp32")
    with triton.new_folder(output) as partial:
        triton.write_repository(
            build(proof.checkpoint.model, card.to_metadata()), card, partial, name
        )
        served = triton.Served(triton.model_path(partial, name), card.codec.input)
        proof.require(f"Triton on {BATCH} streams and on one", served)
    say(
        f"{output}: a model repository with {name}. Serve it: tritonserver --model-repository={output}"
    )
