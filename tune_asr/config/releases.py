"""Configurations of earlier releases, which lack `text.rules`.

Release 0.1.0 and files without the number follow rules 1: its texts, its choice of WER or CER, its mixing of channels
and its lengths of recordings. So old folders keep the fingerprints of their data. A person's own file without the
number follows today's rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import JsonValue

from tune_asr.config import strict_yaml
from tune_asr.config.sections import Config
from tune_asr.config.strict_yaml import Document

FIRST_RULES = 1
"""`text.rules` of release 0.1.0."""

_FIRST_TEXT = ["case", "punctuation", "digits", "unicode_form", "unit", "vocab_size"]
"""Keys that release 0.1.0 wrote into the section `text`, in its order."""


def with_rules(recorded: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return a configuration on record with its `text.rules`."""
    text = recorded.get("text") or {}
    if not isinstance(text, Mapping):  # a mistake, reported as it stands
        return dict(recorded)
    return {**recorded, "text": {**text, "rules": text.get("rules", FIRST_RULES)}}


def read(path: Path) -> Document:
    """Read a configuration, or a `best.yaml` with its rules.

    Raises:
        ConfigError: the file cannot be read.
    """
    document = strict_yaml.read(path)
    return replace(document, values=with_rules(document.values)) if is_best_yaml(document) else document


def is_best_yaml(document: Document) -> bool:
    """Return whether a search wrote the file as its `best.yaml`.

    The place of the file proves nothing, since people copy it. A search writes every section and every key in the order
    of the schema, `data.target` not first, never ends early by patience, and puts each item of a list on its own line.
    Nobody writes all of that by hand; a few changed values do not matter.
    """
    values = document.values
    if [name for name in values if name in Config.model_fields] != list(Config.model_fields):
        return False
    data, text, stopping = values["data"], values["text"], values["early_stopping"]
    if not (isinstance(data, dict) and isinstance(text, dict) and isinstance(stopping, dict)):
        return False
    betas = ("optimizer", "betas")
    return (
        list(text)[: len(_FIRST_TEXT)] == _FIRST_TEXT
        and stopping.get("enabled") is False
        and ("." in str(data.get("target", "")) or next(iter(data), "") != "target")
        and document.lines.get((*betas, 0), 0) > document.lines.get(betas, 0)
    )
