"""Rerun of a trial: its configuration, and the command."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from tune_asr.errors import ConfigError
from tune_asr.record.folder import ResultsFolder, is_record_of_a_search
from tune_asr.record.search_yaml import read_search_yaml
from tune_asr.record.state import SearchState, find_trial
from tune_asr.record.trial import Trial
from tune_asr.space.branches import trial_values
from tune_asr.space.horizon import values_with


def rerun_command(folder: ResultsFolder, trial: str) -> str:
    """Return the command for training a trial again."""
    return f"python -m tune_asr.train --config {shlex.quote(str(folder.search_yaml))} --trial {trial}"


def trial_config(search_yaml: Path, trial: str) -> dict[str, Any]:
    """Return the configuration for training a trial again.

    The training ends at the last epoch that the trial reported.

    Args:
        search_yaml: search.yaml of the search, with the ledger beside it.
        trial: number of the trial, with or without leading zeros.

    Raises:
        ConfigError: the file is not a search.yaml, the trial does not exist, or it has reported no epoch.
        StorageError: search.yaml or the ledger cannot be read, or is damaged.
    """
    folder = ResultsFolder(search_yaml.parent)
    if not is_record_of_a_search(search_yaml):
        what = f"--trial is given, but {search_yaml} is not the search.yaml of a search"
        raise ConfigError(what, "Give the one in the results folder of the trial's search.")
    config = read_search_yaml(search_yaml)["config"]
    found = find_trial(SearchState.read(folder.ledger), trial, "--trial")
    if not found.reports:
        cause = f" ({found.cause})" if found.cause else ""
        what = f"--trial {found.number} is {found.status}{cause} and has reported no epoch to train again"
        raise ConfigError(what, "Name a trial with a result: leaderboard.csv lists them.")
    return rerun_config(config, found)


def rerun_config(config: Mapping[str, Any], trial: Trial) -> dict[str, Any]:
    """Return the configuration for training a trial again.

    A trial that ended before the horizon gets a stop epoch: schedules are laid over the whole horizon, so a shorter
    horizon would be another training.
    """
    # Patience begins after the grace period in a search, and at once in `train`: the last epoch replaces it.
    changes: dict[str, JsonValue] = {**trial.settings, "early_stopping.enabled": False}
    if config.get("checkpoint", {}).get("average_top_k"):  # a search never averages
        changes["checkpoint.average_top_k"] = 0
    return trial_values(values_with(config, trial.horizon), changes, trial.seed, trial.epoch)
