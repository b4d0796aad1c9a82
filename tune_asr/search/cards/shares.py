"""Shares of GPUs: how many trials fit, and more room for one that ran out of memory.

Ray counts in ten-thousandths of a GPU, and a trial lies on one GPU or has whole ones. So 0.4 of a GPU lets two trials
share each, and the last fifth stays unused.
"""

from __future__ import annotations

from collections.abc import Sequence

UNITS = 10_000
"""Parts of a GPU that Ray tells apart."""


def share_of(trials: int) -> float:
    """Return the share at which these trials fill a GPU."""
    return UNITS // trials / UNITS


def trials_on(share: float) -> int:
    """Count the trials on a GPU, at least 1."""
    return max(1, UNITS // max(1, round(share * UNITS)))


def slots_of(cpus: float, gpus: float, cpus_per_trial: float, share: float) -> int:
    """Return the number of trials that fit on a node.

    Args:
        cpus: CPUs of the node.
        gpus: GPUs of the node.
        cpus_per_trial: CPUs of a trial.
        share: GPUs of a trial, 0 for none.
    """
    by_cpus = int(cpus / cpus_per_trial + 1e-9)
    return min(by_cpus, trials_on_all(gpus, share)) if share else by_cpus


def trials_on_all(gpus: float, share: float) -> int:
    """Count the trials on the GPUs of a node."""
    return int(gpus) * trials_on(share) if share < 1 else int(gpus / share)


def hole(share: float) -> float:
    """Return the part of a GPU without use."""
    return 1 - trials_on(share) * round(share * UNITS) / UNITS if 0 < share < 1 else 0.0


def more_room(share: float, need: float | None) -> float | None:
    """Return the larger share of a trial out of memory.

    A setting is to blame only if it runs out of memory with a GPU of its own: on a shared one its neighbours may have
    filled it. So it gets twice the share, or more if it is known to need more.

    Args:
        share: share that was too small; 0 on a CPU.
        need: part of a GPU's memory that it asked for, None if it is not known.

    Returns:
        None if no larger share would do.
    """
    if not 0 < share < 1 or (need is not None and need > 1):
        return None
    least = max(2 * share, need or 0.0)
    return next((room for room in _rooms(share) if room >= least - 1e-9), 1.0)


def _rooms(share: float) -> Sequence[float]:
    """Return larger shares that fill a GPU."""
    return [share_of(trials) for trials in range(trials_on(share) // 2, 0, -1)]


def weight(share: float, usual: float) -> int:
    """Return the number of slots that a share takes."""
    return max(1, -(-round(share * UNITS) // max(1, round(usual * UNITS)))) if usual else 1
