"""Ends of processes that are not the fault of their setting, with a real ledger and without Ray."""

import pytest

from tests.ledgers import event, read_lines
from tune_asr.config.sections import Config
from tune_asr.errors import ClusterError
from tune_asr.record import new_folder
from tune_asr.record.ledger import Ledger
from tune_asr.record.state import SearchState
from tune_asr.search import messages
from tune_asr.search.conductor import Conductor
from tune_asr.search.deaths import Fault
from tune_asr.search.failures import MAX_RETRIES
from tune_asr.search.keeping import FolderKeeping
from tune_asr.search.search import Search
from tune_asr.space.plan import from_values

LOST, DIED = "its node was lost", "its process died"


@pytest.fixture
def make(tmp_path):
    """Function that makes a conductor of the same folder, as a resume does."""
    folder = new_folder.create(tmp_path / "results")
    space = {"param_space": {"optimizer.lr": {"uniform": [0.001, 0.01]}}, "search": {"num_samples": 3}}

    def make() -> Conductor:
        plan = from_values(space, Config().model_dump(), "test")
        state, ledger = SearchState.read(folder.ledger), Ledger.open(folder.ledger)
        keeping = FolderKeeping(folder, "val_wer")
        return Conductor(Search(folder, plan, "val_wer", {}), ledger, state, lambda event: None, keeping)

    return make


def attempt(conductor, cause=DIED, fault=Fault.DEATH, starts=False):
    """Let the next trial's process end; return its number."""
    number = conductor.next_work().number
    if starts:
        conductor.receive(number, messages.Ready(0, [], "host:1"))
    conductor.process_ended(number, cause, fault)
    return number


def kinds(conductor):
    return [line["event"] for line in read_lines(conductor.folder.ledger)]


def epoch(number):
    return event("report", trial=number, epoch=1, last=False, val_wer=0.5, val_cer=0.5, val_loss=0.5, objective=0.5)


@pytest.mark.parametrize("starts", [False, True])
def test_lost_nodes_end_the_search(make, starts):
    """No trial fails, and the resumed search tries as often again."""
    for _ in range(2):
        conductor = make()
        for _ in range(MAX_RETRIES):
            assert attempt(conductor, LOST, Fault.RAY, starts) == "00000"
        with pytest.raises(ClusterError, match=r"trial 00000 cannot be run .*: its node was lost \(tried 4 times\)"):
            attempt(conductor, LOST, Fault.RAY, starts)
        conductor.pause()
        assert conductor.state.trials["00000"].status in ("pending", "paused")
    assert "failed" not in kinds(conductor)
    assert conductor.state.trials["00000"].retries == 0


def test_epoch_forgets_lost_nodes(make):
    conductor = make()
    for _ in range(MAX_RETRIES):
        attempt(conductor, LOST, Fault.RAY)
    conductor.next_work()
    conductor.receive("00000", messages.Ready(0, [], "host:1"))
    conductor.receive("00000", epoch("00000"))
    conductor.process_ended("00000", LOST, Fault.RAY)
    assert attempt(conductor, LOST, Fault.RAY) == "00000"


def test_deaths_of_two_before_start_end_the_search(make):
    """The first is put off until the second has shown that no process starts."""
    conductor = make()
    tried = []
    with pytest.raises(ClusterError, match=r"trials 00000 and 00001 cannot .*: its process died, before the training"):
        while True:
            tried.append(attempt(conductor))
    assert tried == ["00000"] * (MAX_RETRIES + 1) + ["00001"] * MAX_RETRIES
    assert "failed" not in kinds(conductor)
    again = make()  # the trials have their retries behind them, but a process that starts now is as good as any
    assert attempt(again, starts=True) == "00000"
    assert again.state.trials["00000"].status == "failed"


def test_setting_that_kills_its_process_fails(make):
    """It never begins to train, and the next trial does."""
    conductor = make()
    for _ in range(MAX_RETRIES + 1):
        assert attempt(conductor) == "00000"
    assert conductor.next_work().number == "00001"
    conductor.receive("00001", messages.Ready(0, [], "host:1"))
    assert attempt(conductor) == "00000"
    assert conductor.state.trials["00000"].status == "failed"
    assert conductor.handed_out == ["00001"]


def test_last_trial_that_never_starts_fails(make):
    """There is no other to try."""
    conductor = make()
    for number in ("00000", "00001"):
        conductor.receive(conductor.next_work().number, messages.Ready(0, [], "host:1"))
        conductor.receive(number, messages.NotFinite("nan"))
        conductor.process_ended(number, None)
    while conductor.state.trials.get("00002") is None or conductor.state.trials["00002"].status != "failed":
        assert attempt(conductor) == "00002"
    assert conductor.is_over


def test_setting_that_kills_says_nothing_about_the_next(make):
    """Two such settings beside a trial that runs are no fault of the cluster."""
    conductor = make()
    for _ in range(MAX_RETRIES + 1):
        attempt(conductor)
    conductor.receive(conductor.next_work().number, messages.Ready(0, [], "host:1"))
    assert attempt(conductor) == "00000"
    for _ in range(MAX_RETRIES + 1):
        assert attempt(conductor) == "00002"
    assert [trial.status for trial in conductor.state.trials.values()] == ["failed", "running", "paused"]


def unreached(conductor):
    return attempt(conductor, "reset by peer", Fault.CONTACT, starts=True)


def test_two_processes_out_of_reach_end_the_search(make):
    """The network is at fault, and no trial fails."""
    conductor = make()
    tried = []
    with pytest.raises(ClusterError, match=r"trials 00000 and 00001 cannot be run .*: reset by peer"):
        while True:
            tried.append(unreached(conductor))
    assert tried == ["00000"] * (MAX_RETRIES + 1) + ["00001"] * MAX_RETRIES
    assert "failed" not in kinds(conductor)


def test_process_out_of_reach_fails_alone(make):
    """Another trial, which is reached, has shown that the network is well."""
    conductor = make()
    for _ in range(MAX_RETRIES + 1):
        assert unreached(conductor) == "00000"
    assert unreached(conductor) == "00001"
    conductor.receive(conductor.next_work().number, messages.Ready(0, [], "host:1"))
    conductor.receive("00001", epoch("00001"))
    assert unreached(conductor) == "00000"
    assert conductor.state.trials["00000"].status == "failed"
    assert conductor.handed_out == ["00001"]
