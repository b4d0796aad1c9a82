"""Machines of a search on a cluster, in its report."""

from tests.ledgers import event
from tune_asr.record.state import SearchState
from tune_asr.report.machines import machine_lines


def state(*processes: tuple[str, str]) -> SearchState:
    """Make a state with starts of trials in processes."""
    state = SearchState()
    for trial, process in processes:
        if trial not in state.trials:
            state.apply(event("created", trial=trial))
            state.apply(event("started", trial=trial, process=process))
        else:
            state.apply(event("resumed", trial=trial, process=process))
    return state


def test_machines_name_their_trials():
    """A trial that moved is on both; many are counted."""
    many = [(f"{number:05d}", f"b:{number}") for number in range(2, 9)]
    found = state(("00000", "a:1"), ("00001", "a:2"), ("00001", "b:9"), *many)
    assert list(machine_lines(found)) == [
        "on a: 2 trials (00000, 00001)",
        "on b: 8 trials (00001, 00002, 00003, 00004, 00005, 00006 and 2 more)",
    ]
    assert found.trials["00001"].hosts == ["a", "b"]


def test_one_machine_is_not_listed():
    """Nor is one unknown, as in a ledger without processes."""
    assert not list(machine_lines(state(("00000", "a:1"), ("00001", "a:2"))))
    assert not list(machine_lines(state(("00000", "a:1"), ("00001", ""))))
