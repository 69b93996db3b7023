"""Damage kept inputs at random and feed them to every reader: `make fuzz MINUTES=10`.

A reader may accept an input or raise UgenError with one line. Faults are another error, more than
MOST_SECONDS of processor time or MOST_MEMORY of memory more. Each is printed once, with the bytes
and the command that feeds them again. Processor time is shared evenly between the readers.
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
import zlib
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from fuzz_readers import Reader, readers
from ugen.data import UgenError

MOST_SECONDS = 5
MOST_MEMORY = 256 << 10  # KiB
LONGEST_LINE = 2000

ODD_BYTES = (0, 1, 9, 10, 32, 34, 44, 47, 48, 57, 91, 123, 127, 128, 192, 240, 247, 255)
ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    2**31,
    2**53,
    2**63,
    -(2**63),
    10**30,
    0.5,
    -0.5,
    1e308,
    1e-308,
    "",
    "x",
    "piano",
    "9" * 5000,
    "\x1b[31m\n\u202e",
    "\ud800",
    "../../x",
    [],
    [[]],
    [1],
    ["x"],
    [None] * 300,
    {},
    {"a": 1},
    {"": {}},
)


class TooLongError(BaseException):
    """Not an Exception, so that no reader takes it for its own."""


def damaged(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """A kept input with one to eight changes."""
    is_text = data[:1] in (b"{", b"[", b'"') or data[:1].isdigit()
    if is_text and chance.random() < 0.75 and (changed := _damaged_json(data, chance)):
        return changed
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 8))):
        _damage(out, others, chance)
    return bytes(out)


def _damage(out: bytearray, others: list[bytes], chance: random.Random) -> None:
    at, length = chance.randrange(len(out) + 1), chance.choice((1, 1, 2, 4, 16, 64))
    kind = chance.randrange(8)
    if kind < 3 and at < len(out):
        out[at] = chance.choice(ODD_BYTES) if kind else chance.randrange(256)
    elif kind == 3:
        del out[at : at + length]
    elif kind == 4:
        out[at:at] = bytes(chance.choices(ODD_BYTES, k=length))
    elif kind == 5:
        out[at:at] = out[at : at + length] * chance.choice((1, 2, 50))
    elif kind == 6:
        other = chance.choice(others)
        begin = chance.randrange(len(other) + 1)
        out[at : at + length] = other[begin : begin + length]
    elif chance.random() < 0.2:
        del out[at:]


def _damaged_json(data: bytes, chance: random.Random) -> bytes:
    """JSON, or a line of JSON lines, with a few values changed; nothing where it is none."""
    lines = data.decode("utf-8", "replace").splitlines()
    whole = len(lines) > 1 and lines[0] in ("{", "[")
    texts = ["\n".join(lines)] if whole else lines
    try:
        number = chance.randrange(len(texts))
        value = json.loads(texts[number])
    except ValueError:
        return b""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        places = list(_places(value))
        if not places:
            value = deepcopy(chance.choice(ODD_VALUES))
            continue
        holder, key = chance.choice(places)
        kind = chance.randrange(8)
        if kind == 0:
            del holder[key]
        elif kind == 1 and isinstance(holder, dict):
            holder[chance.choice(("extra", "name", ""))] = deepcopy(chance.choice(ODD_VALUES))
        elif kind == 2 and isinstance(holder[key], (int, float)):
            holder[key] = holder[key] * chance.choice((-1, 2, 1000)) + chance.choice((0, 1, 0.5))
        else:
            holder[key] = deepcopy(chance.choice(ODD_VALUES))
    texts[number] = json.dumps(value)
    return ("\n".join(texts) + "\n").encode()


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every value in JSON, as what holds it and its key there; of long lists the first."""
    if not isinstance(value, (dict, list)):
        return
    for key, each in value.items() if isinstance(value, dict) else enumerate(value[:20]):
        yield value, key
        if isinstance(each, (dict, list)):
            yield from _places(each)


def fault(reader: Reader, data: bytes) -> str:
    """What goes wrong as a reader reads this; nothing when all is well."""
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    try:
        reader.read(data)
    except UgenError as error:
        text = str(error)
        if not text.isprintable() or len(text) > LONGEST_LINE:
            return f"an error that is not one short line: {text[:200]!a}"
    except TooLongError:
        return f"more than {MOST_SECONDS} s of processor time"
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        ours = [
            each for each in traceback.extract_tb(error.__traceback__) if "ugen" in each.filename
        ]
        place = (ours or [last])[-1]
        where = f"{'/'.join(Path(place.filename).parts[-3:])}:{place.lineno}"
        return f"{type(error).__name__} at {where}: {str(error)[:200]!a}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
    return f"{more >> 10} MiB more memory" if more > MOST_MEMORY else ""


def fuzz(found: list[Reader], minutes: float, seed: int) -> int:
    """Feed damaged inputs; print what goes wrong. Gives the number of faults of different kinds."""
    chance = random.Random(seed)
    spent, counts, faults = dict.fromkeys(found, 0.0), Counter[str](), Counter[str]()
    end = time.monotonic() + 60 * minutes
    while time.monotonic() < end:
        reader = min(spent, key=spent.__getitem__)
        before = time.process_time()
        for _ in range(20):
            data = damaged(chance.choice(reader.inputs), reader.inputs, chance)
            counts[reader.name] += 1
            if wrong := fault(reader, data):
                kind = f"{reader.name}: {wrong.partition(': ')[0]}"
                faults[kind] += 1
                if faults[kind] == 1:
                    packed = base64.b64encode(zlib.compress(data, 9)).decode()
                    print(f"{reader.name}: {wrong}", flush=True)
                    print(f"  again: python tests/fuzz.py --again '{reader.name}' {packed}")
            if time.process_time() - before > 1:
                break
        spent[reader] += time.process_time() - before
    for reader in found:
        print(f"{reader.name:32}{counts[reader.name]:12,}{spent[reader]:10.0f} s")
    print(f"{sum(counts.values()):,} executions, seed {seed}: {len(faults)} kinds of faults")
    for kind, number in faults.most_common():
        print(f"{number:8,}  {kind}")
    return len(faults)


def main() -> None:
    """Entry point."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("minutes", type=float, nargs="?", default=10)
    options.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    options.add_argument("--only", default="", help="only readers whose names contain this")
    options.add_argument("--again", nargs=2, metavar=("READER", "BYTES"))
    given = options.parse_args()

    def too_long(number: int, frame: FrameType | None) -> None:
        raise TooLongError

    signal.signal(signal.SIGPROF, too_long)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        found = list(readers(Path(folder)))
        if given.again:
            name, packed = given.again
            (reader,) = [each for each in found if each.name == name]
            reader.read(zlib.decompress(base64.b64decode(packed)))
            return
        chosen = [each for each in found if given.only in each.name]
        sys.exit(1 if fuzz(chosen, given.minutes, given.seed) else 0)


if __name__ == "__main__":
    main()
