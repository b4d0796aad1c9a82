"""Result of a training outside of a search."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tune_asr.scoring.metric import Metric
from tune_asr.scoring.transcript import Transcript
from tune_asr.train.checkpoint_average import Average
from tune_asr.training.epochs import METRICS, Epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """Result of a training."""

    metric: Metric
    """Metric of the best epoch: `val_wer` or `val_cer`."""
    best: Epoch
    """Best epoch, or the average if that is better."""
    epochs: int
    """Number of epochs in all, those before a resume included."""
    has_diverged: bool
    ended_by: Sequence[str]
    """Keys of the rules that ended the training."""
    checkpoint: Path | None
    """Checkpoint of `best`, if one is kept."""
    newest: Path | None
    """Checkpoint that was saved last, or the one that was resumed."""
    utterances: tuple[Transcript, ...]
    """Hypotheses of `best`; empty for a custom module that does not report them."""
    num_parameters: int | None
    """None if no epoch was trained now."""
    real_time: tuple[float, float] | None
    """Seconds of speech per second, in training and in validation; None if an epoch was cut short."""
    padding: float | None
    """Share of the training frames that is padding; None for a custom data module."""
    average: Average | None
    """Average of the best checkpoints, if `checkpoint.average_top_k` asks for it and there are two."""
    why_no_average: str
    """Error that kept the average from being made."""

    @property
    def is_average(self) -> bool:
        """True if `best` is the average."""
        return self.average is not None and self.average.checkpoint is not None

    @property
    def json_line(self) -> str:
        """Last line of standard output."""
        values: dict[str, float | str | list[int] | None] = {}
        values |= {"epoch": self.best.epoch, **{name: self.best.scores.get(name) for name in METRICS}}
        values["checkpoint"] = str(self.checkpoint) if self.checkpoint else None
        if self.average and self.is_average:  # `epoch` is the newest of these
            values["averaged_epochs"] = self.average.epochs
        return json.dumps(values)
