"""Progress bars on a terminal, with the time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from ugen.data.text import printable


@contextmanager
def progress_bar(
    what: str, total: float | None, unit: str = "", speed: Callable[[float], str] | None = None
) -> Iterator[Callable[[float], None]]:
    """A bar with the time left, if standard error is a terminal. Gives a function to call with the
    amount done so far.

    `total`: None where there is none. `speed`: text for the amount done per second.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    started = time.monotonic()

    def amount(done: float) -> str:
        text = f"{done:,.0f} {unit}" if total is None else f"{done:,.0f} of {total:,.0f} {unit}"
        return f"{text}, {speed(done / max(time.monotonic() - started, 1e-3))}" if speed else text

    columns = (
        TextColumn("{task.description}", markup=False),  # a name may hold brackets
        BarColumn(),
        TextColumn("{task.fields[amount]}", markup=False),
        TimeRemainingColumn(),
    )
    bar = Progress(
        *columns[: 3 if total is None else 4],
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=sys.stdout.isatty(),  # else what is printed would not reach a pipe or file
    )
    with suppress(OSError):  # a terminal that was closed
        bar.start()
    try:
        task = bar.add_task(printable(what), total=total, amount="")
        yield lambda done: bar.update(task, completed=done, amount=amount(done) if unit else "")
    finally:
        with suppress(OSError):
            bar.stop()
