"""What an event of the ledger must hold, so that whoever reads a ledger may count on it.

The live search makes its events right; a file on a disk may be damaged, or changed by hand, and still be JSON.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tune_asr.config.scalars import shown

_MEASURED = ("val_wer", "val_cer", "val_loss", "objective", "seconds")

REQUIRED: Mapping[str, tuple[str, ...]] = {
    "search_started": ("slots",),
    "search_ended": ("status",),
    "created": ("trial", "params", "seed"),
    "report": ("trial", "epoch", "last", *_MEASURED),
    "decision": ("trial", "epoch", "value", "verdict"),
}
"""By event, the fields that nobody can do without; of other events it is the trial."""

_TEXT, _WHOLE, _NUMBER = "text", "a whole number", "a number"
_KINDS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("trial", "time", "checkpoint", "process", "warning"), (_TEXT,)),
    "cause": (_TEXT, "null"),
    **dict.fromkeys(("seed", "epoch", "rung", "slots", "retry"), (_WHOLE,)),
    **dict.fromkeys(("words", "substitutions", "deletions", "insertions"), (_WHOLE, "null")),
    **dict.fromkeys(("value", "cutoff"), (_NUMBER,)),
    **dict.fromkeys((*_MEASURED, "train_loss", "train_seconds", "val_seconds"), (_NUMBER, "null")),
    **dict.fromkeys(("val_blank_share", "val_empty_share"), (_NUMBER, "null")),
    **dict.fromkeys(("last", "control"), ("true or false",)),
    "params": ("a mapping",),
    "damaged": ("a list",),
}
_ANY_SIGN = frozenset(("seed", "value", "cutoff", "objective", "val_loss", "train_loss"))
"""Of the numbers, those that may be below 0: a class of the user's may have any loss."""
_CHOICES = {"status": ("finished", "interrupted"), "verdict": ("continue", "stop"), "weights": ("raw", "ema")}


def damage(event: Mapping[str, Any]) -> str:
    """Why an event cannot be what a search has written; empty where it can."""
    required = REQUIRED.get(event["event"], ("trial",))
    missing = [name for name in required if name not in event]
    if missing:
        return f"a {event['event']} event without {missing[0]}"
    for name, value in event.items():
        if name in _KINDS and not any(_is(value, kind) for kind in _KINDS[name]):
            return f"{name} is {shown(value)}, but must be {' or '.join(_KINDS[name])}"
        if name in _KINDS and name not in _ANY_SIGN and isinstance(value, int | float) and value < 0:
            return f"{name} is {shown(value)}, but must be 0 or more"
        if name in _CHOICES and value not in _CHOICES[name]:
            return f"{name} is {shown(value)}, but must be {' or '.join(_CHOICES[name])}"
    return ""


def _is(value: Any, kind: str) -> bool:
    match value:
        case None:
            return kind == "null"
        case bool():
            return kind == "true or false"
        case int():
            return kind in (_WHOLE, _NUMBER) and abs(value) < 2**63
        case float():
            return kind == _NUMBER and math.isfinite(value)
        case str():
            return kind == _TEXT
        case dict():
            return kind == "a mapping"
    return kind == "a list"
