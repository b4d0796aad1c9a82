"""Refusals of `search`: message, exit code, nothing left behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

PROGRAM = Path(__file__).parents[1] / "programs" / "loaded.py"


def refused(workspace, *arguments, code):
    """Run the door; returns its message. Ray must stay unloaded."""
    command = [sys.executable, PROGRAM, "ray", "search", *arguments]
    run = subprocess.run(command, cwd=workspace.root, capture_output=True, text=True, timeout=60)
    *message, ray_was_loaded = run.stderr.splitlines()
    assert run.returncode == code, run.stderr
    assert ray_was_loaded == "False"
    assert message[0].startswith("error: ")
    assert "Traceback" not in run.stderr
    return "\n".join(message)


def manifest(workspace, rows, name="train.jsonl"):
    (workspace.root / name).write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def recordings(workspace):
    """Write twelve good recordings, and a manifest for each split."""
    rows = []
    for i in range(12):
        samples = np.random.default_rng(i).normal(0, 0.1, 12_000).astype(np.float32)
        soundfile.write(workspace.root / f"{i}.wav", samples, 8000)
        rows.append({"audio_filepath": f"{i}.wav", "text": f"word {'abc'[i % 3]}"})
    manifest(workspace, rows[:8])
    manifest(workspace, rows[8:], "val.jsonl")
    data = {"target": "manifest", "train": "train.jsonl", "val": "val.jsonl"}
    workspace.write("config.yaml", {"data": data, "trainer": {"max_epochs": 6}})
    return rows


@pytest.mark.parametrize(
    ("vocab_size", "code", "message"),
    [("4", 2, "is 4, but the training references make at least"), ("60000", 3, "make at most")],
)
def test_impossible_word_pieces(workspace, vocab_size, code, message):
    sets = ("--set", "text.unit=bpe", "--set", f"text.vocab_size={vocab_size}")
    assert message in refused(workspace, "--space", "space.yaml", *sets, code=code)
    assert not (workspace.root / "results").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"search": {"num_sample": 3}}, "Did you mean num_samples?"),
        ({"asha": {"max_t": 99}}, "must be at most the horizon"),
        ({"param_space": {"optimizer.lr": {"loguniform": [0, 1]}}}, "low must be above 0"),
        ({"param_space": {"text.case": {"choice": ["lower"]}}}, "part of the ruler"),
        ({"over": {"optimizer.lr": 0.1}}, "fixed as well"),
    ],
)
def test_wrong_space_names_file_and_line(workspace, change, message):
    workspace.write(
        "space.yaml", {"config": "config.yaml", "param_space": {"optimizer.lr": {"uniform": [0.1, 1]}}} | change
    )
    error = refused(workspace, "--space", "space.yaml", code=2)
    assert message in error
    assert "space.yaml:" in error
    assert not (workspace.root / "results").exists()


def test_empty_address_is_refused(workspace):
    """As of a variable that is not set: the search must not begin here."""
    process = workspace.run("search", "--space", "space.yaml", "--address", "", expect=2)
    assert "--address is empty, but must be HOST:PORT or auto" in process.stderr
    assert not (workspace.root / "results").exists()


@pytest.mark.parametrize("address", ["foo", "local", "127.0.0.1", "head:x", "head:99999"])
@pytest.mark.parametrize("door", [("--space", "space.yaml"), ("--space", "space.yaml", "--dry-run"), ("--resume", ".")])
def test_address_of_another_form_is_refused(workspace, address, door):
    process = workspace.run("search", *door, "--address", address, expect=2)
    what = f"{address}, but must be HOST:PORT of a head, such as 10.0.0.1:6379, or auto\n    Leave --address out: "
    assert f"error: --address is {what}" in process.stderr
    assert not (workspace.root / "results").exists()


def test_mode_that_ray_does_not_know(workspace, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "bogus")
    error = refused(workspace, "--space", "space.yaml", code=2)
    assert "the variable RAY_AUTH_MODE is 'bogus', but must be token or disabled" in error


def test_unwritable_results_are_refused_first(workspace):
    run = workspace.run("search", "--space", "space.yaml", "--results", "/proc/results", expect=5)
    assert "error: /proc/results/space: cannot make the results folder" in run.stderr
    assert run.stdout == ""


def test_fifo_does_not_block(workspace):
    os.mkfifo(workspace.root / "pipe.yaml")
    assert "not a file" in refused(workspace, "--space", "pipe.yaml", code=2)


def test_flags_are_quoted_as_written(workspace):
    error = refused(workspace, "--space", "space.yaml", "--max-epochs", "many", "--set", "model.dim=x", code=2)
    assert error.count("--max-epochs many") == 1
    assert "model.dim" in error


def test_bad_rows_of_both_manifests(workspace, recordings):
    good = recordings[0]
    (workspace.root / "empty.wav").write_bytes(b"")
    (workspace.root / "text.wav").write_text("not audio")
    (workspace.root / "cut.wav").write_bytes((workspace.root / "0.wav").read_bytes()[:5000])
    os.mkfifo(workspace.root / "pipe.wav")
    bad = [good | {"audio_filepath": name} for name in ("gone.wav", "empty.wav", "text.wav", "cut.wav", "pipe.wav")]
    manifest(workspace, [*recordings[:8], *bad, good | {"text": "  "}])
    (workspace.root / "val.jsonl").write_text("{not json\n" + json.dumps(recordings[9]) + "\n")
    error = refused(workspace, "--space", "space.yaml", code=3)
    for line in range(9, 15):
        assert f"train.jsonl:{line}" in error
    assert "val.jsonl:1" in error
    assert not (workspace.root / "results").exists()


def test_too_many_long_transcripts(workspace, recordings):
    manifest(workspace, [row | {"text": "abc" * 60} for row in recordings[:8]])
    assert "Lower model.subsampling" in refused(workspace, "--space", "space.yaml", code=3)


def test_data_fit_finest_searched_subsampling(workspace, recordings):
    manifest(workspace, [row | {"text": "abc" * 15} for row in recordings[:8]])  # 45 characters in 38 output frames
    assert "Lower model.subsampling, which is 4" in refused(workspace, "--space", "space.yaml", code=3)
    workspace.write("finer.yaml", {"config": "config.yaml", "param_space": {"model.subsampling": {"choice": [2, 4]}}})
    printed = workspace.run("search", "--space", "finer.yaml", "--dry-run").stdout
    share = "8 of 8 training transcripts are too long for their frames"
    assert f"\ntrials with model.subsampling 4 will fail: {share}\n" in printed
    assert "subsampling 2 will fail" not in printed


def test_data_fit_finest_subsampling_of_an_encoder(workspace, recordings):
    """Searched for one encoder; the other has the base's."""
    manifest(workspace, [row | {"text": "abc" * 15} for row in recordings[:8]])
    keys = {
        "model.target": {"choice": ["conv_ctc", "bigru_ctc"]},
        "model.subsampling": {"choice": [1, 2], "when": {"model.target": "bigru_ctc"}},
    }
    workspace.write("space.yaml", {"config": "config.yaml", "param_space": keys})
    printed = workspace.run("search", "--space", "space.yaml", "--dry-run").stdout
    assert "trials with model.subsampling 4 will fail" in printed


def test_classes_of_all_targets_checked(workspace, documented):
    """Before the search, each with the keys that it is searched with."""
    documented(workspace.root)
    keys = {
        "model.target": {"choice": ["conv_ctc", "recogniser.Recogniser"]},
        "model.kernel_size": {"choice": [5, 7], "when": {"model.target": "conv_ctc"}},
        "model.width": {"choice": [32, 64], "when": {"model.target": "recogniser.Recogniser"}},
    }
    workspace.write("space.yaml", {"config": "config.yaml", "param_space": keys})
    workspace.run("search", "--space", "space.yaml", "--dry-run")
    keys["model.widht"] = keys.pop("model.width")
    workspace.write("space.yaml", {"config": "config.yaml", "param_space": keys})
    run = workspace.run("search", "--space", "space.yaml", "--dry-run", expect=2)
    assert "model.widht: Recogniser has no such parameter\n    Did you mean width?" in run.stderr


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda root: (root / "results").write_text(""), "not a folder"),
        (
            lambda root: (root / "results" / "space").mkdir(parents=True) or (root / "results/space/mine").touch(),
            "mine",
        ),
    ],
)
def test_foreign_folder_is_refused(workspace, prepare, message):
    prepare(workspace.root)
    error = refused(workspace, "--space", "space.yaml", code=5)
    assert message in error
    assert "--name" in error


def test_taken_folder_precedes_survey(workspace, recordings):
    (workspace.root / "results" / "space").mkdir(parents=True)
    (workspace.root / "results" / "space" / "mine").touch()
    (workspace.root / "0.wav").write_text("not audio")
    assert "it holds mine, but no search" in refused(workspace, "--space", "space.yaml", code=5)


def test_resume_without_search(workspace):
    assert "there is no such folder" in refused(workspace, "--resume", "results/nothing", code=5)
    (workspace.root / "empty").mkdir()
    assert "search.yaml" in refused(workspace, "--resume", "empty", code=5)


def test_resume_takes_no_other_flag(workspace):
    assert "--seed cannot be given" in refused(workspace, "--resume", "results/x", "--seed", "3", code=2)


@pytest.mark.parametrize("name", ["../x", "a/b", "a\x07b", "\u200d", "x\u202ey", " "])
def test_name_must_be_plain(workspace, name):
    assert "plain folder name" in refused(workspace, "--space", "space.yaml", "--name", name, code=2)


@pytest.mark.parametrize("name", ["x" * 256, "语" * 86])
def test_name_must_be_short(workspace, name):
    error = refused(workspace, "--space", "space.yaml", "--name", name, code=2)
    assert f"with {len(name.encode())} bytes, but a folder's name has 255 bytes at most" in error


def test_dry_run_needs_writable_results(workspace):
    run = workspace.run("search", "--space", "space.yaml", "--dry-run", "--results", "/proc/x", expect=5)
    assert "/proc/x/space: cannot make the results folder" in run.stderr


def test_dry_run_remarks_on_the_base(workspace):
    space = {
        "config": "config.yaml",
        "param_space": {"optimizer.lr": {"uniform": [0.1, 0.2]}},
        "search": {"num_samples": 1},
    }
    workspace.write("space.yaml", space)
    out = workspace.run("search", "--space", "space.yaml", "--dry-run").stdout
    assert "\n1 trial; the first of them:\n" in out
    assert "search.num_samples is 1: the base configuration is the only trial" in out
    assert "the base has optimizer.lr 0.003, outside uniform [0.1, 0.2]: trial 00000 is trained with it" in out


def test_each_value_of_a_list_is_told(workspace):
    space = {"config": "config.yaml", "param_space": {"model.dropout": {"choice": [0.1, 2.0, -1, "x"]}}}
    workspace.write("space.yaml", space)
    error = refused(workspace, "--space", "space.yaml", code=2)
    for value in ("is 2.0, but must be below 1", "is -1, but must be 0 or more", "is 'x', but must be a number"):
        assert value in error


def test_dry_run_starts_nothing(workspace):
    run = workspace.run("search", "--space", "space.yaml", "--dry-run")
    assert "warning: validation is short, 32 words in 16 utterances: settings closer than" in run.stdout
    assert "5 trials; the first of them:" in run.stdout
    assert "00004" in run.stdout
    assert "max_t" in run.stdout
    assert not (workspace.root / "results").exists()
    assert "no pruning" not in run.stdout
    assert run.stderr == ""


def test_dry_run_warns(workspace):
    root = workspace.root / "results" / "space"
    root.mkdir(parents=True)
    (root / "search.yaml").touch()
    (workspace.root / "config.yaml").rename(workspace.root / "low.yaml")
    workspace.write("config.yaml", {"base": "low.yaml"})
    run = workspace.run("search", "--space", "space.yaml", "--dry-run", "--max-epochs", "2")
    assert run.returncode == 0
    assert run.stdout.startswith("configuration: config.yaml -> low.yaml\n")
    assert "\n  base:" not in run.stdout
    assert run.stdout.endswith("no pruning: a trial ends after 2 epochs, and asha.grace_period is 2\n")
    assert "warning: the search would be refused: results/space: the folder holds a search already" in run.stderr


@pytest.mark.parametrize("results", ["config.yaml", "/dev/null"])
def test_dry_run_refuses_a_file_for_results(workspace, results):
    run = workspace.run("search", "--space", "space.yaml", "--dry-run", "--results", results, expect=5)
    assert (run.stdout, f"{results}/space: cannot be made: {results} is not a folder" in run.stderr) == ("", True)


def test_resume_hint_omits_results(workspace):
    root = workspace.root / "results" / "space"
    root.mkdir(parents=True)
    (root / ".lock").symlink_to("nowhere/.lock")  # so it cannot be locked
    for name in ("search.yaml", "trials.jsonl"):
        (root / name).touch()
    message = refused(workspace, "--resume", "results/space", code=5)
    assert "cannot lock the results folder" in message
    assert "copy the folder to another disk and resume it there." in message
    assert "--results" not in message


@pytest.mark.parametrize("text", ["90", "1h30", "-5m", "0s"])
def test_time_budget_must_be_a_duration(workspace, text):
    rule = "must be a duration above 0 such as 90s, 10m, 1h30m or 2d"
    assert rule in refused(workspace, "--space", "space.yaml", f"--time-budget={text}", code=2)
    assert rule in refused(workspace, "--resume", "results/x", f"--time-budget={text}", code=2)


def test_time_needs_a_dry_run(workspace):
    assert "--time is given without --dry-run" in refused(workspace, "--space", "space.yaml", "--time", code=2)
