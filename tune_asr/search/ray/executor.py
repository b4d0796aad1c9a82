"""Ray Tune adapters: Searcher and TrialScheduler delegate to the conductor.

Traps of Ray 2.60 that shape this file, each found in its source and observed:

- If a reused process cannot be reset, Tune sets its trial to ERROR and calls no hook. So the searcher looks at the
  trials it handed out before it hands out the next.
- If `choose_trial_to_run` returns None, Tune takes pending trials out of a set, in any order.
- The Tuner pickles searcher and scheduler when it is made. Ours hold an open ledger, so they pickle to nothing; no
  pickle is ever read back.
- `fit()` catches no BaseException, so `EndSearch` can leave it between two events.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler
from ray.tune.search import Searcher

from tune_asr.errors import ClusterError, TuneAsrError
from tune_asr.search.cards.placement import Placement
from tune_asr.search.cards.shares import weight
from tune_asr.search.conductor import Conductor
from tune_asr.search.messages import from_result
from tune_asr.search.ray.causes import Cause, read_cause
from tune_asr.search.ray.share import Share
from tune_asr.search.ray.silent import SilenceWatch
from tune_asr.storage.errors import disk_errors

_ENDED = ("ERROR", "TERMINATED")
_Nothing = tuple[Callable[[], None], tuple[()]]


class EndSearch(BaseException):
    """Exit from `Tuner.fit()` between two events.

    Args:
        error: error that ends the search; None if a signal does.
    """

    def __init__(self, error: TuneAsrError | None = None) -> None:
        super().__init__()
        self.error = error


@contextmanager
def ending(root: Path) -> Iterator[None]:
    """Turn an error that ends the search into `EndSearch`.

    Args:
        root: results folder, whose disk may fail.
    """
    try:
        with disk_errors(root):
            yield
    except TuneAsrError as error:
        raise EndSearch(error) from error


def _waits(trial: Trial) -> bool:
    return bool(trial.status == Trial.PENDING)


def _nothing() -> None:
    """Unpickled form of searcher and scheduler."""


class WorkSearcher(Searcher):
    """Searcher for the conductor's work.

    Args:
        conductor: source of the work; it learns how each trial ended.
        placement: limit of trials at once, and the GPUs of each.
        between: callback between any two events of Tune, at least ten times a second.
        silence: watch over silent workers.
    """

    def __init__(
        self, conductor: Conductor, placement: Placement, between: Callable[[], None], silence: SilenceWatch
    ) -> None:
        super().__init__(metric="objective", mode="min")
        self.conductor = conductor
        self.placement, self.slots = placement, placement.slots
        self.silence = silence
        self.between = between
        self.trials: dict[str, Trial] = {}
        self.causes: dict[str, Cause] = {}
        self._numbers: dict[str, str] = {}
        self._given_up: set[str] = set()

    def __reduce__(self) -> _Nothing:
        return _nothing, ()

    def set_search_properties(self, *_args: object, **_kwargs: object) -> bool:
        """Accept Tune's metric, mode and space unused."""
        return True

    def suggest(self, trial_id: str) -> dict[str, str] | str | None:  # type: ignore[override]
        """Return the next trial's config, None for later, or FINISHED."""
        self._find_lost_trials()
        if self._taken >= self.slots - self.silence.lost_slots or self._one_waits_for_room:
            return None
        with ending(self.conductor.folder.root):
            work = self.conductor.next_work()
        if work is None:  # a running trial may yet pause, and leave work
            return None if self._numbers else Searcher.FINISHED
        self._numbers[trial_id] = work.number
        share = Share.of(self.placement, self.conductor.rooms.get(work.number))
        return work.to_config() | share.to_config()

    @property
    def _taken(self) -> int:
        """Slots of the trials in the hands of workers."""
        usual, rooms = self.placement.gpus, self.conductor.rooms
        return sum(weight(rooms.get(number, usual), usual) for number in self._numbers.values())

    @property
    def _one_waits_for_room(self) -> bool:
        """True if a trial waits for more of a GPU.

        No other trial begins meanwhile: it would take each share that gets free.
        """
        waiting = (number for i, number in self._numbers.items() if i in self.trials and _waits(self.trials[i]))
        return any(number in self.conductor.rooms for number in waiting)

    def on_trial_complete(self, trial_id: str, result: object = None, error: bool = False) -> None:
        """Report the end of a trial's process to the conductor."""
        if error:
            self.between()  # a signal to all, or the loss of Ray, ends the search here: the trial is not at fault
        number = self._numbers.pop(trial_id, None)
        self.trials.pop(trial_id, None)
        if trial_id in self._given_up:  # it has ended after all
            self._given_up.remove(trial_id)
            self.silence.lost_slots -= 1
        if number is not None:
            lost = Cause("its process could not be reused")
            cause = self.causes.pop(trial_id, lost) if error else Cause("")
            if (silent := self.silence.ended(number)) and error:
                cause = Cause(silent)
            with ending(self.conductor.folder.root):
                self.conductor.process_ended(number, cause.text, cause.fault)

    def watch(self) -> None:
        """End silent workers; leave those that cannot be ended."""
        ids = {number: trial_id for trial_id, number in self._numbers.items()}
        for found in self.silence.look({number: self.trials[i] for number, i in ids.items() if i in self.trials}):
            self.trials.pop(ids[found.trial])
            del self._numbers[ids[found.trial]]
            self._given_up.add(ids[found.trial])
            with ending(self.conductor.folder.root):
                self.conductor.process_ended(found.trial, found.cause)
        if not self.silence.lost_slots or self._numbers:
            return
        if self.silence.lost_slots >= self.slots:
            raise EndSearch(
                ClusterError(
                    "no slot is left: a process that cannot be ended holds each of them",
                    hint="Look at the disks and GPUs of its node, then resume the search.",
                )
            )
        if self.conductor.is_over:  # Tune would wait for the trials that were given up
            raise EndSearch(ClusterError("a process that cannot be ended is left"))

    def is_held(self, trial: Trial) -> bool:
        """Return whether a trial was not given up."""
        return trial.trial_id in self._numbers

    def save_to_dir(self, *_args: object, **_kwargs: object) -> None:
        """Save nothing: the ledger has it."""

    def save(self, checkpoint_path: str) -> None:
        """Save nothing: the ledger has it."""

    def restore(self, checkpoint_path: str) -> None:
        """Refuse: a search is rebuilt from its ledger."""
        raise AssertionError("a search is rebuilt from its ledger")

    def _find_lost_trials(self) -> None:
        for trial_id, trial in list(self.trials.items()):
            if trial.status in _ENDED and trial_id in self._numbers:
                self.on_trial_complete(trial_id, error=True)


class MessageScheduler(TrialScheduler):
    """Scheduler that brings messages of workers to the conductor.

    It runs trials in the order of their work.

    Args:
        conductor: receiver of the messages; its answer continues or stops a trial.
        searcher: searcher of the same conductor; it gets the trials and the causes of their ends.
    """

    _metric = "objective"

    def __init__(self, conductor: Conductor, searcher: WorkSearcher) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.conductor = conductor
        self.searcher = searcher
        self._pending: deque[Trial] = deque()

    def __reduce__(self) -> _Nothing:
        return _nothing, ()

    def set_search_properties(self, *_args: object, **_kwargs: object) -> bool:
        """Accept Tune's metric and mode unused."""
        return True

    def on_trial_add(self, tune_controller: object, trial: Trial) -> None:
        """Queue a trial made of the searcher's config."""
        self._pending.append(trial)
        self.searcher.trials[trial.trial_id] = trial

    def on_trial_result(self, tune_controller: object, trial: Trial, result: Mapping[str, str]) -> str:
        """Pass a worker's message on; return the conductor's answer."""
        if not self.searcher.is_held(trial):  # its worker was silent for too long, and another has the trial
            return str(self.STOP)
        message = from_result(result)
        self.searcher.silence.heard(trial.config["number"], message)
        with ending(self.conductor.folder.root):
            answer = self.conductor.receive(trial.config["number"], message)
        return str(self.STOP if answer == "stop" else self.CONTINUE)

    def on_trial_error(self, tune_controller: object, trial: Trial) -> None:
        """Keep the cause until the searcher's hook is called."""
        self.searcher.causes[trial.trial_id] = read_cause(trial.error_file)

    def on_trial_complete(self, tune_controller: object, trial: Trial, result: object) -> None:
        """Do nothing: the searcher has the same hook."""

    def on_trial_remove(self, tune_controller: object, trial: Trial) -> None:
        """Do nothing: trials are not removed."""

    def choose_trial_to_run(self, tune_controller: object) -> Trial | None:
        """Return the first pending trial, in constant time.

        Tune calls this in each of its steps, even if every slot is busy. A Tune Callback would be called as well, but a
        Callback of our own makes Tune import all its integrations, which takes a second before the first trial.
        """
        with ending(self.conductor.folder.root):
            self.conductor.catch_up()
        self.searcher.between()
        self.searcher.watch()
        while self._pending and self._pending[0].status != Trial.PENDING:
            self._pending.popleft()
        return self._pending[0] if self._pending else None

    def debug_string(self) -> str:
        """Return nothing: `progress` prints the state of the search."""
        return ""
