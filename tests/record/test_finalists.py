"""Finalists: the lowest mean over the seeds of the last round wins."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.ledgers import event
from tune_asr.record.conclusion import against, finalist_lines, stop_line
from tune_asr.record.finalists import finalists, last_round, ranked
from tune_asr.record.intact import intact_standings
from tune_asr.record.ranking import leader
from tune_asr.record.snapshots import write_snapshots
from tune_asr.record.state import SearchState

CONFIG = {"seed": 1, "trainer": {"max_epochs": 4}, "early_stopping": {"patience": None}}


def train(search, *errors, of=None, end="finished", params=None):
    """Train a trial for an epoch, after which utterance i has `errors[i]` wrong words of ten."""
    number = f"{len(search.state.trials):05d}"
    fields = {"params": params or {"optimizer.lr": float(int(of or number))}, "seed": int(number)}
    search.log("created", trial=number, finalist_of=of, **fields)
    search.log("started", trial=number)
    if errors:
        search.epoch(number, errors)
    if end:
        search.log(end, trial=number)
    return number


def order(state, **options):
    return [trial.number for trial, _ in ranked(state, "val_wer", **options)]


@pytest.fixture
def decided(search):
    """Search whose first trial was lucky: the second setting has the lower mean."""
    search.start()
    train(search, 1, 1)
    train(search, 2, 2)
    train(search, 9, 9)
    for first, second in (((4, 4), (3, 3)), ((2, 2), (2, 3)), ((5, 5), (3, 2))):
        train(search, *first, of="00000")
        train(search, *second, of="00001")
    return search


def test_lowest_mean_wins(decided):
    found = finalists(decided.state, "val_wer")
    assert [finalist.of for finalist in found] == ["00001", "00000"]
    assert [finalist.mean for finalist in found] == pytest.approx([(0.3 + 0.25 + 0.25) / 3, (0.4 + 0.2 + 0.5) / 3])
    assert found[0].spread == pytest.approx(0.0288675, abs=1e-6)
    assert order(decided.state) == ["00006", "00008", "00004", "00005", "00003", "00007", "00000", "00001", "00002"]


def test_round_counts_once_it_has_ended(decided):
    state = SearchState.read(decided.folder.ledger)
    state.trials["00008"].status = "paused"
    assert finalists(state, "val_wer") == []
    assert order(state)[:3] == ["00000", "00001", "00002"]
    (line,) = finalist_lines(decided.folder, state, "val_wer")
    assert line == "Finalists: 5 of 6 trainings have ended. Until all have, they choose no winner."


def test_later_trials_end_a_round(decided):
    train(decided, 8, 8)
    assert last_round(decided.state) == []
    assert order(decided.state)[:4] == ["00000", "00001", "00009", "00002"]
    train(decided, 7, 7, of="00009")
    train(decided, 3, 3, of="00001")
    assert [finalist.of for finalist in finalists(decided.state, "val_wer")] == ["00001", "00009"]
    assert order(decided.state)[:4] == ["00011", "00010", "00000", "00001"]


def test_longer_repetitions_end_no_round(decided):
    """With finalists the lowest mean wins, also over trainings with a longer horizon."""
    decided.log("plan", trials=1, horizon=8, slots=1, cause="max_epochs")
    params = {"optimizer.lr": 0.0}
    decided.log("created", trial="00009", params=params, seed=9, continues_setting_of="00000")
    decided.log("started", trial="00009")
    decided.epoch("00009", (0, 1))
    decided.log("finished", trial="00009")
    assert [finalist.of for finalist in finalists(decided.state, "val_wer")] == ["00001", "00000"]
    assert order(decided.state)[:7] == ["00006", "00008", "00004", "00005", "00003", "00007", "00009"]


def test_pruned_finalists_are_of_no_round(decided):
    train(decided, 4, 4, of="00000", end=None)
    decided.log("pruned", trial="00009", cause="more trials")
    assert [trial.number for trial in last_round(decided.state)] == [f"{number:05d}" for number in range(3, 9)]


@pytest.mark.parametrize(("end", "errors"), [("diverged", (1, 1)), ("failed", ())])
def test_setting_with_a_lost_seed_comes_later(search, end, errors):
    for wrong in (1, 2):
        train(search, wrong, wrong)
    train(search, 1, 1, of="00000")
    train(search, 5, 5, of="00001")
    train(search, *errors, of="00000", end=end)
    train(search, 5, 5, of="00001")
    assert [finalist.of for finalist in finalists(search.state, "val_wer")] == ["00001", "00000"]
    assert any("(1 without a result)" in line for line in finalist_lines(search.folder, search.state, "val_wer"))


def test_winner_is_the_best_seed(decided):
    write_snapshots(decided.folder, decided.state, status="finished", metric="val_wer", config=CONFIG)
    best = json.loads(decided.folder.summary.read_text())["best"]
    assert (best["trial"], best["params"]) == ("00006", {"optimizer.lr": 1.0})
    assert decided.folder.best_ckpt.read_text() == "weights of 00006 at 1"
    config = yaml.safe_load(decided.folder.best_yaml.read_text())
    assert (config["seed"], config["optimizer"]["lr"]) == (6, 1.0)


def test_damaged_winner_leaves_its_setting_first(decided):
    checkpoint = decided.folder.checkpoints("00006") / "epoch_001" / "checkpoint.ckpt"
    checkpoint.write_text("damaged")
    found, passed_over = intact_standings(decided.folder, decided.state, "val_wer")
    assert leader(found)[0].number == "00008"
    assert [damaged.trial for damaged in passed_over] == ["00006"]
    only, _ = intact_standings(decided.folder, decided.state, "val_wer", only="00003")
    assert leader(only)[0].number == "00003"


def test_lines_tell_how_sure(decided):
    lines = list(finalist_lines(decided.folder, decided.state, "val_wer"))
    assert lines[0].startswith("Finalists: 2 settings, each trained again with 3 fresh seeds; the lowest mean WER")
    assert lines[2].split() == ["00001", "26.7", "2.9", "25.0", "30.0", "20.0", "00004", "00006", "00008"]
    assert lines[3].split() == ["00000", "36.7", "15.3", "20.0", "50.0", "10.0", "00003", "00005", "00007"]
    assert lines[4].startswith("The setting of 00001 and that of 00000 cannot be told apart: the difference of")
    first, second = finalists(decided.state, "val_wer")
    difference = against(decided.folder, "val_wer", first, second)
    assert f"{100 * difference.low:+.1f} to {100 * difference.high:+.1f} points" in lines[4]


def test_clear_winner_is_said_to_win(search):
    for wrong in (5, 5):
        train(search, *[wrong] * 20)
    for change in range(3):
        train(search, *[1 + (i + change) % 2 for i in range(20)], of="00000")
        train(search, *[8 + (i + change) % 2 for i in range(20)], of="00001")
    *_, line = finalist_lines(search.folder, search.state, "val_wer")
    assert line.startswith("The setting of 00000 beats that of 00001: its mean WER is ")
    assert line.endswith("points lower (95 %, over seeds and utterances).")


def test_single_seed_shows_no_spread(search):
    for wrong in (5, 5):
        train(search, wrong, wrong)
    train(search, 1, 1, of="00000")
    train(search, 8, 9, of="00001")
    *_, line = finalist_lines(search.folder, search.state, "val_wer")
    assert line.startswith("Whether the setting of 00000 beats that of 00001 is not known: a single seed")


def test_equal_seeds_tie(search):
    for _ in range(2):
        train(search, 5, 5)
    for of in ("00000", "00001") * 2:
        train(search, 5, 5, of=of)
    *_, line = finalist_lines(search.folder, search.state, "val_wer")
    assert line == "The setting of 00000 and that of 00001 tie: each of their trainings has the same WER."


def test_folder_without_finalists_is_silent(search):
    train(search, 1, 1)
    assert not stop_line(search.state, "val_wer")
    assert list(finalist_lines(search.folder, search.state, "val_wer")) == []


@pytest.mark.parametrize(
    ("delta", "end"),
    [
        (0.012, "by less than 1.2 points, which this validation set cannot show."),
        (0.063, "by less than 3 points. This validation set shows no difference below 6.3 points."),
    ],
)
def test_stop_is_told_with_its_reason(search, delta, end):
    search.log("plan", trials=64, horizon=4, slots=1, cause="start")
    train(search, 1, 1)
    search.log("stopped", best=0.1, delta=delta)
    line = stop_line(search.state, "val_wer")
    assert line.startswith("Stopped after 1 of 64 trials (search.stop): the last two waves lowered the best WER, now ")
    assert line.endswith(end)


def test_larger_plan_ends_a_stop():
    state = SearchState()
    for kind, fields in (
        ("plan", {"trials": 48, "cause": "start"}),
        ("wave", {"wave": 1, "trials": 16}),
        ("wave", {"wave": 2, "trials": 32}),
        ("wave", {"wave": 3, "trials": 48}),
        ("stopped", {"best": 0.5, "delta": 0.1}),
        ("plan", {"trials": 48, "cause": "slots"}),
    ):
        extent = {"horizon": 4, "slots": 1} if kind == "plan" else {}
        state.apply(event(kind, **fields, **extent))
    assert (state.stopped is not None, state.stages.now.first_counted) == (True, 1)
    state.apply(event("plan", trials=64, horizon=4, slots=1, cause="trials"))
    assert (state.stopped, state.stages.now.first_counted) == (None, 3)
