"""The report of a search on a terminal: plain text of 80 columns where it goes into a file or a pipe.

Read from the ledger, with intervals from the utterances and ranges from search.yaml where they are
there. Names, values and causes are data: they are shown, never taken for markup or for commands of
the terminal.
"""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tune_asr.errors import ConfigError, printable
from tune_asr.record.checkpoints import kept_epochs
from tune_asr.record.findings import first_against_second, horizon_of, narrow_ranges, pruning
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.ledger import iter_ledger
from tune_asr.record.ranking import Metric, Standing, leader, searched_keys, standings
from tune_asr.record.rerun import rerun_command
from tune_asr.record.resolution import resolution
from tune_asr.record.search_yaml import read_search_yaml
from tune_asr.record.state import SearchState
from tune_asr.record.terminal_next import control_lines, replay_lines
from tune_asr.record.terminal_table import interval_text, leaderboard_tables, percent, value_text
from tune_asr.record.utterances import Utterances, utterances_of
from tune_asr.record.what_next import advise

_ROWS = 20
_WIDTH = 80
_COMMAND_INDENT = "    "
_NEAR_THE_FIRST = 5
"""So many trials show how alike settings err."""


@dataclass(frozen=True, slots=True)
class _Results:
    folder: ResultsFolder
    search: dict[str, Any]
    """search.yaml, empty where there is none."""
    state: SearchState
    metric: Metric
    ranked: list[Standing]
    utterances: dict[str, Utterances | None]
    """Of the trials that are shown, by number."""
    running: bool


def print_report(root: Path) -> None:
    """Print what happened in the search of `root`, how sure it is, and what can be done next.

    Raises:
        StorageError: it is not a results folder, or is damaged.
    """
    results = _gather(root)
    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH
    sections = (
        _header(results),
        _leaderboard(results, console.width),
        *(section(results) for section in (_sureness, _savings, _replays, _failures, _winner, _next_steps)),
    )
    with console.capture() as captured:
        for section in sections:
            parts = list(section)
            for part in parts:
                # A command that is wrapped cannot be copied.
                console.print(part, soft_wrap=isinstance(part, str) and part.startswith(_COMMAND_INDENT))
            if parts:
                console.print()
    # In one piece, and not by rich: a closed pipe is for the door to handle.
    print("\n".join(line.rstrip() for line in captured.get().rstrip().split("\n")))


def print_comparison(root: Path, one: str, other: str) -> None:
    """Print whether one trial beats another, on the utterances of their best epochs.

    Raises:
        ConfigError: the search has no such trial, or one of them has no result.
        StorageError: it is not a results folder, or is damaged.
    """
    results = _gather(root)
    reports = {trial.number: report for trial, report in results.ranked}
    numbers = (one.zfill(5), other.zfill(5))
    for number in numbers:
        if reports.get(number) is None:
            what = "has no result" if number in reports else f"is none of the search in {root}"
            raise ConfigError(f"--compare names the trial {number}, which {what}")
    first, second = (utterances_of(results.folder, number, reports[number] or {}) for number in numbers)
    for number, utterances in zip(numbers, (first, second), strict=True):
        rates = f"WER {percent(reports[number], 'val_wer')} %, 95 %: {interval_text(utterances) or 'not known'}"
        print(f"{number}  {rates}")
    print(textwrap.fill(first_against_second(first, second, numbers), _WIDTH))


def _gather(root: Path) -> _Results:
    """Read a results folder. Writes nothing; the search may be running."""
    folder = ResultsFolder(root)
    # Asked before the ledger is read: a search that ends in between is then taken for running, not for dead.
    running = folder.is_running()
    state = SearchState.replay(iter_ledger(folder.ledger), source=str(folder.ledger))
    search = read_search_yaml(folder.search_yaml) if folder.search_yaml.exists() else {}
    metric: Metric = "val_cer" if search.get("metric") == "val_cer" else "val_wer"
    # Where somebody has taken all checkpoints away, what was reported is still worth a leaderboard.
    kept = None
    if folder.all_checkpoints.is_dir():
        kept = {number: kept_epochs(folder.checkpoints(number)) for number in state.trials}
    ranked = standings(state, metric, kept)
    utterances = {
        trial.number: utterances_of(folder, trial.number, report) for trial, report in ranked[:_ROWS] if report
    }
    return _Results(folder, search, state, metric, ranked, utterances, running)


def _header(results: _Results) -> Iterator[str]:
    state = results.state
    ended = "interrupted, its process died" if state.status == "running" else state.status
    counts = ", ".join(f"{count} {status}" for status, count in state.counts().items() if count)
    slots = f" on {_count(state.slots, 'slot')}" if state.slots else ""
    yield f"{printable(results.folder.root.resolve().name)}: {'running' if results.running else ended}"
    yield f"{_count(len(state.trials), 'trial')}{f' ({counts})' if counts else ''}"
    yield f"{_count(state.epochs, 'epoch')} in {_duration(state.wall_seconds)}{slots}"


def _leaderboard(results: _Results, width: int) -> Iterator[Table | str]:
    shown = results.ranked[:_ROWS]
    if shown:
        first, *more = leaderboard_tables(shown, searched_keys(results.state), results.utterances, width)
        yield first
        for table in more:
            yield ""
            yield table
    if len(results.ranked) > _ROWS:
        yield f"and {len(results.ranked) - _ROWS} more in leaderboard.csv"


def _sureness(results: _Results) -> Iterator[str]:
    if results.metric == "val_cer":
        yield "These transcripts are not written in words: trials are ranked by CER, and their WER means nothing."
        return
    near = [results.utterances[trial.number] for trial, report in results.ranked[:_NEAR_THE_FIRST] if report]
    if len(near) > 1:
        yield first_against_second(near[0], near[1])
    # A first without an error has no spread to go by.
    if near and near[0] is not None and near[0].words.any() and near[0].errors.any():
        yield str(resolution(near[0], [other for other in near[1:] if other is not None]))


def _savings(results: _Results) -> Iterator[str]:
    saved = pruning(results.state, horizon_of(results.search, results.state))
    if not saved.stopped:
        return
    without = saved.trained + saved.saved
    yield (
        f"Pruning stopped {saved.stopped} of {_count(len(results.state.trials), 'trial')}: "
        f"{saved.trained} epochs were trained instead of {without} ({100 * saved.saved / without:.0f} % saved)."
    )
    for rung in saved.rungs:
        yield f"  epoch {rung.epoch}: {rung.stopped} of {rung.came} stopped"


def _replays(results: _Results) -> Iterator[str]:
    yield from control_lines(results.state, results.ranked)
    advice = advise(results.search, results.state, results.metric, results.ranked)
    if advice and not results.running:
        yield from replay_lines(advice)


def _failures(results: _Results) -> Iterator[str]:
    for trial in results.state.trials.values():
        if trial.status in ("failed", "diverged"):
            retries = f", tried again {_count(trial.retries, 'time')}" if trial.retries else ""
            cause = f": {printable(trial.cause)}" if trial.cause else ""
            yield f"{trial.number} {trial.status} after epoch {trial.epoch}{retries}{cause}"


def _winner(results: _Results) -> Iterator[str]:
    winner = leader(results.ranked)
    if winner is None:
        yield "No trial has a result yet."
        return
    trial, report = winner
    rates = f"WER {percent(report, 'val_wer')} %, CER {percent(report, 'val_cer')} %"
    yield f"Best: trial {trial.number} at epoch {report['epoch']}, {rates}"
    for key, value in {**trial.params, "seed": trial.seed}.items():
        yield f"  {printable(key)}: {value_text(value)}"
    space = (results.search.get("space") or {}).get("param_space") or {}
    for path, end in narrow_ranges(space, trial.params).items():
        place = f"{path} = {value_text(trial.params[path])} is at the {end} end of its range {value_text(space[path])}"
        yield f"Warning: {printable(place)}. If values beyond it make sense, search there too."


def _next_steps(results: _Results) -> Iterator[str]:
    if results.folder.best_yaml.exists():
        yield "Train the winner again:"
        yield _command("tune_asr.train", "--config", results.folder.best_yaml)
    if results.folder.search_yaml.exists() and (winner := leader(results.ranked)):
        yield "Train any trial again, to its recorded WER, by its number:"
        yield _COMMAND_INDENT + printable(rerun_command(results.folder, winner[0].number))
    if not results.running and results.state.status != "finished":
        yield "Go on with the search:"
        yield _command("tune_asr.search", "--resume", results.folder.root)


def _command(module: str, flag: str, path: Path) -> str:
    return f"{_COMMAND_INDENT}python -m {module} {flag} {printable(shlex.quote(str(path)))}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
