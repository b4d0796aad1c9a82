"""Checkpoints kept by `train`, each complete or absent."""

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
from tune_asr.storage.atomic import replace_file
from tune_asr.storage.errors import writing
from tune_asr.storage.temporary import remove_remains
from tune_asr.training.epochs import Epoch, EpochResult, Save, best_epochs

AVERAGE = "ctc-average.ckpt"
"""Average of the best checkpoints; see `checkpoint_average`."""


class CheckpointFolder:
    """Folder with the newest and the best checkpoints.

    They are named `ctc-epoch=NN.ckpt`, NN from 0 as Lightning counts. The file of `alignments_of` a checkpoint is moved
    and removed with it.

    Lock the folder first: two trainings would take each other's checkpoints for those of an earlier training. Before
    the first checkpoint is saved, those of an earlier training are moved into a folder beside them, and so are those of
    this training that a resume repeats. None is lost.

    Args:
        dirpath: path of the folder.
        metric: metric of the best epoch.
        save_top_k: number of the best checkpoints to keep.
        resumed_from: checkpoint to resume from; if it is in `dirpath`, the checkpoints there belong to this training.

    Raises:
        StorageError: the folder cannot be written.
    """

    def __init__(self, dirpath: Path, *, metric: Metric, save_top_k: int, resumed_from: Path | None) -> None:
        self.dirpath = dirpath
        self.metric = metric
        self.save_top_k = save_top_k
        self._resumes_here = resumed_from is not None and resumed_from.resolve().parent == dirpath.resolve()
        self._saved_one = False
        self.set_aside: Path | None = None
        """Folder that the checkpoints of an earlier training were moved to, if there were any."""
        with writing(dirpath, setting="checkpoint.dirpath"):
            dirpath.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=dirpath).close()

    def lock(self) -> AbstractContextManager[object]:
        """Lock the folder.

        The lock lasts until the end of the `with` or of the process. On a file system without locks, training continues
        without one.

        Raises:
            StorageError: another training has locked it.
        """
        file = self.dirpath / ".lock"
        try:
            lock = locks.lock(file)
        except OSError:
            return nullcontext()
        if lock is None:
            what = f"another training keeps its checkpoints here: {locks.owner(file)}"
            another = shlex.quote(f"checkpoint.dirpath={self.dirpath}-2")
            raise StorageError(
                Problem(str(self.dirpath), what, f"Wait until it ends, or choose another folder: --set {another}")
            )
        return lock

    def path(self, epoch: int) -> Path:
        """Return the checkpoint of an epoch, counted from 1."""
        return self.dirpath / f"ctc-epoch={epoch - 1:02d}.ckpt"

    def kept(self, epoch: int) -> Path | None:
        """Return the kept checkpoint of an epoch of this training."""
        path = self.path(epoch)
        return path if (self._saved_one or self._resumes_here) and path.exists() else None

    def kept_average(self) -> Path | None:
        """Return the average kept by this training."""
        path = self.dirpath / AVERAGE
        return path if (self._saved_one or self._resumes_here) and path.exists() else None

    def save(self, result: EpochResult, save: Save) -> Path:
        """Save an epoch and return its path.

        Checkpoints that are neither the newest nor among the best are removed.
        """
        final = self.path(result.epoch)
        if not self._saved_one:
            with writing(final, setting="checkpoint.dirpath"):
                self._set_aside(result.epoch)
        self._write(final, save)
        self._saved_one = True
        self.thin(result.history, self.save_top_k)
        return final

    def save_average(self, save: Save) -> Path:
        """Save the average of the best checkpoints; return its path."""
        final = self.dirpath / AVERAGE
        self._write(final, save)
        return final

    def thin(self, history: Sequence[Epoch], save_top_k: int) -> None:
        """Remove all checkpoints but the newest and the `save_top_k` best."""
        saved = [epoch for epoch in history if self.kept(epoch.epoch)]
        best = best_epochs(saved, self.metric, save_top_k)
        for epoch in saved[:-1]:
            if epoch not in best:
                self.path(epoch.epoch).unlink(missing_ok=True)
                alignments_of(self.path(epoch.epoch)).unlink(missing_ok=True)

    def _write(self, final: Path, save: Save) -> None:
        replace_file(final, save, setting="checkpoint.dirpath")

    def _set_aside(self, first: int) -> None:
        remove_remains(self.dirpath)
        for torn in self.dirpath.glob("ctc-*.tmp"):  # as release 0.1.0 named them
            torn.unlink()
        own = {self.path(epoch) for epoch in range(1, first)} if self._resumes_here else set()
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
    """Return the file with the errors of each utterance."""
    return checkpoint.with_suffix(".alignments.txt")
