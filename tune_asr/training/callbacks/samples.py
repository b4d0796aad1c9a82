"""A few validation utterances, the same in every epoch, in TensorBoard and in W&B: what the model makes of them."""

from __future__ import annotations

from collections.abc import Sequence

import lightning.pytorch as pl
from lightning.pytorch.loggers import TensorBoardLogger, WandbLogger

from tune_asr.training.ctc_module import outcome_of
from tune_asr.training.outcome import UtteranceResult

NAME = "samples"
_COLUMNS = ["id", "reference", "hypothesis"]


class Samples(pl.Callback):
    """Logs reference and hypothesis of some utterances after each validation of a `CTCModule`.

    Args:
        number: how many.
    """

    def __init__(self, number: int = 5) -> None:
        self.number = number

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log them at the step of the other curves."""
        outcome = outcome_of(pl_module)
        if outcome is None:
            return
        step = trainer.global_step - 1  # where Lightning draws the metrics of this validation: its steps count from 0
        rows = [[u.id, u.reference, u.hypothesis] for u in chosen(outcome.utterances, self.number)]
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                logger.experiment.add_text(NAME, _markdown(rows), step)
            elif isinstance(logger, WandbLogger):
                logger.log_text(NAME, columns=_COLUMNS, data=rows, step=step)


def chosen(utterances: Sequence[UtteranceResult], number: int) -> list[UtteranceResult]:
    """`number` of them, evenly spaced over their sorted ids: batches that change change nothing."""
    ordered = sorted(utterances, key=lambda utterance: utterance.id)
    number = min(number, len(ordered))
    return [ordered[i * len(ordered) // number] for i in range(number)]


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table as TensorBoard renders it."""
    lines = [_COLUMNS, ["---"] * len(_COLUMNS), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
