"""Effect of the rungs: trials stopped or waiting, epochs saved, and a warning where they judged too early."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tune_asr.record.state import SearchState
from tune_asr.record.trial import Trial
from tune_asr.report.decisions import decision_lines
from tune_asr.report.equal_epochs import best_until
from tune_asr.report.results import Results
from tune_asr.report.rungs import asha_metric, is_at_rung
from tune_asr.scoring.metric import metric_name
from tune_asr.space.plan import Plan
from tune_asr.wording import count

_UNLEARNT = 0.99
"""Error rate at and above which a trial has learnt nothing yet."""
_SPREAD = 0.02
"""Range of CER that separates trials before their words do."""
_NEARLY_ALL = 0.9
"""Share of unlearnt trials from which a rung is worth a warning."""


@dataclass(frozen=True, slots=True)
class Rung:
    """Numbers of one rung."""

    epoch: int
    reached: int
    """Trials judged here."""
    stopped: int
    """Trials stopped here, without controls."""
    waiting: int
    """Trials that are paused here and wait for their turn."""


@dataclass(frozen=True, slots=True)
class Pruning:
    """Savings of stopping trials early."""

    trained: int
    """Epochs trained by all trials but finalists."""
    saved: int
    """Epochs that pruned and waiting trials had left."""
    stopped: int
    """Pruned trials."""
    waiting: int
    """Trials that wait at a rung."""
    between: int
    """Trials stopped between two rungs."""
    rungs: tuple[Rung, ...]


def pruning(state: SearchState, horizon: int) -> Pruning:
    """Count the epochs saved by the drawn trials."""
    reached: dict[int, set[str]] = defaultdict(set)
    stopped: dict[int, set[str]] = defaultdict(set)
    between = set()
    for trial in state.drawn:
        for decision in trial.decisions:
            if is_at_rung(decision):
                reached[decision.epoch].add(trial.number)
            if decision.verdict == "stop":
                stopped[decision.epoch].add(trial.number)
                if not is_at_rung(decision):
                    between.add(trial.number)
    waiting = [trial.epoch for trial in state.drawn if trial.waits]
    pruned = [trial for trial in state.drawn if trial.status == "pruned"]
    left = [trial.epoch for trial in pruned if not trial.is_beyond_limit] + waiting
    return Pruning(
        trained=sum(trial.epoch for trial in state.drawn),
        saved=sum(max(0, horizon - epoch) for epoch in left),
        stopped=len(left) - len(waiting),
        waiting=len(waiting),
        between=len(between),
        rungs=tuple(
            Rung(epoch, len(reached[epoch]), len(stopped[epoch]), waiting.count(epoch)) for epoch in sorted(reached)
        ),
    )


def horizon_of(plan: Plan | None, state: SearchState) -> int:
    """Return the maximum epochs of a trial.

    Without a plan it is the longest training so far.
    """
    horizons = [plan.last_epoch] if plan else []
    if state.planned:  # a budget shortens the horizon
        horizons.append(state.planned.horizon)
    return min(horizons) if horizons else max((trial.epoch for trial in state.trials.values()), default=0)


def savings_lines(results: Results) -> Iterator[str]:
    """Yield the epochs that pruning saved, and the rungs."""
    saved = pruning(results.state, horizon_of(results.plan, results.state))
    early = dict(_early_rungs(results, saved))
    if saved.stopped or saved.waiting:
        yield _sum(results, saved, is_praised=not any(rung.stopped for rung in early))
        for rung in saved.rungs:
            yield f"  epoch {rung.epoch}: {rung.stopped} of {rung.reached} stopped{_waits(rung.waiting, ', ')}"
        if saved.between:
            yield f"  between rungs: {saved.between} stopped"
    if saved.waiting and results.state.status == "finished":
        yield (
            "A trial that waits counts with the epochs it has, keeps its newest and its best checkpoint, and has its "
            "turn if the search continues."
        )
    for rung, rates in early.items():
        yield _warning(results, rung, rates)
    yield from decision_lines(results.rejudged)


def _sum(results: Results, saved: Pruning, *, is_praised: bool) -> str:
    """Return a sentence on the epochs of all trials.

    Args:
        results: results of the search.
        saved: its savings.
        is_praised: whether the rungs stopped only trials that had learnt something.
    """
    without = saved.trained + saved.saved
    stopped = f"Pruning stopped {saved.stopped} of {count(results.state.num_drawn, 'trial')}"
    if saved.waiting and results.state.status != "finished":
        return (
            f"{stopped} so far{_waits(saved.waiting, ', and ')} at a rung: {saved.trained} epochs of {without} at most."
        )
    share = f" ({100 * saved.saved / without:.0f} % saved)" if is_praised else ""
    waits = f"{_waits(saved.waiting, ', and ')} at a rung" if saved.waiting else ""
    return f"{stopped}{waits}: {saved.trained} epochs were trained instead of {without}{share}."


def _waits(number: int, before: str) -> str:
    """Return `, 3 wait`, or "" for none."""
    return f"{before}{number} {'waits' if number == 1 else 'wait'}" if number else ""


def _early_rungs(results: Results, saved: Pruning) -> Iterator[tuple[Rung, list[float]]]:
    """Yield the rungs at which hardly any trial had learnt."""
    for rung in saved.rungs:
        rates = _known(results, rung.epoch, results.metric)
        if len(rates) > 1 and _unlearnt(rates) >= _NEARLY_ALL * len(rates):
            yield rung, rates


def _warning(results: Results, rung: Rung, rates: Sequence[float]) -> str:
    """Return the warning for a rung without learning."""
    many = f"all {len(rates)}" if _unlearnt(rates) == len(rates) else f"{_unlearnt(rates)} of {len(rates)}"
    what = f"Warning: at epoch {rung.epoch} {many} had a {metric_name(results.metric)} of 99 % or more."
    return f"{what} {_order(results, rung) if rung.stopped else 'No trial was stopped there.'}"


def _unlearnt(rates: Sequence[float]) -> int:
    return sum(rate >= _UNLEARNT for rate in rates)


def _order(results: Results, rung: Rung) -> str:
    """Describe the order of trials with equal error rates."""
    metric, cers = asha_metric(results.plan, results.metric), _known(results, rung.epoch, "val_cer")
    if metric != results.metric and cers and max(cers) - min(cers) >= _SPREAD:
        return f"Their CER, {100 * min(cers):.0f} % to {100 * max(cers):.0f} %, ordered them."
    by = "chance" if metric == results.metric else "hardly more than chance"
    return f"They had learnt nothing yet, and {by} decided between them. Raise asha.grace_period."


def _known(results: Results, epoch: int, metric: str) -> list[float]:
    """Return the best values known at a rung."""
    judged = (trial for trial, _ in results.drawn if _was_judged(trial, epoch))
    return [value for trial in judged if (value := best_until(trial, epoch, metric)) is not None]


def _was_judged(trial: Trial, epoch: int) -> bool:
    return any(decision.epoch == epoch and is_at_rung(decision) for decision in trial.decisions)
