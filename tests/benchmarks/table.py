"""The table that a run of the benchmarks ends in, and what is to be known of the machine."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure: a claim where it has a goal, else something to see a claim beside."""

    claim: str
    value: float | None
    """None: not measured; `claim` says why."""
    unit: str = "s"
    at_most: float | None = None
    at_least: float | None = None

    @property
    def misses(self) -> bool:
        """Whether the figure falls short of its goal."""
        if self.value is None:
            return False
        too_much = self.at_most is not None and self.value > self.at_most
        return too_much or (self.at_least is not None and self.value < self.at_least)

    def __str__(self) -> str:
        value = "" if self.value is None else f"{self.value:.3g} {self.unit:1}"
        goal = f"<= {self.at_most:g}" if self.at_most is not None else ""
        goal = f">= {self.at_least:g}" if self.at_least is not None else goal
        verdict = "MISS" if self.misses else "ok" if goal and value else ""
        return f"{self.claim:<46}{value:>11}{goal:>9}  {verdict}".rstrip()


def render(groups: Iterable[tuple[str, Iterable[Row]]]) -> str:
    """The table, 80 columns at most: each group's rows under its name in the first column."""
    lines = [f"{'':<8}{'':<46}{'measured':>11}{'goal':>9}"]
    for name, rows in groups:
        lines += [f"{'' if number else name:<8}{row}" for number, row in enumerate(rows)]
    return "\n".join(lines)


def machine() -> str:
    """Cores, load and versions. A load near the number of cores means that others were measured too."""
    load = " ".join(f"{average:.2f}" for average in os.getloadavg())
    versions = ", ".join(f"{package} {_version(package)}" for package in ("torch", "lightning", "ray"))
    return (
        f"{cores()} cores ({platform.machine()}), load average {load} at the start\n"
        f"python {platform.python_version()}, {versions}"
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def cores() -> int:
    """CPUs that this process may use: the slots of a search."""
    return len(os.sched_getaffinity(0))
