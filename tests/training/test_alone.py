"""Trainings among the variables of batch systems."""

import pytest
import torch
from lightning_utilities.core.rank_zero import rank_zero_only

from tune_asr.training.fit import fit
from tune_asr.training.loggers import TrialRun, make_loggers

JOBS = {
    "slurm": {"SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "search", "SLURM_NTASKS": "2", "SLURM_PROCID": "1"},
    "torchrun": {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "x", "MASTER_ADDR": "far"},
    "mpi": {"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "1", "PMI_RANK": "1", "PMI_SIZE": "2"},
}


def train(config, folder):
    """Train as a trial does; return the scores and the last checkpoint."""
    loggers = make_loggers(config.logging, folder, name="tensorboard", trial=TrialRun("lr", "00000", {}))
    history = fit(config, lambda _result, _last, save: save(folder / "last.ckpt"), loggers=loggers)
    return [epoch.scores for epoch in history], torch.load(folder / "last.ckpt", weights_only=True)["state_dict"]


@pytest.fixture(scope="module")
def free(quick, tmp_path_factory):
    """Training outside of any job."""
    return train(quick(), tmp_path_factory.mktemp("free"))


@pytest.mark.parametrize("job", JOBS)
def test_variables_of_a_job_change_nothing(quick, same, free, tmp_path, monkeypatch, job):
    for name, value in JOBS[job].items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(rank_zero_only, "rank", 1)  # as Lightning is imported among them
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hpc_ckpt_1.ckpt").write_text("the checkpoint of another training")
    scores, weights = train(quick(), tmp_path)
    assert scores == free[0]
    assert same(weights, free[1])
    assert list((tmp_path / "tensorboard" / "00000").glob("events.*"))
    assert [path.name for path in tmp_path.rglob("hpc_ckpt_*")] == ["hpc_ckpt_1.ckpt"]
