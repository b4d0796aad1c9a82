"""Conductor and Ray Tune introduced to each other: a Searcher hands out its work, a TrialScheduler brings it messages.

Traps of Ray 2.60 that shape this file, each found in its source and seen happening:

- A trial whose reused process could not be reset is set to ERROR without anybody being told. So the searcher looks at
  the trials it handed out before it hands out the next.
- `choose_trial_to_run` returning None makes Tune take pending trials out of a set, in any order.
- The Tuner pickles searcher and scheduler when it is made. Ours hold an open ledger, so they pickle to nothing; no
  pickle is ever read back.
- A worker that Ray's memory monitor kills is for Tune no process that died: `fit()` ends, and with it every other
  worker. `_ActorManager` tells Tune what it is.
- `fit()` swallows no BaseException: that is the way out between two of its events.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ray.air.execution._internal import RayActorManager
from ray.exceptions import OutOfMemoryError, RayActorError
from ray.tune.execution import tune_controller
from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler
from ray.tune.search import Searcher

from tune_asr.errors import TuneAsrError
from tune_asr.search.conductor import Conductor
from tune_asr.search.messages import from_result

_ENDED = ("ERROR", "TERMINATED")
_FRAME = re.compile(r'File "(?P<file>.+)", line (?P<line>\d+), in ')
_PACKAGE = re.compile(r"/lib(64)?/python3|<frozen")


class EndSearch(BaseException):
    """Leaves `Tuner.fit()` between two events; carries the error that ends the search, None where a signal does."""

    def __init__(self, error: TuneAsrError | None = None) -> None:
        super().__init__()
        self.error = error


def _nothing() -> None:
    """What our objects pickle to."""


class _ActorManager(RayActorManager):
    """Tune's, for which a worker that was killed for its memory is one that died: it costs its own trial a retry."""

    def _actor_task_failed(self, tracked_actor_task: Any, exception: Exception) -> None:
        if isinstance(exception, OutOfMemoryError):
            exception = RayActorError(error_msg=str(exception))
        super()._actor_task_failed(tracked_actor_task, exception)


tune_controller.RayActorManager = _ActorManager  # type: ignore[attr-defined]


class WorkSearcher(Searcher):
    """Hands the conductor's work to Tune, at most `slots` trials at a time.

    Args:
        conductor: gives the work, and is told of its end.
        slots: trials at once.
        between: called between any two events of Tune, at least ten times a second.
    """

    def __init__(self, conductor: Conductor, slots: int, between: Callable[[], None]) -> None:
        super().__init__(metric="objective", mode="min")
        self.conductor = conductor
        self.slots = slots
        self.between = between
        self.trials: dict[str, Trial] = {}
        self.causes: dict[str, tuple[str, bool]] = {}
        self._numbers: dict[str, str] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return _nothing, ()

    def set_search_properties(self, *_args: Any, **_kwargs: Any) -> bool:
        """Tune's metric, mode and space are none of ours."""
        return True

    def suggest(self, trial_id: str) -> Any:
        """The next trial's config; None: not now; FINISHED: no more."""
        self._look_for_lost_trials()
        if len(self._numbers) >= self.slots:
            return None
        if not self.conductor.has_work:
            return None if self._numbers else Searcher.FINISHED
        with ending():
            work = self.conductor.next_work()
        self._numbers[trial_id] = work.number
        return dict(work.to_config())

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """A trial has ended, whichever way."""
        if error:
            self.between()  # a process that ends with its Ray, or by a signal to all, is no fault of the trial's
        number = self._numbers.pop(trial_id, None)
        self.trials.pop(trial_id, None)
        if number is not None:
            lost = ("its process could not be reused", False)
            cause, raised = self.causes.pop(trial_id, lost) if error else (None, False)
            with ending():
                self.conductor.process_ended(number, cause, raised=raised)

    def save_to_dir(self, *_args: Any, **_kwargs: Any) -> None:
        """Nothing to save: the ledger has it."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the ledger has it."""

    def restore(self, checkpoint_path: str) -> None:
        """Never called: a search is rebuilt from its ledger."""
        raise AssertionError("a search is rebuilt from its ledger")

    def _look_for_lost_trials(self) -> None:
        for trial_id, trial in list(self.trials.items()):
            if trial.status in _ENDED and trial_id in self._numbers:
                self.on_trial_complete(trial_id, error=True)


class MessageScheduler(TrialScheduler):
    """Brings workers' messages to the conductor, and runs trials in the order they were handed out.

    Args:
        conductor: answers the messages.
        searcher: told of the trials and of why they ended.
    """

    _metric = "objective"

    def __init__(self, conductor: Conductor, searcher: WorkSearcher) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.conductor = conductor
        self.searcher = searcher
        self._pending: deque[Trial] = deque()

    def __reduce__(self) -> tuple[Any, ...]:
        return _nothing, ()

    def set_search_properties(self, *_args: Any, **_kwargs: Any) -> bool:
        """Tune's metric and mode are none of ours."""
        return True

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        """Tune has made a trial out of the searcher's config."""
        self._pending.append(trial)
        self.searcher.trials[trial.trial_id] = trial

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """A worker has said something."""
        with ending():
            answer = self.conductor.receive(trial.config["number"], from_result(result))
        return str(self.STOP if answer == "stop" else self.CONTINUE)

    def on_trial_error(self, tune_controller: Any, trial: Trial) -> None:
        """A trial's process died or raised: keep why, until the searcher is told."""
        self.searcher.causes[trial.trial_id] = _cause(trial)

    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        """The searcher is told as well, and acts."""

    def on_trial_remove(self, tune_controller: Any, trial: Trial) -> None:
        """Trials are not removed."""

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        """The first that was handed out and is not running yet; constant time.

        Tune asks in each of its steps, also while every slot is busy. A Callback would be told as well, but for one of
        a user's own Tune imports all its integrations, a second before the first trial.
        """
        with ending():
            self.conductor.catch_up()
        self.searcher.between()
        while self._pending and self._pending[0].status != Trial.PENDING:
            self._pending.popleft()
        return self._pending[0] if self._pending else None

    def debug_string(self) -> str:
        """Nothing: `progress` says how it goes."""
        return ""


@contextmanager
def ending() -> Iterator[None]:
    """Turn an error that ends the search into `EndSearch`, which Tune lets through."""
    try:
        yield
    except TuneAsrError as error:
        raise EndSearch(error) from error


def _cause(trial: Trial) -> tuple[str, bool]:
    """Why a trial's process ended, in one line, and whether it raised: then with the place, outside of all packages."""
    text = ""
    with suppress(OSError, TypeError):
        text = Path(trial.error_file).read_text(encoding="utf-8", errors="replace")
    written = [line for line in text.splitlines() if line.strip()]
    lines = [line.strip() for line in written]
    if any("low on memory" in line for line in lines):
        return "out of memory: its process was killed: lower data.batch_size or run fewer trials at once", False
    if any("actor died" in line or "actor is dead" in line for line in lines):
        return "its process died (killed, crashed or out of memory)", False
    if not lines:
        return "its process ended without a word", False
    found = [(number, frame) for number, frame in enumerate(map(_FRAME.match, lines)) if frame]
    users = [frame for _, frame in found if not _PACKAGE.search(frame["file"])]
    place = f" at {users[-1]['file']}:{users[-1]['line']}" if users else ""
    # An exception begins behind the last frame, in the first column, and may go on for lines.
    behind = written[found[-1][0] + 1 :] if found else written[-1:]
    told = next((line for line in behind if not line[0].isspace()), written[-1])
    return told.strip()[:500] + place, True
