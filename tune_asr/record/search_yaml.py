"""search.yaml: what a search is made of, so that the folder alone is enough to go on with it.

    name, created, command       the search, when and how it was started
    versions                     {tune_asr, python, torch, lightning, ray}
    data_fingerprint             of the data that it was started on
    metric                       what the winner is chosen by: val_wer or val_cer
    seed, slots                  the search's seed; how many trials run at a time
    space, config                the search space and the base configuration as resolved, paths absolute

`dump_yaml` also writes best.yaml. Every number it writes is read back bit for bit, by this project's
loader as by any other; no value becomes another one on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tune_asr.config.scalars import scalar
from tune_asr.errors import Problem, StorageError
from tune_asr.record.atomic import storage_error, write_atomic


class _Dumper(yaml.SafeDumper):
    """Plain YAML: no anchors, which strict readers refuse, and no text that a reader takes for a number."""

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
    """`mapping`, made of plain values, as YAML in the order of its keys."""
    return yaml.dump(dict(mapping), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, encoding="utf-8")


def write_search_yaml(path: Path, search: Mapping[str, Any]) -> None:
    """Write search.yaml.

    Raises:
        StorageError: it cannot be written.
    """
    write_atomic(path, dump_yaml(search))


def read_search_yaml(path: Path) -> dict[str, Any]:
    """What search.yaml says.

    Raises:
        StorageError: it is not there, or not what was written.
    """
    try:
        search = yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise storage_error(error, path, "cannot read it") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _damaged(path, str(error)) from error
    if not isinstance(search, dict):
        raise _damaged(path, "it holds no keys")
    return search


def _damaged(path: Path, why: str) -> StorageError:
    return StorageError(Problem(str(path), f"the file is damaged: {why}", "Restore it from a copy."))
