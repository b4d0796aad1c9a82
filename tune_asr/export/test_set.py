"""Score of the test manifest by the exported model."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from tune_asr.config.sections import Config
from tune_asr.corpus.sources import TestSet
from tune_asr.export.onnx_model import run
from tune_asr.export.parity import ExportedModel
from tune_asr.export.scores import Score, score
from tune_asr.scoring.metric import metric_for
from tune_asr.scoring.transcript import Transcript
from tune_asr.speech.audio.recordings import FileAudio
from tune_asr.speech.corpus import Corpus, Utterance
from tune_asr.speech.survey.remarks import Part, count_overlaps, part_of
from tune_asr.training.data import TrainingData
from tune_asr.training.features.sources import features_of


@dataclass(frozen=True, slots=True)
class TestScore:
    """Score on the test manifest, and facts about its fairness."""

    __test__ = False  # no test case for pytest

    score: Score
    num_seen: int
    """Utterances that share speech with training or validation."""
    num_dropped: int
    """Bad rows that `data.skip_bad` left out."""
    fingerprint: str | None
    """Hash of the test set, so that a later evaluation knows it again."""


def score_test_set(test: TestSet, exported: ExportedModel, data: TrainingData, config: Config) -> TestScore | None:
    """Score the test manifest by onnxruntime; None without one."""
    if not (test.utterances and data.corpus):
        return None
    transcripts = [_transcribe(utterance, exported, config) for utterance in test.utterances]
    metric = data.metric
    if config.text.rules == 1:  # release 0.1.0 looked at the test set
        metric = metric_for((transcript.reference for transcript in transcripts), rules=1)
    return TestScore(score(transcripts, metric), num_seen(test, data.corpus), test.num_dropped, test.fingerprint)


def num_seen(test: TestSet, corpus: Corpus) -> int:
    """Count the utterances shared with training or validation."""
    seen = (_part(utterance) for utterance in (*corpus.train, *corpus.val))
    return sum(number > 0 for number in count_overlaps([_part(utterance) for utterance in test.utterances], seen))


def _part(utterance: Utterance) -> Part:
    assert isinstance(utterance.audio, FileAudio)
    return part_of(utterance, utterance.audio.path.resolve())


def _transcribe(utterance: Utterance, exported: ExportedModel, config: Config) -> Transcript:
    frames = features_of(utterance, config.features.sample_rate, config.features.num_mel_bins)
    features = torch.from_numpy(frames).unsqueeze(0)
    log_probs, lengths = run(exported.session, features, torch.tensor([features.shape[1]]))
    return Transcript(utterance.id, utterance.text, exported.texts(log_probs, lengths)[0])
