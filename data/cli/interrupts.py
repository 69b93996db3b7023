"""Ctrl-C, a request to end (SIGTERM) and a closed terminal (SIGHUP) as one exception, raised
once."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

PATIENCE = 10.0  # seconds for the work to end well; a signal after that ends the process at once

caught: Interrupted | None = None  # the first signal
_since = 0.0  # when signals began to be ignored; 0: they are not


class Interrupted(KeyboardInterrupt):
    """A signal asks the command to end. A text says how to go on."""

    def __init__(self, number: int):
        super().__init__()
        self.exit_code = 128 + number


def handle() -> None:
    """From now on the first signal raises Interrupted and later ones are ignored, while files are
    ended and temporary ones removed. What nohup ignores stays ignored."""
    global caught, _since
    caught, _since = None, 0.0
    owner = os.getpid()

    def interrupt(number: int, frame: FrameType | None) -> None:
        global caught
        if os.getpid() != owner:  # a worker just forked: Ctrl-C is its parent's to handle
            if number != signal.SIGINT:
                os._exit(128 + number)
            return
        if not _since:
            ignore()
            caught = Interrupted(number)
            raise caught
        if time.monotonic() - _since > PATIENCE:
            os._exit(128 + number)

    with suppress(ValueError):  # not the main thread, which is the one to be interrupted
        for number in signals():
            signal.signal(number, interrupt)
        atexit.register(_ignore_to_the_end)
        if sys.unraisablehook is sys.__unraisablehook__:
            sys.unraisablehook = _raise_again


def _raise_again(unraisable: Any) -> None:
    """Python drops what is raised in a destructor, or by what libraries do at a fork: a signal is
    sent once more, a little later. Until then others are ignored: what they raise here would be
    dropped, too, with a traceback."""
    error = unraisable.exc_value
    if isinstance(error, Interrupted):
        again = threading.Timer(0.05, _send, [error.exit_code - 128])
        again.daemon = True
        again.start()
    elif not isinstance(error, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)


def _send(number: int) -> None:
    global _since
    _since = 0.0
    if sys.platform == "win32":
        signal.raise_signal(number)
    elif main := threading.main_thread().ident:  # in which a call that waits is to end
        signal.pthread_kill(main, number)


def _ignore_to_the_end() -> None:
    """Python restores handlers while it ends, but not of signals that are ignored: one that comes
    when all is done would kill it."""
    for number in signals():
        signal.signal(number, signal.SIG_IGN)


def signals() -> list[signal.Signals]:
    """The signals that ask for an end, without those that the parent has set to be ignored."""
    names = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP
    found = [getattr(signal, name) for name in names if hasattr(signal, name)]
    return [number for number in found if signal.getsignal(number) is not signal.SIG_IGN]


def ignore() -> None:
    """Ignore signals, for PATIENCE."""
    global _since
    _since = _since or time.monotonic()
