"""Choice of the error rate for ranking: words or characters."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Metric = Literal["val_wer", "val_cer"]
ScoreName: TypeAlias = Literal["auto", "wer", "cer"]

_MIN_SHARE_OF_SPACES = 0.02
_MAX_SHARE_WITHOUT_SPACES = 0.5
_WITHOUT_SPACES = re.compile(
    "[\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\ua9e0-\ua9ff\uaa60-\uaa7f"  # Thai to Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f\U0001b000-\U0001b16f"  # Kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]"  # Han
)


@dataclass(frozen=True, slots=True)
class Choice:
    """Error rate of a search or training, and the reason."""

    metric: Metric
    reason: str
    """Clause such as `words are separated by spaces`."""


def choose(references: Iterable[str], rules: int = 2, score: ScoreName = "auto") -> Choice:
    """Choose the error rate for validation references.

    Chinese, Japanese, Thai, Lao, Khmer, Burmese and Tibetan separate no words by spaces, so their words are clauses.
    Korean separates words.

    Args:
        references: references of validation, normalised.
        rules: `text.rules`; 1 looks at the spaces alone.
        score: `text.score`.
    """
    if score != "auto":
        return Choice("val_wer" if score == "wer" else "val_cer", f"text.score is {score}")
    counts: Counter[str] = Counter()
    for reference in references:
        counts.update(reference)
    if rules > 1:
        letters = sum(number for character, number in counts.items() if character.isalpha())
        unspaced = sum(number for character, number in counts.items() if _is_unspaced_letter(character))
        if unspaced > _MAX_SHARE_WITHOUT_SPACES * letters:
            return Choice("val_cer", "its script separates no words")
    if counts[" "] < _MIN_SHARE_OF_SPACES * counts.total():
        return Choice("val_cer", "under 2 % of the characters are spaces")
    return Choice("val_wer", "words are separated by spaces")


def metric_for(references: Iterable[str], rules: int = 2, score: ScoreName = "auto") -> Metric:
    """Return the error rate for validation references."""
    return choose(references, rules, score).metric


def custom_metric(score: ScoreName) -> Metric:
    """Return the error rate under a custom data module.

    Its references are unknown, so `auto` is WER.
    """
    return "val_cer" if score == "cer" else "val_wer"


def metric_name(metric: Metric) -> str:
    """Return `WER` or `CER`."""
    return "WER" if metric == "val_wer" else "CER"


def score_name(metric: Metric) -> ScoreName:
    """Return the value of `text.score` that chooses a metric."""
    return "wer" if metric == "val_wer" else "cer"


def _is_unspaced_letter(character: str) -> bool:
    return character.isalpha() and bool(_WITHOUT_SPACES.match(character))
