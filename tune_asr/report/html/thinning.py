"""Choice of trials to draw when there are many."""

from __future__ import annotations

from collections.abc import Sequence, Sized

from tune_asr.record.ranking import Standing
from tune_asr.scoring.metric import Metric

_MOST = 300
"""Trials in a figure: more hide each other, and fill the file."""


def thinned(ranked: Sequence[Standing], metric: Metric, most: int = _MOST) -> list[Standing]:
    """Choose about `most` trials, in order of their number.

    Kept are the best ones, those that were the best of their time, and of the rest every so many.
    """
    if len(ranked) <= most:
        return sorted(ranked, key=_number)
    best, rest = ranked[: most // 3], ranked[most // 3 :]
    chosen = [*best, *_records(ranked, metric), *rest[:: -(-len(rest) // (most - len(best)))]]
    return sorted({standing.trial.number: standing for standing in chosen}.values(), key=_number)


def thinned_note(drawn: Sized, all_of_them: Sized) -> str:
    """Return a sentence about trials left out, or ""."""
    if len(drawn) >= len(all_of_them):
        return ""
    return f"{len(drawn):,} of {len(all_of_them):,} trials are drawn: the best, and of the rest a few, evenly."


def _records(standings: Sequence[Standing], metric: Metric) -> list[Standing]:
    records: list[Standing] = []
    best = float("inf")
    for standing in sorted(standings, key=_number):
        if standing.report and standing.report.scores.value(metric) < best:
            best = standing.report.scores.value(metric)
            records.append(standing)
    return records


def _number(standing: Standing) -> int:
    return int(standing.trial.number)
