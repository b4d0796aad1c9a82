"""The corpus that a configuration names. No torch: a door looks at the data before anything heavy is loaded."""

from __future__ import annotations

from pathlib import Path

from tune_asr.config.data_sections import ManifestData
from tune_asr.config.schema import CustomTarget
from tune_asr.config.sections import Config
from tune_asr.errors import ConfigError
from tune_asr.speech.corpus import Utterance
from tune_asr.speech.hold_out import HoldOut
from tune_asr.speech.manifest_survey import survey_manifests
from tune_asr.speech.noise import noises
from tune_asr.speech.normalizer import TextNormalizer
from tune_asr.speech.survey import Survey, survey_corpus
from tune_asr.speech.synthetic import synthesize_corpus


def survey(config: Config, *, decode: bool = True) -> Survey | None:
    """Corpus and data report of a built-in `data.target`; None where the data come from a class of the user's.

    Args:
        config: the configuration.
        decode: whether recordings are decoded where only that tells if they are whole.

    Raises:
        DataError: a manifest cannot be read at all. What else is wrong is told by `Survey.check`.
    """
    data, sample_rate = config.data, config.features.sample_rate
    subsampling = None if isinstance(config.model, CustomTarget) else config.model.subsampling
    if isinstance(data, CustomTarget):
        return None
    if isinstance(data, ManifestData):
        return survey_manifests(
            Path(data.train),
            Path(data.val) if isinstance(data.val, str) else HoldOut(data.val.hold_out, data.val.by),
            normalizer=TextNormalizer(**config.text.model_dump()),
            sample_rate=sample_rate,
            max_seconds=data.max_seconds,
            subsampling=subsampling,
            skip_bad=data.max_bad_fraction if data.skip_bad else None,
            decode=decode,
        )
    corpus = synthesize_corpus(
        seed=data.seed,
        num_train=data.num_train,
        num_val=data.num_val,
        alphabet=data.alphabet,
        num_words=data.num_words,
        words_per_utterance=(data.min_words, data.max_words),
        sample_rate=sample_rate,
        noise=data.noise,
    )
    return survey_corpus(corpus, sample_rate=sample_rate, subsampling=subsampling)


def check_beside(config: Config) -> None:
    """Look at what a training that starts reads beside its data: initial weights and noise.

    Raises:
        ConfigError: there is no such file as `model.init_from`.
        DataError: `augment.noise_dir` is given, and cannot be used.
    """
    init_from = None if isinstance(config.model, CustomTarget) else config.model.init_from
    if init_from is not None and not Path(init_from).exists():
        raise ConfigError(
            f"model.init_from: {init_from}: no such file: give a checkpoint, or null to start from scratch"
        )
    if config.augment.noise_dir and not isinstance(config.model, CustomTarget):
        noises(Path(config.augment.noise_dir), config.features.sample_rate)


def noise_of(config: Config) -> tuple[tuple[Utterance, ...], str] | None:
    """Recordings of noise and their key, as `noises` gives them; None where none is asked for."""
    section = config.augment
    if not section.noise_p:
        return None
    return noises(Path(section.noise_dir) if section.noise_dir else None, config.features.sample_rate)
