"""How numbers are put into words, on a terminal as in HTML."""

from __future__ import annotations


def count(number: int, noun: str) -> str:
    """`1 trial`, `2 trials`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def duration(seconds: float) -> str:
    """A time in the two units that matter."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def estimate(seconds: float) -> str:
    """A time that is guessed: as `duration`, in seconds below two minutes, and in minutes above."""
    return f"{seconds:.0f} s" if seconds < 120 else duration(60 * round(seconds / 60)).removesuffix(" 0 s")
