"""Sentences on the end of a search: why it stopped, and what its finalists show."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from tune_asr.record.events import Report
from tune_asr.record.finalists import Finalist, finalists, last_round
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.ranking import best_epoch
from tune_asr.record.state import SearchState
from tune_asr.record.trial import FINAL
from tune_asr.record.utterances import utterances_of
from tune_asr.scoring.metric import Metric, metric_name
from tune_asr.scoring.spread import Difference, difference_of_means, standard_error
from tune_asr.space.enough import LARGEST_GAIN
from tune_asr.wording import count, percent

_ROW = "  {:<7}  {:>5}  {:>6}  {:>6}  {:>7}  {:>13}  {}"


def stop_line(state: SearchState, metric: Metric) -> str:
    """Return a sentence on the end by `search.stop`, or ""."""
    stopped = state.stopped
    if stopped is None:
        return ""
    planned = f" of {state.planned.trials}" if state.planned else ""
    lowered = (
        f"Stopped after {state.num_drawn}{planned} trials (search.stop): the last two waves lowered the best "
        f"{metric_name(metric)}, now {percent(stopped.best)} %, by less than"
    )
    shown = f"{100 * stopped.delta:.2g} points"
    if stopped.delta <= LARGEST_GAIN:
        return f"{lowered} {shown}, which this validation set cannot show."
    return f"{lowered} {100 * LARGEST_GAIN:.0f} points. This validation set shows no difference below {shown}."


def finalist_lines(folder: ResultsFolder, state: SearchState, metric: Metric) -> Iterator[str]:
    """Yield the finalists, and whether the first is sure."""
    there = last_round(state)
    found = finalists(state, metric)
    if not found:
        if there:
            ended = sum(trial.status in FINAL for trial in there)
            yield f"Finalists: {ended} of {len(there)} trainings have ended. Until all have, they choose no winner."
        return
    seeds = max(len(finalist.runs) for finalist in found)
    yield (
        f"Finalists: {count(len(found), 'setting')}, each trained again with {count(seeds, 'fresh seed')}; the lowest "
        f"mean {metric_name(metric)} (%) wins:"
    )
    yield _ROW.format("setting", "mean", "spread", "lowest", "highest", "in the search", "trials")
    for finalist in found:
        yield _row(finalist, best_epoch(state.trials[finalist.of], metric=metric), metric)
    if len(found) > 1 and found[1].rates:
        first, second = found[:2]
        yield _sureness(first, second, against(folder, metric, first, second), metric_name(metric))


def against(folder: ResultsFolder, metric: Metric, first: Finalist, second: Finalist) -> Difference:
    """Return the difference of two settings' means, with its interval.

    The interval is over the seeds and, paired, over the utterances if they are kept.
    """
    error = 0.0
    if (one := _mean_errors(folder, metric, first)) and (other := _mean_errors(folder, metric, second)):
        ids, errors, sizes = one
        if ids == other[0]:
            error = standard_error(errors - other[1], sizes)
    return difference_of_means(first.rates, second.rates, error)


def _mean_errors(
    folder: ResultsFolder, metric: Metric, finalist: Finalist
) -> tuple[tuple[str, ...], np.ndarray, np.ndarray] | None:
    """Return ids, mean errors and sizes of utterances."""
    found = [utterances_of(folder, report.trial, report) for report in finalist.reports]
    counts = [utterances.counts(metric) if utterances else None for utterances in found]
    known = [pair for pair in counts if pair]
    ids = {utterances.ids for utterances in found if utterances}
    if not known or len(known) < len(found) or len(ids) > 1:
        return None
    return ids.pop(), np.mean([errors for errors, _ in known], axis=0), known[0][1]


def _row(finalist: Finalist, searched: Report | None, metric: Metric) -> str:
    """Return a row of the table."""
    rates = (finalist.mean, finalist.spread, min(finalist.rates), max(finalist.rates)) if finalist.rates else ()
    cells = [percent(rate) or "-" for rate in rates] or ["-"] * 4
    lost = len(finalist.runs) - len(finalist.rates)
    numbers = " ".join(run.number for run in finalist.runs) + (f" ({lost} without a result)" if lost else "")
    return _ROW.format(finalist.of, *cells, percent(searched.scores.get(metric) if searched else None), numbers)


def _sureness(first: Finalist, second: Finalist, difference: Difference, name: str) -> str:
    """Return a sentence on first against second."""
    one, other = f"the setting of {first.of}", f"that of {second.of}"
    if len(second.rates) < len(second.runs) and len(first.rates) == len(first.runs):
        return f"{one[:1].upper()}{one[1:]} comes before {other}, of which not every training came to a result."
    if math.isinf(difference.low):
        return f"Whether {one} beats {other} is not known: a single seed shows no spread. Train more seeds of each."
    if difference.low == difference.high == 0:
        return f"{one[:1].upper()}{one[1:]} and {other} tie: each of their trainings has the same {name}."
    if difference.is_sure and difference.high < 0:
        lower = f"its mean {name} is {-100 * difference.high:.1f} to {-100 * difference.low:.1f} points lower"
        return f"{one[:1].upper()}{one[1:]} beats {other}: {lower} (95 %, over seeds and utterances)."
    return (
        f"{one[:1].upper()}{one[1:]} and {other} cannot be told apart: the difference of their mean {name} is "
        f"{100 * difference.low:+.1f} to {100 * difference.high:+.1f} points (95 %, over seeds and utterances)."
    )
