"""The test manifest: kept out of training and of every search, and scored here, once, by the exported model."""

from __future__ import annotations

from pathlib import Path

import torch

from tune_asr.bundle.onnx_model import run
from tune_asr.bundle.validation import Recogniser
from tune_asr.config.data_sections import ManifestData
from tune_asr.config.sections import Config
from tune_asr.errors import DataError
from tune_asr.speech.corpus import FileAudio, Utterance
from tune_asr.speech.inspection import inspect_rows
from tune_asr.speech.manifest import read_manifest
from tune_asr.speech.normalizer import TextNormalizer
from tune_asr.training.data import load_speech
from tune_asr.training.features import log_mel


def read_test_manifest(config: Config) -> list[Utterance]:
    """The utterances of `data.test`; none where there is no test manifest.

    Raises:
        DataError: with every row that cannot be used.
    """
    if not isinstance(config.data, ManifestData) or config.data.test is None:
        return []
    rows, problems = read_manifest(Path(config.data.test))
    normalizer = TextNormalizer(**config.text.model_dump())
    entries, unusable = inspect_rows(rows, normalizer, config.features.sample_rate)
    if problems or unusable:
        raise DataError([*problems, *unusable])
    return [entry.utterance for entry in entries]


def num_seen(test: list[Utterance], config: Config) -> int:
    """How many recordings of the test manifest stand in the training or validation manifest too."""
    corpus = load_speech(config).corpus
    seen = {_file(utterance) for utterance in (*corpus.train, *corpus.val)}
    return sum(_file(utterance) in seen for utterance in test)


def _file(utterance: Utterance) -> Path:
    assert isinstance(utterance.audio, FileAudio)
    return utterance.audio.path.resolve()


def transcribe(recogniser: Recogniser, utterances: list[Utterance], config: Config) -> list[tuple[str, str]]:
    """Reference and hypothesis of each utterance, by onnxruntime, one by one."""
    pairs = []
    for utterance in utterances:
        samples, rate = utterance.audio.samples()
        features = log_mel(samples, rate, **config.features.model_dump()).unsqueeze(0)
        log_probs, lengths = run(recogniser.session, features, torch.tensor([features.shape[1]]))
        pairs.append((utterance.text, recogniser.texts(log_probs, lengths)[0]))
    return pairs
