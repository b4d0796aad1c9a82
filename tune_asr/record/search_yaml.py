"""search.yaml: description of a search, enough to resume it.

    name, created                name of the search, and the time of its start
    versions                     {tune_asr, python, torch, lightning, ray, sentencepiece}
    data_fingerprint             fingerprint of the data at the start
    val_fingerprint              fingerprint of the validation data alone; not in release 0.1.0
    metric                       error rate that chooses the winner: val_wer or val_cer, as text.score settled it
    seed                         seed of the search
    space, config                search space and base configuration as resolved, paths absolute
    slots                        number of slots; the last key, so that a truncated file lacks it

`dump_yaml` also writes best.yaml. Every number it writes is read back bit for bit, by this project's loader as by any
other.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NotRequired, TypedDict, cast

import yaml
from pydantic import BaseModel, ConfigDict, JsonValue

from tune_asr import __version__
from tune_asr.config import load, strict_yaml
from tune_asr.config.key_paths import map_paths
from tune_asr.config.keys import facts
from tune_asr.config.overrides import Layered
from tune_asr.config.releases import with_rules
from tune_asr.config.scalars import scalar
from tune_asr.config.schema import Count, Int
from tune_asr.config.strict_yaml import Document
from tune_asr.errors import ConfigError, Problem, StorageError
from tune_asr.scoring.metric import Metric
from tune_asr.space import plan as plans
from tune_asr.space.plan import Plan
from tune_asr.storage.atomic import write_atomic

A_PATH = "a path"
_OTHER_PATHS = {"search.warm_start", "checkpoint.dirpath", "logging.save_dir"}
"""Paths that no trial reads."""


class SearchYaml(TypedDict):
    """Content of the file."""

    name: str
    created: str
    versions: dict[str, str]
    data_fingerprint: str | None
    val_fingerprint: NotRequired[str | None]
    noise_fingerprint: NotRequired[str]
    metric: Metric
    seed: int
    space: dict[str, Any]
    config: dict[str, Any]
    slots: NotRequired[int]


class _Keys(BaseModel):
    """Required keys of the file; others are allowed."""

    model_config = ConfigDict(extra="allow", strict=True)

    name: str
    created: str
    versions: dict[str, str]
    data_fingerprint: str | None = None
    val_fingerprint: str | None = None
    metric: Metric
    seed: Int
    slots: Count
    space: dict[str, Any]
    config: dict[str, Any]


class _Dumper(yaml.SafeDumper):
    """YAML dumper without anchors or ambiguous text."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_str(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    # Left to itself, PyYAML writes 1e-3 and 0o17 bare, for they are text in YAML 1.1: in YAML 1.2 they are numbers.
    # And it writes U+0085 as a line break that is read as a space.
    style = '"' if _is_number(text) or not text.isprintable() else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return not isinstance(scalar(text), str)
    return True


_Dumper.add_representer(str, _represent_str)


def dump_yaml(mapping: Mapping[str, Any]) -> bytes:
    """Return `mapping` as YAML, in the order of its keys."""
    return yaml.dump(dict(mapping), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, encoding="utf-8")


def write_search_yaml(path: Path, search: SearchYaml) -> None:
    """Write search.yaml.

    Raises:
        StorageError: it cannot be written.
    """
    write_atomic(path, dump_yaml(search))


def read_search_yaml(path: Path) -> SearchYaml:
    """Read search.yaml, whose space and configuration are valid.

    Raises:
        ConfigError: values of space or configuration are wrong, since a person changed them; all of them are named.
        StorageError: the file is missing, damaged, or of a later version with other keys; all mistakes are named.
    """
    document, description = _described(path)
    wrote = description["versions"].get("tune_asr", "")
    problems = list(_unknown(document)) if _is_known(wrote) else []
    try:
        _plan_of(document, description)
    except ConfigError as error:
        hint = "Restore the value that the search began with, or the file from a copy."
        problems += [replace(problem, hint=hint) for problem in error.problems]
    if problems:
        raise _refusal(problems, wrote)
    return description


def _unknown(document: Document) -> Iterator[Problem]:
    """Yield mistakes for keys that no search writes."""
    for key in document.values:
        if key not in SearchYaml.__annotations__:
            yield Problem(document.place((key,)), "unknown key", "Remove it, or restore the file from a copy.")


def require_same_seed(path: Path, seed: int, seeds: Collection[JsonValue]) -> None:
    """Refuse a changed copy of the seed in `space`.

    Args:
        path: path of search.yaml, read again only to name the line.
        seed: the copy.
        seeds: `search.seed` at the start, and in `space` now.

    Raises:
        ConfigError: a person changed the copy.
    """
    if seed not in seeds:
        what = f"was {' or '.join(map(str, seeds))} when the search began, and is {seed}"
        hint = "Restore it: it is a copy of space.search.seed, and nothing reads it."
        place = strict_yaml.read(path, room=2).place(("seed",))
        raise ConfigError(Problem(place, what, hint))


def _refusal(problems: Sequence[Problem], wrote: str) -> ConfigError | StorageError:
    """Return the error for unknown keys and wrong values.

    This version and earlier ones wrote valid values alone, so a person must have changed them.

    Args:
        problems: every mistake.
        wrote: version that wrote the file, empty if unknown.
    """
    if _is_known(wrote):
        return ConfigError(problems)
    by = f"tune_asr {wrote}" if wrote else "an unknown version of tune_asr"
    hint = (
        f"The file is damaged, or another version's: {by} wrote it, and this is {__version__}. "
        "Restore it from a copy, or use that version."
    )
    return StorageError([Problem(problem.place, problem.what, hint) for problem in problems])


def _is_known(wrote: str) -> bool:
    """Return True for this version and earlier ones."""
    return bool(_numbers(wrote)) and _numbers(wrote) <= _numbers(__version__)


def _numbers(version: str) -> list[int]:
    """Return major, minor and patch of a version."""
    return [int(number) for number in re.findall(r"\d+", version)[:3]]


def _plan_of(document: Document, description: SearchYaml) -> Plan:
    parts = (document.part("space", description["space"]), document.part("config", description["config"]))
    return plans.from_record(*parts)


@dataclass(frozen=True, slots=True)
class Description:
    """Contents of search.yaml for a report."""

    metric: Metric
    versions: Mapping[str, str]
    plan: Plan | None
    """None if this version cannot read `space` or `config`."""
    data_fingerprint: str | None
    """Fingerprint of training and validation data, None for a custom class."""
    val_fingerprint: str | None
    """Fingerprint of the validation data; None also if release 0.1.0 wrote the file."""


def read_description(path: Path) -> Description:
    """Read search.yaml for a report, even without a readable space.

    Raises:
        StorageError: the file or a key other than `space` and `config` is missing or damaged; all mistakes are named.
    """
    document, values = _described(path)
    try:
        plan = _plan_of(document, values)
    except ConfigError:
        plan = None
    whole, val = values["data_fingerprint"], values.get("val_fingerprint")
    return Description(values["metric"], values["versions"], plan, whole, val)


def _described(path: Path) -> tuple[Document, SearchYaml]:
    """Read the file and check its keys alone."""
    try:
        document = strict_yaml.read(path, room=2)
        _, problems = load.examine(Layered.of(document), _Keys)
        if "data_fingerprint" not in document.values:
            problems.append(Problem(document.place(("data_fingerprint",)), "is missing"))
    except ConfigError as error:
        problems = list(error.problems)
    if problems:
        hint = "The file is damaged: a search writes it once and never again. Restore it from a copy."
        raise StorageError([Problem(problem.place, problem.what, hint) for problem in problems])
    description = cast(SearchYaml, document.values)
    return document, {**description, "config": with_rules(description["config"])}


def flat(description: SearchYaml) -> dict[str, JsonValue]:
    """Return space, base and metric of search.yaml by dotted key."""
    values: dict[str, JsonValue] = {"metric": description["metric"]}
    for sections in (description["space"], description["config"]):
        for name, section in sections.items():
            if isinstance(section, Mapping):
                values |= {f"{name}.{key}": value for key, value in section.items()}
            else:
                values[name] = section
    return without_paths(values)


def without_paths(values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return values by dotted key, paths masked.

    Files may move, and fingerprints show whether they are the same.
    """
    return {key: map_paths(value, lambda _: A_PATH) if _is_path(key) else value for key, value in values.items()}


def _is_path(key: str) -> bool:
    return key in _OTHER_PATHS or bool(facts(key).is_path)
