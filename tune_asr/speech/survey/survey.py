"""The survey: what was found in the data before anything is trained, so that no epoch is spent on data that is wrong.

What is wrong is said at once and to the end; what is allowed but worth a look stands in the report as a warning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from tune_asr.errors import ConfigError, DataError, InfeasibleError, Problem
from tune_asr.speech.audio.frames import is_feasible
from tune_asr.speech.audio.recordings import AudioInfo
from tune_asr.speech.corpus import Corpus, Utterance
from tune_asr.speech.survey import report as data_report
from tune_asr.speech.survey.bad_rows import first_bad_rows, first_places

MAX_INFEASIBLE_PERCENT = 1


@dataclass(frozen=True, kw_only=True)
class Survey:
    """A corpus and what was found in it.

    Attributes:
        corpus: all that can be used.
        sample_rate: of the features, in Hz.
        subsampling: feature frames to one output frame of the model; None where only the model knows.
        problems: every bad row, training's before validation's, and those of the test manifest last.
        skips_bad: whether bad rows are left out of the corpus and are no reason to stop.
        faults: what is wrong with the data as a whole and cannot be left out.
        misfit: why the data do not make the vocabulary that was asked for.
        impossible: why no such vocabulary writes the data: a setting is wrong, and no data are.
        places: `file:line` of every utterance of training, then of validation; empty where the speech is synthetic.
        recordings: what the headers of the files say; empty where the speech is synthetic.
        held_out: a sentence on how validation was held out of training, if it was.
        left_out: a sentence on the training utterances that were left out for their length, if any were.
        test: the utterances of the test manifest, as far as it was looked at; no part of the corpus.
        remarks: sentences on what is allowed but worth a look.
    """

    corpus: Corpus
    sample_rate: int
    subsampling: int | None
    problems: tuple[Problem, ...] = ()
    skips_bad: bool = False
    faults: tuple[Problem, ...] = ()
    misfit: tuple[Problem, ...] = ()
    impossible: tuple[Problem, ...] = ()
    places: tuple[str, ...] = ()
    recordings: tuple[AudioInfo, ...] = ()
    held_out: str = ""
    left_out: str = ""
    test: tuple[Utterance, ...] = ()
    remarks: tuple[str, ...] = ()

    def infeasible(self, utterances: Sequence[Utterance]) -> list[int]:
        """Return which of `utterances` have references that need more output frames than the model makes of them."""
        if self.subsampling is None:
            return []
        encode = self.corpus.vocabulary.encode
        return [
            i
            for i, utterance in enumerate(utterances)
            if not is_feasible(encode(utterance.text), utterance.seconds, self.sample_rate, self.subsampling)
        ]

    def render(self) -> str:
        """Return the data report: 80 columns wide, but for paths that are longer."""
        train, val = self.corpus.train, self.corpus.val
        lines = data_report.size_table(train, val)
        lines += data_report.recordings_lines(self.recordings, self.sample_rate)
        if train and val:  # else all of validation is unknown to training: that would hide why
            lines += data_report.vocabulary_lines(self.corpus.vocabulary, train)
            lines += data_report.validation_lines(self.corpus, self._names[len(train) :])
        lines += data_report.note(self.held_out) if self.held_out else []
        lines += data_report.test_lines(self.test) if self.test else []
        lines += data_report.warning(self.left_out) if self.left_out else []
        for sentence, places in self._too_many_characters():
            lines += data_report.too_long_lines(sentence, places) if places else []
        for remark in self.remarks:
            lines += data_report.warning(remark)
        return "\n".join([*lines, *data_report.bad_rows_lines(self.problems, dropped=self.skips_bad)])

    def check(self) -> None:
        """Make sure that the data can be trained on.

        Raises:
            DataError: with all that is wrong: the first bad rows, unless they are skipped and few enough, a split with
                nothing in it, a vocabulary that they cannot make, and more than 1 % of training infeasible.
            InfeasibleError: nothing is wrong but the last.
            ConfigError: nothing is wrong but the setting of the vocabulary.
        """
        bad_rows = self.problems if self.faults or not self.skips_bad else ()
        problems = [*first_bad_rows(bad_rows, may_skip=not self.skips_bad), *self.faults, *self.misfit]
        train, val = self.corpus.train, self.corpus.val
        if not train and not self.faults:
            problems.append(Problem("", "no utterance is left to train on", self.left_out))
        if not val and not self.faults:
            problems.append(Problem("", "no utterance is left to validate on"))
        kind = DataError if problems or self.impossible else InfeasibleError
        if too_many_infeasible(len(self._infeasible[0]), len(train)):
            sentence, places = next(self._too_many_characters())
            what = f"{sentence}; at most {MAX_INFEASIBLE_PERCENT} % may"
            hint = f"lower model.subsampling, which is {self.subsampling}, or take such utterances out:"
            problems.append(Problem("", what, "\n".join([hint, *first_places(places)])))
        if problems:
            raise kind([*problems, *self.impossible])
        if self.impossible:
            raise ConfigError(self.impossible)

    @property
    def _names(self) -> Sequence[str]:
        """What a person finds each utterance by: its line, or its id where there is none."""
        return self.places or [utterance.id for utterance in (*self.corpus.train, *self.corpus.val)]

    @cached_property
    def _infeasible(self) -> tuple[list[int], list[int]]:
        return self.infeasible(self.corpus.train), self.infeasible(self.corpus.val)

    def _too_many_characters(self) -> Iterator[tuple[str, list[str]]]:
        """Tell how many utterances of training, and then of validation, are infeasible, and where they stand."""
        names, units = self._names, self.corpus.vocabulary.units
        for split, utterances, found in zip(
            ("training", "validation"), (self.corpus.train, self.corpus.val), self._infeasible, strict=True
        ):
            percent = 100 * len(found) / max(len(utterances), 1)
            share = f"{len(found):,} of {len(utterances):,} {split} utterances ({percent:.1f} %)"
            yield f"{share} have more {units} than the model has output frames", [names[i] for i in found]
            names = names[len(utterances) :]


def too_many_infeasible(number: int, num_utterances: int) -> bool:
    """Say whether more than `MAX_INFEASIBLE_PERCENT` of the training utterances cannot be aligned."""
    return 100 * number > MAX_INFEASIBLE_PERCENT * num_utterances


def survey_corpus(corpus: Corpus, *, sample_rate: int, subsampling: int | None) -> Survey:
    """Survey a corpus whose utterances are known to be good, such as a synthetic one."""
    return Survey(corpus=corpus, sample_rate=sample_rate, subsampling=subsampling)
