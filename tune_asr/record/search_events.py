"""Events of the search itself, and the base of all events."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from tune_asr.scoring.scores import NotNegative

Text = Annotated[str, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Whole = Annotated[int, Field(strict=True, ge=0, lt=2**63)]
Integer = Annotated[int, Field(strict=True, gt=-(2**63), lt=2**63)]


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseEvent:
    """Fields and behaviour of every event."""

    keeps_null: ClassVar[bool] = False
    """Whether fields that are None are written as null, or left out."""

    time: Text | None = None
    """ISO 8601, UTC. The ledger sets it."""

    def items(self) -> Iterator[tuple[str, Any]]:
        """Yield keys and values, None for non-finite numbers."""
        yield from ((key, _finite(value)) for key, value in _flat(self) if value is not None or self.keeps_null)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchStarted(BaseEvent):
    """Start of a driver, for a new or resumed search."""

    event: Literal["search_started"] = "search_started"
    pid: Whole | None = None
    host: Text | None = None
    address: Text | None = None
    """Ray address, `local` for a Ray of its own."""
    slots: Whole
    """Number of trials that run at the same time."""
    device: Text | None = None
    """Name of the GPU that trials train on, `cpu` if they use none of the machine's; None on a machine without any."""
    device_bytes: Whole | None = None
    """Memory of the GPU."""
    trials_per_device: Whole | None = None
    """Number of trials that share a GPU."""
    device_reason: Text | None = None
    """Reason of this device, and of this number."""
    resumed: Flag | None = None
    before_seconds: NotNegative | None = None
    """Seconds from the command to this event."""
    search_yaml: Annotated[dict[str, Any], Field(strict=True)] | None = None
    """Space, base and metric of search.yaml by dotted key, without paths.

    They are there at the start of a new search, at a resume that accepts a change, and at the first resume of a folder
    without them.
    """
    set: Annotated[dict[str, Any], Field(strict=True)] | None = None
    """Keys that `--set` changes on a resume, with their values."""
    accepted: Annotated[dict[str, Any], Field(strict=True)] | None = None
    """Changes of search.yaml, data and versions that `--accept` names, with the new values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchEnded(BaseEvent):
    """End of a driver."""

    event: Literal["search_ended"] = "search_ended"
    status: Literal["finished", "interrupted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned(BaseEvent):
    """Extent of the search, at each change."""

    event: Literal["plan"] = "plan"
    trials: Whole
    """Number of trials in all (N)."""
    horizon: Whole
    """Last epoch of a trial (H)."""
    slots: Whole
    """Number of trials that run at the same time (w)."""
    deadline_seconds: NotNegative | None = None
    """Time budget in seconds of search time, over all runs."""
    limit: Whole | None = None
    """Number of trials that a search with a time budget may not exceed."""
    cause: Text
    """Reason of this extent: `start`, or what changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Warmed(BaseEvent):
    """Score of an earlier search, for the model."""

    event: Literal["warm"] = "warm"
    params: Annotated[dict[str, Any], Field(strict=True)]
    """Values of the keys that this search varies."""
    epoch: Whole
    """Rung or last epoch of the earlier search."""
    score: Annotated[float, Field(strict=True, allow_inf_nan=False)]
    """Best score up to this epoch."""
    of: Text
    """Number of the trial in the earlier search."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveOpened(BaseEvent):
    """Start of a wave, before its first trial."""

    event: Literal["wave"] = "wave"
    wave: Whole
    """Number of the wave, from 1."""
    trials: Whole
    """Trials of all waves so far (n)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing(BaseEvent):
    """End of new trials by the time budget."""

    event: Literal["closing"] = "closing"
    cause: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped(BaseEvent):
    """End of new trials by `search.stop`."""

    event: Literal["stopped"] = "stopped"
    best: NotNegative
    """Lowest error rate so far."""
    delta: NotNegative
    """Half of the interval of the difference between the first two trials."""


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
