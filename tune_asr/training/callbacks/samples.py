"""Hypotheses of a few utterances in TensorBoard and W&B."""

from __future__ import annotations

from collections.abc import Sequence

import lightning.pytorch as pl
from lightning.pytorch.loggers import TensorBoardLogger, WandbLogger

from tune_asr.scoring.transcript import Transcript
from tune_asr.training.ctc_module import outcome_of

NAME = "samples"
_COLUMNS = ["id", "reference", "hypothesis"]


class Samples(pl.Callback):
    """Log reference and hypothesis of some utterances each epoch.

    Args:
        number: number of utterances.
    """

    def __init__(self, number: int = 5) -> None:
        self.number = number

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log them at the step of the curves."""
        outcome = outcome_of(pl_module)
        if outcome is None:
            return
        step = trainer.global_step - 1  # Lightning logs the metrics of this validation there: its steps count from 0
        rows = [[u.id, u.reference, u.hypothesis] for u in chosen(outcome.utterances, self.number)]
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                logger.experiment.add_text(NAME, _markdown(rows), step)
            elif isinstance(logger, WandbLogger):
                logger.log_text(NAME, columns=_COLUMNS, data=rows, step=step)


def chosen(utterances: Sequence[Transcript], number: int) -> list[Transcript]:
    """Return `number` utterances, evenly spaced over the sorted ids."""
    ordered = sorted(utterances, key=lambda utterance: utterance.id)
    number = min(number, len(ordered))
    return [ordered[i * len(ordered) // number] for i in range(number)]


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    """Write a table for TensorBoard."""
    lines = [_COLUMNS, ["---"] * len(_COLUMNS), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
