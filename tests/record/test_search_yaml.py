"""search.yaml and best.yaml: read back as they were written, by any YAML reader."""

from __future__ import annotations

import math
import re

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tune_asr.errors import StorageError
from tune_asr.record.search_yaml import dump_yaml, read_search_yaml, write_search_yaml

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
trees = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.text(), trees))
def test_load_after_dump_is_the_identity(mapping):
    loaded = yaml.safe_load(dump_yaml(mapping))
    assert repr(loaded) == repr(mapping)  # repr: 1 is not 1.0, nor 0.0 -0.0


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_looks_like_one_to_every_reader(number):
    text = dump_yaml({"lr": number}).decode().removeprefix("lr: ").strip()
    assert re.fullmatch(r"-?\d+\.\d+(e[-+]\d+)?", text)
    assert math.copysign(1, float(text)) == math.copysign(1, number)
    assert float(text) == number


@pytest.mark.parametrize("text", ["1e-3", "1E5", "017", "0.5", ".5", "nan", "infinity", "1_000", "yes", "null", "~"])
def test_text_that_a_reader_could_take_for_something_else_is_quoted(text):
    assert re.search(rf"['\"]{re.escape(text)}['\"]", dump_yaml({"key": text}).decode())


def test_no_anchors_are_written():
    shared = [1, 2]
    assert yaml.safe_load(dump_yaml({"a": shared, "b": shared})) == {"a": [1, 2], "b": [1, 2]}
    assert b"&" not in dump_yaml({"a": shared, "b": shared})


def test_keys_keep_their_order(tmp_path):
    write_search_yaml(tmp_path / "search.yaml", {"seed": 1, "name": "lr", "config": {"z": 1, "a": 2}})
    assert list(read_search_yaml(tmp_path / "search.yaml")) == ["seed", "name", "config"]
    assert (tmp_path / "search.yaml").read_text().index("z:") < (tmp_path / "search.yaml").read_text().index("a:")


@pytest.mark.parametrize(
    "damaged", [b"", b"- a\n", b"a: [", b"!!python/object:os.system {}", b"[" * 1000, b"\xff\xfe\xfa", b"a: \0"]
)
def test_a_damaged_file_is_named_and_nothing_is_executed(tmp_path, damaged):
    path = tmp_path / "search.yaml"
    path.write_bytes(damaged)
    with pytest.raises(StorageError, match=rf"{re.escape(str(path))}: the file is damaged"):
        read_search_yaml(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(StorageError, match=r"search\.yaml: cannot read it: No such file"):
        read_search_yaml(tmp_path / "search.yaml")
