"""Training outside of a search.

It prints a line per epoch, keeps checkpoints, and chooses the best epoch or an average.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from tune_asr.config.sections import Config
from tune_asr.errors import StorageError, TrialFailedError
from tune_asr.train.checkpoint_average import Average, average_best, read_average
from tune_asr.train.checkpoint_folder import CheckpointFolder
from tune_asr.train.command import Command
from tune_asr.train.epoch_lines import epoch_line, header, stopped_early
from tune_asr.train.trained import Trained
from tune_asr.train.validation import validate
from tune_asr.training.callbacks.bar import epoch_bar
from tune_asr.training.callbacks.samples import Samples
from tune_asr.training.checkpoints import load_checkpoint
from tune_asr.training.data import TrainingData
from tune_asr.training.epochs import HORIZON, Diverged, Epoch, EpochResult, Save, best_epochs, ended_by, rank
from tune_asr.training.fit import fit
from tune_asr.training.loggers import make_loggers
from tune_asr.training.outcome import UtteranceResult


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
        log = _Log(self, newest=resume_from)
        with _resume_hint(log):
            history, has_diverged = self._fit(log, resume_from)
            rules = ended_by(history, self.config.early_stopping, self.config.trainer.max_epochs)
            if self.folder and rules and HORIZON not in rules:
                self.say(stopped_early(self.config, rules[0], len(history)))
            return _conclude(log, history, rules, has_diverged=has_diverged)

    def _fit(self, log: _Log, resume_from: Path | None) -> tuple[list[Epoch], bool]:
        """Return the history, and whether the training diverged."""
        loggers = make_loggers(self.config.logging, self.save_dir, name="tensorboard") if self.folder else []
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
        return history, False


@dataclass(slots=True)
class _Log:
    """Sink: saves each epoch and prints its line."""

    training: Training
    newest: Path | None
    last: EpochResult | None = None
    utterances: tuple[UtteranceResult, ...] = ()
    """Hypotheses of the best epoch; empty if that came before the resume."""
    seconds: list[tuple[float, float]] = field(default_factory=list)
    """Seconds of training and of validation in each epoch."""

    def __call__(self, result: EpochResult, _last: bool, save: Save) -> None:
        training, max_epochs = self.training, self.training.config.trainer.max_epochs
        if folder := training.folder:
            self.newest = folder.save(result, save)
            if folder.set_aside and self.last is None:
                training.say(f"checkpoints of an earlier training are now in {folder.set_aside}")
        if is_best := result.history[-1] is min(result.history, key=lambda epoch: rank(epoch, training.data.metric)):
            self.utterances = result.utterances
        if self.last is None:
            training.say(header(max_epochs))
        self.last = result
        self.seconds.append((result.train_seconds, result.val_seconds))
        training.say(epoch_line(result, max_epochs, is_best=is_best))

    @property
    def may_transcribe(self) -> bool:
        """False if the trained epochs show no hypotheses."""
        return self.last is None or self.last.counts is not None


@contextmanager
def _resume_hint(log: _Log) -> Iterator[None]:
    """Print the command to resume after a signal."""
    try:
        yield
    except SystemExit:
        if log.newest:
            print(f"interrupted: resume with\n    {log.training.command.resuming(log.newest)}", file=sys.stderr)
        raise


def _conclude(log: _Log, history: Sequence[Epoch], rules: Sequence[str], *, has_diverged: bool) -> Trained:
    """Choose the best epoch, or the average of several.

    Storage errors are printed or kept, not raised: the training has already finished.
    """
    training, folder = log.training, log.training.folder
    # Before other batches are validated: padding is that of the epoch of the data's trainer.
    padding = training.data.speech.padding_share() if training.data.speech else None
    best = min(history, key=lambda epoch: rank(epoch, training.data.metric))
    checkpoint = folder.kept(best.epoch) if folder else None
    average, why_no_average = _average(log, history)
    if average and average.checkpoint:
        best, checkpoint, utterances = average.result, average.checkpoint, average.utterances
    else:
        utterances = log.utterances or _transcribe(log, checkpoint)
    return Trained(
        metric=training.data.metric,
        best=best,
        epochs=len(history),
        has_diverged=has_diverged,
        ended_by=rules,
        checkpoint=checkpoint,
        newest=log.newest,
        utterances=utterances,
        num_parameters=log.last.num_parameters if log.last else None,
        real_time=_real_time(log),
        padding=padding,
        average=average,
        why_no_average=why_no_average,
    )


def _average(log: _Log, history: Sequence[Epoch]) -> tuple[Average | None, str]:
    """Average the best checkpoints; returns the average, or the error."""
    config, data, folder = log.training.config, log.training.data, log.training.folder
    if not (folder and config.checkpoint.average_top_k):
        return None, ""
    best = best_epochs(history, data.metric, config.checkpoint.average_top_k)
    try:
        if log.last or all(folder.kept(epoch.epoch) for epoch in best):
            average = average_best(config, data, folder, history)
        else:  # resumed after its end: the averaged checkpoints were removed
            average = read_average(config, data, folder)
        folder.thin(history, config.checkpoint.save_top_k)
    except StorageError as error:
        return None, str(error)
    return average, ""


def _transcribe(log: _Log, checkpoint: Path | None) -> tuple[UtteranceResult, ...]:
    """Validate the checkpoint of an epoch before the resume."""
    if not (checkpoint and log.may_transcribe):
        return ()
    try:
        weights = load_checkpoint(checkpoint)["state_dict"]
    except StorageError as error:
        log.training.say(f"warning     {error}")
        return ()
    return validate(log.training.config, log.training.data, weights).utterances


def _real_time(log: _Log) -> tuple[float, float] | None:
    """Return seconds of speech per second, in training and validation."""
    speech, limit = log.training.data.speech, getattr(log.training.config.trainer, "limit_train_batches", None)
    is_whole = limit is None or repr(limit) == "1.0"  # 1 is one batch, 1.0 all of them
    if not (speech and log.seconds and is_whole):
        return None
    train, val = (median(times) for times in zip(*log.seconds, strict=True))
    train_audio, val_audio = speech.seconds_of_audio()
    return train_audio / train, val_audio / val
