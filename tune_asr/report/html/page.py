"""The page: one file with everything in it, and a policy under which a browser runs and fetches nothing else.

What comes from the folder goes through Jinja's autoescape, or, for figures, as JSON into a script element that is no
program. `safe` in the template is what is brought along: Plotly, draw.js and style.css, each named by its hash in
the policy.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from plotly.offline import get_plotlyjs

from tune_asr.record.ranking import Standing, leader, searched_keys
from tune_asr.record.rerun import rerun_command
from tune_asr.record.terminal_table import leaderboard_columns
from tune_asr.report import story
from tune_asr.report.html.axes import axes_of
from tune_asr.report.html.importance import importance_figure
from tune_asr.report.html.look import Figure
from tune_asr.report.html.search_figures import rungs_figure, timeline_figure
from tune_asr.report.html.setting_figures import parallel_figure, slice_figures
from tune_asr.report.html.thinning import thinned
from tune_asr.report.html.trial_figures import cost_figure, curves_figure, history_figure, intervals_figure
from tune_asr.report.html.utterance_table import utterance_table
from tune_asr.report.results import Results, gather
from tune_asr.report.rungs import asha_metric, rung_orders
from tune_asr.report.timeline import runs
from tune_asr.storage.atomic import write_atomic
from tune_asr.wording import percent, printable

_ROWS = 30
"""Of the leaderboard: each costs a bootstrap."""
_FIRST = (
    ("The winner", story.winner),
    ("How sure", story.sureness),
    ("What next", story.next_steps),
)
_COST = (
    ("What pruning saved", story.savings),
    ("Other settings of asha", story.replays),
    ("What went wrong", story.failures),
)
"""Sections before the figures: a title, and what yields the lines."""
_MAP_STYLE = re.compile(r'getElementById\("([0-9a-f]{64})"\)')
"""Id of the style element of Plotly's maps, as its bundle looks for it.

The page draws no maps and its policy forbids the style. An element of that id keeps Plotly from adding it. If the
pattern finds nothing, the browser blocks the style and logs one line.
"""


def write_page(root: Path, file: Path) -> None:
    """Write the report of the search in `root` to `file`, in place of what is there.

    Raises:
        StorageError: `root` is not a results folder, or is damaged; or `file` cannot be written.
    """
    write_atomic(file, render(gather(root, _ROWS)).encode("utf-8", "backslashreplace"))


def render(results: Results) -> str:
    """The page of a search."""
    plotly = get_plotlyjs()
    scripts = [plotly, _asset("draw.js")]
    style = _asset("style.css")
    return _template().render(
        policy=_policy(scripts, style),
        style=style,
        command_indent=story.COMMAND_INDENT,
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
    """Yield the figures that have something to show, from the result to how it came about."""
    shown, axes = _shown(results), axes_of(results)
    if shown and results.metric == "val_wer" and any(results.utterances.values()):
        yield intervals_figure(results)
    if shown:
        yield history_figure(shown, results)
    yield from curves_figure(results)
    if orders := rung_orders(results.state, asha_metric(results.plan, results.metric)):
        yield rungs_figure(orders, results)
    if shown:
        yield cost_figure(shown, results)
    if any(trial.params for trial, _ in shown):
        yield from importance_figure(results, axes)
        yield parallel_figure(shown, results, axes)
    if found := runs(results.events(), running=results.running):
        yield timeline_figure(found)


def _shown(results: Results) -> list[Standing]:
    """Return the trials with a result, thinned where there are many."""
    return [standing for standing in thinned(results.ranked, results.metric) if standing[1]]


def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_asset("template.html"))


def _asset(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


def _policy(scripts: Iterable[str], style: str) -> str:
    """Nothing is fetched and nothing runs but what has these hashes.

    Plotly makes style elements that are empty, and fills them rule by rule, and it empties style attributes: for that
    stands the hash of the empty text.
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(map(_hash, scripts))}",
            f"style-src {_hash(style)} {_hash('')}",
            f"style-src-attr 'unsafe-hashes' {_hash('')}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _sections(
    sections: Iterable[tuple[str, Callable[[Results], Iterator[str]]]], results: Results
) -> Iterator[tuple[str, list[tuple[bool, list[str]]]]]:
    """Title and blocks of each section that says something. A block: whether its lines are indented, and the lines."""
    for title, section in sections:
        lines = list(section(results))
        if lines:
            yield title, [(kept, list(block)) for kept, block in groupby(lines, key=lambda line: line.startswith("  "))]


def _tiles(results: Results) -> Iterator[tuple[str, str, str]]:
    """What is seen first: a name, a value, and what belongs to it."""
    if winner := leader(results.ranked):
        trial, report = winner
        utterances = results.utterances.get(trial.number)
        sure = ""
        if utterances and results.metric == "val_wer":
            low, high = utterances.interval()
            sure = f"95 % interval: {100 * low:.1f} to {100 * high:.1f}"
        if results.metric == "val_wer":
            yield "WER", f"{percent(report.scores.val_wer)} %", sure
        yield "CER", f"{percent(report.scores.val_cer)} %", ""
        yield "Trial", trial.number, f"at epoch {report.epoch}, {trial.status} after {trial.epoch}"


def _leaderboard(results: Results) -> dict[str, Any]:
    shown, keys = results.ranked[:_ROWS], searched_keys(results.state)
    fixed, measured, searched = leaderboard_columns(shown, keys, results.utterances, results.metric)
    columns = [*fixed, *measured, *searched]
    titles = ["" for _ in (*fixed, *measured)] + [printable(key) for key in keys]
    has_search = results.folder.search_yaml.exists()
    return {
        "head": [(column.name, title) for column, title in zip(columns, titles, strict=True)],
        "commands": [
            printable(rerun_command(results.folder, trial.number)) for trial, report in shown if report and has_search
        ],
        "rows": list(zip(*(column.cells for column in columns), strict=True)),
        "more": len(results.ranked) - len(shown),
    }
