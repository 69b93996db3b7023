"""What a song is asked to be: a user's texts as ids of a model's columns, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import accumulate

from ugen.data import Score, UgenError
from ugen.data.analysis.wishes import BY_NAME, WISH_TABLE, Known, measured
from ugen.data.codecs.columns import CHORD_NAMES
from ugen.data.text import printable
from ugen.runtime.model_file.card import Card
from ugen.runtime.sampling.rng import Rng

_PLACE = 1 << 54  # in the random stream of a seed: far from the numbers that a song takes
STEPS = 256  # that count as a bar of a mix where the codec has none
Mix = dict[int, float]  # weights by id


def mix_of(known: Known, text: str) -> Mix:
    """The ids asked for, each with its weight: of labels several, as in rag:0.7,waltz:0.3. Raises
    UgenError where the model knows no such thing."""
    wish = BY_NAME[known.name]
    if wish.values or text in known.values:
        return {known.ask(wish.parse(text)): 1.0}
    mix: Mix = {}
    for part in text.split(","):
        name, _, weight = part.rpartition(":") if ":" in part else (part, "", "1")
        try:
            number = float(weight)
        except ValueError:
            number = math.nan
        if not 0 < number < 1e6:
            reason = "must be a name, or names with weights, as in rag:0.7,waltz:0.3"
            raise UgenError(reason, flag=wish.flag, value=printable(text[:80]))
        mix[known.ask(name.strip())] = number
    return mix


def drawn(mix: Mix, seed: int, bar: int) -> int:
    """The id that holds in a bar, each as likely as its weight. A bar of a seed has one."""
    sums = list(accumulate(mix.values()))
    u = Rng(seed, _PLACE + bar).uniform() * sums[-1] if len(mix) > 1 else 0.0
    return next(each for each, total in zip(mix, sums, strict=True) if u < total)


def require_known(card: Card, name: str) -> Known:
    """What a model knows of a wish. Raises UgenError where it has no column for it."""
    if name not in card.known:
        wish = BY_NAME[name]
        reason = f"the model has no column {name}; train-ugen makes one that has it, from"
        raise UgenError(f"{reason} {wish.needs}", flag=wish.flag)
    return card.known[name]


def require_chords(card: Card) -> None:
    """Raise UgenError unless a model knows chords."""
    if not card.codec.has_bars:
        reason = f"the {card.codec.name} codec knows seconds only, no bars of chords"
        raise UgenError(reason, flag="--chords")
    if CHORD_NAMES[0] not in card.column_names:
        reason = "the model has no column chord; train-ugen --columns all makes one that has it"
        raise UgenError(reason, flag="--chords")


def asked_words(asked: Mapping[str, str | float]) -> str:
    """What was asked for, in words: D minor, dense. `asked`: by the wish's name."""
    words = []
    for wish in WISH_TABLE:
        if (value := asked.get(wish.name)) is not None:
            is_key = wish.name == "key"
            shown = wish.found(wish.parse(str(value)), True) if is_key else value
            words.append(wish.asked.format(f"{shown:g}" if isinstance(shown, float) else shown))
    return ", ".join(words)


def found_words(card: Card, score: Score, names: Mapping[str, object]) -> str:
    """What came out, in words: D minor, 9.1 notes a second, dense. `names`: of wishes."""
    has_bars = card.codec.has_bars
    values, words = measured(score, has_bars), []
    for wish in WISH_TABLE:
        if wish.name in names and values.get(wish.name):
            known = card.known.get(wish.name)
            value = values[wish.name]
            words.append(known.told(value, has_bars) if known else wish.found(value, has_bars))
    return ", ".join(words)
