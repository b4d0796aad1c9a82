"""Machines of a search on a cluster, and the trials on each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from tune_asr.record.state import SearchState
from tune_asr.wording import count, printable

_NAMED = 6
"""Trials named for each machine."""


def machine_lines(state: SearchState) -> Iterator[str]:
    """Yield a line per machine, if there were several.

    A trial that moved is listed for each of its machines.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for trial in state.trials.values():
        for host in trial.hosts:
            found[host].append(trial.number)
    for host, numbers in sorted(found.items()) if len(found) > 1 else ():
        more = f" and {len(numbers) - _NAMED} more" if len(numbers) > _NAMED else ""
        yield f"on {printable(host)}: {count(len(numbers), 'trial')} ({', '.join(numbers[:_NAMED])}{more})"
