"""Which configuration trains a trial again; `tests/tuning/test_rerun_trials.py` trains some."""

import pytest

from tune_asr import train
from tune_asr.config.load import from_values
from tune_asr.config.sections import Config
from tune_asr.record.rerun import rerun_command, trial_config
from tune_asr.record.search_yaml import write_search_yaml


@pytest.fixture
def searched(search):
    """A trial that was stopped after two epochs, and one that never reported."""
    write_search_yaml(search.folder.search_yaml, {"config": Config().model_dump()})
    trial = search.trial(**{"optimizer.lr": 0.02})
    search.epoch(trial, [2])
    search.epoch(trial, [1])
    search.log("pruned", trial=trial)
    search.log("diverged", trial=search.trial(**{"optimizer.lr": 9.0}), cause="the training loss is nan")
    return search


@pytest.mark.parametrize("number", ["00000", "0"])
def test_a_trial_has_its_values_its_seed_and_its_last_epoch(searched, number):
    config = from_values(trial_config(searched.folder.search_yaml, number), "test")
    assert (config.optimizer.lr, config.seed, config.early_stopping.stop_epoch) == (0.02, 17, 2)
    assert config.trainer.max_epochs == Config().trainer.max_epochs, "schedules span the horizon"


@pytest.mark.parametrize(
    ("trial", "said"),
    [
        ("7", "--trial is 7, but the search in .* has 00000 to 00001"),
        ("best", "--trial is best, but"),
        ("1", r"--trial 00001 is diverged \(the training loss is nan\) and has reported no epoch"),
    ],
)
def test_a_trial_that_cannot_be_trained_again_is_refused(searched, capsys, trial, said):
    assert train.main(["--config", str(searched.folder.search_yaml), "--trial", trial, "--dry-run"]) == 2
    assert_matches(capsys, said)


def test_a_configuration_has_no_trials(searched, capsys, tmp_path):
    (tmp_path / "train.yaml").write_text("seed: 1\n")
    assert train.main(["--config", str(tmp_path / "train.yaml"), "--trial", "0", "--dry-run"]) == 2
    assert_matches(capsys, "--trial is given, but .*train.yaml is no search.yaml")


def test_the_command_survives_a_shell(searched):
    assert rerun_command(searched.folder, "00000").endswith("search.yaml --trial 00000")


def assert_matches(capsys, said):
    with pytest.raises(SystemExit, match=said):
        raise SystemExit(capsys.readouterr().err)
