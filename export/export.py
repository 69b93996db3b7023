"""From checkpoint to file: build, write beside, prove on the written file, then rename."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import onnx
from ugen.data import UgenError
from ugen.data.files import replacing
from ugen.runtime import load as load_onnx
from ugen.runtime.model_file import Card, Sampling
from ugen.train.checkpoint import Checkpoint, load_checkpoint
from ugen.train.config import to_json
from ugen.train.model import LstmModel

from . import torchscript
from .onnx_graph import build
from .parity import (
    BATCH,
    STEPS,
    Parity,
    Runner,
    TorchRunner,
    compare,
    microseconds,
    probe_batch,
    require_equal,
    torch_at_its_best,
    zero_state,
)
from .quantize import to_int8

Say = Callable[[str], None]


@torch_at_its_best()
def export_onnx(run: Path, output: Path, precision: str, max_change: float, licence: str, say: Say) -> None:
    """Write a run as ONNX. `precision`: fp32, int8, or auto (int8 unless its loss grows by more than `max_change`).

    Raises UgenError, and leaves no file, when the file disagrees with the checkpoint.
    """
    if output.suffix != ".onnx":
        raise UgenError(f"-o {output}: an ONNX file's name ends in .onnx")
    bench = _Bench(load_checkpoint(run), say)
    fp32 = build(bench.checkpoint.model, bench.card("fp32", licence).to_metadata())
    with replacing(output) as partial:
        onnx.save(fp32, partial)
        result = bench.prove("ONNX fp32", partial, load_onnx(partial))
        require_equal(result, "the fp32 ONNX file")
        if precision != "fp32":
            small = partial.with_suffix(".int8")
            try:
                _save_int8(fp32, small, bench.card("int8", licence))
                result = bench.prove("ONNX int8", small, load_onnx(small))
                if result.nats_change <= max_change:
                    small.replace(partial)
                elif precision == "int8":
                    raise UgenError(
                        f"int8 predicts held-out music {result.nats_change:.2%} worse, more than --max-loss "
                        f"{max_change:.2%}; nothing was written. Use --precision fp32"
                    )
                else:
                    say(f"int8 costs {result.nats_change:.2%}, more than --max-loss {max_change:.2%}: keeping fp32")
            finally:
                small.unlink(missing_ok=True)
    say(f"{output}: {output.stat().st_size / 1e6:.1f} MB. Make music with it: ugen-run {output} -o song.mid")


@torch_at_its_best()
def export_torchscript(run: Path, output: Path, licence: str, say: Say) -> None:
    """Write a run as TorchScript, float32. Raises UgenError, and leaves no file, when it disagrees."""
    if output.suffix not in (".ts", ".pt"):
        raise UgenError(f"-o {output}: a TorchScript file's name ends in .ts")
    bench = _Bench(load_checkpoint(run), say)
    with replacing(output) as partial:
        torchscript.save(bench.checkpoint.model, partial, bench.card("fp32", licence).to_metadata())
        result = bench.prove("TorchScript", partial, TorchRunner(torchscript.load(partial)))
        require_equal(result, "the TorchScript file")
    say(f"{output}: {output.stat().st_size / 1e6:.1f} MB")


class _Bench:
    """A checkpoint with the torch runner that files are held against. Prints a table as files are proved."""

    def __init__(self, checkpoint: Checkpoint, say: Say):
        self.checkpoint, self._say = checkpoint, say
        self._model = checkpoint.model
        self._torch = TorchRunner(self._model)
        self._batch = probe_batch(checkpoint.probe, checkpoint.codec)
        say(f"{BATCH} streams of {STEPS} held-out steps, state carried; the largest differences from the checkpoint:")
        say(f"{'':12} {'size':>9} {'µs/token':>9} {'logits':>9} {'state':>9} {'same best':>9} {'nats/token':>11}")
        say(f"{'PyTorch':12} {'':>9} {self._microseconds(self._torch):9.0f}")

    def card(self, precision: str, licence: str) -> Card:
        """The card of a file made from this checkpoint."""
        config, checkpoint = self._model.config, self.checkpoint
        provenance = {
            "exporter": version("ugen-music"), "trainer": checkpoint.config.get("version", "unknown"),
            "weights_sha256": _weights_hash(self._model), "held_out": checkpoint.scores,
            "baselines": checkpoint.config["baselines"], "model": to_json(config),
            "corpus": {k: v for k, v in checkpoint.config["corpus"].items() if k != "path"},
        }  # fmt: skip
        return Card(checkpoint.codec, config.layers, config.hidden, precision, Sampling(), provenance, licence)

    def prove(self, what: str, file: Path, runner: Runner) -> Parity:
        """Compare a file with the checkpoint and print its row."""
        parity = compare(self._torch, runner, self._batch, zero_state(self._model, BATCH))
        self._say(
            f"{what:12} {file.stat().st_size / 1e6:6.2f} MB {self._microseconds(runner):9.0f} {parity.logits:9.1e} "
            f"{parity.state:9.1e} {parity.tokens:9.2%} {parity.nats:7.4f} ({parity.nats_change:+.2%})"
        )
        return parity

    def _microseconds(self, runner: Runner) -> float:
        return microseconds(runner, self._batch, zero_state(self._model, 1))


def _save_int8(fp32: onnx.ModelProto, path: Path, card: Card) -> None:
    quantized = to_int8(fp32)
    onnx.helper.set_model_props(quantized, card.to_metadata())
    onnx.save(quantized, path)


def _weights_hash(model: LstmModel) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
