"""Events of the ledger, one class per kind.

On disk an event is one flat JSON object: `event` (the kind), `time`, `trial`, and the fields of its class in their
order; `event_lines` reads it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from tune_asr.config.schema import Weights
from tune_asr.record.search_events import (
    BaseEvent,
    Closing,
    Flag,
    Integer,
    Planned,
    SearchEnded,
    SearchStarted,
    Stopped,
    Text,
    Warmed,
    WaveOpened,
    Whole,
)
from tune_asr.scoring.scores import Finite, NotNegative, Scores

if TYPE_CHECKING:
    from tune_asr.scoring.counts import ErrorCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialEvent(BaseEvent):
    """Event of one trial."""

    trial: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Created(TrialEvent):
    """Setting drawn for a new trial."""

    event: Literal["created"] = "created"
    params: Annotated[dict[str, Any], Field(strict=True)]
    """Searched values, by their path into the configuration."""
    seed: Integer
    base: Flag | None = None
    """Whether this is the base configuration, which is never pruned."""
    finalist_of: Text | None = None
    """Trial with the same setting, if this is a finalist with a fresh seed."""
    continues_setting_of: Text | None = None
    """Trial whose setting and seed this one trains again, with a longer horizon."""


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
    train_loss: Finite | None = None
    """Nats per token."""
    val_blank_share: NotNegative | None = None
    """Share of validation frames whose best symbol is the blank."""
    val_empty_share: NotNegative | None = None
    """Share of empty hypotheses."""
    weights: Weights = "raw"
    """Weights that were scored: the trained ones, or their moving average."""
    counts: WordCounts = field(default_factory=WordCounts)
    train_seconds: NotNegative | None = None
    val_seconds: NotNegative | None = None
    seconds: NotNegative | None
    """Seconds from the previous epoch, or from the set-up, to this report."""
    checkpoint: Text | None = None
    """Path relative to the results folder."""
    num_parameters: Whole | None = None
    """Parameters of the model, in the first epoch."""
    rtf: NotNegative | None = None
    """Real-time factor of decoding, in the first epoch: seconds of compute per second of speech."""
    last: Flag
    """Whether the training ends with this epoch."""

    def items(self) -> Iterator[tuple[str, Any]]:
        """Yield keys and values, without later keys if None.

        Release 0.1.0 wrote no score. Size and speed are those of the first epoch alone.
        """
        later = {"score", "num_parameters", "rtf"}
        yield from ((key, value) for key, value in BaseEvent.items(self) if value is not None or key not in later)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision(TrialEvent):
    """Verdict of ASHA on a trial at a rung."""

    event: Literal["decision"] = "decision"
    rung: Annotated[int, Field(strict=True, ge=-1, lt=2**63)] | None = None
    """Number of the rung, from 0; -1 at another epoch."""
    epoch: Whole
    value: Finite
    cutoff: Finite | None = None
    """Worst value that continues, in mode `stop` or of a limit."""
    better: Whole | None = None
    """Trials of this epoch with a lower value, in mode `waves`."""
    room: Whole | None = None
    """Number of better trials at which a trial stops, in mode `waves`."""
    verdict: Literal["continue", "pause", "stop"]
    control: Flag | None = None
    """Whether the trial would stop, and continues to show what pruning loses."""
    limit: Text | None = None
    """Key of `search.limits` that the trial is beyond; value and cutoff are of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused(TrialEvent):
    """Interruption of a trial, alone or with its search."""

    event: Literal["paused"] = "paused"
    epoch: Whole | None = None
    cause: Text | None = None
    """`rung`: the trial waits for its turn; `time`: the time budget is spent. Any other continues first."""
    retry: Whole | None = None
    """Number of the retry after the death of its process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended(TrialEvent):
    """End of a trial."""

    event: Literal["finished", "pruned", "diverged", "failed"]
    epoch: Whole | None = None
    cause: Text | None = None
    of_setting: Flag | None = None
    """Whether a failure is the fault of the setting."""


Event = (
    SearchStarted
    | SearchEnded
    | Planned
    | Warmed
    | WaveOpened
    | Stopped
    | Closing
    | Created
    | Started
    | Report
    | Decision
    | Paused
    | Resumed
    | Ended
)
