"""Checks of the values of a searched key, each laid over the configuration."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from tune_asr.config import load
from tune_asr.config.overrides import Layered
from tune_asr.errors import ConfigError, Problem
from tune_asr.space.branches import ENCODERS, TARGET, Branches


def foreign(key: str, branches: Branches) -> Problem | None:
    """Return a problem if an encoder lacks a key.

    The problem has no place yet.
    """
    section, _, name = key.partition(".")
    targets = branches.targets(key) if section == "model" else []
    having = [target for target in targets if target not in ENCODERS or name in ENCODERS[str(target)].model_fields]
    if not having or len(having) == len(targets):
        return None  # a key that no encoder has is unknown
    lacking = next(target for target in targets if target not in having)
    listed = having[0] if len(having) == 1 else f"[{', '.join(map(str, having))}]"
    return Problem("", f"{lacking} has no {name}", f"Add when: {{{TARGET}: {listed}}}.")


def refused_values(key: str, branches: Branches) -> list[Problem]:
    """Return the problems of a key's values.

    They have no place yet. Of a range it is the first one.
    """
    found: list[Problem] = []
    targets = [] if key == TARGET else branches.targets(key)
    for target in targets or [None]:
        under = {} if target is None else {TARGET: target}
        if found:
            break  # another encoder would only repeat them
        for value in branches.searched[key].probes:
            for problem in _problems(branches, {**under, key: value}):
                if not branches.has_any or _is_own(problem, key, {**under, key: value}, branches):
                    where = f" ({TARGET}: {target})" if len(targets) > 1 else ""
                    found.append(Problem("", problem.what + where, problem.hint))
                    if not branches.searched[key].is_listed:
                        return found
    return list(dict.fromkeys(found))


def takes(key: str, value: JsonValue, branches: Branches) -> bool:
    """Return whether the schema takes a value."""
    return not any(_concerns(problem.place, key) for problem in _problems(branches, {key: value}))


def _is_own(problem: Problem, key: str, values: Mapping[str, JsonValue], branches: Branches) -> bool:
    """Return whether a mistake is due to one key.

    In a space with branches other keys have values as well, and mistakes of their own.
    """
    if not _concerns(problem.place, key):
        return False
    if key != TARGET:
        needed = {other: value for other, value in values.items() if other != key}
        return problem not in _problems(branches, needed, without=key)
    others = [other for other in branches.searched if other != TARGET and other.startswith("model.")]
    return all(problem in _problems(branches, values, without=other) for other in others)


def _problems(branches: Branches, values: Mapping[str, JsonValue], without: str = "") -> list[Problem]:
    try:
        load.check(Layered(branches.example(values, without)))
    except ConfigError as error:
        return list(error.problems)
    return []


def _concerns(place: str, key: str) -> bool:
    """Return whether a mistake may be due to a key."""
    return f"{place}.".startswith(f"{key}.") or f"{key}.".startswith(f"{place}.")
