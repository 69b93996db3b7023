"""The errors a user can cause. Everything else is a bug in ugen and may show a traceback."""

from __future__ import annotations


class UgenError(Exception):
    """A mistake in what was asked or given. The text is one line that names the flag or file and the reason.

    `exit_code`: what a command ends with.
    """

    exit_code = 2


class MidiError(UgenError):
    """A MIDI file that cannot be read or written.

    Attributes: `path` (str), `reason` (str) and `offset` (int or None, the byte in the file where reading failed).
    """

    def __init__(self, path: str, reason: str, offset: int | None = None):
        self.path, self.reason, self.offset = path, reason, offset
        where = "" if offset is None else f" (byte {offset})"
        super().__init__(f"{path}: {reason}{where}")


class CodecError(UgenError):
    """Tokens, or a description of a codec, that make no sense."""
