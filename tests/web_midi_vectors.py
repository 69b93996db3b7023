"""Golden vectors for other readers of MIDI files: small files, most of them odd, and what is read.

    python tests/web_midi_vectors.py

writes runtime/web/tests/vectors/midi.json: by name, a file in hexadecimal; its ticks a beat, notes,
tempos and meters as `read_midi` reads them, or null where it refuses the file; and the notes of
both arrangements without the silence before them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ugen.data import Score, UgenError, arrange, read_midi
from ugen.data.arrangement import ARRANGEMENTS, cut_silence

FILE = Path(__file__).parent.parent / "runtime" / "web" / "tests" / "vectors" / "midi.json"
END = "00 FF 2F 00"
C4, C4_OFF = "00 90 3C 50", "60 80 3C 00"


def midi(*tracks: str, form: int = 1, division: str = "00 60", names: int | None = None) -> bytes:
    """A file of tracks, given in hexadecimal. `names`: how many its header names."""
    head = f"{form:04x} {len(tracks) if names is None else names:04x} {division}"
    chunks = [b"MThd" + (6).to_bytes(4, "big") + bytes.fromhex(head)]
    for each in tracks:
        body = bytes.fromhex(each)
        chunks.append(b"MTrk" + len(body).to_bytes(4, "big") + body)
    return b"".join(chunks)


def track(*events: str) -> str:
    return " ".join([*events, END])


PLAIN = midi(track(C4, C4_OFF))
DRUMS = "00 99 24 50", "10 89 24 00"
FILES = {  # by what is odd about them
    "plain": PLAIN,
    "no MIDI": b"RIFF and no more",
    "empty": b"",
    "a header cut off": PLAIN[:12],
    "no ticks": midi(track(C4, C4_OFF), division="00 00"),
    "running status and velocity 0": midi(track("00 90 3C 50", "30 3C 00", "00 3E 40 30 3E 00")),
    "tempo and meter": midi(
        track("00 FF 51 03 07 A1 20", "00 FF 58 04 03 02 18 08", "83 00 FF 51 03 0F 42 40"),
        track("00 C0 05", C4, C4_OFF, "8B 20 90 40 50", "60 80 40 00"),
    ),
    "tempo and meter without a meaning": midi(
        track("00 FF 51 03 00 00 00", "00 FF 58 04 00 02 18 08", C4, C4_OFF)
    ),
    "no end": midi(track(C4, "60 90 3E 50", "60 80 3E 00")),
    "no end at the end": midi(track("00 90 3E 50", "60 80 3E 00", C4, "86 00 B0 07 40")),
    "ends missing, struck again": midi(
        track(C4, "20 90 3C 50", "20 90 3C 50", "20 80 3C 00", "20 90 3C 50", "20 80 3C 00")
    ),
    "on and off in the wrong order": midi(
        track("20 80 3C 00", "00 90 3C 50", "20 80 3C 00", "00 90 3C 50", "20 90 3C 40")
    ),
    "two at once": midi(track(C4, "10 90 3C 40", "10 80 3C 00", "10 80 3C 00")),
    "no length": midi(track(C4, "00 80 3C 00")),
    "all notes off": midi(track(C4, "20 90 40 50", "00 B0 7B 00", "20 80 40 00")),
    "data bytes over 127": midi(track("00 90 3C FF", C4_OFF, "00 90 BC 50", C4, C4_OFF)),
    "a data byte first": midi(track(C4, C4_OFF), "00 3C 50"),
    "an event cut off": midi("00 90 3C 50 60 80 3C 00 00 90 40"),
    "system messages": midi(track("00 F2 01 02", C4, "10 F8", "50 80 3C 00")),
    "music after the end": midi(f"{C4} {C4_OFF} {END} 00 90 40 50 60 80 40 00"),
    "more tracks than named": midi(track(C4, C4_OFF), track("00 90 40 50"), names=1),
    "a length too long": PLAIN[:21] + b"\x40" + PLAIN[22:],
    "a length too short": midi(track(C4, C4_OFF)).replace(b"\0\0\0\x0c", b"\0\0\0\x04"),
    "bytes before the header": b"\0\1\2" + PLAIN,
    "in RIFF": b"RIFF" + (12 + len(PLAIN)).to_bytes(4, "little") + b"RMIDdata    " + PLAIN,
    "an unknown chunk": PLAIN[:14] + b"XFIH\0\0\0\2ab" + PLAIN[14:],
    "patterns": midi(track(C4, C4_OFF), track("00 90 40 50", "60 80 40 00"), form=2),
    "SMPTE": midi(track(C4, C4_OFF, "60 90 40 50"), division="E7 28"),
    "SMPTE, 30 drop frame": midi(track(C4, C4_OFF), division="E3 0A"),
    "a program of another track": midi(
        track("00 C1 20"), track("00 91 30 50", "30 81 30 00", "00 C1 21", "00 91 30 50")
    ),
    "drums": midi(track(C4, C4_OFF), track(*DRUMS)),
    "drums of GS": midi(
        track(
            "00 F0 0A 41 10 42 12 40 11 15 02 18 F7", C4, C4_OFF, *DRUMS, "00 F0 05 7E 7F 09 01 F7"
        )
    ),
    "drums of XG": midi(
        track("00 F0 08 43 10 4C 00 00 7E 00 F7", "00 B0 00 7F", C4, C4_OFF),
        track("00 F0 08 43 10 4C 08 09 07 00 F7", *DRUMS),
    ),
    "drums of GM2": midi(track("00 F0 05 7E 7F 09 03 F7", "00 B0 00 78 00 B9 00 79", C4, *DRUMS)),
    "ports": midi(
        track("00 C0 10", "00 FF 21 01 01", C4, C4_OFF), track("00 90 40 50", "60 80 40 00")
    ),
    "silence first": midi(track("98 00 90 3C 50", C4_OFF)),
    "doubled": midi(track(C4, "00 91 3C 40 00 C1 20", "30 80 3C 00", "30 81 3C 00", *DRUMS)),
}


def text() -> str:
    """The vectors as JSON."""
    cases = [f"{json.dumps(name)}: {json.dumps(_case(data))}" for name, data in FILES.items()]
    return "{\n" + ",\n".join(cases) + "\n}\n"


def _case(data: bytes) -> dict[str, Any]:
    try:
        score = read_midi(data)
    except UgenError:
        return {"file": data.hex(), "score": None}
    parts = {each: cut_silence(arrange(score, each)).notes.tolist() for each in ARRANGEMENTS}
    return {"file": data.hex(), "score": _rows(score), "arranged": parts}


def _rows(score: Score) -> list[Any]:
    arrays = score.notes, score.tempos, score.meters
    return [score.ticks_per_beat, *(array.tolist() for array in arrays)]


if __name__ == "__main__":
    FILE.write_text(text(), "utf-8")
