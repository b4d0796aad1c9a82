"""Files of an epoch, written by its worker."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from tune_asr.record.checkpoints import CHECKPOINT, UTTERANCES, epoch_folder, write_checkpoint
from tune_asr.record.events import Report, WordCounts
from tune_asr.record.folder import ResultsFolder

if TYPE_CHECKING:
    from tune_asr.training.epochs import EpochResult, Save


def write_epoch(folder: ResultsFolder, trial: str, result: EpochResult, save: Save, *, last: bool) -> Report:
    """Write an epoch's checkpoint; return the event for the ledger.

    Args:
        folder: results folder.
        trial: number of the trial.
        result: scores, times and hypotheses of the epoch.
        save: function that saves the checkpoint at a path.
        last: whether the training ends with this epoch.
    """
    where = epoch_folder(folder.checkpoints(trial), result.epoch)
    write_checkpoint(where, {CHECKPOINT: save, UTTERANCES: lambda path: _write_utterances(path, result)})
    return Report(
        trial=trial,
        epoch=result.epoch,
        scores=result.scores,
        train_loss=result.train_loss,
        val_blank_share=result.outcome.blank_share if result.outcome else None,
        val_empty_share=result.outcome.empty_share if result.outcome else None,
        weights=result.weights,
        counts=WordCounts.of(result.counts) if result.counts else WordCounts(),
        train_seconds=round(result.train_seconds, 4),
        val_seconds=round(result.val_seconds, 4),
        seconds=round(result.seconds, 4),
        checkpoint=str((where / CHECKPOINT).relative_to(folder.root)),
        num_parameters=result.num_parameters if result.epoch == 1 else None,
        rtf=None if result.rtf is None else float(f"{result.rtf:.4g}"),
        last=last,
    )


def _write_utterances(path: Path, result: EpochResult) -> None:
    encode = json.JSONEncoder(ensure_ascii=False).encode  # `json.dumps` would make an encoder for each row
    with path.open("w", encoding="utf-8") as file:
        for utterance in result.utterances:
            counts = utterance.counts
            row = {"id": utterance.id, **asdict(WordCounts.of(counts)), "hypothesis": utterance.hypothesis}
            of_characters = {"characters": counts.characters, "character_errors": counts.character_errors}
            file.write(encode({**row, **of_characters}) + "\n")
