"""Configuration -> arguments of `speech`, in this one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tune_asr.config.data_sections import HoldOutSection, ManifestData, SyntheticData
from tune_asr.config.sections import Config
from tune_asr.corpus.listings import listing_of, validation_of
from tune_asr.errors import Problem
from tune_asr.speech.audio.synthetic import synthesize_corpus
from tune_asr.speech.corpus import Corpus, Utterance
from tune_asr.speech.manifest.listing import Found, Listing, read_listing
from tune_asr.speech.manifest.rows import Row
from tune_asr.speech.survey.contents import contents_fingerprint
from tune_asr.speech.survey.hold_out import HoldOut
from tune_asr.speech.survey.inspection import inspect_rows
from tune_asr.speech.survey.manifests import Inspected, inspect_manifest, survey_manifests
from tune_asr.speech.survey.pieces import with_pieces
from tune_asr.speech.survey.survey import Survey, survey_corpus
from tune_asr.speech.text.normalizer import TextNormalizer

_ANY_TEXT = "a"
"""Transcript of a recording without one: a row needs one that normalises to something."""


@dataclass(frozen=True, slots=True)
class TestSet:
    """Utterances of `data.test`; empty without a test manifest."""

    __test__ = False  # no test case for pytest

    utterances: tuple[Utterance, ...] = ()
    num_dropped: int = 0
    """Bad rows that `data.skip_bad` leaves out."""
    fingerprint: str | None = None
    """Hash of references and recordings; None if a recording cannot be read."""


def survey(config: Config, *, decode: bool = True) -> Survey | None:
    """Survey the data of a configuration; None for custom data.

    Args:
        config: checked configuration.
        decode: decode recordings if only that shows that they are intact, and survey the test manifest too; false in
            a trial, since its search has done so.

    Raises:
        DataError: a manifest cannot be read at all. Other mistakes are raised by `Survey.check`.
    """
    data, sample_rate = config.data, config.features.sample_rate
    if isinstance(data, ManifestData):
        found = survey_manifests(
            listing_of(data.train),
            HoldOut(val.hold_out, val.by) if isinstance(val := data.val, HoldOutSection) else listing_of(val),
            test=test_manifest(config) if decode else None,
            normalizer=_normalizer(config),
            sample_rate=sample_rate,
            max_seconds=data.max_seconds,
            subsampling=config.subsampling,
            skip_bad=share_of_bad_rows(config),
            decode=decode,
            rules=config.text.rules,
        )
    elif isinstance(data, SyntheticData):
        found = survey_corpus(_synthetic(data, config), sample_rate=sample_rate, subsampling=config.subsampling)
    else:
        return None
    found = replace(found, rules=config.text.rules, score=config.text.score)
    return with_pieces(found, config.text.vocab_size) if config.text.unit == "bpe" else found


def references(config: Config) -> dict[str, str]:
    """Return the references of validation by utterance.

    Empty for custom data.
    Recordings are not opened, so utterances that training would reject are among them.

    Raises:
        DataError: the manifest cannot be read.
    """
    data = config.data
    if isinstance(data, ManifestData):
        normalizer = _normalizer(config)
        rows, _ = read_listing(validation_of(data.val, data.train), config.text.rules)
        return {row.id: normalizer(row.text) for row in rows}
    if isinstance(data, SyntheticData):
        return {utterance.id: utterance.text for utterance in _synthetic(data, config).val}
    return {}


def read_test_set(config: Config) -> TestSet:
    """Read the utterances of `data.test`.

    Bad rows follow the rule of training.

    Raises:
        DataError: rows cannot be used and may not be dropped.
    """
    listing = test_manifest(config)
    if listing is None:
        return TestSet()
    rows = read_listing(listing, config.text.rules)
    found = _inspect(config, listing, rows)
    found.check(share_of_bad_rows(config))
    utterances = tuple(entry.utterance for entry in found.entries)
    return TestSet(utterances, len(found.bad_rows), contents_fingerprint(rows[0], _normalizer(config)))


def test_manifest(config: Config) -> Listing | None:
    """Return the manifests of `data.test`, None without one."""
    data = config.data
    return listing_of(data.test) if isinstance(data, ManifestData) and data.test is not None else None


test_manifest.__test__ = False  # type: ignore[attr-defined]  # no test case for pytest


def has_contents_of(config: Config, listing: Listing, other: Listing | str) -> bool:
    """Test if a manifest has the contents of another.

    Args:
        config: configuration with the rules of the references.
        listing: manifest.
        other: the other manifest, or its hash.

    Raises:
        DataError: one cannot be read.
    """
    rules, normalizer = config.text.rules, _normalizer(config)
    rows, _ = read_listing(listing, rules)
    if isinstance(other, str):
        return contents_fingerprint(rows, normalizer) == other
    others, _ = read_listing(other, rules)
    if len(others) != len(rows):
        return False
    found = contents_fingerprint(rows, normalizer)
    return found is not None and found == contents_fingerprint(others, normalizer)


def verify_manifest(config: Config, path: Path) -> Inspected:
    """Verify a manifest by the rules of a configuration.

    Raises:
        DataError: it cannot be read at all.
    """
    return _inspect(config, path, read_listing(path, config.text.rules))


def verify_recordings(config: Config, paths: Sequence[Path]) -> tuple[list[Utterance], list[Problem]]:
    """Verify recordings without transcripts, by their headers.

    Returns:
        Utterances with the paths as ids, and a problem for each other recording, both in order.
    """
    rows = [
        Row(
            place=str(path),
            id=str(path),
            audio=path.absolute(),
            audio_as_written=str(path),
            text=_ANY_TEXT,
            duration=None,
            offset=None,
            speaker=None,
            identity=str(path),
        )
        for path in paths
    ]
    rules, sample_rate = config.text.rules, config.features.sample_rate
    entries, problems = inspect_rows(rows, TextNormalizer(), sample_rate, decode=False, rules=rules)
    return [replace(entry.utterance, text="") for entry in entries], problems


def share_of_bad_rows(config: Config) -> float | None:
    """Return the share of droppable rows, or None."""
    data = config.data
    return data.max_bad_fraction if isinstance(data, ManifestData) and data.skip_bad else None


def _inspect(config: Config, listing: Listing, rows: Found) -> Inspected:
    normalizer, rules = _normalizer(config), config.text.rules
    return inspect_manifest(listing, rows, normalizer, config.features.sample_rate, decode=True, rules=rules)


def _normalizer(config: Config) -> TextNormalizer:
    return TextNormalizer(**config.text.normaliser())


def _synthetic(data: SyntheticData, config: Config) -> Corpus:
    return synthesize_corpus(**data.recipe(), sample_rate=config.features.sample_rate)
