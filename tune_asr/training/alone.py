"""One process, one device, whatever a batch system's variables claim.

Lightning reads `SLURM_*`, `RANK`, `LOCAL_RANK`, `WORLD_SIZE` and MPI's variables, and takes the training for one of
several processes. Then it writes no curves, waits for the others, or puts a checkpoint into the working directory and
starts from it. But here every training is on its own: these variables are those of the job around it.
"""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path

from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.pytorch.loggers import Logger
from lightning_utilities.core.rank_zero import rank_zero_only


class Alone(ClusterEnvironment):
    """Environment of a training without other processes."""

    creates_processes_externally = False
    main_address = "127.0.0.1"
    main_port = 0

    @staticmethod
    def detect() -> bool:
        """Return True: it fits every machine."""
        return True

    def world_size(self) -> int:
        """Return 1."""
        return 1

    def set_world_size(self, size: int) -> None:
        """Do nothing: the size is fixed."""

    def global_rank(self) -> int:
        """Return 0."""
        return 0

    def set_global_rank(self, rank: int) -> None:
        """Do nothing: the rank is fixed."""

    def local_rank(self) -> int:
        """Return 0."""
        return 0

    def node_rank(self) -> int:
        """Return 0."""
        return 0


def be_first() -> None:
    """Let this process write, as the first of its training.

    Lightning decides at its import, by the same variables.
    """
    rank_zero_only.rank = 0  # type: ignore[attr-defined]


def root_folder(loggers: Sequence[Logger]) -> Path:
    """Return a root folder for this training alone.

    Under SLURM, Lightning starts from any `hpc_ckpt_N.ckpt` in it. By default it is the working directory. Without a
    logger it does not exist, and its name cannot be guessed: others might put such a file there.
    """
    folders = (Path(logger.log_dir) for logger in loggers if logger.log_dir)
    return next(folders, Path(tempfile.gettempdir(), f"tune_asr-lightning-{uuid.uuid4().hex}"))
