"""Ratchet on the language of docstrings and test names."""

import ast
import re
from pathlib import Path
from statistics import mean

ROOT = Path(__file__).parents[1]
DOCUMENTED = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def first_lines() -> dict[str, str]:
    """Return the first line of each docstring of the package, by `file:line`."""
    found = {}
    for path in sorted((ROOT / "tune_asr").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node)):
                found[f"{path.relative_to(ROOT)}:{node.lineno}"] = text.splitlines()[0]
    return found


def num_words(text: str) -> int:
    return len(re.findall(r"[\w'`./-]+", text))


def test_first_lines_are_short():
    """At most ten words each, nine on average."""
    lines = first_lines()
    assert {place: line for place, line in lines.items() if num_words(line) > 10} == {}
    assert mean(map(num_words, lines.values())) <= 9


def test_first_lines_begin_with_content():
    clause = re.compile(r"(What|How|Whether|Which|Who|Where|That)\b")
    assert {place: line for place, line in first_lines().items() if clause.match(line)} == {}


def test_names_of_tests_are_short():
    """At most six words on average."""
    texts = (path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    names = [name for text in texts for name in re.findall(r"def test_(\w+)", text)]
    assert mean(len(name.split("_")) for name in names) <= 6
