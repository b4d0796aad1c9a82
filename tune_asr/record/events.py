"""Events of the ledger: a class per kind, read from a line and written as one.

On disk an event is one flat JSON object: `event` (the kind), `time`, `trial`, and the fields of its class in their
order. Keys that are unknown here are ignored, so that the ledgers of later versions still open.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, TypeAdapter, ValidationError

from tune_asr.config.scalars import shown
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
        """Yield the keys and values of the line, None for numbers that are not finite."""
        yield from ((key, _finite(value)) for key, value in _flat(self) if value is not None or self.keeps_null)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchStarted(_Event):
    """A driver started, for a new search or a resumed one."""

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
    """A driver ended."""

    event: Literal["search_ended"] = "search_ended"
    status: Literal["finished", "interrupted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialEvent(_Event):
    """An event of one trial."""

    trial: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Created(TrialEvent):
    """A setting was drawn."""

    event: Literal["created"] = "created"
    params: Annotated[dict[str, Any], Field(strict=True)]
    """Searched values, by their path into the configuration."""
    seed: Integer


@dataclass(frozen=True, slots=True, kw_only=True)
class Started(TrialEvent):
    """A worker began to train the trial."""

    event: Literal["started"] = "started"
    process: Text | None = None
    """`host:pid` of the worker."""
    damaged: Annotated[list[Text], Field(strict=True)] | None = None
    """Checkpoints that were passed over."""
    warning: Text | None = None
    """Logger that the training does without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(TrialEvent):
    """A worker continued the trial."""

    event: Literal["resumed"] = "resumed"
    process: Text | None = None
    epoch: Whole | None = None
    """Epoch of the checkpoint it continues from, 0 for none."""
    cause: Text | None = None
    damaged: Annotated[list[Text], Field(strict=True)] | None = None
    warning: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WordCounts:
    """Sums over the validation set; None under a custom module, which does not count."""

    words: Whole | None = None
    """Words of the references."""
    substitutions: Whole | None = None
    deletions: Whole | None = None
    insertions: Whole | None = None

    @classmethod
    def of(cls, counts: ErrorCounts) -> WordCounts:
        """Take the counts of words."""
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
    """An epoch was trained and validated, and its checkpoint written."""

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
    weights: Literal["raw", "ema"] = "raw"
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
    """A trial was judged at a rung."""

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
    """A trial was interrupted, by its process or with the search."""

    event: Literal["paused"] = "paused"
    epoch: Whole | None = None
    cause: Text | None = None
    retry: Whole | None = None
    """Number of the retry that follows, where the process died."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended(TrialEvent):
    """A trial came to its end."""

    event: Literal["finished", "pruned", "diverged", "failed"]
    epoch: Whole | None = None
    cause: Text | None = None


Event = SearchStarted | SearchEnded | Created | Started | Report | Decision | Paused | Resumed | Ended

_EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="event")])


def parse(values: Mapping[str, Any]) -> Event:
    """Make an event of the flat values of a line.

    Raises:
        ValueError: the kind is unknown, or a field is missing or wrong; the field, its value and the rule are named.
    """
    try:
        return _validated(values)
    except ValidationError as error:
        raise ValueError(_damage(values, error)) from error


def _validated(values: Mapping[str, Any]) -> Event:
    nested = {"scores": values, "counts": values} if values["event"] == "report" else {}
    return _EVENT.validate_python({**values, **nested})


def _flat(event: Any) -> Iterator[tuple[str, Any]]:
    """Yield the fields of an event, those of nested classes in their place."""
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


_RULES = {
    "int_type": "a whole number",
    "less_than": "a whole number",
    "greater_than": "a whole number",
    "float_type": "a number",
    "finite_number": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "dict_type": "a mapping",
    "list_type": "a list",
    "greater_than_equal": "0 or more",
}


def _damage(values: Mapping[str, Any], error: ValidationError) -> str:
    """Describe the first mistake of a line, those of missing fields before others."""
    mistakes = error.errors(include_url=False)
    first = next((mistake for mistake in mistakes if mistake["type"] == "missing"), mistakes[0])
    if first["type"] == "union_tag_invalid":
        return f"this version of tune_asr knows no {values['event']} event"
    keys = [str(key) for key in first["loc"][1:] if key not in ("scores", "counts")]
    name = ".".join(keys)
    if first["type"] == "missing":
        return f"a {values['event']} event without {name}"
    rule = _RULES.get(first["type"]) or first["ctx"]["expected"].replace("'", "")
    null = " or null" if first["type"].endswith("_type") and _may_be_null(values, name) else ""
    return f"{name} is {shown(first['input'])}, but must be {rule}{null}"


def _may_be_null(values: Mapping[str, Any], name: str) -> bool:
    try:
        _validated({**values, name: None})
    except ValidationError as error:
        return name in values and all(mistake["loc"][-1] != name for mistake in error.errors(include_url=False))
    return name in values
