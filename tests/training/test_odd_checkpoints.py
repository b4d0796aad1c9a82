"""Checkpoints that are whole, and still not those of the trial."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.test_assets import ASSETS
from tune_asr.config.sections import LoggingSection
from tune_asr.errors import StorageError
from tune_asr.training.loggers import make_loggers
from tune_asr.training.resuming import oddity

SAVED = ASSETS / "checkpoint-0.1.0.ckpt"
EPOCH = 3


class Planted:
    """Object that raises when it is unpickled."""

    def __reduce__(self):
        return exec, ("raise SystemExit",)


def test_own_checkpoint_is_not_odd():
    assert oddity(SAVED, EPOCH) is None


def test_other_epoch_is_odd():
    assert oddity(SAVED, EPOCH + 1) == "checkpoint-0.1.0.ckpt was saved after epoch 3"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"epoch": "5"}, "not a Lightning checkpoint that can be resumed"),
        ({"global_step": None}, "not a Lightning checkpoint that can be resumed"),
        ({"state_dict": []}, "not a Lightning checkpoint that can be resumed"),
        ({"optimizer_states": []}, "not a Lightning checkpoint that can be resumed"),
        ({"optimizer_states": [1]}, "not a Lightning checkpoint that can be resumed"),
        ({"optimizer_states": 1}, "not a Lightning checkpoint that can be resumed"),
        ({"origin": "elsewhere"}, "not a Lightning checkpoint that can be resumed"),
        ({"origin": Planted()}, "holds more than tensors and plain values, and nothing else is ever loaded"),
    ],
)
def test_odd_content_is_named(tmp_path, changes, reason):
    content = {**torch.load(SAVED, weights_only=True), **changes}
    torch.save(content, tmp_path / "checkpoint.ckpt")
    assert oddity(tmp_path / "checkpoint.ckpt", EPOCH) == reason


@pytest.mark.parametrize("content", [b"", b"\x80\x04N.", SAVED.read_bytes()[:5000]], ids=["empty", "pickle", "torn"])
def test_other_files_are_named(tmp_path, content):
    path = tmp_path / "checkpoint.ckpt"
    path.write_bytes(content)
    assert oddity(path, EPOCH) == "not a checkpoint, or damaged"


def test_loggers_refuse_in_words(tmp_path):
    path = tmp_path / "checkpoint.ckpt"
    torch.save({"global_step": Planted()}, path)
    with pytest.raises(StorageError, match="holds more than tensors and plain values"):
        make_loggers(LoggingSection(), Path(tmp_path), name="runs", resume_from=path)
