"""Training outside of a search.

It prints a line per epoch, keeps checkpoints, and chooses the best epoch or an average.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tune_asr.config.sections import Config
from tune_asr.errors import TrialFailedError
from tune_asr.train.checkpoint_folder import CheckpointFolder
from tune_asr.train.command import Command
from tune_asr.train.conclusion import conclude
from tune_asr.train.epoch_log import EpochLog
from tune_asr.train.trained import Trained
from tune_asr.training.callbacks.bar import epoch_bar
from tune_asr.training.callbacks.samples import Samples
from tune_asr.training.data import TrainingData
from tune_asr.training.epochs import Diverged, Epoch
from tune_asr.training.fit import fit
from tune_asr.training.loggers import make_loggers
from tune_asr.training.wandb_run import news


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """Configuration, data and outputs of a training."""

    config: Config
    data: TrainingData
    folder: CheckpointFolder | None
    """None for a fast development run, which writes nothing."""
    save_dir: Path
    """Folder of the curves."""
    command: Command
    """Command that starts this training."""
    say: Callable[[str], None]
    """Takes a line for people."""

    def run(self, resume_from: Path | None) -> Trained:
        """Train, and return the result.

        Raises:
            TrialFailedError: the training diverged in its first epoch.
        """
        log = EpochLog(
            folder=self.folder,
            metric=self.data.metric,
            max_epochs=self.config.trainer.max_epochs,
            say=self.say,
            newest=resume_from,
        )
        with _resume_hint(log, self.command):
            history, has_diverged = self._fit(log, resume_from)
            return conclude(self.config, self.data, log, history, has_diverged=has_diverged)

    def _fit(self, log: EpochLog, resume_from: Path | None) -> tuple[list[Epoch], bool]:
        """Return the history, and whether the training diverged."""
        loggers = make_loggers(self.config.logging, self.save_dir, name="tensorboard") if self.folder else []
        self._say_news()
        try:
            with epoch_bar() as bar:
                history = fit(
                    self.config,
                    log,
                    data=self.data,
                    resume_from=resume_from,
                    loggers=loggers,
                    callbacks=[*bar, Samples()],
                    fast_dev_run=not self.folder,
                )
        except Diverged as error:
            if not error.history:
                raise TrialFailedError(
                    f"the training diverged: {error}", hint="Lower optimizer.lr, or warm up longer."
                ) from None
            self.say(f"the training diverged: {error}")
            return error.history, True
        finally:
            self._say_news()
        return history, False

    def _say_news(self) -> None:
        if warning := news():
            self.say(f"warning     {warning}")


@contextmanager
def _resume_hint(log: EpochLog, command: Command) -> Iterator[None]:
    """Print the command to resume after a signal."""
    try:
        yield
    except SystemExit:
        if log.newest:
            print(f"interrupted: resume with\n    {command.resuming(log.newest)}", file=sys.stderr)
        else:
            print("interrupted before the end of the first epoch", file=sys.stderr)
        raise
