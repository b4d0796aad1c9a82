"""Changes of a search after its start, as its `search_started` events keep them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from tune_asr.record.search_events import SearchStarted

_SPACE = ("search", "asha", "resources", "param_space")
_RULER = ("data", "text", "metric", "data_fingerprint", "noise_fingerprint")
_OF_ALL_TRIALS = (*_SPACE, *_RULER, "versions")
"""Sections whose accepted changes hold for earlier trials as well: all trials are measured by one ruler."""


@dataclass(slots=True)
class Changes:
    """Content of search.yaml, and changes since the start."""

    described: Mapping[str, JsonValue] | None = None
    """Space, base and metric of search.yaml by dotted key, at the start or the last accepted change. None if the ledger
    does not keep them."""
    given: dict[str, JsonValue] = field(default_factory=dict)
    """Keys that `--set` changed on a resume."""
    accepted: dict[str, JsonValue] = field(default_factory=dict)
    """Keys whose change was accepted, with their new values."""

    @property
    def has_other_data(self) -> bool:
        """True if changed data or noise were accepted."""
        return any(key in self.accepted for key in ("data_fingerprint", "noise_fingerprint"))

    def apply(self, event: SearchStarted) -> dict[str, JsonValue]:
        """Take the start of a run.

        Returns:
            The keys of the base that it changes, with their values before.
        """
        before = {**(self.described or {}), **self.accepted}
        if event.search_yaml is not None:  # the newest counts
            self.described = event.search_yaml
        self.given |= event.set or {}
        changed = [key for key in event.accepted or {} if key.split(".")[0] not in _OF_ALL_TRIALS]
        self.accepted |= event.accepted or {}
        return {key: before[key] for key in changed if key in before}
