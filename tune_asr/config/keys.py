"""Names of all keys, and the facts declared on each."""

from __future__ import annotations

import functools
from dataclasses import fields

from pydantic import BaseModel

from tune_asr.config.key_facts import SECTION, KeyFacts
from tune_asr.config.sections import BUILT_IN, Config


def sections_of(name: str, schema: type[BaseModel] = Config) -> tuple[type[BaseModel], ...]:
    """Return the classes of a section, one per built-in target."""
    if name in BUILT_IN and schema is Config:
        return BUILT_IN[name]
    field = schema.model_fields.get(name)
    annotation = field.annotation if field else None
    return (annotation,) if isinstance(annotation, type) and issubclass(annotation, BaseModel) else ()


def known_keys(section: str, schema: type[BaseModel] = Config) -> list[str]:
    """Return the keys of a section under all its targets."""
    return list(dict.fromkeys(key for model in sections_of(section, schema) for key in model.model_fields))


@functools.cache
def facts(key: str, schema: type[BaseModel] = Config) -> KeyFacts:
    """Return the facts of a dotted key.

    Keys below it, such as `data.val.by`, share its facts. A key that the schema does not know, such as a parameter of a
    custom class, has those of its section.
    """
    section, _, rest = key.partition(".")
    if not rest and sections_of(section, schema):
        return KeyFacts(not_searched=SECTION)
    name = rest.partition(".")[0]
    fields_named = (model.model_fields.get(name) for model in sections_of(section, schema))
    declaring = [schema.model_fields.get(section), *fields_named]
    found = [mark for field in declaring if field for mark in field.metadata if isinstance(mark, KeyFacts)]
    values = {f.name: value for mark in found for f in fields(KeyFacts) if (value := getattr(mark, f.name)) is not None}
    return KeyFacts(**values)
