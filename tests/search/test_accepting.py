"""Changes by hand, of the data and of versions, which a resume refuses; nothing is trained."""

from __future__ import annotations

import re

import pytest

from tune_asr.record.rerun import rerun_config
from tune_asr.record.search_yaml import flat, read_search_yaml
from tune_asr.record.state import SearchState
from tune_asr.search.accepting import Comparison, accepted
from tune_asr.search.description import versions


def test_another_seed_beside_the_space_is_refused(interrupted):
    interrupted.edit("seed", to=999)
    error = interrupted.resume()
    assert re.search(r"search\.yaml:\d+: seed: was 17 when the search began, and is 999\n    Restore it", error)
    interrupted.edit("seed", to=18)
    interrupted.edit("space", "search", "seed", to=18)
    assert ": space.search.seed: was absent when the search began, and is 18\n" in interrupted.resume()
    interrupted.resume("--accept", "search.seed", expect=6)
    interrupted.edit("seed", to=17)
    interrupted.resume("--accept", "search.seed", expect=6)


def test_unknown_key_of_the_file_is_refused(interrupted):
    interrupted.edit("frob", to=1)
    for flags in ((), ("--dry-run",)):
        assert re.search(r"search\.yaml:\d+: frob: unknown key\n    Remove it, or", interrupted.resume(*flags))


def test_changes_by_hand_are_listed(interrupted):
    interrupted.edit("config", "optimizer", "weight_decay", to=0.5)
    interrupted.edit("space", "param_space", "optimizer.lr", to={"loguniform": [1e-3, 1e-2]})
    interrupted.edit("data_fingerprint", to="0123")
    interrupted.edit("versions", "torch", to="1.0")
    error = interrupted.resume()
    for line in (
        "config.optimizer.weight_decay: was 0.01 when the search began, and is 0.5\n",
        "optimizer.lr: was {loguniform: [0.0001, 0.03]} when the search began, and is {loguniform: [0.001, 0.01]}\n",
        "data_fingerprint: the data have changed: their fingerprint was 0123 when the search began, and is ",
        "versions.torch: the version was 1.0 when the search began, and is 2.",
        "    Restore it, or accept the change with --accept optimizer.weight_decay.\n",
        "    Restore the data, start a new search, or accept the change with --accept data_fingerprint.\n",
    ):
        assert line in error
    error = interrupted.resume("--accept", "versions", "--accept", "data_fingerprint", "--accept", "param_space")
    assert error.count("--accept") == 1
    assert "--accept optimizer.weight_decay." in error


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("config", "scheduler", "final_fraction"), 0.5),
        (("config", "augment", "p"), 0.9),
        (("config", "model", "init_from"), "weights.ckpt"),
        (("config", "trainer", "num_threads"), 2),
        (("space", "asha", "reduction_factor"), 3),
        (("space", "search", "seed"), 3),
        (("space", "resources", "cpus_per_trial"), 2),
        (("space", "param_space", "optimizer.lr"), {"loguniform": [1e-4, 0.3]}),
    ],
)
def test_each_section_is_compared(interrupted, keys, value):
    if value == "weights.ckpt":
        (interrupted.folder.root / value).touch()
    interrupted.edit(*keys, to=value)
    name = ".".join(keys[1:])
    assert f"accept the change with --accept {name}." in interrupted.resume()
    interrupted.resume("--accept", name, expect=6)


@pytest.mark.parametrize(
    ("key", "what"),
    [("optimizer.lr", "this key has not changed"), ("space.param_space.optimizer.lr", "there is no such key")],
)
def test_key_beside_the_changed_one_is_named(interrupted, key, what):
    """`optimizer.lr` is the value of the base, and the searched range is another key."""
    interrupted.edit("space", "param_space", "optimizer.lr", to={"loguniform": [1e-4, 0.3]})
    error = interrupted.resume("--accept", key)
    assert (
        f"--accept {key}: {what}, but param_space.optimizer.lr has changed\n"
        "    Accept it with --accept param_space.optimizer.lr.\n"
    ) in error


def test_unknown_key_is_answered_shortly(interrupted):
    assert interrupted.resume("--accept", "nonsense") == (
        "error: --accept nonsense: search.yaml has no such key\n    Nothing has changed: leave it out.\n"
    )
    interrupted.edit("config", "optimizer", "weight_decay", to=0.5)
    interrupted.edit("space", "search", "seed", to=3)
    changed = "Changed: optimizer.weight_decay, search.seed.\n"
    assert f"no such key\n    {changed}" in interrupted.resume("--accept", "nonsense")
    assert f"    Did you mean optimizer.betas? {changed}" in interrupted.resume("--accept", "optimizer.beta")


def test_unchanged_key_is_accepted_in_silence(interrupted):
    """A batch script resumes with the same flags again."""
    interrupted.resume("--accept", "optimizer.lr", "--accept", "versions", expect=6)


@pytest.mark.parametrize(
    ("keys", "value", "text"),
    [
        (("space", "asha", "reduction_factor"), 1, r"space\.asha\.reduction_factor: is 1, but must be 2 or more"),
        (("space", "asha", "max_t"), 9, r"space\.asha\.max_t: is 9, but must be at most the horizon"),
        (("config", "optimizer", "lr"), "fast", r"config\.optimizer\.lr: is 'fast', but must be a number"),
        (("space", "param_space", "optimizer.lr"), {"log": 1}, r"space\.param_space\.optimizer\.lr: "),
    ],
)
def test_invalid_change_by_hand_is_a_mistake(interrupted, keys, value, text):
    """As any other mistake in YAML: all of them, each with its line."""
    interrupted.edit(*keys, to=value)
    interrupted.edit("config", "model", "dropout", to=2)
    error = interrupted.resume()
    path = re.escape(str(interrupted.folder.search_yaml))
    assert re.search(rf"{path}:\d+: {text}", error)
    assert re.search(rf"{path}:\d+: config\.model\.dropout: is 2, but must be", error)
    assert "    Restore the value that the search began with, or the file from a copy.\n" in error
    assert interrupted.resume("--dry-run") == error


def test_moved_files_are_no_change(interrupted):
    interrupted.edit("config", "logging", "save_dir", to="elsewhere")
    interrupted.resume(expect=6)


def test_newest_content_counts(interrupted):
    """A folder gets the content of search.yaml at a resume, if it had none."""
    interrupted.edit("config", "optimizer", "weight_decay", to=0.5)
    content = flat(read_search_yaml(interrupted.folder.search_yaml))
    interrupted.log("search_started", slots=1, search_yaml=content)
    interrupted.resume(expect=6)
    interrupted.edit("config", "optimizer", "weight_decay", to=0.01)
    assert "was 0.5 when the search began, and is 0.01" in interrupted.resume()


def test_versions_of_old_folder_are_taken_over(search):
    """Only its first resume has other versions without a word of the user."""
    search.describe()
    description = read_search_yaml(search.folder.search_yaml)
    now = {"versions.tune_asr": "0.2.0"}
    comparison = Comparison(search.folder.search_yaml, description, search.state.changes, now)
    assert accepted(comparison, ()) == {}
    assert comparison.adopted["versions.tune_asr"] == "0.2.0"
    search.log("search_started", slots=1, search_yaml=flat(description), accepted=comparison.adopted)
    after = Comparison(search.folder.search_yaml, description, search.state.changes, {**comparison.adopted})
    assert not after.refused and not after.other_versions
    later = {**comparison.adopted, "versions.tune_asr": "0.3.0"}
    assert Comparison(search.folder.search_yaml, description, search.state.changes, later).refused


def test_named_changes_are_accepted(interrupted):
    interrupted.edit("config", "optimizer", "weight_decay", to=0.5)
    interrupted.edit("versions", "torch", to="1.0")
    flags = ("--accept", "optimizer.weight_decay", "--accept", "versions.torch")
    out = interrupted.resume(*flags, "--dry-run", expect=0)
    assert "accepted: optimizer.weight_decay was 0.01 when the search began, and is 0.5" in out
    assert "continues: 00001" in out
    interrupted.resume(*flags, expect=6)


@pytest.mark.parametrize(("keys", "flag"), [(("trainer", "max_epochs"), "--max-epochs"), (("num_samples",), "--num-s")])
def test_extent_is_never_accepted(interrupted, keys, flag):
    part = ("config",) if len(keys) > 1 else ("space", "search")
    interrupted.edit(*part, *keys, to=9)
    error = interrupted.resume("--accept", "trainer", "--accept", "search")
    assert f"    Restore it, and use {flag}" in error


def test_patch_level_is_printed_alone(interrupted):
    interrupted.edit("versions", "torch", to=versions()["torch"].rpartition(".")[0] + ".99")
    assert "the search began with other versions (torch " in interrupted.resume(expect=6)


def test_accepted_changes_are_asked_for_once(interrupted):
    interrupted.edit("config", "optimizer", "weight_decay", to=0.5)
    interrupted.log("search_started", slots=1, accepted={"optimizer.weight_decay": 0.5})
    interrupted.resume(expect=6)
    interrupted.edit("config", "optimizer", "weight_decay", to=0.6)
    assert "was 0.5 when it was last accepted, and is 0.6" in interrupted.resume()


def test_trials_keep_their_base(interrupted):
    """Those created later have the changed one."""
    interrupted.edit("config", "optimizer", "weight_decay", to=0.5)
    interrupted.log("search_started", slots=1, accepted={"optimizer.weight_decay": 0.5, "data.num_train": 32})
    interrupted.trial(**{"optimizer.lr": 0.002})
    state = SearchState.read(interrupted.folder.ledger)
    config = read_search_yaml(interrupted.folder.search_yaml)["config"]
    decay = [rerun_config(config, trial)["optimizer"]["weight_decay"] for trial in state.trials.values()]
    assert decay == [0.01, 0.01, 0.5]
    assert state.trials["00000"].former == {"optimizer.weight_decay": 0.01}  # the data are those of all trials
