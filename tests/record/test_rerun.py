"""Configurations for training a trial again.

`tests/search/test_rerun_trials.py` trains some.
"""

import pytest

from tune_asr.config.load import from_values
from tune_asr.config.sections import Config
from tune_asr.record.rerun import rerun_command, trial_config
from tune_asr.train import __main__ as train


@pytest.fixture
def searched(search):
    """Search with a pruned trial, and one without a report."""
    search.describe(config=Config().model_dump())
    trial = search.trial(**{"optimizer.lr": 0.02})
    search.epoch(trial, [2])
    search.epoch(trial, [1])
    search.log("pruned", trial=trial)
    search.log("diverged", trial=search.trial(**{"optimizer.lr": 9.0}), cause="the training loss is nan")
    return search


@pytest.mark.parametrize("number", ["00000", "0"])
def test_rerun_has_values_seed_last_epoch(searched, number):
    config = from_values(trial_config(searched.folder.search_yaml, number), "test")
    assert (config.optimizer.lr, config.seed, config.early_stopping.stop_epoch) == (0.02, 17, 2)
    assert config.trainer.max_epochs == Config().trainer.max_epochs, "schedules span the horizon"


@pytest.mark.parametrize(
    ("trial", "said"),
    [
        ("7", "--trial is '7', but must be the number of a trial, and the search has 00000 to 00001"),
        ("best", "--trial is 'best', but must be"),
        ("", "--trial is '', but must be"),
        ("0000x", "--trial is '0000x', but must be"),
        ("-1", "--trial is '-1', but must be"),
        ("1", r"--trial 00001 is diverged \(the training loss is nan\) and has reported no epoch .*\n +Name"),
    ],
)
def test_trial_without_epoch_is_refused(searched, capsys, trial, said):
    assert train.main(["--config", str(searched.folder.search_yaml), "--trial", trial, "--dry-run"]) == 2
    assert_matches(capsys, said)


def test_search_yaml_is_not_a_configuration(searched, capsys):
    assert train.main(["--config", str(searched.folder.search_yaml), "--dry-run"]) == 2
    assert_matches(capsys, r"search.yaml: this is the record of a search, not a configuration\n.*--trial NUMBER")


def test_configuration_has_no_trials(searched, capsys, tmp_path):
    for path in (tmp_path / "train.yaml", tmp_path / "search.yaml", searched.folder.best_yaml):
        path.write_text("seed: 1\n")
        assert train.main(["--config", str(path), "--trial", "0", "--dry-run"]) == 2
        refused = f"--trial is given, but {path} is not the search.yaml of a search"
        assert_matches(capsys, f"^error: {refused}\n    Give the one")


def test_the_command_survives_a_shell(searched):
    assert rerun_command(searched.folder, "00000").endswith("search.yaml --trial 00000")


def assert_matches(capsys, said):
    with pytest.raises(SystemExit, match=said):
        raise SystemExit(capsys.readouterr().err)
