"""Choice of the best epoch, or the average of several."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from tune_asr.config.sections import Config
from tune_asr.errors import StorageError
from tune_asr.scoring.transcript import Transcript
from tune_asr.train.checkpoint_average import Average, average_best, read_average
from tune_asr.train.epoch_log import EpochLog, stopped_early
from tune_asr.train.trained import Trained
from tune_asr.train.validation import validate
from tune_asr.training.checkpoints import load_checkpoint
from tune_asr.training.data import TrainingData
from tune_asr.training.epochs import HORIZON, Epoch, best_epochs, ended_by, rank


def conclude(
    config: Config, data: TrainingData, log: EpochLog, history: Sequence[Epoch], *, has_diverged: bool
) -> Trained:
    """Choose the best epoch, or the average of several.

    Storage errors are printed or kept, not raised: the training has already finished.
    """
    rules = ended_by(history, config.early_stopping, config.trainer.max_epochs)
    if log.folder and rules and HORIZON not in rules:
        log.say(stopped_early(config, rules[0], len(history)))
    # Before other batches are validated: padding is that of the epoch of the data's trainer.
    padding = data.built_in.padding_share() if data.built_in else None
    best = min(history, key=lambda epoch: rank(epoch, data.metric))
    checkpoint = log.folder.kept(best.epoch) if log.folder else None
    average, why_no_average = _average(config, data, log, history)
    if average and average.checkpoint:
        best, checkpoint, utterances = average.result, average.checkpoint, average.utterances
    else:
        utterances = log.utterances or _transcribe(config, data, log, checkpoint)
    return Trained(
        metric=data.metric,
        best=best,
        epochs=len(history),
        has_diverged=has_diverged,
        ended_by=rules,
        checkpoint=checkpoint,
        newest=log.newest,
        utterances=utterances,
        num_parameters=log.last.num_parameters if log.last else None,
        real_time=_real_time(config, data, log),
        padding=padding,
        average=average,
        why_no_average=why_no_average,
    )


def _average(config: Config, data: TrainingData, log: EpochLog, history: Sequence[Epoch]) -> tuple[Average | None, str]:
    """Average the best checkpoints; return the average, or the error."""
    folder, top_k = log.folder, config.checkpoint.average_top_k
    if not (folder and top_k):
        return None, ""
    try:
        if log.last or all(folder.kept(epoch.epoch) for epoch in best_epochs(history, data.metric, top_k)):
            average = average_best(config, data, folder, history)
        else:  # resumed after its end: the averaged checkpoints were removed
            average = read_average(config, data, folder)
        folder.thin(history, config.checkpoint.save_top_k)
    except StorageError as error:
        return None, error.cause
    return average, ""


def _transcribe(config: Config, data: TrainingData, log: EpochLog, checkpoint: Path | None) -> tuple[Transcript, ...]:
    """Validate the checkpoint of an epoch before the resume."""
    if not (checkpoint and log.may_transcribe):
        return ()
    try:
        weights = load_checkpoint(checkpoint)["state_dict"]
    except StorageError as error:
        log.say(f"warning     {error}")
        return ()
    return validate(config, data, weights).utterances


def _real_time(config: Config, data: TrainingData, log: EpochLog) -> tuple[float, float] | None:
    """Return seconds of speech per second, in training and validation."""
    limit = getattr(config.trainer, "limit_train_batches", None)
    is_whole = limit is None or repr(limit) == "1.0"  # 1 is one batch, 1.0 all of them
    if not (data.built_in and log.seconds and is_whole):
        return None
    train, val = (median(times) for times in zip(*log.seconds, strict=True))
    train_audio, val_audio = data.built_in.seconds_of_audio()
    return train_audio / train, val_audio / val
