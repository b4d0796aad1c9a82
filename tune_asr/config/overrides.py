"""Values laid over a configuration: `--set KEY=VALUE`, a space's `over:` and a trial's own settings are one mechanism.

A `Layered` tree remembers where each value came from, so that a mistake is told at the place a person wrote it.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tune_asr.config.strict_yaml import MAX_DEPTH, Document, Keys, dotted, parse_value
from tune_asr.errors import ConfigError, Problem


@dataclass(frozen=True, slots=True)
class Override:
    """One value for one key; `place` is where a person wrote it, `base` what a path in it is relative to.

    A mapping takes the place of a whole section, or of a whole parameter of a user's class.
    """

    key: str
    value: Any
    place: str
    base: Path


def parse_assignments(texts: Sequence[str]) -> list[Override]:
    """`--set optimizer.lr=1e-3 ...` -> overrides.

    Raises:
        ConfigError: every text that is not KEY=VALUE, or whose value is not YAML.
    """
    overrides, problems = [], []
    for text in texts:
        key, equals, value = text.partition("=")
        place = f"--set {text}"
        if not equals or not all(part.strip() for part in key.split(".")):
            problems.append(Problem(place, "must be KEY=VALUE", "for example --set optimizer.lr=1e-3"))
            continue
        try:
            overrides.append(Override(key.strip(), parse_value(value, place), place, Path.cwd()))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return overrides


@dataclass(slots=True)
class Layered:
    """A tree of values that remembers where each came from; later layers win.

    `document` is the lowest layer's file, `base` what its relative paths start at.
    """

    values: dict[str, Any] = field(default_factory=dict)
    document: Document | None = None
    base: Path = field(default_factory=Path.cwd)
    laid: dict[Keys, Override] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Document, base: Path) -> Layered:
        """The lowest layer: a file, whose relative paths start at `base`."""
        return cls(copy.deepcopy(document.values), document, base)

    def lay(self, override: Override) -> None:
        """Set one key, making the sections above it.

        Raises:
            ConfigError: a key above it holds a value, not a section, or there are too many of them.
        """
        keys = tuple(override.key.split("."))
        if len(keys) > MAX_DEPTH:
            raise ConfigError(Problem(override.place, f"nested more than {MAX_DEPTH} deep", "flatten it"))
        node = self.values
        for depth, key in enumerate(keys[:-1], start=1):
            if not isinstance(node.get(key), dict):
                if node.get(key) is not None:
                    above = dotted(keys[:depth])
                    raise ConfigError(Problem(override.place, f"{above} is a value, so {override.key} cannot be set"))
                node[key] = {}
            node = node[key]
        node[keys[-1]] = copy.deepcopy(override.value)
        # What lay below is gone with the section that held it.
        self.laid = {laid: other for laid, other in self.laid.items() if laid[: len(keys)] != keys} | {keys: override}

    def place(self, keys: Keys) -> str:
        """Where the value at `keys` (or the nearest above it) was written."""
        override = self._override(keys)
        if override:
            # The place of an override names its key already.
            return override.place if override.key == dotted(keys) else f"{override.place}: {dotted(keys)}"
        below = [override.place for laid, override in self.laid.items() if laid[: len(keys)] == keys]
        if below:
            return f"{below[0]}: {dotted(keys)}"
        return self.document.place(keys) if self.document else dotted(keys)

    def resolved(self, keys: Keys, path: str) -> str:
        """The `path` given at `keys`, absolute."""
        override = self._override(keys)
        base = override.base if override else self.base
        # Links stay links: what lies beside a linked manifest is sought beside the link. Path.expanduser raises where
        # there is no such home.
        return os.path.abspath(base / os.path.expanduser(path))  # noqa: PTH100, PTH111

    def _override(self, keys: Keys) -> Override | None:
        for depth in range(len(keys), 0, -1):
            if keys[:depth] in self.laid:
                return self.laid[keys[:depth]]
        return None


def overridden(values: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration's plain values with dotted settings laid over them."""
    layered = Layered(copy.deepcopy(dict(values)))
    for key, value in settings.items():
        layered.lay(Override(key, value, key, Path.cwd()))
    return layered.values
