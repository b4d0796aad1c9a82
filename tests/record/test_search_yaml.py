"""search.yaml and best.yaml round-trip in any YAML reader."""

from __future__ import annotations

import math
import re

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tune_asr.errors import ConfigError, StorageError
from tune_asr.record.search_yaml import Description, dump_yaml, read_description, read_search_yaml, without_paths

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
trees = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.text(), trees))
def test_load_after_dump_is_the_identity(mapping):
    loaded = yaml.safe_load(dump_yaml(mapping))
    assert repr(loaded) == repr(mapping)  # repr: 1 is not 1.0, nor 0.0 -0.0


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_are_floats_to_every_reader(number):
    text = dump_yaml({"lr": number}).decode().removeprefix("lr: ").strip()
    assert re.fullmatch(r"-?\d+\.\d+(e[-+]\d+)?", text)
    assert math.copysign(1, float(text)) == math.copysign(1, number)
    assert float(text) == number


@pytest.mark.parametrize("text", ["1e-3", "1E5", "017", "0.5", ".5", "nan", "infinity", "1_000", "yes", "null", "~"])
def test_ambiguous_text_is_quoted(text):
    assert re.search(rf"['\"]{re.escape(text)}['\"]", dump_yaml({"key": text}).decode())


def test_no_anchors_are_written():
    shared = [1, 2]
    assert yaml.safe_load(dump_yaml({"a": shared, "b": shared})) == {"a": [1, 2], "b": [1, 2]}
    assert b"&" not in dump_yaml({"a": shared, "b": shared})


def test_keys_keep_their_order():
    text = dump_yaml({"seed": 1, "name": "lr", "config": {"z": 1, "a": 2}}).decode()
    assert re.findall(r"\w+(?=:)", text) == ["seed", "name", "config", "z", "a"]


def test_what_was_written_is_read_back(search):
    written = search.describe(versions={"tune_asr": "9.0"}, command="search")  # a key of a later version does no harm
    assert written["command"]
    written["config"]["text"] = {"rules": 1}  # those of release 0.1.0, which wrote none
    assert read_search_yaml(search.folder.search_yaml) == written


def test_largest_space_and_configuration_round_trip(search):
    over = {"model.more": [1] * 4_900}
    search.describe(space={"over": over}, config={"model": {"target": "a.B", "many": [1] * 4_900}})
    assert len(read_search_yaml(search.folder.search_yaml)["config"]["model"]["many"]) == 4_900


@pytest.mark.parametrize(
    ("damaged", "what"),
    [
        (b"", ":1: the file is empty"),
        (b"- a\n", ":1: the top level is a list"),
        (b"a: [", ":1: not YAML"),
        (b"!!python/object:os.system {}", ":1: tags are not allowed"),
        (b"[" * 1000, ":1: nested more than"),
        (b"\xff\xfe\xfa", ": not UTF-8 text"),
        (b"a: \0", ":1: control characters"),
    ],
)
def test_damaged_file_is_named(tmp_path, damaged, what):
    """Nothing in it is executed."""
    path = tmp_path / "search.yaml"
    path.write_bytes(damaged)
    with pytest.raises(StorageError, match=rf"{re.escape(str(path) + what)}.*\n.*Restore it from a copy"):
        read_search_yaml(path)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"metric": "wer"}, r"search\.yaml:\d+: metric: is 'wer', but must be 'val_wer' or 'val_cer'"),
        ({"versions": {"python": 3}}, r"search\.yaml:\d+: versions\.python: is 3, but must be text"),
    ],
)
def test_all_mistakes_are_named_with_place(search, change, what):
    search.describe(**change)
    with pytest.raises(StorageError, match=what):
        read_search_yaml(search.folder.search_yaml)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"config": {"optimizer": {"lr": -1}}}, r"search\.yaml:\d+: config\.optimizer\.lr: is -1, but must be above 0"),
        ({"space": {"param_space": {"lr": {"uniform": [1]}}}}, r"search\.yaml:\d+: space\.param_space\.lr: "),
    ],
)
def test_values_changed_by_hand_are_named(search, change, what):
    """This version or an earlier one wrote the file, so its own values were valid."""
    search.describe(**change)
    with pytest.raises(ConfigError, match=rf"{what}.*\n    Restore the value that the search began with"):
        read_search_yaml(search.folder.search_yaml)


@pytest.mark.parametrize("change", [{"config": {"model": {"size": 3}}}, {"space": {"asha": {"soft": True}}}])
def test_keys_of_another_version_name_it(search, change):
    """A report is still possible."""
    written = search.describe(**change, versions={"tune_asr": "9.9.0"})
    found = read_description(search.folder.search_yaml)
    assert found == Description(written["metric"], written["versions"], None, None, None)
    with pytest.raises(StorageError, match=r"tune_asr 9\.9\.0 wrote it, and this is \d"):
        read_search_yaml(search.folder.search_yaml)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(StorageError, match=r"search\.yaml: no such file"):
        read_search_yaml(tmp_path / "search.yaml")


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("a.jsonl", "a path"),
        (
            ["a.jsonl", {"recordings": "r", "supervisions": "s"}],
            ["a path", dict.fromkeys(("recordings", "supervisions"), "a path")],
        ),
        ({"hold_out": 0.1, "by": "text"}, {"hold_out": 0.1, "by": "text"}),
    ],
)
def test_paths_of_manifests_are_masked(value, masked):
    """So moved files are no change of the search."""
    assert without_paths({"data.val": value, "optimizer.lr": 1.0}) == {"data.val": masked, "optimizer.lr": 1.0}
