"""`when` of the searched keys: conditions, and every mistake in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pydantic import JsonValue

from tune_asr.config.keys import known_keys
from tune_asr.config.load import nearest
from tune_asr.config.overrides import Layered
from tune_asr.config.scalars import shown
from tune_asr.config.sections import Config
from tune_asr.errors import Problem
from tune_asr.space.branches import ABSENT, TARGET, base_values, lookup, model_section
from tune_asr.space.conditions import Conditions, Needs, distinct_cells
from tune_asr.space.distributions import Distribution, is_among
from tune_asr.space.needs import Chain, chains, circles, clashes, common
from tune_asr.wording import value_text

WHEN = "when"
MOST_CELLS = 100_000
"""Combinations of grids above which none are left out; a search has fewer trials."""
_EXAMPLE = "{model.target: bigru_ctc}"


def without_when(value: JsonValue) -> JsonValue:
    """Return the value of a searched key without its conditions."""
    return {name: inner for name, inner in value.items() if name != WHEN} if isinstance(value, dict) else value


def read_conditions(
    param_space: Mapping[str, JsonValue], searched: Mapping[str, Distribution], config: Config, layered: Layered
) -> tuple[Conditions, dict[str, list[Problem]]]:
    """Return the conditions of a space, and mistakes by key.

    A key has an empty list if it needs one with a mistake.

    Args:
        param_space: searched keys as the file gives them.
        searched: distributions by key; a key with a mistake has none.
        config: base configuration.
        layered: space file, for the places of its keys.
    """
    reader = _Reader(param_space, searched, config, layered, {})
    own = reader.own()
    found = chains(own)
    reader.report_impossible(own, found)
    spoilt = {key for key in own if key not in found or reader.problems.keys() & {key, *found[key]}}
    needs = {key: {other: common(needers) for other, needers in chain.items()} for key, chain in found.items()}
    needs = {key: needed for key, needed in needs.items() if needed and key not in spoilt}
    cells = distinct_cells(searched, needs, MOST_CELLS) if needs else None
    return Conditions(needs, cells), {key: reader.problems.get(key, []) for key in [*reader.problems, *spoilt]}


@dataclass(frozen=True, slots=True)
class _Reader:
    """Conditions of one file, with the mistakes found so far."""

    param_space: Mapping[str, JsonValue]
    searched: Mapping[str, Distribution]
    config: Config
    layered: Layered
    problems: dict[str, list[Problem]]
    """Mistakes so far, by the key that has them."""

    def own(self) -> dict[str, Needs]:
        """Return the conditions that stand on each key."""
        written = {
            key: value[WHEN] for key, value in self.param_space.items() if isinstance(value, dict) if WHEN in value
        }
        return {key: self._own(key, when) for key, when in written.items()}

    def _own(self, key: str, when: JsonValue) -> Needs:
        if not isinstance(when, dict) or not when:
            given = "empty" if when == {} else shown(when)
            self._report((key,), f"is {given}, but must be a mapping of keys and their values, such as {_EXAMPLE}")
            return {}
        needs: dict[str, list[JsonValue]] = {}
        for other, value in when.items():
            wanted: list[JsonValue] = value if isinstance(value, list) else [value]
            if not wanted or any(isinstance(one, dict) for one in wanted):
                given = "a mapping" if wanted else "an empty list"
                self._report((key, other), f"is {given}, but must be a value or a list of values, as in {_EXAMPLE}")
                continue
            for needed, values in self._meaning(key, other, wanted).items():
                if needed in needs:
                    values = [one for one in values if is_among(one, needs[needed])]
                    if not values:
                        self._report((key, other), f"contradicts the condition on {needed}", "Change one of the two.")
                needs[needed] = values
        return {needed: values for needed, values in needs.items() if values}

    def _meaning(self, key: str, other: str, wanted: list[JsonValue]) -> dict[str, list[JsonValue]]:
        """Return one condition as needs of searched keys.

        There are none if it always holds, or is a mistake.
        """
        if other in self.param_space:
            distribution = self.searched.get(other)
            if distribution is None:  # its own mistake is reported
                return {}
            taken = [value for value in wanted if distribution.takes(value)]
            for value in wanted:
                if value not in taken:
                    self._report((key, other), *self._never(other, value))
            return {other: taken} if taken else {}
        fixed = self._fixed(other)
        if not fixed:
            self._report((key, other), *self._not_there(other))
            return {}
        hold = [target for target, value in fixed if is_among(value, wanted)]
        if not hold:
            values = " or ".join(dict.fromkeys(value_text(value) for _, value in fixed))
            what = f"{other} is {values} in every trial, so {key} would never be drawn"
            self._report((key, other), what, f"Search {other} as well, or set it in over.")
        return {TARGET: hold} if hold and hold != [None] else {}

    def _fixed(self, other: str) -> list[tuple[JsonValue, JsonValue]]:
        """Return the values of a key without a distribution.

        Each comes with the `model.target` that gives it.
        """
        base = base_values(self.config, self.searched)
        if other.startswith("model.") and TARGET in self.searched:
            targets = self.searched[TARGET].probes
            sections = [(target, {"model": model_section(base["model"], target)}) for target in targets]
        else:
            sections = [(None, base)]
        found = [(target, lookup(values, other)) for target, values in sections]
        return [(target, value) for target, value in found if value is not ABSENT and not isinstance(value, dict)]

    def _never(self, other: str, value: JsonValue) -> tuple[str, str]:
        distribution = self.searched[other]
        listed = [one for one in distribution.arguments if isinstance(one, str)] if distribution.is_listed else []
        hint = nearest(value, listed) if isinstance(value, str) and listed else ""
        if not distribution.is_listed and not distribution.step:
            hint = "Name a key with a choice, a grid_search or whole numbers."
        drawn = f"{distribution.kind} {value_text(distribution.arguments)}"
        return f"is {shown(value)}, which {other} never is: it is {drawn}", hint

    def _not_there(self, other: str) -> tuple[str, str]:
        section, _, name = other.partition(".")
        if not name and section in Config.model_fields:
            known = known_keys(section)
            key = "target" if "target" in known else known[0]
            return "is a section, but a condition names a key", f"Name one of its keys, such as {section}.{key}."
        if name in known_keys(section):
            return "is neither searched nor set", f"Search {other} as well."
        keys = [*self.param_space, *(f"{s}.{key}" for s in Config.model_fields for key in known_keys(s))]
        hint = nearest(other, keys)
        return "unknown key", hint if hint.startswith("Did") else "Name a key of param_space."

    def report_impossible(self, own: Mapping[str, Needs], found: Mapping[str, Chain]) -> None:
        """Report circles, and keys whose conditions cannot hold together."""
        for circle in circles(own):
            chain = ", ".join(f"{key} needs {other}" for key, other in pairwise(circle))
            self._report((circle[0], circle[1]), f"conditions form a circle: {chain}", "Remove one of them.")
        for key, other in clashes(found).items():
            parts = [f"{who} needs {other} {_either(wanted)}" for who, wanted in found[key][other]]
            self._report((key,), f"would never be drawn: {', but '.join(parts)}", "Change one of these conditions.")

    def _report(self, keys: tuple[str, ...], what: str, hint: str = "") -> None:
        place = self.layered.place(("param_space", keys[0], WHEN, *keys[1:]))
        self.problems.setdefault(keys[0], []).append(Problem(place, what, hint))


def _either(values: Sequence[JsonValue]) -> str:
    return " or ".join(map(value_text, values))
