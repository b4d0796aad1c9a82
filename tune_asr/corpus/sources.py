"""Configuration -> arguments of `speech`, in this one place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tune_asr.config.data_sections import ManifestData, SyntheticData
from tune_asr.config.sections import Config
from tune_asr.speech.audio.synthetic import synthesize_corpus
from tune_asr.speech.corpus import Corpus, Utterance
from tune_asr.speech.manifest.rows import read_manifest
from tune_asr.speech.survey.hold_out import HoldOut
from tune_asr.speech.survey.manifests import inspect_manifest, survey_manifests
from tune_asr.speech.survey.pieces import with_pieces
from tune_asr.speech.survey.survey import Survey, survey_corpus
from tune_asr.speech.text.normalizer import TextNormalizer


@dataclass(frozen=True, slots=True)
class TestSet:
    """Utterances of `data.test`; empty without a test manifest."""

    __test__ = False  # no test case for pytest

    utterances: tuple[Utterance, ...] = ()
    num_dropped: int = 0
    """Bad rows that `data.skip_bad` leaves out."""


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
            Path(data.train),
            Path(data.val) if isinstance(data.val, str) else HoldOut(data.val.hold_out, data.val.by),
            test=Path(data.test) if data.test is not None and decode else None,
            normalizer=_normalizer(config),
            sample_rate=sample_rate,
            max_seconds=data.max_seconds,
            subsampling=config.subsampling,
            skip_bad=_share_of_bad_rows(data),
            decode=decode,
            rules=config.text.rules,
        )
    elif isinstance(data, SyntheticData):
        found = survey_corpus(_synthetic(data, config), sample_rate=sample_rate, subsampling=config.subsampling)
    else:
        return None
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
        manifest = data.val if isinstance(data.val, str) else data.train  # validation is held out of it
        return {row.id: normalizer(row.text) for row in read_manifest(Path(manifest))[0]}
    if isinstance(data, SyntheticData):
        return {utterance.id: utterance.text for utterance in _synthetic(data, config).val}
    return {}


def read_test_set(config: Config) -> TestSet:
    """Read the utterances of `data.test`.

    Bad rows follow the rule of training.

    Raises:
        DataError: rows cannot be used and may not be dropped.
    """
    data = config.data
    if not isinstance(data, ManifestData) or data.test is None:
        return TestSet()
    path = Path(data.test)
    rows = read_manifest(path)
    normalizer, rules = _normalizer(config), config.text.rules
    found = inspect_manifest(path, rows, normalizer, config.features.sample_rate, decode=True, rules=rules)
    found.check(_share_of_bad_rows(data))
    return TestSet(tuple(entry.utterance for entry in found.entries), len(found.bad_rows))


def _normalizer(config: Config) -> TextNormalizer:
    return TextNormalizer(**config.text.normaliser())


def _share_of_bad_rows(data: ManifestData) -> float | None:
    """Return the share of droppable rows, or None."""
    return data.max_bad_fraction if data.skip_bad else None


def _synthetic(data: SyntheticData, config: Config) -> Corpus:
    return synthesize_corpus(**data.recipe(), sample_rate=config.features.sample_rate)
