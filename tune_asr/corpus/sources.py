"""The corpus that a configuration names. No torch: a door looks at the data before anything heavy is loaded."""

from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path

from tune_asr.config.data_sections import ManifestData
from tune_asr.config.schema import CustomTarget
from tune_asr.config.sections import Config
from tune_asr.errors import ConfigError
from tune_asr.speech.audio.noise import folder_fingerprint, noises, recordings_in
from tune_asr.speech.audio.synthetic import synthesize_corpus
from tune_asr.speech.survey.hold_out import HoldOut
from tune_asr.speech.survey.manifests import survey_manifests
from tune_asr.speech.survey.pieces import with_pieces
from tune_asr.speech.survey.survey import Survey, survey_corpus
from tune_asr.speech.text.normalizer import TextNormalizer

NOISES_LOOKED_AT = 8


def survey(config: Config, *, decode: bool = True) -> Survey | None:
    """Corpus and data report of a built-in `data.target`; None where the data come from a class of the user's.

    Args:
        config: the configuration.
        decode: whether recordings are decoded where only that tells if they are whole, and the test manifest is looked
            at too; false: as in a trial, whose search has done so.

    Raises:
        DataError: a manifest cannot be read at all. What else is wrong is told by `Survey.check`.
    """
    found = _survey(config, decode)
    return with_pieces(found, config.text.vocab_size) if found and config.text.unit == "bpe" else found


def _survey(config: Config, decode: bool) -> Survey | None:
    """See `survey`; the vocabulary is characters."""
    data, sample_rate = config.data, config.features.sample_rate
    subsampling = None if isinstance(config.model, CustomTarget) else config.model.subsampling
    if isinstance(data, CustomTarget):
        return None
    if isinstance(data, ManifestData):
        return survey_manifests(
            Path(data.train),
            Path(data.val) if isinstance(data.val, str) else HoldOut(data.val.hold_out, data.val.by),
            test=Path(data.test) if data.test is not None and decode else None,
            normalizer=TextNormalizer(**config.text.normaliser()),
            sample_rate=sample_rate,
            max_seconds=data.max_seconds,
            subsampling=subsampling,
            skip_bad=data.max_bad_fraction if data.skip_bad else None,
            decode=decode,
        )
    corpus = synthesize_corpus(**data.recipe(), sample_rate=sample_rate)
    return survey_corpus(corpus, sample_rate=sample_rate, subsampling=subsampling)


def check_beside(config: Config, *, adds_noise: bool = True) -> None:
    """Look at what a training that starts reads beside its data: initial weights and noise.

    Args:
        config: the checked configuration.
        adds_noise: false where `augment.noise_p` is 0 for good; a search may search it.

    Raises:
        ConfigError: there is no such file as `model.init_from`, or it is seen to be no weights.
        DataError: `augment.noise_dir` is given and wanted, and cannot be used.
    """
    init_from = None if isinstance(config.model, CustomTarget) else config.model.init_from
    if init_from is not None and (wrong := _wrong_weights(init_from)):
        raise ConfigError(
            f"model.init_from: {init_from}: {wrong}: give a checkpoint of train or of a search, a bundle's folder, or "
            "null to start from scratch"
        )
    if adds_noise and config.augment.noise_dir and not isinstance(config.model, CustomTarget):
        noises(Path(config.augment.noise_dir), config.features.sample_rate)


def _wrong_weights(init_from: str) -> str:
    """Say why `model.init_from` cannot be weights, as far as can be told without torch: "" where nothing is seen."""
    if not os.path.exists(init_from):  # noqa: PTH110  Path.exists raises where a name is too long
        return "no such file"
    files = weight_files(Path(init_from))
    if missing := [path.name for path in files if not path.is_file()]:
        return f"no bundle, for it has no {' and no '.join(missing)}"
    if len(files) == 1 and not zipfile.is_zipfile(init_from):  # which every checkpoint of torch's is
        return "no checkpoint, or a damaged one"
    return ""


def noise_fingerprint(config: Config, *, used: bool) -> str | None:
    """What `augment.noise_dir` holds, equal on all machines that hold the same; None where none is given or used."""
    folder = None if isinstance(config.model, CustomTarget) else config.augment.noise_dir
    return folder_fingerprint(Path(folder)) if folder and used else None


def initial_sha256(config: Config) -> str | None:
    """SHA-256 of the weights that `model.init_from` names, None where it is null: a path does not say what it held."""
    if isinstance(config.model, CustomTarget) or config.model.init_from is None:
        return None
    with weight_files(Path(config.model.init_from))[0].open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_beside(config: Config) -> list[Path]:
    """Files that trainings read beside their data, and every node must see: initial weights, some of the noise."""
    if isinstance(config.model, CustomTarget):
        return []
    # A search whose trials have all begun goes on without its initial weights.
    weights = weight_files(Path(config.model.init_from)) if config.model.init_from else []
    files = [path for path in weights if path.is_file()]
    noise = recordings_in(Path(config.augment.noise_dir)) if config.augment.noise_dir else []
    return files + noise[:: -(-len(noise) // NOISES_LOOKED_AT) or 1]


def weight_files(path: Path) -> list[Path]:
    """The files of `model.init_from`: a checkpoint, or weights and the settings beside them, maybe as a folder."""
    path = path / "model.safetensors" if path.is_dir() else path
    return [path, path.with_name("config.json")] if path.suffix == ".safetensors" else [path]
