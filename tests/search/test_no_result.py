"""Search ended by the user's mistake before its first epoch."""

import shutil
from pathlib import Path

import pytest
import yaml


def test_missing_wer_leaves_no_folder(workspace):
    """The user is not advised to resume."""
    shutil.copy(Path(__file__).parents[1] / "programs" / "silent.py", workspace.root)
    config = yaml.safe_load((workspace.root / "config.yaml").read_text())
    workspace.write("config.yaml", {**config, "model": {"target": "silent.Silent"}})
    space = yaml.safe_load((workspace.root / "space.yaml").read_text())
    workspace.write("space.yaml", {**space, "param_space": {}})
    run = workspace.run("search", "--space", "space.yaml", expect=2)
    assert "does not log val_wer" in run.stderr
    assert "--resume" not in run.stdout + run.stderr
    assert not (workspace.root / "results" / "space").exists()


@pytest.mark.slow
def test_impossible_resources_leave_no_folder(workspace):
    run = workspace.run("search", "--space", "space.yaml", "--set", "resources.cpus_per_trial=1000", expect=2)
    assert "Lower resources.cpus_per_trial" in run.stderr
    assert not (workspace.root / "results" / "space").exists()
