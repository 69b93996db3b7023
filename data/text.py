"""Numbers, times and names as a reader wants them, fit for a terminal."""

from __future__ import annotations


def count(number: int, thing: str) -> str:
    """A number of things, in the plural where it is not one."""
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def clock(seconds: float) -> str:
    """Seconds as m:ss or h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    return (
        f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"
    )


def printable(text: str) -> str:
    """Text with a mark for each character that could break a line or a terminal; file names can
    hold any."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def line(value: object) -> str:
    """Whatever a file says, fit to stand in a line of an error."""
    text = "".join(c if c.isprintable() else " " for c in str(value)[:200])
    return text if len(str(value)) <= 200 else f"{text}..."
