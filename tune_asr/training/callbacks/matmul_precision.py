"""Exactness of float32 matrix products in training steps."""

from __future__ import annotations

from typing import Any

import lightning.pytorch as pl
import torch


class MatmulPrecision(pl.Callback):
    """Lower the precision of float32 products in training alone.

    cuDNN's switch, for recurrent layers and convolutions, follows: TF32 is off there but for these steps.

    Args:
        precision: `high` or `medium`, as in `torch.set_float32_matmul_precision`. Both are TF32 on a GPU with tensor
            cores; on a CPU with AMX, `medium` is bfloat16 products, summed in float32.
    """

    def __init__(self, precision: str) -> None:
        self.precision = precision

    def on_train_batch_start(self, *_: Any) -> None:
        """Lower it for one step."""
        torch.set_float32_matmul_precision(self.precision)
        torch.backends.cudnn.allow_tf32 = True

    def on_train_batch_end(self, *_: Any) -> None:
        """Restore it for a validation or another training."""
        torch.set_float32_matmul_precision("highest")
        torch.backends.cudnn.allow_tf32 = False

    def on_exception(self, *_: Any) -> None:
        """Restore it after a step that failed."""
        self.on_train_batch_end()
