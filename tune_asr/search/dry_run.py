"""Dry run of a new search: checks, the first trials, and what the data can show."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tune_asr.config.load import from_values
from tune_asr.corpus.beside import check_beside
from tune_asr.errors import StorageError
from tune_asr.record import new_folder
from tune_asr.record.search_yaml import dump_yaml
from tune_asr.search.cards.mistakes import lines_before
from tune_asr.search.cards.nvml import this_machine
from tune_asr.search.data import checked_survey, data_report
from tune_asr.search.description import remarks
from tune_asr.search.sizes import require_size
from tune_asr.search.warm_start import warm_start
from tune_asr.space.plan import Plan
from tune_asr.training.targets import check_targets
from tune_asr.wording import count

_SHOWN = 5
"""Trials whose settings are shown."""


def print_dry_run(plan: Plan, root: Path, *, shows_devices: bool) -> None:
    """Check a search as its start would, and print it.

    A folder that exists already is a warning: a dry run looks at the space, and only the search is refused.

    Args:
        plan: space and base configuration.
        root: results folder that the search would make.
        shows_devices: whether the GPUs of this machine are shown.

    Raises:
        ConfigError: the space, a class or the place of the folder is wrong.
        DataError: the data cannot be trained on.
        StorageError: the folder could not be written.
    """
    if plan.chain:
        print(plan.chain, flush=True)
    new_folder.require_place(root)
    check_beside(plan.config)
    found = checked_survey(plan)
    _require_classes(plan)
    require_size(plan, found)
    warm = warm_start(plan, found.corpus.fingerprint if found else None)
    if found:
        print(data_report(plan, found))
    devices = lines_before(plan, this_machine()) if shows_devices else ()
    print(*_lines(plan), *warm.lines, *devices, *remarks(plan), sep="\n")
    try:
        new_folder.require_new(root)
    except StorageError as error:
        print(f"warning: the search would be refused: {error}", file=sys.stderr)
    else:
        new_folder.require_writable(root)


def _require_classes(plan: Plan) -> None:
    """Refuse classes and functions that do not fit the configuration."""
    encoders = [from_values(values, "a trial") for values in plan.branches.examples()]
    check_targets(plan.config, [] if encoders else plan.distributions)
    for config in encoders:
        check_targets(config)


def _lines(plan: Plan) -> Iterator[str]:
    """Yield the resolved space, and the first trials."""
    yield f"\n{dump_yaml({'space': plan.values(), 'config': plan.base_values()}).decode()}"
    budget = plan.space.search.time_budget
    yield f"{f'as many trials as fit {budget}' if budget else count(plan.num_trials, 'trial')}; the first of them:"
    for number in range(min(plan.num_trials, _SHOWN)):
        settings = "  ".join(f"{key}={value!r}" for key, value in plan.settings(number).items())
        base = "  (the base configuration)" if plan.is_base(number) else ""
        yield f"  {number:05d}  seed={plan.seed(number)}  {settings}{base}"
    if finalists := plan.space.search.finalists:
        yield f"then the finalists: the best {finalists.top} of them, each with {finalists.seeds} fresh seeds"
