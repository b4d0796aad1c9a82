"""Overrides by `--set`, a space's `over:` and a trial's settings.

A `Layered` tree remembers the place of each value, so that a mistake is reported at the place that a person wrote.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import JsonValue

from tune_asr.config.scalars import shown
from tune_asr.config.strict_yaml import MAX_DEPTH, Document, Keys, dotted, parse_value
from tune_asr.errors import ConfigError, Problem
from tune_asr.wording import is_address


@dataclass(frozen=True, slots=True)
class Override:
    """One value for one key.

    A mapping replaces a whole section, or a whole parameter of a custom class.
    """

    key: str
    """Dotted key."""
    value: JsonValue
    place: str
    """Place at which a person wrote it."""
    base: Path
    """Folder of relative paths in `value`."""


def parse_assignments(texts: Sequence[str]) -> list[Override]:
    """Parse the arguments of `--set`, such as `optimizer.lr=1e-3`.

    Raises:
        ConfigError: texts other than KEY=VALUE, and values that are not YAML.
    """
    overrides, problems = [], []
    for text in texts:
        key, equals, value = text.partition("=")
        place = f"--set {text}"
        if not equals or not all(part.strip() for part in key.split(".")):
            problems.append(Problem(place, "must be KEY=VALUE", "Write it as --set optimizer.lr=1e-3."))
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
    """Tree of values and their places; later layers win."""

    values: dict[str, JsonValue] = field(default_factory=dict)
    document: Document | None = None
    """File of the lowest layer."""
    base: Path = field(default_factory=Path.cwd)
    """Folder of relative paths in the lowest layer."""
    laid: dict[Keys, Override] = field(default_factory=dict)
    """Overrides that still have an effect, by their keys."""
    owners: Mapping[Keys, Document] = field(default_factory=dict)
    """File of each key if the lowest layer was merged from several."""

    @classmethod
    def of(cls, document: Document) -> Layered:
        """Return a copy of a file as the lowest layer."""
        return cls(copy.deepcopy(document.values), document, document.folder)

    def lay(self, override: Override) -> None:
        """Set one key, and create the sections above it.

        Raises:
            ConfigError: a key above it holds a value, not a section, or there are too many of them.
        """
        keys = tuple(override.key.split("."))
        if len(keys) > MAX_DEPTH:
            raise ConfigError(Problem(override.place, f"nested more than {MAX_DEPTH} deep", "Flatten it."))
        node = self.values
        for depth, key in enumerate(keys[:-1], start=1):
            below = node.get(key)
            if below is None:
                below = node[key] = {}
            if not isinstance(below, dict):
                above = dotted(keys[:depth])
                raise ConfigError(Problem(override.place, f"{above} is a value, so {override.key} cannot be set"))
            node = below
        node[keys[-1]] = copy.deepcopy(override.value)
        # An override of a section removes the earlier ones of its keys.
        self.laid = {laid: other for laid, other in self.laid.items() if laid[: len(keys)] != keys} | {keys: override}

    def place(self, keys: Keys) -> str:
        """Return the place of a value, or the nearest above."""
        override = self._override(keys)
        if override:
            # The place of an override already names its key.
            return override.place if override.key == dotted(keys) else f"{override.place}: {dotted(keys)}"
        below = [override.place for laid, override in self.laid.items() if laid[: len(keys)] == keys]
        if below:
            return f"{below[0]}: {dotted(keys)}"
        document = self._owner(keys) or self.document
        return document.place(keys) if document else dotted(keys)

    def resolved(self, keys: Keys, path: str) -> str:
        """Return the absolute form of a path given at `keys`.

        Raises:
            ConfigError: it is an address.
        """
        if is_address(path):
            what = f"is {shown(path)}, but must be a path: nothing is fetched"
            raise ConfigError(Problem(self.place(keys), what, "Download it, and give the path of the file."))
        override, owner = self._override(keys), self._owner(keys)
        base = override.base if override else owner.folder if owner else self.base
        # Links are not resolved: recordings of a linked manifest are beside the link. Path.expanduser would raise for
        # an unknown user.
        return os.path.abspath(base / os.path.expanduser(path))  # noqa: PTH100, PTH111

    def _owner(self, keys: Keys) -> Document | None:
        """Return the file of a key, or of one above."""
        above = (keys[:depth] for depth in range(len(keys), 0, -1))
        return next((self.owners[known] for known in above if known in self.owners), None)

    def _override(self, keys: Keys) -> Override | None:
        for depth in range(len(keys), 0, -1):
            if keys[:depth] in self.laid:
                return self.laid[keys[:depth]]
        return None


def overridden(values: Mapping[str, JsonValue], settings: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Lay dotted settings over plain values of a configuration."""
    layered = Layered(copy.deepcopy(dict(values)))
    for key, value in settings.items():
        layered.lay(Override(key, value, key, Path.cwd()))
    return layered.values


def leaves(values: Mapping[str, JsonValue], above: str = "") -> dict[str, JsonValue]:
    """Return plain values of a configuration by dotted key.

    Args:
        values: sections and their keys.
        above: dotted key of `values`, with a dot at its end.
    """
    found: dict[str, JsonValue] = {}
    for key, value in values.items():
        found |= leaves(value, f"{above}{key}.") if isinstance(value, dict) and value else {f"{above}{key}": value}
    return found
