"""A training that stands alone, as `tune_asr.train` runs it: its checkpoints, and what is known at its end."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from tune_asr.config.sections import Config
from tune_asr.errors import StorageError, TrialFailedError
from tune_asr.train.checkpoint_average import Average, average_best, read_average
from tune_asr.train.checkpoint_folder import CheckpointFolder
from tune_asr.train.validation import validate
from tune_asr.training.callbacks.bar import epoch_bar
from tune_asr.training.callbacks.samples import Samples
from tune_asr.training.checkpoints import load_checkpoint
from tune_asr.training.data import SpeechDataModule, TrainingData
from tune_asr.training.epochs import (
    HORIZON,
    PATIENCE,
    Diverged,
    EpochResult,
    Save,
    best_epochs,
    ended_by,
    rank,
)
from tune_asr.training.fit import fit
from tune_asr.training.loggers import make_loggers
from tune_asr.training.outcome import UtteranceResult

Say = Callable[[str], None]


@dataclass(slots=True)
class Trained:
    """What a training came to."""

    metric: str
    """What "best" goes by, `val_wer` or `val_cer`."""
    best: dict[str, float] = field(default_factory=dict)
    """`epoch` from 1, `val_wer`, `val_cer`, `val_loss`: of the best epoch, or of the average where that is better."""
    epochs: int = 0
    """How many have been trained in all, those before a resume included."""
    has_diverged: bool = False
    ended_by: Sequence[str] = ()
    """The keys of the rules that end the training here; none where it diverged before."""
    checkpoint: Path | None = None
    """Of the best, where one is kept."""
    newest: Path | None = None
    """The last checkpoint that was saved, or the one that was resumed."""
    utterances: tuple[UtteranceResult, ...] = ()
    """What the best made of each; empty for a user's own module that is no `CTCModule`."""
    seconds: list[tuple[float, float]] = field(default_factory=list)
    """Of training and of validation, for each epoch that was trained now."""
    last: EpochResult | None = None
    """The last epoch that was trained now."""
    real_time: tuple[float, float] | None = None
    """Seconds of speech a second, in training and in validation, where somebody counted what was trained on."""
    average: Average | None = None
    """Of the best checkpoints, where `checkpoint.average_top_k` asks for it; `checkpoint` is its own if it is kept."""
    why_no_average: str = ""
    """What stood in the way of the average, if anything did."""
    padding: float | None = None
    """The share of the training frames that is padding."""


def train_alone(
    config: Config,
    data: TrainingData,
    *,
    folder: CheckpointFolder | None,
    save_dir: Path,
    resume_from: Path | None,
    say: Say,
    command: str,
) -> Trained:
    """Train, keep the best and the newest checkpoint in `folder`, and tell each epoch.

    Args:
        config: the checked configuration.
        data: its data.
        folder: None for one batch of each kind, of which nothing is written.
        save_dir: of the curves.
        resume_from: a checkpoint to go on from.
        say: takes a line for people.
        command: that starts this training, to be said with the flag that goes on where a signal ends it.

    Raises:
        TrialFailedError: it diverged before its first epoch ended.
    """
    trained = Trained(data.metric, newest=resume_from)

    def sink(result: EpochResult, _last: bool, save: Save) -> None:
        if folder:
            trained.newest = folder.save(result, save)
            if folder.set_aside and trained.last is None:
                say(f"checkpoints of an earlier training are now in {folder.set_aside}")
        is_best = result.history[-1] is min(result.history, key=lambda epoch: rank(epoch, trained.metric))
        if is_best:
            trained.utterances = result.utterances
        if trained.last is None:
            say(_head(config.trainer.max_epochs))
        trained.last = result
        trained.seconds.append((result.train_seconds, result.val_seconds))
        say(_line(result, config.trainer.max_epochs) + "  best" * is_best)

    loggers = make_loggers(config.logging, save_dir, name="tensorboard") if folder else []
    with _tells_the_way_on(trained, command):
        try:
            with epoch_bar() as bar:
                history = fit(
                    config,
                    sink,
                    data=data,
                    resume_from=resume_from,
                    loggers=loggers,
                    callbacks=[*bar, Samples()],
                    fast_dev_run=not folder,
                )
        except Diverged as error:
            history = error.history
            if not history:
                hint = "lower optimizer.lr, or warm up longer"
                raise TrialFailedError(f"the training diverged: {error}: {hint}") from None
            trained.has_diverged = True
            say(f"the training diverged: {error}")
        trained.ended_by = ended_by(history, config.early_stopping, config.trainer.max_epochs)
        if folder and trained.ended_by and HORIZON not in trained.ended_by:
            say(_stopped_early(config, trained.ended_by[0], len(history)))
        _conclude(trained, config, data, folder, history, say)
    return trained


@contextmanager
def _tells_the_way_on(trained: Trained, command: str) -> Iterator[None]:
    """Say how to go on where a signal ends the training, or what comes after its last epoch."""
    try:
        yield
    except SystemExit:
        if trained.newest:
            print(f"interrupted: go on with\n    {command} {resume_flag(trained.newest)}", file=sys.stderr)
        raise


def _conclude(
    trained: Trained,
    config: Config,
    data: TrainingData,
    folder: CheckpointFolder | None,
    history: Sequence[Mapping[str, float]],
    say: Say,
) -> None:
    """Find out what the training came to, its best epoch or the average of several.

    The training is over: a full disk or a damaged checkpoint takes nothing from its result.
    """
    if data.speech:
        trained.padding, trained.real_time = data.speech.padding_share(), _real_time(trained, data.speech, config)
    trained.epochs = len(history)
    best = min(history, key=lambda epoch: rank(epoch, trained.metric))
    trained.best = dict(best)
    trained.checkpoint = folder.kept(best["epoch"]) if folder else None
    if folder and config.checkpoint.average_top_k:
        try:
            _average(trained, config, data, folder, history)
        except StorageError as error:
            trained.why_no_average = str(error)
    # A user's own module that is no `CTCModule` does not say what it heard; of one that was not trained, nobody knows.
    may_say = trained.last is None or trained.last.counts is not None
    if may_say and trained.checkpoint and not trained.utterances:  # the best epoch came before the resume
        try:
            weights = load_checkpoint(trained.checkpoint)["state_dict"]
        except StorageError as error:
            say(f"warning     {error}")
        else:
            trained.utterances = validate(config, data, weights).utterances


def _average(
    trained: Trained,
    config: Config,
    data: TrainingData,
    folder: CheckpointFolder,
    history: Sequence[Mapping[str, float]],
) -> None:
    """Average the best checkpoints, and let the average be the best where it is better."""
    best = best_epochs(history, trained.metric, config.checkpoint.average_top_k)
    if trained.last or all(folder.kept(epoch["epoch"]) for epoch in best):
        trained.average = average_best(config, data, folder, history)
    else:  # resumed behind its end, where what was averaged has been removed
        trained.average = read_average(config, data, folder)
    folder.thin(history, config.checkpoint.save_top_k)
    if trained.average and trained.average.checkpoint:
        trained.best, trained.checkpoint = dict(trained.average.metrics), trained.average.checkpoint
        trained.utterances = trained.average.utterances


def _real_time(trained: Trained, data: SpeechDataModule, config: Config) -> tuple[float, float] | None:
    limit = getattr(config.trainer, "limit_train_batches", None)
    is_whole = limit is None or repr(limit) == "1.0"  # 1 is one batch, 1.0 all of them
    if not (trained.seconds and is_whole):
        return None
    train, val = (median(times) for times in zip(*trained.seconds, strict=True))
    train_audio, val_audio = data.seconds_of_audio()
    return train_audio / train, val_audio / val


def _stopped_early(config: Config, rule: str, epochs: int) -> str:
    """Say which rule ended a training before its horizon."""
    stopping = config.early_stopping
    why = f"{rule} is {stopping.stop_epoch}"
    if rule == PATIENCE:
        by = f" by more than {stopping.min_delta:g}" if stopping.min_delta else ""
        number = f"{stopping.patience} epoch{'s' if stopping.patience > 1 else ''}"
        why = f"objective has not improved{by} for {number}"
    return f"stopped early after epoch {epochs} of {config.trainer.max_epochs}: {why}"


def resume_flag(checkpoint: Path) -> str:
    """The flag of `train` that goes on from a checkpoint."""
    return f"--resume-from-checkpoint {shlex.quote(str(checkpoint))}"


def _line(result: EpochResult, max_epochs: int) -> str:
    """An epoch under `_head`: losses in nats a token, the rate of its last step, its time."""
    return (
        f"epoch {result.epoch:3d}/{max_epochs}  {result.train_loss:7.3f}  {result.val_loss:7.3f}  "
        f"{result.val_wer:8.2%}  {result.val_cer:8.2%}  {result.lr:7.1e}  {result.seconds:6.1f} s"
    )


def _head(max_epochs: int) -> str:
    """What the columns of `_line` are."""
    names = f"{'loss':>7}  {'val':>7}  {'WER':>8}  {'CER':>8}  {'lr':>7}  {'time':>8}"
    return f"{' ' * len(f'epoch   1/{max_epochs}')}  {names}"
