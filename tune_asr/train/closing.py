"""Closing table of a training, and file of its errors."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from tune_asr.config.sections import Config
from tune_asr.errors import StorageError
from tune_asr.record.ranking import too_early
from tune_asr.scoring.alignment import Unit, errors, frequent
from tune_asr.scoring.alignment_text import alignment_text, edit_text
from tune_asr.scoring.counts import ErrorCounts
from tune_asr.scoring.intervals import rate_interval
from tune_asr.scoring.transcript import errors_and_sizes
from tune_asr.storage.atomic import write_atomic
from tune_asr.train.checkpoint_folder import alignments_of
from tune_asr.train.command import Command
from tune_asr.train.standalone import Training
from tune_asr.train.trained import Trained
from tune_asr.training.epochs import HORIZON, PATIENCE, STOP_EPOCH
from tune_asr.wording import count, duration

_SHOWN = 6


def close(training: Training, trained: Trained, seconds: float) -> None:
    """Write the errors of each utterance; print the closing table."""
    alignments = None
    try:
        alignments = _write_alignments(trained)
    except StorageError as error:  # the training has finished: its result matters more than this file
        training.say(f"warning     {error}")
    config = training.config
    rows = [*_rates(trained, config), *_files(trained, alignments), *_confusions(trained)]
    rows += _effort(trained, config, seconds)
    commands = _next_commands(trained, config, training.command)
    rows += [("next" if number == 0 else "", command) for number, command in enumerate(commands)]
    training.say("\n".join(["", *(f"{name:<12}{text}" for name, text in rows)]))


def _write_alignments(trained: Trained) -> Path | None:
    """Write the errors of each utterance beside the best checkpoint."""
    if not (trained.checkpoint and trained.utterances):
        return None
    unit: Unit = "word" if trained.metric == "val_wer" else "character"
    text = alignment_text(trained.checkpoint.name, trained.utterances, unit)
    path = alignments_of(trained.checkpoint)
    write_atomic(path, text.encode(errors="backslashreplace"), setting="checkpoint.dirpath")
    return path


def _rates(trained: Trained, config: Config) -> Iterator[tuple[str, str]]:
    best = "the average" if trained.is_average else f"epoch {trained.best.epoch} of {trained.epochs}"
    ema = ", of the moving average of the weights (ema)" if config.checkpoint.weights == "ema" else ""
    yield "best", f"{best}{ema}"
    if average := _average(trained, config):
        yield "average", average
    wer, cer = (f"{trained.best.scores.value(name):.2%}" for name in ("val_wer", "val_cer"))
    if trained.utterances:
        low, high = rate_interval(*errors_and_sizes(trained.utterances, trained.metric))
        interval = f" (95 %: {100 * low:.1f}-{100 * high:.1f})"
        wer, cer = (f"{wer}{interval}", cer) if trained.metric == "val_wer" else (wer, f"{cer}{interval}")
        total = sum((utterance.counts for utterance in trained.utterances), ErrorCounts())
        wer += f", {total.words:,} words: {total.substitutions:,} substituted, {total.deletions:,} deleted, "
        wer += f"{total.insertions:,} inserted"
    yield "WER", wer
    yield "CER", cer
    if warning := too_early(trained.best.scores.value(trained.metric), trained.metric, longer="trainer.max_epochs"):
        yield "warning", warning


def _average(trained: Trained, config: Config) -> str:
    """Compare the average of checkpoints with the best of them."""
    average, metric = trained.average, trained.metric
    if trained.why_no_average:
        return f"not made: {trained.why_no_average}"
    if average is None:
        asked = config.checkpoint.average_top_k and trained.num_parameters is not None
        return "not made: fewer than two checkpoints" if asked else ""
    here, there = average.result.scores.value(metric), average.against.scores.value(metric)
    verdict = "kept" if average.checkpoint else "not kept, since it is not better"
    return (
        f"of epochs {', '.join(map(str, average.epochs))}: {metric.removeprefix('val_').upper()} "
        f"{here:.2%}, while epoch {average.against.epoch} has {there:.2%}: {verdict}"
    )


def _files(trained: Trained, alignments: Path | None) -> Iterator[tuple[str, str]]:
    if trained.checkpoint:
        yield "checkpoint", str(trained.checkpoint)
    if alignments:
        yield "utterances", f"{alignments}: each with its errors, worst first"


def _confusions(trained: Trained) -> Iterator[tuple[str, str]]:
    """Name the most frequent substitutions."""
    pairs = [(utterance.reference, utterance.hypothesis) for utterance in trained.utterances]
    kinds: tuple[Unit, ...] = ("word", "character") if trained.metric == "val_wer" else ("character",)
    for unit in kinds:
        if found := frequent(errors(pairs, unit), "replace", _SHOWN):
            yield f"{unit}s", ", ".join(f"{edit_text(edit)} {number}" for edit, number in found)


def _effort(trained: Trained, config: Config, seconds: float) -> Iterator[tuple[str, str]]:
    size = f", {trained.num_parameters:,} parameters" if trained.num_parameters else ""
    yield "model", f"{config.model.target}{size}"
    if trained.real_time:
        trains, recognises = trained.real_time
        speed = f"trains at {trains:,.0f} times real time, recognises at {recognises:,.0f}"
        yield "speed", f"{speed} (RTF {1 / recognises:.2g})"
    if trained.padding is not None:
        yield "padding", f"{trained.padding:.0%} of the training frames"
    yield "time", f"{duration(seconds)}, {count(trained.epochs, 'epoch')} in all"


def _next_commands(trained: Trained, config: Config, command: Command) -> Iterator[str]:
    """Yield commands to export the best checkpoint and train longer."""
    if trained.checkpoint and config.subsampling is not None:
        yield shlex.join(["python", "-m", "tune_asr.export", str(trained.checkpoint)])
    lifted = {
        HORIZON: (HORIZON, str(2 * trained.epochs)),
        PATIENCE: ("early_stopping.enabled", "false"),
        STOP_EPOCH: (STOP_EPOCH, "null"),
    }
    if trained.newest and trained.ended_by and not trained.has_diverged:
        longer = command.with_overrides(lifted[rule] for rule in trained.ended_by)
        yield str(longer.resuming(trained.newest))
