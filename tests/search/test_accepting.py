"""Flags of a resume, and changes that it refuses; nothing is trained."""

from __future__ import annotations

import re

import pytest
import yaml

from tests.written_search import Search as Written
from tune_asr.config.load import from_values
from tune_asr.corpus.sources import survey
from tune_asr.record.rerun import rerun_config
from tune_asr.record.search_yaml import flat, read_search_yaml, write_search_yaml
from tune_asr.record.state import SearchState
from tune_asr.search import __main__ as door
from tune_asr.search.accepting import Comparison, accepted
from tune_asr.search.description import versions

DATA = {"num_train": 16, "num_val": 8, "alphabet": "abcd", "num_words": 20}
SPACE = {"param_space": {"optimizer.lr": {"loguniform": [1e-4, 3e-2]}}, "search": {"algorithm": "random"}}
NOBODY = "127.0.0.1:9"


@pytest.fixture
def began(search: Written) -> Written:
    """Search of two trials of four epochs, the second of which is interrupted."""
    fingerprint = survey(from_values({"data": DATA}, "test")).corpus.fingerprint
    config = from_values({"data": DATA, "trainer": {"max_epochs": 4}}, "test").model_dump(mode="json")
    space = {**SPACE, "search": {**SPACE["search"], "num_samples": 2}, "asha": {"mode": "waves"}}
    search.describe(space=space, config=config, versions=versions(), data_fingerprint=fingerprint)
    search.log("search_started", slots=1, search_yaml=flat(read_search_yaml(search.folder.search_yaml)))
    search.log("plan", trials=2, horizon=4, slots=1, cause="start")
    search.log("wave", wave=1, trials=2)
    for number, epochs in (("00000", 4), ("00001", 2)):
        search.trial(**{"optimizer.lr": 0.001})
        for _ in range(epochs):
            search.epoch(number, [2])
    search.log("finished", trial="00000")
    search.log("paused", trial="00001", epoch=2)
    search.log("search_ended", status="interrupted")
    return search


def finish(search: Written) -> None:
    search.log("search_started", slots=1)
    search.log("finished", trial="00001")
    search.conclude()


def edit(search: Written, *keys: str, to: object) -> None:
    """Change search.yaml by hand."""
    values = yaml.safe_load(search.folder.search_yaml.read_text())
    node = values
    for key in keys[:-1]:
        node = node.setdefault(key, {})
    node[keys[-1]] = to
    write_search_yaml(search.folder.search_yaml, values)


def resume(search: Written, capsys, *flags: str, expect: int = 2) -> str:
    """Resume up to the search for Ray, whose address nobody answers at (exit code 6); return what is printed."""
    assert door.main(
        ["--resume", str(search.folder.root), *(("--address", NOBODY) if expect == 6 else ()), *flags]
    ) == (expect)
    captured = capsys.readouterr()
    return captured.err if expect == 2 else captured.out


def test_another_seed_beside_the_space_is_refused(began, capsys):
    edit(began, "seed", to=999)
    error = resume(began, capsys)
    assert re.search(r"search\.yaml:\d+: seed: was 17 when the search began, and is 999\n    Restore it", error)
    edit(began, "seed", to=18)
    edit(began, "space", "search", "seed", to=18)
    assert ": space.search.seed: was absent when the search began, and is 18\n" in resume(began, capsys)
    resume(began, capsys, "--accept", "search.seed", expect=6)
    edit(began, "seed", to=17)
    resume(began, capsys, "--accept", "search.seed", expect=6)


def test_unknown_key_of_the_file_is_refused(began, capsys):
    edit(began, "frob", to=1)
    for flags in ((), ("--dry-run",)):
        assert re.search(r"search\.yaml:\d+: frob: unknown key\n    Remove it, or", resume(began, capsys, *flags))


def test_fewer_trials_than_created_are_refused(began, capsys):
    error = resume(began, capsys, "--num-samples", "1")
    assert error.startswith(
        "error: --num-samples 1: makes 1 trial in all, but 2 are created already\n    Give a larger"
    )


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (("--num-samples", "0"), "--num-samples 0: is 0, but must be 1 or more"),
        (("--num-samples", "many"), "--num-samples many: is 'many', but must be a whole number"),
        (("--num-samples", "3", "--max-epochs", "9"), "--num-samples and --max-epochs cannot be given together"),
        (("--max-epochs", "9"), "--max-epochs 9: the best settings are trained longer once the search is finished"),
        (("--set", "optimizer.lr=1"), "--set optimizer.lr=1: cannot change on a resume"),
        (("--set", "asha.max_t=9"), "    Use --max-epochs."),
        (("--set", "search.max_concurrent=0"), "--set search.max_concurrent=0: is 0, but must be auto, or a whole"),
        (("--set", "search.max_concurent=3"), "there is no such key\n    Did you mean search.max_concurrent?"),
        (("--set", "serch.stop=never"), "there is no such key\n    Did you mean search.stop?"),
        (("--set", "foo=1"), "--set foo=1: there is no such key\n    Known: features.max_cache_gb,"),
        (
            ("--set", "search.finalists={top: 1}", "--max-epochs", "9"),
            "--set 'search.finalists={top: 1}'\n",
        ),
        (("--seed", "3"), "--seed cannot be given with --resume"),
        (
            ("--accept", "optimizer.lrr"),
            "--accept optimizer.lrr: search.yaml has no such key\n    Did you mean optimizer",
        ),
    ],
)
def test_wrong_flags_are_refused(began, capsys, flags, text):
    assert text in resume(began, capsys, *flags)


@pytest.mark.parametrize("epochs", ["3", "4"])
def test_horizon_must_be_longer(began, capsys, epochs):
    finish(began)
    error = resume(began, capsys, "--max-epochs", epochs)
    assert error == (
        f"error: --max-epochs {epochs}: is {epochs}, but must be above the horizon so far, which is 4\n"
        "    Give more epochs.\n"
    )


def test_accept_needs_a_resume(capsys):
    assert door.main(["--space", "lr.yaml", "--accept", "versions"]) == 2
    assert "--accept can only be given with --resume" in capsys.readouterr().err


def test_changes_by_hand_are_listed(began, capsys):
    edit(began, "config", "optimizer", "weight_decay", to=0.5)
    edit(began, "space", "param_space", "optimizer.lr", to={"loguniform": [1e-3, 1e-2]})
    edit(began, "data_fingerprint", to="0123")
    edit(began, "versions", "torch", to="1.0")
    error = resume(began, capsys)
    for line in (
        "config.optimizer.weight_decay: was 0.01 when the search began, and is 0.5\n",
        "optimizer.lr: was {loguniform: [0.0001, 0.03]} when the search began, and is {loguniform: [0.001, 0.01]}\n",
        "data_fingerprint: the data have changed: their fingerprint was 0123 when the search began, and is ",
        "versions.torch: the version was 1.0 when the search began, and is 2.",
        "    Restore it, or accept the change with --accept optimizer.weight_decay.\n",
        "    Restore the data, start a new search, or accept the change with --accept data_fingerprint.\n",
    ):
        assert line in error
    error = resume(began, capsys, "--accept", "versions", "--accept", "data_fingerprint", "--accept", "param_space")
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
def test_each_section_is_compared(began, capsys, keys, value):
    if value == "weights.ckpt":
        (began.folder.root / value).touch()
    edit(began, *keys, to=value)
    name = ".".join(keys[1:])
    assert f"accept the change with --accept {name}." in resume(began, capsys)
    resume(began, capsys, "--accept", name, expect=6)


@pytest.mark.parametrize(
    ("key", "what"),
    [("optimizer.lr", "this key has not changed"), ("space.param_space.optimizer.lr", "there is no such key")],
)
def test_key_beside_the_changed_one_is_named(began, capsys, key, what):
    """`optimizer.lr` is the value of the base, and the searched range is another key."""
    edit(began, "space", "param_space", "optimizer.lr", to={"loguniform": [1e-4, 0.3]})
    error = resume(began, capsys, "--accept", key)
    assert (
        f"--accept {key}: {what}, but param_space.optimizer.lr has changed\n"
        "    Accept it with --accept param_space.optimizer.lr.\n"
    ) in error


def test_unknown_key_is_answered_shortly(began, capsys):
    assert resume(began, capsys, "--accept", "nonsense") == (
        "error: --accept nonsense: search.yaml has no such key\n    Nothing has changed: leave it out.\n"
    )
    edit(began, "config", "optimizer", "weight_decay", to=0.5)
    edit(began, "space", "search", "seed", to=3)
    assert "no such key\n    Changed: optimizer.weight_decay, search.seed.\n" in resume(
        began, capsys, "--accept", "nonsense"
    )
    assert "    Did you mean optimizer.betas? Changed: optimizer.weight_decay, search.seed.\n" in resume(
        began, capsys, "--accept", "optimizer.beta"
    )


def test_unchanged_key_is_accepted_in_silence(began, capsys):
    """A batch script resumes with the same flags again."""
    resume(began, capsys, "--accept", "optimizer.lr", "--accept", "versions", expect=6)


@pytest.mark.parametrize(
    ("keys", "value", "text"),
    [
        (("space", "asha", "reduction_factor"), 1, r"space\.asha\.reduction_factor: is 1, but must be 2 or more"),
        (("space", "asha", "max_t"), 9, r"space\.asha\.max_t: is 9, but must be at most the horizon"),
        (("config", "optimizer", "lr"), "fast", r"config\.optimizer\.lr: is 'fast', but must be a number"),
        (("space", "param_space", "optimizer.lr"), {"log": 1}, r"space\.param_space\.optimizer\.lr: "),
    ],
)
def test_invalid_change_by_hand_is_a_mistake(began, capsys, keys, value, text):
    """As any other mistake in YAML: all of them, each with its line."""
    edit(began, *keys, to=value)
    edit(began, "config", "model", "dropout", to=2)
    error = resume(began, capsys)
    path = re.escape(str(began.folder.search_yaml))
    assert re.search(rf"{path}:\d+: {text}", error)
    assert re.search(rf"{path}:\d+: config\.model\.dropout: is 2, but must be", error)
    assert "    Restore the value that the search began with, or the file from a copy.\n" in error
    assert resume(began, capsys, "--dry-run") == error


def test_folder_in_copy_of_a_job_is_refused(began, capsys, tmp_path, monkeypatch):
    """Ray removes the copy after the job, and what the resumed search wrote there."""
    copy = tmp_path / "runtime_resources" / "working_dir_files" / "_ray_pkg_01"
    copy.mkdir(parents=True)
    began.folder.root.rename(copy / "lr")
    monkeypatch.chdir(copy)
    assert door.main(["--resume", "lr"]) == 2
    assert "--resume: lr lies in Ray's copy of the working directory" in capsys.readouterr().err


def test_moved_files_are_no_change(began, capsys):
    edit(began, "config", "logging", "save_dir", to="elsewhere")
    resume(began, capsys, expect=6)


def test_newest_content_counts(began, capsys):
    """A folder gets the content of search.yaml at a resume, if it had none."""
    edit(began, "config", "optimizer", "weight_decay", to=0.5)
    content = flat(read_search_yaml(began.folder.search_yaml))
    began.log("search_started", slots=1, search_yaml=content)
    resume(began, capsys, expect=6)
    edit(began, "config", "optimizer", "weight_decay", to=0.01)
    assert "was 0.5 when the search began, and is 0.01" in resume(began, capsys)


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


def test_named_changes_are_accepted(began, capsys):
    edit(began, "config", "optimizer", "weight_decay", to=0.5)
    edit(began, "versions", "torch", to="1.0")
    flags = ("--accept", "optimizer.weight_decay", "--accept", "versions.torch")
    out = resume(began, capsys, *flags, "--dry-run", expect=0)
    assert "accepted: optimizer.weight_decay was 0.01 when the search began, and is 0.5" in out
    assert "continues: 00001" in out
    resume(began, capsys, *flags, expect=6)


@pytest.mark.parametrize(("keys", "flag"), [(("trainer", "max_epochs"), "--max-epochs"), (("num_samples",), "--num-s")])
def test_extent_is_never_accepted(began, capsys, keys, flag):
    part = ("config",) if len(keys) > 1 else ("space", "search")
    edit(began, *part, *keys, to=9)
    error = resume(began, capsys, "--accept", "trainer", "--accept", "search")
    assert f"    Restore it, and use {flag}" in error


@pytest.mark.parametrize("key", ["trainer.cuda_graphs", "trainer.corpus_on_device"])
def test_keys_of_the_machine_change_freely(began, capsys, key):
    assert "continues: 00001" in resume(began, capsys, "--set", f"{key}=auto", "--dry-run", expect=0)


def test_patch_level_is_printed_alone(began, capsys):
    edit(began, "versions", "torch", to=versions()["torch"].rpartition(".")[0] + ".99")
    assert "the search began with other versions (torch " in resume(began, capsys, expect=6)


def test_accepted_changes_are_asked_for_once(began, capsys):
    edit(began, "config", "optimizer", "weight_decay", to=0.5)
    began.log("search_started", slots=1, accepted={"optimizer.weight_decay": 0.5})
    resume(began, capsys, expect=6)
    edit(began, "config", "optimizer", "weight_decay", to=0.6)
    assert "was 0.5 when it was last accepted, and is 0.6" in resume(began, capsys)


def test_trials_keep_their_base(began):
    """Those created later have the changed one."""
    edit(began, "config", "optimizer", "weight_decay", to=0.5)
    began.log("search_started", slots=1, accepted={"optimizer.weight_decay": 0.5, "data.num_train": 32})
    began.trial(**{"optimizer.lr": 0.002})
    state = SearchState.read(began.folder.ledger)
    config = read_search_yaml(began.folder.search_yaml)["config"]
    decay = [rerun_config(config, trial)["optimizer"]["weight_decay"] for trial in state.trials.values()]
    assert decay == [0.01, 0.01, 0.5]
    assert state.trials["00000"].former == {"optimizer.weight_decay": 0.01}  # the data are those of all trials


def test_given_keys_last(began, capsys):
    began.log("search_started", slots=1, set={"search.max_concurrent": 1})
    out = resume(began, capsys, "--set", "search.max_concurrent=2", "--num-samples", "4", "--dry-run", expect=0)
    assert "search.max_concurrent: 1 -> 2" in out
    assert "trials: 2 -> 4, of 4 epochs at most" in out
    assert "creates: 2 trials" in out


def test_dry_run_names_the_settings_to_repeat(began, capsys):
    finish(began)
    before = began.folder.ledger.read_bytes()
    out = resume(began, capsys, "--max-epochs", "9", "--dry-run", expect=0)
    assert "horizon: 4 -> 9 epochs, for 1 trial\n" in out
    assert "  00002  setting of 00000  seed=17  optimizer.lr=0.001" in out
    assert "changes nothing" in resume(began, capsys, "--dry-run", expect=0)
    assert "time budget: 1h more" in resume(began, capsys, "--time-budget", "1h", "--dry-run", expect=0)
    assert began.folder.ledger.read_bytes() == before


def test_dry_run_says_what_is_left(began, capsys):
    """Finalists of which none is created yet, and those that are known."""
    finalists = ("--set", "search.finalists={top: 1, seeds: 2}", "--dry-run")
    out = resume(began, capsys, *finalists, expect=0)
    assert "search.finalists: null -> {top: 1, seeds: 2}\n" in out
    assert "continues: 00001 after epoch 2\n" in out
    assert "then trains finalists: 1 best setting, each with 2 fresh seeds" in out
    finish(began)
    out = resume(began, capsys, *finalists, expect=0)
    assert "then trains finalists: 2 trials\n  00002  setting of 00000  seed=" in out


def test_dry_run_of_finished_search_shows_changes(began, capsys):
    finish(began)
    edit(began, "config", "optimizer", "weight_decay", to=0.5)
    out = resume(began, capsys, "--dry-run", expect=0)
    assert "changed: optimizer.weight_decay was 0.01 when the search began, and is 0.5\n" in out
