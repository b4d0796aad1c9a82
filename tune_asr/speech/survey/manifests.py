"""Manifests -> the survey of a corpus of verified recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tune_asr.errors import DataError, Problem
from tune_asr.speech.audio.recordings import FileAudio
from tune_asr.speech.corpus import Corpus, fingerprint
from tune_asr.speech.manifest.listing import Found, Listing, name_of, paths_of, read_listing
from tune_asr.speech.survey.hold_out import Division, HoldOut
from tune_asr.speech.survey.inspection import Entry, inspect_rows
from tune_asr.speech.survey.remarks import remarks_on
from tune_asr.speech.survey.report import first_bad_rows
from tune_asr.speech.survey.shared_rows import shared_rows
from tune_asr.speech.survey.survey import Survey
from tune_asr.speech.survey.text_remarks import text_remarks
from tune_asr.speech.text.normalizer import TextNormalizer
from tune_asr.speech.text.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Inspected:
    """Usable and bad rows of manifests."""

    listing: Listing
    num_rows: int
    entries: list[Entry]
    bad_rows: list[Problem]

    def too_many_bad(self, share: float) -> list[Problem]:
        """Return a problem above this share of bad rows."""
        if len(self.bad_rows) <= share * self.num_rows:
            return []
        bad = f"{len(self.bad_rows):,} of {self.num_rows:,} rows ({len(self.bad_rows) / self.num_rows:.1%}) are bad"
        what = f"{bad}, but data.skip_bad drops at most data.max_bad_fraction, {share}"
        return [Problem(name_of(self.listing), what, "Correct them, or raise data.max_bad_fraction.")]

    def check(self, skip_bad: float | None, *, is_fixed: bool = False) -> None:
        """Check the number of bad rows.

        Args:
            skip_bad: share of bad rows, as for `survey_manifests`.
            is_fixed: no hint names the setting, since it is that of a trained model.

        Raises:
            DataError: they may not; it lists the first of them.
        """
        too_many = self.too_many_bad(skip_bad) if skip_bad is not None else []
        if too_many or (self.bad_rows and skip_bad is None):
            all_are_bad = not self.entries
            may_skip = skip_bad is None and not all_are_bad and not is_fixed
            too_many = [replace(problem, hint="Correct them.") for problem in too_many] if is_fixed else too_many
            raise DataError([*first_bad_rows(self.bad_rows, may_skip=may_skip, merged=all_are_bad), *too_many])


def survey_manifests(
    train: Listing,
    val: Listing | HoldOut,
    *,
    test: Listing | None = None,
    normalizer: TextNormalizer,
    sample_rate: int,
    max_seconds: float | None,
    subsampling: int | None,
    skip_bad: float | None = None,
    decode: bool = True,
    rules: int = 2,
) -> Survey:
    """Verify recordings and make a corpus of usable rows.

    Args:
        train: manifests of the training utterances.
        val: manifests of the validation utterances, or the rule by which they are held out of training. No good row of
            them is ever left out.
        test: manifests of the test utterances. They are checked, but no part of the corpus.
        normalizer: maker of the references.
        sample_rate: rate of the features, in Hz.
        max_seconds: longest training utterance; longer ones are left out. None: no limit.
        subsampling: feature frames to one output frame of the model; None if only the model knows.
        skip_bad: share of a manifest's rows that may be bad and are then dropped; None: bad rows are errors.
        decode: decode recordings to see if they are intact. False trusts their headers, as in a trial, after the
            search has decoded them. With `skip_bad` they are always decoded, so that a trial drops the same rows.
        rules: `text.rules` of the configuration.

    Raises:
        DataError: a manifest cannot be read at all. Bad rows raise nothing before `Survey.check`.
    """
    given = {"train": train, "val": val, "test": test}
    listings = {key: one for key, one in given.items() if one is not None and not isinstance(one, HoldOut)}
    inspected = [
        inspect_manifest(listing, found, normalizer, sample_rate, decode=decode or skip_bad is not None, rules=rules)
        for listing, found in zip(listings.values(), _read_all(listings, rules), strict=True)
    ]
    held_back = inspected[-1].entries if test else []
    if isinstance(val, HoldOut):
        division = val.split(inspected[0].entries, name_of(train))
        inspected[0].bad_rows.extend(division.bad_rows)
    else:
        division = Division(inspected[0].entries, inspected[1].entries)
    used_train, left_out = _not_longer_than(max_seconds, division.train)
    entries = [*used_train, *division.val]
    of_val = inspected[0 if isinstance(val, HoldOut) else 1]
    of_texts = text_remarks([*entries, *held_back], normalizer)
    dropped = _dropped_from_validation(of_val, isinstance(val, HoldOut)) if skip_bad is not None else ""
    return Survey(
        corpus=_corpus(used_train, division.val, rules),
        sample_rate=sample_rate,
        subsampling=subsampling,
        problems=_problems(inspected, division, skip_bad),
        skips_bad=skip_bad is not None,
        places=tuple(entry.row.place for entry in entries),
        recordings=tuple({entry.recording.path: entry.recording.info for entry in entries}.values()),
        num_mixed=len({entry.recording.path for entry in entries if _is_mixed(entry)}),
        left_out=left_out,
        held_out=division.summary,
        test=tuple(entry.utterance for entry in held_back),
        shared=tuple(shared_rows(used_train, division.val)),
        remarks=tuple(filter(None, (dropped, *remarks_on(used_train, division.val, held_back), *of_texts))),
    )


def inspect_manifest(
    listing: Listing,
    found: Found,
    normalizer: TextNormalizer,
    sample_rate: int,
    *,
    decode: bool,
    rules: int = 2,
) -> Inspected:
    """Inspect the recordings and texts of manifests.

    Args:
        listing: manifests, for messages.
        found: their rows and bad rows, from `read_listing`.
        normalizer: maker of the references.
        sample_rate: rate of the features, in Hz.
        decode: decode recordings; else trust their headers.
        rules: `text.rules` of the configuration.
    """
    good_rows, bad_rows = found
    entries, unusable = inspect_rows(good_rows, normalizer, sample_rate, decode=decode, rules=rules)
    bad = sorted(bad_rows + unusable, key=_place)
    return Inspected(listing, len(good_rows) + len(bad_rows), entries, bad)


def _read_all(listings: Mapping[str, Listing], rules: int) -> list[Found]:
    """Read all manifests, with one DataError for all unreadable ones.

    Args:
        listings: manifests by their keys in the section `data`.
        rules: `text.rules` of the configuration.
    """
    manifests = []
    problems: list[Problem] = []
    for key, listing in listings.items():
        try:
            manifests.append(read_listing(listing, rules))
        except DataError as error:
            hint = f"Set data.{key}, for example --set data.{key}=corpus/{key}.jsonl."
            # Another place is a file in the folder, which was found.
            named = set(map(str, paths_of(listing)))
            problems += (
                replace(one, hint=hint) if one.place in named and not one.hint else one for one in error.problems
            )
    if problems:
        raise DataError(problems)
    return manifests


def _problems(inspected: Sequence[Inspected], division: Division, skip_bad: float | None) -> tuple[Problem, ...]:
    """Return all bad rows, then the mistakes of the whole."""
    bad_rows = [row for one in inspected for row in sorted(one.bad_rows, key=_place)]
    of_data = list(division.problems)
    if skip_bad is not None:
        of_data += [problem for one in inspected for problem in one.too_many_bad(skip_bad)]
    return (*(replace(row, kind="row") for row in bad_rows), *(replace(problem, kind="data") for problem in of_data))


def _dropped_from_validation(manifest: Inspected, is_held_out: bool) -> str:
    """Return a warning of rows missing from validation, or ""."""
    if not manifest.bad_rows:
        return ""
    name = "data.train, of which validation is held out," if is_held_out else "VALIDATION"
    return (
        f"{len(manifest.bad_rows):,} of {manifest.num_rows:,} rows of {name} are dropped; compare the WER only with "
        "WERs on the same rows"
    )


def _not_longer_than(max_seconds: float | None, entries: list[Entry]) -> tuple[list[Entry], str]:
    """Leave out longer utterances; return the rest and a sentence."""
    short = [entry for entry in entries if max_seconds is None or entry.utterance.seconds <= max_seconds]
    if len(short) == len(entries):
        return short, ""
    longest = max((entry.utterance for entry in entries), key=lambda utterance: utterance.seconds)
    num_long = len(entries) - len(short)
    what = "1 training utterance is" if num_long == 1 else f"{num_long:,} training utterances are"
    limit = f"longer than data.max_seconds, {max_seconds} s"
    return short, f"{what} left out: {limit} (the longest: {longest.id}, {longest.seconds:,.4g} s)"


def _place(problem: Problem) -> tuple[str, int]:
    file, _, line = problem.place.rpartition(":")
    return file, int(line)


def _corpus(train: Sequence[Entry], val: Sequence[Entry], rules: int) -> Corpus:
    entries = [("train", entry) for entry in train] + [("val", entry) for entry in val]
    portable = [
        (
            *(split, entry.utterance.id, entry.utterance.text),
            *(entry.row.audio_as_written, entry.recording.content, *_part(entry)),
        )
        for split, entry in entries
    ]
    of_rules = (rules,) if rules > 1 else ()  # the samples of a file depend on them
    on_this_machine = (
        (*of_rules, str(entry.recording.path), entry.recording.content, entry.recording.mtime_ns, *_part(entry))
        for _, entry in entries
    )
    utterances = tuple(entry.utterance for entry in train)
    return Corpus(
        train=utterances,
        val=tuple(entry.utterance for entry in val),
        vocabulary=Vocabulary.from_texts(utterance.text for utterance in utterances),
        fingerprint=fingerprint(portable),
        val_fingerprint=fingerprint(portable[len(train) :]),
        machine_key=fingerprint(on_this_machine),
    )


def _is_mixed(entry: Entry) -> bool:
    audio = entry.utterance.audio
    return isinstance(audio, FileAudio) and audio.channel is None and entry.recording.info.channels > 1


def _part(entry: Entry) -> tuple[int | str, ...]:
    """Return start, length and channel of a part.

    Whole recordings and mixed channels add nothing, as in release 0.1.0.
    """
    audio = entry.utterance.audio
    assert isinstance(audio, FileAudio)
    part = () if audio.num_frames is None else (audio.start, audio.num_frames)
    return part if audio.channel is None else (*part, f"channel {audio.channel}")
