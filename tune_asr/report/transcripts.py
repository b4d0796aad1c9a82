"""Hypotheses of trials for the validation utterances, beside their references.

The results folder holds hypotheses and counts of errors. References are read again from the data of search.yaml, and
a reference is trusted if it gives the errors that were counted.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from tune_asr.config.sections import Config
from tune_asr.corpus import sources
from tune_asr.errors import TuneAsrError
from tune_asr.record.events import Report, WordCounts
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.trial import Trial
from tune_asr.record.utterances import source_of
from tune_asr.scoring.alignment import Edit, Kind, align
from tune_asr.scoring.transcript import Transcript

Run = tuple[Kind, str]
"""Kind of edit, and a word or run of characters: of the hypothesis, or for `delete` of the reference."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """Text of one trial for one utterance, as recorded."""

    text: str
    counts: WordCounts
    """Word errors, as scored."""


def hypotheses_of(folder: ResultsFolder, trial: Trial, report: Report) -> dict[str, Hypothesis]:
    """Read a trial's hypotheses by utterance; none without files."""
    source = source_of(folder, trial.number, report)
    if source is None:
        return {}
    names = ("words", "substitutions", "deletions", "insertions")
    return {
        str(row["id"]): Hypothesis(str(row.get("hypothesis", "")), WordCounts(**{name: row[name] for name in names}))
        for row in map(json.loads, source[0].read_bytes().splitlines())
    }


def references(config: Config) -> dict[str, str]:
    """Read references by utterance; none without readable data."""
    try:
        return sources.references(config)
    except (TuneAsrError, TypeError, ValueError):
        return {}


def transcripts(texts: dict[str, str], hypotheses: dict[str, Hypothesis]) -> dict[str, Transcript]:
    """Pair hypotheses with references that give the counted errors.

    Other references have changed since.
    """
    paired = (Transcript(id, texts[id], found.text) for id, found in hypotheses.items() if id in texts)
    return {pair.id: pair for pair in paired if WordCounts.of(pair.counts) == hypotheses[pair.id].counts}


def aligned(reference: str, hypothesis: str) -> list[Run]:
    """Align the words of a hypothesis with the reference."""
    return [_run(edit) for edit in align(reference.split(), hypothesis.split())]


def aligned_characters(reference: str, hypothesis: str) -> list[Run]:
    """Align runs of characters, for a script without words."""
    characters = map(_run, align(reference.strip(), hypothesis.strip()))
    return [(kind, "".join(character for _, character in run)) for kind, run in groupby(characters, key=itemgetter(0))]


def _run(edit: Edit) -> Run:
    return edit.kind, edit.hypothesis or edit.reference
