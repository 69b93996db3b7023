"""A page that plays a model in a browser, on a phone, too: a folder for any host, or one file.

Neither torch nor onnx is needed for the page of a model file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ugen.data import UgenError
from ugen.data.files import read_bytes, temporary_folder, write_atomically
from ugen.data.render import web_page
from ugen.runtime import Card, load
from ugen.runtime.model_file.outline import read_outline

from .new_folder import check_new_folder, new_folder

if TYPE_CHECKING:
    from .measure import Measured
    from .proof import Proof

TAKES_PRECISION = True
PRECISIONS = ("fp32", "int8")  # that a browser is fast with
_OFTEN = 0.05  # of the training pieces: the instruments that a band's page brings
_OF_A_RUN = ("precision", "max_loss", "licence", "temperature", "top_p")  # settings


def check_output(output: Path) -> None:
    """Raise UgenError when a page cannot be written there, or the extra `web` is missing."""
    web_page.check()
    if not is_single(output):
        check_new_folder(output)


def is_single(output: Path) -> bool:
    """Whether a name is that of a page of one file."""
    return output.suffix.lower() in (".html", ".htm")


def write(proof: Proof, output: Path) -> None:
    """Write the page of a run, its model proved and measured. Raises UgenError, and leaves nothing,
    where that fails."""
    from .onnx_file import make

    settings = proof.settings
    if settings.precision not in ("auto", *PRECISIONS):
        reason = f"is slow in a browser; choose auto, {' or '.join(PRECISIONS)}"
        raise UgenError(reason, flag="--precision", value=settings.precision)
    asked = PRECISIONS if settings.precision == "auto" else (settings.precision,)
    _check_single(output, settings.single_file)
    with temporary_folder(output.resolve().parent) as folder:
        make(proof, folder / "model.onnx", asked, smallest)
        _write(folder / "model.onnx", output, proof.say)


def write_model(
    model: Path, output: Path, single_file: bool, given: Iterable[str], say: Callable[[str], None]
) -> None:
    """Write the page of a model file. `given`: names of settings; those of a run are refused."""
    for name in _OF_A_RUN:
        if name in given:
            reason = f"goes with a run; {model} is a model already"
            raise UgenError(reason, flag="--" + name.replace("_", "-"))
    check_output(output)
    _check_single(output, single_file)
    _write(model, output, say)


def smallest(found: list[Measured], most_change: float) -> Measured:
    """The last one whose loss grew by no more than `most_change`. `found`: as for `fastest`."""
    return [found[0], *(each for each in found[1:] if each.loss_change <= most_change)][-1]


def _check_single(output: Path, single_file: bool) -> None:
    if single_file != is_single(output):
        reason = "names a file that ends in .html" if single_file else "goes with --single-file"
        raise UgenError(reason, flag="-o", path=output)


def _write(model: Path, output: Path, say: Callable[[str], None]) -> None:
    card, data = load(model).card, read_bytes(model)
    if card.precision == "int4":
        reason = "int4 is too slow in a browser; export the run with --precision int8"
        raise UgenError(reason, path=model)
    if is_single(output):
        page = web_page.model_page(data, instruments_of(card), is_plain(card, data))
        write_atomically(output, page)
        say(f"{output}: {output.stat().st_size / 1e6:.1f} MB. Open it in a browser")
        return
    with new_folder(output) as partial:
        web_page.write_site(partial, data, instruments_of(card), is_plain(card, data))
    size = sum(path.stat().st_size for path in output.iterdir()) / 1e6
    say(f"{output}: {size:.1f} MB of files. Put them on any host, or look at them here:")
    say(f"python3 -m http.server --bind 127.0.0.1 --directory {output}")


def is_plain(card: Card, data: bytes) -> bool:
    """Whether a page computes a model without onnxruntime. `data`: its file."""
    plain = web_page.plain_models()
    names = read_outline(data, "the model").initializers
    known = card.codec.input != "frame" and card.precision in plain.precisions
    return known and not any(name.startswith(plain.unknown) for name in names)


def instruments_of(card: Card) -> tuple[int, ...] | None:
    """The instruments that a model often plays; None where its file does not say."""
    if card.arrangement == "piano":
        return (0,)
    pieces = [set(each) for each in card.ensembles]
    counts = Counter(number for piece in pieces for number in piece)
    return tuple(n for n, count in counts.items() if count > _OFTEN * len(pieces)) or None
