"""Checks of searched keys and of their values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pydantic import JsonValue

from tune_asr.config import load
from tune_asr.config.key_facts import SEARCHED, Reason
from tune_asr.config.keys import facts, known_keys
from tune_asr.config.overrides import Layered, Override, overridden
from tune_asr.config.sections import Config
from tune_asr.errors import ConfigError, Problem
from tune_asr.space.distributions import Distribution


def key_problems(
    searched: Mapping[str, Distribution], config: Config, layered: Layered, fixed: Sequence[Override]
) -> Iterator[Problem]:
    """Find the mistakes among searched keys.

    Args:
        searched: distributions by key.
        config: base configuration.
        layered: space file, for the places of its keys.
        fixed: overrides of the base, the same for all trials.
    """
    fixed_at = {leaf: override.place for override in fixed for leaf in leaves(override.key, override.value)}
    searched_at = {key: layered.place(("param_space", key)) for key in searched}
    for key, distribution in searched.items():
        rivals = [place for other, place in fixed_at.items() if _overlap(key, other)]
        relatives = [place for other, place in searched_at.items() if other != key and _overlap(key, other)]
        if reason := _not_searchable(key, config) or _without_effect(key, searched, config):
            yield Problem(searched_at[key], f"cannot be searched: {reason.why}", reason.hint)
        elif rivals:
            yield Problem(searched_at[key], f"is searched, but fixed as well, by {rivals[0]}", "Keep one of them.")
        elif relatives:
            yield Problem(searched_at[key], f"overlaps with {relatives[0]}", "Keep one of them.")
        else:
            yield from _value_problems(key, distribution, config, searched_at[key])
    if "seed" in fixed_at:
        what = "cannot be fixed in a search: each trial has its own, from search.seed"
        yield Problem(fixed_at["seed"], what, "Give all trials the same with param_space: {seed: {choice: [7]}}.")


def leaves(key: str, value: JsonValue) -> Iterator[str]:
    """Yield the dotted keys set by an override.

    `optimizer` with `{lr: 1}` sets `optimizer.lr`.
    """
    if isinstance(value, dict):
        for inner, below in value.items():
            yield from leaves(f"{key}.{inner}", below)
    else:
        yield key


def _overlap(key: str, other: str) -> bool:
    """Return True if one key equals or holds the other."""
    return f"{key}.".startswith(f"{other}.") or f"{other}.".startswith(f"{key}.")


def _without_effect(key: str, searched: Mapping[str, Distribution], config: Config) -> Reason | None:
    """Return the reason if all values give equal trainings."""
    need = facts(key).needs
    if need is None or (need.key.startswith("scheduler.") and "model" in config.custom_sections):
        return None  # a custom class may use any key of the section scheduler
    section, _, name = need.key.partition(".")
    values = searched[need.key].probes if need.key in searched else [getattr(getattr(config, section), name)]
    if need.values.intersection(values):
        return None
    needed = ", ".join(sorted(need.values))
    or_search = "" if facts(need.key).not_searched else ", or search it as well"
    hint = f"Set {need.key} in the base or in over ({needed}){or_search}."
    return Reason(f"it has no effect under {need.key}: {values[0]}", hint)


def _not_searchable(key: str, config: Config) -> Reason | None:
    """Return the reason if no search may vary `key`.

    Unknown keys have none: the check of their values refuses them.
    """
    section, _, name = key.partition(".")
    if name and name.partition(".")[0] not in known_keys(section):
        return None
    declared = facts(key)
    if section in config.custom_sections:
        return declared.not_searched if declared.custom_too or not name else None
    if (custom := declared.built_in) in config.custom_sections:
        return Reason("a custom class is not given it", f"Search the parameters of that class, {custom}.*.")
    return declared.not_searched if declared.not_searched != SEARCHED else None


def _value_problems(key: str, distribution: Distribution, config: Config, place: str) -> Iterator[Problem]:
    """Check values of the distribution, each laid over the configuration."""
    base = config.model_dump()
    for value in distribution.probes:
        try:
            load.check(Layered(overridden(base, {key: value})))
        except ConfigError as error:
            yield Problem(place, error.problems[0].what, error.problems[0].hint)
            return
