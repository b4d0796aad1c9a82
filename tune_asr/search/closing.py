"""Turns of a search with a time budget: its number of trials, its closing, and its deadline.

While a search closes, no trial is created. A trial that runs continues to its next rung. A free slot takes, of the
trials that wait and can come to their end in time, the one with the lowest predicted final score; it is neither judged
nor paused any more.

It closes when the best trial that waits has less than RESERVE times what it needs to its end; and also when it has less
than that and the time of the next trial to its rung, since until then no slot may be free. In 72 simulated searches of
2 to 14 horizons' time, 1 to 4 slots and 12 or 27 epochs, this second rule left a trial trained to its end in 72, the
first one alone in 56.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from tune_asr.record.events import Decision, Ended, Event, Paused, Report
from tune_asr.record.search_events import Closing
from tune_asr.record.state import SearchState
from tune_asr.record.trial import AT_RUNG, OUT_OF_TIME, Trial
from tune_asr.scoring.metric import Metric
from tune_asr.search.budget import BETWEEN, Budget, TimeLeft
from tune_asr.search.ending import Ending
from tune_asr.search.predicted_scores import PredictedScores
from tune_asr.search.turns import Turn, Turns, with_ends
from tune_asr.search.verdicts import Verdicts, as_event
from tune_asr.space.forecast import RESERVE
from tune_asr.space.horizon import plan_with
from tune_asr.space.plan import Plan


class TimedTurns(Turns):
    """Order of the trials, with a time budget or without.

    Args:
        plan: space and base configuration.
        metric: error rate that chooses the winner.
        state: trials so far, kept up to date by the conductor.
        verdicts: rule of ASHA, kept up to date likewise.
        ending: rules for the end of the search.
        budget: clock and measured pace.
    """

    def __init__(
        self,
        plan: Plan,
        metric: Metric,
        state: SearchState,
        verdicts: Verdicts,
        ending: Ending,
        budget: Budget,
    ) -> None:
        super().__init__(plan, metric, state, verdicts, ending)
        self._left = TimeLeft(plan, state, budget)
        self._scores: PredictedScores | None = None

    @property
    def is_over(self) -> bool:
        """True if no trial is left for a slot."""
        if not self._left.is_limited:
            return super().is_over
        if self._ending.finalists() and self._left.in_all > 0:
            return False
        if self._is_closing:
            return self._choice() is None
        return self._verdicts.turn() == ([], None) and self._left.trials() <= self._created

    def is_out(self, number: str) -> bool:
        """Return whether the time of a trial is spent."""
        return self._left.is_out(self._state.trials[number])

    def next(self) -> Turn:
        """Return the turn of a free slot."""
        if not self._left.is_limited:
            return super().next()
        if began := self._begins():
            return self._closing_turn(began)
        if self._state.closing:
            return self._closing_turn([])
        if self._wave_has_room or self._verdicts.turn()[1] is not None:
            return super().next()
        return self._growing_turn(with_ends(self._verdicts.turn()[0]))

    def after(self, trial: Trial, report: Report, *, slot_is_taken: bool = False) -> list[Event]:
        """Return the events that follow from a report.

        Args:
            trial: trial of the report.
            report: report that is about to be written.
            slot_is_taken: whether an interrupted trial waits for the slot.
        """
        events = super().after(trial, report, slot_is_taken=slot_is_taken)
        ended = {event.trial for event in events if isinstance(event, Ended)}  # others may end at its turn
        if not self._left.is_limited or report.trial in ended:
            return events
        own = next((e for e in events if isinstance(e, Decision) and e.trial == report.trial), None)
        if own and own.verdict == "pause":
            began = self._begins()
            if began or self._state.closing:
                events = [*began, *self._pause_while_closing(own, report, slot_is_taken=slot_is_taken)]
        if self._left.is_out(trial) and not any(isinstance(event, Paused) for event in events):
            events.append(Paused(trial=trial.number, epoch=report.epoch, cause=OUT_OF_TIME))
        return events

    def _pause_while_closing(self, own: Decision, report: Report, *, slot_is_taken: bool) -> list[Event]:
        """Return the events of a trial at a rung.

        It trains on to the end if a free slot would take it.
        """
        if not slot_is_taken and self._choice(report) == report.trial:
            return [replace(own, verdict="continue")]
        return [own, Paused(trial=report.trial, epoch=report.epoch, cause=AT_RUNG)]

    def _growing_turn(self, events: list[Event]) -> Turn:
        """Return the turn of a slot if no trial waits."""
        planned = self._state.planned
        assert planned is not None, "a search with a time budget has a plan"
        trials = self._left.trials()
        if trials <= self._created:
            return self._finalists(events)
        if trials != planned.trials:
            events.append(replace(planned, time=None, trials=trials, cause="time"))
        if self._plan.space.asha.mode == "waves":
            events.append(self._next_wave(trials))
        return self._new_trial(events)

    def _closing_turn(self, events: list[Event]) -> Turn:
        number = self._choice()
        if number is None:
            return self._finalists(events) if self._left.in_all > 0 else Turn(None, events)
        trial = self._state.trials[number]
        if decision := self._verdicts.judge(trial, trial.reports[-1]):
            events.append(as_event(number, replace(decision, verdict="continue", control=False)))
        return Turn(number, events)

    @property
    def _may_draw(self) -> bool:
        """True if the time allows new trials."""
        if not self._left.is_limited:
            return super()._may_draw
        return not self._is_closing and self._left.trials() > self._created

    @property
    def _is_closing(self) -> bool:
        return bool(self._state.closing or self._begins())

    def _begins(self) -> list[Event]:
        """Return the end of new trials if time is short."""
        if self._state.closing or not self._state.trials:
            return []
        left, there = self._left.for_trials, self._left.open()
        longest = max(map(self._left.to_the_end, there), default=self._left.to_the_end(None))
        if left >= 2 * RESERVE * longest:
            return []
        best = self._best(there)
        needed = self._left.to_the_end(best)
        if left >= max(RESERVE * needed, needed + self._stint(best)):
            return []
        whose = f"trial {best.number}" if best else "a new trial"
        return [
            Closing(
                cause=f"the time left is {max(left, 0.0):.0f} s, and {whose} needs {needed:.0f} s to its last epoch"
            )
        ]

    def _stint(self, best: Trial | None) -> float:
        """Return the seconds of another trial to its next rung.

        It is the one that a free slot takes next; for so long the best one may have to wait if nothing closes.
        """
        number = None if self._wave_has_room else self._verdicts.turn()[1]
        epoch = self._state.trials[number].epoch if number else 0
        if best is None or number == best.number:
            return 0.0
        rungs = (rung for rung in self._verdicts.milestones if rung > epoch)
        return (next(rungs, self._left.horizon) - epoch) * self._left.pace().epoch * BETWEEN

    def _predicted(self, latest: Report | None = None) -> dict[str, float]:
        """Return the predicted final scores of open trials."""
        if self._scores is None or self._scores.stage != self._state.stages.index:
            self._scores = PredictedScores(plan_with(self._plan, self._left.horizon), self._metric, self._state)
        return self._scores.of_open_trials(latest)

    def _best(self, there: Sequence[Trial]) -> Trial | None:
        """Return the best waiting trial, else the best running one."""
        scores = self._predicted()
        among = [trial for trial in there if self._verdicts.is_waiting(trial.number)] or there
        return min(among, key=lambda t: (scores.get(t.number, math.inf), -t.epoch, t.number), default=None)

    def _choice(self, pausing: Report | None = None) -> str | None:
        """Return the trial for a free slot at the closing.

        Args:
            pausing: report of a trial that is about to wait.
        """
        left = self._left.for_trials
        waiting = [trial for trial in self._left.open() if self._verdicts.is_waiting(trial.number)]
        for trial in waiting:  # chosen before, and then the search was killed
            if trial.decisions and trial.decisions[-1].verdict == "continue":
                return trial.number
        able = {trial.number for trial in waiting if self._left.to_the_end(trial) <= left}
        if pausing and self._left.to_the_end(self._state.trials[pausing.trial], pausing.epoch) <= left:
            able.add(pausing.trial)
        if not able:
            return None
        scores = self._predicted(pausing)
        return min(able, key=lambda number: (scores.get(number, math.inf), number))
