"""Odd and damaged Standard MIDI Files, made the same every time.

VALID: files that a reader should accept, and their notes. DOUBTFUL: files that it may accept, then
with these notes (None: any number), or refuse. INVALID: files that it should refuse.

No third-party data. Public domain (CC0): may be used under any licence.
"""

from __future__ import annotations

import gzip
import random


def delta(ticks: int) -> bytes:
    """A variable-length quantity."""
    groups = [ticks & 127]
    while ticks := ticks >> 7:
        groups.append(ticks & 127 | 128)
    return bytes(reversed(groups))


def note(pitch: int, length: int = 480, velocity: int = 80, channel: int = 0, at: int = 0) -> bytes:
    """A note on and its note off, `at` ticks after the event before."""
    on = delta(at) + bytes([0x90 | channel, pitch, velocity])
    return on + delta(length) + bytes([0x80 | channel, pitch, 0])


def header(kind: int = 0, tracks: int = 1, division: int = 480, extra: bytes = b"") -> bytes:
    """An MThd chunk."""
    numbers = b"".join(number.to_bytes(2, "big") for number in (kind, tracks, division))
    return b"MThd" + (6 + len(extra)).to_bytes(4, "big") + numbers + extra


def track(body: bytes, length: int | None = None) -> bytes:
    """An MTrk chunk that ends with an end of track. `length`: what it says in place of its own."""
    body += bytes.fromhex("00 ff2f00")
    return b"MTrk" + (len(body) if length is None else length).to_bytes(4, "big") + body


def notes(*pitches: int, **more: int) -> bytes:
    """Notes one after another."""
    return b"".join(note(pitch, **more) for pitch in pitches)


TUNE = notes(60, 62, 64, 65, 67, 69, 71, 72)
N = 8  # notes in it
PLAIN = header() + track(TUNE)


EMPTY = track(b"")


def _before_tune(events: str) -> bytes:
    """A file of the tune after some events, in hex."""
    return header() + track(bytes.fromhex(events) + TUNE)


def _in_riff(midi: bytes) -> bytes:
    length = len(midi).to_bytes(4, "little")
    return b"RIFF" + (len(midi) + 12).to_bytes(4, "little") + b"RMIDdata" + length + midi


def _cluster() -> bytes:
    """128 notes at once."""
    ons = b"".join(bytes([0, 0x90, pitch, 80]) for pitch in range(128))
    offs = b"".join(bytes([0, 0x80, pitch, 0]) for pitch in range(1, 128))
    return ons + bytes.fromhex("8360 800000") + offs


def _dense(count: int) -> bytes:
    chance = random.Random(7)
    return b"".join(
        note(chance.randrange(21, 109), 30, chance.randrange(1, 128)) for _ in range(count)
    )


def _flipped(number: int) -> bytes:
    """The plain file with random bytes replaced."""
    chance, data = random.Random(1000 + number), bytearray(PLAIN)
    for _ in range(1 + number // 3):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


VALID: dict[str, tuple[int, bytes]] = {
    "ok_plain.mid": (N, PLAIN),
    "ok_no_tempo_no_timesig.mid": (N, PLAIN),
    "OK_UPPERCASE.MID": (N, PLAIN),
    "ok_ünïcode 名前.mid": (N, PLAIN),
    # note-ons of velocity 0 end notes
    "ok_running_status.mid": (
        N,
        header()
        + track(
            bytes.fromhex("00 903c50 8360 3c00")
            + b"".join(bytes([0, p, 80, 0x83, 0x60, p, 0]) for p in (62, 64, 65, 67, 69, 71, 72))
        ),
    ),
    "ok_header_len8.mid": (N, header(extra=b"\0\0") + track(TUNE)),
    "ok_alien_chunk.mid": (N, header() + b"XFIH\0\0\0\4abcd" + track(TUNE)),
    "ok_trailing_garbage.mid": (N, PLAIN + bytes(64)),
    "ok_fmt1_empty_tracks.mid": (N, header(1, 3) + EMPTY + track(TUNE) + EMPTY),
    "ok_fmt2.mid": (2 * N, header(2, 2) + track(TUNE) + track(TUNE)),
    "ok_tpq1.mid": (N, header(division=1) + track(notes(*range(60, 68), length=1))),
    "ok_tpq32767.mid": (N, header(division=32767) + track(TUNE)),
    "ok_tempo_many_same_tick.mid": (
        N,
        _before_tune("00 ff510307a120 00 ff510303d090 00 ff51030f4240"),
    ),
    "ok_unknown_meta.mid": (N, _before_tune("00 ff6003616263 00 ff7f020041")),
    "ok_text_latin1_sjis.mid": (N, _before_tune("00 ff0304636166e9 00 ff03068351815b8380")),
    "ok_sysex_split_f7.mid": (N, _before_tune("00 f003431200 60 f70210f7")),
    "ok_all_16_channels.mid": (
        16,
        header() + track(b"".join(note(60, 120, channel=c) for c in range(16))),
    ),
    "ok_drums_only.mid": (4, header() + track(notes(35, 38, 42, 46, length=120, channel=9))),
    "ok_pitch_extremes.mid": (2, header() + track(notes(0, 127))),
    "ok_chord128.mid": (128, header() + track(_cluster())),
    "ok_hour_of_silence.mid": (2, header() + track(note(60) + note(62, at=480 * 2 * 3600))),
    "ok_empty_song.mid": (0, header() + EMPTY),
    "ok_only_tempo.mid": (0, header() + track(bytes.fromhex("00 ff510307a120"))),
    "ok_single_note.mid": (1, header() + track(note(60))),
    "ok_kar_lyrics.kar": (
        3,
        header(1, 2)
        + track(b"\0\xff\1\5@KMID")
        + track(b"".join(b"\0\xff\5\2la" + note(pitch) for pitch in (60, 62, 64))),
    ),
    "ok_dense_50k.mid": (50_000, header() + track(_dense(50_000))),
    "bad_off_without_on.mid": (N, _before_tune("00 803c00")),
}
DOUBTFUL: dict[str, tuple[int | None, bytes]] = {
    "ok_smpte_division.mid": (N, header(division=0xE728) + track(TUNE)),  # 25 frames of 40 ticks
    "ok_rmi_wrapper.rmi": (N, _in_riff(PLAIN)),
    "ok_zero_duration.mid": (3, header() + track(notes(60, 64, 67, length=0))),
    "ok_overlap_same_pitch.mid": (
        2,
        header() + track(bytes.fromhex("00 903c50 8170 903c60 8170 803c00 8170 803c00")),
    ),
    "ok_delta_max.mid": (2, header() + track(note(60) + note(62, at=0x0FFFFFFF))),
    "bad_header_only.mid": (0, header()),
    "bad_leading_garbage.mid": (N, bytes(128) + PLAIN),  # as MacBinary has it
    "bad_fmt3.mid": (N, header(3) + track(TUNE)),
    "bad_division0.mid": (N, header(division=0) + track(TUNE)),
    "bad_ntrks_too_many.mid": (N, header(1, 9) + track(TUNE)),
    "bad_ntrks_too_few.mid": (N, header(1, 1) + track(TUNE) + track(TUNE)),
    "bad_ntrks_65535.mid": (N, header(1, 65535) + track(TUNE)),
    "bad_trklen_huge.mid": (N, header() + track(TUNE, length=0xFFFFFFFF)),
    "bad_trklen_short.mid": (None, header() + track(TUNE, length=20)),
    "bad_trklen_zero.mid": (N, header() + track(TUNE, length=0)),
    "bad_no_eot.mid": (N, PLAIN[:18] + len(TUNE).to_bytes(4, "big") + TUNE),
    "bad_cut_half.mid": (None, PLAIN[: len(PLAIN) // 2]),
    "bad_cut_in_vlq.mid": (N, PLAIN[:18] + (len(TUNE) + 1).to_bytes(4, "big") + TUNE + b"\x81"),
    "bad_vlq_5bytes.mid": (None, _before_tune("ffffffff7f 903c50")),
    "bad_data_byte_high.mid": (None, _before_tune("00 903cc8")),
    "bad_running_status_first.mid": (None, _before_tune("00 3c50")),
    **{
        f"bad_status_{status:02x}.mid": (None, _before_tune(f"00{status:02x}"))
        for status in (0xF1, 0xF4, 0xF5, 0xF8, 0xF9, 0xFD)
    },
    "bad_sysex_unterminated.mid": (None, _before_tune("00 f07f43")),
    "bad_meta_len_past_end.mid": (None, header() + track(bytes.fromhex("00 ff03ffffff7f 616263"))),
    "bad_tempo0.mid": (N, _before_tune("00 ff5103000000")),
    "bad_tempo_len2.mid": (N, _before_tune("00 ff510207a1")),
    "bad_timesig_0_over_256.mid": (N, _before_tune("00 ff580400081808")),
    "bad_timesig_denom_pow255.mid": (N, _before_tune("00 ff580404ff1808")),
    "bad_keysig.mid": (N, _before_tune("00 ff590264ff")),  # 100 sharps, mode 255
    "bad_note_never_off.mid": (None, _before_tune("00 903c50")),
    **{f"fuzz_flip_{number:02}.mid": (None, _flipped(number)) for number in range(12)},
}
INVALID: dict[str, bytes] = {
    "bad_empty_0_bytes.mid": b"",
    "bad_3_bytes.mid": b"MTh",
    "bad_header_cut.mid": header()[:11],
    "bad_magic.mid": b"RIFX" + PLAIN[4:],
    "bad_text_file.mid": b"This is not a MIDI file.\n" * 4,
    "bad_html_404.mid": b"<!DOCTYPE html><html><title>404</title></html>",
    "bad_gzip.mid": gzip.compress(PLAIN, mtime=0),
}
