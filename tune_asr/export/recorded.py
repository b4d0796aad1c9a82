"""What is exported, and what is on record of it: a checkpoint, its configuration, its error rates and its data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from tune_asr.config.load import from_values
from tune_asr.config.sections import Config
from tune_asr.errors import StorageError
from tune_asr.scoring.counts import ErrorCounts
from tune_asr.training.checkpoints import INITIAL_SHA256, history, hyper_parameters, load_checkpoint

COUNTS = ("words", "substitutions", "deletions", "insertions")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A trained recogniser and its record.

    Attributes:
        name: where it comes from, in words.
        config: what it was trained with.
        weights: the state of its LightningModule, on the CPU.
        vocab: symbols by id, as its checkpoint says; none where a class of the user's does not.
        averaged_epochs: whose weights it is the mean of; none where it is an epoch's own.
        report: `epoch`, `val_wer`, `val_cer`, and in a ledger the counts of `COUNTS` too.
        fingerprint: of the data it was trained and validated on; None where a class of the user's made them.
        initial_sha256: of the file that `model.init_from` names; None where there is none, or it is not on record.
        is_exact: whether it was trained in float32 on a CPU, so that its error counts come out the same to the last on
            that CPU, and but for ties on any other.
    """

    name: str
    config: Config
    weights: Mapping[str, Tensor]
    vocab: Sequence[str] = ()
    averaged_epochs: Sequence[int] = ()
    report: Mapping[str, Any]
    fingerprint: str | None
    initial_sha256: str | None
    is_exact: bool

    def difference(self, counts: ErrorCounts) -> str | None:
        """How error counts differ from the record, None where they do not."""
        found = {"val_wer": counts.wer, "val_cer": counts.cer, **{name: getattr(counts, name) for name in COUNTS}}
        differences = [
            f"{name} is {self.report[name]} on record and {value} now"
            for name, value in found.items()
            if self.report.get(name, value) != value
        ]
        return ", ".join(differences) or None


def read_recorded(
    checkpoint: Path,
    *,
    name: str,
    origin: Mapping[str, Any] | None = None,
    report: Mapping[str, Any] | None = None,
) -> Recorded:
    """A checkpoint and its record.

    Args:
        checkpoint: as `train` or a trial saved it.
        name: where it comes from, in words.
        origin: its `config` and `data_fingerprint`, from its results folder; without them, what the checkpoint says.
        report: its epoch in the ledger; without it, what the checkpoint says.

    Raises:
        ConfigError: there is no such file.
        StorageError: it is damaged, or does not say how it was trained.
    """
    content = load_checkpoint(checkpoint)
    try:
        trained = content.get("origin", {})
        origin = origin or trained
        report = report or history(content)[-1].entry
        config = from_values(dict(origin["config"]), str(checkpoint))
        weights = dict(content["state_dict"])
        if not all(isinstance(value, Tensor) for value in weights.values()):
            raise TypeError("its state_dict holds more than tensors")
        return Recorded(
            name=name,
            config=config,
            weights=weights,
            vocab=hyper_parameters(content).get("vocab", ()),
            averaged_epochs=content["averaged"]["epochs"] if "averaged" in content else (),
            report={"epoch": report["epoch"], "val_wer": report["val_wer"], "val_cer": report["val_cer"], **report},
            fingerprint=origin["data_fingerprint"] or trained["data_fingerprint"],
            initial_sha256=trained.get(INITIAL_SHA256),
            is_exact=trained.get("device", "cpu") == "cpu" and config.precision.precision == "32-true",
        )
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise StorageError(
            f"{checkpoint}: does not say how it was trained ({type(error).__name__}: {error}): export a results "
            "folder, or a checkpoint that `python -m tune_asr.train` wrote"
        ) from error
