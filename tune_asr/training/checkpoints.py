"""The checkpoints that `train` keeps: the newest and the best, each whole or not there at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from tune_asr.errors import StorageError
from tune_asr.training.epochs import EpochResult, Save, rank


class CheckpointFolder:
    """Saves `ctc-epoch=NN.ckpt`, NN from 0 as Lightning counts, and removes what is neither new nor among the best.

    Args:
        dirpath: the folder; checkpoints of an earlier training there are moved into a folder beside them, not lost.
        metric: what "best" goes by, `val_wer` or `val_cer`.
        save_top_k: how many of the best are kept.
        keep_earlier: the training is a resumed one: the checkpoints there are its own.

    Raises:
        StorageError: the folder cannot be written.
    """

    def __init__(self, dirpath: Path, *, metric: str, save_top_k: int, keep_earlier: bool) -> None:
        self.dirpath = dirpath
        self.metric = metric
        self.save_top_k = save_top_k
        self._saved: list[Mapping[str, float]] = []
        try:
            dirpath.mkdir(parents=True, exist_ok=True)
            if not keep_earlier:
                self._set_aside()
        except OSError as error:
            raise StorageError(f"{dirpath}: cannot be written: {error.strerror}: choose checkpoint.dirpath") from error

    def path(self, epoch: float) -> Path:
        """The checkpoint of an epoch; `epoch` counts from 1."""
        return self.dirpath / f"ctc-epoch={int(epoch) - 1:02d}.ckpt"

    def save(self, result: EpochResult, save: Save) -> None:
        """Save an epoch under its name, and remove those that it makes superfluous."""
        final = self.path(result.epoch)
        # No temporary name ends in .ckpt: whoever lists the folder sees whole checkpoints alone.
        temporary = final.with_suffix(f".{os.getpid()}.tmp")
        try:
            save(temporary)
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(final)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise StorageError(f"{final}: cannot be written: {error.strerror or error}") from error
        self._saved.append({name: getattr(result, name) for name in ("epoch", "val_wer", "val_cer", "val_loss")})
        self._remove_superfluous()

    def _remove_superfluous(self) -> None:
        kept = sorted(self._saved, key=lambda epoch: rank(epoch, self.metric))[: self.save_top_k]
        kept.append(self._saved[-1])
        for epoch in self._saved:
            if epoch not in kept:
                self.path(epoch["epoch"]).unlink(missing_ok=True)
        self._saved = [epoch for epoch in self._saved if epoch in kept]

    def _set_aside(self) -> None:
        earlier = sorted(self.dirpath.glob("ctc-epoch=*.ckpt"))
        if earlier:
            aside = self.dirpath / f"previous-{datetime.now():%Y%m%d-%H%M%S-%f}"
            aside.mkdir()
            for path in earlier:
                path.rename(aside / path.name)
