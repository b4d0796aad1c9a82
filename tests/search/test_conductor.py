"""Conductor without Ray: its answers, and its ledger."""

from contextlib import nullcontext

import pytest

from tests.ledgers import event, read_lines
from tune_asr.config.sections import Config
from tune_asr.errors import (
    ConfigError,
    DataError,
    InfeasibleError,
    RulerError,
    SettingError,
    StorageError,
    TrialFailedError,
)
from tune_asr.record import new_folder
from tune_asr.record.checkpoints import UTTERANCES, epoch_folder, write_checkpoint
from tune_asr.record.ledger import Ledger
from tune_asr.record.state import SearchState
from tune_asr.search import messages
from tune_asr.search.conductor import Conductor
from tune_asr.search.deaths import Fault
from tune_asr.search.failures import MAX_REFUSALS, MAX_RETRIES
from tune_asr.search.keeping import FolderKeeping
from tune_asr.search.search import Search
from tune_asr.space.plan import from_values


@pytest.fixture
def folder(tmp_path):
    return new_folder.create(tmp_path / "results")


@pytest.fixture
def make(folder):
    def make(searched=None, num_samples=3, controls=0, **sections) -> Conductor:
        space = {
            "param_space": searched or {"optimizer.lr": {"uniform": [0.001, 0.01]}},
            "search": {"num_samples": num_samples},
            "asha": {"grace_period": 1, "reduction_factor": 2, "max_t": 4, "controls": controls},
        }
        plan = from_values(space, Config(**sections).model_dump(), "test")
        state, ledger = SearchState.read(folder.ledger), Ledger.open(folder.ledger)
        keeping = FolderKeeping(folder, "val_wer")
        return Conductor(Search(folder, plan, "val_wer", {}), ledger, state, lambda event: None, keeping)

    return make


def report(epoch, objective=0.5, last=False, trial="00000"):
    names = ("val_wer", "val_cer", "val_loss", "objective", "train_seconds", "val_seconds", "seconds")
    values = dict.fromkeys(names, objective) | {"checkpoint": f"epoch_{epoch:03d}"}
    return event("report", trial=trial, epoch=epoch, last=last, **values)


def events(folder):
    return [line["event"] for line in read_lines(folder.ledger)]


def test_ledger_is_written_before_the_answer(make, folder):
    conductor = make()
    first, second = conductor.next_work(), conductor.next_work()
    assert conductor.receive(first.number, messages.Ready(0, [], "host:1")) == "continue"
    assert conductor.receive(second.number, messages.Ready(0, [], "host:2")) == "continue"
    assert conductor.receive(first.number, report(1, 0.5)) == "continue"
    assert conductor.receive(second.number, report(1, 0.6, trial=second.number)) == "stop"
    assert events(folder)[-3:] == ["report", "decision", "pruned"]


def test_work_keeps_its_surroundings_as_text(make):
    work = make().next_work()
    assert messages.Work.from_config(work.to_config()).surroundings == work.surroundings


def test_best_utterances_outlive_their_checkpoint(make, folder):
    """They are copied after the answer."""
    conductor = make()
    work = conductor.next_work()
    kept = folder.utterances(work.number)

    def tell(epoch, objective, last=False):
        where = epoch_folder(folder.checkpoints(work.number), epoch)
        write_checkpoint(where, {UTTERANCES: lambda path: path.write_text(f"of epoch {epoch}")})
        conductor.receive(work.number, report(epoch, objective, last=last))

    tell(1, 0.5)
    assert not kept.exists()
    conductor.catch_up()
    assert kept.read_text() == "of epoch 1"
    tell(2, 0.4)
    tell(3, 0.6)
    assert kept.read_text() == "of epoch 2"
    tell(4, 0.3, last=True)
    assert kept.read_text() == "of epoch 4"


def test_third_retry_is_the_last(make, folder):
    conductor = make()
    for attempt in range(MAX_RETRIES + 1):
        assert conductor.next_work().number == "00000"
        conductor.receive("00000", messages.Ready(0, [], f"host:{attempt}"))
        conductor.process_ended("00000", "killed")
    assert events(folder).count("resumed") == MAX_RETRIES
    assert read_lines(folder.ledger)[-1]["event"] == "failed"
    assert conductor.next_work().number == "00001"


def test_retries_count_across_drivers(make, folder):
    for attempt in range(MAX_RETRIES):
        conductor = make()
        conductor.next_work()
        conductor.receive("00000", messages.Ready(0, [], f"host:{attempt}"))
        conductor.process_ended("00000", "killed")
    conductor = make()
    conductor.next_work()
    conductor.process_ended("00000", "killed")
    assert conductor.state.trials["00000"].status == "failed"


def test_epoch_resets_the_retries(make, folder):
    conductor = make()
    for epoch in (1, 2):
        for attempt in range(MAX_RETRIES):
            conductor.next_work()
            conductor.receive("00000", messages.Ready(epoch - 1, [], f"host:{attempt}"))
            if not attempt:
                conductor.receive("00000", report(epoch))
            conductor.process_ended("00000", "preempted")
    trial = conductor.state.trials["00000"]
    assert (trial.status, trial.retries) == ("paused", 2 * MAX_RETRIES)
    retries = [line["retry"] for line in read_lines(folder.ledger) if line["event"] == "paused"]
    assert retries == [1, 2, 3, 1, 2, 3]


def test_same_exception_is_retried_once(make, folder):
    conductor = make()
    for cause in ("OSError: stale file handle", "NameError: los", "NameError: los"):
        assert conductor.next_work().number == "00000"
        conductor.process_ended("00000", cause, Fault.EXCEPTION)
    assert read_lines(folder.ledger)[-1]["cause"] == "NameError: los (tried 3 times)"
    assert events(folder)[-3:] == ["paused", "paused", "failed"]


@pytest.mark.parametrize(("fault", "most"), [(Fault.EXCEPTION, 2), (Fault.DEATH, MAX_REFUSALS)])
@pytest.mark.parametrize("one_has_trained", [False, True])
def test_search_ends_if_no_trial_trains(make, fault, most, one_has_trained):
    conductor = make(num_samples=MAX_REFUSALS + 3)
    if one_has_trained:
        conductor.next_work()
        conductor.receive("00000", report(1, last=True))
        conductor.process_ended("00000", None)
    refused = "no trial has come to an epoch; trial 0000. has failed as others have: it ended .tried . times."
    with nullcontext() if one_has_trained else pytest.raises(TrialFailedError, match=refused):
        while work := conductor.next_work():
            conductor.receive(work.number, messages.Ready(0, [], "host:1"))
            conductor.process_ended(work.number, "it ended", fault)
    assert conductor.state.counts()["failed"] == (MAX_REFUSALS + 2 if one_has_trained else most)
    assert conductor.is_over is one_has_trained


def test_repeated_epoch_counts_once(make, folder):
    conductor = make()
    conductor.next_work()
    conductor.receive("00000", messages.Ready(0, [], "host:1"))
    conductor.receive("00000", report(1))
    conductor.receive("00000", report(2))
    again = make()
    again.next_work()
    again.receive("00000", messages.Ready(0, ["epoch_002: removed"], "host:2"))
    assert again.receive("00000", report(1)) == "continue"
    assert again.receive("00000", report(2)) == "continue"
    assert events(folder).count("report") == 2
    assert again.receive("00000", report(3)) == "continue"


@pytest.mark.parametrize("cut", [1, 2])
def test_resume_appends_lost_verdicts(make, folder, cut):
    conductor = make()
    for number in ("00000", "00001"):
        conductor.next_work()
        conductor.receive(number, messages.Ready(0, [], "host:1"))
    conductor.receive("00000", report(1, 0.5))
    conductor.receive("00001", report(1, 0.6, trial="00001"))
    whole = read_lines(folder.ledger)
    lines = folder.ledger.read_bytes().splitlines(keepends=True)
    folder.ledger.write_bytes(b"".join(lines[:-cut]))
    make()
    strip = [{k: v for k, v in line.items() if k != "time"} for line in read_lines(folder.ledger)]
    assert strip == [{k: v for k, v in line.items() if k != "time"} for line in whole]


def saved(folder, number, *epochs):
    """Write checkpoints like a worker; return all epochs on disk."""
    where = folder.checkpoints(number)
    for epoch in epochs:
        write_checkpoint(epoch_folder(where, epoch), {UTTERANCES: lambda path: path.write_text("")})
    return sorted(int(path.name.removeprefix("epoch_")) for path in where.iterdir())


def test_resume_ends_a_finished_trial(make, folder):
    """Its checkpoints are pruned, too."""
    conductor = make()
    conductor.next_work()
    conductor.receive("00000", messages.Ready(0, [], "host:1"))
    for epoch in (1, 2, 3, 4):
        saved(folder, "00000", epoch)
        conductor.receive("00000", report(epoch, 0.5 - epoch / 10, last=epoch == 4))
    saved(folder, "00000", 3)
    lines = folder.ledger.read_bytes().splitlines(keepends=True)
    folder.ledger.write_bytes(b"".join(lines[:-1]))
    assert make().state.trials["00000"].status == "finished"
    assert saved(folder, "00000") == [4]


def test_repeated_epochs_are_pruned_too(make, folder):
    conductor = make()
    conductor.next_work()
    conductor.receive("00000", messages.Ready(0, [], "host:1"))
    for epoch in (1, 2, 3, 4):
        conductor.receive("00000", report(epoch, epoch / 10))
    again = make()
    again.next_work()
    again.receive("00000", messages.Ready(0, ["removed"] * 4, "host:2"))
    for epoch, left in ((1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (4, [1, 3, 4])):
        saved(folder, "00000", epoch)
        again.receive("00000", report(epoch, epoch / 10))
        assert saved(folder, "00000") == left


def test_diverged_trial_is_not_retried(make, folder):
    conductor = make()
    conductor.next_work()
    conductor.receive("00000", messages.Ready(0, [], "host:1"))
    assert conductor.receive("00000", messages.NotFinite("training loss nan")) == "stop"
    conductor.process_ended("00000", None)
    assert conductor.next_work().number == "00001"


def test_infeasible_data_fail_one_trial(make, folder):
    conductor = make()
    conductor.next_work()
    assert conductor.receive("00000", messages.Failed.of(InfeasibleError("too long for their frames"))) == "stop"
    assert read_lines(folder.ledger)[-1]["cause"] == "too long for their frames"


@pytest.mark.parametrize(("key", "ends"), [("features.num_mel_bins", False), ("optimizer.lr", True)])
def test_unusable_data_end_the_search(make, key, ends):
    """Unless a drawn value made them unusable."""
    conductor = make({key: {"choice": [40, 30]}})
    conductor.next_work()
    with pytest.raises(DataError, match="is gone") if ends else nullcontext():
        assert conductor.receive("00000", messages.Failed.of(DataError("its recording is gone"))) == "stop"
    assert conductor.state.trials["00000"].status == ("pending" if ends else "failed")


def test_custom_class_may_end_its_training(make, folder):
    conductor = make()
    conductor.next_work()
    conductor.receive("00000", messages.Ready(0, [], "host:1"))
    conductor.receive("00000", report(1))
    assert conductor.receive("00000", messages.CutShort()) == "stop"
    conductor.process_ended("00000", None)
    assert events(folder)[-1] == "finished"


@pytest.mark.parametrize(
    ("key", "distribution", "ends"),
    [("model.width", {"uniform": [0.001, 0.01]}, False), ("seed", {"randint": [1, 9]}, True)],
)
def test_refused_arguments_end_the_search(make, key, distribution, ends):
    """Unless they are drawn."""
    conductor = make({key: distribution}, model={"target": "own.Model", "width": 0.002})
    conductor.next_work()
    told = messages.Failed.of(SettingError("model.target: Model cannot be built: ValueError: too wide"))
    with pytest.raises(ConfigError, match="too wide") if ends else nullcontext():
        assert conductor.receive("00000", told) == "stop"
    trial = conductor.state.trials["00000"]
    assert (trial.status, "too wide" in str(trial.cause)) == (("pending", False) if ends else ("failed", True))


@pytest.mark.parametrize("has_started", [False, True])
def test_repeated_refusals_end_the_search(make, has_started):
    conductor = make({"model.width": {"uniform": [0.001, 0.01]}}, 9, model={"target": "own.Model", "width": 0.002})
    told = messages.Failed.of(SettingError("model.target: Model cannot be built"))
    with pytest.raises(ConfigError, match="cannot be built"):
        for _ in range(MAX_REFUSALS):
            number = conductor.next_work().number
            if has_started:
                conductor.receive(number, messages.Ready(0, [], "host:1"))
            conductor.receive(number, told)
            conductor.process_ended(number, None)
    assert conductor.state.counts()["failed"] == MAX_REFUSALS - 1


@pytest.mark.parametrize("fault", [Fault.EXCEPTION, Fault.DEATH])
def test_running_first_epoch_keeps_search_going(make, fault):
    conductor = make(num_samples=MAX_REFUSALS + 3)
    conductor.receive(conductor.next_work().number, messages.Ready(0, [], "host:1"))
    while work := conductor.next_work():
        conductor.receive(work.number, messages.Ready(0, [], "host:2"))
        conductor.process_ended(work.number, "it ended", fault)
    assert conductor.state.counts()["failed"] == MAX_REFUSALS + 2
    assert conductor.handed_out == ["00000"]


@pytest.mark.parametrize(
    "error",
    [StorageError("no space left"), RulerError("other validation data"), ConfigError("it logs no WER")],
)
def test_common_failure_ends_search_not_trial(make, error):
    conductor = make()
    conductor.next_work()
    with pytest.raises(type(error), match=str(error)):
        conductor.receive("00000", messages.Failed.of(error))
    assert conductor.state.trials["00000"].status == "pending"


def test_search_is_over_after_all_trials(make):
    conductor = make()
    for _ in range(3):
        work = conductor.next_work()
        conductor.receive(work.number, messages.Ready(0, [], "host:1"))
        conductor.receive(work.number, messages.NotFinite("nan"))
        conductor.process_ended(work.number, None)
    assert conductor.is_over
    assert conductor.next_work() is None


def test_control_survives_a_kill(make, folder):
    """It is marked, trained on, and judged no more."""

    def conduct(epoch, *trials, last=False):
        conductor = make(controls=1)
        for number, value in trials:
            while number not in conductor.state.trials:
                conductor.next_work()
            if not conductor.state.trials[number].reports:
                conductor.receive(number, messages.Ready(0, [], "host:1"))
            conductor.receive(number, report(epoch, value, last=last, trial=number))
        return conductor

    conduct(1, ("00000", 0.5), ("00001", 0.6), ("00002", 0.7))
    lines = folder.ledger.read_bytes().splitlines(keepends=True)
    cut = next(k for k, line in enumerate(lines) if b'"control": true' in line)
    folder.ledger.write_bytes(b"".join(lines[:cut]))  # the crash took the decision that made it a control
    conduct(2, ("00001", 0.6))
    trials = conduct(1, ("00002", 0.7)).state.trials
    assert {number: (trial.status, trial.is_control) for number, trial in trials.items()} == {
        "00000": ("running", False),
        "00001": ("running", True),
        "00002": ("pruned", False),
    }
    # Whoever comes to the second rung after it is judged as if it had been pruned.
    trials = conduct(2, ("00000", 0.9)).state.trials
    assert [(d.epoch, d.verdict) for d in trials["00000"].decisions] == [(1, "continue"), (2, "continue")]
    assert [(d.epoch, d.verdict) for d in trials["00001"].decisions] == [(1, "continue")]
