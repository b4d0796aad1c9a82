"""Sink of a training: a checkpoint and a line per epoch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tune_asr.config.sections import Config
from tune_asr.scoring.metric import Metric
from tune_asr.scoring.transcript import Transcript
from tune_asr.train.checkpoint_folder import CheckpointFolder
from tune_asr.training.epochs import METRICS, PATIENCE, EpochResult, Save, rank
from tune_asr.wording import count


@dataclass(slots=True, kw_only=True)
class EpochLog:
    """Epochs trained now, as needed for the result."""

    folder: CheckpointFolder | None
    """None: nothing is saved."""
    metric: Metric
    max_epochs: int
    say: Callable[[str], None]
    """Takes a line for people."""
    newest: Path | None
    """Checkpoint that was saved last, or the one that was resumed."""
    last: EpochResult | None = None
    utterances: tuple[Transcript, ...] = ()
    """Hypotheses of the best epoch; empty if that came before the resume."""
    seconds: list[tuple[float, float]] = field(default_factory=list)
    """Seconds of training and of validation in each epoch."""

    def __call__(self, result: EpochResult, _last: bool, save: Save) -> None:
        """Save an epoch, and print its line."""
        if self.folder:
            self.newest = self.folder.save(result, save)
            if self.folder.set_aside and self.last is None:
                self.say(f"checkpoints of an earlier training are now in {self.folder.set_aside}")
        if is_best := result.history[-1] is min(result.history, key=lambda epoch: rank(epoch, self.metric)):
            self.utterances = result.utterances
        if self.last is None:
            self.say(_header(self.max_epochs))
        self.last = result
        self.seconds.append((result.train_seconds, result.val_seconds))
        self.say(_line(result, self.max_epochs) + "  best" * is_best)

    @property
    def may_transcribe(self) -> bool:
        """False if the trained epochs show no hypotheses."""
        return self.last is None or self.last.counts is not None


def _header(max_epochs: int) -> str:
    """Name the columns of `_line`."""
    names = f"{'loss':>7}  {'val':>7}  {'WER':>8}  {'CER':>8}  {'lr':>7}  {'time':>8}"
    return f"{' ' * len(f'epoch   1/{max_epochs}')}  {names}"


def _line(result: EpochResult, max_epochs: int) -> str:
    """Show losses, error rates, learning rate and time.

    Losses are in nats per token; the learning rate is that of the last step.
    """
    wer, cer, loss = (result.scores.value(name) for name in METRICS)
    return (
        f"epoch {result.epoch:3d}/{max_epochs}  {result.train_loss:7.3f}  {loss:7.3f}  "
        f"{wer:8.2%}  {cer:8.2%}  {result.lr:7.1e}  {result.seconds:6.1f} s"
    )


def stopped_early(config: Config, rule: str, epochs: int) -> str:
    """Name the rule of an early stop."""
    stopping = config.early_stopping
    why = f"{rule} is {stopping.stop_epoch}"
    if rule == PATIENCE:
        by = f" by more than {stopping.min_delta:g}" if stopping.min_delta else ""
        why = f"objective has not improved{by} for {count(stopping.patience, 'epoch')}"
    return f"stopped early after epoch {epochs} of {config.trainer.max_epochs}: {why}"
