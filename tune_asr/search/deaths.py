"""Consequences of ended processes: retry, failed trial, or end of the search.

A process that dies while its trial trains is the trial's own affair: it is retried, and fails in the end. What Ray says
of a node, or of a process that it never started, is not: such an end counts in no trial, and too many of them end the
search, which is resumed once the cluster is well again.

Three ends are in doubt: a process that dies before its trial has begun, one that cannot be reached, and one whose GPU
failed or was filled by others. Either its setting is to blame, or no trial could live there. Another trial decides: if
it ends in the same way, the cluster is at fault.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from enum import Enum, auto

from tune_asr.errors import ClusterError
from tune_asr.record.trial import Trial
from tune_asr.search.failures import MAX_RETRIES, may_be_chance

_RAY = "Look at Ray's nodes (`ray status`) and its dashboard, then resume the search."
_GPU = (
    "Look at the GPU (`nvidia-smi`, `dmesg`): free it, or leave it out with CUDA_VISIBLE_DEVICES. "
    "Then resume the search."
)


class Fault(Enum):
    """Reason for the end of a process."""

    DEATH = auto()
    """It was killed, or crashed."""
    EXCEPTION = auto()
    """The training raised."""
    CONTACT = auto()
    """It cannot be reached: its network, its node, or its death, which Ray has not seen yet."""
    CARD = auto()
    """Its GPU failed, or other programs fill it."""
    RAY = auto()
    """Its node is lost, or Ray never started it."""


class Consequence(Enum):
    """Consequence for a trial whose process has ended."""

    RETRY = auto()
    FREE_RETRY = auto()
    """Retry that does not count."""
    LATER = auto()
    """Retry after another trial has been tried."""
    FAILED = auto()


class Deaths:
    """Ends of processes in this run of the search."""

    def __init__(self) -> None:
        self._of_ray: Counter[str] = Counter()
        self._out_of_reach: set[str] = set()
        self._starts = 0
        self._unstarted: dict[str, list[int]] = {}  # of each death before the start, the starts of all trials then
        self._put_off: set[str] = set()

    def started(self, number: str) -> None:
        """Count the start of a trial."""
        self._starts += 1
        self._unstarted.pop(number, None)

    def reported(self, number: str) -> None:
        """Forget the ends of a trial before its last epoch."""
        self._of_ray.pop(number, None)
        self._out_of_reach.discard(number)

    def consequence(self, trial: Trial, cause: str, fault: Fault) -> Consequence:
        """Return the consequence for a trial whose process has ended.

        Args:
            trial: trial with the causes of earlier ends.
            cause: reason for this one.
            fault: kind of the reason.

        Raises:
            ClusterError: no setting would avoid this end.
        """
        if fault is Fault.RAY:
            self._of_ray[trial.number] += 1
            if self._of_ray[trial.number] > MAX_RETRIES:
                raise _unusable([trial.number], cause)
            return Consequence.FREE_RETRY
        if fault in (Fault.CONTACT, Fault.CARD):
            self._out_of_reach.add(trial.number)
        in_doubt = fault is Fault.DEATH and trial.status != "running" and not trial.has_died_training
        if in_doubt:
            self._unstarted.setdefault(trial.number, []).append(self._starts)
        if may_be_chance(cause, trial, raised=fault is Fault.EXCEPTION):
            return Consequence.RETRY
        if fault in (Fault.CONTACT, Fault.CARD):
            return self._unreached(trial.number, cause, fault)
        return self._in_doubt(trial.number, cause) if in_doubt else Consequence.FAILED

    def _unreached(self, number: str, cause: str, fault: Fault) -> Consequence:
        if len(self._out_of_reach) > 1:
            raise _unusable(self._out_of_reach, cause, _GPU if fault is Fault.CARD else _RAY)
        if number not in self._put_off:
            self._put_off.add(number)
            return Consequence.LATER
        self._out_of_reach.discard(number)  # its own fault: it proves nothing about later trials
        return Consequence.FAILED

    def _in_doubt(self, number: str, cause: str) -> Consequence:
        ends = self._unstarted[number]
        alike = [other for other, theirs in self._unstarted.items() if theirs[-1] == self._starts]
        if len(alike) > 1:
            raise _unusable(alike, f"{cause}, before the training began")
        if ends[0] == self._starts and number not in self._put_off:
            self._put_off.add(number)
            return Consequence.LATER
        del self._unstarted[number]  # its own fault: it proves nothing about later trials
        return Consequence.FAILED


def _unusable(numbers: Collection[str], cause: str, hint: str = _RAY) -> ClusterError:
    *others, last = sorted(numbers)
    trials = f"trials {', '.join(others)} and {last}" if others else f"trial {last}"
    return ClusterError(
        f"{trials} cannot be run on this Ray, whatever the setting: {cause} (tried {MAX_RETRIES + 1} times)",
        hint=hint,
    )
