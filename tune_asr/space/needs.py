"""Conditions that follow from conditions: chains, circles and clashes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pydantic import JsonValue

from tune_asr.space.conditions import Needs
from tune_asr.space.distributions import is_among

Chain = dict[str, list[tuple[str, Sequence[JsonValue]]]]
"""Conditions of a key and of the keys that it names: which key needs which values, by the needed key."""


def ordered(own: Mapping[str, Needs]) -> list[str]:
    """Return keys after their needs, and none before a circle.

    Args:
        own: conditions that stand on each key.
    """
    found: list[str] = []
    left = dict(own)
    while free := [key for key, needed in left.items() if not any(other in left for other in needed)]:
        found += free
        for key in free:
            del left[key]
    return found


def circles(own: Mapping[str, Needs]) -> Iterator[list[str]]:
    """Yield each circle, from its first key back to it."""
    done = set(ordered(own))
    left = [key for key in own if key not in done]
    seen: set[frozenset[str]] = set()
    for start in left:
        path = [start]
        while (other := next(key for key in own[path[-1]] if key in left)) not in path:
            path.append(other)
        circle = path[path.index(other) :]
        if frozenset(circle) not in seen:
            seen.add(frozenset(circle))
            first = circle.index(min(circle, key=left.index))
            yield [*circle[first:], *circle[:first], circle[first]]


def chains(own: Mapping[str, Needs]) -> dict[str, Chain]:
    """Return the chain of each key outside circles."""
    found: dict[str, Chain] = {}
    for key in ordered(own):
        chain = found[key] = Chain()
        for other, wanted in own[key].items():
            chain.setdefault(other, []).append((key, wanted))
            for needed, needers in found.get(other, {}).items():
                chain[needed] = [*chain.get(needed, []), *(n for n in needers if n not in chain.get(needed, []))]
    return {key: found[key] for key in own if key in found}


def common(needers: Sequence[tuple[str, Sequence[JsonValue]]]) -> list[JsonValue]:
    """Return the values that meet all conditions on one key."""
    (_, first), *others = needers
    return [value for value in first if all(is_among(value, wanted) for _, wanted in others)]


def clashes(found: Mapping[str, Chain]) -> dict[str, str]:
    """Return impossible keys, each with the key in dispute.

    Keys that need such a key are left out.
    """
    clash = {key: other for key, chain in found.items() for other, needers in chain.items() if not common(needers)}
    return {key: other for key, other in clash.items() if not any(needed in clash for needed in found[key])}
