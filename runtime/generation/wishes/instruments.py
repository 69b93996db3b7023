"""Which instruments a band's song may use, and must.

Others are masked, and hand their chances over to these. One that has been silent for long is
brought in at a bar line: its program comes in its place among the others there, and the model
writes what it plays.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray
from ugen.data import Codec, Score, UgenError
from ugen.data.codecs.base import Mask, Tokens, split_event
from ugen.data.midi.general_midi import DRUMS, instrument, instrument_name, instruments_in
from ugen.runtime.model_file.card import Card

from .usual import drawn_ensemble

LONGEST_REST = 8  # bars, after which an instrument comes in
ENTRANCE = 4  # bars of a song in which it may come in by itself
_FLAG = "--instruments"
Heard = tuple[tuple[int, float], ...]


def instruments_of(text: str) -> tuple[int, ...]:
    """The instruments that a text names, separated by commas, in order of their numbers. Raises
    UgenError."""
    try:
        return tuple(sorted({instrument(each) for each in text.split(",")}))
    except UgenError as error:
        raise UgenError(error.reason, flag=_FLAG) from None


def has_instruments(codec: Codec) -> bool:
    """Whether a codec tells one instrument from another."""
    return any(event.startswith("program:") for event in codec.events)


def check_instruments(codec: Codec, text: str | None, drums: bool) -> None:
    """Raise UgenError where a codec knows no instruments, or what is asked for contradicts
    itself."""
    if text is None and drums:
        return
    if not has_instruments(codec):
        reason = "the model knows one piano only; train-ugen --arrange band keeps instruments"
        raise UgenError(reason, flag=_FLAG if text is not None else "--no-drums")
    if text is not None and not drums and DRUMS in instruments_of(text):
        raise UgenError("--instruments names drums; leave out one of them", flag="--no-drums")


def usual_instruments(card: Card, seed: int, before: Tokens | None, drums: bool) -> tuple[int, ...]:
    """What a band plays where no instruments are asked for, in order of their numbers: those of a
    training piece, and those that played before. None in it: whatever the model likes."""
    ensemble = drawn_ensemble(card, seed) if has_instruments(card.codec) else ()
    if before is not None and ensemble:
        ensemble += instruments_in(card.codec.decode(before))
    return tuple(sorted(each for each in {*ensemble} if drums or each != DRUMS))


def band_asked(instruments: str | None, drums: bool) -> str:
    """The instruments that are asked for, in words; nothing where none are."""
    if instruments is None:
        return "" if drums else "no drums"
    return ", ".join(map(instrument_name, instruments_of(instruments)))


def band_found(score: Score) -> str:
    """The instruments of a song and their notes, in words."""
    programs = np.where(score.notes["drum"], DRUMS, score.notes["program"].astype(int))
    found, notes = np.unique(programs, return_counts=True)
    pairs = zip(found.tolist(), notes.tolist(), strict=True)
    return ", ".join(f"{instrument_name(number)} ({n})" for number, n in pairs)


class Instruments:
    """What a song's tokens may be, and where an instrument is brought in.

    `wanted`: those that must be heard; none where all but drums may. `bar`: where the song begins.
    `bars`: its length. `kept`: those that play music which stands already, and need no more.
    """

    def __init__(
        self, codec: Codec, wanted: Sequence[int], bar: int, bars: float, kept: Collection[int] = ()
    ):
        pairs = [split_event(event) for event in codec.events]
        allowed = set(wanted) or {value for _, value in pairs if value != DRUMS}
        allowed.update(kept)
        self._kinds = [kind for kind, _ in pairs]
        self._values = [value for _, value in pairs]
        self._programs = {value: n for n, (kind, value) in enumerate(pairs) if kind == "program"}
        self._allowed = np.array([kind != "program" or value in allowed for kind, value in pairs])
        # a note without a program is a piano's
        starts = np.isin(self._kinds, ("velocity", "pitch")) & (0 not in allowed)
        self._allowed_first = self._allowed & ~starts
        pitched = [kind == "program" and value != DRUMS for kind, value in pairs]
        self._turns = np.flatnonzero(pitched)
        self._ours = self._allowed[self._turns].astype(np.float32)
        room = bars - len(wanted) - 3  # ends come up to two bars early
        self._all_at_once = room < 0
        rest = LONGEST_REST - max(min(ENTRANCE, room), 0)
        self._heard: dict[int, float] = {
            program: bar - rest for program in wanted if program not in kept
        }
        self._brought = -1  # the bar in which one was, last
        self._is_first = True  # whether no program was named since time moved
        self._at_line = True

    @property
    def state(self) -> tuple[Heard, int, bool, bool]:
        """What `restore` needs."""
        return (*self._heard.items(),), self._brought, self._is_first, self._at_line

    def restore(self, state: tuple[Heard, int, bool, bool]) -> None:
        """Go back to a `state`."""
        heard, self._brought, self._is_first, self._at_line = state
        self._heard = dict(heard)

    def hand_over(self, logits: NDArray[np.float32], mask: Mask) -> None:
        """Give these instruments the chances of those that are left out, in place: where the model
        wants a pitched instrument to play, one does, and not drums or none."""
        may = mask[self._turns]
        if not may.any():
            return
        scores = logits[self._turns]
        weights = np.exp(np.subtract(scores, scores.max(), dtype=np.float64)) * may
        total = np.add.accumulate(weights)[-1]  # in order, as other runtimes add
        own = np.add.accumulate(weights * self._ours)[-1]
        if 0 < own < total:
            logits[self._turns] = scores + np.float32(math.log(total / own)) * self._ours

    def narrow(self, mask: Mask) -> Mask:
        """Of what may come next, what these instruments may play."""
        return mask & (self._allowed_first if self._is_first else self._allowed)

    def bring_in(self, token: int, mask: Mask, bar: int) -> int:
        """The token that was sampled, or before it the program of an instrument that was silent for
        too long. `bar`: the cursor's."""
        if not self._at_line or bar == self._brought and not self._all_at_once:
            return token
        kind, value = self._kinds[token], self._values[token]
        passes = DRUMS + 1 if kind in ("bar", "shift") else value if kind == "program" else -1
        for program, heard in self._heard.items():
            its = self._programs[program]
            if bar - heard >= LONGEST_REST and program < passes and mask[its]:
                self._brought = bar
                return its
        return token

    def follow(self, token: int, bar: int) -> None:
        """The next token came."""
        kind, value = self._kinds[token], self._values[token]
        if kind in ("bar", "shift", "meter"):
            self._at_line = kind != "shift"
        if kind in ("bar", "shift", "meter", "tempo", "piece"):
            self._is_first = True
        elif kind == "program":
            self._is_first = False
            if value in self._heard:
                self._heard[value] = bar
