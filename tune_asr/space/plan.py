"""A search space and its base configuration, checked together: what each trial of the search will be.

Every value of every key is checked against the configuration's schema before anything starts, and a trial's settings
are a pure function of (search.seed, trial number, key): adding a key changes no other key's values.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tune_asr.config import load, strict_yaml
from tune_asr.config.overrides import Layered, Override, overridden
from tune_asr.config.sections import Config, CustomTarget
from tune_asr.errors import ConfigError, Problem
from tune_asr.space import distributions
from tune_asr.space.distributions import Distribution
from tune_asr.space.sections import SpaceFile

RULER = "it is part of the ruler: trials measured by different rulers cannot be compared"
NO_SETTING = "it is no setting of the recogniser"
HORIZON = "it is the horizon: say asha.max_t or --max-epochs"
# Of a built-in data section, what may differ between trials: how the same speech is put into batches.
SEARCHABLE_DATA = frozenset({"data.batch_size", "data.bucketing", "data.max_seconds"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a search will try: the checked space, the checked base configuration."""

    space: SpaceFile
    distributions: Mapping[str, Distribution]
    config: Config

    @property
    def max_t(self) -> int:
        """The last epoch of a trial (R)."""
        return self.space.asha.max_t or self.config.trainer.max_epochs

    @property
    def num_trials(self) -> int:
        """Trials in all: draws times the combinations of the grids."""
        repeats = self.space.search.num_samples or (1 if self.space.search.algorithm == "grid" else 16)
        return repeats * self._num_cells

    def settings(self, number: int) -> dict[str, Any]:
        """Trial `number`'s values of the searched keys."""
        cell, values = number % self._num_cells, {}
        for key, distribution in self.distributions.items():
            if distribution.is_grid:
                cell, position = divmod(cell, len(distribution.arguments))
                values[key] = distribution.arguments[position]
            else:
                values[key] = distribution.at(_uniform(self.space.search.seed, number, key))
        return values

    def seed(self, number: int) -> int:
        """Trial `number`'s seed, unless `seed` itself is searched."""
        return int(_uniform(self.space.search.seed, number, "seed") * 2**31)

    def trial_values(self, settings: Mapping[str, Any], seed: int) -> dict[str, Any]:
        """A trial's whole configuration as plain values."""
        return overridden(self.config.model_dump(), {"seed": seed, **settings})

    def values(self) -> dict[str, Any]:
        """The space as plain values: what `search.yaml` keeps."""
        return self.space.model_dump(exclude={"config", "over"})

    @property
    def _num_cells(self) -> int:
        return math.prod(len(d.arguments) for d in self.distributions.values() if d.is_grid)


def load_plan(path: Path, config_path: Path | None = None, overrides: Sequence[Override] = ()) -> Plan:
    """Read a space and the configuration it names (or `config_path`).

    `overrides` go to the space where they begin with `search.`, `asha.` or `resources.`, else to the configuration.

    Raises:
        ConfigError: with every mistake of both files and of the overrides.
    """
    document = strict_yaml.read(path)
    layered = Layered(dict(document.values), {}, document)
    ours = [o for o in overrides if o.key.split(".")[0] in ("search", "asha", "resources")]
    for override in ours:
        layered.lay(override)
    space = _check_space(layered)
    base = config_path or (path.resolve().parent / space.config if space.config else None)
    if base is None:
        raise ConfigError(Problem(document.place(("config",)), "no base configuration", "give config: or --config"))
    over = [Override(k, v, document.place(("over", k)), path.resolve().parent) for k, v in space.over.items()]
    rest = [o for o in overrides if o not in ours]
    # A search compares whole trainings: nothing but ASHA ends one early, unless the search asks for it.
    quiet = Override("early_stopping.enabled", False, "the default of a search", Path.cwd())
    config = load.load_config(base, [quiet, *over, *rest])
    fixed = {o.key: o.place for o in (*over, *rest)}
    return _plan(space, config, layered, fixed)


def from_values(space: dict[str, Any], config: dict[str, Any], name: str) -> Plan:
    """The plan of a search that was started once, out of its `search.yaml`, called `name`."""
    layered = Layered(space, document=strict_yaml.Document(f"{name}: space", space, {}))
    return _plan(_check_space(layered), load.from_values(config, f"{name}: config"), layered, {})


def _plan(space: SpaceFile, config: Config, layered: Layered, fixed: Mapping[str, str]) -> Plan:
    parsed, problems = {}, []
    for key, value in space.param_space.items():
        place = layered.place(("param_space", key))
        try:
            parsed[key] = distributions.parse(value)
            problems += _key_problems(key, parsed[key], config, place, fixed)
        except ValueError as error:
            problems.append(Problem(place, str(error), "see search_spaces/README.md"))
    problems += _section_problems(space, parsed, config, layered)
    if problems:
        raise ConfigError(problems)
    return Plan(space=space, distributions=parsed, config=config)


def _check_space(layered: Layered) -> SpaceFile:
    values = {key: {} if value is None else value for key, value in layered.values.items()}
    try:
        return SpaceFile.model_validate(values)
    except ValidationError as error:
        raise ConfigError(load.translate(error, layered, SpaceFile)) from None


def _key_problems(
    key: str, distribution: Distribution, config: Config, place: str, fixed: Mapping[str, str]
) -> Iterator[Problem]:
    if reason := _not_searchable(key, config):
        yield Problem(place, "cannot be searched", reason)
    elif key in fixed:
        yield Problem(place, f"is searched, but fixed as well, by {fixed[key]}", "keep one of them")
    elif not load.is_free(config, key):
        yield from _value_problems(key, distribution, config, place)


def _value_problems(key: str, distribution: Distribution, config: Config, place: str) -> Iterator[Problem]:
    """Lay values of the distribution over the configuration: each must be allowed there."""
    base = config.model_dump()
    for value in distribution.probes:
        try:
            layered = Layered(overridden(base, {key: value}))
            load.check(layered)
        except ConfigError as error:
            yield Problem(place, error.problems[0].what, error.problems[0].way_out)
            return


def _not_searchable(key: str, config: Config) -> str:
    section = key.partition(".")[0]
    if section == "text" or key in ("data.target", "data.val", "data.test"):
        return RULER
    if section == "data" and not isinstance(config.data, CustomTarget) and key not in SEARCHABLE_DATA:
        return RULER if key.partition(".")[2] in load.known_keys("data") else ""
    if section in ("checkpoint", "logging"):
        return NO_SETTING
    return HORIZON if key == "trainer.max_epochs" else ""


def _section_problems(
    space: SpaceFile, parsed: Mapping[str, Distribution], config: Config, layered: Layered
) -> Iterator[Problem]:
    horizon = config.trainer.max_epochs
    if space.asha.max_t is not None and space.asha.max_t > horizon:
        what = f"is {space.asha.max_t}, but must be at most the horizon, trainer.max_epochs, which is {horizon}"
        yield Problem(layered.place(("asha", "max_t")), what, "raise both with --max-epochs")
    if space.search.algorithm == "grid":
        for key, distribution in parsed.items():
            if not distribution.is_grid:
                place = layered.place(("param_space", key))
                yield Problem(place, f"is {distribution.kind}, but search.algorithm is grid", "use grid_search or random")


def _uniform(seed: int, number: int, key: str) -> float:
    """A number in [0, 1) that depends on nothing else, whatever the machine."""
    digest = hashlib.blake2b(f"{seed}/{number}/{key}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53
