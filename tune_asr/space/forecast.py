"""Forecast of a search: its epochs, its time, and the extent that fits a time.

Letters as in `asha`: N trials, H last epoch, g grace period, w slots. Beyond epoch e, `share_beyond(e, N)` of the
trials are expected. So a search trains N * share_beyond(e, N) trials in epoch e + 1, less those that have done it:

    epochs  = sum over e = 0 .. H - 1 of the trials still expected beyond e
    seconds = ((epochs - tail) * epoch + set-ups * set-up) / w + tail * epoch

The tail, from the last rung to H, is trained by the last trial alone. All functions are pure: time is a parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tune_asr.space.asha import Waves, milestones
from tune_asr.space.sections import AshaSection, FinalistsSection
from tune_asr.space.stopping import Asha

FEWEST = 8
"""Trials for which a horizon must leave time."""
RESERVE = 1.2
"""Time that the best trial is left to come to its end, over what it needs."""
EPOCH_RANGES = {"waves": (0.95, 1.3), "stop": (0.75, 2.0)}
"""Range of the epochs of a search, over those foreseen, by `asha.mode`."""
PACE_WEIGHTS = {"waves": 0.3, "stop": 0.1}
"""Weight of the fastest and the slowest setting in the range of the time.

With these, 93 to 100 % of the replays of two tables of learning curves end inside in mode `waves`, and 90 to 93 % in
mode `stop`; of the epochs, 100 % and 95 %.
"""

Share = Callable[[int, int], float]
"""Expected share of trials trained beyond an epoch, of so many."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds that trainings take."""

    epoch: float
    """Seconds of an epoch, mean over the settings of the space."""
    fastest: float
    slowest: float
    set_up: float = 0.0
    """Seconds before the first step, each time a process takes a trial."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Rule of ASHA, as far as a forecast needs it."""

    asha: AshaSection
    horizon: int
    """Last epoch of a trial (H)."""
    has_base: bool = False
    """Whether trial 00000 is the base configuration, which is never pruned."""

    @property
    def rungs(self) -> list[int]:
        """Epochs of the rungs."""
        return milestones(self.asha.grace_period, self.asha.reduction_factor, self.horizon)

    @property
    def tail(self) -> int:
        """Epochs from the last rung to the end."""
        return self.horizon - max(self.rungs, default=0)

    @property
    def epoch_range(self) -> tuple[float, float]:
        """Range of the epochs of a search, over those foreseen."""
        return EPOCH_RANGES[self.asha.mode]

    def time_range(self, pace: Pace) -> tuple[float, float]:
        """Return the range of a search's time, relatively.

        The settings that are trained to the end may be faster or slower than the mean.
        """
        (low, high), weight = self.epoch_range, PACE_WEIGHTS[self.asha.mode]
        faster, slower = 1 - pace.fastest / pace.epoch, pace.slowest / pace.epoch - 1
        return low * (1 - weight * faster), high * (1 + weight * slower)

    def share(self) -> Share:
        """Return the expected share of trials beyond an epoch."""
        g, eta = self.asha.grace_period, self.asha.reduction_factor
        rule = Waves if self.asha.mode == "waves" else Asha
        return rule(grace_period=g, reduction_factor=eta, max_t=self.horizon).share_beyond


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Trials so far."""

    created: int = 0
    reached: Sequence[int] = ()
    """Number of trials that came to epoch e, at index e - 1."""
    running: Sequence[int] = ()
    """Last epoch of each trial that runs."""
    waiting: Sequence[int] = ()
    """Last epoch of each trial that waits at a rung."""
    base: int | None = 0
    """Last epoch of the base configuration; None once it has ended."""


NOTHING = Progress()


@dataclass(frozen=True, slots=True)
class Forecast:
    """Work that a search still has."""

    epochs: float
    set_ups: float
    tail: float
    """Epochs that the last trial trains alone."""

    def seconds(self, pace: Pace, slots: int) -> float:
        """Return the time until the end."""
        shared = (self.epochs - self.tail) * pace.epoch + self.set_ups * pace.set_up
        return shared / slots + self.tail * pace.epoch


def forecast(rule: Rule, trials: int, progress: Progress = NOTHING) -> Forecast:
    """Return the work that is left of a search.

    Args:
        rule: rule of ASHA with the horizon.
        trials: number of trials in all (N).
        progress: trials so far; by default a search at its start.
    """
    share, new = rule.share(), max(0, trials - progress.created)
    there = [*progress.running, *progress.waiting]
    expected: list[float] = []
    for epoch in range(rule.horizon):
        reached = progress.reached[epoch] if epoch < len(progress.reached) else 0
        certain = sum(_chance(share, trials, last, epoch) for last in progress.running if last <= epoch)
        certain = max(certain, float(rule.has_base and progress.base is not None and progress.base <= epoch))
        able = new + sum(last <= epoch for last in there)
        expected.append(min(able, max(trials * share(epoch, trials) - reached, certain)))
    rungs = [expected[rung] for rung in rule.rungs]
    epochs, own = sum(expected), [expected_epochs(rule, trials, last) for last in progress.running]
    # Once no other trial is expected, the trials that run train the tail.
    tail = max([*own, rule.tail if epochs - sum(own) > 0.5 else 0.0])
    return Forecast(epochs, new + sum(rungs), min(epochs, tail))


def expected_epochs(rule: Rule, trials: int, last: int) -> float:
    """Return the epochs that a running trial may still train.

    Args:
        rule: rule of ASHA with the horizon.
        trials: number of trials in all (N).
        last: last epoch of the trial.
    """
    share = rule.share()
    return sum(_chance(share, trials, last, epoch) for epoch in range(last, rule.horizon))


def _chance(share: Share, trials: int, last: int, epoch: int) -> float:
    """Return the chance of a trial to pass `epoch`."""
    return share(epoch, trials) / share(max(0, last - 1), trials)


def seconds_of_finalists(runs: int, horizon: int, pace: Pace, slots: int) -> float:
    """Return the time of finalists, trained to the end."""
    return -(-runs // slots) * (horizon * pace.epoch + pace.set_up)


def seconds_of_round(section: FinalistsSection | None, horizon: int, pace: Pace, slots: int) -> float:
    """Return the time of a round of finalists.

    It is 0 if a search has none.
    """
    return seconds_of_finalists(section.top * section.seeds, horizon, pace, slots) if section else 0.0


def fitting_trials(rule: Rule, pace: Pace, slots: int, seconds: float, most: int, progress: Progress = NOTHING) -> int:
    """Return the largest number of trials within a time.

    It is never below the number of those created, and 0 if not even one fits.

    Args:
        rule: rule of ASHA with the horizon.
        pace: seconds of an epoch.
        slots: number of trials at the same time.
        seconds: time for training.
        most: largest number of trials.
        progress: trials so far.
    """

    def fits(trials: int) -> bool:
        return seconds_needed(rule, pace, slots, trials, progress) <= seconds

    low, high = progress.created, max(progress.created, most)
    if high > low and not fits(low + 1):
        return low
    step = 1
    while low + step < high and fits(low + step):
        low, step = low + step, 2 * step
    high = min(high, low + step)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def seconds_needed(rule: Rule, pace: Pace, slots: int, trials: int, progress: Progress = NOTHING) -> float:
    """Return the time of so many trials.

    At least the first of them is trained to its end.
    """
    whole = rule.horizon * pace.epoch + pace.set_up
    least = whole if trials == 1 else RESERVE * whole
    new = trials > progress.created
    return max(forecast(rule, trials, progress).seconds(pace, slots), least if new else 0.0)


def fitting_horizon(rule: Rule, pace: Pace, slots: int, seconds: Callable[[int], float], most: int) -> int:
    """Return the last epoch of trials within a time.

    It is that of the rule if the fewest trials fit, else the longest with which they fit, and at least 1.

    Args:
        rule: rule of ASHA with the configured horizon.
        pace: seconds of an epoch.
        slots: number of trials at the same time.
        seconds: time for training under a horizon.
        most: largest number of trials.
    """
    trials = min(FEWEST, most)
    shorter = (replace(rule, horizon=horizon) for horizon in range(rule.horizon, 1, -1))
    fitting = (r.horizon for r in shorter if seconds_needed(r, pace, slots, trials) <= seconds(r.horizon))
    return next(fitting, 1)
