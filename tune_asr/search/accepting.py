"""Changes by hand, of the data and of versions, which a resume refuses until they are accepted."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from tune_asr.config import strict_yaml
from tune_asr.config.releases import FIRST_RULES
from tune_asr.config.scalars import shown
from tune_asr.errors import ConfigError, Problem
from tune_asr.record.changes import Changes
from tune_asr.record.search_yaml import SearchYaml, flat, without_paths
from tune_asr.search.given import flag_hint
from tune_asr.space.plan import SPACE_SECTIONS

DATA, NOISE, VERSIONS = "data_fingerprint", "noise_fingerprint", "versions"
RULES = "text.rules"
_MOST_CHANGED = 8
"""Changed keys that a hint lists."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Key with another value than on record."""

    key: str
    """Name for `--accept`."""
    old: str
    """Value on record, as text."""
    now: str
    """Value now, as text."""
    value: JsonValue
    """Value now."""
    place: str
    """Place in search.yaml."""
    was_accepted: bool
    """True if the value on record is one that `--accept` took, False if it is that of the start."""

    @property
    def is_version(self) -> bool:
        """True for the version of a library."""
        return self.key.startswith(f"{VERSIONS}.")

    @property
    def is_patch(self) -> bool:
        """True for a version with another patch level alone."""
        return self.is_version and self.old.split(".")[:2] == self.now.split(".")[:2]

    def __str__(self) -> str:
        when = "when it was last accepted" if self.was_accepted else "when the search began"
        return f"was {self.old} {when}, and is {self.now}"


class Comparison:
    """Comparison of a search with its start.

    Changes accepted since then are left out. A ledger that does not keep the content of search.yaml cannot show changes
    by hand.

    Args:
        path: path of search.yaml.
        description: its content.
        changes: content at the start, and changes accepted earlier.
        now: fingerprints and versions of this run, by key; those left out count as unchanged.
    """

    def __init__(self, path: Path, description: SearchYaml, changes: Changes, now: Mapping[str, JsonValue]) -> None:
        file, recorded = flat(description), _recorded(description)
        described = without_paths(changes.described or file)
        before = {RULES: FIRST_RULES, **described, **recorded, **without_paths(changes.accepted)}
        current = {**file, **{key: before[key] for key in recorded}, **now}
        self.keys = list(dict.fromkeys((*before, *current)))
        document = strict_yaml.read(path, room=2)
        self._found = [
            Difference(
                key=key,
                old=_text(before, key),
                now=_text(current, key),
                value=current.get(key),
                place=document.place(_keys(key)),
                was_accepted=key in changes.accepted,
            )
            for key in self.keys
            if before.get(key) != current.get(key)
        ]
        self._is_old = changes.described is None

    @property
    def refused(self) -> list[Difference]:
        """Changes that must be accepted."""
        return [each for each in self._found if each not in self.harmless]

    @property
    def harmless(self) -> list[Difference]:
        """Changed versions that need no acceptance.

        These are patch levels, and all versions of a search of release 0.1.0.
        """
        return [each for each in self._found if each.is_patch or (each.is_version and self._is_old)]

    @property
    def adopted(self) -> dict[str, JsonValue]:
        """Changed versions that an old folder takes over.

        It gets the content of search.yaml, and a later change of a version is refused as in any other folder.
        """
        return {each.key: each.value for each in self.harmless} if self._is_old else {}

    @property
    def other_versions(self) -> str:
        """Sentence about the harmless changes, empty without any."""
        if not self.harmless:
            return ""
        changed = ", ".join(f"{each.key.partition('.')[2]} {each.old}, now {each.now}" for each in self.harmless)
        return f"the search began with other versions ({changed}): results may differ in their last digits"


def accepted(comparison: Comparison, names: Sequence[str]) -> dict[str, JsonValue]:
    """Return the changes that `--accept` names, with their new values.

    Args:
        comparison: search of today and of its start.
        names: arguments of `--accept`; a section names all of its keys.

    Raises:
        ConfigError: a change is not named or can never be accepted, or a name is unknown or that of a key beside the
            changed one; all of them are listed.
    """
    refused = comparison.refused
    named = [each for each in refused if any(_covers(name, each.key) for name in names) and not flag_hint(each.key)]
    problems = [*_misnamed(comparison, names), *(_refusal(each) for each in refused if each not in named)]
    if problems:
        raise ConfigError(problems)
    return {each.key: each.value for each in named}


def _misnamed(comparison: Comparison, names: Sequence[str]) -> Iterator[Problem]:
    """Yield mistakes in the names of `--accept`.

    An unchanged key is one only if its name is close to that of a changed key: a script may resume with the same flags
    again.
    """
    changed = [each.key for each in comparison.refused]
    unnamed = [key for key in changed if not any(_covers(name, key) for name in names)]
    for name in names:
        if any(_covers(name, key) for key in changed):
            continue
        meant = [key for key in unnamed if key.endswith(f".{name}") or name.endswith(f".{key}")]
        is_known = any(_covers(name, key) for key in comparison.keys)
        if meant:
            what = f"{'this key has not changed' if is_known else 'there is no such key'}, but {meant[0]} has changed"
            yield Problem(f"--accept {name}", what, f"Accept it with --accept {meant[0]}.")
        elif not is_known:
            yield Problem(f"--accept {name}", "search.yaml has no such key", _near(name, comparison.keys, changed))


def _near(name: str, keys: Sequence[str], changed: Sequence[str]) -> str:
    """Return a hint with the nearest key and changed ones."""
    near = difflib.get_close_matches(name, keys, n=1)
    shown = ", ".join(changed[:_MOST_CHANGED]) + (", ..." if len(changed) > _MOST_CHANGED else "")
    there = f"Changed: {shown}." if changed else "Nothing has changed: leave it out."
    return f"Did you mean {near[0]}? {there}" if near else there


def _recorded(description: SearchYaml) -> dict[str, JsonValue]:
    """Return fingerprints and versions that search.yaml records."""
    versions = {f"{VERSIONS}.{name}": version for name, version in description["versions"].items()}
    noise = description.get("noise_fingerprint")
    return {DATA: description["data_fingerprint"], NOISE: noise, **versions}


def _keys(key: str) -> tuple[str, ...]:
    """Return the keys of a value in search.yaml."""
    section, _, rest = key.partition(".")
    if section in (DATA, NOISE, VERSIONS, "metric"):
        return (section, rest) if rest else (section,)
    part = "space" if section in (*SPACE_SECTIONS, "param_space") else "config"
    return (part, section, rest) if rest else (part, section)


def _covers(name: str, key: str) -> bool:
    return key == name or key.startswith(f"{name}.")


def _refusal(each: Difference) -> Problem:
    what, hint = str(each), "Restore it"
    if each.key == DATA:
        what, hint = f"the data have changed: their fingerprint {each}", "Restore the data, start a new search"
    elif each.key == NOISE:
        what, hint = f"the recorded noise has changed: its fingerprint {each}", "Restore it, start a new search"
    elif each.is_version:
        what, hint = f"the version {each}", "Install the former version"
    if flag := flag_hint(each.key):
        return Problem(each.place, what, f"{hint}, and {flag[0].lower()}{flag[1:]}")
    return Problem(each.place, what, f"{hint}, or accept the change with --accept {each.key}.")


def _text(values: Mapping[str, JsonValue], key: str) -> str:
    return value_shown(values[key]) if key in values else "absent"


def value_shown(value: JsonValue) -> str:
    """Return a value as text, a mapping with its keys."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {value_shown(item)}' for key, item in value.items())}}}"
    return value if isinstance(value, str) else shown(value)
