"""Curves: each step once, trials with their searched values."""

from __future__ import annotations

import http.server
import os
import socket
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
import wandb
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata

from tune_asr.config.sections import LoggingSection
from tune_asr.training.fit import fit
from tune_asr.training.loggers import TrialRun, make_loggers
from tune_asr.training.wandb_run import FINISH_SECONDS, fault_of, init_seconds

VALUES = {"optimizer.lr": 0.003, "model.causal": True, "scheduler.name": "cosine", "optimizer.betas": [0.9, 0.99]}


class Killed(BaseException):
    """End of the process."""


def steps(folder) -> dict[str, list[int]]:
    """By curve, the steps that TensorBoard shows."""
    events = EventAccumulator(str(folder))
    events.Reload()
    return {tag: [event.step for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


@pytest.mark.parametrize("kept", [None, 1, 2])
def test_repeated_epochs_are_drawn_once(quick, tmp_path, kept):
    """The third epoch's report kills it; epoch `kept` has the newest checkpoint."""
    config = quick(trainer__log_every_n_steps=1)

    def train(run, sink, resume_from=None):
        trial = TrialRun("lr", run, VALUES)
        loggers = make_loggers(config.logging, tmp_path, name="t", trial=trial, resume_from=resume_from)
        fit(config, sink, loggers=loggers, resume_from=resume_from)

    def until_the_third(result, _last, save):
        save(tmp_path / f"{result.epoch}.ckpt")
        if result.epoch == 3:
            raise Killed

    train("whole", lambda *_: None)
    with pytest.raises(Killed):
        train("killed", until_the_third)
    train("killed", lambda *_: None, tmp_path / f"{kept}.ckpt" if kept else None)
    whole, killed = steps(tmp_path / "t" / "whole"), steps(tmp_path / "t" / "killed")
    assert killed == whole
    assert max(Counter(whole["val_wer"]).values()) == 1
    assert len(whole["val_wer"]) == config.trainer.max_epochs


@pytest.fixture
def trial():
    return TrialRun("lr", "00007", VALUES)


def test_tensorboard_shows_searched_values(trial, tmp_path, quick):
    """Each trial has a run with its values and the metrics."""
    loggers = make_loggers(LoggingSection(), tmp_path, name="tensorboard", trial=trial)
    history = fit(quick(trainer={"max_epochs": 2}), lambda *_: None, loggers=loggers)
    events = EventAccumulator(str(tmp_path / "tensorboard" / "00007")).Reload()
    content = events.summary_metadata[metadata.SESSION_START_INFO_TAG].plugin_data.content
    shown = metadata.parse_session_start_info_plugin_data(content).hparams
    assert {key: getattr(value, value.WhichOneof("kind")) for key, value in shown.items()} == VALUES | {
        "optimizer.betas": "[0.9, 0.99]"
    }
    content = events.summary_metadata[metadata.EXPERIMENT_TAG].plugin_data.content
    names = [info.name.tag for info in metadata.parse_experiment_plugin_data(content).metric_infos]
    assert names == ["val_wer", "val_cer", "val_loss"]
    for name in names:
        assert [scalar.value for scalar in events.Scalars(name)] == pytest.approx([e.scores.get(name) for e in history])
    assert "hp_metric" not in events.Tags()["scalars"]


def test_table_has_keys_of_all_trials(tmp_path):
    """A key that a trial lacks is a column, empty in its row, whichever run TensorBoard reads first."""
    runs = [({"model.dim": 8, "model.heads": 4}, {"model.act": "relu"}), ({"model.dim": 9}, {"model.heads": 2})]
    for number, (values, off) in enumerate(runs):
        trial = TrialRun("lr", f"0000{number}", values, {"model.act": "relu", **off})
        make_loggers(LoggingSection(), tmp_path, name="t", trial=trial)[0].experiment.flush()
        events = EventAccumulator(str(tmp_path / "t" / trial.number)).Reload().summary_metadata
        columns = metadata.parse_experiment_plugin_data(events[metadata.EXPERIMENT_TAG].plugin_data.content)
        row = metadata.parse_session_start_info_plugin_data(events[metadata.SESSION_START_INFO_TAG].plugin_data.content)
        assert {info.name for info in columns.hparam_infos} == {"model.dim", "model.heads", "model.act"}
        assert set(row.hparams) == set(values)


def test_wandb_groups_trials(trial, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("WANDB_MODE", "offline")
    section = LoggingSection(tensorboard=False, use_wandb=True, project="speech")
    (logger,) = make_loggers(section, tmp_path, name="tensorboard", trial=trial)
    run = logger.experiment
    try:
        assert (run.project, run.group, run.name) == ("speech", "lr", "00007")
        assert {key: run.config[key] for key in VALUES} == VALUES
    finally:
        run.finish()
        wandb.teardown()  # it would keep this test's folder for the next run of the process
    assert list((tmp_path / "wandb").glob("offline-run-*/run-*.wandb"))
    assert "anonymous" not in "".join(capfd.readouterr())


@pytest.fixture
def silent_server():
    """Address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_unreachable_wandb_keeps_runs_offline(silent_server, tmp_path):
    """It is tried once a process, and told once."""
    program = Path(__file__).with_name("programs") / "wandb_runs.py"
    variables = {"WANDB_BASE_URL": silent_server, "WANDB_API_KEY": "0" * 40, "WANDB_MODE": "online"}
    command = [sys.executable, program, tmp_path]
    ended = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, timeout=120, check=True)
    first, second = (line.partition(" ") for line in ended.stdout.splitlines() if line.startswith("0000"))
    assert f"W&B is out of reach ({silent_server} does not answer within" in first[2]
    assert f"runs are kept offline in {tmp_path / 'wandb'}; " in first[2]
    assert second == ("00001", " ", "")
    assert len(list((tmp_path / "wandb").glob("offline-run-*/run-*.wandb"))) == 2


def test_answering_server_is_within_reach(silent_server):
    assert "does not answer within 0.1 s" in fault_of(silent_server, 0.1)
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        assert fault_of(f"http://127.0.0.1:{server.server_port}", 60) == ""  # 501 is an answer
    assert "refused" in fault_of(f"http://127.0.0.1:{server.server_port}", 60)


@pytest.mark.parametrize("spent", [0.0, 0.2, 2.5, 5.0])
def test_wandb_has_ten_seconds_in_all(spent):
    """For the first answer, the start and the end of a run that hangs."""
    assert 0.5 <= init_seconds(spent) <= 5
    assert spent + init_seconds(spent) + FINISH_SECONDS < 10
