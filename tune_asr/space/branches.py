"""Trials under another `model.target` than the base's.

The section `model` of such a trial holds the keys that the base writes and the target has, and the target's defaults
for all others. A custom class has the keys of the base only if the base names a custom class as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from tune_asr.config.overrides import overridden
from tune_asr.config.schema import target_of
from tune_asr.config.sections import BUILT_IN, Config
from tune_asr.space.conditions import Conditions
from tune_asr.space.distributions import Distribution, is_among

TARGET = "model.target"
ENCODERS = {target_of(section): section for section in BUILT_IN["model"]}
"""Sections of the built-in encoders by their target, the default first."""
_DEFAULT = next(iter(ENCODERS))

Values = Mapping[str, Any]
"""Plain values of a configuration."""


def base_values(config: Config, searched: Mapping[str, Distribution]) -> dict[str, Any]:
    """Return the base as plain values, as `search.yaml` keeps it.

    If `model.target` is searched, the section `model` holds the keys that the base writes, and no others: they have
    the defaults of each trial's own target.
    """
    values = config.model_dump()
    if TARGET in searched:
        values["model"] = config.model.model_dump(exclude_unset=True)
    return values


def under_target(base: Values, settings: Mapping[str, JsonValue]) -> Values:
    """Return the base under a trial's `model.target`."""
    if TARGET not in settings:
        return base
    return {**base, "model": model_section(base.get("model", {}), settings[TARGET])}


def trial_values(
    config: Mapping[str, Any], settings: Mapping[str, JsonValue], seed: int, last_epoch: int
) -> dict[str, JsonValue]:
    """Return plain values of one trial's configuration.

    A last epoch before the horizon goes into `early_stopping.stop_epoch`. A shorter horizon would be another training,
    because schedules span all of it.
    """
    ends = {"early_stopping.stop_epoch": last_epoch} if last_epoch < config["trainer"]["max_epochs"] else {}
    return overridden(under_target(config, settings), {"seed": seed, **ends, **settings})


def model_section(written: Values, target: JsonValue) -> dict[str, Any]:
    """Return the section `model` under a target.

    Args:
        written: section of the base, with the keys that it writes.
        target: built-in name, or dotted path of a class.
    """
    section = ENCODERS.get(target) if isinstance(target, str) else None
    if section is None:
        kept = {} if written.get("target", _DEFAULT) in ENCODERS else written
        return {**kept, "target": target}
    known = section.model_fields
    defaults = {key: field.get_default() for key, field in known.items() if not field.is_required()}
    return {**defaults, **{key: value for key, value in written.items() if key in known}, "target": target}


ABSENT: Any = object()


def lookup(values: Values, key: str) -> Any:
    """Return the value at a dotted key, or `ABSENT`.

    A tuple, as optimizer.betas is, becomes a list.
    """
    found: Any = values
    for part in key.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return ABSENT
        found = found[part]
    return list(found) if isinstance(found, tuple) else found


@dataclass(frozen=True, slots=True)
class Branches:
    """Searched keys over a base, with examples of trials."""

    searched: Mapping[str, Distribution]
    conditions: Conditions
    base: Values
    """Base from `base_values`."""
    unclear: Set[str] = frozenset()
    """Keys with a mistake in their conditions: their values are not checked."""

    def targets(self, key: str) -> list[JsonValue]:
        """Return the values of `model.target` with a key on.

        There are none if `model.target` is not searched.
        """
        if TARGET not in self.searched:
            return []
        wanted = self.conditions.needs.get(key, {}).get(TARGET)
        found = [value for value in self.searched[TARGET].probes if wanted is None or is_among(value, wanted)]
        return [value for i, value in enumerate(found) if value not in found[:i]]

    def examples(self) -> Iterator[dict[str, Any]]:
        """Yield a trial's configuration for each searched `model.target`."""
        for target in self.targets(""):
            yield self.example({TARGET: target})

    def values(self, key: str) -> list[Any]:
        """Return the values of a key over all trials.

        Of a distribution these are its probes.
        """
        searched, needed = self.searched.get(key), self.conditions.needs.get(key, {})
        found = list(searched.probes) if searched else []
        if needed or not searched:
            always = self.targets(key) if needed.keys() == {TARGET} else []
            others = [{TARGET: target} for target in self.targets("") if target not in always]
            bases = [under_target(self.base, other) for other in others] if TARGET in self.searched else [self.base]
            found += (value for base in bases if (value := lookup(base, key)) is not ABSENT)
        return found

    @property
    def has_any(self) -> bool:
        """True if trials differ in the keys that they have."""
        return TARGET in self.searched or bool(self.conditions.needs)

    def example(self, changes: Mapping[str, JsonValue], without: str = "") -> dict[str, Any]:
        """Return the configuration of a trial with some given values.

        The keys are on that these values need. Other keys are those of the base, or, in a space with branches, have
        the first of their values.

        Args:
            changes: values of searched keys.
            without: key left as it is in the base.
        """
        if not self.has_any:
            return overridden(self.base, changes)
        values: dict[str, JsonValue] = {key: distribution.at(0.0) for key, distribution in self.searched.items()}
        for key in changes:
            for needed, wanted in self.conditions.needs.get(key, {}).items():
                values[needed] = wanted[0]
        settings = self.conditions.on({**values, **changes})
        settings.pop(without, None)
        return overridden(under_target(self.base, settings), settings)
