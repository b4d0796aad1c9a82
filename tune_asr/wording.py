"""Numbers, values and foreign text in words, and the terminals that show them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from typing import TextIO

JOINERS = "\u200c\u200d"
"""ZWNJ and ZWJ: part of the spelling in Persian, Hindi, Bengali and others, and of emoji."""
_ERRNO = re.compile(r"\[Errno -?\d+\] ")
_ADDRESS = re.compile(r"[A-Za-z][\w+.-]+:/|hf:")


def count(number: float, noun: str) -> str:
    """Return `1 trial`, `2,000 trials`, `0.5 trials`."""
    text = f"{number:g}" if isinstance(number, float) else f"{number:,}"
    return f"{text} {noun}" if number == 1 else f"{text} {noun}s"


def duration(seconds: float) -> str:
    """Return a time in its two largest units."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def estimate(seconds: float) -> str:
    """Return a guessed time: seconds below two minutes, minutes above."""
    return f"{seconds:.0f} s" if seconds < 120 else duration(60 * round(seconds / 60)).removesuffix(" 0 s")


def clock(seconds: float) -> str:
    """Return a time as minutes and seconds, or with hours.

    For example `0:07`, `12:05` or `2:05:10`.
    """
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def parameters(number: int) -> str:
    """Return a number of parameters as `950`, `12.3k` or `1.25M`."""
    for unit, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= unit:
            return f"{number / unit:.3g}{letter}"
    return str(number)


def percent(fraction: float | None) -> str:
    """Return a fraction in %, one decimal; "" for None."""
    return "" if fraction is None else f"{100 * fraction:.1f}"


def value_text(value: object) -> str:
    """Return a value as in YAML, floats with four digits."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return printable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def setting_text(settings: Mapping[str, object], key: str) -> str:
    """Return the value of a key, "" if absent."""
    return value_text(settings[key]) if key in settings else ""


def short_names(keys: Sequence[str]) -> list[str]:
    """Shorten dotted keys to their fewest distinct last parts."""

    def short(key: str) -> str:
        parts = key.split(".")
        tails = (".".join(parts[-length:]) for length in range(1, len(parts)))
        return next((tail for tail in tails if sum(f".{other}".endswith(f".{tail}") for other in keys) == 1), key)

    return [short(key) for key in keys]


def shortened(text: str, longest: int) -> str:
    """Cut `text` to at most `longest` characters."""
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def printable(text: str) -> str:
    """Escape control and unprintable characters; the result is one line.

    `JOINERS` stay: names are spelled with them.
    """
    return "".join(c if c.isprintable() or c in JOINERS else c.encode("unicode_escape").decode() for c in text)


def is_address(text: str) -> bool:
    """Return True for a URL."""
    return _ADDRESS.match(text) is not None


def first_line(error: BaseException) -> str:
    """Return the first line of a message, or its class.

    Numbers of the system's errors (`[Errno 111]`) mean nothing to people, and are left out.
    """
    return _ERRNO.sub("", next(iter(str(error).strip().splitlines()), type(error).__name__))


def is_live_terminal(stream: TextIO) -> bool:
    """Return whether `stream` is a terminal with a movable cursor."""
    return stream.isatty() and os.environ.get("TERM", "dumb") not in ("", "dumb", "unknown")
