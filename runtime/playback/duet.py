"""A duet: somebody plays a phrase and stops for a bar, the model answers, and listens again.

An answer is made while the bar of silence ends, in the phrase's tempo and key and as long as the
phrase, and begins on a beat. It continues what both have played. A key that is pressed during an
answer silences it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple, Protocol

import numpy as np
from ugen.data import Note, Score, UgenError
from ugen.data.analysis.key import key_name, key_of
from ugen.data.codecs.base import Tokens
from ugen.runtime.generation.guard.faults import GuardError
from ugen.runtime.generation.primer import tokens_of
from ugen.runtime.generation.settings import SongSettings
from ugen.runtime.generation.song import generate
from ugen.runtime.inference.model import Model

from .midi_player import MidiOut, MidiPlayer
from .phrase import TICKS, Listener, Phrase

POLL = 0.004  # seconds between two looks at the keyboard
LEAD = 0.3  # seconds before its time that an answer is made; more where the last took longer
REMEMBERED = 32  # bars of both that an answer continues
MOST_BARS = 32
_TEMPO = 120.0  # of a first phrase of one or two notes


class MidiIn(Protocol):
    """Where messages come from."""

    def messages(self) -> list[tuple[float, tuple[int, ...]]]:
        """Those since the last call, each with its second by the clock."""


class MidiOutSilenced(MidiOut, Protocol):
    """Where messages go, and what ends those that sound."""

    def silence(self) -> None:
        """End all notes that sound."""


class Answer(NamedTuple):
    """Music that answers a phrase, the phrase's key, and the seconds it took to make."""

    score: Score
    key: str
    took: float


class Turn(NamedTuple):
    """A phrase and its answer. `due`, `begun`: seconds by the clock when the answer was to begin
    and did."""

    phrase: Phrase
    answer: Answer
    due: float
    begun: float


class _Interrupted(Exception):  # noqa: N818 - no error
    """A key was pressed during the answer."""


class Duet:
    """One duet. `settings`: of all answers; those without a length are as long as their phrases,
    and without a tempo or key in the phrases'. Raises UgenError when the model cannot."""

    def __init__(
        self,
        model: Model,
        settings: SongSettings,
        keyboard: MidiIn,
        port: MidiOutSilenced,
        on_turn: Callable[[Turn], None] = lambda turn: None,
        on_fault: Callable[[GuardError], None] = lambda error: None,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
    ):
        if not model.card.codec.has_bars:
            reason = f"the {model.card.codec.name} codec knows seconds only, no beats and bars"
            raise UgenError(reason, flag="--midi-in")
        replace(settings, bars=settings.bars or 1).for_model(model.card)  # raises what is wrong
        self._model, self._settings = model, settings
        self._keyboard, self._port = keyboard, port
        self._on_turn, self._on_fault = on_turn, on_fault
        self._clock, self._sleep = clock, sleep
        numerator, denominator = map(int, (settings.meter or "4/4").split("/"))
        self._bar = 4 * numerator / denominator
        self._meter = numerator, denominator
        self._listener = Listener()
        self._tempo = settings.tempo or _TEMPO
        self._played: Score | None = None
        self._lead = LEAD
        self.turns = 0

    def run(self) -> None:
        """Play until an exception ends it."""
        while True:
            self.turn()

    def turn(self) -> None:
        """Wait for a phrase, and answer it."""
        phrase, answer, due = self._listen()
        self._listener = Listener()
        self._tempo = phrase.tempo
        self._played = self._joined(phrase.score)
        self.turns += 1
        if answer is None:
            return
        begun, heard = self._play(answer.score)
        self._played = self._joined(answer.score.until(answer.score.tick_at(heard) + 1))
        self._on_turn(Turn(phrase, answer, due, begun))

    def _listen(self) -> tuple[Phrase, Answer | None, float]:
        """A phrase, the answer to it, if there is one, and when it is to begin, which is now."""
        tempo, due = self._tempo, math.inf
        known, made = -1, None
        while True:
            self._hear()
            listener, is_new = self._listener, len(self._listener.keys) != known
            if not listener.is_silent:
                due, made, known = math.inf, None, -1
            elif is_new:
                known = len(listener.keys)
                tempo = self._settings.tempo or listener.tempo(self._tempo)
                due = listener.entry(tempo, self._bar)
            lead = min(self._lead, self._bar * 30 / tempo)  # half a bar at most
            if made is None and self._clock() >= due - lead:
                phrase = listener.phrase(tempo, self._bar)
                made = phrase, self._answer(phrase)
                continue  # a key may have been pressed meanwhile
            if made is not None and self._clock() >= due:
                return *made, due
            self._sleep(min(POLL, max(due - self._clock(), POLL / 10)))

    def _hear(self) -> bool:
        """Take what has come from the keyboard. Whether a note began."""
        began = [self._listener.hear(*each) for each in self._keyboard.messages()]
        return any(began)

    def _answer(self, phrase: Phrase) -> Answer | None:
        settings, card = self._settings, self._model.card
        key, before = settings.key or key_name(key_of(phrase.score)), self._clock()
        try:
            song = generate(
                self._model,
                replace(
                    settings,
                    seed=settings.seed + self.turns,
                    bars=settings.bars or min(phrase.bars, MOST_BARS),
                    tempo=phrase.tempo,
                    key=key if "key" in card.known else None,
                    primer=self._primer(self._joined(phrase.score)),
                ),
            )
        except GuardError as error:
            self._on_fault(error)
            return None
        took = self._clock() - before
        self._lead = max(LEAD, 2 * took)
        if not len(song.score.notes):
            return None
        beat = song.score.ticks_per_beat
        first = int(song.score.notes["onset"][0]) // beat * beat
        return Answer(song.score.since(first), key, took)

    def _primer(self, score: Score) -> Tokens:
        """The tokens of what was played, up to the beginning of a new bar."""
        tokens, codec = tokens_of(self._model, score), self._model.card.codec
        new_bar = np.array([codec.events.index("bar")], tokens.dtype)
        return np.concatenate([tokens, new_bar])

    def _joined(self, score: Score) -> Score:
        """What was played before, and this from a new bar on; the last bars of it."""
        score, before, bar = score.at(TICKS), self._played, round(self._bar * TICKS)
        if before is None:
            return Score.build(score.notes, TICKS, score.tempos, [(0, *self._meter)])
        start = -(-before.end_tick // bar) * bar
        notes, tempos = score.notes.copy(), score.tempos.copy()
        for times in (notes["onset"], notes["end"], tempos["tick"]):
            times += start
        both = Score.build(
            np.concatenate([before.notes, notes]),
            TICKS,
            np.concatenate([before.tempos, tempos]),
            before.meters,
        )
        return both.since(max(-(-both.end_tick // bar) - REMEMBERED, 0) * bar)

    def _play(self, score: Score) -> tuple[float, float]:
        """Play until the end, or until a key is pressed. When it began, and how much was heard, in
        seconds."""
        onsets, ends = (score.seconds_at(score.notes[name]).tolist() for name in ("onset", "end"))
        notes = [
            Note(onset, end, pitch, velocity, program, drum)
            for onset, end, (_, _, pitch, velocity, program, drum) in zip(
                onsets, ends, score.notes.tolist(), strict=True
            )
        ]
        player = MidiPlayer(notes, self._port, clock=self._clock, sleep=self._rest)
        try:
            player.play()
        except _Interrupted:
            self._port.silence()
        return player.start, player.stats.seconds

    def _rest(self, seconds: float) -> None:
        self._sleep(min(seconds, POLL))
        if self._hear():
            raise _Interrupted
