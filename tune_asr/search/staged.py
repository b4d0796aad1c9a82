"""Verdicts of all stages of a search, a rule for each."""

from __future__ import annotations

from collections.abc import Iterator

from tune_asr.record.events import Decision, Event, Report, TrialEvent
from tune_asr.record.search_events import WaveOpened
from tune_asr.record.state import SearchState
from tune_asr.record.trial import Trial
from tune_asr.scoring.metric import Metric
from tune_asr.search.verdicts import Verdicts, make_verdicts
from tune_asr.space import asha
from tune_asr.space.horizon import plan_with
from tune_asr.space.plan import Plan


class StagedVerdicts:
    """Rules of a search, one for each stage.

    Args:
        plan: space and base configuration.
        metric: error rate that chooses the winner.
        state: trials so far, kept up to date by the conductor before it applies an event here.
    """

    def __init__(self, plan: Plan, metric: Metric, state: SearchState) -> None:
        self._plan, self._metric, self._state = plan, metric, state
        self._rules: list[Verdicts] = []
        self._add_rules()

    @property
    def milestones(self) -> list[int]:
        """Epochs of the rungs in this stage."""
        return self._rules[self._state.stages.index].milestones

    def share_beyond(self, epoch: int, planned: int) -> float:
        """Return the expected share trained beyond `epoch`, in stage 0."""
        return self._rules[0].share_beyond(epoch, planned)

    def judge(self, trial: Trial, report: Report) -> asha.Decision | None:
        """Judge a trial at a report, in its stage.

        A finalist is not judged.
        """
        return None if trial.finalist_of else self._rules[trial.stage].judge(trial, report)

    def turn(self, pausing: Report | None = None) -> tuple[list[Decision], str | None]:
        """Return the next waiting trial, and decisions before it.

        Trials of the stage that the last plan names come first. A stage with a longer horizon leaves earlier trials as
        they are.

        Args:
            pausing: report of a trial that is about to wait.
        """
        decisions: list[Decision] = []
        for stage in self._order():
            own = pausing if pausing and self._state.trials[pausing.trial].stage == stage else None
            found, number = self._rules[stage].turn(own)
            decisions += found
            if number is not None:
                return decisions, number
        return decisions, None

    def is_waiting(self, trial: str) -> bool:
        """Return whether a trial waits for a slot."""
        return self._rules[self._state.trials[trial].stage].is_waiting(trial)

    def take(self, trial: str) -> None:
        """Remove a trial from those that wait."""
        self._rules[self._state.trials[trial].stage].take(trial)

    def apply(self, event: Event) -> None:
        """Take an event of ledger and state."""
        self._add_rules()
        if isinstance(event, TrialEvent):
            trial = self._state.trials[event.trial]
            if trial.finalist_of is None:
                self._rules[trial.stage].apply(event)
        elif isinstance(event, WaveOpened):
            self._rules[self._state.stages.index].apply(event)

    def _order(self) -> Iterator[int]:
        """Yield the stages with trials that may continue."""
        now = self._state.stages.index
        yield now
        if not now:
            yield from range(1, len(self._rules))

    def _add_rules(self) -> None:
        for index, stage in enumerate(self._state.stages.every[len(self._rules) :], start=len(self._rules)):
            plan = plan_with(self._plan, stage.horizon if index else None)
            trials = (self._state.trials[number] for number in stage.trials)
            self._rules.append(make_verdicts(plan, self._metric, stage.waves, trials))
