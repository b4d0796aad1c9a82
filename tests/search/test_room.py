"""Trials on GPUs that ran out of memory or failed, with a real ledger and without Ray."""

import pytest

from tests.ledgers import read_lines
from tests.search.test_deaths import attempt, kinds, make
from tune_asr.errors import ClusterError, SettingError
from tune_asr.search import messages
from tune_asr.search.deaths import Fault
from tune_asr.search.failures import MAX_RETRIES

__all__ = ["make"]
LOST = "the GPU failed: CUDA error: unspecified launch failure"
FULL = "a batch does not fit in memory (CUDA out of memory), beside other trials on its GPU"


def squeezed(conductor, gpus):
    """Let the next trial run out of memory; return its number."""
    number = conductor.next_work().number
    conductor.receive(number, messages.Ready(0, [], "host:1"))
    assert conductor.receive(number, messages.NeedsRoom(FULL, gpus)) == "stop"
    conductor.process_ended(number, "")
    return number


def test_squeezed_trial_gets_room(make):
    """It is tried at once, its neighbour stays, and no death counts."""
    conductor = make()
    neighbour = conductor.next_work().number
    conductor.receive(neighbour, messages.Ready(0, [], "host:0"))
    assert [squeezed(conductor, gpus) for gpus in (0.25, 0.5, 1.0)] == ["00001"] * 3
    assert conductor.rooms == {"00001": 1.0}
    assert conductor.handed_out == [neighbour]
    assert conductor.next_work().number == "00001"
    trial = conductor.state.trials["00001"]
    assert (trial.status, trial.retries, trial.deaths) == ("paused", 0, [])
    last = read_lines(conductor.folder.ledger)[-1]
    assert (last["event"], last["cause"], last.get("retry")) == ("paused", FULL, None)


def test_squeezed_trial_survives_its_driver(make):
    first = make()
    number = first.next_work().number
    first.receive(number, messages.Ready(0, [], "host:1"))
    first.receive(number, messages.NeedsRoom(FULL, 0.5))
    assert make().next_work().number == number


def test_squeezed_trial_is_taken_back(make):
    """Tune is started anew between the word of a worker and its end."""
    conductor = make()
    number = conductor.next_work().number
    conductor.receive(number, messages.NeedsRoom(FULL, 0.5))
    conductor.take_back(number)
    assert conductor.next_work().number == number
    conductor.process_ended(number, "killed")
    assert conductor.state.trials[number].retries == 1


def test_trial_alone_on_its_gpu_fails(make):
    """Its setting is to blame: nobody else used the GPU."""
    conductor = make()
    number = conductor.next_work().number
    conductor.receive(number, messages.Failed.of(SettingError("a batch does not fit in memory")))
    last = read_lines(conductor.folder.ledger)[-1]
    assert (last["event"], last["trial"], last["of_setting"]) == ("failed", number, True)


def test_lost_gpu_is_retried(make):
    conductor = make()
    for _ in range(MAX_RETRIES):
        assert attempt(conductor, LOST, Fault.CARD, starts=True) == "00000"
    assert kinds(conductor).count("paused") == MAX_RETRIES


def test_lost_gpus_end_the_search(make):
    """Two trials in a row: no setting is to blame, and none is called failed."""
    conductor, tried = make(), []
    message = r"trials 00000 and 00001 .*: the GPU failed: CUDA .*\n    Look at the GPU \("
    with pytest.raises(ClusterError, match=message):
        while True:
            tried.append(attempt(conductor, LOST, Fault.CARD, starts=True))
    assert set(tried) == {"00000", "00001"}
    assert "failed" not in kinds(conductor)
