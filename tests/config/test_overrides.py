"""Overrides, and the places of their mistakes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tune_asr.config.load import check, load_config
from tune_asr.config.overrides import Layered, Override, overridden, parse_assignments
from tune_asr.config.strict_yaml import parse
from tune_asr.errors import ConfigError


def layered(text: str, *assignments: str) -> Layered:
    tree = Layered.of(replace(parse(text, "c.yaml"), folder=Path("/base")))
    for override in parse_assignments(assignments):
        tree.lay(override)
    return tree


def test_assignments_are_read_as_yaml():
    overrides = parse_assignments(
        ["optimizer.lr=1e-3", "optimizer.betas=[0.9, 0.99]", "data.test=", "logging.project=a=b"]
    )
    assert {o.key: o.value for o in overrides} == {
        "optimizer.lr": 0.001,
        "optimizer.betas": [0.9, 0.99],
        "data.test": None,
        "logging.project": "a=b",
    }


@pytest.mark.parametrize("text", ["optimizer.lr", "=1", ".lr=1", "optimizer.=1", "optimizer..lr=1", " =1"])
def test_assignment_needs_key_and_value(text):
    with pytest.raises(ConfigError, match=r"must be KEY=VALUE\n    Write it as --set optimizer.lr=1e-3"):
        parse_assignments([text])


def test_all_wrong_assignments_reported():
    with pytest.raises(ConfigError) as caught:
        parse_assignments(["a", "b=[", "seed=1"])
    assert [problem.place for problem in caught.value.problems] == ["--set a", "--set b=["]


def test_last_layer_wins():
    config = check(layered("optimizer: {lr: 1, weight_decay: 0.5}", "optimizer.lr=2", "optimizer.lr=3"))
    assert (config.optimizer.lr, config.optimizer.weight_decay) == (3, 0.5)


def test_mapping_replaces_section():
    config = check(layered("optimizer: {lr: 1, weight_decay: 0.5}", "optimizer={lr: 2}"))
    assert (config.optimizer.lr, config.optimizer.weight_decay) == (2, 1.0e-2)


def test_override_creates_sections_above():
    assert layered("{}", "model.dim=8").values == {"model": {"dim": 8}}
    assert layered("model:", "model.dim=8").values == {"model": {"dim": 8}}


def test_laying_changes_no_input():
    document = parse("model: {dim: 4}", "c.yaml")
    section = {"dim": 6}
    tree = Layered.of(document)
    tree.lay(Override("model.dim", 5, "here", Path()))
    tree.lay(Override("model", section, "here", Path()))
    tree.lay(Override("model.dim", 7, "here", Path()))
    assert document.values == {"model": {"dim": 4}}
    assert section == {"dim": 6}


def test_no_key_below_a_value():
    with pytest.raises(ConfigError, match=r"^--set seed.x=1: seed is a value, so seed.x cannot be set"):
        layered("seed: 1", "seed.x=1")


def test_overlong_key_refused():
    with pytest.raises(ConfigError, match="nested more than 20 deep"):
        layered("{}", "model." + "a." * 5000 + "a=1")


def test_places():
    tree = layered("seed: 1\nmodel:\n  dim: 4\n", "model.dim=5", "optimizer={lr: x}", "scheduler.name=x")
    assert tree.place(("seed",)) == "c.yaml:1: seed"
    assert tree.place(("model", "dim")) == "--set model.dim=5"
    assert tree.place(("model", "width")) == "c.yaml:2: model.width"
    assert tree.place(("optimizer", "lr")) == "--set optimizer={lr: x}: optimizer.lr"
    assert tree.place(("scheduler",)) == "--set scheduler.name=x: scheduler"
    tree.lay(Override("model", {"dim": "x"}, "later", Path()))
    assert tree.place(("model", "dim")) == "later: model.dim"


def test_path_relative_to_its_source(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    path = tmp_path / "configs" / "c.yaml"
    path.write_text("data: {target: manifest, train: ../a.jsonl, val: /b.jsonl, test: ~/c.jsonl}")
    data = load_config(path, parse_assignments(["data.val=b.jsonl"])).data
    assert data.train == str(tmp_path / "a.jsonl")
    assert data.val == str(tmp_path / "b.jsonl")
    assert data.test == str(Path.home() / "c.jsonl")
    whole = load_config(path, parse_assignments(["data={target: manifest, train: t, val: v}"])).data
    assert (whole.train, whole.val, whole.test) == (str(tmp_path / "t"), str(tmp_path / "v"), None)


def test_unknown_home_is_plain_name():
    tree = layered("data: {target: manifest, train: ~nobody-of-that-name/x, val: v}")
    assert check(tree).data.train == "/base/~nobody-of-that-name/x"


def test_custom_parameters_passed_through():
    data = check(layered("data: {target: my.Module, train: clean-100, val: {a: [1, null]}}")).data
    assert data.parameters == {"train": "clean-100", "val": {"a": [1, None]}}


def test_overridden_leaves_input_alone():
    values = {"model": {"dim": 1}}
    assert overridden(values, {"model.dim": 2, "seed": 3}) == {"model": {"dim": 2}, "seed": 3}
    assert values == {"model": {"dim": 1}}


def test_paths_of_manifests_are_absolute(tmp_path, monkeypatch):
    """Those of a file begin at it, those of `--set` at the working directory."""
    (tmp_path / "c.yaml").write_text(
        "data:\n  target: manifest\n  train: [a.jsonl, {recordings: r, supervisions: s}]\n"
        "  val: {recordings: /r, supervisions: s}\n"
    )
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    data = load_config(tmp_path / "c.yaml", parse_assignments(["data.test=[t.jsonl]"])).data.model_dump()
    root = str(tmp_path)
    assert data["train"] == [f"{root}/a.jsonl", {"recordings": f"{root}/r", "supervisions": f"{root}/s"}]
    assert data["val"] == {"recordings": "/r", "supervisions": f"{root}/s"}
    assert data["test"] == [f"{root}/here/t.jsonl"]


@pytest.mark.parametrize("address", ["https://x.y/train.jsonl", "s3://b/t.jsonl", "hf:me/data"])
def test_addresses_are_refused_as_given(address):
    with pytest.raises(ConfigError) as caught:
        layered("data: {}", f"data.train={address}").resolved(("data", "train"), address)
    assert str(caught.value) == (
        f"--set data.train={address}: is '{address}', but must be a path: nothing is fetched\n"
        "    Download it, and give the path of the file."
    )
