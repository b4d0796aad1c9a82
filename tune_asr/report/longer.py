"""Settings that were trained again with a longer horizon."""

from __future__ import annotations

from collections.abc import Iterator

from tune_asr.report.results import Results
from tune_asr.report.text_table import table_lines
from tune_asr.scoring.metric import metric_name
from tune_asr.wording import percent


def longer_lines(results: Results) -> Iterator[str]:
    """Yield each longer training beside the one that it repeats."""
    place = {trial.number: (trial, report) for trial, report in results.ranked}
    again = [(trial, report) for trial, report in results.ranked if trial.repeats in place]
    if not again:
        return
    name = metric_name(results.metric)
    yield f"Settings trained again with a longer horizon, {name} % before and after:"
    rows = []
    for trial, report in again:
        before, earlier = place[str(trial.repeats)]
        rates = [percent(found.scores.get(results.metric) if found else None) or "-" for found in (earlier, report)]
        rows.append([trial.number, trial.status, f"{trial.epoch} of {trial.horizon}", before.number, *rates])
    yield from table_lines(["trial", "status", "epochs", "repeats", "before", "after"], rows)
