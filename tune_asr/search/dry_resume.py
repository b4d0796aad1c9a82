"""Dry run of a resume: what it would change, and what it would train."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import JsonValue

from tune_asr.corpus.beside import check_beside
from tune_asr.errors import StorageError
from tune_asr.record.checkpoints import newest_intact
from tune_asr.record.finalists import last_round
from tune_asr.record.folder import ResultsFolder
from tune_asr.search.accepting import accepted, value_shown
from tune_asr.search.cards.mistakes import lines_before
from tune_asr.search.cards.nvml import this_machine
from tune_asr.search.data import checked_survey
from tune_asr.search.ending import Ending
from tune_asr.search.extent import Asked, extent_after, is_complete_stage, planned_trials
from tune_asr.search.finished import foreseen_changes, foreseen_refusal
from tune_asr.search.longer import repeated
from tune_asr.search.resuming import ResumedSearch, ResumeFlags, named
from tune_asr.space.durations import written
from tune_asr.wording import count, setting_text

_SHOWN = 5


def dry_run(root: Path, flags: ResumeFlags, budget: float | None = None) -> Iterator[str]:
    """Yield lines on what a resume would do; write nothing.

    Args:
        root: results folder.
        flags: `--num-samples`, `--max-epochs`, `--set` and `--accept`.
        budget: seconds that the flags give in addition.

    Raises:
        ConfigError: the search cannot go on as the flags ask, or something has changed since it began.
        DataError: the data cannot be trained on.
        StorageError: the folder holds no search, or is damaged.
    """
    folder = ResultsFolder.open_existing(named(root))
    resumed = ResumedSearch(folder, flags)
    if not resumed.is_left and budget is None:
        yield from foreseen_changes(resumed)
        yield from _taken(folder)
        return
    if resumed.creates:
        check_beside(resumed.plan.config)
    comparison = resumed.compared(checked_survey(resumed.plan))
    accepted(comparison, flags.accept)
    asked = replace(resumed.asked, returns=budget is not None and is_complete_stage(resumed.state))
    yield from _changes(resumed, asked)
    if budget is not None:
        yield f"time budget: {written(budget)} more"
    yield from (f"accepted: {each.key} {each}" for each in comparison.refused)
    if comparison.other_versions:
        yield comparison.other_versions
    yield from _trials(resumed, asked)
    yield from lines_before(resumed.plan, this_machine())
    yield from foreseen_refusal(folder)
    yield from _taken(folder)


def _taken(folder: ResultsFolder) -> Iterator[str]:
    """Yield a warning if the search runs."""
    if folder.is_running():
        try:
            folder.lock().release()
        except StorageError as error:
            yield f"warning: the resume would be refused: {error}"


def _changes(resumed: ResumedSearch, asked: Asked) -> Iterator[str]:
    plan, state = resumed.plan, resumed.state
    before = planned_trials(plan, state)
    horizon = state.planned.horizon if state.planned else plan.last_epoch
    trials, last_epoch = extent_after(plan, state, resumed.metric, asked)
    if asked.horizon:
        yield f"horizon: {horizon} -> {last_epoch} epochs, for {count(trials, 'trial')}"
    elif trials != before or last_epoch != horizon:
        yield f"trials: {before} -> {trials}, of {count(last_epoch, 'epoch')} at most"
    for key, value in resumed.given.items():
        yield f"{key}: {value_shown(_lookup(resumed.before, key))} -> {value_shown(value)}"


def _trials(resumed: ResumedSearch, asked: Asked) -> Iterator[str]:
    plan, state = resumed.plan, resumed.state
    yield from _continued(resumed)
    first = len(state.trials)
    if asked.horizon:
        again = repeated(state, resumed.metric, len(state.stages.every))
        for number, trial in enumerate(again, start=first):
            yield f"  {number:05d}  setting of {trial.number}  seed={trial.seed}  {_settings(trial.params)}"
        return
    trials, _ = extent_after(plan, state, resumed.metric, asked)
    new = range(state.num_drawn, trials)
    yield f"creates: {count(len(new), 'trial')}"
    yield from _finalists(resumed)
    if plan.space.search.algorithm == "auto":
        return  # the model proposes them from trials to come
    for place, index in enumerate(new[:_SHOWN]):
        settings = plan.settings(index)
        yield f"  {first + place:05d}  seed={plan.seed(index, settings)}  {_settings(settings)}"


def _continued(resumed: ResumedSearch) -> Iterator[str]:
    """Yield the open trials, each with its newest intact checkpoint."""
    places, passed_over = [], []
    for trial in resumed.state.open_trials():
        epoch, _, damaged = newest_intact(resumed.folder.checkpoints(trial.number), trial.epoch)
        places.append(f"{trial.number} {f'after epoch {epoch}' if epoch else 'from the start'}")
        if damaged:
            first, last = epoch + 1, trial.epoch
            again = f"epoch {last} is" if first == last else f"epochs {first} to {last} are"
            passed_over.append(f"  {trial.number}: {again} trained again, since {'; '.join(damaged)}")
    yield f"continues: {', '.join(places) or 'no trial'}"
    yield from passed_over


def _finalists(resumed: ResumedSearch) -> Iterator[str]:
    """Yield the finalists that are still to be created."""
    wanted, state = resumed.plan.space.search.finalists, resumed.state
    if wanted is None or state.stages.index:
        return
    if lacking := Ending(resumed.plan, resumed.metric, state).finalists():
        yield f"then trains finalists: {count(len(lacking), 'trial')}"
        for each in lacking[:_SHOWN]:
            yield f"  {each.trial}  setting of {each.finalist_of}  seed={each.seed}  {_settings(each.params)}"
    elif not last_round(state) or resumed.creates:
        seeds = count(wanted.seeds, "fresh seed")
        yield f"then trains finalists: {count(wanted.top, 'best setting')}, each with {seeds}"


def _settings(params: Mapping[str, JsonValue]) -> str:
    return "  ".join(f"{key}={setting_text(params, key)}" for key in params)


def _lookup(values: Mapping[str, JsonValue], key: str) -> JsonValue:
    node: JsonValue = dict(values)
    for part in key.split("."):
        node = node.get(part) if isinstance(node, dict) else None
    return node
