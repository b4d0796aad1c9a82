"""As many trials on a GPU as its memory, the CPUs and a measured gain allow.

A small model leaves a GPU idle between its kernels, and several trials fill the gaps. From some number on they only
wait for each other. Both is measured: the memory of the largest setting's longest batch, and the steps a second of some
trials at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tune_asr.search.cards.card import GIGABYTE
from tune_asr.search.cards.shares import share_of

GAIN = 1.1
"""Smallest factor by which more trials must train faster together."""
USABLE = 0.95
"""Part of the free memory for trials; the rest is for the driver and for pieces that fit nowhere."""
MOST = 64
"""Largest number of trials on a GPU; each has a context of its own."""


@dataclass(frozen=True, slots=True)
class Need:
    """Memory of one trial on a GPU, in bytes."""

    peak: int
    """Largest memory of tensors, with the longest batch of the largest setting."""
    context: int
    """Memory of the process beside its tensors."""

    @property
    def total(self) -> int:
        """Memory of the process."""
        return self.peak + self.context


@dataclass(frozen=True, slots=True)
class Room:
    """Bounds of the number of trials on a GPU."""

    free_bytes: int | None
    """Free memory of the GPU, None if it is not known."""
    need: Need
    by_cpus: int
    """Trials for which the CPUs of the node suffice, a GPU."""
    wanted: int | None = None
    """Trials that the user lets run at once, a GPU; None for any number."""

    @property
    def by_memory(self) -> int:
        """Trials for which the memory suffices."""
        if self.free_bytes is None:
            return MOST
        return int(USABLE * self.free_bytes / max(1, self.need.total))

    @property
    def most(self) -> int:
        """Largest number of trials within all bounds, at least 1."""
        return max(1, min(self.by_memory, self.by_cpus, MOST, self.wanted or MOST))


@dataclass(frozen=True, slots=True)
class Packing:
    """Number of trials on a GPU."""

    trials: int
    reason: str
    """Half a sentence for people."""
    memory_bytes: int | None = None
    """Memory of a trial's tensors that leaves the same to each neighbour."""
    faster: float = 1.0
    """Factor by which they train faster together than one alone."""

    @property
    def share(self) -> float:
        """GPUs of a trial."""
        return share_of(self.trials)


def trials_a_card(room: Room, rate: Callable[[int], float]) -> Packing:
    """Return the number of trials on a GPU that pays.

    The number is doubled as long as the trials together train faster by `GAIN`.

    Args:
        room: bounds of the number.
        rate: measurement of the steps a second of so many trials together, 0 if they cannot be compared: one of them
            fails, or none of its steps is short enough. It is called with growing numbers.
    """
    best, alone, worse = 1, 0.0, 0
    fastest = 0.0
    for trials in _steps(room.most):
        found = rate(trials)
        alone = alone or found
        if not found or found < GAIN * fastest:
            worse = trials
            break
        best, fastest = trials, found
    faster = fastest / alone if alone else 1.0
    return Packing(best, _reason(room, best, worse, faster), _memory(room, best), faster)


def _steps(most: int) -> list[int]:
    if most == 1:  # nothing is to be measured
        return []
    return [*(2**power for power in range(most.bit_length()) if 2**power < most), most]


def _memory(room: Room, trials: int) -> int | None:
    """Return the memory for the tensors of a trial.

    One alone may have all there is.
    """
    if room.free_bytes is None or trials == 1:
        return None
    return max(room.need.peak, int(USABLE * room.free_bytes / trials) - room.need.context)


def _reason(room: Room, trials: int, worse: int, faster: float) -> str:
    bounds = [(room.by_memory, "memory"), (room.by_cpus, "the CPUs"), (room.wanted or MOST, "search.max_concurrent")]
    bound, what = min((max(1, number), what) for number, what in bounds)
    limit = f"{what} {'allow' if what == 'the CPUs' else 'allows'}" if bound < MOST else "a GPU takes"
    if room.most == 1:
        need = f" of {room.need.total / GIGABYTE:.1f} GB" if what == "memory" else ""
        return f"{limit} no second trial{need}"
    if worse == 1:
        return "one alone ends no step within a measurement"
    if worse:
        more = f"{worse} together train less than {GAIN:g} times as fast as {_together(trials)}"
        return f"they train {faster:.1f} times as fast as one alone, and {more}" if trials > 1 else more
    return f"they train {faster:.1f} times as fast as one alone, and {limit} no more"


def _together(trials: int) -> str:
    return str(trials) if trials > 1 else "one alone"
