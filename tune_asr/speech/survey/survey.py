"""Problems of the data, found before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from tune_asr.errors import ConfigError, DataError, InfeasibleError, Problem
from tune_asr.scoring.metric import Choice, ScoreName, choose
from tune_asr.scoring.ruler import Ruler
from tune_asr.speech.audio.frames import is_feasible
from tune_asr.speech.audio.recordings import AudioInfo
from tune_asr.speech.corpus import Corpus, Utterance
from tune_asr.speech.survey import report
from tune_asr.speech.survey.shared_rows import SharedRow
from tune_asr.wording import printable

MAX_INFEASIBLE_PERCENT = 1


@dataclass(frozen=True, kw_only=True)
class Survey:
    """Corpus with everything found in it."""

    corpus: Corpus
    """All usable utterances."""
    sample_rate: int
    """Rate of the features, in Hz."""
    subsampling: int | None
    """Feature frames to one output frame of the model; None if only the model knows."""
    problems: tuple[Problem, ...] = ()
    """Errors in the data, each with a `kind`:

    row         a bad row; those of training first, then validation, then test
    data        a mistake of the data as a whole, which cannot be left out
    vocabulary  data that cannot make a vocabulary as large as the setting
    setting     a vocabulary too small for any data like these
    """
    skips_bad: bool = False
    """True if bad rows are dropped from the corpus and are no error."""
    places: tuple[str, ...] = ()
    """`file:line` of the utterances of training, then of validation; empty for synthetic speech."""
    recordings: tuple[AudioInfo, ...] = ()
    """Headers of the files; empty for synthetic speech."""
    num_mixed: int = 0
    """Files with several channels that are mixed, since their rows name none."""
    held_out: str = ""
    """Sentence on the validation utterances held out of training."""
    left_out: str = ""
    """Sentence on the training utterances left out for their length."""
    test: tuple[Utterance, ...] = ()
    """Utterances of the test manifest if it was read. They are no part of the corpus."""
    shared: tuple[SharedRow, ...] = ()
    """Validation rows that training has as well."""
    remarks: tuple[str, ...] = ()
    """Sentences on what is allowed, but worth a look."""
    rules: int = 2
    """`text.rules` of the configuration."""
    score: ScoreName = "auto"
    """`text.score` of the configuration."""

    @cached_property
    def choice(self) -> Choice:
        """Error rate that ranks, and the reason."""
        return choose((utterance.text for utterance in self.corpus.val), self.rules, self.score)

    @property
    def ruler(self) -> Ruler:
        """Size of validation, and differences that it can show."""
        references = [utterance.text for utterance in self.corpus.val]
        return Ruler.of(references, self.choice.metric)

    @property
    def bad_rows(self) -> tuple[Problem, ...]:
        """Problems of single rows."""
        return self._problems("row")

    def infeasible(self, utterances: Sequence[Utterance]) -> list[int]:
        """Return the indices of utterances too long for their frames."""
        if self.subsampling is None:
            return []
        encode = self.corpus.vocabulary.encode
        return [
            i
            for i, utterance in enumerate(utterances)
            if not is_feasible(encode(utterance.text), utterance.seconds, self.sample_rate, self.subsampling)
        ]

    def render(self) -> str:
        """Return the data report, 80 columns wide but for paths."""
        train, val = self.corpus.train, self.corpus.val
        lines = report.size_table(train, val)
        lines += report.recordings_lines(self.recordings, self.sample_rate, self.num_mixed)
        if train and val:  # without training, all of validation would be unknown
            lines += report.vocabulary_lines(self.corpus.vocabulary, train)
            lines += report.validation_lines(self.corpus, self.choice, self._names[len(train) :])
            lines += report.ruler_lines(self.ruler)
        lines += report.note(self.held_out) if self.held_out else []
        lines += report.test_set_lines(self.test) if self.test else []
        lines += report.warning(self.left_out) if self.left_out else []
        for sentence, places in self._too_many_tokens():
            lines += report.listed_warning(sentence, places) if places else []
        lines += report.shared_rows_lines([str(row) for row in self.shared], len(val))
        for remark in self.remarks:
            lines += report.warning(remark)
        lines += report.bad_rows_lines(self.bad_rows, dropped=self.skips_bad, merged=self._lacks_split)
        # Names in manifests are foreign, and may hold codes of the terminal.
        return "\n".join(map(printable, "\n".join(lines).split("\n")))

    def check(self) -> None:
        """Check the data for training.

        Raises:
            DataError: bad rows that are not dropped, an empty split, data that cannot make the vocabulary, or more
                than 1 % of training infeasible; all problems at once.
            InfeasibleError: the last of these alone.
            ConfigError: nothing is wrong but the size of the vocabulary.
        """
        of_data, of_setting = self._problems("data"), self._problems("setting")
        bad_rows = self.bad_rows if of_data or not self.skips_bad else ()
        may_skip = not self.skips_bad and not self._lacks_split
        problems = [*report.first_bad_rows(bad_rows, may_skip=may_skip, merged=self._lacks_split), *of_data]
        problems += self._problems("vocabulary")
        train, val = self.corpus.train, self.corpus.val
        if not train and not of_data:
            problems.append(Problem("", "no utterance is left to train on", self.left_out))
        if not val and not of_data:
            problems.append(Problem("", "no utterance is left to validate on"))
        kind = DataError if problems or of_setting else InfeasibleError
        if too_many_infeasible(len(self._infeasible[0]), len(train)):
            sentence, places = next(self._too_many_tokens())
            what = f"{sentence}; at most {MAX_INFEASIBLE_PERCENT} % may"
            hint = f"Lower model.subsampling, which is {self.subsampling}, or remove these utterances:"
            problems.append(Problem("", what, "\n".join([hint, *report.first_places(places)])))
        if problems:
            raise kind([*problems, *of_setting])
        if of_setting:
            raise ConfigError(of_setting)

    @property
    def _lacks_split(self) -> bool:
        """True if no row of a split is good."""
        return not (self.corpus.train and self.corpus.val)

    def _problems(self, kind: str) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.kind == kind)

    @property
    def _names(self) -> Sequence[str]:
        """Place of each utterance, or its id for synthetic speech."""
        return self.places or [utterance.id for utterance in (*self.corpus.train, *self.corpus.val)]

    @cached_property
    def _infeasible(self) -> tuple[list[int], list[int]]:
        return self.infeasible(self.corpus.train), self.infeasible(self.corpus.val)

    @property
    def infeasible_places(self) -> tuple[list[str], list[str]]:
        """Places of infeasible utterances: training, validation."""
        (_, train), (_, val) = self._too_many_tokens()
        return train, val

    def _too_many_tokens(self) -> Iterator[tuple[str, list[str]]]:
        """Yield a sentence on infeasible utterances, and their places.

        The first is on training, the second on validation.
        """
        names, units = self._names, self.corpus.vocabulary.units
        for split, utterances, found in zip(
            ("training", "validation"), (self.corpus.train, self.corpus.val), self._infeasible, strict=True
        ):
            percent = 100 * len(found) / max(len(utterances), 1)
            share = f"{len(found):,} of {len(utterances):,} {split} utterances ({percent:.1f} %)"
            yield f"{share} have more {units} than the model has output frames", [names[i] for i in found]
            names = names[len(utterances) :]


def too_many_infeasible(number: int, num_utterances: int) -> bool:
    """Return True above `MAX_INFEASIBLE_PERCENT` of the training utterances."""
    return 100 * number > MAX_INFEASIBLE_PERCENT * num_utterances


def survey_corpus(corpus: Corpus, *, sample_rate: int, subsampling: int | None) -> Survey:
    """Survey a corpus of good utterances, such as synthetic ones."""
    return Survey(corpus=corpus, sample_rate=sample_rate, subsampling=subsampling)
