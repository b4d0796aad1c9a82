"""Page of a search: one file with all it needs.

Text of the results folder goes through Jinja's autoescape, or, for figures, as JSON into a script element that is not
run. Only Plotly, draw.js and style.css are `safe` in the template; the policy names their hashes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, StrictUndefined, Template
from plotly.offline import get_plotlyjs

from tune_asr.record.ranking import Standing, leader, searched_keys
from tune_asr.record.rerun import rerun_command
from tune_asr.report import story
from tune_asr.report.axes import axes_of
from tune_asr.report.base import base_lines
from tune_asr.report.families import family_lines
from tune_asr.report.html.curve_figures import curves_figure, history_figure
from tune_asr.report.html.front_figure import front_figures
from tune_asr.report.html.importance import importance_figure
from tune_asr.report.html.look import Figure
from tune_asr.report.html.policy import policy
from tune_asr.report.html.search_figures import rungs_figure, timeline_figure
from tune_asr.report.html.setting_figures import parallel_figure, slice_figures
from tune_asr.report.html.thinning import thinned
from tune_asr.report.html.trial_figures import cost_figure, intervals_figure
from tune_asr.report.html.utterance_table import utterance_table
from tune_asr.report.leaderboard_table import leaderboard_columns
from tune_asr.report.longer import longer_lines
from tune_asr.report.next_commands import COMMAND_INDENT, next_command_lines
from tune_asr.report.pruning import savings_lines
from tune_asr.report.results import Results, gather
from tune_asr.report.rungs import asha_metric, rung_orders
from tune_asr.report.seeds import seed_lines
from tune_asr.report.timeline import runs
from tune_asr.report.trade_offs import front_lines, limit_lines, trade_off_columns
from tune_asr.storage.atomic import write_atomic
from tune_asr.wording import percent, printable

_ROWS = 30
"""Rows of the leaderboard: each costs a bootstrap."""
_FIRST = (
    ("The winner", story.winner),
    ("How it ended", story.ending),
    ("How sure", story.sureness),
    ("The test set", story.test_set),
    ("What next", next_command_lines),
)
_COST = (
    ("Limits", limit_lines),
    ("Pareto front", front_lines),
    ("The winner and the base configuration", base_lines),
    ("Families side by side", family_lines),
    ("Seeds of one setting", seed_lines),
    ("Trained again for longer", longer_lines),
    ("What pruning saved", savings_lines),
    ("At equal epochs", story.equal_epochs),
    ("Other settings of asha", story.replays),
    ("What matters", story.what_matters),
    ("What went wrong", story.failures),
)
"""Sections before the figures: titles, and functions that yield the lines."""
_MAP_STYLE = re.compile(r'getElementById\("([0-9a-f]{64})"\)')
"""Id of the style element of Plotly's maps, as its bundle looks for it.

The page draws no maps and its policy forbids the style. An element of that id keeps Plotly from adding it. If the
pattern finds nothing, the browser blocks the style and logs one line.
"""


def write_page(root: Path, file: Path, reload: int = 0) -> bool:
    """Write the report of the search in `root` to `file`.

    Args:
        root: results folder.
        file: page.
        reload: seconds after which the page of a running search loads itself again; 0: never.

    Returns:
        Whether the search runs.

    Raises:
        StorageError: `root` is not a results folder, or is damaged; or `file` cannot be written.
    """
    results = gather(root, _ROWS)
    page = render(results, reload if results.is_running else 0)
    write_atomic(file, page.encode("utf-8", "backslashreplace"), setting="--html")
    return results.is_running


def render(results: Results, reload: int = 0) -> str:
    """Return the page of a search."""
    plotly = get_plotlyjs()
    scripts = [plotly, _asset("draw.js")]
    style = _asset("style.css")
    return _template().render(
        policy=policy(scripts, style),
        reload=reload,
        style=style,
        command_indent=COMMAND_INDENT,
        present=_MAP_STYLE.findall(plotly),
        scripts=scripts,
        header=list(story.header(results)),
        tiles=list(_tiles(results)),
        first=list(_sections(_FIRST, results)),
        cost=list(_sections(_COST, results)),
        leaderboard=_leaderboard(results),
        figures=list(_figures(results)),
        slices=list(slice_figures(_shown(results), results, axes_of(results))),
        utterances=utterance_table(results),
        until=max((event.time or "" for event in results.events()), default=""),
    )


def _figures(results: Results) -> Iterator[Figure]:
    """Draw the figures that have something to show."""
    shown, axes = _shown(results), axes_of(results)
    orders = rung_orders(results.state, asha_metric(results.plan, results.metric), results.metric)
    if shown and results.metric == "val_wer" and any(results.utterances.values()):
        yield intervals_figure(results)
    if shown:
        yield history_figure(shown, results)
    yield from curves_figure(results)
    if orders:
        yield rungs_figure(orders, results)
    if shown:
        yield cost_figure(shown, results)
        yield from front_figures(shown, results)
    if any(trial.params for trial, _ in shown):
        yield from importance_figure(results)
        yield parallel_figure(shown, results, axes)
    if found := runs(results.events(), running=results.is_running):
        yield timeline_figure(found)


def _shown(results: Results) -> list[Standing]:
    """Return the trials with a result, thinned if many."""
    return [standing for standing in thinned(results.ranked, results.metric) if standing.report]


def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_asset("template.html"))


def _asset(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


def _sections(
    sections: Iterable[tuple[str, Callable[[Results], Iterator[str]]]], results: Results
) -> Iterator[tuple[str, list[tuple[bool, list[str]]]]]:
    """Yield title and blocks of each section with lines.

    A block is a flag for indented lines, and the lines.
    """
    for title, section in sections:
        lines = list(section(results))
        if lines:
            yield title, [(kept, list(block)) for kept, block in groupby(lines, key=lambda line: line.startswith("  "))]


def _tiles(results: Results) -> Iterator[tuple[str, str, str]]:
    """Yield name, value and detail of each tile."""
    if winner := leader(results.ranked):
        trial, report = winner
        if results.metric == "val_wer":
            sure = ""
            if utterances := results.utterances.get(trial.number):
                low, high = utterances.interval()
                sure = f"95 % interval: {100 * low:.1f} to {100 * high:.1f}"
            yield "WER", f"{percent(report.scores.val_wer)} %", sure
        yield "CER", f"{percent(report.scores.val_cer)} %", ""
        yield "Trial", trial.number, f"at epoch {report.epoch}, {trial.status} after {trial.epoch}"


@dataclass(frozen=True, slots=True)
class _Leaderboard:
    """Leaderboard of the page, cut to its first rows."""

    head: list[tuple[str, str]]
    """Name and tooltip of each column."""
    rows: list[tuple[str, ...]]
    commands: list[str]
    """Commands that train the trials again."""
    more: int
    """Number of rows that are cut off."""


def _leaderboard(results: Results) -> _Leaderboard:
    shown, keys = results.ranked[:_ROWS], searched_keys(results.state)
    more = trade_off_columns(results, shown)
    fixed, measured, searched = leaderboard_columns(shown, keys, results.utterances, results.metric, more)
    columns = [*fixed, *measured, *searched]
    tooltips = ["" for _ in (*fixed, *measured, *more)] + [printable(key) for key in keys]
    reported = [trial.number for trial, report in shown if report]
    return _Leaderboard(
        head=[(column.name, tooltip) for column, tooltip in zip(columns, tooltips, strict=True)],
        rows=list(zip(*(column.cells for column in columns), strict=True)),
        commands=[printable(rerun_command(results.folder, number)) for number in reported] if results.search else [],
        more=len(results.ranked) - len(shown),
    )
