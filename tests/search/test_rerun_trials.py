"""Trials of a real search, trained again from its report."""

import json
import shlex

import pytest

from tune_asr.record.ranking import best_epoch
from tune_asr.record.state import SearchState


@pytest.mark.parametrize("status", ["pruned", pytest.param("finished", marks=pytest.mark.slow)])
def test_rerun_gives_recorded_error_rates(finished, status):
    """To the last bit, for any trial."""
    state = SearchState.read(finished.root / "results" / "space" / "trials.jsonl")
    trial = [trial for trial in state.trials.values() if trial.status == status][-1]
    (command,) = (line for line in finished.run("report", "results/space").stdout.splitlines() if "--trial" in line)
    _python, _m, _door, *arguments, _number = shlex.split(command)
    again = json.loads(finished.run("train", *arguments, trial.number).stdout.splitlines()[-1])
    best = best_epoch(trial)
    assert again["epoch"] == best.epoch
    assert all(again[name] == best.scores.get(name) for name in ("val_wer", "val_cer", "val_loss"))
