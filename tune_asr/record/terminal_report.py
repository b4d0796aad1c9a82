"""The report of a search on a terminal: plain text of 80 columns where it goes into a file or a pipe.

Read from the ledger, with intervals from the utterances and ranges from search.yaml where they are
there. Names, values and causes are data: they are shown, never taken for markup or for commands of
the terminal.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tune_asr.record import story
from tune_asr.record.ranking import searched_keys
from tune_asr.record.results import Results, gather
from tune_asr.record.terminal_table import leaderboard_tables

_ROWS = 20
_WIDTH = 80
_SECTIONS = (story.sureness, story.savings, story.failures, story.winner, story.next_steps)


def print_report(root: Path) -> None:
    """Print what happened in the search of `root`, how sure it is, and what can be done next.

    Raises:
        StorageError: it is not a results folder, or is damaged.
    """
    results = gather(root, _ROWS)
    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH
    sections = (
        story.header(results),
        _leaderboard(results, console.width),
        *(section(results) for section in _SECTIONS),
    )
    with console.capture() as captured:
        for section in sections:
            parts = list(section)
            for part in parts:
                # A command that is wrapped cannot be copied.
                console.print(part, soft_wrap=isinstance(part, str) and part.startswith(story.COMMAND_INDENT))
            if parts:
                console.print()
    # In one piece, and not by rich: a closed pipe is for the door to handle.
    print("\n".join(line.rstrip() for line in captured.get().rstrip().split("\n")))


def _leaderboard(results: Results, width: int) -> Iterator[Table | str]:
    shown = results.ranked[:_ROWS]
    if shown:
        first, *more = leaderboard_tables(
            shown, searched_keys(results.state), results.utterances, width, results.metric
        )
        yield first
        for table in more:
            yield ""
            yield table
    if len(results.ranked) > _ROWS:
        yield f"and {len(results.ranked) - _ROWS} more in leaderboard.csv"
