"""Table of the winner's utterances beside those of other trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tune_asr.record.events import Report
from tune_asr.record.trial import Trial
from tune_asr.report.base import base_trial
from tune_asr.report.results import Results
from tune_asr.report.transcripts import (
    Hypothesis,
    Run,
    aligned,
    aligned_characters,
    hypotheses_of,
    references,
    transcripts,
)
from tune_asr.scoring.metric import Metric
from tune_asr.scoring.transcript import Transcript

_ROWS = 100
_WORDS = 60
_CHARACTERS = 40
"""Characters of a word."""
_TEXT = 480
"""Characters of a reference."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Hypothesis of one trial, aligned with the reference."""

    counts: str
    words: list[Run]
    """Words, or runs of characters if CER ranks."""
    gap: str
    """Text between words; empty between runs of characters."""


@dataclass(frozen=True, slots=True)
class Row:
    """One utterance, with a cell for each trial or None."""

    id: str
    reference: str
    cells: list[Cell | None]


@dataclass(frozen=True, slots=True)
class UtteranceTable:
    """Rows of the table, and notes above it."""

    columns: list[str]
    """Role and number of each trial, e.g. `winner, trial 00003`."""
    rows: list[Row]
    notes: list[str]
    unit: str
    """`Words`, or `Characters` if CER ranks."""


def utterance_table(results: Results) -> UtteranceTable | None:
    """Return the table, None without hypotheses of the winner."""
    trials, notes = _compared(results)
    hypotheses = {role: hypotheses_of(results.folder, trial, report) for role, (trial, report) in trials.items()}
    first = next(iter(hypotheses.values()), {})
    if not first:
        return None
    known = transcripts(references(results.plan.config) if results.plan else {}, first)
    worst = _worst_first(first, known, results.metric)
    rows = [
        _row(id, known.get(id), [found.get(id) for found in hypotheses.values()], results.metric)
        for id in worst[:_ROWS]
    ]
    if len(worst) > _ROWS:
        notes.insert(0, f"The worst {_ROWS} of {len(worst):,}; all of them are in utterances/.")
    if not known:
        notes.append("The references are not shown: the data of search.yaml are missing, or have changed.")
    unit = "Words" if results.metric == "val_wer" else "Characters"
    columns = [f"{role}, trial {trial.number}" for role, (trial, _) in trials.items()]
    return UtteranceTable(columns, rows, notes, unit)


def _worst_first(hypotheses: Mapping[str, Hypothesis], known: Mapping[str, Transcript], metric: Metric) -> list[str]:
    """Sort utterances by their errors, then by their rate.

    If CER ranks, only an utterance with a reference has errors; the others come last, by their words.
    """

    def key(id: str) -> tuple[float | str, ...]:
        counts = hypotheses[id].counts
        words = (-counts.errors, -counts.errors / max(1, counts.words or 0), id)
        if metric == "val_wer":
            return words
        if id not in known:
            return (0, 0, *words)
        errors = known[id].counts.character_errors
        return (-errors, -errors / max(1, len(known[id].reference)), *words)

    return sorted(hypotheses, key=key)


def _compared(results: Results) -> tuple[dict[str, tuple[Trial, Report]], list[str]]:
    """Return the compared trials by role, and notes."""
    trials = {
        role: (trial, report)
        for role, (trial, report) in zip(("winner", "runner-up"), results.loadable, strict=False)
        if report
    }
    base = base_trial(results)
    if base is None:
        return trials, ["No trial has the base settings: what the search has gained over them is not known."]
    trial, report = base
    for role, (other, _) in trials.items():
        if other is trial:
            return trials, [f"The {role} has the base settings."]
    if report is None:
        return trials, [f"Trial {trial.number} has the base settings, and no result yet."]
    return {**trials, "base settings": (trial, report)}, []


def _row(id: str, known: Transcript | None, hypotheses: list[Hypothesis | None], metric: Metric) -> Row:
    reference = known.reference if known else None
    cell = _word_cell if metric == "val_wer" else _character_cell
    return Row(id, _cut(reference or "", _TEXT), [cell(reference, each) if each else None for each in hypotheses])


def _word_cell(reference: str | None, found: Hypothesis) -> Cell:
    counts = found.counts
    shown = f"S {counts.substitutions}  D {counts.deletions}  I {counts.insertions}  of {counts.words}"
    words: list[Run] = [("equal", word) for word in found.text.split()]
    return Cell(shown, _shown(words if reference is None else aligned(reference, found.text), _CHARACTERS), " ")


def _character_cell(reference: str | None, found: Hypothesis) -> Cell:
    if reference is None:
        return Cell("", [("equal", _cut(found.text, _TEXT))], "")
    runs = aligned_characters(reference, found.text)
    numbers = {kind: sum(len(run) for other, run in runs if other == kind) for kind in ("replace", "delete", "insert")}
    counts = "  ".join(f"{letter} {number}" for letter, number in zip("SDI", numbers.values(), strict=True))
    return Cell(f"{counts}  of {len(reference.strip())}", _shown(runs, _TEXT), "")


def _shown(words: list[Run], length: int) -> list[Run]:
    """Return the words that fit, each cut to `length`."""
    shown: list[Run] = [(kind, _cut(word, length)) for kind, word in words[:_WORDS]]
    return [*shown, ("equal", "…")] if len(words) > _WORDS else shown


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
