"""Additional time of a resume that is too short for any trial."""

from __future__ import annotations

from collections.abc import Iterator

from tune_asr.errors import ConfigError, Problem
from tune_asr.record.state import SearchState
from tune_asr.search.budget import END_SECONDS, Budget, Command, TimeLeft
from tune_asr.search.ending import Ending
from tune_asr.search.extent import interrupted, is_complete_stage
from tune_asr.search.search import Search
from tune_asr.space.durations import written
from tune_asr.wording import estimate


def require_enough(search: Search, state: SearchState, command: Command, budget: Budget) -> None:
    """Refuse time that ends before any trial can.

    Args:
        search: search and the flags.
        state: trials so far.
        command: command with additional time.
        budget: clock and pace.

    Raises:
        ConfigError: no trial would begin.
    """
    assert command.budget is not None, "only additional time can be too short"
    spent = budget.clock() - budget.earlier
    needed = spent + END_SECONDS + _least(search, state, budget)
    if needed > command.budget:
        what = f"is {written(command.budget)}, but {_why(spent, needed)}"
        raise ConfigError(Problem("--time-budget", what, f"The smallest that would do is about {_enough(needed)}."))


def unused_lines(search: Search, state: SearchState, command: Command, budget: Budget, started: float) -> Iterator[str]:
    """Yield a line on time in which no trial began.

    Args:
        search: search and the flags.
        state: trials so far.
        command: command, maybe with additional time.
        budget: clock and pace.
        started: seconds from the command to the end of the start.
    """
    if command.budget is None:
        return
    needed = started + END_SECONDS + _least(search, state, budget)
    hint = f"--time-budget {_enough(max(needed, command.budget))} would do"
    yield f"no trial began in the {written(command.budget)}: {_why(started, needed)}; {hint}"


def _why(started: float, needed: float) -> str:
    left = estimate(needed - started - END_SECONDS)
    return f"the start takes {estimate(started)}, and the next trial about {left} to its last epoch"


def _enough(seconds: float) -> str:
    return written(10 * (1 + 1.1 * seconds // 10))


def _least(search: Search, state: SearchState, budget: Budget) -> float:
    """Return the fewest seconds in which a trial begins.

    An interrupted trial and finalists begin in any time. Any other trial has to come to its end.
    """
    if interrupted(state) or is_complete_stage(state) or Ending(search.plan, search.metric, state).finalists():
        return 0.0
    left = TimeLeft(search.plan, state, budget)
    return min(left.to_the_end(trial) for trial in (*left.open(), None)) + left.for_finalists
