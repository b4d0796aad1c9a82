"""Error rates of an exported model, with their interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tune_asr.scoring.counts import ErrorCounts
from tune_asr.scoring.intervals import rate_interval
from tune_asr.scoring.metric import Metric, metric_name
from tune_asr.scoring.transcript import Transcript, errors_and_sizes


@dataclass(frozen=True, slots=True)
class Score:
    """Error counts of a set, and one rate's interval."""

    num_utterances: int
    counts: ErrorCounts
    metric: Metric
    """Rate of the interval."""
    low: float
    high: float

    @property
    def name(self) -> str:
        """`WER` or `CER`."""
        return metric_name(self.metric)

    @property
    def rate(self) -> float:
        """Rate of the interval, over the whole set."""
        return self.counts.wer if self.metric == "val_wer" else self.counts.cer

    def __str__(self) -> str:
        return f"{self.name} {self.rate:.2%} (95 % interval {self.low:.2%} to {self.high:.2%})"


def score(transcripts: Sequence[Transcript], metric: Metric) -> Score:
    """Score decoded utterances, with the interval of one rate."""
    counts = [transcript.counts for transcript in transcripts]
    low, high = rate_interval(*errors_and_sizes(transcripts, metric))
    return Score(len(counts), sum(counts, ErrorCounts()), metric, low, high)
