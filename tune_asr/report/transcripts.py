"""What trials made of each validation utterance: reference and hypothesis word by word, with the counts of errors.

The results folder holds hypotheses and counts. References are made again from what search.yaml names, with its text
normaliser, and believed where they make the errors that were counted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from tune_asr.config.load import from_values
from tune_asr.corpus import sources
from tune_asr.errors import TuneAsrError
from tune_asr.record.events import Report
from tune_asr.record.folder import ResultsFolder
from tune_asr.record.state import Trial
from tune_asr.record.utterances import source_of
from tune_asr.scoring.alignment import Edit, align
from tune_asr.scoring.counts import count_errors

Word = tuple[str, str]
"""A kind and a word, or a run of characters: `equal`, `replace` and `insert` in a hypothesis, `delete` for what it
lacks of the reference."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What one trial heard in one utterance."""

    text: str
    words: int
    """Of the reference."""
    substitutions: int
    deletions: int
    insertions: int

    @property
    def errors(self) -> int:
        """All three kinds."""
        return self.substitutions + self.deletions + self.insertions


def hypotheses_of(folder: ResultsFolder, trial: Trial, report: Report) -> dict[str, Hypothesis]:
    """By utterance, what the trial heard at the epoch of `report`; empty where its utterances are not there."""
    source = source_of(folder, trial.number, report)
    if source is None:
        return {}
    rows = map(json.loads, source[0].read_bytes().splitlines())
    counts = ("words", "substitutions", "deletions", "insertions")
    return {str(row["id"]): Hypothesis(str(row.get("hypothesis", "")), *(row[name] for name in counts)) for row in rows}


def references(search: Mapping[str, Any]) -> dict[str, str]:
    """By utterance, the reference; empty where search.yaml, or what it names, does not say it any more."""
    if not search.get("config"):
        return {}
    try:
        return sources.references(from_values(search["config"], "search.yaml"))
    except (TuneAsrError, TypeError, ValueError):
        return {}


def character_errors(reference: str, hypothesis: Hypothesis) -> int:
    """Characters substituted, deleted and inserted: the errors of CER, which utterance files do not hold."""
    return count_errors(reference, hypothesis.text).character_errors


def makes(reference: str, hypothesis: Hypothesis) -> bool:
    """Whether a reference makes the counts of a hypothesis: else it is not the one that was scored."""
    counts = count_errors(reference, hypothesis.text)
    found = (counts.words, counts.substitutions, counts.deletions, counts.insertions)
    return found == (hypothesis.words, hypothesis.substitutions, hypothesis.deletions, hypothesis.insertions)


def aligned(reference: str, hypothesis: str) -> list[Word]:
    """The words of a hypothesis, each with what is wrong with it, and those of the reference that it lacks.

    The alignment is the one that the counts of errors come from.
    """
    return [_word(edit) for edit in align(reference.split(), hypothesis.split())]


def aligned_characters(reference: str, hypothesis: str) -> list[Word]:
    """The same for a script without words: runs of characters, each with what is wrong with it."""
    characters = map(_word, align(reference.strip(), hypothesis.strip()))
    return [(kind, "".join(character for _, character in run)) for kind, run in groupby(characters, key=itemgetter(0))]


def _word(edit: Edit) -> Word:
    return edit.kind, edit.hypothesis or edit.reference
