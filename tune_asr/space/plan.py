"""Search space and base configuration, checked together.

Values of all keys are checked against the schema of the configuration before anything starts. The settings of a trial
are a pure function of (search.seed, trial number, key), so adding a key changes no values of another.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from tune_asr.config import load
from tune_asr.config.overrides import Layered, Override
from tune_asr.config.sections import Config
from tune_asr.config.strict_yaml import Document
from tune_asr.errors import ConfigError, Problem
from tune_asr.space import searchable
from tune_asr.space.branches import ABSENT, ENCODERS, TARGET, Branches, base_values, lookup, trial_values
from tune_asr.space.conditions import Conditions
from tune_asr.space.distributions import Distribution
from tune_asr.space.reading import base_config, examine_space, grid_problems, parse_keys, with_first_defaults
from tune_asr.space.sections import SpaceFile
from tune_asr.space.wants import want_problems, with_absolute_paths
from tune_asr.space.when import read_conditions

SPACE_SECTIONS = ("search", "asha", "resources")
MAX_TRIALS = 100_000  # their numbers have five digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Checked space and base configuration of a search."""

    space: SpaceFile
    distributions: Mapping[str, Distribution]
    config: Config
    conditions: Conditions = field(default_factory=Conditions)
    chain: str = ""
    """Sentence on the files of the base configuration if it rests on others."""

    @property
    def max_t(self) -> int:
        """Last epoch of a trial (R)."""
        return self.space.asha.max_t or self.config.trainer.max_epochs

    @property
    def last_epoch(self) -> int:
        """Earlier of `max_t` and `early_stopping.stop_epoch`."""
        return min(self.max_t, self.config.early_stopping.stop_epoch or self.max_t)

    @property
    def num_trials(self) -> int:
        """Number of trials, the base among them.

        These are draws times the combinations of the grids. Beside grids, the base is one trial more.
        """
        repeats = self.space.search.num_samples or (1 if self.space.search.algorithm == "grid" else 16)
        return repeats * len(self._cells) + self._base_is_extra

    @property
    def includes_base(self) -> bool:
        """True if trial 00000 is the base configuration."""
        asked = self.space.search.include_base
        return bool(self.distributions) and (not self._has_grid if asked is None else asked)

    def is_base(self, number: int) -> bool:
        """Return whether a trial is the base configuration."""
        return number == 0 and self.includes_base

    def settings(self, number: int) -> dict[str, JsonValue]:
        """Return one trial's values of its searched keys."""
        if self.is_base(number):
            return self._base_settings()
        return self.draw(self.cell(number), lambda key: hashed(self.space.search.seed, number, key))

    def cell(self, number: int) -> int:
        """Return the combination of the grids that one trial takes."""
        return self._cells[(number - self._base_is_extra) % len(self._cells)]

    def draw(self, cell: int, quantile: Callable[[str], float]) -> dict[str, JsonValue]:
        """Return settings in one combination of the grids.

        Keys that are off are absent.

        Args:
            cell: number of the combination.
            quantile: number in [0, 1) at which the value of a key is taken.
        """
        values: dict[str, JsonValue] = {}
        for key, distribution in self.distributions.items():
            if distribution.is_grid:
                cell, position = divmod(cell, len(distribution.arguments))
                values[key] = distribution.arguments[position]
            else:
                values[key] = distribution.at(quantile(key))
        return self.conditions.on(values)

    @property
    def without_priors(self) -> Plan:
        """The same plan with distributions that ignore `around`."""
        flat = {key: replace(distribution, prior=None) for key, distribution in self.distributions.items()}
        return replace(self, distributions=flat)

    def seed(self, number: int, settings: Mapping[str, JsonValue] | None = None) -> int:
        """Return one trial's seed, searched or drawn from `search.seed`.

        Args:
            number: number of the trial.
            settings: settings of the trial; by default those drawn at random.
        """
        searched = (self.settings(number) if settings is None else settings).get("seed")
        if isinstance(searched, int | float):
            return int(searched)
        return int(hashed(self.space.search.seed, number, "seed") * 2**31)

    def finalist_seed(self, first: int, index: int) -> int:
        """Return a fresh seed.

        Args:
            first: number of the first finalist of the round.
            index: index of the seed.
        """
        return int(hashed(self.space.search.seed, first, "finalist", index) * 2**31)

    def trial_values(self, settings: Mapping[str, JsonValue], seed: int) -> dict[str, JsonValue]:
        """Return the whole configuration of a trial, ended at `last_epoch`."""
        return trial_values(self.base_values(), settings, seed, self.last_epoch)

    def values(self) -> dict[str, JsonValue]:
        """Return the space as plain values, as `search.yaml` keeps it."""
        return self.space.model_dump(exclude={"config", "over"})

    def base_values(self) -> dict[str, Any]:
        """Return the base as plain values, as `search.yaml` keeps it."""
        return base_values(self.config, self.distributions)

    def has_custom_model(self, settings: Mapping[str, JsonValue]) -> bool:
        """Return whether settings name a custom class in `model.target`."""
        return settings.get(TARGET, self.config.model.target) not in ENCODERS

    def values_of(self, key: str) -> list[Any]:
        """Return the values of a key over all trials.

        Of a distribution these are its probes.
        """
        base = lookup(self.config.model_dump(), key)
        return [*self.branches.values(key), *([base] if self.includes_base and base is not ABSENT else [])]

    def _base_settings(self) -> dict[str, JsonValue]:
        """Return the values of the searched keys in the base."""
        base = self.config.model_dump()
        values = {key: lookup(base, key) for key in self.distributions}
        return self.conditions.on({key: value for key, value in values.items() if value is not ABSENT})

    @property
    def _has_grid(self) -> bool:
        return any(distribution.is_grid for distribution in self.distributions.values())

    @property
    def _base_is_extra(self) -> bool:
        return self.includes_base and self._has_grid

    @property
    def branches(self) -> Branches:
        """Searched keys over the base."""
        return Branches(self.distributions, self.conditions, self.base_values())

    @property
    def _cells(self) -> Sequence[int]:
        every = range(math.prod(len(d.arguments) for d in self.distributions.values() if d.is_grid))
        return every if self.conditions.cells is None else self.conditions.cells


def load_plan(path: Path, config_path: Path | None = None, overrides: Sequence[Override] = ()) -> Plan:
    """Read a space and its base configuration.

    Args:
        path: path of the space.
        config_path: path of the base, in place of the one in the space.
        overrides: overrides of the space (`search.`, `asha.`, `resources.`) and of the base (all others).

    Raises:
        ConfigError: every mistake of both files and of the overrides.
    """
    ours = [o for o in overrides if o.key.split(".")[0] in SPACE_SECTIONS]
    layered = load.read_layers(path, ours)
    space, problems = examine_space(layered)
    space = with_absolute_paths(space, layered)
    over = [Override(key, value, layered.place(("over", key)), layered.base) for key, value in space.over.items()]
    fixed = [*over, *(o for o in overrides if o not in ours)]
    if space.search.time_budget and not any(o.key == "search.num_samples" for o in ours):
        # With a time budget the number in the file is no limit.
        space = space.model_copy(update={"search": space.search.model_copy(update={"num_samples": None})})
    try:
        config, mistakes, chain = base_config(space, layered, config_path, fixed)
    except ConfigError as error:
        config, mistakes, chain = None, list(error.problems), ""
    return replace(_plan(space, config, layered, fixed, [*problems, *mistakes]), chain=chain)


def from_values(
    space: Mapping[str, JsonValue], config: Mapping[str, JsonValue], name: str, overrides: Sequence[Override] = ()
) -> Plan:
    """Return the plan in a `search.yaml` called `name`; see `from_record`."""
    parts = (Document(f"{name}: space", dict(space), {}), Document(f"{name}: config", dict(config), {}))
    return from_record(*parts, overrides)


def from_record(space: Document, config: Document, overrides: Sequence[Override] = ()) -> Plan:
    """Return the plan in the two parts of a `search.yaml`.

    A key that the file lacks has the default of the release that wrote it.

    Raises:
        ConfigError: every mistake of both parts and of the overrides.
    """
    ours = [o for o in overrides if o.key.split(".")[0] in SPACE_SECTIONS]
    fixed = [o for o in overrides if o not in ours]
    layered = load.with_overrides(Layered.of(replace(space, values=with_first_defaults(space.values))), ours)
    checked, problems = examine_space(layered)
    base, mistakes = load.examine_config(load.with_overrides(Layered.of(config), fixed))
    return _plan(checked, base, layered, fixed, [*problems, *mistakes])


def _plan(
    space: SpaceFile, config: Config | None, layered: Layered, fixed: Sequence[Override], problems: list[Problem]
) -> Plan:
    searched, mistakes = parse_keys(space, layered)
    problems = list(dict.fromkeys([*problems, *mistakes]))  # a flag may set two keys, and be wrong for both alike
    if config is None:
        raise ConfigError(problems)
    conditions, spoilt = read_conditions(space.param_space, searched, config, layered)
    plan = Plan(space=space, distributions=searched, config=config, conditions=conditions)
    problems += itertools.chain.from_iterable(spoilt.values())
    branches = replace(plan.branches, unclear=frozenset(spoilt))
    problems += searchable.key_problems(branches, config, layered, fixed)
    problems += _section_problems(plan, layered)
    problems += want_problems(space.search, config, layered)
    if problems:
        raise ConfigError(problems)
    return plan


def _section_problems(plan: Plan, layered: Layered) -> Iterator[Problem]:
    horizon = plan.config.trainer.max_epochs
    if plan.max_t > horizon:
        what = f"is {plan.max_t}, but must be at most the horizon, trainer.max_epochs, which is {horizon}"
        yield Problem(layered.place(("asha", "max_t")), what, "Raise both with --max-epochs.")
    if plan.num_trials > MAX_TRIALS:
        what = f"makes {plan.num_trials:,} trials, but must make at most {MAX_TRIALS:,}"
        yield Problem(layered.place(("search", "num_samples")), what, "Draw fewer, or shorten the grids.")
    finalists = plan.space.search.finalists
    if finalists and finalists.top > plan.num_trials:
        what = f"is {finalists.top}, but must be at most the number of trials, which is {plan.num_trials}"
        yield Problem(layered.place(("search", "finalists", "top")), what, "Draw more trials, or train fewer again.")
    if plan.space.search.algorithm == "grid":
        yield from grid_problems(plan.distributions, layered)


def hashed(*parts: int | str) -> float:
    """Return a number in [0, 1), equal on every machine."""
    digest = hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53
