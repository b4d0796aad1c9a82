"""Two searches side by side, on one ruler.

Error rates compare only on the same validation data. A search of release 0.1.0 recorded the fingerprint of all data
alone; the utterances of its best trial then stand in for it.
"""

from __future__ import annotations

from collections.abc import Iterator

from tune_asr.config.overrides import leaves
from tune_asr.errors import ConfigError, Problem
from tune_asr.record.ranking import leader, searched_keys, too_early
from tune_asr.record.utterances import Utterances
from tune_asr.report.leaderboard_table import interval_text
from tune_asr.report.pruning import horizon_of
from tune_asr.report.results import Results
from tune_asr.report.text_table import table_lines
from tune_asr.report.two_trials import first_against_second
from tune_asr.scoring.metric import metric_name
from tune_asr.wording import clock, count, percent, printable, shortened, value_text

_PARTS = 4
"""Rows of the comparison at equal cost."""
_DIFFERENCES = 20
"""Most differing keys of the bases that are listed."""
_LONGEST = 30
_APART = ("data", "logging", "checkpoint")
"""Sections that do not describe the recogniser. Fingerprints compare the data."""


def two_searches(one: Results, other: Results) -> Iterator[str]:
    """Yield the comparison, line by line.

    Raises:
        ConfigError: their validation data are not the same, or not known to be.
    """
    _require_one_ruler(one, other)
    names = _names(one, other)
    yield from table_lines(["", *names], list(zip(_FACTS, _facts(one), _facts(other), strict=True)))
    yield ""
    yield from _better(one, other, names)
    yield from _equal_cost(one, other, names)
    yield from _differences(one, other, names)


def _require_one_ruler(one: Results, other: Results) -> None:
    """Refuse searches that were measured by two rulers."""
    place = f"{one.folder.root} and {other.folder.root}"
    if one.folder.root.resolve() == other.folder.root.resolve():
        raise ConfigError(Problem(place, "both are the same search", "Name two results folders."))
    if one.metric != other.metric:
        what = f"the first is ranked by {metric_name(one.metric)}, the second by {metric_name(other.metric)}"
        raise ConfigError(Problem(place, what, "Compare searches that are ranked alike."))
    is_same = _same_validation(one, other)
    if not is_same:
        known = (
            "were measured on different validation data" if is_same is False else "may have different validation data"
        )
        what = f"the searches {known}, so their error rates do not compare"
        raise ConfigError(Problem(place, what, "Compare searches with the same data.val."))


def _same_validation(one: Results, other: Results) -> bool | None:
    """Return whether validation data agree, None if not known."""
    if one.search and other.search:
        for name in ("val_fingerprint", "data_fingerprint"):
            first, second = getattr(one.search, name), getattr(other.search, name)
            if first and second and (name == "val_fingerprint" or first == second):
                return bool(first == second)
    first, second = _utterances(one), _utterances(other)
    if first is None or second is None:
        return None
    return first.ids == second.ids and bool((first.words == second.words).all())


def _utterances(results: Results) -> Utterances | None:
    """Return the utterances of the best trial."""
    best = leader(results.ranked)
    return results.utterances.get(best[0].number) if best else None


def _names(one: Results, other: Results) -> tuple[str, str]:
    """Return the folders' names, or paths if these are equal."""
    roots = one.folder.root.resolve(), other.folder.root.resolve()
    names = [root.name for root in roots] if roots[0].name != roots[1].name else list(map(str, roots))
    return printable(names[0]), printable(names[1])


_FACTS = (
    *("status", "trials", "epochs", "time", "slots", "last epoch", "proposals", "pruning"),
    *("best trial", "its epochs", "WER %", "95 %", "CER %"),
)


def _facts(results: Results) -> Iterator[str]:
    """Yield one search's facts in the order of `_FACTS`."""
    state, best = results.state, leader(results.ranked)
    yield "running" if results.is_running else "interrupted" if state.status == "running" else state.status
    yield str(len(state.trials))
    yield str(state.epochs)
    yield clock(state.wall_seconds)
    yield str(state.slots or "")
    yield str(horizon_of(results.plan, state))
    yield results.plan.space.search.algorithm if results.plan else ""
    yield results.plan.space.asha.mode if results.plan else ""
    yield best[0].number if best else "-"
    yield str(best[0].epoch) if best else "-"
    yield percent(best[1].scores.val_wer) if best and results.metric == "val_wer" else "-"
    yield (interval_text(_utterances(results)) or "-") if results.metric == "val_wer" else "-"
    yield percent(best[1].scores.val_cer) if best else "-"


def _better(one: Results, other: Results, names: tuple[str, str]) -> Iterator[str]:
    """Yield a sentence on which winner is better."""
    first, second = leader(one.ranked), leader(other.ranked)
    if first is None or second is None:
        yield "Which winner is better is not known: a search has no result."
    elif warning := too_early(min(report.scores.value(one.metric) for _, report in (first, second)), one.metric):
        yield f"Which winner is better is not known. {warning}"
    elif one.metric == "val_wer":
        labels = [f"the winner of {name}" for name in names]
        yield first_against_second(_utterances(one), _utterances(other), (labels[0], labels[1]))


def _equal_cost(one: Results, other: Results, names: tuple[str, str]) -> Iterator[str]:
    """Yield the best rates after the same number of epochs."""
    total = min(one.state.epochs, other.state.epochs)
    if not total:
        return
    epochs = sorted({max(1, total * part // _PARTS) for part in range(1, _PARTS + 1)})
    yield f"Best {metric_name(one.metric)} % after the same number of epochs, over all trials:"
    rows = [
        [str(number), *(percent(_best_after(results, number)) or "-" for results in (one, other))] for number in epochs
    ]
    yield from table_lines(["epochs", *names], rows)


def _best_after(results: Results, number: int) -> float | None:
    """Return the best rate of the first reports."""
    rates = (report.scores.get(results.metric) for report in results.state.reports[:number])
    return min((rate for rate in rates if rate is not None), default=None)


def _differences(one: Results, other: Results, names: tuple[str, str]) -> Iterator[str]:
    """Yield the keys that differ in search or base."""
    searches = (one, names[0], other), (other, names[1], one)
    for results, name, against in searches:
        if only := [key for key in searched_keys(results.state) if key not in searched_keys(against.state)]:
            yield f"Searched in {name} alone: {', '.join(map(printable, only))}."
    if one.search and other.search and one.search.data_fingerprint != other.search.data_fingerprint:
        yield "Their training data differ; the validation data are the same."
    if one.plan is None or other.plan is None:
        return
    searched = {*searched_keys(one.state), *searched_keys(other.state)}
    bases = [leaves(results.plan.config.model_dump()) for results in (one, other) if results.plan]
    different = [
        key
        for key in dict.fromkeys([*bases[0], *bases[1]])
        if bases[0].get(key) != bases[1].get(key) and key not in searched and key.split(".")[0] not in _APART
    ]
    if different:
        yield f"The base configurations differ in {count(len(different), 'key')}:"
        rows = [
            [printable(key), *(shortened(value_text(base[key]), _LONGEST) if key in base else "-" for base in bases)]
            for key in different[:_DIFFERENCES]
        ]
        yield from table_lines(["", *names], rows)
    if len(different) > _DIFFERENCES:
        yield f"and {len(different) - _DIFFERENCES} more"
