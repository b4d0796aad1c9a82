"""Tables of `search_spaces/README.md`, compared with the declared facts of keys."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tune_asr.config.key_facts import SEARCHED
from tune_asr.config.keys import facts, known_keys
from tune_asr.config.sections import Config

README = (Path(__file__).parents[2] / "search_spaces" / "README.md").read_text()
KEYS = ["seed", *(f"{section}.{key}" for section in Config.model_fields for key in known_keys(section))]


def table(heading: str) -> list[list[str]]:
    """Return the cells of the table below a heading."""
    lines = README.split(f"### {heading}\n")[1].split("\n|---")[1].splitlines()[1:]
    rows = lines[: next(i for i, line in enumerate(lines) if not line.startswith("|"))]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def names(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def is_searchable(key: str) -> bool:
    return facts(key).not_searched in (None, SEARCHED)


def listed_keys(section: str, text: str) -> list[str]:
    """Return the keys named by a cell.

    A cell names itself, some keys, all, or all but some.
    """
    if text == "itself":
        return [section]
    own = text.removesuffix(", and further arguments of Lightning's Trainer")
    keys = [key for key in known_keys(section) if key not in names(own)] if own.startswith("all") else names(own)
    return [f"{section}.{key}" for key in keys]


def test_searchable_table_is_complete():
    listed = [key for section, text, _ in table("What can be searched") for key in listed_keys(*names(section), text)]
    assert sorted(listed) == sorted(key for key in KEYS if is_searchable(key))


def test_searchable_table_names_needs():
    listed = {}
    for section, _, text in table("What can be searched"):
        for part in text.split(";") if text else ():
            *keys, need = names(part)
            rival, _, values = need.partition(": ")
            listed |= {f"{names(section)[0]}.{key}": (rival, set(values.split(", "))) for key in keys}
    declared = {key: (need.key, set(need.values)) for key in KEYS if (need := facts(key).needs)}
    assert listed == declared


@pytest.mark.parametrize("key", [key for key in KEYS if not is_searchable(key)])
def test_refused_keys_have_a_row(key):
    """Rows give the declared reasons; the first match counts."""
    reason = next(text for cell, text in table("What cannot, and why") if any(fnmatch(key, n) for n in names(cell)))
    why = facts(key).not_searched.why
    assert reason.startswith(why[0].upper() + why[1:])


def test_refused_rows_match_no_other_key():
    """Only `data.*` matches searchable keys too, listed as exceptions."""
    patterns = [name for cell, _ in table("What cannot, and why") for name in names(cell)]
    matched = {key for key in KEYS if is_searchable(key) and any(fnmatch(key, pattern) for pattern in patterns)}
    assert matched == {f"data.{key}" for key in ("batch_size", "max_frames_in_batch", "bucketing", "max_seconds")}
