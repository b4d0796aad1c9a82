"""Turns of a search: which trial a free slot takes.

A turn is a list of events and a trial. It is a function of the ledger alone, so a search that was killed takes the same
turns again; the conductor writes the events, and only then hands the trial out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tune_asr.record.events import Created, Decision, Ended, Event, Paused, Report
from tune_asr.record.finalists import last_round
from tune_asr.record.search_events import WaveOpened
from tune_asr.record.state import SearchState
from tune_asr.record.trial import AT_RUNG, FINAL, Trial
from tune_asr.scoring.metric import Metric
from tune_asr.search import limits
from tune_asr.search.ending import Ending
from tune_asr.search.extent import planned_trials, trials_to_create
from tune_asr.search.longer import repeated, repetition
from tune_asr.search.proposing import settings_of
from tune_asr.search.verdicts import Verdicts, as_event
from tune_asr.space.asha import wave_sizes
from tune_asr.space.plan import Plan


@dataclass(frozen=True, slots=True)
class Turn:
    """Next step of a free slot."""

    trial: str | None
    """Trial that the slot takes; None if there is none now."""
    events: list[Event] = field(default_factory=list)
    """Events to write before."""
    next_trials: tuple[str, ...] = ()
    """Trials that the next free slots take."""


class Turns:
    """Order of the trials of a search.

    Args:
        plan: space and base configuration.
        metric: error rate that chooses the winner.
        state: trials so far, kept up to date by the conductor.
        verdicts: rule of ASHA, kept up to date likewise.
        ending: rules for the end of the search.
    """

    def __init__(self, plan: Plan, metric: Metric, state: SearchState, verdicts: Verdicts, ending: Ending) -> None:
        self._plan, self._metric, self._state = plan, metric, state
        self._verdicts, self._ending = verdicts, ending

    @property
    def is_over(self) -> bool:
        """True if no trial is left to train."""
        return not self._may_create and self._verdicts.turn() == ([], None) and not self._ending.finalists()

    def lost_finalists(self) -> list[Created]:
        """Return finalists lost in a crash."""
        return self._ending.finalists() if last_round(self._state) and not self._may_create else []

    def left_finalists(self) -> list[Event]:
        """Return the ends of finalists that run anew.

        They are those open while new trials of the search are to be drawn. A longer stage leaves them as they are.
        """
        if self._state.stages.index or not self._may_draw:
            return []
        there = [trial for trial in last_round(self._state) if trial.status not in FINAL]
        return [Ended(event="pruned", trial=trial.number, cause="more trials") for trial in there]

    def next(self) -> Turn:
        """Return the turn of a free slot.

        First come new trials of the wave, then trials that wait at rungs, then the next wave, and last the finalists.
        """
        if self._wave_has_room:
            return self._new_trial([])
        decisions, number = self._verdicts.turn()
        events = with_ends(decisions)
        if number is not None:
            return Turn(number, events)
        if not self._may_create:
            return self._finalists(events)
        if stopped := self._ending.stop():
            return self._finalists([*events, stopped])
        return self._new_trial([*events, self._next_wave(planned_trials(self._plan, self._state))])

    def after(self, trial: Trial, report: Report, *, slot_is_taken: bool = False) -> list[Event]:
        """Return the events that follow from a report.

        Args:
            trial: trial of the report.
            report: report that is about to be written.
            slot_is_taken: whether an interrupted trial waits for the slot.
        """
        beyond = limits.judge(self._plan.space.search.limits, trial, report)
        if beyond and trial.finalist_of is None:
            return [*with_ends([beyond]), *(self._follow(trial, report, slot_is_taken) if trial.is_base else ())]
        return self._follow(trial, report, slot_is_taken)

    def _follow(self, trial: Trial, report: Report, slot_is_taken: bool) -> list[Event]:
        """Return the events of a trial within the limits."""
        if report.last:
            return [Ended(event="finished", trial=trial.number)]
        verdict = self._verdicts.judge(trial, report)
        if verdict is None:
            return []
        decision = as_event(trial.number, verdict)
        if decision.verdict != "pause":
            return with_ends([decision])
        return self._pause(decision, report, straight_on=not slot_is_taken and not self._wave_has_room)

    def _pause(self, decision: Decision, report: Report, *, straight_on: bool) -> list[Event]:
        """Return the events of a pause at a rung.

        If the free slot would take it again, it goes straight on in its process, and there is no `paused`.
        """
        others, number = self._verdicts.turn(report) if straight_on else ([], None)
        paused = [] if number == report.trial else [Paused(trial=report.trial, epoch=report.epoch, cause=AT_RUNG)]
        return [decision, *with_ends(others), *paused]

    @property
    def _may_create(self) -> bool:
        return trials_to_create(self._plan, self._state) > 0

    @property
    def _may_draw(self) -> bool:
        """True if this run is to draw new trials."""
        return self._may_create

    @property
    def _created(self) -> int:
        """Trials of this stage so far."""
        return len(self._state.stages.now.trials)

    @property
    def _wave_has_room(self) -> bool:
        """True if a new trial comes before those that wait."""
        if self._plan.space.asha.mode == "stop":
            return self._may_create
        return self._may_create and bool(self._state.waves) and self._created < self._state.waves[-1].trials

    def _finalists(self, events: list[Event]) -> Turn:
        """Return a turn with the finalists, none while others train."""
        created = self._ending.finalists()
        numbers = [each.trial for each in created]
        return Turn(numbers[0] if numbers else None, [*events, *created], tuple(numbers[1:]))

    def _new_trial(self, events: list[Event]) -> Turn:
        number = f"{len(self._state.trials):05d}"
        index = self._created
        if self._state.stages.index:
            again = repeated(self._state, self._metric)[index]
            return Turn(number, [*events, repetition(self._state, number, again)])
        params = settings_of(self._plan, index, self._state, self._metric)
        created = Created(
            trial=number,
            params=params,
            seed=self._plan.seed(index, params),
            base=self._plan.is_base(index) or None,
        )
        return Turn(created.trial, [*events, created])

    def _next_wave(self, num_trials: int) -> WaveOpened:
        waves, slots = self._state.waves, self._state.planned.slots if self._state.planned else 1
        has_model = self._plan.space.search.algorithm == "auto"
        size = wave_sizes(num_trials, slots, has_model=has_model)[bool(waves)]
        return WaveOpened(wave=self._state.stages.num_waves + 1, trials=min(num_trials, self._created + size))


def with_ends(decisions: Iterable[Decision]) -> list[Event]:
    """Return decisions, each stop followed by its end."""
    events: list[Event] = []
    for decision in decisions:
        events.append(decision)
        if decision.verdict == "stop":
            cause = limits.LIMIT if decision.limit else None
            events.append(Ended(event="pruned", trial=decision.trial, epoch=decision.epoch, cause=cause))
    return events
