"""Temporary files of a local Ray, removed with it."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tune_asr.search.ray.scratch import Scratch
from tune_asr.storage.owned import owned_folder
from tune_asr.storage.temporary import LASTING, lasting_folder


@pytest.fixture
def short():
    """Folder whose path leaves room for Ray's sockets."""
    folder = tempfile.mkdtemp(dir="/tmp")
    yield Path(folder)
    shutil.rmtree(folder)


def test_variables_are_restored(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", "/before")
    monkeypatch.delenv(LASTING, raising=False)
    scratch = Scratch()
    scratch.use(tmp_path)
    own = Path(os.environ["TMPDIR"])
    assert own.parent == tmp_path and own.stat().st_mode & 0o077 == 0
    assert lasting_folder() == Path(tempfile.gettempdir())
    (own / "left").write_text("by a killed process")
    scratch.remove()
    assert (os.environ["TMPDIR"], os.environ.get(LASTING), own.exists()) == ("/before", None, False)
    scratch.remove()  # as an end by a signal may


def test_folders_of_the_dead_are_removed(tmp_path):
    living = owned_folder(tmp_path, "tmp-")
    (tmp_path / "tmp-dead").mkdir()
    (tmp_path / "tmp-dead" / "owner").touch()
    assert set(tmp_path.iterdir()) == {living, tmp_path / "tmp-dead"}
    other = owned_folder(tmp_path, "tmp-")
    assert set(tmp_path.iterdir()) == {living, other}


def test_search_leaves_nothing_in_tmpdir(workspace, short):
    """But features for the next one, and Ray's logs."""
    once = (
        "--num-samples",
        "1",
        "--max-epochs",
        "1",
        "--set",
        "asha.grace_period=1",
        "--set",
        "logging.use_wandb=true",
    )
    workspace.run("search", "--space", "space.yaml", *once, TMPDIR=str(short), WANDB_MODE="offline")
    user = os.getuid()
    left = {path.name for path in short.iterdir() if not path.name.startswith("torchinductor_")}  # torch's own cache
    assert left == {f"tune_asr-{user}", f"tune_asr-{user}-ray"}
    assert [path.name for path in (short / f"tune_asr-{user}-ray").iterdir()] == ["ray"]
