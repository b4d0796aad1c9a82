"""Progress of a training, in one line per epoch."""

from __future__ import annotations

from tune_asr.config.sections import Config
from tune_asr.training.epochs import METRICS, PATIENCE, EpochResult
from tune_asr.wording import count


def header(max_epochs: int) -> str:
    """Name the columns of `epoch_line`."""
    names = f"{'loss':>7}  {'val':>7}  {'WER':>8}  {'CER':>8}  {'lr':>7}  {'time':>8}"
    return f"{' ' * len(f'epoch   1/{max_epochs}')}  {names}"


def epoch_line(result: EpochResult, max_epochs: int, *, is_best: bool) -> str:
    """Show losses, error rates, learning rate and time.

    Losses are in nats per token; the learning rate is that of the last step.
    """
    wer, cer, loss = (result.scores.value(name) for name in METRICS)
    return (
        f"epoch {result.epoch:3d}/{max_epochs}  {result.train_loss:7.3f}  {loss:7.3f}  "
        f"{wer:8.2%}  {cer:8.2%}  {result.lr:7.1e}  {result.seconds:6.1f} s{'  best' * is_best}"
    )


def stopped_early(config: Config, rule: str, epochs: int) -> str:
    """Name the rule of an early stop."""
    stopping = config.early_stopping
    why = f"{rule} is {stopping.stop_epoch}"
    if rule == PATIENCE:
        by = f" by more than {stopping.min_delta:g}" if stopping.min_delta else ""
        why = f"objective has not improved{by} for {count(stopping.patience, 'epoch')}"
    return f"stopped early after epoch {epochs} of {config.trainer.max_epochs}: {why}"
