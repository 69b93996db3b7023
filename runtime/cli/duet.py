"""ugen-run --midi-in: a duet with somebody at a keyboard."""

from __future__ import annotations

from ugen.data import UgenError
from ugen.data.analysis.key import key_words, parse_key
from ugen.data.text import count, printable
from ugen.runtime.generation.request import Request
from ugen.runtime.generation.transform import Transform
from ugen.runtime.inference.model import Model
from ugen.runtime.playback.duet import Duet, Turn
from ugen.runtime.playback.interrupts import Interrupts
from ugen.runtime.playback.midi_port import open_input, open_port

from .flags import Live
from .messages import RunMessages


def play(request: Request, model: Model, live: Live, messages: RunMessages) -> None:
    """Listen and answer until Ctrl-C; no note hangs then. Raises UgenError when a port or the model
    cannot do that."""
    assert live.midi_in is not None and live.midi_port is not None
    if request.transform != Transform():
        reason = "not with changes to a finished song"
        if request.transform.key is not None:
            reason = "not with --key: the model was trained without the column key"
        raise UgenError(reason, flag="--midi-in")

    def tell(turn: Turn) -> None:
        phrase, (answer, key, _) = turn.phrase, turn.answer
        messages.line(
            f"heard {count(len(phrase.score.notes), 'note')} in {count(phrase.bars, 'bar')}, "
            f"{phrase.tempo:.0f} beats per minute, {key_words(parse_key(key))}; "
            f"answered with {count(len(answer.notes), 'note')} in {answer.seconds:.0f} s"
        )

    duet = None
    with Interrupts() as interrupts:
        try:
            with open_port(live.midi_port) as port, open_input(live.midi_in) as keyboard:
                duet = Duet(
                    model,
                    request.settings,
                    keyboard,
                    port,
                    tell,
                    lambda error: messages.warning(printable(f"no answer: {error}")),
                )
                messages.line(
                    f"listening, seed {request.settings.seed}: play a phrase, stop for a bar"
                )
                duet.run()
        except KeyboardInterrupt:
            interrupts.ignore()
    if duet is not None:
        messages.line(count(duet.turns, "phrase"))
