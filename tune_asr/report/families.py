"""Families of trials side by side: the values of a key that branches.

A key branches if its values are names, and other keys are searched under some of them alone. `model.target` always
does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from tune_asr.record.ranking import Standing, searched_keys
from tune_asr.record.trial import Trial
from tune_asr.record.utterances import Utterances, utterances_of
from tune_asr.report.equal_epochs import at_equal_epochs, best_until, rung_epochs
from tune_asr.report.results import Results
from tune_asr.report.text_table import table_lines
from tune_asr.report.two_trials import first_against_second
from tune_asr.scoring.metric import metric_name
from tune_asr.wording import parameters, percent, printable, shortened

Families = dict[str, list[Standing]]
"""Standings by the value of one key, families with the best trial first."""
_ALWAYS = "model.target"
_LONGEST = 18


def branching(ranked: Sequence[Standing], keys: Sequence[str]) -> dict[str, Families]:
    """Return the families of each key that branches."""
    found = {key: _families(ranked, key) for key in keys}
    return {key: families for key, families in found.items() if families and (key == _ALWAYS or _branches(families))}


def _families(ranked: Sequence[Standing], key: str) -> Families:
    """Return the families of a key with names."""
    families: Families = {}
    for standing in ranked:
        if key in standing.trial.params:
            value = standing.trial.params[key]
            if not isinstance(value, str):
                return {}
            families.setdefault(value, []).append(standing)
    return families if len(families) > 1 else {}


def _branches(families: Families) -> bool:
    """Test if families have other keys."""
    keys = [{key for trial, _ in standings for key in trial.params} for standings in families.values()]
    return any(own != keys[0] for own in keys)


def family_lines(results: Results) -> Iterator[str]:
    """Yield families side by side, and their best two compared."""
    for key, families in branching(results.drawn, searched_keys(results.state)).items():
        yield from _side_by_side(results, printable(key), families)
        names, leaders = list(families), [standings[0] for standings in families.values()]
        labels = [f"the best {printable(n)} ({each.trial.number})" for n, each in zip(names, leaders, strict=True)]
        if results.metric == "val_wer" and leaders[1][1]:
            first, second = (_utterances(results, leader) for leader in leaders[:2])
            yield first_against_second(first, second, (labels[0], labels[1]))
        if equal := at_equal_epochs(leaders[0][0], leaders[1][0], results.metric, (labels[0], labels[1])):
            yield equal


def _side_by_side(results: Results, key: str, families: Families) -> Iterator[str]:
    """Yield a row for each family."""
    metric, rungs = results.metric, rung_epochs(results)
    name = metric_name(metric)
    early = [f"at {rungs[0]}"] if rungs else []
    yield f"By {key}: the best {name} % of each family" + (
        f", and the median of its trials at epoch {rungs[0]}, before any was stopped:" if rungs else ":"
    )
    rows = []
    for value, standings in families.items():
        trials, (leader, report) = [trial for trial, _ in standings], standings[0]
        at_rung = [rate for trial in trials if rungs and (rate := best_until(trial, rungs[0], metric)) is not None]
        seconds = [report.seconds for trial in trials for report in trial.reports if report.seconds is not None]
        rows.append(
            [
                shortened(printable(value), _LONGEST),
                str(len(trials)),
                str(sum(trial.epoch for trial in trials)),
                leader.number if report else "-",
                percent(report.scores.get(metric) if report else None) or "-",
                *([percent(median(at_rung)) if at_rung else "-"] if early else []),
                f"{median(seconds):.2g}" if seconds else "-",
                _sizes(trials),
            ]
        )
    head = [key.split(".")[-1], "trials", "epochs", "best", f"{name} %", *early, "s/epoch", "params"]
    shown = [i for i in range(len(head)) if i == 0 or any(row[i] for row in rows)]
    yield from table_lines([head[i] for i in shown], [[row[i] for i in shown] for row in rows])


def _sizes(trials: Sequence[Trial]) -> str:
    """Return the range of their parameters, "" if not recorded."""
    sizes = [size for trial in trials if (size := trial.num_parameters)]
    if not sizes:
        return ""
    low, high = parameters(min(sizes)), parameters(max(sizes))
    return low if low == high else f"{low}-{high}"


def _utterances(results: Results, standing: Standing) -> Utterances | None:
    """Return the utterances of a trial's best epoch."""
    trial, report = standing
    if report is None:
        return None
    if trial.number not in results.utterances:
        return utterances_of(results.folder, trial.number, report)
    return results.utterances[trial.number]
