"""One search over three encoders, killed once: resumed, reported, rerun, exported."""

from __future__ import annotations

import csv
import json
from html.parser import HTMLParser

import pytest
import yaml

from tests.conftest import TINY_CONFIG

SPACE = {
    "config": "config.yaml",
    "param_space": {
        "model.target": {"choice": ["conv_ctc", "bigru_ctc", "conformer_ctc"]},
        "optimizer.lr": {"loguniform": [3.0e-3, 3.0e-2]},
        "model.kernel_size": {"choice": [3, 5], "when": {"model.target": ["conv_ctc", "conformer_ctc"]}},
        "model.num_heads": {"choice": [2, 4], "when": {"model.target": "conformer_ctc"}},
        "model.ffn_dim": {"choice": [32, 64], "when": {"model.num_heads": 2}},
    },
    "search": {"num_samples": 11, "max_concurrent": 1, "seed": 2},
    "asha": {"grace_period": 2},
}
MODEL = {"dim": 32, "num_layers": 2, "kernel_size": 5}
ROOT = "results/space"


@pytest.fixture(scope="module")
def encoders(make_workspace, tmp_path_factory):
    workspace = make_workspace(tmp_path_factory.mktemp("encoders"))
    workspace.write("config.yaml", {**TINY_CONFIG, "model": MODEL, "trainer": {"max_epochs": 4}})
    workspace.write("space.yaml", SPACE)
    process = workspace.popen("search", "--space", "space.yaml")
    workspace.wait_for(process, lambda: workspace.reports() >= 3)
    workspace.kill(process)
    workspace.stdout = workspace.run("search", "--resume", ROOT).stdout
    return workspace


@pytest.fixture(scope="module")
def created(encoders):
    return {event["trial"]: event["params"] for event in encoders.ledger() if event["event"] == "created"}


def reports(encoders, trial: str) -> list[dict]:
    return [event for event in encoders.ledger() if event["event"] == "report" and event["trial"] == trial]


def test_trials_have_keys_of_their_encoder(created):
    own = {
        "conv_ctc": {"model.kernel_size"},
        "bigru_ctc": set(),
        "conformer_ctc": {"model.kernel_size", "model.num_heads"},
    }
    assert len(created) == 11
    assert {params["model.target"] for params in created.values()} == set(own)
    for params in created.values():
        expected = own[params["model.target"]] | ({"model.ffn_dim"} if params.get("model.num_heads") == 2 else set())
        assert params.keys() - {"model.target", "optimizer.lr"} == expected


def test_no_trial_fails(encoders, created):
    ends = [event["event"] for event in encoders.ledger() if event["event"] in ("finished", "pruned", "failed")]
    assert "failed" not in ends and "finished" in ends
    assert all(reports(encoders, trial) for trial in created)


def test_base_is_trial_zero(encoders, created):
    assert created["00000"] == {"model.target": "conv_ctc", "optimizer.lr": 3.0e-3, "model.kernel_size": 5}
    assert yaml.safe_load((encoders.root / ROOT / "search.yaml").read_text())["config"]["model"] == MODEL


def test_leaderboard_has_empty_cells(encoders, created):
    with (encoders.root / ROOT / "leaderboard.csv").open() as file:
        rows = {row["trial"]: row for row in csv.DictReader(file)}
    for trial, params in created.items():
        for key in SPACE["param_space"]:
            assert (rows[trial][key] == "") == (key not in params)


def test_report_shows_all_encoders(encoders):
    out = encoders.run("report", ROOT).stdout
    assert all(name in out for name in SPACE["param_space"]["model.target"]["choice"])
    assert "null" not in out and "None" not in out
    encoders.run("report", ROOT, "--html", "report.html")
    page = (encoders.root / "report.html").read_text()
    HTMLParser().feed(page)
    assert "num_heads: off" in page


@pytest.mark.parametrize("target", [pytest.param("bigru_ctc", marks=pytest.mark.slow), "conformer_ctc"])
def test_trial_of_other_encoder_is_reproduced(encoders, created, target):
    """From search.yaml, whose base is a convolution."""
    trial = next(trial for trial, params in created.items() if params["model.target"] == target)
    run = encoders.run("train", "--config", f"{ROOT}/search.yaml", "--trial", trial)
    again = json.loads(run.stdout.splitlines()[-1])
    recorded = next(report for report in reports(encoders, trial) if report["epoch"] == again["epoch"])
    assert {key: again[key] for key in ("val_wer", "val_cer", "val_loss")} == {
        key: recorded[key] for key in ("val_wer", "val_cer", "val_loss")
    }


def test_best_yaml_holds_whole_model(encoders):
    """Without defaults that another version may change."""
    values = yaml.safe_load((encoders.root / ROOT / "best.yaml").read_text())["model"]
    best = json.loads((encoders.root / ROOT / "summary.json").read_text())["best"]
    assert values["target"] == best["params"]["model.target"]
    assert {"dim", "num_layers", "subsampling", "dropout", "init_from", "freeze_steps"} < values.keys()


@pytest.mark.slow
def test_trials_of_each_encoder_are_exported(encoders, created):
    """The best of the search, and the first of another encoder."""
    encoders.run("export", ROOT, "--output", "best")
    trial = next(trial for trial, params in created.items() if params["model.target"] == "conformer_ctc")
    encoders.run("export", ROOT, "--trial", trial, "--output", "other")
    described = json.loads((encoders.root / "other" / "config.json").read_text())["model"]
    assert described["target"] == "conformer_ctc"
    assert described["num_heads"] == created[trial]["model.num_heads"]
