"""Work of a search with a time budget: it does not grow with its trials. Steps of Python are counted, not time."""

from __future__ import annotations

import sys

import pytest

from tests.ledgers import event
from tests.simulation.timed import Simulation
from tune_asr.record.search_events import Planned, WaveOpened
from tune_asr.search import messages


def long_search(trials, seconds=1e6):
    """A search whose earlier trials were pruned at their third epoch; the last wave has run but for one trial."""
    search = Simulation(seconds, slots=2, trials=trials)
    started = Planned(trials=trials + 1, horizon=12, slots=2, deadline_seconds=seconds, cause="start")
    search.events = [started, WaveOpened(wave=1, trials=trials + 1)]
    for index in range(trials):
        number = f"{index:05d}"
        search.events += [event("created", trial=number, base=index == 0 or None), event("started", trial=number)]
        search.events += [search.report(number, epoch) for epoch in (1, 2, 3)]
        search.events.append(event("pruned", trial=number))
    search.kill()
    return search


def steps(call, *arguments):
    """Count the steps of the interpreter in a call."""
    count = 0

    def trace(frame, kind, argument):
        nonlocal count
        frame.f_trace_opcodes = True
        count += kind == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call(*arguments)
    finally:
        sys.settrace(before)
    return count


def costs(trials):
    """Steps of reports and polls of one more trial."""
    search = long_search(trials)
    work = search.conductor.next_work()
    search.conductor.receive(work.number, messages.Ready(work.epoch, [], "host:1"))
    found = [steps(search.conductor.receive, work.number, search.report(work.number, epoch)) for epoch in range(1, 4)]
    search.conductor.process_ended(work.number, None)
    search.conductor.turns.next()
    found += [steps(search.conductor.turns.next), steps(lambda: search.conductor.is_over)]
    search.now = search.seconds - 20.0  # short time: the trials are compared
    search.conductor.turns._predicted()
    return [
        *found,
        steps(search.conductor.turns._predicted, search.report("00000", 3)),
        steps(search.conductor.turns.next),
    ]


def test_report_and_poll_cost_alike_in_a_long_search():
    for few, many in zip(costs(100), costs(10_000), strict=True):
        assert many <= 1.5 * few


@pytest.mark.parametrize("trials", [100])
def test_search_without_a_budget_counts_nothing(trials):
    search = long_search(trials, seconds=None)
    work = search.conductor.next_work()
    search.conductor.receive(work.number, messages.Ready(work.epoch, [], "host:1"))
    for epoch in range(1, 4):
        search.conductor.receive(work.number, search.report(work.number, epoch))
    assert search.conductor.turns._left._tally.epochs == 0
