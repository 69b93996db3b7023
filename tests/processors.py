"""`make test-processors`: model files compute on an old processor what they compute here.

python tests/processors.py                 make files of every precision, and try them under qemu
python tests/processors.py check FOLDER    on the other processor: compare with what was known

qemu's user mode (Debian's qemu-user-static) imitates a processor with AVX2 and no VNNI. There int8
products saturate in pairs; a file whose weights let them must be refused. A minute.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from oldest import logits_of, written
from ugen.data import make_codec
from ugen.data.pretrained import PRETRAINED
from ugen.runtime import ModelError, Sampling, generate, load
from ugen.runtime.inference.self_check import check_logits
from ugen.runtime.model_file.format import PRECISIONS

PROCESSOR = "Haswell"
# int4 rounds blocks of activations, and sums of another order may round otherwise
GAPS = {"fp32": 1e-4, "fp16": 1e-4, "int8": 1e-4, "int4": 0.1}
SATURATING = "saturating.onnx"
COLUMNS = make_codec("beats").columns
SHAPES = {
    "plain": {"hidden": 64},
    "row": {"hidden": 64, "columns": COLUMNS},
    "skip": {"hidden": 48, "skip": True, "tied": True, "columns": COLUMNS},
}


def record(folder: Path) -> None:
    """Write the files, and beside each as .npz the tokens and logits of this processor."""
    import onnx
    from model_files import made
    from ugen.export import quantize

    for name, shape in SHAPES.items():
        for precision in PRECISIONS:
            onnx.save(made(precision=precision, **shape), folder / f"{name}-{precision}.onnx")
    shutil.copyfile(PRETRAINED, folder / "bundled-int8.onnx")
    for file in folder.glob("*.onnx"):
        model = load(file)
        tokens = written(model, Sampling())
        song = generate(model, seconds=20, seed=7).tokens if "bundled" in file.name else []
        np.savez(
            file.with_suffix(".npz"), tokens=tokens, logits=logits_of(model, tokens), song=song
        )
    quantize.without_saturation = lambda exact, weights, scale: (weights, scale)
    proto = made(precision="int8", hidden=64)
    for tensor in proto.graph.initializer:  # logits of a model that has learned something
        if tensor.name == "head_scale":
            scale = 20 * onnx.numpy_helper.to_array(tensor)
            tensor.CopyFrom(onnx.numpy_helper.from_array(scale, tensor.name))
    onnx.save(proto, folder / SATURATING)
    kept = check_logits(load(folder / SATURATING)).tolist()
    props = {entry.key: entry.value for entry in proto.metadata_props}
    onnx.helper.set_model_props(proto, {**props, "ugen.check_logits": str(kept)})
    onnx.save(proto, folder / SATURATING)


def compared(file: Path) -> tuple[bool, str]:
    """Whether a file computes here what was known, and how far it is off."""
    model, known = load(file), np.load(file.with_suffix(".npz"))
    logits = logits_of(model, known["tokens"].tolist())
    gap = float(np.abs(logits - known["logits"]).max())
    best = float((logits.argmax(-1) == known["logits"].argmax(-1)).mean())
    tokens = written(model, Sampling()) == known["tokens"].tolist()
    good = gap <= GAPS[model.card.precision] and (tokens or model.card.precision == "int4")
    text = f"logits within {gap:.1e}, same likeliest token {best:.1%}, "
    text += f"tokens {'the same' if tokens else 'DIFFER'}"
    if len(known["song"]):
        same = np.array_equal(generate(model, seconds=20, seed=7).tokens, known["song"])
        good, text = good and same, text + f", song {'the same' if same else 'DIFFERS'}"
    return good, text


def check(folder: Path) -> int:
    """Print a line a file; give the number of failures."""
    failures = 0
    for file in sorted(folder.glob("*.onnx")):
        if file.name == SATURATING:
            try:
                load(file)
                good, text = False, "was not refused"
            except ModelError as error:
                good, text = "computes int8 wrongly" in str(error), "refused, as it must be"
        else:
            good, text = compared(file)
        failures += not good
        print(f"{file.stem:12} {'ok' if good else 'WRONG'}: {text}", flush=True)
    return failures


def main() -> int:
    """Make the files here and check them on the other processor."""
    qemu = shutil.which("qemu-x86_64-static") or shutil.which("qemu-x86_64")
    if qemu is None or platform.machine() != "x86_64":
        print("needs an x86-64 machine and qemu-x86_64 (Debian: qemu-user-static): nothing tried")
        return 1 if os.environ.get("CI") else 0
    with TemporaryDirectory() as folder:
        record(Path(folder))
        print(f"on an emulated {PROCESSOR} (AVX2, no VNNI), beside this processor:", flush=True)
        command = [qemu, "-cpu", PROCESSOR, sys.executable, __file__, "check", folder]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
        if done.returncode:  # qemu warns of much that is no fault
            print(done.stderr)
        return done.returncode


if __name__ == "__main__":
    sys.exit(check(Path(sys.argv[2])) if sys.argv[1:2] == ["check"] else main())
