"""Failures of trials: tried again, of one trial alone, or the end of the search."""

from contextlib import nullcontext

import pytest

from tests.ledgers import read_lines
from tests.search.conductors import kinds, report
from tune_asr.errors import (
    ConfigError,
    DataError,
    InfeasibleError,
    RulerError,
    SettingError,
    StorageError,
    TrialFailedError,
)
from tune_asr.search import messages
from tune_asr.search.deaths import Fault
from tune_asr.search.failures import MAX_REFUSALS, MAX_RETRIES


def test_third_retry_is_the_last(make, folder):
    conductor = make()
    for attempt in range(MAX_RETRIES + 1):
        assert conductor.next_work().number == "00000"
        conductor.receive("00000", messages.Ready(0, [], f"host:{attempt}"))
        conductor.process_ended("00000", "killed")
    assert kinds(folder).count("resumed") == MAX_RETRIES
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
    assert kinds(folder)[-3:] == ["paused", "paused", "failed"]


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
