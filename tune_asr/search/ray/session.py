"""Session of a search in a running Ray, to its end."""

from __future__ import annotations

import os
import shlex
import socket
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Literal

from pydantic import JsonValue
from ray.exceptions import RayError

from tune_asr.errors import ClusterError, ConfigError, DataError, TrialFailedError, TuneAsrError
from tune_asr.record.events import Event, Resumed, Started
from tune_asr.record.ledger import Ledger
from tune_asr.record.search_events import SearchEnded, SearchStarted
from tune_asr.record.search_yaml import flat, read_search_yaml
from tune_asr.record.state import SearchState
from tune_asr.search.budget import Budget
from tune_asr.search.cards.placement import Placement
from tune_asr.search.conductor import Conductor, remove_tune_state
from tune_asr.search.interrupts import Interrupts
from tune_asr.search.keeping import FolderKeeping
from tune_asr.search.live_table import LiveProgress
from tune_asr.search.progress import Progress
from tune_asr.search.ray.cluster import SHUTDOWN_SECONDS, leave_nothing
from tune_asr.search.ray.executor import EndSearch, ending
from tune_asr.search.ray.gauges import Gauges, Reading, readings
from tune_asr.search.ray.silent import SilenceWatch
from tune_asr.search.ray.token import token_hint
from tune_asr.search.ray.tuner import fit
from tune_asr.search.ray.watchdogs import RayWatch, end_process_within, loss
from tune_asr.search.search import Search
from tune_asr.wording import count, first_line, is_live_terminal

LOOK_SECONDS = 5.0
WAITING_SECONDS = 30.0


class Session:
    """Run of a search, new or resumed.

    Args:
        search: folder, plan and metric.
        state: trials so far.
        placement: limit of trials at once, and what each gets.
        interrupts: signals that have come.
        address: address of the cluster; None for a local Ray.
        dashboard: function that returns the dashboard's URL, None before it is up.
        budget: clock of the search, and its time budget.
        audio_seconds: length of the training data, None if it is not known.
    """

    def __init__(
        self,
        search: Search,
        state: SearchState,
        *,
        placement: Placement,
        interrupts: Interrupts,
        address: str | None,
        dashboard: Callable[[], str | None],
        budget: Budget,
        audio_seconds: float | None = None,
    ) -> None:
        self.search, self.folder, self.plan = search, search.folder, search.plan
        self.placement, self.slots = placement, placement.slots
        self.interrupts, self.budget = interrupts, budget
        self.ledger = Ledger.open(self.folder.ledger)
        self.state = state
        show = LiveProgress if is_live_terminal(sys.stdout) else Progress
        self.progress = show(search, self.state, self.slots)
        read = partial(self._readings, audio_seconds)
        self._gauges = Gauges(self.folder.root.name, read, self.progress.say)
        self._is_new = not self.state.trials
        self._dirty = True
        self._dashboard: Callable[[], str | None] | None = dashboard
        self._looked_at = 0.0
        self._waits_since: float | None = time.monotonic() if address else None
        self._where = address or "local"
        flag = f" --address {address}" if address else ""
        self._resume_by = f"python -m tune_asr.search --resume {shlex.quote(str(self.folder.root))}{flag}"
        longest = max((report.seconds or 0.0 for report in self.state.reports), default=0.0)
        self._silence = SilenceWatch(self.plan.space.resources.silence, longest, self.progress.say)
        self._watch = RayWatch(self._resume_by, lambda: interrupts.exit_code(ClusterError.exit_code), leave_nothing)

    def run(self) -> int:
        """Run the search to its end; return the exit code.

        Raises:
            TuneAsrError: the search cannot continue; once the cause is gone it can be resumed.
        """
        self._log(
            SearchStarted(
                pid=os.getpid(),
                host=socket.gethostname(),
                address=self._where,
                slots=self.slots,
                device=self.placement.device,
                device_bytes=card.total_bytes if (card := self.placement.card) else None,
                trials_per_device=self.placement.trials_a_card,
                device_reason=self.placement.reason,
                resumed=not self._is_new,
                before_seconds=round(self.budget.clock() - self.budget.earlier, 3),
                search_yaml=self._search_yaml(),
                set=dict(self.search.asked.given) or None,
                accepted=dict(self.search.asked.accepted) or None,
            )
        )
        if self.state.planned is None and not self.state.trials:  # the first plan follows all of them
            self._log(*self.search.warm[len(self.state.warm) :])
        keeping = FolderKeeping(self.folder, self.search.metric)
        conductor = Conductor(self.search, self.ledger, self.state, self._on_event, keeping, self.budget)
        try:
            conductor.open(self.slots)
            with self._watch:
                self._fit_until_done(conductor)
            conductor.rest()
            self._end("finished")
        except EndSearch as end:
            return self._end_early(conductor, end)
        finally:
            self.progress.close()
        code = TrialFailedError.exit_code if self.state.counts()["failed"] else 0
        if self._watch.is_lost or self._silence.lost_slots:
            end_process_within(SHUTDOWN_SECONDS, code, first=leave_nothing)
        return code

    def _search_yaml(self) -> dict[str, JsonValue] | None:
        """Return the content of search.yaml for the ledger.

        None if nothing was accepted since it was last written. Later changes by hand are found by it.
        """
        if self.state.changes.described is not None and not self.search.asked.accepted:
            return None
        return flat(read_search_yaml(self.folder.search_yaml))

    def _fit_until_done(self, conductor: Conductor) -> None:
        def is_over() -> bool:
            return conductor.is_over

        while not is_over():
            self.interrupts.hold()  # `_between` lets them come: a signal before it would go to Tune
            try:
                fit(conductor, self.placement, self._between, self._silence)
            except EndSearch as end:
                # After the last trial Ray is not needed any more.
                if not is_over() or not isinstance(end.error, ClusterError):
                    raise
            except (RayError, RuntimeError, ConnectionError) as error:
                if not isinstance(error, (RayError, ConnectionError)) and not isinstance(error.__cause__, RayError):
                    raise
                raise EndSearch(loss(first_line(error), self._resume_by)) from error
            finally:
                self.interrupts.install()
            for number in reversed(conductor.handed_out):
                conductor.take_back(number)

    def _between(self) -> None:
        """Act between two events of Tune: end, print, write snapshots."""
        self.interrupts.install()
        if self.interrupts.number is not None:
            raise EndSearch
        if self._dashboard and (url := self._dashboard()):
            self.progress.say(f"dashboard {url}{token_hint()}")
            self._dashboard = None
        self.progress.tick()
        self._gauges.tick()
        self._warn_of_waiting()
        if not self._watch.is_lost and time.monotonic() - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = time.monotonic()
        with ending(self.folder.root):
            self._watch.require_alive()
            if self._dirty:
                self._snapshot("running")

    def _warn_of_waiting(self) -> None:
        """Print once if no trial begins.

        Others may use the cluster, or it is still growing.
        """
        if self._waits_since is None or time.monotonic() - self._waits_since < WAITING_SECONDS:
            return
        self._waits_since = None
        each = f"{count(self.placement.cpus, 'CPU')}, {count(self.placement.gpus, 'GPU')} each"
        self.progress.say(
            f"no trial has begun in {WAITING_SECONDS:.0f} s: the cluster may have nothing free for it "
            f"({each}; `ray status` shows what is in use)"
        )

    def _end_early(self, conductor: Conductor, end: EndSearch) -> int:
        error = end.error
        if isinstance(error, ClusterError) and self.interrupts.number is not None:
            error = None  # Ray's processes got the signal too
        try:
            conductor.pause()
            self._end("interrupted")
        except TuneAsrError:
            # A full disk takes no more events, but those in the ledger are whole.
            if error is None:
                raise
        # After a mistake of the user and before any epoch, the driver removes the folder.
        if self.state.epochs or not isinstance(error, ConfigError | DataError):
            how = "ended early" if error else "interrupted"
            self.progress.say(f"{how}; resume with: {self._resume_by}")
        if error is not None:
            raise error
        code = self.interrupts.exit_code(ClusterError.exit_code)
        end_process_within(SHUTDOWN_SECONDS, code, first=leave_nothing)
        return code

    def _end(self, status: Literal["finished", "interrupted"]) -> None:
        for line in self._snapshot(status):
            self.progress.say(f"damaged, passed over: {line}")
        remove_tune_state(self.folder)
        self._log(SearchEnded(status=status))

    def _log(self, *events: Event) -> None:
        for written in self.ledger.append(*events) if events else ():
            self.state.apply(written)

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Started | Resumed):
            self._waits_since = None
        self._dirty = True
        self.progress.event(event)
        self._gauges.event(event)

    def _readings(self, audio_seconds: float | None) -> Iterator[Reading]:
        return readings(self.state, self.slots, self.progress.best, audio_seconds)

    def _snapshot(self, status: str) -> list[str]:
        self._dirty = False
        return self.search.snapshot(self.state, status)
