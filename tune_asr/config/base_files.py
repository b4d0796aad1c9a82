"""Configurations that rest on others by `base: FILE`.

    base: manifest.yaml
    data: {train: my/train.jsonl, val: my/val.jsonl}

Sections are merged key by key, and the upper file wins. Under another `target` a section keeps the keys of its base
that the target has; a custom class keeps those of another custom class.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import permutations
from pathlib import Path

from pydantic import JsonValue

from tune_asr.config import releases
from tune_asr.config.data_sections import HoldOutSection, PairSection
from tune_asr.config.keys import known_keys
from tune_asr.config.overrides import Layered
from tune_asr.config.scalars import shown
from tune_asr.config.schema import target_of
from tune_asr.config.sections import BUILT_IN, Config
from tune_asr.config.strict_yaml import Document, Keys
from tune_asr.errors import ConfigError, Problem
from tune_asr.wording import is_address

BASE = "base"
MOST_BASES = 8

_VAL = ("data", "val")
_FORMS_OF_VAL = (PairSection.model_fields.keys(), HoldOutSection.model_fields.keys())

Values = Mapping[str, JsonValue]


def read_files(path: Path) -> list[Document]:
    """Read a configuration and its bases, the lowest last.

    Raises:
        ConfigError: unreadable file, a circle, or more than `MOST_BASES` bases.
    """
    files, paths = [releases.read(path)], [path.resolve()]
    while (base := _base_of(files[-1])) is not None:
        if (found := base.resolve()) in paths:
            circle = [*files[paths.index(found) :], files[paths.index(found)]]
            raise _problem(
                files[-1], f"closes a circle: {' -> '.join(file.name for file in circle)}", "Remove one of these bases."
            )
        if len(files) > MOST_BASES:
            what = f"is base number {len(files)}, but a configuration may rest on {MOST_BASES} others"
            raise _problem(files[-1], what, "Put some of these files together.")
        files.append(_configuration(base, files[-1]))
        paths.append(found)
    return files


def _configuration(path: Path, above: Document) -> Document:
    """Read a base; show nothing of any other file."""
    document = releases.read(path)
    if document.values and not set(document.values) & {BASE, *Config.model_fields}:
        hint = f"Give the path of a configuration: it has some of {', '.join(Config.model_fields)}."
        raise _problem(above, f"is {shown(above.values[BASE])}, but {path} has no section of a configuration", hint)
    return document


def merged(files: Sequence[Document]) -> Layered:
    """Merge files into one tree; the first wins."""
    values: dict[str, JsonValue] = {}
    owners: dict[Keys, Document] = {}
    for file in reversed(files):
        for name, value in file.values.items():
            if name != BASE:
                values[name] = _laid(values.get(name), value, (name,), file, owners)
    return Layered(values, files[0], files[0].folder, owners=owners)


def bases_in_words(names: Sequence[str]) -> str:
    """Name files for a dry run, if there are several."""
    return f"configuration: {' -> '.join(names)}" if len(names) > 1 else ""


def _base_of(document: Document) -> Path | None:
    if BASE not in document.values:
        return None
    given = document.values[BASE]
    if not isinstance(given, str) or not given:
        what = f"is {shown(given)}, but must be the path of a configuration"
        raise _problem(document, what, f"Write for example {BASE}: manifest.yaml.")
    if is_address(given):
        what = f"is {shown(given)}, but must be a path: nothing is fetched"
        raise _problem(document, what, "Download it, and give the path of the file.")
    path = Path(os.path.abspath(document.folder / os.path.expanduser(given)))  # noqa: PTH100, PTH111
    if not os.path.exists(path):  # noqa: PTH110  Path.exists raises if a name is too long
        what = f"is {shown(given)}, but there is no such file (looked for {path})"
        raise _problem(document, what, "Give a path relative to the folder of the file that names it.")
    if not path.is_file():
        raise _problem(document, f"is {shown(given)}, but {path} is not a file", "Give the path of a YAML file.")
    return path


def _problem(document: Document, what: str, hint: str) -> ConfigError:
    return ConfigError(Problem(document.place((BASE,)), what, hint))


def _laid(below: JsonValue, value: JsonValue, keys: Keys, file: Document, owners: dict[Keys, Document]) -> JsonValue:
    """Lay a value over one below it; note its file."""
    if value is None and len(keys) == 1 and isinstance(below, dict):
        return below  # `model:` with nothing below it is an empty section
    kept = _kept(below, value, str(keys[0])) if len(keys) == 1 and isinstance(value, dict) else below
    if not isinstance(value, dict) or not isinstance(kept, dict) or (keys == _VAL and _is_other_form(kept, value)):
        kept = {}
    depth = len(keys)
    for gone in [one for one in owners if one[:depth] == keys and len(one) > depth and one[depth] not in kept]:
        del owners[gone]
    owners[keys] = file
    if not isinstance(value, dict):
        owners |= {other: file for other in file.lines if other[:depth] == keys}
        return value
    laid = {name: _laid(kept.get(name), below_it, (*keys, name), file, owners) for name, below_it in value.items()}
    return {**kept, **laid}


def _is_other_form(below: Values, value: Values) -> bool:
    """Return whether one names manifests, and the other a share."""
    return any(below.keys() & one and value.keys() & other for one, other in permutations(_FORMS_OF_VAL))


def _kept(below: JsonValue, value: Values, name: str) -> JsonValue:
    """Return the keys of a base under another `target`.

    A key that no target has is a mistake of the base, and is kept to be reported.
    """
    if name not in BUILT_IN or not isinstance(below, dict) or "target" not in value:
        return below
    sections = {target_of(section): section for section in BUILT_IN[name]}
    default = next(iter(sections))
    before, now = below.get("target", default), value["target"]
    if before == now or not isinstance(now, str) or not isinstance(before, str):
        return below
    if now not in sections:
        return below if before not in sections else {}
    unknown = set(below) - set(known_keys(name)) if before in sections else set()
    return {key: kept for key, kept in below.items() if key in sections[now].model_fields or key in unknown}
