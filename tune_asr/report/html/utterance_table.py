"""The table of the winner's utterances, worst first, beside what the runner-up and the base settings made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tune_asr.record.events import Report
from tune_asr.record.ranking import Standing
from tune_asr.record.state import Trial
from tune_asr.report.results import Results
from tune_asr.report.transcripts import (
    Hypothesis,
    Word,
    aligned,
    aligned_characters,
    character_errors,
    hypotheses_of,
    makes,
    references,
)
from tune_asr.scoring.metric import Metric

_ROWS = 100
_WORDS = 60
_CHARACTERS = 40
"""Of a word."""
_TEXT = 480
"""Characters of a reference."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What one trial heard: the counts, and the words, each with what is wrong with it.

    Characters take the place of words where CER ranks.
    """

    counts: str
    words: list[Word]
    gap: str
    """Between words; none between runs of characters."""


@dataclass(frozen=True, slots=True)
class Row:
    """One utterance; a cell is None where the trial's utterances are not there."""

    id: str
    reference: str
    cells: list[Cell | None]


@dataclass(frozen=True, slots=True)
class UtteranceTable:
    """The table, and what has to be said about it."""

    columns: list[str]
    """What each trial is, e.g. `winner, trial 00003`."""
    rows: list[Row]
    notes: list[str]
    unit: str
    """What is counted: `Words`, or `Characters`."""


def utterance_table(results: Results) -> UtteranceTable | None:
    """The table; None where the winner's utterances are not there."""
    trials, notes = _compared(results)
    heard = {name: hypotheses_of(results.folder, trial, report) for name, (trial, report) in trials.items()}
    first = next(iter(heard.values()), {})
    if not first:
        return None
    texts = references(results.search)
    said = {id: text for id, text in texts.items() if id in first and makes(text, first[id])}
    worst = _worst_first(first, said, results.metric)
    rows = [
        Row(
            id,
            _cut(said.get(id, ""), _TEXT),
            [_cell(said.get(id), found.get(id), results.metric) for found in heard.values()],
        )
        for id in worst[:_ROWS]
    ]
    if len(worst) > _ROWS:
        notes.insert(0, f"The worst {_ROWS} of {len(worst):,}; all of them are in utterances/.")
    if not said:
        notes.append(
            "The references are not shown: the data that search.yaml names are not there any more, or changed."
        )
    unit = "Words" if results.metric == "val_wer" else "Characters"
    return UtteranceTable([f"{name}, trial {trial.number}" for name, (trial, _) in trials.items()], rows, notes, unit)


def _worst_first(heard: Mapping[str, Hypothesis], said: Mapping[str, str], metric: Metric) -> list[str]:
    """The utterances by what the metric counts, of as many errors those with the higher rate first.

    Where CER ranks, it takes references to count: an utterance without one comes last, by its words.
    """

    def key(id: str) -> tuple[float | str, ...]:
        found = heard[id]
        words = (-found.errors, -found.errors / max(1, found.words), id)
        if metric == "val_wer":
            return words
        errors = character_errors(said[id], found) if id in said else 0
        return (-errors, -errors / max(1, len(said.get(id, ""))), *words)

    return sorted(heard, key=key)


def _compared(results: Results) -> tuple[dict[str, tuple[Trial, Report]], list[str]]:
    """The trials beside each other, by what they are; and what is to be said about the one that is missing."""
    trials = {
        name: (trial, report)
        for name, (trial, report) in zip(("winner", "runner-up"), results.ranked, strict=False)
        if report
    }
    base = base_trial(results)
    if base is None:
        return trials, ["No trial has the base settings: what the search has gained over them is not known."]
    trial, report = base
    for name, (other, _) in trials.items():
        if other is trial:
            return trials, [f"The {name} has the base settings."]
    if report is None:
        return trials, [f"Trial {trial.number} has the base settings, and no result yet."]
    return {**trials, "base settings": (trial, report)}, []


def base_trial(results: Results) -> Standing | None:
    """The best trial whose searched values are those of the base configuration."""
    config = results.search.get("config")
    if config is None:
        return None
    for trial, report in results.ranked:
        if all(_at(config, path) == value for path, value in trial.params.items()):
            return trial, report
    return None


def _at(config: Mapping[str, Any], path: str) -> Any:
    found: Any = config
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _cell(reference: str | None, heard: Hypothesis | None, metric: Metric) -> Cell | None:
    if heard is None:
        return None
    if metric == "val_cer":
        return _cell_of_characters(reference, heard)
    counts = f"S {heard.substitutions}  D {heard.deletions}  I {heard.insertions}  of {heard.words}"
    words = aligned(reference, heard.text) if reference is not None else [("equal", w) for w in heard.text.split()]
    return Cell(counts, _shown(words, _CHARACTERS), " ")


def _cell_of_characters(reference: str | None, heard: Hypothesis) -> Cell:
    if reference is None:
        return Cell("", [("equal", _cut(heard.text, _TEXT))], "")
    runs = aligned_characters(reference, heard.text)
    numbers = {kind: sum(len(run) for found, run in runs if found == kind) for kind in ("replace", "delete", "insert")}
    counts = "  ".join(f"{letter} {number}" for letter, number in zip("SDI", numbers.values(), strict=True))
    return Cell(f"{counts}  of {len(reference.strip())}", _shown(runs, _TEXT), "")


def _shown(words: list[Word], length: int) -> list[Word]:
    """As many of them as there is room for, each cut to a length."""
    shown = [(kind, _cut(word, length)) for kind, word in words[:_WORDS]]
    return [*shown, ("equal", "…")] if len(words) > _WORDS else shown


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
