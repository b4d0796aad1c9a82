"""Parts of a space: searched keys, base configuration, and defaults of earlier releases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import JsonValue

from tune_asr.config import base_files, load
from tune_asr.config.keys import known_keys
from tune_asr.config.overrides import Layered, Override
from tune_asr.config.scalars import shown
from tune_asr.config.sections import Config
from tune_asr.errors import ConfigError, Problem
from tune_asr.space import distributions, searchable
from tune_asr.space.distributions import Distribution
from tune_asr.space.sections import SpaceFile
from tune_asr.space.when import without_when

_FIRST_DEFAULTS: Mapping[str, Mapping[str, JsonValue]] = {
    "search": {"algorithm": "random", "include_base": False, "stop": "never"},
    "asha": {"mode": "stop", "metric": "objective"},
}
"""Defaults of release 0.1.0 that have changed since."""


def with_first_defaults(space: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return a space with the defaults of release 0.1.0."""
    filled = dict(space)
    for name, defaults in _FIRST_DEFAULTS.items():
        section = space.get(name, {})
        if isinstance(section, Mapping):  # anything else is a mistake, and is reported as it stands
            filled[name] = {**defaults, **section}
    return filled


def examine_space(layered: Layered) -> tuple[SpaceFile, list[Problem]]:
    """Return a space without its mistakes, and every mistake."""
    space, problems = load.examine(layered, SpaceFile)
    assert space is not None, "every key of a space has a default"
    return space, problems


def parse_keys(space: SpaceFile, layered: Layered) -> tuple[dict[str, Distribution], list[Problem]]:
    """Parse the distributions of a space; mistakes have none."""
    parsed, problems = {}, []
    for key, value in space.param_space.items():
        try:
            parsed[key] = distributions.parse(without_when(value))
        except ValueError as error:
            problems.append(Problem(layered.place(("param_space", key)), str(error), _hint(key, value)))
    return parsed, problems


def grid_problems(searched: Mapping[str, Distribution], layered: Layered) -> Iterator[Problem]:
    """Yield keys that a search over grids cannot have."""
    for key, distribution in searched.items():
        if not distribution.is_grid:
            what = f"is {distribution.kind}, but search.algorithm is grid"
            yield Problem(layered.place(("param_space", key)), what, "Use grid_search, or algorithm random.")


def _hint(key: str, value: JsonValue) -> str:
    """Return the hint for a value without a distribution."""
    if not isinstance(value, dict):
        return f"Put a fixed value into over: {{{key}: {shown(value)}}}."
    nested = [inner for inner in value if inner in known_keys(key)]
    return f"Write the key as {key}.{nested[0]}." if nested else "See search_spaces/README.md."


class BaseConfig(NamedTuple):
    """Base configuration of a space."""

    config: Config | None
    """Configuration without its mistakes, None if they leave nothing valid."""
    problems: list[Problem]
    chain: str
    """Sentence on its files if it rests on others."""


def base_config(space: SpaceFile, layered: Layered, config_path: Path | None, fixed: Sequence[Override]) -> BaseConfig:
    """Read the base configuration without its mistakes.

    Args:
        space: space that names the base.
        layered: file of the space.
        config_path: path of the base, in place of the one in the space.
        fixed: overrides of the base.

    Raises:
        ConfigError: there is no such file, or it cannot be read.
    """
    if config_path is None and not space.config:
        raise ConfigError(Problem(layered.place(("config",)), "no base configuration", "Give config: or --config."))
    base = config_path or Path(layered.resolved(("config",), space.config or ""))
    if config_path is None and not base.exists():
        what = f"is {shown(space.config)}, but there is no such file (looked for {base})"
        raise ConfigError(Problem(layered.place(("config",)), what, "Give a path relative to the folder of the space."))
    tree, files = load.read_config(base, fixed)
    config, problems = load.examine_config(tree)
    chain = base_files.bases_in_words([file.name for file in files])
    if config is None:
        return BaseConfig(None, problems, chain)
    # A search compares whole trainings: only ASHA ends one early, unless the search asks for more. A base can be the
    # best.yaml of another search, whose stop_epoch is the epoch at which ASHA stopped its winner.
    asked = {leaf for o in fixed for leaf in searchable.leaves(o.key, o.value)}
    ends = {"enabled": False, "stop_epoch": None}
    quiet = {key: value for key, value in ends.items() if f"early_stopping.{key}" not in asked}
    stopping = config.early_stopping.model_copy(update=quiet)
    return BaseConfig(config.model_copy(update={"early_stopping": stopping}), problems, chain)
