"""Simulated time and the figures of a search."""

import math
from dataclasses import replace

import pytest

from tests.benchmarks import replay
from tests.benchmarks.quality import Figure, Quality, outcomes
from tests.benchmarks.replay import RULES
from tests.simulation.draws import draws
from tests.simulation.made_up import made_up_table
from tests.simulation.simulated import Job, simulate


class WholeTrainings:
    """Search that trains each row, or the first ones, to its end."""

    def __init__(self, table, trials=None):
        self.rows = iter(enumerate(table.curves[:trials]))
        self.reports = []
        self.lost = []

    def take(self):
        row = next(self.rows, None)
        return None if row is None else Job(str(row[0]), row[1].params)

    def report(self, job, trained):
        self.reports.append((int(job.trial), job.epoch))
        return not trained.last

    def diverged(self, job):
        self.lost.append(int(job.trial))


def test_one_slot_trains_in_turn():
    table = made_up_table(4, 6)
    search = WholeTrainings(table)
    outcome = simulate(search, table, 4, slots=1)
    assert search.reports == [(row, epoch) for row in range(4) for epoch in range(1, 7)]
    assert outcome.seconds == pytest.approx(sum(sum(curve.seconds) for curve in table.curves))
    assert (outcome.share, outcome.fulls, outcome.regret()) == (1.0, 4.0, 0.0)


def test_two_slots_report_in_time():
    """A trial with epochs half as long reports twice between two reports of the other."""
    table = made_up_table(2, 4)
    curves = [replace(table.curves[0], seconds=[2.0] * 4), replace(table.curves[1], seconds=[0.9] * 4)]
    table = replace(table, curves=curves)
    search = WholeTrainings(table)
    simulate(search, table, 2, slots=2)
    assert search.reports == [(1, 1), (1, 2), (0, 1), (1, 3), (1, 4), (0, 2), (0, 3), (0, 4)]


def test_a_diverged_row_ends_its_trial():
    table = made_up_table(2, 4)
    curves = [replace(table.curves[0], end="diverged"), table.curves[1]]
    table = replace(table, curves=curves)
    search = WholeTrainings(table)
    assert simulate(search, table, 2).spent == 8
    assert search.lost == [0]


@pytest.mark.parametrize("peer", ["optuna", "ray"])
def test_peers_try_each_row_once(peer):
    table = made_up_table(24, 12)
    for outcome in outcomes(RULES[peer], draws(table, 20, 2)):
        assert len(outcome.epochs) == 20
        assert 0 < outcome.share < 1


def test_figures_of_perfect_searches():
    table = made_up_table(6, 4)
    found = outcomes(lambda draw: WholeTrainings(draw.table), draws(table, 6, 3))
    quality = Quality.of(found)
    assert quality.kept == quality.found == quality.share == Figure(1.0, 1.0, 1.0)
    assert quality.regret.mean == 0


def test_epochs_to_regret_of_contract():
    """The shortest search that ends as well counts; if none does, the epochs are infinite."""
    table = made_up_table(6, 9)
    best_first = sorted(table.curves, key=lambda curve: min(curve.val_wer))
    table = replace(table, curves=[*best_first[1:4], best_first[0], *best_first[4:]])

    def whole(trials):
        return outcomes(lambda draw: WholeTrainings(draw.table, trials), draws(table, trials, 3))

    def epochs_needed(*searches):
        found = {("contract", 6): whole(6), **{("auto", trials): whole(trials) for trials in searches}}
        (needed,) = (row.value for row in replay.goals(found) if row.claim.endswith("contract, N 6"))
        return needed

    assert epochs_needed(3, 4, 5) == pytest.approx(4 / 6)
    assert epochs_needed(2, 3) == math.inf


def test_replay_prints_each_rule(tmp_path, capsys):
    made_up_table(20, 9).write(tmp_path / "table.jsonl.gz")
    arguments = ["--table", str(tmp_path / "table.jsonl.gz"), "--trials", "12", "--repeats", "2", "contract", "funnel"]
    assert replay.main([*arguments, "auto"]) in (0, 1)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "made-up: 20 trials of 9 epochs, 2 repeats"
    assert [line.split()[0] for line in lines[3:6]] == ["contract", "funnel", "auto"]
    assert max(map(len, lines)) <= 80
