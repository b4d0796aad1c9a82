"""The survey: looks at all the data before anything is trained, so that no epoch is spent on data that is wrong.

Two manifests become one corpus whose every recording has been verified. What is wrong is said at once and to the
end; what is allowed but worth a look stands in the report as a warning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tune_asr.errors import DataError, Problem
from tune_asr.speech import data_report
from tune_asr.speech.audio import AudioInfo
from tune_asr.speech.corpus import Corpus, Utterance, fingerprint
from tune_asr.speech.frames import is_feasible
from tune_asr.speech.inspection import Entry, inspect_rows
from tune_asr.speech.manifest import Row, read_manifest
from tune_asr.speech.normalizer import TextNormalizer
from tune_asr.speech.remarks import remarks_on
from tune_asr.speech.vocabulary import Vocabulary

MAX_INFEASIBLE_PERCENT = 1


@dataclass(frozen=True, kw_only=True)
class Survey:
    """A corpus and what was found in it.

    Attributes:
        corpus: all that can be used.
        sample_rate: of the features, in Hz.
        subsampling: feature frames to one output frame of the model; None where only the model knows.
        problems: every bad row, training's before validation's.
        recordings: what the headers of the files say; empty where the speech is synthetic.
        left_out: a sentence on the training utterances that were left out for their length, if any were.
        remarks: sentences on what is allowed but worth a look.
    """

    corpus: Corpus
    sample_rate: int
    subsampling: int | None
    problems: tuple[Problem, ...] = ()
    recordings: tuple[AudioInfo, ...] = ()
    left_out: str = ""
    remarks: tuple[str, ...] = ()

    def infeasible(self, utterances: Sequence[Utterance]) -> list[Utterance]:
        """Return those of `utterances` whose references need more output frames than the model makes of them."""
        if self.subsampling is None:
            return []
        encode = self.corpus.vocabulary.encode
        return [u for u in utterances if not is_feasible(encode(u.text), u.seconds, self.sample_rate, self.subsampling)]

    def render(self) -> str:
        """Return the data report: 80 columns wide, but for paths that are longer."""
        train, val = self.corpus.train, self.corpus.val
        lines = data_report.size_table(train, val)
        lines += data_report.recordings_lines(self.recordings, self.sample_rate)
        lines += data_report.vocabulary_lines(self.corpus.vocabulary)
        lines += data_report.validation_lines(self.corpus)
        remarks = [self._too_many_characters("training", train), self._too_many_characters("validation", val)]
        for remark in (self.left_out, *remarks, *self.remarks):
            lines += data_report.warning(remark) if remark else []
        return "\n".join([*lines, *data_report.bad_rows_lines(self.problems)])

    def check(self) -> None:
        """Make sure that the data can be trained on.

        Raises:
            DataError: with all that is wrong: every bad row, a split with nothing in it, and more than 1 % of training
                infeasible.
        """
        problems = list(self.problems)
        train, val = self.corpus.train, self.corpus.val
        if not train:
            problems.append(Problem("", "no utterance is left to train on", self.left_out))
        if not val:
            problems.append(Problem("", "no utterance is left to validate on"))
        if 100 * len(self.infeasible(train)) > MAX_INFEASIBLE_PERCENT * len(train):
            what = f"{self._too_many_characters('training', train)}; at most {MAX_INFEASIBLE_PERCENT} % may"
            way_out = f"lower model.subsampling, which is {self.subsampling}, or take such utterances out"
            problems.append(Problem("", what, way_out))
        if problems:
            raise DataError(problems)

    def _too_many_characters(self, name: str, utterances: Sequence[Utterance]) -> str:
        """Tell how many of a split's utterances are infeasible: "" where none is."""
        ids = [utterance.id for utterance in self.infeasible(utterances)]
        if not ids:
            return ""
        return (
            f"{len(ids):,} of {len(utterances):,} {name} utterances ({100 * len(ids) / len(utterances):.1f} %) have "
            f"more characters than the model has output frames ({data_report.examples(ids)})"
        )


def survey_corpus(corpus: Corpus, *, sample_rate: int, subsampling: int | None) -> Survey:
    """Survey a corpus whose utterances are known to be good, such as a synthetic one."""
    return Survey(corpus=corpus, sample_rate=sample_rate, subsampling=subsampling)


def survey_manifests(
    train: Path,
    val: Path,
    *,
    normalizer: TextNormalizer,
    sample_rate: int,
    max_seconds: float | None,
    subsampling: int | None,
    decode: bool = True,
) -> Survey:
    """Read two manifests, verify every recording in them and make a corpus of what can be used.

    Args:
        train: manifest of the training utterances.
        val: manifest of the validation utterances; none of them is ever left out.
        normalizer: makes the references.
        sample_rate: of the features, in Hz.
        max_seconds: longer training utterances are left out; None leaves all in.
        subsampling: feature frames to one output frame of the model; None where only the model knows.
        decode: decode recordings where only that tells whether they are whole; false: trust their headers, as a trial
            does whose search has looked before.

    Raises:
        DataError: a manifest cannot be read at all. Bad rows raise nothing before `Survey.check`.
    """
    splits: list[list[Entry]] = []
    problems: list[Problem] = []
    for rows, bad_rows in _read_all(train, val):
        entries, unusable = inspect_rows(rows, normalizer, sample_rate, decode=decode)
        splits.append(entries)
        problems += sorted(bad_rows + unusable, key=_line_number)
    found_train, used_val = splits
    used_train, left_out = _not_longer_than(max_seconds, found_train)
    return Survey(
        corpus=_corpus(used_train, used_val),
        sample_rate=sample_rate,
        subsampling=subsampling,
        problems=tuple(problems),
        recordings=tuple(entry.recording.info for entry in used_train + used_val),
        left_out=left_out,
        remarks=tuple(remarks_on(used_train, used_val)),
    )


def _read_all(*paths: Path) -> list[tuple[list[Row], list[Problem]]]:
    """Read every manifest; where one cannot be read, say so of all that cannot."""
    manifests = []
    problems: list[Problem] = []
    for path in paths:
        try:
            manifests.append(read_manifest(path))
        except DataError as error:
            problems += error.problems
    if problems:
        raise DataError(problems)
    return manifests


def _not_longer_than(max_seconds: float | None, entries: list[Entry]) -> tuple[list[Entry], str]:
    """Leave out the longer ones, and tell how many they are: "" where none is."""
    short = [entry for entry in entries if max_seconds is None or entry.utterance.seconds <= max_seconds]
    num_long = len(entries) - len(short)
    told = f"{num_long:,} training utterances are left out: they are longer than data.max_seconds, {max_seconds} s"
    return short, told if num_long else ""


def _line_number(problem: Problem) -> int:
    return int(problem.place.rpartition(":")[2])


def _corpus(train: Sequence[Entry], val: Sequence[Entry]) -> Corpus:
    entries = [("train", entry) for entry in train] + [("val", entry) for entry in val]
    facts = [
        (split, entry.utterance.id, entry.utterance.text, entry.row.audio_as_written, entry.recording.num_bytes)
        for split, entry in entries
    ]
    said = fingerprint(facts)
    files = ((str(entry.recording.path), entry.recording.mtime_ns) for _, entry in entries)
    utterances = tuple(entry.utterance for entry in train)
    return Corpus(
        train=utterances,
        val=tuple(entry.utterance for entry in val),
        vocabulary=Vocabulary.from_texts(utterance.text for utterance in utterances),
        fingerprint=said,
        val_fingerprint=fingerprint(facts[len(train) :]),
        machine_key=fingerprint((said, *files)),
    )
