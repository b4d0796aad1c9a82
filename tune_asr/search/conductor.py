"""Conductor of a search: next trial, verdicts and retries.

Every change goes through the ledger first, and only then into memory and the world. So a conductor built from the
ledger continues exactly after a kill. The conductor knows trials, epochs and rungs, but never imports Ray: `ray/`
brings it the workers' messages and carries its answers out. A replay of recorded trainings gives it a ledger in memory.
"""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Literal, Protocol

from tune_asr.errors import TrialFailedError, TuneAsrError
from tune_asr.record.events import Ended, Event, Paused, Report
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.front import measured_names
from tune_asr.record.state import SearchState
from tune_asr.record.trial import FINAL, OUT_OF_TIME, Trial
from tune_asr.search import messages
from tune_asr.search.assignment import start_of, work_of
from tune_asr.search.budget import Budget
from tune_asr.search.closing import TimedTurns
from tune_asr.search.deaths import Consequence, Deaths, Fault
from tune_asr.search.ending import Ending
from tune_asr.search.extent import interrupted, plans
from tune_asr.search.failures import is_of_all, is_of_the_setting
from tune_asr.search.keeping import Keeping
from tune_asr.search.messages import Message, Work
from tune_asr.search.search import Search
from tune_asr.search.staged import StagedVerdicts
from tune_asr.search.torn_ends import lost_ends, lost_excess, lost_verdict

Answer = Literal["continue", "stop"]
Listener = Callable[[Event], None]


class Appending(Protocol):
    """Ledger, as far as a conductor needs it."""

    def append(self, *events: Event) -> list[Event]:
        """Write events in one piece; return them read back."""


class Conductor:
    """One search, driven by the messages of its workers.

    Args:
        search: folder, plan and metric.
        ledger: ledger, open for writing.
        state: replay of the ledger.
        listener: function called with every event, once it is on the disk.
        keeping: keeper of the trials' files.
        budget: clock of a time budget; by default no time passes.

    Attributes:
        rooms: shares of GPUs of trials for which the usual one was too small.
    """

    def __init__(
        self,
        search: Search,
        ledger: Appending,
        state: SearchState,
        listener: Listener,
        keeping: Keeping,
        budget: Budget | None = None,
    ) -> None:
        self.folder, self.plan, self.metric = search.folder, search.plan, search.metric
        self.state = state
        self.verdicts = StagedVerdicts(search.plan, search.metric, state)
        self._budget = budget or Budget()
        self._out: set[str] = set()
        ending = Ending(search.plan, search.metric, state, keeping.half_width, self._out)
        self.turns = TimedTurns(search.plan, search.metric, state, self.verdicts, ending, self._budget)
        self._search, self._asked = search, search.asked
        self._ledger, self._listener, self._keeping = ledger, listener, keeping
        self._append(*lost_excess(state, self.plan.space.search.limits))
        self._append(*lost_verdict(state, self.verdicts))
        self._append(*lost_ends(state))
        self._append(*self.turns.lost_finalists())
        self._queue = deque(interrupted(state))
        self._resting: set[str] = set()
        self._squeezed: set[str] = set()
        self.rooms: dict[str, float] = {}
        self._deaths = Deaths()

    def open(self, slots: int) -> None:
        """Record the extent of the search if it changes.

        Args:
            slots: number of trials that run at the same time.
        """
        asked = plans(self.plan, self.state, self.metric, slots, self._asked)
        for planned in [self._budget.planned] if self._budget.planned else asked:
            self._append(planned)
        self._append(*self.turns.left_finalists())
        self._queue = deque(interrupted(self.state))
        self._leave_late()

    @property
    def is_over(self) -> bool:
        """True once no trial has anything left to train."""
        return not self._queue and not self._out and self.turns.is_over

    @property
    def handed_out(self) -> list[str]:
        """Trials in the hands of workers."""
        return sorted(self._out)

    def next_work(self) -> Work | None:
        """Hand out a trial to a free slot.

        A trial that was interrupted comes before all others.
        """
        self._leave_late()
        if not self._queue:
            self._draw()
        if not self._queue:
            return None
        trial = self.state.trials[self._queue.popleft()]
        self.verdicts.take(trial.number)
        self._out.add(trial.number)
        return work_of(trial, self._search, self.state)

    def _draw(self) -> None:
        """Queue the next trials, if there are any."""
        turn = self.turns.next()
        self._append(*turn.events)
        if turn.trial is not None:
            self._queue.extend((turn.trial, *turn.next_trials))

    def _leave_late(self) -> None:
        """Leave out interrupted trials whose time is spent."""
        late = [number for number in self._queue if self.turns.is_out(number)]
        self._queue = deque(number for number in self._queue if number not in late)
        trials = (self.state.trials[number] for number in late)
        self._append(*(Paused(trial=t.number, epoch=t.epoch, cause=OUT_OF_TIME) for t in trials if not t.rests))

    def receive(self, number: str, message: Message) -> Answer:
        """Take a worker's message; return the order for the worker.

        Raises:
            TuneAsrError: the search cannot continue.
        """
        self._keeping.catch_up()
        trial = self.state.trials[number]
        match message:
            case messages.Here():
                return "continue"
            case messages.Ready():
                return self._started(trial, message)
            case Report():
                return self._reported(trial, message)
            case messages.CutShort():
                self._append(Ended(event="finished", trial=number, epoch=trial.epoch))
            case messages.NotFinite():
                self._append(Ended(event="diverged", trial=number, epoch=trial.epoch + 1, cause=message.cause))
            case messages.Failed():
                self._failed(trial, message.to_error())
            case messages.NeedsRoom():
                self.rooms[number] = message.gpus
                self._squeezed.add(number)
                self._append(Paused(trial=number, epoch=trial.epoch, cause=message.cause))
        return "stop"

    def process_ended(self, number: str, cause: str | None, fault: Fault = Fault.DEATH) -> None:
        """Decide on a trial whose process has ended.

        Args:
            number: number of the trial.
            cause: reason, if its process died or raised.
            fault: kind of the reason.

        Raises:
            TrialFailedError: trials fail in the same way, and none has completed an epoch.
            ClusterError: trials fail, and no setting is to blame.
        """
        self._out.discard(number)
        trial = self.state.trials[number]
        if number in self._squeezed:
            self._squeezed.discard(number)
            self._queue.appendleft(number)
            return
        if trial.status in FINAL or self._is_resting(number):
            return
        cause = cause or "its process ended without a word"
        consequence, tries = self._deaths.consequence(trial, cause, fault), len(trial.deaths) + 1
        if consequence is not Consequence.FAILED:
            retry = None if consequence is Consequence.FREE_RETRY else tries
            self._append(Paused(trial=number, epoch=trial.epoch, cause=cause, retry=retry))
            if consequence is Consequence.LATER and not self._queue:
                self._draw()
            self._queue.insert(1 if consequence is Consequence.LATER else 0, number)
            return
        cause, raised = f"{cause} (tried {tries} times)", fault is Fault.EXCEPTION
        self._append(Ended(event="failed", trial=number, cause=cause, of_setting=raised))
        if is_of_all(trial, self.state, raised=raised):
            what = f"no trial has come to an epoch; trial {number} has failed as others have: {trial.cause}"
            raise TrialFailedError(what)

    def take_back(self, number: str) -> None:
        """Queue a trial again whose process is not to blame."""
        self._out.discard(number)
        self._squeezed.discard(number)
        if self.state.trials[number].status not in FINAL and not self._is_resting(number):
            self._queue.appendleft(number)

    def _is_resting(self, number: str) -> bool:
        """Return whether a process ended at a rung."""
        is_resting = number in self._resting
        self._resting.discard(number)
        return is_resting

    def catch_up(self) -> None:
        """Do work deferred until the worker had its answer."""
        self._keeping.catch_up()

    def pause(self) -> None:
        """Record the epoch of each running trial, at an interruption."""
        self.catch_up()
        running = [trial for trial in self.state.trials.values() if trial.status == "running"]
        self._append(*(Paused(trial=trial.number, epoch=trial.epoch) for trial in running))

    def rest(self) -> None:
        """Keep less of trials that wait at the end."""
        for trial in self.state.open_trials():
            if trial.rests:
                self._keeping.rest(trial)
        self.catch_up()

    def _started(self, trial: Trial, message: messages.Ready) -> Answer:
        self._deaths.started(trial.number)
        self._append(start_of(trial, message))
        return "continue"

    def _reported(self, trial: Trial, report: Report) -> Answer:
        self._deaths.reported(trial.number)
        # After a damaged checkpoint, epochs of the ledger are trained again: they count once.
        if report.epoch <= trial.epoch:
            self._keeping.settle(trial, report.epoch)
            return "continue"
        if "rtf" not in measured_names(self.plan.space.search):
            report = replace(report, rtf=None)  # a speed that nobody asked for would tell equal searches apart
        # Report, decisions and ends in one write: a crash leaves all of them, or the first ones.
        self._append(report, *self.turns.after(trial, report, slot_is_taken=bool(self._queue)))
        if trial.rests:
            self._resting.add(trial.number)
        return "stop" if trial.status in FINAL or trial.rests else "continue"

    def _failed(self, trial: Trial, error: TuneAsrError) -> None:
        if not is_of_the_setting(error, trial, self.state):
            raise error
        self._append(Ended(event="failed", trial=trial.number, cause=error.cause, of_setting=True))

    def _append(self, *events: Event) -> None:
        for event in self._ledger.append(*events) if events else ():
            self.state.apply(event)
            self.verdicts.apply(event)
            self._listener(event)
        for number in dict.fromkeys(event.trial for event in events if isinstance(event, Report | Ended)):
            self._keeping.settle(self.state.trials[number])


def remove_tune_state(folder: ResultsFolder) -> None:
    """Remove Ray Tune's files: a resume never reads them."""
    shutil.rmtree(folder.root / ".tune", ignore_errors=True)
