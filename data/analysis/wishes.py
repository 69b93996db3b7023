"""What can be wished of a whole piece: its key, how dense it is, its style.

WISH_TABLE says of each how a piece is measured, what can be asked for, and how it is told. A corpus
adds what its music is like (`Known`): so a value, measured or asked for, becomes an id of the
column of that name. Options, the model's columns, and what is said of a song follow from the table.
To add a wish: its column in `ugen.data.codecs.columns`, a field of a manifest row, a field of
SongSettings, and its entry here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ugen.data.codecs.columns import KEYS, LEVELS, METERS, TEMPO_BOUNDS
from ugen.data.errors import UgenError
from ugen.data.score import Score
from ugen.data.text import printable

from .key import key_name, key_of, key_words, parse_key
from .measures import polyphony

Value = str | float  # a measured number, or a name; 0 and "" where it is not known

MOST_LABELS = 128
LONGEST_LABEL = 64  # characters
_MOST = 1 << 53  # pieces
KEY_NAMES = tuple(key_name((number % 12, number >= 12)) for number in range(KEYS))


def _key(score: Score, has_bars: bool) -> str:
    return "" if score.notes["drum"].all() else key_name(key_of(score))


def _density(score: Score, has_bars: bool) -> float:
    length = score.end_tick / score.ticks_per_beat if has_bars else score.seconds
    return round(len(score.notes) / length, 3) if length else 0.0


def _polyphony(score: Score, has_bars: bool) -> float:
    return round(polyphony(score.notes[~score.notes["drum"]]), 3)


def _meter(score: Score, has_bars: bool) -> str:
    if not has_bars or not score.end_tick:
        return ""
    until = np.minimum(np.append(score.meters["tick"][1:], score.end_tick), score.end_tick)
    lasting: Counter[str] = Counter()
    for (tick, numerator, denominator), end in zip(score.meters.tolist(), until, strict=True):
        lasting[f"{numerator}/{denominator}"] += max(int(end) - tick, 0)
    return max(lasting, key=lambda meter: lasting[meter])


def _tempo(score: Score, has_bars: bool) -> float:
    if not has_bars or not score.seconds:
        return 0.0
    return round(60 * score.end_tick / score.ticks_per_beat / score.seconds, 1)


def _transposed(value: Value, semitones: int, tempo: float) -> Value:
    tonic, minor = parse_key(str(value))
    return key_name(((tonic + semitones) % 12, minor))


@dataclass(frozen=True)
class Wish:
    """What can be wished of a piece. `name`: of the column and the manifest's field; `flag` is the
    option that asks for it.

    `values`: what can be asked for, in the order of their ids, which begin at 1; none where the
    music names them. `measure`: of a score, and whether its beats are known. `numbers`: whether it
    measures a number; `bounds` between the values, none where each has as many pieces. `parse`: the
    option's text as a value. `varied`: the value of a piece in another key, so many times as fast.
    `asked`: how what is asked for is told. `unit`: of a number; beats may be known. `needs`: music
    from which a model learns it.
    """

    name: str
    flag: str
    values: tuple[str, ...]
    measure: Callable[[Score, bool], Value] | None
    needs: str
    numbers: bool = False
    bounds: tuple[float, ...] = ()
    parse: Callable[[str], str] = str
    varied: Callable[[Value, int, float], Value] = lambda value, semitones, tempo: value
    asked: str = "{}"
    unit: Callable[[bool], str] = lambda has_bars: ""

    def found(self, value: Value, has_bars: bool) -> str:
        """A measured value in words."""
        if self.name == "key":
            return key_words(parse_key(str(value)))
        if isinstance(value, str):
            return value
        return f"{value:.{0 if value >= 20 else 1}f} {self.unit(has_bars)}"


WISH_TABLE = (
    Wish(
        "key",
        "--key",
        KEY_NAMES,
        _key,
        "any music",
        parse=lambda text: key_name(parse_key(text)),
        varied=_transposed,
    ),
    Wish(
        "density",
        "--density",
        ("sparse", "medium", "dense"),
        _density,
        "music of which some is denser than other",
        numbers=True,
        unit=lambda has_bars: f"notes a {'beat' if has_bars else 'second'}",
    ),
    Wish(
        "polyphony",
        "--polyphony",
        ("low", "medium", "high"),
        _polyphony,
        "music of few notes at once, and of many",
        numbers=True,
        asked="{} polyphony",
        unit=lambda has_bars: "notes at once",
    ),
    Wish("meter", "--meter", METERS, _meter, "music in several meters (--codec beats)"),
    Wish(
        "tempo",
        "--tempo",
        (
            f"under {TEMPO_BOUNDS[0]}",
            *(f"{low}-{high}" for low, high in zip(TEMPO_BOUNDS, TEMPO_BOUNDS[1:], strict=False)),
            f"over {TEMPO_BOUNDS[-1]}",
        ),
        _tempo,
        "music of several tempos (--codec beats)",
        numbers=True,
        bounds=TEMPO_BOUNDS,
        varied=lambda value, semitones, tempo: float(value) * tempo,
        asked="{} beats a minute",
        unit=lambda has_bars: "beats a minute",
    ),
    Wish(
        "label",
        "--like",
        (),
        None,
        "a folder with a sub-folder for each style, or --labels FILE.csv",
        asked="like {}",
    ),
)
BY_NAME = {each.name: each for each in WISH_TABLE}


@dataclass(frozen=True)
class Known:
    """What some music says of a wish. `counts`: how many pieces have each of the `values`.
    `bounds`: where a number becomes the next value."""

    name: str
    values: tuple[str, ...]
    counts: tuple[int, ...]
    bounds: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        wish, values = BY_NAME.get(self.name), self.values
        if wish is None or values != (wish.values or values):
            raise UgenError(f"{printable(self.name[:80])}: no wish, or not of these values")
        names = [each for each in values if 0 < len(each) <= LONGEST_LABEL and each.isprintable()]
        if len(set(names)) < len(values) or len(values) > MOST_LABELS:
            raise UgenError(f"{self.name}: at most {MOST_LABELS} names, all different")
        if len(self.counts) != len(values) or not all(0 <= n <= _MOST for n in self.counts):
            raise UgenError(f"{self.name}: counts are not those of {len(values)} values")
        between = len(values) - 1 if wish.numbers else 0
        if len(self.bounds) != between or list(self.bounds) != sorted(self.bounds):
            raise UgenError(f"{self.name}: bounds are not {between} rising numbers")

    @property
    def is_useful(self) -> bool:
        """Whether there is something to choose from."""
        return self.name == "key" or sum(n > 0 for n in self.counts) > 1

    def id_of(self, value: Value) -> int:
        """The id of a value that was measured, or of a name; 0 where it is none."""
        if isinstance(value, str):
            return self.values.index(value) + 1 if value in self.values else 0
        return 1 + bisect_left(self.bounds, value) if value > 0 else 0

    def ask(self, value: Value) -> int:
        """The id of what somebody asks for. Raises UgenError where no piece was so; a number that
        none had leaves it open."""
        number = self.id_of(value)
        if number and (self.counts[number - 1] or self.name == "key"):
            return number
        if isinstance(value, str):
            known = [name for name, n in zip(self.values, self.counts, strict=True) if n]
            reason = f"no training piece is so; the model knows {', '.join(known)}"
            raise UgenError(reason, flag=BY_NAME[self.name].flag, value=printable(value[:80]))
        return 0

    def told(self, value: Value, has_bars: bool) -> str:
        """A measured value in words, as in `9.1 notes a second, dense`."""
        words = BY_NAME[self.name].found(value, has_bars)
        return f"{words}, {self.values[self.id_of(value) - 1]}" if self.levels else words

    @property
    def levels(self) -> bool:
        """Whether its values are thirds of the music."""
        return len(self.bounds) == LEVELS - 1


def known_of(found: Mapping[str, Sequence[Value]]) -> tuple[Known, ...]:
    """What some pieces say of each wish, from their values by the wish's name."""
    known = []
    for wish in WISH_TABLE:
        values = [value for value in found.get(wish.name, ()) if value]
        if not values:
            continue
        names, bounds = wish.values, wish.bounds
        if not names:
            common = Counter(map(str, values)).most_common(MOST_LABELS)
            names = tuple(sorted(name for name, _ in common))
        elif wish.numbers and not bounds:
            thirds = np.quantile(np.array(values, np.float64), [1 / 3, 2 / 3])
            bounds = tuple(round(float(third), 3) for third in thirds)
        each = Known(wish.name, names, (0,) * len(names), bounds)
        ids = Counter(each.id_of(value) for value in values)
        counts = tuple(ids[number] for number in range(1, len(names) + 1))
        known.append(Known(wish.name, names, counts, bounds))
    return tuple(known)


def measured(score: Score, has_bars: bool) -> dict[str, Value]:
    """The values of a piece that can be measured, by the wish's name."""
    return {each.name: each.measure(score, has_bars) for each in WISH_TABLE if each.measure}


def ids_of(
    known: Sequence[Known], values: Mapping[str, Value], semitones: int = 0, tempo: float = 1.0
) -> dict[str, int]:
    """The ids of a piece with these values, played in another key and so many times as fast."""
    ids = {}
    for each in known:
        if value := values.get(each.name):
            ids[each.name] = each.id_of(BY_NAME[each.name].varied(value, semitones, tempo))
    return ids


def label_of(name: str) -> str:
    """A name as a label."""
    return printable(name)[:LONGEST_LABEL]
