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

from tune_asr.config import load, strict_yaml
from tune_asr.config.overrides import Layered, Override, overridden
from tune_asr.config.scalars import shown
from tune_asr.config.sections import Config, CustomTarget
from tune_asr.errors import ConfigError, Problem
from tune_asr.space import distributions
from tune_asr.space.distributions import Distribution
from tune_asr.space.sections import SpaceFile

RULER = "it is part of the ruler: trials measured by different rulers cannot be compared"
NO_SETTING = "it is no setting of the recogniser"
ENDS = "ASHA alone decides when a trial ends: see asha.max_t and --max-epochs"
SECTION = "it is a section: search its keys, each by its path, such as optimizer.lr"
# Of a built-in data section, what may differ between trials: how the same speech is put into batches.
SEARCHABLE_DATA = frozenset({"data.batch_size", "data.bucketing", "data.max_seconds"})
SPACE_SECTIONS = ("search", "asha", "resources")
# Trials are numbered with five digits.
MAX_TRIALS = 100_000


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
    ours = [o for o in overrides if o.key.split(".")[0] in SPACE_SECTIONS]
    layered = load.read_layers(path, ours)
    space, problems = load.examine(layered, SpaceFile)
    assert space is not None, "each section has a default"
    over = [Override(key, value, layered.place(("over", key)), layered.base) for key, value in space.over.items()]
    fixed = [*over, *(o for o in overrides if o not in ours)]
    try:
        config = _base_config(layered, config_path, space, fixed)
    except ConfigError as error:
        # What is searched can be judged only against a configuration that holds; how it is written, always.
        raise ConfigError([*problems, *error.problems, *_parse(space, layered)[1]]) from None
    return _plan(space, config, layered, fixed, problems)


def from_values(space: dict[str, Any], config: dict[str, Any], name: str) -> Plan:
    """The plan of a search that was started once, out of its `search.yaml`, called `name`."""
    layered = Layered(space, strict_yaml.Document(f"{name}: space", space, {}))
    checked, problems = load.examine(layered, SpaceFile)
    assert checked is not None, "each section has a default"
    return _plan(checked, load.from_values(config, f"{name}: config"), layered, [], problems)


def _base_config(layered: Layered, config_path: Path | None, space: SpaceFile, fixed: Sequence[Override]) -> Config:
    if config_path is None and not space.config:
        raise ConfigError(Problem(layered.place(("config",)), "no base configuration", "give config: or --config"))
    base = config_path or Path(layered.resolved(("config",), space.config or ""))
    config = load.load_config(base, fixed)
    if any("early_stopping.enabled" in _leaves(o.key, o.value) for o in fixed):
        return config
    # A search compares whole trainings: nothing but ASHA ends one early, unless the search asks for it.
    return config.model_copy(update={"early_stopping": config.early_stopping.model_copy(update={"enabled": False})})


def _plan(
    space: SpaceFile, config: Config, layered: Layered, fixed: Sequence[Override], problems: list[Problem]
) -> Plan:
    parsed, mistakes = _parse(space, layered)
    places = {leaf: o.place for o in fixed for leaf in _leaves(o.key, o.value)}
    found = [*problems, *mistakes]
    for key, distribution in parsed.items():
        place = layered.place(("param_space", key))
        others = {other: layered.place(("param_space", other)) for other in parsed if other != key}
        found += _key_problems(key, distribution, config, place, others | places)
    if "seed" in places:
        way_out = "each trial has its own, out of search.seed; param_space: {seed: {choice: [7]}} gives all of them one"
        found.append(Problem(places["seed"], "cannot be fixed in a search", way_out))
    plan = Plan(space=space, distributions=parsed, config=config)
    found += _section_problems(plan, layered)
    if found:
        raise ConfigError(found)
    return plan


def _parse(space: SpaceFile, layered: Layered) -> tuple[dict[str, Distribution], list[Problem]]:
    parsed, problems = {}, []
    for key, value in space.param_space.items():
        try:
            parsed[key] = distributions.parse(value)
        except ValueError as error:
            problems.append(Problem(layered.place(("param_space", key)), str(error), _hint(key, value)))
    return parsed, problems


def _hint(key: str, value: Any) -> str:
    """The way out of a distribution that is none."""
    if not isinstance(value, dict):
        return f"a fixed value stands in over: {{{key}: {shown(value)}}}"
    inner = next(iter(value), "")
    return f"write {key}.{inner}: {{...}}" if inner in load.known_keys(key) else "see search_spaces/README.md"


def _leaves(key: str, value: Any) -> Iterator[str]:
    """The dotted keys that an override sets: `optimizer`, {"lr": 1} -> `optimizer.lr`."""
    if isinstance(value, dict):
        for inner, below in value.items():
            yield from _leaves(f"{key}.{inner}", below)
    else:
        yield key


def _key_problems(
    key: str, distribution: Distribution, config: Config, place: str, taken: Mapping[str, str]
) -> Iterator[Problem]:
    if reason := _not_searchable(key, config):
        yield Problem(place, "cannot be searched", reason)
    elif rival := next((t for t in taken if f"{t}.".startswith(f"{key}.") or f"{key}.".startswith(f"{t}.")), None):
        yield Problem(place, f"is searched, but set as well, by {taken[rival]}", "keep one of them")
    else:
        yield from _value_problems(key, distribution, config, place)


def _value_problems(key: str, distribution: Distribution, config: Config, place: str) -> Iterator[Problem]:
    """Lay values of the distribution over the configuration: each must be allowed there."""
    base = config.model_dump()
    for value in distribution.probes:
        try:
            load.check(Layered(overridden(base, {key: value})))
        except ConfigError as error:
            yield Problem(place, error.problems[0].what, error.problems[0].way_out)
            return


def _not_searchable(key: str, config: Config) -> str:
    section, _, name = key.partition(".")
    if section == "text" or key in ("data.target", "data.val", "data.test"):
        return RULER
    if section in Config.model_fields and not name and section != "seed":
        return SECTION
    if section == "data" and not isinstance(config.data, CustomTarget) and key not in SEARCHABLE_DATA:
        return RULER if name in load.known_keys("data") else ""
    if section in ("checkpoint", "logging"):
        return NO_SETTING
    return ENDS if section == "early_stopping" or key == "trainer.max_epochs" else ""


def _section_problems(plan: Plan, layered: Layered) -> Iterator[Problem]:
    horizon = plan.config.trainer.max_epochs
    if plan.max_t > horizon:
        what = f"is {plan.max_t}, but must be at most the horizon, trainer.max_epochs, which is {horizon}"
        yield Problem(layered.place(("asha", "max_t")), what, "raise both with --max-epochs")
    if plan.num_trials > MAX_TRIALS:
        what = f"come to {plan.num_trials:,} trials, but must be at most {MAX_TRIALS:,}"
        yield Problem(layered.place(("search", "num_samples")), what, "draw fewer, or shorten the grids")
    if plan.space.search.algorithm == "grid":
        for key, distribution in plan.distributions.items():
            if not distribution.is_grid:
                place = layered.place(("param_space", key))
                yield Problem(
                    place, f"is {distribution.kind}, but search.algorithm is grid", "use grid_search or random"
                )


def _uniform(seed: int, number: int, key: str) -> float:
    """A number in [0, 1) that depends on nothing else, whatever the machine."""
    digest = hashlib.blake2b(f"{seed}/{number}/{key}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53
