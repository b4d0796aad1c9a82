"""Leaderboard as tables of a terminal's width."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.table import Table

from tune_asr.record.ranking import Standing, is_gone
from tune_asr.record.trial import Trial
from tune_asr.record.utterances import Utterances
from tune_asr.scoring.metric import Metric
from tune_asr.wording import clock, parameters, percent, printable, short_names, shortened, value_text

_GAP = 2
_LONGEST_CELL = 24


class Column(NamedTuple):
    """Column of the leaderboard, as text."""

    name: str
    cells: list[str]

    @property
    def width(self) -> int:
        """Width in characters of a terminal, with the gap."""
        return max(map(cell_len, (self.name, *self.cells))) + _GAP


def leaderboard_columns(
    shown: Sequence[Standing],
    keys: Sequence[str],
    utterances: Mapping[str, Utterances | None],
    metric: Metric = "val_wer",
    more: Sequence[Column] = (),
) -> tuple[list[Column], list[Column], list[Column]]:
    """Return columns of trials, of results, and of searched values.

    Args:
        shown: first trials of the standings.
        keys: searched keys.
        utterances: error counts of the best epoch, by trial.
        metric: error rate that ranks; WER is left out if that is CER.
        more: further columns, before the searched values.
    """
    words = [
        Column("WER %", [percent(report.scores.val_wer if report else None) for _, report in shown]),
        Column("95 %", [interval_text(utterances.get(trial.number)) for trial, _ in shown]),
    ]
    sizes = [parameters(trial.num_parameters) if trial.num_parameters else "" for trial, _ in shown]
    fixed = [
        Column("rank", [f"{rank}{'*' if is_gone(report) else ''}" for rank, (_, report) in enumerate(shown, start=1)]),
        Column("trial", [trial.number for trial, _ in shown]),
    ]
    measured = [
        Column("status", [trial.status for trial, _ in shown]),
        Column("epochs", [str(trial.epoch) for trial, _ in shown]),
        *(words if metric == "val_wer" else ()),
        Column("CER %", [percent(report.scores.val_cer if report else None) for _, report in shown]),
        Column("loss", [_number(report.scores.val_loss if report else None) for _, report in shown]),
        Column("time", [clock(trial.seconds) for trial, _ in shown]),
        *([Column("params", sizes)] if any(sizes) else ()),
    ]
    searched = [
        Column(printable(name), [_value(trial, key) for trial, _ in shown])
        for key, name in zip(keys, short_names(keys), strict=True)
    ]
    return fixed, measured, [*more, *searched]


def leaderboard_tables(
    shown: Sequence[Standing],
    keys: Sequence[str],
    utterances: Mapping[str, Utterances | None],
    width: int,
    metric: Metric = "val_wer",
    more: Sequence[Column] = (),
) -> list[Table]:
    """Return one table, or more if values do not fit.

    Args:
        shown: first trials of the standings.
        keys: searched keys.
        utterances: error counts of the best epoch, by trial.
        width: width of a table, in characters.
        metric: error rate that ranks.
        more: further columns, before the searched values.
    """
    fixed, measured, searched = leaderboard_columns(shown, keys, utterances, metric, more)
    whole = [*fixed, *measured, *searched]
    if _width(whole) <= width:
        return [_table(whole)]
    return [_table([*fixed, *measured]), *(_table(columns) for columns in _pack(fixed, searched, width))]


def _width(columns: Iterable[Column]) -> int:
    return sum(column.width for column in columns)


def _pack(fixed: list[Column], columns: Iterable[Column], width: int) -> list[list[Column]]:
    """Distribute columns over tables of at most `width` characters.

    Each table begins with the fixed columns.
    """
    tables = [list(fixed)]
    for column in columns:
        if len(tables[-1]) > len(fixed) and _width([*tables[-1], column]) > width:
            tables.append(list(fixed))
        tables[-1].append(column)
    return tables


def _table(columns: Sequence[Column]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column.name, justify="right", no_wrap=True)
    for row in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*row)
    return table


def interval_text(utterances: Utterances | None) -> str:
    """Return the 95 % interval in %, or ""."""
    if utterances is None:
        return ""
    low, high = utterances.interval()
    return f"{100 * low:.1f}-{100 * high:.1f}"


def _value(trial: Trial, key: str) -> str:
    """Return a searched value, "" for a key switched off."""
    return shortened(value_text(trial.params[key]), _LONGEST_CELL) if key in trial.params else ""


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
