"""Checks of searched keys and of their values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pydantic import JsonValue

from tune_asr.config.key_facts import SEARCHED, Reason
from tune_asr.config.keys import facts, known_keys
from tune_asr.config.overrides import Layered, Override
from tune_asr.config.sections import Config
from tune_asr.errors import Problem
from tune_asr.space.branches import ENCODERS, TARGET, Branches
from tune_asr.space.values import foreign, refused_values


def key_problems(branches: Branches, config: Config, layered: Layered, fixed: Sequence[Override]) -> Iterator[Problem]:
    """Find the mistakes among searched keys.

    Args:
        branches: searched keys over the base.
        config: base configuration.
        layered: space file, for the places of its keys.
        fixed: overrides of the base, the same for all trials.
    """
    fixed_at = {leaf: override.place for override in fixed for leaf in leaves(override.key, override.value)}
    searched_at = {key: layered.place(("param_space", key)) for key in branches.searched}
    for key in branches.searched:
        rivals = [place for other, place in fixed_at.items() if _overlap(key, other)]
        relatives = [place for other, place in searched_at.items() if other != key and _overlap(key, other)]
        reasons = (_not_searched, _without_effect, _without_weights)
        if reason := next(filter(None, (find(key, branches, config) for find in reasons)), None):
            yield Problem(searched_at[key], f"cannot be searched: {reason.why}", reason.hint)
        elif rivals:
            yield Problem(searched_at[key], f"is searched, but fixed as well, by {rivals[0]}", "Keep one of them.")
        elif relatives:
            yield Problem(searched_at[key], f"overlaps with {relatives[0]}", "Keep one of them.")
        elif key not in branches.unclear:
            alien = foreign(key, branches)
            for problem in [alien] if alien else refused_values(key, branches):
                yield replace(problem, place=searched_at[key])
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


def _without_effect(key: str, branches: Branches, config: Config) -> Reason | None:
    """Return the reason if all values give equal trainings."""
    need = facts(key).needs
    custom = any("model" in sections for sections in _custom_sections(key, branches, config))
    if need is None or (need.key.startswith("scheduler.") and custom):
        return None  # a custom class may use any key of the section scheduler
    section, _, name = need.key.partition(".")
    base = getattr(getattr(config, section), name)
    searched = branches.searched.get(need.key)
    values = branches.conditions.needs.get(key, {}).get(need.key) or (searched.probes if searched else [base])
    if need.values.intersection(values) or (need.key in branches.conditions.needs and base in need.values):
        return None
    needed = ", ".join(sorted(need.values))
    or_search = "" if facts(need.key).not_searched else ", or search it as well"
    hint = f"Set {need.key} in the base or in over ({needed}){or_search}."
    if need.key in branches.conditions.needs.get(key, {}):
        hint = f"Change its condition on {need.key} ({needed})."
    return Reason(f"it has no effect under {need.key}: {values[0]}", hint)


def _without_weights(key: str, branches: Branches, config: Config) -> Reason | None:
    """Return the reason if initial weights fit one encoder alone."""
    if key != TARGET or config.initial_weights is None or branches.targets(key) == [config.model.target]:
        return None
    return Reason("model.init_from holds the weights of one encoder", "Remove model.init_from, or search one encoder.")


def _custom_sections(key: str, branches: Branches, config: Config) -> list[frozenset[str]]:
    """Return the sections with a custom class, by target."""
    others = config.custom_sections - {"model"}
    targets = branches.targets(key)
    return [others if target in ENCODERS else others | {"model"} for target in targets] or [config.custom_sections]


def _not_searched(key: str, branches: Branches, config: Config) -> Reason | None:
    """Return the reason if no search may vary `key`.

    Unknown keys have none: the check of their values refuses them. A key that some custom class is not given may be
    searched for the others.
    """
    reasons = [_not_searched_under(key, custom) for custom in _custom_sections(key, branches, config)]
    not_given = [reason for reason in reasons if reason and reason.why == _NOT_GIVEN]
    others = [reason for reason in reasons if reason and reason.why != _NOT_GIVEN]
    return others[0] if others else not_given[0] if len(not_given) == len(reasons) else None


_NOT_GIVEN = "a custom class is not given it"


def _not_searched_under(key: str, custom_sections: frozenset[str]) -> Reason | None:
    section, _, name = key.partition(".")
    if name and name.partition(".")[0] not in known_keys(section):
        return None
    declared = facts(key)
    if section in custom_sections:
        return declared.not_searched if declared.custom_too or not name else None
    if (custom := declared.built_in) in custom_sections:
        return Reason(_NOT_GIVEN, f"Search the parameters of that class, {custom}.*.")
    return declared.not_searched if declared.not_searched != SEARCHED else None
