"""Report of a search on a terminal.

Lines have 80 columns in a file or a pipe.

Names, values and causes are foreign text: they are shown, and never read as markup or as codes of the terminal.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tune_asr.errors import ConfigError, Problem
from tune_asr.record.ranking import searched_keys
from tune_asr.record.state import find_trial
from tune_asr.record.utterances import utterances_of
from tune_asr.report import story
from tune_asr.report.base import base_lines
from tune_asr.report.families import family_lines
from tune_asr.report.leaderboard_table import interval_text, leaderboard_tables
from tune_asr.report.longer import longer_lines
from tune_asr.report.next_commands import COMMAND_INDENT, next_command_lines
from tune_asr.report.pruning import savings_lines
from tune_asr.report.results import Results, gather
from tune_asr.report.seeds import seed_lines
from tune_asr.report.text_table import INDENT
from tune_asr.report.trade_offs import front_lines, limit_lines, trade_off_columns
from tune_asr.report.two_searches import two_searches
from tune_asr.report.two_trials import first_against_second
from tune_asr.wording import percent

_ROWS = 20
_WIDTH = 80


def print_report(root: Path) -> None:
    """Print the report of the search in `root`.

    Raises:
        StorageError: `root` is not a results folder, or is damaged.
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
                # A wrapped command cannot be copied.
                console.print(part, soft_wrap=isinstance(part, str) and part.startswith(COMMAND_INDENT))
            if parts:
                console.print()
    # Print at once and without rich, which would swallow the error of a closed pipe.
    print("\n".join(line.rstrip() for line in captured.get().rstrip().split("\n")))


def print_comparison(root: Path, one: str, other: str) -> None:
    """Print whether one trial beats another at its best epoch.

    Raises:
        ConfigError: the search has no such trial, both are the same, or one has no result.
        StorageError: `root` is not a results folder, or is damaged.
    """
    results = gather(root, rows=0)
    reports = {trial.number: report for trial, report in results.ranked if report}
    numbers = (
        find_trial(results.state, one, "--compare").number,
        find_trial(results.state, other, "--compare").number,
    )
    if numbers[0] == numbers[1]:
        raise ConfigError(Problem("--compare", f"names the trial {numbers[0]} twice", "Name two trials."))
    for number in numbers:
        if number not in reports:
            what = f"names the trial {number}, which has no result"
            raise ConfigError(Problem("--compare", what, "Name trials of the leaderboard that have a WER."))
    if results.metric == "val_cer":
        for number in numbers:
            print(f"{number}  CER {percent(reports[number].scores.val_cer)} %")
        print(textwrap.fill(next(story.sureness(results)), _WIDTH))
        return
    first, second = (utterances_of(results.folder, number, reports[number]) for number in numbers)
    for number, utterances in zip(numbers, (first, second), strict=True):
        wer = percent(reports[number].scores.val_wer)
        rates = f"WER {wer} %, 95 %: {interval_text(utterances) or 'not known'}"
        print(f"{number}  {rates}")
    print(textwrap.fill(first_against_second(first, second, numbers), _WIDTH))


def print_two_searches(one: Path, other: Path) -> None:
    """Print two searches side by side.

    Raises:
        ConfigError: their validation data are not the same.
        StorageError: one is not a results folder, or is damaged.
    """
    for line in two_searches(gather(one, rows=1), gather(other, rows=1)):
        print(line if line.startswith(INDENT) else textwrap.fill(line, _WIDTH))


def _leaderboard(results: Results, width: int) -> Iterator[Table | str]:
    shown = results.ranked[:_ROWS]
    if shown:
        first, *more = leaderboard_tables(
            shown,
            searched_keys(results.state),
            results.utterances,
            width,
            results.metric,
            trade_off_columns(results, shown),
        )
        yield first
        for table in more:
            yield ""
            yield table
    if len(results.ranked) > _ROWS:
        yield f"and {len(results.ranked) - _ROWS} more in leaderboard.csv"


_SECTIONS = (
    story.ending,
    story.sureness,
    story.test_set,
    limit_lines,
    front_lines,
    base_lines,
    family_lines,
    seed_lines,
    longer_lines,
    savings_lines,
    story.equal_epochs,
    story.replays,
    story.what_matters,
    story.failures,
    story.winner,
    next_command_lines,
)
