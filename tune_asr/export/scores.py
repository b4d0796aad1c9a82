"""Error rates of an exported model on one set of utterances, with their interval."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tune_asr.scoring.counts import ErrorCounts, count_errors
from tune_asr.scoring.metric import metric_for

Interval = Callable[[Sequence[int], Sequence[int]], tuple[float, float]]
"""Errors and words (or characters) of each utterance -> low and high end of the 95 % interval of their ratio."""


@dataclass(frozen=True, slots=True)
class Score:
    """Counts over a set, and the interval of the rate that `metric` names."""

    num_utterances: int
    counts: ErrorCounts
    metric: str
    """`WER`, or `CER` where the references hold hardly any spaces."""
    low: float
    high: float

    @property
    def rate(self) -> float:
        """The rate that `metric` names."""
        return self.counts.wer if self.metric == "WER" else self.counts.cer

    def __str__(self) -> str:
        return f"{self.metric} {self.rate:.2%} (95 % interval {self.low:.2%} to {self.high:.2%})"


def score(pairs: Iterable[tuple[str, str]], interval: Interval) -> Score:
    """Score references and hypotheses."""
    pairs = list(pairs)
    counts = [count_errors(reference, hypothesis) for reference, hypothesis in pairs]
    if metric_for(reference for reference, _ in pairs) == "val_wer":
        metric, errors = "WER", [c.word_errors for c in counts]
        totals = [c.words for c in counts]
    else:
        metric, errors, totals = "CER", [c.character_errors for c in counts], [c.characters for c in counts]
    return Score(len(pairs), sum(counts, ErrorCounts()), metric, *interval(errors, totals))
