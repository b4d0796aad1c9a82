"""Messages between driver and worker, as Ray Tune carries them.

Tune's configs and results take plain values alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tune_asr.errors import (
    CardError,
    ClusterError,
    ConfigError,
    DataError,
    DeviceError,
    InfeasibleError,
    Problem,
    RulerError,
    SettingError,
    StorageError,
    TrialFailedError,
    TuneAsrError,
)
from tune_asr.record.event_lines import parse
from tune_asr.record.events import Report
from tune_asr.search.surroundings import Surroundings

# Key of a message in a Tune result, beside Tune's own keys.
_KEY = "tune_asr"
_ERRORS = (
    *(ConfigError, SettingError, DeviceError, DataError, RulerError, InfeasibleError),
    *(TrialFailedError, StorageError, ClusterError, CardError),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One trial for a worker, from the driver."""

    number: str
    epoch: int
    """Last epoch in the ledger, 0 for none; the training continues after it."""
    values: dict[str, Any]
    """Configuration of the trial."""
    params: dict[str, Any]
    """Searched values among `values`, for TensorBoard and W&B."""
    off: dict[str, Any]
    """Searched keys that the trial lacks, each with a value that others may have, for TensorBoard."""
    root: str
    """Path of the results folder."""
    search: str
    """Name of the search."""
    fingerprints: Mapping[str, str]
    """As in `Search`."""
    other_data: bool
    """Whether the data may differ from those of the checkpoint: their change was accepted."""
    grace_period: int
    """First epoch at which patience may end the training."""
    surroundings: Surroundings
    """Those of the driver."""

    def to_config(self) -> dict[str, str]:
        """Return a Tune config of one string.

        Tune finds nothing to resolve in it.
        """
        return {"number": self.number, "work": json.dumps(asdict(self))}

    @classmethod
    def from_config(cls, config: Mapping[str, str]) -> Work:
        """Return the inverse of `to_config`."""
        values = json.loads(config["work"])
        return cls(**{**values, "surroundings": Surroundings(**values["surroundings"])})


@dataclass(frozen=True, slots=True)
class Here:
    """Sign of life, such as a worker's first word."""

    process: str
    """`host:pid`."""
    node: str
    """Ray's id of its node."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Training is about to begin."""

    epoch: int
    """Epoch of the checkpoint it continues from, 0 for none."""
    damaged: list[str]
    """Checkpoints that were passed over."""
    process: str
    """`host:pid`."""
    warning: str = ""
    """Logger that the training does without."""


@dataclass(frozen=True, slots=True)
class CutShort:
    """Training ended earlier than announced, by a custom class."""


@dataclass(frozen=True, slots=True)
class NotFinite:
    """Loss or error rate is not finite any more."""

    cause: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Training is impossible, and a retry would not help."""

    problems: Sequence[Mapping[str, str]]
    """Fields of each `Problem` of the error."""
    error: str
    """Name of the class of the error, or of the nearest one that a message knows."""

    @classmethod
    def of(cls, error: TuneAsrError) -> Failed:
        """Make the message of an error."""
        kind = next((kind for kind in type(error).__mro__ if kind in _ERRORS), TuneAsrError)
        return cls([asdict(problem) for problem in error.problems], kind.__name__)

    def to_error(self) -> TuneAsrError:
        """Make the error again."""
        kind = next((kind for kind in _ERRORS if kind.__name__ == self.error), TuneAsrError)
        return kind([Problem(**problem) for problem in self.problems])


@dataclass(frozen=True, slots=True)
class NeedsRoom:
    """Memory of a shared GPU ran out.

    The trial is to be tried with a larger share.
    """

    cause: str
    gpus: float
    """Share to try."""


Message = Here | Ready | Report | CutShort | NotFinite | Failed | NeedsRoom
"""Message of a worker. A `Report` is the event of the ledger itself."""

_KINDS: Mapping[str, type[Here | Ready | CutShort | NotFinite | Failed | NeedsRoom]] = {
    kind.__name__: kind for kind in (Here, Ready, CutShort, NotFinite, Failed, NeedsRoom)
}


def to_result(message: Message) -> dict[str, str]:
    """Return a Tune result of one string.

    Tune would flatten nested values.
    """
    values = dict(message.items()) if isinstance(message, Report) else asdict(message)
    return {_KEY: json.dumps({"kind": type(message).__name__, "values": values})}


def from_result(result: Mapping[str, str]) -> Message:
    """Return the inverse of `to_result`."""
    message = json.loads(result[_KEY])
    if message["kind"] in _KINDS:
        return _KINDS[message["kind"]](**message["values"])
    report = parse(message["values"])
    assert isinstance(report, Report), "workers report nothing else"
    return report
