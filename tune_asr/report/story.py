"""Sentences of a report, for terminal and HTML alike.

A section is a function of the results that yields lines of plain text, or none; others have a file beside this one.
Indented lines keep their layout. The indent of `next_commands` marks a command: a reader copies it, so it is never
wrapped. Names, values and causes are foreign text and pass through `printable`.
"""

from __future__ import annotations

from collections.abc import Iterator

from tune_asr.record.conclusion import finalist_lines, stop_line
from tune_asr.record.finalists import finalists
from tune_asr.record.ranking import is_gone, leader, too_early
from tune_asr.record.resolution import resolution
from tune_asr.record.test_looks import read_looks
from tune_asr.report.advice import advise
from tune_asr.report.advice_lines import control_lines, replay_lines
from tune_asr.report.equal_epochs import at_equal_epochs, equal_epochs_lines
from tune_asr.report.machines import machine_lines
from tune_asr.report.narrow_ranges import beyond, narrow_ranges
from tune_asr.report.results import Results
from tune_asr.report.test_set import look_lines
from tune_asr.report.two_trials import first_against_second
from tune_asr.report.what_matters import matter_lines
from tune_asr.space.values import takes
from tune_asr.wording import count, duration, percent, printable, value_text

_NEAR_THE_FIRST = 5
"""First trials that show how alike settings err."""
_FAILURES = 50
"""Most failures listed."""
_GONE = 10
"""Most trials without a checkpoint listed."""


def header(results: Results) -> Iterator[str]:
    """Yield name, status and cost of the search, with warnings."""
    state = results.state
    ended = "interrupted, its process died" if state.status == "running" else state.status
    counts = ", ".join(f"{number} {status}" for status, number in state.counts().items() if number)
    slots = f" on {count(state.slots, 'slot')}" if state.slots else ""
    yield f"{printable(results.folder.root.resolve().name)}: {'running' if results.is_running else ended}"
    yield f"{count(len(state.trials), 'trial')}{f' ({counts})' if counts else ''}"
    yield f"{count(state.epochs, 'epoch')} in {duration(state.wall_seconds)}{slots}"
    yield from machine_lines(state)
    if any(report.weights == "ema" for report in state.reports):
        yield "Error rates are those of the averaged weights (ema)."
    for damaged in results.damaged:
        what = f"trial {damaged.trial} at epoch {damaged.epoch} would be the best, but its checkpoint cannot be used"
        yield f"Warning: {what}. It is left out: {printable(str(damaged))}"
    if gone := [trial.number for trial, report in results.ranked if is_gone(report)]:
        numbers = f"{', '.join(gone[:_GONE])}{f' and {len(gone) - _GONE} more' if len(gone) > _GONE else ''}"
        yield f"Without a checkpoint: {numbers}. The ledger gives the rank (marked *); none of them can be the best."
    if results.search and results.plan is None:
        wrote = printable(results.search.versions.get("tune_asr", "another version"))
        what = f"search.yaml was changed by hand, is damaged, or of another version (tune_asr {wrote})"
        yield f"Warning: {what}. Its ranges and its `asha` are left out."


def sureness(results: Results) -> Iterator[str]:
    """Yield first against second, and the resolution of the data."""
    if results.metric == "val_cer":
        yield "Trials are ranked by CER, not by WER: text.score of the search."
        return
    best = [standing for standing in results.loadable if not standing.trial.is_beyond_limit][:_NEAR_THE_FIRST]
    near = [results.utterances.get(trial.number) for trial, report in best if report]
    if not finalists(results.state, results.metric) and len(near) > 1:
        yield first_against_second(near[0], near[1])
        first, second = (trial for trial, _ in best[:2])
        if equal := at_equal_epochs(first, second, results.metric, ("the first", "the second")):
            yield equal
    if near and near[0] is not None and near[0].words.any():
        found = resolution(near[0], [other for other in near[1:] if other is not None])
        if found is not None:
            yield str(found)


def test_set(results: Results) -> Iterator[str]:
    """Yield the evaluations on the search's own test set."""
    yield from look_lines(read_looks(results.folder.root), results.metric)


def ending(results: Results) -> Iterator[str]:
    """Yield why the search stopped, and the finalists."""
    if stopped := stop_line(results.state, results.metric):
        yield stopped
    yield from finalist_lines(results.folder, results.state, results.metric)


def equal_epochs(results: Results) -> Iterator[str]:
    """Yield the first trials compared at equal epochs."""
    if _has_learnt(results):
        yield from equal_epochs_lines(results)


def replays(results: Results) -> Iterator[str]:
    """Yield results of controls and of other settings of `asha`."""
    yield from control_lines(results.state, results.drawn, results.metric)
    if results.is_running or not _has_learnt(results):
        return
    if advice := advise(results.plan, results.state, results.metric, results.drawn):
        yield from replay_lines(advice)


def what_matters(results: Results) -> Iterator[str]:
    """Yield the searched keys that matter."""
    if _has_learnt(results):
        yield from matter_lines(results)


def failures(results: Results) -> Iterator[str]:
    """Yield the trials that failed or diverged, with causes."""
    ended_badly = [trial for trial in results.state.trials.values() if trial.status in ("failed", "diverged")]
    for trial in ended_badly[:_FAILURES]:
        retries = f", tried again {count(trial.retries, 'time')}" if trial.retries else ""
        cause = f": {printable(trial.cause)}" if trial.cause else ""
        yield f"{trial.number} {trial.status} after epoch {trial.epoch}{retries}{cause}"
    if len(ended_badly) > _FAILURES:
        yield f"and {len(ended_badly) - _FAILURES} more in trials.jsonl"


def winner(results: Results) -> Iterator[str]:
    """Yield the best trial, its values, and warnings about ranges."""
    best = leader(results.ranked)
    if best is None:
        if any(is_gone(report) for _, report in results.ranked):
            yield "No trial is the best: none has a checkpoint that can be used."
            return
        who = "No trial within the limits" if results.ranked and results.ranked[0].trial.excess else "No trial"
        yield f"{who} has a result{'' if results.state.status == 'finished' else ' yet'}."
        return
    trial, report = best
    wer = "" if results.metric == "val_cer" else f"WER {percent(report.scores.val_wer)} %, "
    yield f"Best: trial {trial.number} at epoch {report.epoch}, {wer}CER {percent(report.scores.val_cer)} %"
    if trial.status == "diverged":
        yield f"It diverged after epoch {trial.epoch}: train it again before you rely on it, or take the next."
    for key, value in {**trial.params, "seed": trial.seed}.items():
        yield f"  {printable(key)}: {value_text(value)}"
    if warning := too_early(report.scores.value(results.metric), results.metric):
        yield f"Warning: {warning}"
        return
    distributions = results.plan.distributions if results.plan else {}
    for key, end in narrow_ranges(distributions, trial.params).items():
        if results.plan and not takes(key, beyond(distributions[key], end), results.plan.branches):
            continue  # nothing lies beyond it
        searched = f"{distributions[key].kind} {value_text(distributions[key].arguments)}"
        place = f"{key} = {value_text(trial.params[key])} is at the {end} end of its range, {searched}"
        yield f"Warning: {printable(place)}. If values beyond it make sense, search there too."


def _has_learnt(results: Results) -> bool:
    """Test if the first trial has learnt enough.

    It may have lost its checkpoints.
    """
    trial, report = results.ranked[0] if results.ranked else (None, None)
    if trial is None or report is None or trial.is_beyond_limit:
        return False
    return not too_early(report.scores.value(results.metric), results.metric)
