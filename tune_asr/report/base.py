"""Base configuration beside the winner."""

from __future__ import annotations

from collections.abc import Iterator

from tune_asr.config.sections import Config
from tune_asr.record.events import Report
from tune_asr.record.finalists import finalists
from tune_asr.record.ranking import Standing, leader
from tune_asr.record.trial import Trial
from tune_asr.record.utterances import utterances_of
from tune_asr.report.equal_epochs import at_equal_epochs
from tune_asr.report.results import Results
from tune_asr.report.two_trials import first_against_second
from tune_asr.scoring.metric import metric_name
from tune_asr.wording import count, percent


def base_trial(results: Results) -> Standing | None:
    """Return the trial of the base configuration.

    In a search that does not include it, this is the best trial with the same settings, if any. A base with the
    winner's horizon is preferred.
    """
    bases = [standing for standing in results.ranked if standing.trial.is_base]
    if bases:
        return min(bases, key=lambda standing: standing.trial.horizon != results.ranked[0].trial.horizon)
    if results.plan is None:
        return None
    config = results.plan.config
    same = (each for each in results.ranked if all(_value(config, key) == v for key, v in each.trial.params.items()))
    return next(same, None)


def _value(config: Config, key: str) -> object:
    """Return the value of a dotted key, or None."""
    found: object = config
    for part in key.split("."):
        found = found.get(part) if isinstance(found, dict) else getattr(found, part, None)
    return list(found) if isinstance(found, tuple) else found


def base_lines(results: Results) -> Iterator[str]:
    """Yield the winner against a searched base configuration."""
    first, base = leader(results.ranked), base_trial(results)
    if first is None or base is None or not base[0].is_base:
        return
    (winner, best), (trial, report) = first, base
    name = f"the base configuration (trial {trial.number})"
    if trial is winner or winner.finalist_of == trial.number:
        yield f"The winner is {name}: no other setting beats it."
        return
    if report is None:
        yield f"Whether the winner beats {name} is not known: that has no result{' yet' if results.is_running else ''}."
        return
    if winner.finalist_of is not None:
        yield from _seeds_against_base(results, winner, report, name)
        return
    if results.metric == "val_wer":
        found = [utterances_of(results.folder, t.number, r) for t, r in ((winner, best), (trial, report))]
        yield first_against_second(found[0], found[1], ("the winner", name))
    rates = " against ".join(f"{percent(r.scores.get(results.metric))} %" for r in (best, report))
    rank = 1 + [standing.trial.number for standing in results.ranked].index(trial.number)
    yield f"{metric_name(results.metric)} {rates} for the base, which is {rank} of {len(results.ranked)}."
    if equal := at_equal_epochs(winner, trial, results.metric, ("the winner", "the base")):
        yield equal


def _seeds_against_base(results: Results, winner: Trial, base: Report, name: str) -> Iterator[str]:
    """Yield the mean over the winner's seeds against the base.

    The best seed alone would be the luckiest of several, against one run.
    """
    setting = next(found for found in finalists(results.state, results.metric) if winner in found.runs)
    measure, rate, spread = metric_name(results.metric), base.scores.value(results.metric), setting.spread
    seeds = count(len(setting.rates), "fresh seed")
    yield (
        f"The winner's mean {measure} over {seeds} is {percent(setting.mean)} %; {name} has {percent(rate)} % with the "
        "one seed it was trained with."
    )
    if spread == 0 and rate == setting.rates[0]:
        yield "They tie: each of its seeds has the error rate of the base."
    elif spread is None or abs(setting.mean - rate) <= 2 * spread:
        seen = "one seed shows no spread" if spread is None else f"the seeds have a spread of {percent(spread)} points"
        yield f"Whether the winner beats the base is not known: {seen}."
