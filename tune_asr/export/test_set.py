"""The test manifest: kept out of training and of every search, and scored here, once, by the exported model."""

from __future__ import annotations

import torch

from tune_asr.config.sections import Config
from tune_asr.corpus.sources import TestSet
from tune_asr.export.onnx_model import run
from tune_asr.export.parity import Recogniser
from tune_asr.speech.audio.recordings import FileAudio
from tune_asr.speech.corpus import Corpus, Utterance
from tune_asr.speech.survey.remarks import Part, count_overlaps, part_of
from tune_asr.training.features.sources import features_of


def num_seen(test: TestSet, corpus: Corpus) -> int:
    """How many utterances of the test manifest share speech with one of training or validation."""
    seen = (_heard(utterance) for utterance in (*corpus.train, *corpus.val))
    return sum(number > 0 for number in count_overlaps([_heard(utterance) for utterance in test.utterances], seen))


def _heard(utterance: Utterance) -> Part:
    assert isinstance(utterance.audio, FileAudio)
    return part_of(utterance, utterance.audio.path.resolve())


def transcribe(recogniser: Recogniser, test: TestSet, config: Config) -> list[tuple[str, str]]:
    """Reference and hypothesis of each utterance, by onnxruntime, one by one."""
    pairs = []
    for utterance in test.utterances:
        frames = features_of(utterance, config.features.sample_rate, config.features.num_mel_bins)
        features = torch.from_numpy(frames).unsqueeze(0)
        log_probs, lengths = run(recogniser.session, features, torch.tensor([features.shape[1]]))
        pairs.append((utterance.text, recogniser.texts(log_probs, lengths)[0]))
    return pairs
