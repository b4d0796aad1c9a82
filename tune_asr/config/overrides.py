"""Values laid over a configuration: `--set KEY=VALUE`, a space's `over:` and a trial's own settings are one mechanism.

A `Layered` tree remembers where each value came from, so that a mistake is told at the place a person wrote it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tune_asr.config.strict_yaml import Document, Keys, dotted, parse_value
from tune_asr.errors import ConfigError, Problem

# A path in a file is relative to that file; on the command line, to the working directory.
PATH_KEYS = frozenset({"data.train", "data.val", "data.test"})


@dataclass(frozen=True, slots=True)
class Override:
    """One value for one key; `place` is where a person wrote it, `base` what a path in it is relative to."""

    key: str
    value: Any
    place: str
    base: Path


def parse_assignments(texts: Sequence[str]) -> list[Override]:
    """`--set optimizer.lr=1e-3 ...` -> overrides.

    Raises:
        ConfigError: every text that is not KEY=VALUE.
    """
    overrides, problems = [], []
    for text in texts:
        key, equals, value = text.partition("=")
        place = f"--set {text}"
        if not equals or not key.strip():
            problems.append(Problem(place, "must be KEY=VALUE", "for example --set optimizer.lr=1e-3"))
            continue
        overrides.append(Override(key.strip(), parse_value(value, place), place, Path.cwd()))
    if problems:
        raise ConfigError(problems)
    return overrides


@dataclass(slots=True)
class Layered:
    """A tree of values with the place of each; later layers win."""

    values: dict[str, Any] = field(default_factory=dict)
    places: dict[Keys, str] = field(default_factory=dict)
    document: Document | None = None

    @classmethod
    def of(cls, document: Document, base: Path) -> Layered:
        """The lowest layer: a file, whose relative paths start at `base`."""
        layered = cls(copy.deepcopy(document.values), {}, document)
        data = layered.values.get("data")
        if isinstance(data, dict):
            for key, value in data.items():
                data[key] = _resolved(f"data.{key}", value, base)
        return layered

    def lay(self, override: Override) -> None:
        """Set one key, making the sections above it.

        Raises:
            ConfigError: a key above it holds a value, not a section.
        """
        keys = tuple(override.key.split("."))
        node = self.values
        for depth, key in enumerate(keys[:-1], start=1):
            if not isinstance(node.get(key), dict):
                if node.get(key) is not None:
                    above = dotted(keys[:depth])
                    raise ConfigError(Problem(override.place, f"{above} is a value, so {override.key} cannot be set"))
                node[key] = {}
            node = node[key]
        node[keys[-1]] = _resolved(override.key, override.value, override.base)
        self.places[keys] = override.place

    def place(self, keys: Keys) -> str:
        """Where the value at `keys` (or the nearest above it) was written."""
        for depth in range(len(keys), 0, -1):
            if keys[:depth] in self.places:
                place = self.places[keys[:depth]]
                return f"{place}: {dotted(keys)}"
        below = [place for other, place in self.places.items() if other[: len(keys)] == keys]
        if below:
            return f"{below[0]}: {dotted(keys)}"
        return self.document.place(keys) if self.document else dotted(keys)


def overridden(values: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration's plain values with dotted settings laid over them."""
    layered = Layered(copy.deepcopy(dict(values)))
    for key, value in settings.items():
        layered.lay(Override(key, value, key, Path.cwd()))
    return layered.values


def _resolved(key: str, value: Any, base: Path) -> Any:
    return str((base / Path(value).expanduser()).resolve()) if key in PATH_KEYS and isinstance(value, str) else value
