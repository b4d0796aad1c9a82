"""Flags of a resume, and its dry run; nothing is trained."""

from __future__ import annotations

import pytest

from tune_asr.search import __main__ as door


def test_fewer_trials_than_created_are_refused(interrupted):
    error = interrupted.resume("--num-samples", "1")
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
def test_wrong_flags_are_refused(interrupted, flags, text):
    assert text in interrupted.resume(*flags)


@pytest.mark.parametrize("epochs", ["3", "4"])
def test_horizon_must_be_longer(interrupted, epochs):
    interrupted.finish()
    error = interrupted.resume("--max-epochs", epochs)
    assert error == (
        f"error: --max-epochs {epochs}: is {epochs}, but must be above the horizon so far, which is 4\n"
        "    Give more epochs.\n"
    )


def test_accept_needs_a_resume(capsys):
    assert door.main(["--space", "lr.yaml", "--accept", "versions"]) == 2
    assert "--accept can only be given with --resume" in capsys.readouterr().err


def test_folder_in_copy_of_a_job_is_refused(interrupted, capsys, tmp_path, monkeypatch):
    """Ray removes the copy after the job, and what the resumed search wrote there."""
    copy = tmp_path / "runtime_resources" / "working_dir_files" / "_ray_pkg_01"
    copy.mkdir(parents=True)
    interrupted.folder.root.rename(copy / "lr")
    monkeypatch.chdir(copy)
    assert door.main(["--resume", "lr"]) == 2
    assert "--resume: lr lies in Ray's copy of the working directory" in capsys.readouterr().err


@pytest.mark.parametrize("key", ["trainer.cuda_graphs", "trainer.corpus_on_device"])
def test_keys_of_the_machine_change_freely(interrupted, key):
    assert "continues: 00001" in interrupted.resume("--set", f"{key}=auto", "--dry-run", expect=0)


def test_given_keys_last(interrupted):
    interrupted.log("search_started", slots=1, set={"search.max_concurrent": 1})
    out = interrupted.resume("--set", "search.max_concurrent=2", "--num-samples", "4", "--dry-run", expect=0)
    assert "search.max_concurrent: 1 -> 2" in out
    assert "trials: 2 -> 4, of 4 epochs at most" in out
    assert "creates: 2 trials" in out


def test_dry_run_names_the_settings_to_repeat(interrupted):
    interrupted.finish()
    before = interrupted.folder.ledger.read_bytes()
    out = interrupted.resume("--max-epochs", "9", "--dry-run", expect=0)
    assert "horizon: 4 -> 9 epochs, for 1 trial\n" in out
    assert "  00002  setting of 00000  seed=17  optimizer.lr=0.001" in out
    assert "changes nothing" in interrupted.resume("--dry-run", expect=0)
    assert "time budget: 1h more" in interrupted.resume("--time-budget", "1h", "--dry-run", expect=0)
    assert interrupted.folder.ledger.read_bytes() == before


def test_dry_run_says_what_is_left(interrupted):
    """Finalists of which none is created yet, and those that are known."""
    finalists = ("--set", "search.finalists={top: 1, seeds: 2}", "--dry-run")
    out = interrupted.resume(*finalists, expect=0)
    assert "search.finalists: null -> {top: 1, seeds: 2}\n" in out
    assert "continues: 00001 after epoch 2\n" in out
    assert "then trains finalists: 1 best setting, each with 2 fresh seeds" in out
    interrupted.finish()
    out = interrupted.resume(*finalists, expect=0)
    assert "then trains finalists: 2 trials\n  00002  setting of 00000  seed=" in out


def test_dry_run_of_finished_search_shows_changes(interrupted):
    interrupted.finish()
    interrupted.edit("config", "optimizer", "weight_decay", to=0.5)
    out = interrupted.resume("--dry-run", expect=0)
    assert "changed: optimizer.weight_decay was 0.01 when the search began, and is 0.5\n" in out
