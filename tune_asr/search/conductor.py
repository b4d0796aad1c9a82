"""Conductor of a search: next trial, verdicts and retries.

Every change goes through the ledger first, and only then into memory and the world. So a conductor built from the
ledger continues exactly after a kill. The conductor knows trials, epochs and rungs, but never imports Ray: `ray/`
brings it the workers' messages and carries its answers out.
"""

from __future__ import annotations

import os
import shutil
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from tune_asr.errors import TrialFailedError, TuneAsrError
from tune_asr.record import checkpoints, ranking
from tune_asr.record.events import Created, Decision, Ended, Event, Paused, Report, Resumed, Started
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.ledger import Ledger
from tune_asr.record.state import FINAL, SearchState, Trial
from tune_asr.record.utterances import keep_utterances
from tune_asr.search import messages
from tune_asr.search.failures import is_of_all, is_of_the_setting, may_be_chance
from tune_asr.search.messages import Message, Work
from tune_asr.search.search import Search

Answer = Literal["continue", "stop"]
Listener = Callable[[Event], None]


class Conductor:
    """One search, driven by the messages of its workers.

    Args:
        search: folder, plan and metric.
        ledger: ledger, open for writing.
        state: replay of the ledger.
        listener: function called with every event, once it is on the disk.
    """

    def __init__(self, search: Search, ledger: Ledger, state: SearchState, listener: Listener) -> None:
        self.folder, self.plan, self.metric = search.folder, search.plan, search.metric
        self.state = state
        self.asha = search.asha()
        self.asha.replay(decision for trial in state.trials.values() for decision in trial.decisions)
        self._fingerprints = search.fingerprints
        self._umask = os.umask(0)
        os.umask(self._umask)
        self._ledger = ledger
        self._listener = listener
        self._to_keep: dict[str, int] = {}
        self._finish_torn_ends()
        self._queue = deque(trial.number for trial in state.open_trials())
        self._out: set[str] = set()

    @property
    def is_over(self) -> bool:
        """True once every trial of the plan has ended."""
        return not self._queue and not self._out and len(self.state.trials) >= self.plan.num_trials

    @property
    def handed_out(self) -> list[str]:
        """Trials in the hands of workers."""
        return sorted(self._out)

    @property
    def has_work(self) -> bool:
        """True if `next_work` has a trial to give."""
        return bool(self._queue) or len(self.state.trials) < self.plan.num_trials

    def next_work(self) -> Work:
        """Hand out an interrupted trial, or else a new one."""
        if not self._queue:
            index = len(self.state.trials)
            number = f"{index:05d}"
            self._append(Created(trial=number, params=self.plan.settings(index), seed=self.plan.seed(index)))
            self._queue.append(number)
        trial = self.state.trials[self._queue.popleft()]
        self._out.add(trial.number)
        values = self.plan.trial_values(trial.params, trial.seed)
        return Work(
            number=trial.number,
            epoch=trial.epoch,
            values=values,
            params={**trial.params, "seed": trial.seed},
            root=str(self.folder.root.resolve()),
            search=self.folder.root.name,
            fingerprints=self._fingerprints,
            grace_period=self.plan.space.asha.grace_period,
            import_path=str(Path.cwd()),
            umask=self._umask,
        )

    def receive(self, number: str, message: Message) -> Answer:
        """Take a worker's message; return the order for the worker.

        Raises:
            TuneAsrError: the search cannot continue.
        """
        self.catch_up()
        trial = self.state.trials[number]
        match message:
            case messages.Started():
                return self._started(trial, message)
            case Report():
                return self._reported(trial, message)
            case messages.Ended():
                self._append(Ended(event="finished", trial=number, epoch=trial.epoch))
            case messages.Diverged():
                self._append(Ended(event="diverged", trial=number, epoch=trial.epoch + 1, cause=message.cause))
            case messages.Failed():
                self._failed(trial, message.to_error())
        self._settle(trial)
        return "stop"

    def process_ended(self, number: str, cause: str | None, *, raised: bool = False) -> None:
        """Decide on a trial whose process has ended.

        Args:
            number: number of the trial.
            cause: reason, if its process died or raised.
            raised: whether an exception ended it.

        Raises:
            TrialFailedError: trials fail in the same way, and none has completed an epoch.
        """
        self._out.discard(number)
        trial = self.state.trials[number]
        if trial.status in FINAL:
            return
        cause = cause or "its process ended without a word"
        tries = len(trial.deaths) + 1
        if may_be_chance(cause, trial, raised=raised):
            self._append(Paused(trial=number, epoch=trial.epoch, cause=cause, retry=tries))
            self._queue.appendleft(number)
            return
        self._append(Ended(event="failed", trial=number, cause=f"{cause} (tried {tries} times)"))
        self._settle(trial)
        if is_of_all(trial, self.state, raised=raised):
            what = f"no trial has come to an epoch; trial {number} has failed as others have: {trial.cause}"
            raise TrialFailedError(what)

    def take_back(self, number: str) -> None:
        """Queue a trial again whose process is not to blame."""
        self._out.discard(number)
        if self.state.trials[number].status not in FINAL:
            self._queue.appendleft(number)

    def catch_up(self) -> None:
        """Do work deferred until the worker had its answer."""
        while self._to_keep:
            keep_utterances(self.folder, *self._to_keep.popitem())

    def pause(self) -> None:
        """Record the epoch of each running trial, at an interruption."""
        self.catch_up()
        running = [trial for trial in self.state.trials.values() if trial.status == "running"]
        self._append(*(Paused(trial=trial.number, epoch=trial.epoch) for trial in running))

    def _started(self, trial: Trial, message: messages.Started) -> Answer:
        process, damaged, warning = message.process, message.damaged or None, message.warning or None
        event: Event = Started(trial=trial.number, process=process, damaged=damaged, warning=warning)
        if trial.status != "pending":
            event = Resumed(
                trial=trial.number,
                process=process,
                epoch=message.epoch,
                cause=trial.cause or "the search was resumed",
                damaged=damaged,
                warning=warning,
            )
        self._append(event)
        return "continue"

    def _reported(self, trial: Trial, report: Report) -> Answer:
        # After a damaged checkpoint, epochs of the ledger are trained again: they count once.
        if report.epoch <= trial.epoch:
            self._settle(trial, report.epoch)
            return "continue"
        events: list[Event] = [report]
        decision = None if report.last else self._judge(trial, report)
        if decision:
            events.append(decision)
        if report.last:
            events.append(Ended(event="finished", trial=trial.number))
        elif decision and decision.verdict == "stop":
            events.append(Ended(event="pruned", trial=trial.number, epoch=report.epoch))
        # Report, decision and end in one write: a crash leaves all of them, or the first ones.
        self._append(*events)
        self._settle(trial)
        return "stop" if trial.status in FINAL else "continue"

    def _judge(self, trial: Trial, report: Report) -> Decision | None:
        """Ask ASHA about an epoch; controls are judged no more."""
        compared = ranking.rung_metric(self.plan.space.asha.metric, self.metric)
        decided = None if trial.is_control else self.asha.decide(report.epoch, report.scores.value(compared))
        if decided is None:
            return None
        return Decision(
            trial=trial.number,
            rung=decided.rung,
            epoch=decided.epoch,
            value=decided.value,
            cutoff=decided.cutoff,
            verdict=decided.verdict,
            control=decided.control or None,
        )

    def _failed(self, trial: Trial, error: TuneAsrError) -> None:
        if not is_of_the_setting(error, trial, self.state):
            raise error
        self._append(Ended(event="failed", trial=trial.number, cause=error.cause))

    def _finish_torn_ends(self) -> None:
        """Append the events lost by a crash after a report."""
        for trial in self.state.open_trials():
            if not trial.reports:
                continue
            report = trial.reports[-1]
            judged = any(decision.epoch == report.epoch for decision in trial.decisions)
            stopped = bool(trial.decisions) and trial.decisions[-1].verdict == "stop"
            decision = None
            if not report.last and not judged:
                decision = self._judge(trial, report)
            if decision:
                self._append(decision)
                stopped = decision.verdict == "stop"
            if report.last or stopped:
                end: Literal["finished", "pruned"] = "finished" if report.last else "pruned"
                self._append(Ended(event=end, trial=trial.number, epoch=report.epoch))
                self._settle(trial)

    def _settle(self, trial: Trial, newest: int | None = None) -> None:
        """Prune checkpoints: keep the newest two and the best.

        Args:
            trial: trial with a new event.
            newest: epoch of its last checkpoint, if an earlier epoch was trained again.
        """
        newest = newest or trial.epoch
        where = self.folder.checkpoints(trial.number)
        best = ranking.best_epoch(trial, checkpoints.kept_epochs(where), self.metric)
        running = trial.status not in FINAL
        keep = {newest, newest - 1} if running else set()
        checkpoints.retain(where, keep | ({best.epoch} if best else set()))
        if best and (best.epoch == newest or not running):
            self._to_keep[trial.number] = best.epoch
        if not running:
            self.catch_up()

    def _append(self, *events: Event) -> None:
        for event in self._ledger.append(*events) if events else ():
            self.state.apply(event)
            self._listener(event)


def remove_tune_state(folder: ResultsFolder) -> None:
    """Remove Ray Tune's files: a resume never reads them."""
    shutil.rmtree(folder.root / ".tune", ignore_errors=True)
