"""Search with real Ray, real processes and real files."""

import csv
import json
import math

import torch


def test_each_epoch_is_reported_once(finished):
    """Each trial ends."""
    events = finished.ledger()
    created = [event["trial"] for event in events if event["event"] == "created"]
    assert created == [f"{n:05d}" for n in range(5)]
    for trial in created:
        epochs = [event["epoch"] for event in events if event["event"] == "report" and event["trial"] == trial]
        assert epochs == list(range(1, len(epochs) + 1))
        ends = [event["event"] for event in events if event.get("trial") == trial][-1]
        assert ends == ("finished" if len(epochs) == 6 else "pruned")


def test_objective_follows_reported_metrics(finished):
    for event in finished.ledger():
        if event["event"] == "report":
            wer, cer, loss = event["val_wer"], event["val_cer"], event["val_loss"]
            expected = min(wer, 1) + 1e-2 * min(cer, 1) + 1e-4 * loss / (1 + loss)
            assert math.isclose(event["objective"], expected, rel_tol=1e-12)
            assert wer == (event["substitutions"] + event["deletions"] + event["insertions"]) / event["words"]


def test_reports_have_blank_and_empty_shares(finished):
    """Compared with the hypotheses beside kept checkpoints."""
    shares = {}
    for event in finished.ledger():
        if event["event"] == "report":
            assert 0 <= event["val_blank_share"] <= 1
            shares[event["checkpoint"]] = event["val_empty_share"]
    root = finished.root / "results" / "space"
    kept = [root / path for path in shares if (root / path).exists()]
    assert kept
    for path in kept:
        rows = [json.loads(line) for line in path.with_name("utterances.jsonl").read_text().splitlines()]
        empty = sum(not row["hypothesis"].split() for row in rows)
        assert shares[str(path.relative_to(root))] == empty / len(rows)


def test_one_process_trains_all_trials(finished):
    assert len({event["process"] for event in finished.ledger() if event["event"] == "started"}) == 1


def test_winner_has_lowest_wer(finished):
    root = finished.root / "results" / "space"
    best = json.loads((root / "summary.json").read_text())["best"]
    reports = [event for event in finished.ledger() if event["event"] == "report"]
    lowest = min(reports, key=lambda r: (r["val_wer"], r["val_cer"], r["val_loss"], r["trial"], r["epoch"]))
    assert (best["trial"], best["epoch"]) == (lowest["trial"], lowest["epoch"])
    with (root / "leaderboard.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["trial"] == best["trial"]
    assert float(rows[0]["val_wer"]) == best["val_wer"]
    commands = [line.removeprefix("next:").strip() for line in finished.stdout.splitlines()[-3:]]
    assert commands == [
        "python -m tune_asr.report results/space",
        "python -m tune_asr.train --config results/space/best.yaml",
        "python -m tune_asr.export results/space",
    ]


def test_best_yaml_trains_same_weights(finished):
    root = finished.root / "results" / "space"
    run = finished.run("train", "--config", "results/space/best.yaml")
    again = json.loads(run.stdout.splitlines()[-1])
    best = json.loads((root / "summary.json").read_text())["best"]
    assert {k: again[k] for k in ("epoch", "val_wer", "val_cer", "val_loss")} == {
        k: best[k] for k in ("epoch", "val_wer", "val_cer", "val_loss")
    }
    ours, theirs = (
        torch.load(path, weights_only=True)["state_dict"]
        for path in (root / "best.ckpt", finished.root / again["checkpoint"])
    )
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_resuming_a_finished_search_changes_nothing(finished):
    root = finished.root / "results" / "space"
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and path.name != ".lock"}
    assert "is finished" in finished.run("search", "--resume", "results/space").stdout
    assert before == {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and path.name != ".lock"}


def test_resume_makes_derived_files_again(finished):
    best = finished.root / "results" / "space" / "best.ckpt"
    before = best.read_bytes()
    best.unlink()
    finished.run("search", "--resume", "results/space")
    assert best.read_bytes() == before


def test_folder_of_search_is_refused(finished):
    run = finished.run("search", "--space", "space.yaml", expect=5)
    assert "--resume results/space" in run.stderr
    assert "--name" in run.stderr


def test_nothing_of_tune_is_left(finished):
    assert not (finished.root / "results" / "space" / ".tune").exists()


def test_each_trial_has_a_tensorboard_run(finished):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    last = {event["trial"]: event for event in finished.ledger() if event["event"] == "report"}
    for trial, report in last.items():
        accumulator = EventAccumulator(str(finished.root / "results" / "space" / "tensorboard" / trial))
        accumulator.Reload()
        values = accumulator.Scalars("val_wer")
        assert len(values) == report["epoch"]
        assert math.isclose(values[-1].value, report["val_wer"], rel_tol=1e-6)
