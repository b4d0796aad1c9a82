"""Manifests -> a corpus whose every recording has been verified, and the survey of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tune_asr.errors import Problem
from tune_asr.speech.audio.recordings import FileAudio
from tune_asr.speech.corpus import Corpus, fingerprint
from tune_asr.speech.survey.hold_out import Division, HoldOut
from tune_asr.speech.survey.inspection import Entry
from tune_asr.speech.survey.look import Look, look_at, read_all
from tune_asr.speech.survey.remarks import remarks_on
from tune_asr.speech.survey.survey import Survey
from tune_asr.speech.text.normalizer import TextNormalizer
from tune_asr.speech.text.vocabulary import Vocabulary


def survey_manifests(
    train: Path,
    val: Path | HoldOut,
    *,
    test: Path | None = None,
    normalizer: TextNormalizer,
    sample_rate: int,
    max_seconds: float | None,
    subsampling: int | None,
    skip_bad: float | None = None,
    decode: bool = True,
) -> Survey:
    """Read the manifests, verify every recording in them and make a corpus of what can be used.

    Args:
        train: manifest of the training utterances.
        val: manifest of the validation utterances, or which of training's are held out for it; of good rows, none is
            ever left out.
        test: manifest of the test utterances, which are only looked at: the corpus has none of them.
        normalizer: makes the references.
        sample_rate: of the features, in Hz.
        max_seconds: longer training utterances are left out; None leaves all in.
        subsampling: feature frames to one output frame of the model; None where only the model knows.
        skip_bad: bad rows are dropped where they are at most this share of their manifest; None: they are a mistake.
        decode: decode recordings, since only that tells whether they are whole; false: trust their headers, as a trial
            does whose search has looked before. Where bad rows are dropped they are decoded always: a trial must drop
            the same ones.

    Raises:
        DataError: a manifest cannot be read at all. Bad rows raise nothing before `Survey.check`.
    """
    paths = [path for path in (train, val, test) if isinstance(path, Path)]
    looks = [
        look_at(path, found, normalizer, sample_rate, decode=decode or skip_bad is not None)
        for path, found in zip(paths, read_all(*paths), strict=True)
    ]
    held_back = looks[-1].entries if test else []
    if isinstance(val, HoldOut):
        division = val.split(looks[0].entries, str(train))
        looks[0].problems.extend(division.problems)
    else:
        division = Division(looks[0].entries, looks[1].entries)
    used_train, left_out = _not_longer_than(max_seconds, division.train)
    entries = [*used_train, *division.val]
    faults = [] if skip_bad is None else [fault for look in looks for fault in look.too_many(skip_bad)]
    dropped = (
        _ruler_warning(looks[0 if isinstance(val, HoldOut) else 1], isinstance(val, HoldOut))
        if skip_bad is not None
        else ""
    )
    return Survey(
        corpus=_corpus(used_train, division.val),
        sample_rate=sample_rate,
        subsampling=subsampling,
        problems=tuple(problem for look in looks for problem in sorted(look.problems, key=_place)),
        skips_bad=skip_bad is not None,
        faults=(*division.faults, *faults),
        places=tuple(entry.row.place for entry in entries),
        recordings=tuple({entry.recording.path: entry.recording.info for entry in entries}.values()),
        left_out=left_out,
        held_out=division.told,
        test=tuple(entry.utterance for entry in held_back),
        remarks=tuple(filter(None, (dropped, *remarks_on(used_train, division.val, held_back)))),
    )


def _ruler_warning(look: Look, held_out: bool) -> str:
    """Tell loudly that rows are missing from the validation set: "" where none is."""
    if not look.problems:
        return ""
    where = "data.train, of which validation is held out," if held_out else "VALIDATION"
    return (
        f"{len(look.problems):,} of {look.num_rows:,} rows of {where} are dropped: the ruler is shorter, and its WER "
        "compares only with WERs of the same rows"
    )


def _not_longer_than(max_seconds: float | None, entries: list[Entry]) -> tuple[list[Entry], str]:
    """Leave out the longer ones, and tell how many they are: "" where none is."""
    short = [entry for entry in entries if max_seconds is None or entry.utterance.seconds <= max_seconds]
    num_long = len(entries) - len(short)
    told = f"{num_long:,} training utterances are left out: they are longer than data.max_seconds, {max_seconds} s"
    return short, told if num_long else ""


def _place(problem: Problem) -> tuple[str, int]:
    file, _, line = problem.place.rpartition(":")
    return file, int(line)


def _corpus(train: Sequence[Entry], val: Sequence[Entry]) -> Corpus:
    entries = [("train", entry) for entry in train] + [("val", entry) for entry in val]
    said = [
        (
            *(split, entry.utterance.id, entry.utterance.text),
            *(entry.row.audio_as_written, entry.recording.content, *_part(entry)),
        )
        for split, entry in entries
    ]
    heard = (
        (str(entry.recording.path), entry.recording.content, entry.recording.mtime_ns, *_part(entry))
        for _, entry in entries
    )
    utterances = tuple(entry.utterance for entry in train)
    return Corpus(
        train=utterances,
        val=tuple(entry.utterance for entry in val),
        vocabulary=Vocabulary.from_texts(utterance.text for utterance in utterances),
        fingerprint=fingerprint(said),
        val_fingerprint=fingerprint(said[len(train) :]),
        machine_key=fingerprint(heard),
    )


def _part(entry: Entry) -> tuple[int, ...]:
    """What tells a part of a recording from the whole: nothing where it is the whole."""
    audio = entry.utterance.audio
    assert isinstance(audio, FileAudio)
    return () if audio.num_frames is None else (audio.start, audio.num_frames)
