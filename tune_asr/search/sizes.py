"""Sizes of models, known before a search begins."""

from __future__ import annotations

import json
import subprocess
import sys

from tune_asr.errors import ConfigError, Problem
from tune_asr.space.plan import Plan
from tune_asr.speech.survey.survey import Survey
from tune_asr.wording import count

DRAWS = 64


def require_size(plan: Plan, found: Survey | None) -> None:
    """Refuse a limit on size that no setting meets.

    Args:
        plan: space and base configuration.
        found: survey of the data, None for custom data.

    Raises:
        ConfigError: none of the drawn settings is small enough.
    """
    limit = plan.space.search.limits.num_parameters
    if limit is None:
        return
    sizes = _sizes(_configs(plan), list(found.corpus.vocabulary.symbols) if found else None)
    if not sizes or min(sizes) <= limit:
        return
    smallest, largest = f"{min(sizes):,}", f"{max(sizes):,}"
    have = f"have {smallest} to {largest}" if smallest != largest else f"each have {smallest}"
    what = f"is {limit:,}, but models of this space {have} parameters ({count(len(sizes), 'distinct setting')})"
    hint = f"Raise it to {min(sizes)} or more, or search smaller models."
    raise ConfigError(Problem("search.limits.num_parameters", what, hint))


def _configs(plan: Plan) -> list[object]:
    """Return the configurations of draws, each once.

    They are spread over all combinations of the grids.
    """
    spread = max(DRAWS, plan.num_trials)
    numbers = [index * spread // DRAWS for index in range(DRAWS)]
    drawn = [plan.trial_values(plan.settings(number), 0) for number in numbers if not plan.is_base(number)]
    return [json.loads(text) for text in dict.fromkeys(map(json.dumps, drawn))]


def _sizes(configs: list[object], vocab: list[str] | None) -> list[int]:
    """Return the sizes of the models that can be built."""
    request = json.dumps({"configs": configs, "vocab": vocab})
    command = [sys.executable, "-m", "tune_asr.training.size"]
    answer = subprocess.run(command, input=request, capture_output=True, text=True)
    if answer.returncode:  # the trials themselves will say why
        return []
    return [size for size in json.loads(answer.stdout.splitlines()[-1]) if size is not None]
