"""Choice of the error rate for ranking: words or characters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

Metric = Literal["val_wer", "val_cer"]

_MIN_SHARE_OF_SPACES = 0.02


def metric_for(references: Iterable[str]) -> Metric:
    """Return `val_cer` if spaces are under 2 % of characters.

    Chinese, Japanese and Thai separate no words by spaces, so an utterance would be one long word.
    """
    characters = spaces = 0
    for reference in references:
        characters += len(reference)
        spaces += reference.count(" ")
    return "val_wer" if spaces >= _MIN_SHARE_OF_SPACES * characters else "val_cer"


def metric_name(metric: Metric) -> str:
    """Return `WER` or `CER`."""
    return "WER" if metric == "val_wer" else "CER"
