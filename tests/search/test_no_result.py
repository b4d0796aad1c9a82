"""A search that a mistake of the user's ends before its first epoch."""

import pytest
import yaml

SILENT = """
import torch
from tune_asr.training.module import SimpleCTCModule

class Silent(SimpleCTCModule):
    def __init__(self, vocab, scheduler, blank_id=0):
        super().__init__(
            vocab, scheduler, blank_id, num_mel_bins=40,
            model={"target": "conv_ctc", "dim": 16, "num_layers": 1, "kernel_size": 3, "dropout": 0, "subsampling": 4},
            optimizer={"name": "adamw", "lr": 0.1, "betas": (0.9, 0.98), "weight_decay": 0.0},
            augment={"n_freq_masks": 0, "freq_mask_param": 0, "n_time_masks": 0, "time_mask_param": 0, "p": 0.0},
        )

    def log_dict(self, *_args, **_kwargs):
        pass
"""


def test_a_class_that_logs_no_wer_leaves_no_folder_and_no_advice_to_resume(workspace):
    (workspace.root / "silent.py").write_text(SILENT)
    config = yaml.safe_load((workspace.root / "config.yaml").read_text())
    workspace.write("config.yaml", {**config, "model": {"target": "silent.Silent"}})
    space = yaml.safe_load((workspace.root / "space.yaml").read_text())
    workspace.write("space.yaml", {**space, "param_space": {}})
    run = workspace.run("search", "--space", "space.yaml", expect=2)
    assert "does not log val_wer" in run.stderr
    assert "--resume" not in run.stdout + run.stderr
    assert not (workspace.root / "results" / "space").exists()


@pytest.mark.slow
def test_resources_that_nobody_has_leave_no_folder(workspace):
    run = workspace.run("search", "--space", "space.yaml", "--set", "resources.cpus_per_trial=1000", expect=2)
    assert "lower resources.cpus_per_trial" in run.stderr
    assert not (workspace.root / "results" / "space").exists()
