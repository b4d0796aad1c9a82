"""Keys that `--set` may change on a resume."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

from tune_asr.config.key_facts import KeyFacts
from tune_asr.config.keys import facts, known_keys, sections_of
from tune_asr.config.load import nearest
from tune_asr.config.overrides import Override
from tune_asr.config.sections import Config
from tune_asr.errors import ConfigError, Problem
from tune_asr.space.plan import SPACE_SECTIONS
from tune_asr.space.sections import SpaceFile

_FLAGS: Mapping[str, str] = {
    "search.num_samples": "--num-samples",
    "trainer.max_epochs": "--max-epochs",
    "asha.max_t": "--max-epochs",
}
"""Keys with a flag of their own on a resume."""


def check_given(overrides: Sequence[Override]) -> None:
    """Refuse keys that results depend on.

    Raises:
        ConfigError: a key may not change on a resume; all of them are named.
    """
    if problems := list(_problems(overrides)):
        raise ConfigError(problems)


def _problems(overrides: Sequence[Override]) -> Iterator[Problem]:
    for override in overrides:
        if hint := _unknown(override.key):
            yield Problem(override.place, "there is no such key", hint)
        elif not _schema_facts(override.key).free_on_resume:
            what = "cannot change on a resume: the results of trials before and after could not be compared"
            yield Problem(override.place, what, flag_hint(override.key) or f"May change: {', '.join(free_keys())}.")


def _unknown(key: str) -> str:
    """Return a hint for an unknown key, "" for others."""
    section, _, rest = key.partition(".")
    schema = _schema(key)
    models = sections_of(section, schema)
    if section in ("over", "param_space") or any(model.model_config.get("extra") == "allow" for model in models):
        return ""
    known = known_keys(section, schema)
    if section in schema.model_fields and (not rest or not known or rest.partition(".")[0] in known):
        return ""
    every = [
        f"{name}.{inner}" for of in (SpaceFile, Config) for name in of.model_fields for inner in known_keys(name, of)
    ]
    return nearest(key, every if difflib.get_close_matches(key, every, n=1) else free_keys())


def flag_hint(key: str) -> str:
    """Return a hint to the flag of a key."""
    return f"Use {_FLAGS[key]}." if key in _FLAGS else ""


def as_overrides(given: Mapping[str, JsonValue]) -> list[Override]:
    """Return the keys of earlier resumes as overrides."""
    return [Override(key, value, f"--set {key} of an earlier resume", Path.cwd()) for key, value in given.items()]


def free_keys() -> list[str]:
    """Return the keys that may change."""
    return [key for schema in (SpaceFile, Config) for key in _free_keys(schema)]


def _free_keys(schema: type[SpaceFile | Config]) -> Iterator[str]:
    for section in schema.model_fields:
        keys = [f"{section}.{key}" for key in known_keys(section, schema)]
        free = [key for key in keys if facts(key, schema).free_on_resume]
        yield from [f"{section}.*"] if free and len(free) == len(keys) else free


def _schema_facts(key: str) -> KeyFacts:
    return facts(key, _schema(key))


def _schema(key: str) -> type[SpaceFile | Config]:
    return SpaceFile if key.split(".")[0] in SPACE_SECTIONS else Config
