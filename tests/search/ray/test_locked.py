"""Folder, network and secrets of a local Ray."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from tune_asr.errors import ClusterError
from tune_asr.search.ray import locked
from tune_asr.search.ray.locked import folder_of_ray, keep_secrets

CLOSED = f"tune_asr-{os.getuid()}-ray"


@pytest.fixture
def short():
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


def test_folder_is_closed_to_others(short, monkeypatch):
    monkeypatch.setenv("RAY_TMPDIR", str(short))
    (short / CLOSED).mkdir(mode=0o777)
    assert folder_of_ray() == short / CLOSED / "ray"
    assert (short / CLOSED).stat().st_mode & 0o777 == 0o700


def test_long_folder_gives_way(short, monkeypatch):
    """Paths of sockets have 107 bytes at most."""
    long = short / ("x" * 80)
    long.mkdir()
    monkeypatch.setenv("RAY_TMPDIR", str(long))
    monkeypatch.setattr(tempfile, "tempdir", str(short))
    assert folder_of_ray() == short / CLOSED / "ray"


@pytest.mark.parametrize("kind", ["link", "file"])
def test_planted_folder_is_passed_over(short, monkeypatch, kind):
    (short / "bad").mkdir()
    if kind == "link":
        (short / "bad" / CLOSED).symlink_to(short)
    else:
        (short / "bad" / CLOSED).touch()
    monkeypatch.setenv("RAY_TMPDIR", str(short / "bad"))
    monkeypatch.setattr(tempfile, "tempdir", str(short))
    assert folder_of_ray() == short / CLOSED / "ray"


def test_message_names_tmpdir(short, monkeypatch):
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(short / ("x" * 80)))
    monkeypatch.setattr(locked, "_SHORT", (str(short / "nowhere"),))
    with pytest.raises(ClusterError, match=r"none of .*nowhere can be used\n    Set TMPDIR to a writable folder"):
        folder_of_ray()


def test_no_secret_is_propagated():
    from ray.tune.execution import class_cache

    before = set(class_cache.ENV_VARS_TO_PROPAGATE)
    try:
        class_cache.ENV_VARS_TO_PROPAGATE |= {"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
        keep_secrets()
        assert not [name for name in class_cache.ENV_VARS_TO_PROPAGATE if name.startswith("AWS_")]
    finally:
        class_cache.ENV_VARS_TO_PROPAGATE.clear()
        class_cache.ENV_VARS_TO_PROPAGATE.update(before)
