"""Commands for the next steps, each of which works on this folder."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from tune_asr.record.intact import copied
from tune_asr.record.ranking import leader
from tune_asr.record.rerun import rerun_command
from tune_asr.report.results import Results
from tune_asr.space.plan import MAX_TRIALS, Plan
from tune_asr.wording import printable

COMMAND_INDENT = "    "
_SEEDS = 3
_MORE = 2
"""Factor for the trials or the epochs of the next command."""


def next_command_lines(results: Results) -> Iterator[str]:
    """Yield the next steps, each with its command."""
    yield from _recovery(results)
    has_search = results.folder.search_yaml.exists()
    can_train = results.folder.best_yaml.exists() and not results.damaged
    if can_train:
        yield "Train the winner again:"
        yield _train(results)
    if has_search and not results.is_running and results.can_export:
        yield "Export the winner, to use it elsewhere:"
        yield f"{COMMAND_INDENT}python -m tune_asr.export {_quoted(results.folder.root)}"
    if has_search and not results.is_running and results.can_load:
        yield "Measure the winner on another manifest, or transcribe recordings:"
        yield f"{COMMAND_INDENT}python -m tune_asr.evaluate {_quoted(results.folder.root)} MANIFEST"
    if has_search and (best := leader(results.ranked)):
        yield "Train any trial again by its number, to its recorded WER:"
        yield COMMAND_INDENT + printable(rerun_command(results.folder, best[0].number))
    if has_search and not results.is_running:
        if results.state.status != "finished":
            yield "Resume the search:"
            yield _resume(results)
        elif results.plan:
            yield from _further(results, results.plan)
    has_finalists = any(trial.finalist_of for trial, _ in results.ranked)
    if can_train and results.state.status == "finished" and not has_finalists:
        yield "Train the winner with other seeds, to see how far its result is luck:"
        yield from (_train(results, f" --set seed={seed}") for seed in _other_seeds(results))


def _further(results: Results, plan: Plan) -> Iterator[str]:
    """Yield the commands that continue a finished search."""
    created = len(results.state.stages.first.trials)
    search = plan.space.search
    per_sample = plan.num_trials // (search.num_samples or (1 if search.algorithm == "grid" else 16))
    samples = _MORE * max(1, created // per_sample)
    if samples * per_sample < MAX_TRIALS:
        yield "Search more trials:"
        yield _resume(results, f" --num-samples {samples}")
    if leader(results.ranked):
        horizon = results.state.planned.horizon if results.state.planned else plan.last_epoch
        yield f"Train the best settings again, for {_MORE * horizon} epochs instead of {horizon}:"
        yield _resume(results, f" --max-epochs {_MORE * horizon}")


def _other_seeds(results: Results) -> list[int]:
    """Return seeds that the winner did not have."""
    best = leader(results.ranked)
    seeds = (seed for seed in range(1, _SEEDS + 2) if best is None or seed != best[0].seed)
    return list(seeds)[:_SEEDS]


def _recovery(results: Results) -> Iterator[str]:
    """Yield commands that recover a damaged best trial."""
    copy_is_of = copied(results.folder, results.damaged)
    for damaged in results.damaged:
        if damaged is copy_is_of:
            yield f"Export the damaged trial {damaged.trial} from its copy:"
            yield f"{COMMAND_INDENT}python -m tune_asr.export {_quoted(results.folder.best_ckpt)}"
        if results.folder.search_yaml.exists():
            yield f"Train the damaged trial {damaged.trial} again:"
            yield COMMAND_INDENT + printable(rerun_command(results.folder, damaged.trial))


def _train(results: Results, flags: str = "") -> str:
    return f"{COMMAND_INDENT}python -m tune_asr.train --config {_quoted(results.folder.best_yaml)}{flags}"


def _resume(results: Results, flags: str = "") -> str:
    return f"{COMMAND_INDENT}python -m tune_asr.search --resume {_quoted(results.folder.root)}{flags}"


def _quoted(path: Path) -> str:
    return printable(shlex.quote(str(path)))
