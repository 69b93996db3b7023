"""The model file that ugen-run plays, in the precision asked for or the best one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import onnx
from ugen.data import UgenError
from ugen.data.files import replacing, temporary_folder
from ugen.runtime import Card, load
from ugen.runtime.inference.self_check import check_logits
from ugen.runtime.model_file.format import PRECISIONS

from .measure import Measured, fastest
from .onnx_graph import build
from .proof import Proof
from .quantize import in_precision
from .settings import ExportSettings

TAKES_PRECISION = True
Best = Callable[[list[Measured], float], Measured]  # one of several, and how much worse it may be


def check_output(output: Path) -> None:
    """Raise UgenError unless the name is one of an ONNX file."""
    if output.suffix != ".onnx":
        reason = "an ONNX file's name ends in .onnx (other kinds: --format)"
        raise UgenError(reason, flag="-o", path=output)


def write(proof: Proof, output: Path) -> None:
    """Write the file, proved and measured.

    Raises UgenError, and leaves no file, when the float32 file disagrees with the checkpoint, or
    when the precision asked for costs more than --max-loss.
    """
    settings = proof.settings
    asked = PRECISIONS if settings.precision == "auto" else (settings.precision,)
    with replacing(output) as partial:
        precision = make(proof, partial, asked, fastest)
    size = output.stat().st_size / 1e6
    proof.say(f"{output}: {precision}, {size:.2f} MB. Make music with it:")
    proof.say(f"ugen-run {output} -o song.mid")


def make(proof: Proof, file: Path, asked: Sequence[str], best: Best) -> str:
    """Write a proved file in the best of the precisions asked for, and give that. Raises as
    `write`."""
    with temporary_folder(file.parent) as folder:
        files = {name: folder / f"{name}.onnx" for name in ("fp32", *asked)}
        fp32 = build(proof.checkpoint.model, proof.card("fp32").to_metadata())
        for name, each in files.items():
            card = proof.card(name)
            _save(in_precision(fp32, name, card.to_metadata()), card, each)
        proof.require("ONNX", load(files["fp32"]))
        found = proof.measure({name: files[name] for name in asked})
        chosen = _choose(found, proof.settings, best)
        _save(onnx.load(files[chosen.precision]), proof.card(chosen.precision, found), file)
    return chosen.precision


def _save(proto: onnx.ModelProto, card: Card, file: Path) -> None:
    """Write a model with its card, and in it the logits by which others check what they compute."""
    onnx.helper.set_model_props(proto, card.to_metadata())
    onnx.save(proto, file)
    kept = tuple(round(float(each), 4) for each in check_logits(load(file)))
    onnx.helper.set_model_props(proto, replace(card, check_logits=kept).to_metadata())
    onnx.save(proto, file)
    load(file)


def _choose(found: list[Measured], settings: ExportSettings, best: Best) -> Measured:
    """The file to keep. Raises UgenError when the one asked for costs too much."""
    most = settings.max_loss / 100
    if settings.precision == "auto":
        return best(found, most)
    chosen = found[0]
    if chosen.precision != "fp32" and chosen.loss_change > most:
        raise UgenError(
            f"{chosen.precision} predicts held-out music {chosen.loss_change:.2%} worse, more than "
            f"--max-loss {most:.2%}; nothing was written. Use --precision auto, or a larger "
            "--max-loss"
        )
    return chosen
