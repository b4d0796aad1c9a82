"""Size and speed that a search wants: limits, and objectives beside the error rate.

A limit is judged once, at the first epoch. Pruning and proposals never look at size or speed: they compare scores.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tune_asr.config.overrides import Layered
from tune_asr.config.schema import CustomTarget
from tune_asr.config.sections import Config
from tune_asr.errors import Problem
from tune_asr.space.sections import LimitsSection, SearchSection, SpaceFile

MEASURED = ("num_parameters", "rtf")
"""Values of a trial measured once, in its first epoch."""


@dataclass(frozen=True, slots=True)
class Excess:
    """Value beyond its limit."""

    key: str
    """Key of `search.limits`."""
    value: float
    limit: float


def excess(limits: LimitsSection, measured: Mapping[str, float | None]) -> Excess | None:
    """Return the first value beyond its limit."""
    for key in MEASURED:
        value, limit = measured[key], getattr(limits, key)
        if value is not None and limit is not None and value > limit:
            return Excess(key, float(value), float(limit))
    return None


def front(values: Mapping[str, Sequence[float]]) -> set[str]:
    """Return the names that no other beats: the Pareto front.

    One beats another if no value of it is higher and one is lower. Of equals, all are on the front.
    """
    found: dict[str, Sequence[float]] = {}
    for name, own in sorted(values.items(), key=lambda item: tuple(item[1])):  # what beats one comes before it
        if not any(_beats(other, own) for other in found.values()):
            found[name] = own
    return set(found)


def _beats(one: Sequence[float], other: Sequence[float]) -> bool:
    return tuple(one) != tuple(other) and all(a <= b for a, b in zip(one, other, strict=True))


def with_absolute_paths(space: SpaceFile, layered: Layered) -> SpaceFile:
    """Return a space with the absolute path of `warm_start`."""
    given = space.search.warm_start
    if given is None:
        return space
    absolute = layered.resolved(("search", "warm_start"), given)
    return space.model_copy(update={"search": space.search.model_copy(update={"warm_start": absolute})})


def want_problems(search: SearchSection, config: Config, layered: Layered) -> Iterator[Problem]:
    """Find the mistakes of objectives, limits and `warm_start`."""
    objectives = search.objectives
    if len(objectives) != len(set(objectives)) or len(objectives) == 1:
        named = ", ".join(objectives)
        what = f"names {named}, but must name two or more values, each once"
        hint = "Name for example [val_wer, num_parameters], or leave the key out."
        yield Problem(layered.place(("search", "objectives")), what, hint)
    by_key = {("search", "objectives"): "rtf" in objectives, ("search", "limits", "rtf"): search.limits.rtf is not None}
    for keys, is_wanted in by_key.items():
        if is_wanted and isinstance(config.data, CustomTarget):
            what = "needs rtf, but only built-in data know the seconds of speech in a batch"
            yield Problem(layered.place(keys), what, "Leave rtf out, or use data.target: manifest.")
    if search.warm_start and search.algorithm != "auto":
        what = f"has no effect under search.algorithm: {search.algorithm}, which draws without looking at trials"
        hint = "Leave it out, or use algorithm auto."
        yield Problem(layered.place(("search", "warm_start")), what, hint)
