"""Evaluations on the search's own test set, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tune_asr.record.test_looks import TestLook
from tune_asr.scoring.metric import Metric, metric_name
from tune_asr.wording import percent


def look_lines(looks: Sequence[TestLook], metric: Metric) -> Iterator[str]:
    """Yield a sentence on the looks, and the trials.

    Args:
        looks: looks in the order of the file.
        metric: error rate that ranks, `val_wer` or `val_cer`.
    """
    if not looks:
        return
    times = "once" if len(looks) == 1 else f"{len(looks)} times"
    trials = {look.trial: look for look in looks}
    doors = " and ".join(sorted({look.by for look in looks}))
    yield f"The test set was looked at {times} by {doors}" + (
        "." if len(trials) == 1 else f", for {len(trials)} trials: the lowest of their error rates is too good."
    )
    for look in trials.values():
        rate = f"{metric_name(metric)} {percent(look.cer if metric == 'val_cer' else look.wer)} %"
        yield f"  {look.trial} epoch {look.epoch}: {rate} on {look.utterances} utterances"
