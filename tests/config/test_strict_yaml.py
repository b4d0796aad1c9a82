"""Strict YAML, and the line of each mistake."""

from __future__ import annotations

import json
import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_asr.config.strict_yaml import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_VALUES,
    parse,
    parse_value,
    read,
)
from tune_asr.errors import ConfigError


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text, "c.yaml")
    return str(caught.value)


def test_values_have_lines():
    document = parse("seed: 1\n\nmodel:\n  dim: 96\noptimizer:\n  betas:\n  - 0.9\n  - 0.98\n", "c.yaml")
    assert document.values == {"seed": 1, "model": {"dim": 96}, "optimizer": {"betas": [0.9, 0.98]}}
    assert document.lines["model",] == 3
    assert document.lines["model", "dim"] == 4
    assert document.lines["optimizer", "betas", 1] == 8


def test_place_uses_nearest_line_above():
    document = parse("seed: 1\nmodel:\n  dim: 96\n", "c.yaml")
    assert document.place(("model", "dim")) == "c.yaml:3: model.dim"
    assert document.place(("model", "width")) == "c.yaml:2: model.width"
    assert document.place(("data", "train")) == "c.yaml:1: data.train"
    assert document.place(()) == "c.yaml:1"


# U+2028 and U+2029 end a line in YAML, and a key may not reach over one.
TEXT = st.text(st.characters(exclude_categories=("Cc", "Cn", "Cs"), exclude_characters="\u2028\u2029"))
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))


@given(st.dictionaries(TEXT, VALUES, min_size=1, max_size=4))
def test_json_is_read_as_json(values):
    assert parse(json.dumps(values, ensure_ascii=False), "c.yaml").values == values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "c.yaml:1: the file is empty\n    Write {} for an empty mapping."),
        ("# only a comment\n", "c.yaml:1: the file is empty"),
        ("- 1\n", "c.yaml:1: the top level is a list, but must be a mapping of sections"),
        ("text\n", "c.yaml:1: the top level is plain text, but must be a mapping"),
        ("seed: 1\nmodel: {}\nseed: 2\n", "c.yaml:3: seed: given twice, first on line 1\n    Keep one of them."),
        ("model:\n  dim: 1\n  dim: 1\n", "c.yaml:3: model.dim: given twice, first on line 2"),
        ("a: 1\nb: &x 1\n", "c.yaml:2: b: anchors and aliases (& and *) are not allowed\n    Write the value out."),
        ("a: 1\nb: *x\n", "c.yaml:2: b: anchors and aliases"),
        ("a: [1, &x 2]\n", "c.yaml:1: a.1: anchors and aliases"),
        ("seed: 1\n&x a: 1\n", "c.yaml:2: a key must be plain text"),
        (
            "a: !!python/object:os.system x\n",
            "c.yaml:1: a: tags are not allowed: tag:yaml.org,2002:python/object:os.system",
        ),
        ("a: ! x\n", "c.yaml:1: a: tags are not allowed: !"),
        ("? [1, 2]\n: 3\n", "c.yaml:1: a key must be plain text\n    Write a plain word."),
        ("seed: 1\n2: 3\n", 'c.yaml:2: the key 2 is not text\n    Write "2" in quotes.'),
        ("model:\n  null: 3\n", "c.yaml:2: model: the key null is not text"),
        ("a: 1\n---\nb: 2\n", "c.yaml:2: a second document begins\n    Remove the ---: one document per file."),
        (
            "optimizer:\n\tlr: 1\n",
            "c.yaml:2: not YAML: found character that cannot start any token\n    Indent with spaces",
        ),
        ("seed: 1\na: [1, 2", "c.yaml:2: not YAML: did not find expected ',' or ']'"),
        ('a: "\\q"\n', "c.yaml:1: not YAML: found unknown escape character"),
        ("seed: 1\nname: a\0b\n", "c.yaml:2: control characters are not allowed"),
        ('seed: 1\nname: "a\\0b"\n', "c.yaml:2: name: control characters are not allowed"),
        ('"\\e[31m": 1\n', "c.yaml:1: control characters are not allowed in a key"),
    ],
)
def test_refused(text, message):
    assert refusal(text).startswith(message)


@given(st.text(st.sampled_from("ab1:-?[]{}&*!|>'\"%@`#,.\n\t \0\x1b\ufeff\u2028é<="), max_size=30))
def test_any_text_read_or_refused(text):
    try:
        parse(text, "c.yaml")
    except ConfigError as error:
        assert str(error).startswith("c.yaml:")


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "a: " + "{a: " * 100_000, "".join(" " * i + "a:\n" for i in range(900))]
)
def test_deep_nesting_refused_early(text):
    """Deep nesting is refused before anything is built."""
    assert f"nested more than {MAX_DEPTH} deep" in refusal(text)


def test_nesting_up_to_limit_read():
    text = "{a: " * MAX_DEPTH + "1" + "}" * MAX_DEPTH
    assert parse(text, "c.yaml").values
    assert "nested more than" in refusal("{a: " + text + "}")


def test_too_many_values_refused():
    assert len(parse("".join(f"k{i}: 1\n" for i in range(MAX_VALUES - 1)), "c.yaml").values) == MAX_VALUES - 1
    assert refusal("".join(f"k{i}: 1\n" for i in range(MAX_VALUES))).startswith("c.yaml:5000: more than 5,000 values")
    assert "more than 5,000 values" in refusal("a: [" + "1," * MAX_VALUES + "]")


def test_lone_value_has_no_line():
    assert parse_value("[0.9, 1e-3]", "--set x") == [0.9, 0.001]
    assert parse_value("", "--set x") is None
    with pytest.raises(ConfigError, match=r"^--set x: not YAML: .*\n    Write the value as in YAML; put text"):
        parse_value("[1,", "--set x")
    with pytest.raises(ConfigError, match=r"^--set x: anchors and aliases"):
        parse_value("*x", "--set x")


def test_unreadable_file_names_cause(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"seed: \xe9")
    (tmp_path / "utf16.yaml").write_text("seed: 1", encoding="utf-16")
    (tmp_path / "huge.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    os.mkfifo(tmp_path / "pipe.yaml")
    for name, message in {
        "nowhere.yaml": f"nowhere.yaml: no such file (looked for {tmp_path / 'nowhere.yaml'})",
        "latin.yaml": "latin.yaml: not UTF-8 text (byte 6)\n    Save it as UTF-8.",
        "utf16.yaml": "utf16.yaml: not UTF-8 text (byte 0)\n    Save it as UTF-8.",
        "huge.yaml": "huge.yaml: 1,000,001 bytes, but a configuration may have 1,000,000",
        "loop.yaml": "loop.yaml: cannot be read: ",
        "pipe.yaml": "pipe.yaml: not a file\n    Give the path of a YAML file.",
        ".": f"{tmp_path.name}: not a file",
    }.items():
        with pytest.raises(ConfigError, match=re.escape(message.removeprefix(f"{tmp_path.name}"))):
            read((tmp_path / name).relative_to(tmp_path))


def test_byte_order_mark_and_crlf_read(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_bytes(b"\xef\xbb\xbfseed: 1\r\nmodel:\r\n  dim: 5\r\n")
    document = read(path)
    assert document.values == {"seed": 1, "model": {"dim": 5}}
    assert document.lines["model", "dim"] == 3
