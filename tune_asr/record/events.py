"""Events of the ledger, one class per kind.

On disk an event is one flat JSON object: `event` (the kind), `time`, `trial`, and the fields of its class in their
order; `event_lines` reads it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from tune_asr.config.schema import Weights
from tune_asr.scoring.scores import Rate, Score, Scores

if TYPE_CHECKING:
    from tune_asr.scoring.counts import ErrorCounts

Text = Annotated[str, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Whole = Annotated[int, Field(strict=True, ge=0, lt=2**63)]
Integer = Annotated[int, Field(strict=True, gt=-(2**63), lt=2**63)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    """Fields and behaviour of every event."""

    keeps_null: ClassVar[bool] = False
    """Whether fields that are None are written as null, or left out."""

    time: Text | None = None
    """ISO 8601, UTC. The ledger sets it."""

    def items(self) -> Iterator[tuple[str, Any]]:
        """Yield keys and values, None for non-finite numbers."""
        yield from ((key, _finite(value)) for key, value in _flat(self) if value is not None or self.keeps_null)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchStarted(_Event):
    """Start of a driver, for a new or resumed search."""

    event: Literal["search_started"] = "search_started"
    pid: Whole | None = None
    host: Text | None = None
    address: Text | None = None
    """Ray address, `local` for a Ray of its own."""
    slots: Whole
    """Number of trials that run at the same time."""
    resumed: Flag | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchEnded(_Event):
    """End of a driver."""

    event: Literal["search_ended"] = "search_ended"
    status: Literal["finished", "interrupted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialEvent(_Event):
    """Event of one trial."""

    trial: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Created(TrialEvent):
    """Setting drawn for a new trial."""

    event: Literal["created"] = "created"
    params: Annotated[dict[str, Any], Field(strict=True)]
    """Searched values, by their path into the configuration."""
    seed: Integer


@dataclass(frozen=True, slots=True, kw_only=True)
class Started(TrialEvent):
    """Start of a trial in a worker."""

    event: Literal["started"] = "started"
    process: Text | None = None
    """`host:pid` of the worker."""
    damaged: Annotated[list[Text], Field(strict=True)] | None = None
    """Checkpoints that were passed over."""
    warning: Text | None = None
    """Logger that the training does without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(TrialEvent):
    """Continuation of a trial in a worker."""

    event: Literal["resumed"] = "resumed"
    process: Text | None = None
    epoch: Whole | None = None
    """Epoch of the checkpoint it continues from, 0 for none."""
    cause: Text | None = None
    damaged: Annotated[list[Text], Field(strict=True)] | None = None
    warning: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WordCounts:
    """Sums over the validation set; None under a custom module."""

    words: Whole | None = None
    """Words of the references."""
    substitutions: Whole | None = None
    deletions: Whole | None = None
    insertions: Whole | None = None

    @classmethod
    def of(cls, counts: ErrorCounts) -> WordCounts:
        """Make the counts of words from all counts."""
        return cls(
            words=counts.words,
            substitutions=counts.substitutions,
            deletions=counts.deletions,
            insertions=counts.insertions,
        )

    @property
    def errors(self) -> int:
        """Sum of the three kinds of error."""
        return sum(count or 0 for count in (self.substitutions, self.deletions, self.insertions))


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(TrialEvent):
    """Trained and validated epoch with its checkpoint."""

    keeps_null: ClassVar[bool] = True

    event: Literal["report"] = "report"
    epoch: Whole
    scores: Scores
    train_loss: Score | None = None
    """Nats per token."""
    val_blank_share: Rate | None = None
    """Share of validation frames whose best symbol is the blank."""
    val_empty_share: Rate | None = None
    """Share of empty hypotheses."""
    weights: Weights = "raw"
    """Weights that were scored: the trained ones, or their moving average."""
    counts: WordCounts = field(default_factory=WordCounts)
    train_seconds: Rate | None = None
    val_seconds: Rate | None = None
    seconds: Rate | None
    """Seconds from the previous epoch, or from the set-up, to this report."""
    checkpoint: Text | None = None
    """Path relative to the results folder."""
    last: Flag
    """Whether the training ends with this epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision(TrialEvent):
    """Verdict of ASHA on a trial at a rung."""

    event: Literal["decision"] = "decision"
    rung: Whole | None = None
    epoch: Whole
    value: Score
    cutoff: Score | None = None
    """Worst value that continues."""
    verdict: Literal["continue", "stop"]
    control: Flag | None = None
    """Whether the trial would stop, and continues to show what pruning loses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused(TrialEvent):
    """Interruption of a trial, alone or with its search."""

    event: Literal["paused"] = "paused"
    epoch: Whole | None = None
    cause: Text | None = None
    retry: Whole | None = None
    """Number of the retry after the death of its process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended(TrialEvent):
    """End of a trial."""

    event: Literal["finished", "pruned", "diverged", "failed"]
    epoch: Whole | None = None
    cause: Text | None = None


Event = SearchStarted | SearchEnded | Created | Started | Report | Decision | Paused | Resumed | Ended


def _flat(event: Any) -> Iterator[tuple[str, Any]]:
    """Yield the fields of an event, nested ones in place."""
    for each in fields(event):
        value = getattr(event, each.name)
        if is_dataclass(value):
            yield from _flat(value)
        else:
            yield each.name, value


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
