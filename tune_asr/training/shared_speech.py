"""Corpus, features and tokens, shared by trainings of a process.

Processes of one machine share the features themselves.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch.utils.data import Dataset

from tune_asr.config.data_sections import BatchKeys
from tune_asr.config.sections import Config
from tune_asr.corpus.sources import survey
from tune_asr.scoring.metric import Metric
from tune_asr.speech.audio.frames import min_frames
from tune_asr.speech.audio.recordings import FileAudio
from tune_asr.speech.corpus import Corpus, Utterance
from tune_asr.speech.survey.survey import Survey
from tune_asr.speech.text.vocabulary import Vocabulary
from tune_asr.training.batching import Example
from tune_asr.training.features.sources import Features, device_of
from tune_asr.training.features.store import KEPT, build_or_open

T = TypeVar("T")

BATCH_KEYS = set(BatchKeys.model_fields)
"""Keys that change the batches of speech, not the speech."""


class Split(Dataset[Example]):
    """Utterances of training or of validation, with features and tokens.

    Args:
        utterances: utterances of the split.
        vocabulary: vocabulary of the corpus.
        features: features of both splits.
        start: index of the split's first features.
    """

    def __init__(self, utterances: Sequence[Utterance], vocabulary: Vocabulary, features: Features, start: int) -> None:
        self.utterances = utterances
        self.features = features
        self.start = start
        self.tokens = [vocabulary.encode(utterance.text) for utterance in utterances]
        self.lengths = [features.length(start + i) for i in range(len(utterances))]
        """Feature frames of each utterance."""
        self.min_frames = [min_frames(tokens) for tokens in self.tokens]
        """Fewest output frames with which CTC can align each transcript."""

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, index: int) -> Example:
        utterance = self.utterances[index]
        tokens = torch.tensor(self.tokens[index], dtype=torch.int64)
        return Example(self.features[self.start + index], tokens, utterance.text, utterance.id)


class Speech:
    """Corpus with features and tokens.

    Args:
        corpus: both splits.
        features: features of its training utterances, then of its validation utterances.
        metric: metric of the best epoch.
    """

    def __init__(self, corpus: Corpus, features: Features, metric: Metric) -> None:
        self.corpus = corpus
        self.train = Split(corpus.train, corpus.vocabulary, features, 0)
        self.val = Split(corpus.val, corpus.vocabulary, features, len(corpus.train))
        self.metric = metric


_surveys: dict[str, tuple[int, Survey]] = {}
"""Surveys, each with the time before it was made, in nanoseconds since 1970."""
_speech: dict[str, Speech] = {}


def load_speech(config: Config, found: Survey | None = None) -> Speech:
    """Load the speech of a built-in `data.target`, once a process.

    Args:
        config: checked configuration.
        found: survey of its corpus, if the caller has made it already.

    Raises:
        DataError: a recording cannot be read.
    """
    read = config.model_dump(
        include={"data": True, "text": True, "features": {"sample_rate"}}, exclude={"data": BATCH_KEYS}
    )
    features = config.features
    key = json.dumps([read, features.model_dump()], sort_keys=True)
    if key not in _speech:
        surveyed = _survey(config, json.dumps(read, sort_keys=True), found)
        corpus = surveyed.corpus
        made = build_or_open(
            (*corpus.train, *corpus.val),
            key=corpus.machine_key,
            sample_rate=features.sample_rate,
            num_mel_bins=features.num_mel_bins,
            max_bytes=round(features.max_cache_gb * 1e9),
            device=device_of(features.device),
        )
        _keep(_speech, key, Speech(corpus, made, surveyed.choice.metric))
    return _speech[key]


def _survey(config: Config, key: str, found: Survey | None) -> Survey:
    """Return the survey of a corpus, whatever its features.

    A corpus is read again only if a recording changed.
    """
    if found is None and key in _surveys and _is_unchanged(*_surveys[key]):
        return _surveys[key][1]
    began = time.time_ns()
    found = found or survey(config, decode=False)
    assert found is not None, "a custom class loads its own data"
    # Without a recording that is gone, validation would measure something else.
    found.check()
    _keep(_surveys, key, (began, found))
    return found


def _is_unchanged(began: int, found: Survey) -> bool:
    """Test that no recording has changed since.

    Its features would be stored under the fingerprint of then.
    """
    utterances = (*found.corpus.train, *found.corpus.val)
    paths = {utterance.audio.path for utterance in utterances if isinstance(utterance.audio, FileAudio)}
    try:
        return all(path.stat().st_ctime_ns < began for path in paths)
    except OSError:
        return False


def _keep(kept: dict[str, T], key: str, value: T) -> None:
    """Keep a value, and the newest few of the others."""
    kept.pop(key, None)
    while len(kept) >= KEPT:
        del kept[next(iter(kept))]
    kept[key] = value
