"""What it takes until the default model runs elsewhere, every check included."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.benchmarks.searches import REPOSITORY, run_python
from tests.benchmarks.table import Row


def measure() -> list[Row]:
    """The whole command, on a checkpoint of the default configuration after one epoch."""
    with tempfile.TemporaryDirectory() as folder:
        config = REPOSITORY / "configs/train.yaml"
        once = ("trainer.max_epochs=1", "logging.tensorboard=false", f"checkpoint.dirpath={folder}")
        settings = [flag for value in once for flag in ("--set", value)]
        run_python("-m", "tune_asr.train", "--config", str(config), *settings)
        began = time.monotonic()
        run_python("-m", "tune_asr.export", str(Path(folder, "ctc-epoch=00.ckpt")))
        return [Row(claim="export of the default model", value=time.monotonic() - began, at_most=60)]
