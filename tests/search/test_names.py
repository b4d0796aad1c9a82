"""Searches, spaces and folders are named in any script."""

from __future__ import annotations

import pytest

from tune_asr.search.ray.worker import make_trainable

NAME = "语音 بحث 👩\u200d🔬"


@pytest.mark.parametrize("name", ["lr", NAME])
def test_ray_gets_ascii_names(name):
    trainable = make_trainable(name)
    assert trainable.__name__.isascii()
    assert trainable.__name__.startswith("tune_asr:")


@pytest.mark.slow
def test_search_in_any_script(make_workspace, tmp_path):
    """TensorBoard, W&B and the next doors take the names as well."""
    (tmp_path / NAME).mkdir()
    workspace = make_workspace(tmp_path / NAME)
    (workspace.root / "space.yaml").rename(workspace.root / f"{NAME}.yaml")
    few = ("--num-samples", "2", "--max-epochs", "3", "--set", "logging.use_wandb=true")
    workspace.run("search", "--space", f"{NAME}.yaml", *few, WANDB_MODE="offline")
    assert workspace.ledger(NAME)[-1]["status"] == "finished"
    root = workspace.root / "results" / NAME
    assert list((root / "tensorboard" / "00000").glob("events.*")) and list(root.glob("wandb/offline-run-*"))
    assert "the search is finished" in workspace.run("search", "--resume", f"results/{NAME}").stdout
    assert f"{NAME}: finished" in workspace.run("report", f"results/{NAME}").stdout
    workspace.run("export", f"results/{NAME}")
