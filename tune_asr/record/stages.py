"""Stages of a search, each with trials of one horizon.

Stage 0 is the search itself. `--max-epochs E` on a resume begins another one: its trials repeat the best settings with
the longer horizon E, and are judged among themselves. `--num-samples` returns to stage 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tune_asr.record.search_events import Planned, Stopped, WaveOpened


@dataclass(slots=True)
class Stage:
    """Trials of one horizon."""

    horizon: int | None = None
    """Last epoch of a trial; None before the first extent."""
    waves: list[WaveOpened] = field(default_factory=list)
    """Waves so far, in order."""
    reports_before: list[int] = field(default_factory=list)
    """Number of reports before each wave."""
    trials: list[str] = field(default_factory=list)
    """Numbers of its trials, in order; finalists are not among them."""
    num_planned: int = 0
    """Trials in its last extent."""
    stopped: Stopped | None = None
    """End of new trials by `search.stop`, until an extent asks for more than there are, or gives time."""
    first_counted: int = 1
    """Index of the first wave that `search.stop` counts."""

    def take(self, planned: Planned) -> None:
        """Take the number of trials of an extent.

        A stopped search goes on if it is asked for more trials than it has, or given time for them: with a deadline
        none stops.
        """
        has_time = planned.deadline_seconds is not None
        is_asked = planned.cause == "num_samples" or planned.trials != self.num_planned or has_time
        if self.stopped and is_asked and planned.trials > len(self.trials):
            self.stopped, self.first_counted = None, len(self.waves)
        self.num_planned = planned.trials


@dataclass(slots=True)
class Stages:
    """All stages of a search, in order."""

    every: list[Stage] = field(default_factory=lambda: [Stage()])
    index: int = 0
    """Stage of the last extent."""

    @property
    def now(self) -> Stage:
        """Stage of the last extent."""
        return self.every[self.index]

    @property
    def first(self) -> Stage:
        """Stage of the search itself."""
        return self.every[0]

    @property
    def num_waves(self) -> int:
        """Number of waves in all stages."""
        return sum(len(stage.waves) for stage in self.every)

    def take(self, planned: Planned) -> None:
        """Take an extent.

        A longer horizon begins a stage; a shorter one is that of the search.
        """
        before = self.now.horizon
        if before is None:
            self.now.horizon = planned.horizon
        elif planned.horizon > before:
            self.every.append(Stage(planned.horizon))
            self.index = len(self.every) - 1
        elif planned.horizon < before:
            self.index = 0
        self.now.take(planned)
