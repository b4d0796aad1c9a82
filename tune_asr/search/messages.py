"""What driver and worker tell each other: plain values, since they travel through Ray Tune's config and results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass
from typing import Any

from tune_asr.errors import (
    ConfigError,
    DataError,
    InfeasibleError,
    Problem,
    RulerError,
    SettingError,
    StorageError,
    TrialFailedError,
    TuneAsrError,
)
from tune_asr.record.events import Report, parse

Message = dict[str, Any]

# The key a message stands under in a Tune result, beside Tune's own keys.
_KEY = "tune_asr"


def to_result(message: Message) -> dict[str, str]:
    """A message as a Tune result: one string, since Tune flattens what is nested."""
    return {_KEY: json.dumps(message)}


def from_result(result: Mapping[str, Any]) -> Message:
    """The inverse of `to_result`."""
    message: Message = json.loads(result[_KEY])
    return message


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One trial for a worker: train `values` in folder `root`, going on after `epoch`, the ledger's last.

    `fingerprints` name the data of the search, by attribute of the data module that says the same here; none where they
    come from a class of the user's. `params` are the searched ones among the values, for its curves. `import_path` (for
    a user's own classes) and `umask` are the driver's: a worker inherits neither.
    """

    number: str
    epoch: int
    values: dict[str, Any]
    params: dict[str, Any]
    root: str
    search: str
    fingerprints: Mapping[str, str]
    grace_period: int
    import_path: str
    umask: int

    def to_config(self) -> dict[str, str]:
        """As a Tune config: one string, in which Tune finds nothing to resolve."""
        return {"number": self.number, "work": json.dumps(asdict(self))}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Work:
        """The inverse of `to_config`."""
        return cls(**json.loads(config["work"]))


def started(epoch: int, damaged: list[str], process: str, warning: str = "") -> Message:
    """The worker is about to train, after `epoch`.

    Args:
        epoch: the last epoch that the training goes on from; 0: from the beginning.
        damaged: the checkpoints that had to be passed over.
        process: `host:pid`.
        warning: what the training has to do without.
    """
    return {"kind": "started", "epoch": epoch, "damaged": damaged, "process": process, "warning": warning}


def reported(report: Report) -> Message:
    """An epoch is over and its checkpoint written."""
    return {"kind": "report", "report": dict(report.items())}


def report_of(message: Mapping[str, Any]) -> Report:
    """The report in a `report` message."""
    report = parse(message["report"])
    assert isinstance(report, Report)
    return report


def ended() -> Message:
    """The training has ended behind an epoch that was not said to be its last: a class of the user's ended it."""
    return {"kind": "ended"}


def diverged(cause: str) -> Message:
    """The loss is no longer finite."""
    return {"kind": "diverged", "cause": cause}


def failed(error: TuneAsrError) -> Message:
    """The trial cannot be trained, and trying again would not help."""
    return {
        "kind": "failed",
        "problems": [astuple(problem) for problem in error.problems],
        "error": type(error).__name__,
    }


def error_of(message: Message) -> TuneAsrError:
    """The error behind a `failed` message."""
    told = (ConfigError, SettingError, DataError, RulerError, InfeasibleError, TrialFailedError, StorageError)
    kinds = {kind.__name__: kind for kind in told}
    return kinds.get(message["error"], TuneAsrError)([Problem(*parts) for parts in message["problems"]])
