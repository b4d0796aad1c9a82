"""Scores of an earlier search, as a new one takes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.written_search import DESCRIPTION, Search
from tune_asr.config.sections import Config
from tune_asr.errors import ConfigError, StorageError
from tune_asr.search.description import versions
from tune_asr.search.warm_start import warm_start
from tune_asr.space.plan import Plan, from_values

ASSET = Path(__file__).parents[1] / "assets" / "results-0.1.0"
LR = {"optimizer.lr": {"loguniform": [1e-4, 3e-2]}}


def plan_from(root: Path, searched=LR, **config) -> Plan:
    """Make a plan that starts from the folder."""
    space = {
        "param_space": searched,
        "search": {"algorithm": "auto", "warm_start": str(root)},
        "asha": {"grace_period": 1, "max_t": 4},
    }
    return from_values(space, Config(trainer={"max_epochs": 4}, **config).model_dump(), "test")


@pytest.fixture
def earlier(search: Search) -> Search:
    """A finished search with rungs at 1 and 2 of 4 epochs: one trial of 4 epochs, one of 3, and one of none."""
    space = {**DESCRIPTION["space"], "asha": {"max_t": 4, "grace_period": 1}}
    config = {**DESCRIPTION["config"], "text": {"rules": 2}}
    search.describe(space=space, config=config, versions=versions(), data_fingerprint="same")
    search.start()
    whole, pruned = search.trial(**{"optimizer.lr": 0.001}), search.trial(**{"optimizer.lr": 0.02})
    search.trial(**{"optimizer.lr": 0.01})
    for errors in (8, 5, 6, 4):
        search.epoch(whole, [errors])
    for errors in (9, 8, 7):
        search.epoch(pruned, [errors])
    return search


def values(wer: float) -> float:
    """Return the score of the fixture's trials: the CER is half of the WER, and the loss is 1."""
    return wer + wer / 2 + 1e-2 / 2


def test_scores_at_rungs_and_end_are_copied(earlier):
    """Each the best so far; the third epoch is no rung."""
    found = warm_start(plan_from(earlier.folder.root), "same")
    copied = [(event.of, event.epoch, event.params["optimizer.lr"], event.score) for event in found.events]
    expected = [
        ("00000", 1, 0.001, values(0.8)),
        ("00000", 2, 0.001, values(0.5)),
        ("00000", 4, 0.001, values(0.4)),
        ("00001", 1, 0.02, values(0.9)),
        ("00001", 2, 0.02, values(0.8)),
    ]
    assert [each[:3] for each in copied] == [each[:3] for each in expected]
    assert [each[3] for each in copied] == pytest.approx([each[3] for each in expected])
    assert found.lines[0] == f"warm start: 5 scores of 2 trials of {earlier.folder.root}"


def test_value_outside_the_range_is_left_out(earlier):
    searched = {"optimizer.lr": {"loguniform": [1e-4, 1e-2]}}
    found = warm_start(plan_from(earlier.folder.root, searched), "same")
    assert {event.of for event in found.events} == {"00000"}
    assert "warm start: 2 scores left out, with values outside the ranges" in found.lines


def test_new_key_has_the_earlier_base(earlier):
    searched = {**LR, "model.dropout": {"uniform": [0.0, 0.5]}}
    events = warm_start(plan_from(earlier.folder.root, searched), "same").events
    assert {event.params["model.dropout"] for event in events} == {Config().model.dropout}


def test_key_searched_before_alone_is_left_out(earlier):
    space = {"param_space": {**LR, "model.dropout": {"choice": [0.0, 0.1]}}, "asha": {"max_t": 4, "grace_period": 1}}
    earlier.describe(space=space, versions=versions(), data_fingerprint="same")
    found = warm_start(plan_from(earlier.folder.root), "same")
    assert {tuple(event.params) for event in found.events} == {("optimizer.lr",)}
    assert "warm start: the base differs in model.dropout: searched there, fixed now" in found.lines


def test_only_differences_are_told(earlier):
    root = earlier.folder.root
    assert len(warm_start(plan_from(root), "same").lines) == 1
    _, *lines = warm_start(plan_from(root, optimizer={"weight_decay": 0.5}), "other").lines
    before = Config().optimizer.weight_decay
    assert lines == [
        "warm start: the data differ",
        f"warm start: the base differs in optimizer.weight_decay: {before:.4g}, now 0.5",
    ]
    earlier.describe(versions={**versions(), "torch": "1.0"}, data_fingerprint=None)
    text = "\n".join(warm_start(plan_from(root), "same").lines)
    assert "the versions differ: torch 1.0, now" in text
    assert "custom data, so a change of the data would not be seen" in text


def test_settled_score_and_horizon_are_no_differences_of_the_base(earlier):
    space = {"param_space": LR, "asha": {"max_t": 3, "grace_period": 1}}
    config = {"text": {"rules": 2, "score": "wer"}, "trainer": {"max_epochs": 3}}
    earlier.describe(space=space, config=config, versions=versions(), data_fingerprint="same")
    _, *lines = warm_start(plan_from(earlier.folder.root), "same").lines
    assert lines == ["warm start: trials ended after 3 epochs, now after 4"]
    _, *lines = warm_start(plan_from(earlier.folder.root, text={"score": "cer"}), "same").lines
    assert lines[1:] == ["warm start: the base differs in text.score: wer, now cer"]


def test_long_lists_of_changes_end(earlier):
    config = {"optimizer": {"weight_decay": 0.5}, "model": {"dim": 32, "num_layers": 3, "kernel_size": 5}}
    config |= {"features": {"num_mel_bins": 41}, "data": {"num_train": 5, "num_val": 5, "batch_size": 2}}
    config |= {"scheduler": {"warmup_fraction": 0.01}}
    lines = warm_start(plan_from(earlier.folder.root, **config), "same").lines
    assert sum("the base differs in" in line for line in lines) == 8
    assert lines[-1] == "warm start: and in 1 more key"


def test_folder_of_0_1_0_will_do():
    """Its rungs are those of its own settings: 2 and 4 of 6 epochs."""
    found = warm_start(plan_from(ASSET, {**LR, "model.dropout": {"choice": [0.0, 0.1]}}), None)
    assert {event.epoch for event in found.events} == {2, 4, 6}
    assert all(event.params.keys() == {"optimizer.lr", "model.dropout"} for event in found.events)
    assert "warm start: trials ended after 6 epochs, now after 4" in found.lines


def test_nothing_without_the_key(earlier):
    plan = from_values({"param_space": LR}, Config().model_dump(), "test")
    assert warm_start(plan, None).events == ()


@pytest.mark.parametrize(
    ("searched", "what"),
    [
        ({"model.dropout": {"uniform": [0.0, 0.5]}}, "searched optimizer.lr, and none of the keys of this space"),
        ({"optimizer.lr": {"uniform": [0.1, 1.0]}}, "all its values are outside the ranges of this space"),
    ],
)
def test_other_spaces_are_refused(earlier, searched, what):
    with pytest.raises(ConfigError, match=what):
        warm_start(plan_from(earlier.folder.root, searched), None)


def test_search_without_a_score_is_refused(search):
    search.describe()
    search.trial(**{"optimizer.lr": 0.001})
    with pytest.raises(ConfigError, match="no trial came to epoch 3"):
        warm_start(plan_from(search.folder.root), None)


def test_missing_folder_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"search.warm_start: is .*/old, but there is no such folder"):
        warm_start(plan_from(tmp_path / "old"), None)
    (tmp_path / "old").mkdir()
    with pytest.raises(StorageError, match=r"this is not a results folder: search.yaml and trials.jsonl missing"):
        warm_start(plan_from(tmp_path / "old"), None)


def test_running_search_is_refused(earlier):
    with earlier.folder.lock(), pytest.raises(StorageError, match="a search runs here, so its scores would be incompl"):
        warm_start(plan_from(earlier.folder.root), None)


@pytest.mark.parametrize("name", ["search.yaml", "trials.jsonl"])
def test_damaged_folder_is_refused(earlier, name):
    path = earlier.folder.root / name
    path.write_bytes(b"{]\n" + path.read_bytes())
    with pytest.raises(StorageError, match=name):
        warm_start(plan_from(earlier.folder.root), None)
