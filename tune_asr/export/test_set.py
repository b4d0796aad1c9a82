"""The test manifest: kept out of training and of every search, and scored here, once, by the exported model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from tune_asr.config.data_sections import ManifestData
from tune_asr.config.sections import Config
from tune_asr.export.onnx_model import run
from tune_asr.export.parity import Recogniser
from tune_asr.speech.audio.recordings import FileAudio
from tune_asr.speech.corpus import Corpus, Utterance
from tune_asr.speech.manifest.rows import read_manifest
from tune_asr.speech.survey.look import look_at
from tune_asr.speech.survey.overlaps import Part, count_overlaps, part_of
from tune_asr.speech.text.normalizer import TextNormalizer
from tune_asr.training.features.sources import features_of


@dataclass(frozen=True, slots=True)
class HeldBack:
    """What the test manifest has to score."""

    utterances: tuple[Utterance, ...] = ()
    num_dropped: int = 0
    """Bad rows that `data.skip_bad` leaves out."""


def read_test_manifest(config: Config) -> HeldBack:
    """The utterances of `data.test`, under the rule that training's bad rows go by; none without a test manifest.

    Raises:
        DataError: rows cannot be used and may not be left out.
    """
    data = config.data
    if not isinstance(data, ManifestData) or data.test is None:
        return HeldBack()
    path, normalizer = Path(data.test), TextNormalizer(**config.text.normaliser())
    look = look_at(path, read_manifest(path), normalizer, config.features.sample_rate, decode=True)
    look.check(data.max_bad_fraction if data.skip_bad else None)
    return HeldBack(tuple(entry.utterance for entry in look.entries), len(look.problems))


def num_seen(test: HeldBack, corpus: Corpus) -> int:
    """How many utterances of the test manifest share speech with one of training or validation."""
    seen = (_heard(utterance) for utterance in (*corpus.train, *corpus.val))
    return sum(number > 0 for number in count_overlaps([_heard(utterance) for utterance in test.utterances], seen))


def _heard(utterance: Utterance) -> Part:
    assert isinstance(utterance.audio, FileAudio)
    return part_of(utterance, utterance.audio.path.resolve())


def transcribe(recogniser: Recogniser, test: HeldBack, config: Config) -> list[tuple[str, str]]:
    """Reference and hypothesis of each utterance, by onnxruntime, one by one."""
    pairs = []
    for utterance in test.utterances:
        frames = features_of(utterance, config.features.sample_rate, config.features.num_mel_bins)
        features = torch.from_numpy(frames).unsqueeze(0)
        log_probs, lengths = run(recogniser.session, features, torch.tensor([features.shape[1]]))
        pairs.append((utterance.text, recogniser.texts(log_probs, lengths)[0]))
    return pairs
