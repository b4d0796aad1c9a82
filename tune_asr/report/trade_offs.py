"""Size and speed beside the error rate: limits, and the Pareto front."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tune_asr.record.events import Report
from tune_asr.record.front import excess_text, measured_names, objective, pareto_front, wanted_columns
from tune_asr.record.ranking import Standing
from tune_asr.record.trial import Trial
from tune_asr.report.leaderboard_table import Column
from tune_asr.report.results import Results
from tune_asr.report.text_table import table_lines
from tune_asr.space.sections import Aim, SearchSection
from tune_asr.wording import count

NAMES: dict[Aim, str] = {"val_wer": "WER %", "val_cer": "CER %", "num_parameters": "parameters", "rtf": "rtf"}
"""Titles of objectives."""
_MOST = 20
"""Trials of the front that are listed."""


def wants(results: Results) -> SearchSection:
    """Return objectives and limits, none without search.yaml."""
    return results.plan.space.search if results.plan else SearchSection()


def trade_off_columns(results: Results, shown: Sequence[Standing]) -> list[Column]:
    """Return the columns of a search with objectives or limits.

    Args:
        results: results of the search.
        shown: first trials of the standings.
    """
    wanted = wants(results)
    if not wanted_columns(wanted):
        return []
    on_front = pareto_front(results.ranked, wanted.objectives)
    marks = ["beyond" if trial.excess else "*" if trial.number in on_front else "" for trial, _ in shown]
    speeds = ["" if trial.rtf is None else f"{trial.rtf:.3g}" for trial, _ in shown]
    has_speed = "rtf" in measured_names(wanted)
    return [
        *([Column("rtf", speeds)] if has_speed else ()),
        Column("front" if wanted.objectives else "limit", marks),
    ]


def limit_lines(results: Results) -> Iterator[str]:
    """Yield the trials beyond a limit; the base by itself."""
    beyond = [trial for trial in results.state.trials.values() if trial.excess]
    for trial in beyond:
        if trial.is_base and trial.excess:
            what = f"Trial {trial.number}, the base configuration, is beyond a limit"
            yield f"{what} ({excess_text(trial.excess)}): it is the reference, and cannot be the best."
    if ended := [trial for trial in beyond if not trial.is_base]:
        keys = ", ".join(dict.fromkeys(str(trial.excess.limit) for trial in ended if trial.excess))
        of_all = f"{count(len(ended), 'trial')} of {len(results.state.trials)}"
        yield f"{of_all} ended after the first epoch, beyond a limit of {keys}."


def front_lines(results: Results) -> Iterator[str]:
    """Yield the Pareto front, the best error rate first."""
    objectives = wants(results).objectives
    on_front = pareto_front(results.ranked, objectives)
    if not on_front:
        return
    names = ", ".join(NAMES[name].removesuffix(" %") for name in objectives)
    yield f"Pareto front of {names}: no other trial is as good in all of them and better in one."
    best = [(trial, report) for trial, report in results.ranked if trial.number in on_front]
    rows = [[trial.number, *(objective_text(trial, report, name) for name in objectives)] for trial, report in best]
    yield from table_lines(["trial", *(NAMES[name] for name in objectives)], rows[:_MOST])
    if len(rows) > _MOST:
        yield f"  and {len(rows) - _MOST} more in leaderboard.csv"


def objective_text(trial: Trial, report: Report | None, name: Aim) -> str:
    """Return the value of an objective as text."""
    value = objective(trial, report, name)
    if value is None:
        return ""
    if name == "num_parameters":
        return f"{value:,}"
    return f"{value:.3g}" if name == "rtf" else f"{100 * value:.1f}"
