"""Values -> a checked `Config`: every mistake of a file at once, each at its place, in our words."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tune_asr.config import strict_yaml
from tune_asr.config.lightning_arguments import RESERVED, trainer_arguments
from tune_asr.config.overrides import Layered, Override
from tune_asr.config.sections import TAGS, Config, ConvCTCModel, CustomTarget, ManifestData, SyntheticData
from tune_asr.config.strict_yaml import Keys, dotted
from tune_asr.errors import ConfigError, Problem

BUILT_IN: dict[str, tuple[type[BaseModel], ...]] = {"data": (SyntheticData, ManifestData), "model": (ConvCTCModel,)}


def load_config(path: Path, overrides: Sequence[Override] = ()) -> Config:
    """Read a configuration file and lay overrides over it.

    Raises:
        ConfigError: with every mistake of the file and of the overrides.
    """
    layered = Layered.of(strict_yaml.read(path), path.resolve().parent)
    for override in overrides:
        layered.lay(override)
    return check(layered)


def check(layered: Layered) -> Config:
    """A tree of values -> a `Config`; see `load_config`."""
    # `logging:` with nothing under it is an empty section, as people write it.
    values = {key: {} if value is None and key != "seed" else value for key, value in layered.values.items()}
    problems = list(argument_problems(layered, values))
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        problems += translate(error, layered, Config)
        raise ConfigError(problems) from None
    if problems:
        raise ConfigError(problems)
    return config


def from_values(values: dict[str, Any], name: str) -> Config:
    """A `Config` out of plain values that were checked once: a results folder's own copy, called `name`."""
    return check(Layered(values, document=strict_yaml.Document(name, values, {})))


def translate(error: ValidationError, layered: Layered, schema: type[BaseModel]) -> Iterator[Problem]:
    """Pydantic's errors as problems: what was given, the rule, the place, the nearest known key."""
    for details in error.errors(include_url=False):
        # The tag of a union's member stands between a section and its keys.
        keys = tuple(key for i, key in enumerate(details["loc"]) if not (i == 1 and key in TAGS))
        what, way_out = _sentence(details, keys, schema)
        yield Problem(layered.place(keys), what, way_out)


def argument_problems(layered: Layered, values: dict[str, Any]) -> Iterator[Problem]:
    """Keys of `trainer` and `precision` that Lightning's `Trainer` does not have, or that are not the user's to set."""
    seen: dict[str, str] = {}
    for name in ("trainer", "precision"):
        section = values.get(name)
        for key in section if isinstance(section, dict) else ():
            place = layered.place((name, key))
            own = key == "num_threads" and name == "trainer"
            if key in RESERVED:
                yield Problem(place, "cannot be set", RESERVED[key])
            elif not own and key not in trainer_arguments():
                known = [a for a in (*trainer_arguments(), "num_threads") if a not in RESERVED]
                yield Problem(place, "unknown key: not an argument of Lightning's Trainer", nearest(key, known))
            elif key in seen:
                yield Problem(place, f"stands in {seen[key]} as well", "keep one of them")
            seen[key] = name


def nearest(word: str, known: Sequence[str]) -> str:
    """The way out for a misspelt word: the nearest known one, or all of them."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else f"known: {', '.join(sorted(known))}"


def known_keys(section: str, schema: type[BaseModel] = Config) -> list[str]:
    """The keys of a section of a configuration, over all its built-in targets."""
    if section in BUILT_IN and schema is Config:
        return list(dict.fromkeys(key for model in BUILT_IN[section] for key in model.model_fields))
    field = schema.model_fields.get(section)
    annotation = field.annotation if field else None
    return list(annotation.model_fields) if isinstance(annotation, type) and issubclass(annotation, BaseModel) else []


def is_free(config: Config, key: str) -> bool:
    """Whether a dotted key is a parameter of a user's own class or of Lightning's `Trainer`."""
    section, _, name = key.partition(".")
    value = getattr(config, section, None)
    if section in ("trainer", "precision"):
        return "." not in name and name in trainer_arguments() and name not in RESERVED
    return isinstance(value, CustomTarget) and bool(name)


def _sentence(details: ErrorDetails, keys: Keys, schema: type[BaseModel]) -> tuple[str, str]:
    kind, given, context = details["type"], details["input"], details.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(keys, schema)
    if kind == "missing":
        return "is missing", f"give {dotted(keys)}"
    if kind == "value_error":
        rule = str(context["error"])
        return (f"is {_shown(given)}, but {rule}" if rule.startswith("must") else rule), ""
    if kind.endswith("_type") or kind in {"int_from_float", "is_instance_of", "tuple_type", "bool_parsing"}:
        return f"is {_shown(given)}, but must be {_TYPES.get(kind, details['msg'].removeprefix('Input should be '))}", ""
    rule = details["msg"].removeprefix("Input should ").removeprefix("be ")
    return f"is {_shown(given)}, but must be {rule}", ""


def _unknown_key(keys: Keys, schema: type[BaseModel]) -> tuple[str, str]:
    name = str(keys[-1])
    if len(keys) == 1:
        return "unknown section", nearest(name, list(schema.model_fields))
    section = str(keys[0])
    for model in BUILT_IN.get(section, ()) if schema is Config else ():
        if name in model.model_fields:
            return "unknown key for this target", f"it belongs to {section}.target: {_target(model)}"
    return "unknown key", nearest(name, known_keys(section, schema))


def _target(model: type[BaseModel]) -> str:
    (name,) = model.model_fields["target"].annotation.__args__  # type: ignore[union-attr]
    return str(name)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


_TYPES = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "model_type": "a mapping of keys",
    "model_attributes_type": "a mapping of keys",
    "dict_type": "a mapping of keys",
    "tuple_type": "a list",
    "list_type": "a list",
}
