"""Checks from plain values to a `Config`, with all mistakes."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, JsonValue, ValidationError
from pydantic_core import ErrorDetails

from tune_asr.config import base_files, strict_yaml
from tune_asr.config.data_sections import TAGS, HoldOutSection, PairSection
from tune_asr.config.keys import facts, known_keys, sections_of
from tune_asr.config.lightning_arguments import RESERVED, broken_rule, trainer_arguments
from tune_asr.config.overrides import Layered, Override
from tune_asr.config.scalars import is_written_non_finite, rule_in_words, shown
from tune_asr.config.schema import CustomTarget, Section, target_of
from tune_asr.config.sections import BUILT_IN, Config
from tune_asr.config.strict_yaml import Document, Keys, dotted
from tune_asr.errors import ConfigError, Problem

Schema = TypeVar("Schema", bound=BaseModel)


MANIFEST_KEYS = [("data", split) for split in ("train", "val", "test")]


class Mistake(NamedTuple):
    """One mistake, before its place is known."""

    keys: Keys
    what: str
    hint: str = ""


def load_config(path: Path, overrides: Sequence[Override] = ()) -> Config:
    """Read a configuration file and lay overrides over it.

    Raises:
        ConfigError: every mistake of the file and of the overrides.
    """
    return check(read_config(path, overrides)[0])


def read_config(path: Path, overrides: Sequence[Override] = ()) -> tuple[Layered, list[Document]]:
    """Read a configuration with its bases, unchecked.

    Returns:
        The tree, and the files from the upper to the lowest.

    Raises:
        ConfigError: unreadable file, a wrong `base`, or an override below a value that is not a section.
    """
    files = base_files.read_files(path)
    return with_overrides(base_files.merged(files), overrides), files


def from_values(values: Mapping[str, JsonValue], name: str, overrides: Sequence[Override] = ()) -> Config:
    """Check plain values, called `name` in messages."""
    layered = Layered(copy.deepcopy(dict(values)), Document(name, dict(values), {}))
    return check(with_overrides(layered, overrides))


def read_layers(path: Path, overrides: Sequence[Override] = ()) -> Layered:
    """Read a file and lay overrides over it, unchecked.

    Raises:
        ConfigError: unreadable file, or an override below a value that is not a section.
    """
    document = strict_yaml.read(path)
    return with_overrides(Layered.of(document), overrides)


def with_overrides(layered: Layered, overrides: Sequence[Override]) -> Layered:
    """Lay overrides over a tree, and return it.

    Raises:
        ConfigError: an override below a value that is not a section.
    """
    for override in overrides:
        layered.lay(override)
    return layered


def check(layered: Layered) -> Config:
    """Turn a tree of values into a `Config`.

    Raises:
        ConfigError: every mistake of the tree.
    """
    config, problems = examine_config(layered)
    if config is None or problems:
        raise ConfigError(problems)
    return config


def examine_config(layered: Layered) -> tuple[Config | None, list[Problem]]:
    """Examine a configuration; its input paths become absolute."""
    config, problems = examine(layered, Config)
    return config and _with_absolute_paths(config, layered), problems


def _with_absolute_paths(config: Config, layered: Layered) -> Config:
    changed = {}
    for name, section in config:
        if not isinstance(section, Section) or isinstance(section, CustomTarget):
            continue
        given = [(key, value) for key, value in section if facts(f"{name}.{key}").is_path]
        absolute = {
            key: _absolute(value, (name, key), layered)
            for key, value in given
            if isinstance(value, str | list | PairSection)
        }
        if absolute:
            changed[name] = section.model_copy(update=absolute)
    return config.model_copy(update=changed)


def _absolute(value: object, keys: Keys, layered: Layered) -> object:
    """Return absolute paths for one, a list or a pair."""
    if isinstance(value, str):
        return layered.resolved(keys, value)
    if isinstance(value, list):
        return [_absolute(one, (*keys, index), layered) for index, one in enumerate(value)]
    if isinstance(value, PairSection):
        return value.model_copy(update={key: layered.resolved((*keys, key), path) for key, path in value})
    return value


def examine(layered: Layered, schema: type[Schema]) -> tuple[Schema | None, list[Problem]]:
    """Return the tree without its mistakes, and every mistake.

    The first lets later checks run on the rest. It is None if the rest is not valid without the mistakes either.
    """
    # `logging:` with nothing below it is an empty section; `seed` is not a section.
    values = {key: value for key, value in layered.values.items() if value is not None or key == "seed"}
    mistakes = list(_argument_mistakes(values)) if schema is Config else []
    try:
        whole = schema.model_validate(values)
        if not mistakes:
            return whole, []
    except ValidationError as error:
        mistakes += (_mistake(details, schema) for details in error.errors(include_url=False))
    problems = [Problem(layered.place(mistake.keys), mistake.what, mistake.hint) for mistake in mistakes]
    try:
        return schema.model_validate(_without(values, (mistake.keys for mistake in mistakes))), problems
    except ValidationError:
        return None, problems


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a hint with the nearest known words."""
    known = sorted(known)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"Did you mean {close[0]}?" if close else f"Known: {', '.join(known)}."


def _argument_mistakes(values: Mapping[str, JsonValue]) -> Iterator[Mistake]:
    """Find refused arguments in `trainer` and `precision`."""
    for name, other in (("trainer", "precision"), ("precision", "trainer")):
        section, beside = values.get(name), values.get(other)
        for key, value in section.items() if isinstance(section, dict) else ():
            if key in known_keys(name):
                continue
            if key in known_keys(other):
                yield Mistake((name, key), "unknown key", f"Did you mean {other}.{key}?")
            elif key in RESERVED:
                yield Mistake((name, key), f"cannot be set: {RESERVED[key].why}", RESERVED[key].hint)
            elif key not in trainer_arguments():
                known = {*trainer_arguments(), *known_keys(name)} - set(RESERVED)
                yield Mistake((name, key), "unknown key, not an argument of Lightning's Trainer", nearest(key, known))
            elif name == "precision" and isinstance(beside, dict) and key in beside:
                yield Mistake((name, key), "stands in trainer as well", "Keep one of them.")
            elif rule := broken_rule(key, value):
                yield Mistake((name, key), f"is {shown(value)}, but must be {rule}")


def _without(values: Mapping[str, JsonValue], faulty: Iterable[Keys]) -> dict[str, JsonValue]:
    rest = copy.deepcopy(dict(values))
    for name, *keys in faulty:
        section = rest.get(str(name))
        if keys and isinstance(section, dict):
            section.pop(str(keys[0]), None)
        else:
            rest.pop(str(name), None)
    return rest


def _mistake(details: ErrorDetails, schema: type[BaseModel]) -> Mistake:
    """Word one of pydantic's errors."""
    section, *rest = details["loc"]
    # pydantic puts the name of a union's member between the section and its keys.
    keys = (section, *(key for key in (rest[1:] if section in BUILT_IN else rest) if key not in TAGS))
    return Mistake(keys, *_sentence(details, keys, schema))


def _sentence(details: ErrorDetails, keys: Keys, schema: type[BaseModel]) -> tuple[str, str]:
    kind, given = details["type"], shown(details["input"])
    if kind == "extra_forbidden":
        return _unknown_key(keys, schema)
    if kind == "missing":
        return "is missing", f"Give {dotted(keys)}."
    if kind == "value_error":
        rule = str(details["ctx"]["error"])
        return f"is {given}, but {rule}" if rule.startswith("must") else rule, _known_targets(details, keys)
    if kind == "string_too_short":
        return f"is {given}, but must have {details['ctx']['min_length']} or more characters", ""
    if kind in ("string_type", "union_tag_invalid") and keys[:2] in MANIFEST_KEYS:
        others = ", or a mapping such as {hold_out: 0.05}" if keys[1] == "val" else ", or a list of paths"
        return f"is {given}, but must be a path{others if len(keys) == 2 else ''}", ""
    if kind == "too_short":
        return "is empty, but must have an entry", ""
    if kind == "float_type" and is_written_non_finite(details["input"]):
        return f"is {given}, but must be a finite number", ""
    return f"is {given}, but must be {_TYPES.get(kind) or rule_in_words(details['msg'])}", ""


def _unknown_key(keys: Keys, schema: type[BaseModel]) -> tuple[str, str]:
    name = str(keys[-1])
    if keys == (base_files.BASE,):
        return "unknown section", "Write it in the file of a configuration."
    if len(keys) == 1:
        homes = [f"{section}.{name}" for section in schema.model_fields if name in known_keys(section, schema)]
        bases = [base_files.BASE] if schema is Config else []
        hint = f"Did you mean {' or '.join(homes)}?" if homes else nearest(name, [*schema.model_fields, *bases])
        return "unknown section", hint
    section = str(keys[0])
    if keys[:2] in MANIFEST_KEYS and len(keys) > 2:
        held_out = HoldOutSection.model_fields if keys[1] == "val" else ()
        if name in held_out:
            return "does not go with recordings and supervisions", "Keep one of the two."
        return "unknown key", nearest(name, (*PairSection.model_fields, *held_out))
    above = sections_of(section, schema) if len(keys) > 2 else ()
    if below := [key for model in above for key in known_keys(str(keys[1]), model)]:
        return "unknown key", nearest(name, below)
    for model in sections_of(section, schema) if section in BUILT_IN else ():
        if name in model.model_fields:
            return "unknown key for this target", f"Set {section}.target: {target_of(model)}, to which it belongs."
    return "unknown key", nearest(name, known_keys(section, schema))


def _known_targets(details: ErrorDetails, keys: Keys) -> str:
    if keys[-1] != "target":
        return ""
    return nearest(details["input"], [target_of(model) for model in BUILT_IN[str(keys[0])]])


_TYPES = {
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "model_type": "a mapping of keys",
    "model_attributes_type": "a mapping of keys",
    "dict_type": "a mapping of keys",
    "list_type": "a list",
}
