"""Progress bars on a terminal, with the time left; elsewhere a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from ugen.data.text import duration, printable

from .terminal import width

EVERY = 30.0  # seconds between lines


@contextmanager
def progress_bar(
    what: str, total: float | None, unit: str = "", speed: Callable[[float], str] | None = None
) -> Iterator[Callable[[float], None]]:
    """A bar with the time left, if standard error is a terminal, else a line there every 30
    seconds. Gives a function to call with the amount done so far.

    `total`: None where there is none. `speed`: text for the amount done per second.
    """
    started = time.monotonic()

    def amount(done: float) -> str:
        text = f"{done:,.0f} {unit}" if total is None else f"{done:,.0f} of {total:,.0f} {unit}"
        return f"{text}, {speed(done / max(time.monotonic() - started, 1e-3))}" if speed else text

    if sys.stderr is None or not sys.stderr.isatty():
        yield _Lines(what, total, amount)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.table import Column

    rest = Column(ratio=1, no_wrap=True, overflow="ellipsis")
    columns = (
        TextColumn("{task.description}", markup=False),  # a name may hold brackets
        BarColumn(20, table_column=Column(min_width=20)),
        *([] if total is None else [TimeRemainingColumn(table_column=Column(min_width=7))]),
        TextColumn("{task.fields[amount]}", markup=False, table_column=rest),
    )
    bar = Progress(
        *columns,
        console=Console(stderr=True),
        transient=True,
        expand=True,
        redirect_stdout=sys.stdout.isatty(),  # else what is printed would not reach a pipe or file
    )
    with suppress(OSError):  # a terminal that was closed
        bar.start()
    try:
        task = bar.add_task(_cut(printable(what)), total=total, amount="")
        yield lambda done: bar.update(task, completed=done, amount=amount(done) if unit else "")
    finally:
        with suppress(OSError):
            bar.stop()


@contextmanager
def no_bar() -> Iterator[Callable[[float], None]]:
    """What stands for a bar where none is wanted."""
    yield lambda done: None


def _cut(name: str) -> str:
    """A name that leaves room for the bar beside it."""
    most = max((width(sys.stderr) or 80) - 40, 12)
    return name if len(name) <= most else f"…{name[1 - most :]}"


class _Lines:
    """The amount done, as a line on standard error every 30 seconds."""

    def __init__(self, what: str, total: float | None, amount: Callable[[float], str]):
        self._what = printable(what)
        self._total = total
        self._amount = amount
        self._started = self._said = time.monotonic()

    def __call__(self, done: float) -> None:
        """Say how far it is, when the last line is a while ago."""
        now = time.monotonic()
        if now - self._said < EVERY:
            return
        self._said = now
        parts = [self._amount(done)] if self._total is None else []
        if self._total:
            share = min(done / self._total, 1.0)
            left = (now - self._started) * (1 - share) / max(share, 1e-9)
            parts = [f"{share:.0%}", f"{duration(left)} left"]
        with suppress(OSError, ValueError, AttributeError):  # closed, or none at all
            print(f"{self._what}: {', '.join(parts)}", file=sys.stderr, flush=True)
