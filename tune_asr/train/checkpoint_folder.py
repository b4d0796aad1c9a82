"""The checkpoints that `train` keeps, each whole or not there at all."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import datetime
from pathlib import Path

from tune_asr.errors import Problem, StorageError
from tune_asr.scoring.metric import Metric
from tune_asr.storage import locks
from tune_asr.storage.atomic import TEMPORARY_PREFIX, replace_file
from tune_asr.storage.errors import writing
from tune_asr.training.epochs import Epoch, EpochResult, Save, best_epochs

AVERAGE = "ctc-average.ckpt"
"""The average of a training's best checkpoints: see `checkpoint_average`."""


class CheckpointFolder:
    """Saves `ctc-epoch=NN.ckpt`, NN from 0 as Lightning counts, and removes what is neither new nor among the best.

    What a checkpoint made of each utterance may stand beside it (`alignments_of`), and goes where it goes.

    One training at a time: two would take each other's checkpoints for those of an earlier one, so `lock` it first.
    Checkpoints of an earlier training in the same folder are moved into a folder beside them before the first one is
    saved, and so are those of this training that a resume is about to make again. None is lost.

    Args:
        dirpath: the folder.
        metric: what "best" goes by, `val_wer` or `val_cer`.
        save_top_k: how many of the best are kept.
        resumed_from: the checkpoint that the training goes on from; one in `dirpath` says that those there are its own.

    Raises:
        StorageError: the folder cannot be written.
    """

    def __init__(self, dirpath: Path, *, metric: Metric, save_top_k: int, resumed_from: Path | None) -> None:
        self.dirpath = dirpath
        self.metric = metric
        self.save_top_k = save_top_k
        self._goes_on = resumed_from is not None and resumed_from.resolve().parent == dirpath.resolve()
        self._saved_one = False
        self.set_aside: Path | None = None
        """Where checkpoints of an earlier training were moved, if there were any."""
        with writing(dirpath, setting="checkpoint.dirpath"):
            dirpath.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=dirpath).close()

    def lock(self) -> AbstractContextManager[object]:
        """Take the folder for this process, until the end of the `with` or of the process, however it ends.

        Where the file system knows no locks, the training goes on without.

        Raises:
            StorageError: another training owns it.
        """
        file = self.dirpath / ".lock"
        try:
            lock = locks.lock(file)
        except OSError:
            return nullcontext()
        if lock is None:
            what = f"another training keeps its checkpoints here: {locks.owner(file)}"
            another = shlex.quote(f"checkpoint.dirpath={self.dirpath}-2")
            raise StorageError(Problem(str(self.dirpath), what, f"Wait for its end, or keep these in: --set {another}"))
        return lock

    def path(self, epoch: int) -> Path:
        """The checkpoint of an epoch; `epoch` counts from 1."""
        return self.dirpath / f"ctc-epoch={epoch - 1:02d}.ckpt"

    def kept(self, epoch: int) -> Path | None:
        """The checkpoint of an epoch of this training, if it is still there; an earlier training's is none."""
        path = self.path(epoch)
        return path if (self._saved_one or self._goes_on) and path.exists() else None

    def kept_average(self) -> Path | None:
        """The average of this training's best checkpoints, if there is one; an earlier training's is none."""
        path = self.dirpath / AVERAGE
        return path if (self._saved_one or self._goes_on) and path.exists() else None

    def save(self, result: EpochResult, save: Save) -> Path:
        """Save an epoch under its name, which is returned, and remove those that it makes superfluous."""
        final = self.path(result.epoch)
        if not self._saved_one:
            with writing(final, setting="checkpoint.dirpath"):
                self._set_aside(result.epoch)
        self._write(final, save)
        self._saved_one = True
        self.thin(result.history, self.save_top_k)
        return final

    def save_average(self, save: Save) -> Path:
        """Save the average of the best checkpoints under its name, which is returned."""
        final = self.dirpath / AVERAGE
        self._write(final, save)
        return final

    def thin(self, history: Sequence[Epoch], save_top_k: int) -> None:
        """Remove what is neither new nor among the `save_top_k` best."""
        saved = [epoch for epoch in history if self.kept(epoch.epoch)]
        best = best_epochs(saved, self.metric, save_top_k)
        for epoch in saved[:-1]:
            if epoch not in best:
                self.path(epoch.epoch).unlink(missing_ok=True)
                alignments_of(self.path(epoch.epoch)).unlink(missing_ok=True)

    def _write(self, final: Path, save: Save) -> None:
        replace_file(final, save, setting="checkpoint.dirpath")

    def _set_aside(self, first: int) -> None:
        # Left by a killed process; release 0.1.0 named them ctc-*.tmp.
        for torn in (*self.dirpath.glob(f"{TEMPORARY_PREFIX}*"), *self.dirpath.glob("ctc-*.tmp")):
            torn.unlink()
        own = {self.path(epoch) for epoch in range(1, first)} if self._goes_on else set()
        earlier = {*self.dirpath.glob("ctc-epoch=*.ckpt"), *self.dirpath.glob(AVERAGE)} - own
        if earlier:
            aside = self.dirpath / f"previous-{datetime.now():%Y%m%d-%H%M%S-%f}"
            aside.mkdir()
            for path in sorted(earlier):
                path.rename(aside / path.name)
                with suppress(FileNotFoundError):
                    alignments_of(path).rename(aside / alignments_of(path).name)
            self.set_aside = aside


def alignments_of(checkpoint: Path) -> Path:
    """Where it is written what became of each utterance under a checkpoint."""
    return checkpoint.with_suffix(".alignments.txt")
