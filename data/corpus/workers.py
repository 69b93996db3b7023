"""A function applied to many jobs by worker processes, which end when the main process does.

Each worker has a pipe of its own, so that one that is killed is noticed at once, even in the middle
of an answer, and so that no shared memory is needed, which some containers and phones do not have.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import Any, TypeVar

from ugen.data.errors import StoppedError

Job = TypeVar("Job")
Result = TypeVar("Result")

MOST = 61  # Windows cannot wait for more at once
_CHUNK = 8  # jobs that a worker gets at a time
_AHEAD = 8  # chunks per worker that may be done before their turn; bounds memory


def apply(function: Callable[[Job], Result], jobs: Iterable[Job], workers: int) -> Iterator[Result]:
    """The results in the order of the jobs. With one worker, or where none can be started, this
    process does the work. Raises StoppedError when a worker was killed."""
    pool = _start(function, min(workers, MOST)) if workers > 1 else {}
    if not pool:
        yield from map(function, jobs)
        return
    try:
        yield from _results(list(pool), jobs)
    finally:
        for connection, process in pool.items():
            connection.close()
            process.terminate()
        for process in pool.values():
            process.join()


def _results(idle: list[Connection], jobs: Iterable[Any]) -> Iterator[Any]:
    left = iter(jobs)
    chunks = enumerate(iter(lambda: list(itertools.islice(left, _CHUNK)), []))
    most = len(idle) * _AHEAD
    busy: dict[Connection, int] = {}
    done: dict[int, list[Any]] = {}
    turn = 0
    while True:
        # a chunk that waits for its turn may wait for a slow one: then no more are begun
        while idle and len(busy) + len(done) < most and (chunk := next(chunks, None)):
            number, work = chunk
            connection = idle.pop()
            _talk(connection.send, work)
            busy[connection] = number
        while turn in done:
            yield from done.pop(turn)
            turn += 1
        if not busy:
            return
        ready = wait(list(busy))
        for connection in [each for each in busy if each in ready]:
            answer = _talk(connection.recv)
            if isinstance(answer, BaseException):
                raise answer
            done[busy.pop(connection)] = answer
            idle.append(connection)


def _talk(speak: Callable[..., Any], *message: Any) -> Any:
    try:
        return speak(*message)
    except (EOFError, OSError):
        reason = "a worker was killed, perhaps for want of memory; the same command continues"
        raise StoppedError(reason) from None


def _start(function: Callable[[Any], Any], count: int) -> dict[Connection, BaseProcess]:
    """As many workers as the system lets be started."""
    pool: dict[Connection, BaseProcess] = {}
    with suppress(OSError):
        for _ in range(count):
            own, its = multiprocessing.Pipe()
            with its:
                process = multiprocessing.Process(target=_work, args=(its, function), daemon=True)
                process.start()
            pool[own] = process
    return pool


def _work(connection: Connection, function: Callable[[Any], Any]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the main process
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):
        while True:
            jobs = connection.recv()
            try:
                answer: Any = [function(job) for job in jobs]
            except Exception as error:
                answer = error
            connection.send(answer)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
