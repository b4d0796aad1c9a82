"""Predicted final scores that a search keeps: those of all its histories."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from tests.simulation.timed import H, Simulation
from tune_asr.record.trial import FINAL
from tune_asr.search import messages
from tune_asr.search.proposing import outcome_of
from tune_asr.space.history import History, points_of_trials
from tune_asr.space.proposals import schedule_of


def predicted_scores(plan, trials, latest):
    """Predict from all histories at once."""
    histories = []
    for trial in trials:
        reports = [*trial.reports, *([latest] if latest and latest.trial == trial.number else [])]
        scores = list(accumulate((report.scores.score for report in reports), min))
        histories.append(History(trial.params, scores, outcome_of(trial, H)))
    points = points_of_trials(histories, schedule_of(plan))
    return {trial.number: its[-1].value for trial, its in zip(trials, points, strict=True) if its}


@dataclass
class Compared(Simulation):
    """Search that compares at every report; some trials diverge."""

    compared: int = 0

    def report(self, number, epoch):
        report = super().report(number, epoch)
        trials, turns = list(self.state.trials.values()), self.conductor.turns
        own = self.state.trials[number]
        if own.status == "running" and own.epoch == epoch - 1:
            for latest in (None, report):
                expected = predicted_scores(self.plan, trials, latest)
                there = {trial.number: trial for trial in trials if trial.status not in FINAL}
                found = turns._predicted(latest)
                assert found == {name: value for name, value in expected.items() if name in there}
                self.compared += len(found)
        return messages.NotFinite("test") if epoch == 5 and int(number) % 4 == 1 else report


def test_kept_scores_are_those_of_the_histories():
    search = Compared(300.0).run()
    assert search.compared > 100
    assert "diverged" in search.status
