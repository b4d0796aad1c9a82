"""Data report for programs: a survey as plain values.

`configs/README.md` documents the keys. Keys may be added; none changes its meaning while `FORMAT` stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tune_asr.scoring.metric import Metric
from tune_asr.scoring.ruler import RATES, Ruler
from tune_asr.speech.corpus import Utterance
from tune_asr.speech.survey.shared_rows import SharedRow
from tune_asr.speech.survey.survey import Survey

FORMAT = 1
_PERCENTILES = {"min": 0, "p50": 50, "p90": 90, "p99": 99, "max": 100}


@dataclass(frozen=True, slots=True)
class SplitFacts:
    """Numbers of one split."""

    utterances: int
    words: int
    characters: int
    hours: float
    seconds: dict[str, float] | None
    """Percentiles of the lengths; None for an empty split."""
    characters_per_second: dict[str, float] | None

    @classmethod
    def of(cls, utterances: Sequence[Utterance]) -> SplitFacts:
        """Count the utterances of a split."""
        return cls(
            utterances=len(utterances),
            words=sum(len(utterance.text.split()) for utterance in utterances),
            characters=sum(len(utterance.text) for utterance in utterances),
            hours=sum(utterance.seconds for utterance in utterances) / 3600,
            seconds=_percentiles([utterance.seconds for utterance in utterances]),
            characters_per_second=_percentiles([len(u.text) / u.seconds for u in utterances]),
        )


@dataclass(frozen=True, slots=True)
class RulerFacts:
    """Finest difference that validation can show."""

    metric: Metric
    unit: str
    number: int
    is_coarse: bool
    points: dict[str, float]
    """Smallest difference in points, by the error rate near which it holds."""

    @classmethod
    def of(cls, ruler: Ruler) -> RulerFacts:
        """Take the differences of a ruler."""
        points = {str(rate): ruler.points(rate) for rate in RATES}
        return cls(ruler.metric, ruler.unit, ruler.units, ruler.is_coarse, points)


@dataclass(frozen=True, slots=True)
class ProblemFacts:
    """Row or file at fault."""

    place: str
    what: str
    hint: str


@dataclass(frozen=True, slots=True)
class DataFacts:
    """Content of the data report."""

    fingerprint: str
    val_fingerprint: str
    sample_rate: int
    subsampling: int | None
    train: SplitFacts
    val: SplitFacts
    test: SplitFacts | None
    ruler: RulerFacts
    vocabulary: list[str]
    units: str
    """Kind of the symbols: characters or word pieces."""
    recordings: dict[str, int]
    """Number of files by sample rate."""
    several_channels: int
    """Files with more than one channel."""
    unseen_words: int
    """Validation words that training lacks, repeats counted."""
    unknown_characters: dict[str, int]
    """Validation characters that training lacks, with their numbers."""
    shared_texts: int
    """Validation utterances whose text training has as well."""
    shared_rows: list[SharedRow]
    infeasible_train: list[str]
    """Places of the utterances too long for their frames."""
    infeasible_val: list[str]
    bad_rows: list[ProblemFacts]
    skips_bad: bool
    problems: list[ProblemFacts]
    """Mistakes other than bad rows."""
    remarks: list[str]

    @classmethod
    def of(cls, survey: Survey) -> DataFacts:
        """Take the facts of a survey."""
        corpus = survey.corpus
        train, val = corpus.train, corpus.val
        texts = {utterance.text for utterance in train}
        words = {word for text in texts for word in text.split()}
        infeasible_train, infeasible_val = survey.infeasible_places
        return cls(
            fingerprint=corpus.fingerprint,
            val_fingerprint=corpus.val_fingerprint,
            sample_rate=survey.sample_rate,
            subsampling=survey.subsampling,
            train=SplitFacts.of(train),
            val=SplitFacts.of(val),
            test=SplitFacts.of(survey.test) if survey.test else None,
            ruler=RulerFacts.of(survey.ruler),
            vocabulary=list(corpus.vocabulary.symbols),
            units=corpus.vocabulary.units,
            recordings={str(rate): n for rate, n in sorted(Counter(r.sample_rate for r in survey.recordings).items())},
            several_channels=sum(recording.channels > 1 for recording in survey.recordings),
            unseen_words=sum(word not in words for utterance in val for word in utterance.text.split()),
            unknown_characters=corpus.vocabulary.unknown_characters(utterance.text for utterance in val),
            shared_texts=sum(utterance.text in texts for utterance in val),
            shared_rows=list(survey.shared),
            infeasible_train=infeasible_train,
            infeasible_val=infeasible_val,
            bad_rows=_problems(survey, of_rows=True),
            skips_bad=survey.skips_bad,
            problems=_problems(survey, of_rows=False),
            remarks=[*filter(None, (survey.held_out, survey.left_out)), *survey.remarks],
        )


def _percentiles(values: Sequence[float]) -> dict[str, float] | None:
    if not values:
        return None
    return {name: float(np.percentile(values, percentage)) for name, percentage in _PERCENTILES.items()}


def _problems(survey: Survey, *, of_rows: bool) -> list[ProblemFacts]:
    found = (problem for problem in survey.problems if (problem.kind == "row") is of_rows)
    return [ProblemFacts(problem.place, problem.what, problem.hint) for problem in found]
