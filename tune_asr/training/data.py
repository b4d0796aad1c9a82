"""Speech as the configuration names it: the corpus, its features, and the LightningDataModule over both.

Reading a corpus and computing its features is done once a process and shared by the trials that run in it; the
features themselves are shared by all processes of a machine.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from torch.utils.data import DataLoader, Dataset

from tune_asr.config.data_sections import BatchKeys
from tune_asr.config.schema import CustomTarget
from tune_asr.config.sections import Config
from tune_asr.speech.corpus import Corpus, Utterance
from tune_asr.speech.frames import FRAMES_PER_SECOND, output_frames
from tune_asr.speech.noise import folder_fingerprint, noises
from tune_asr.speech.scoring import word_error_rate_applies
from tune_asr.speech.survey import Survey
from tune_asr.speech.vocabulary import Vocabulary, min_frames
from tune_asr.training.batching import Batch, BucketBatchSampler, Example, collate, padding_share
from tune_asr.training.corpus import survey
from tune_asr.training.feature_sources import Features
from tune_asr.training.feature_store import build_or_open
from tune_asr.training.noise_recordings import NoiseRecordings
from tune_asr.training.targets import construct, import_target

# Keys that change how speech is put into batches, not what it is.
_BATCH_KEYS = set(BatchKeys.model_fields)
_KEPT_SPEECH = 4


@dataclass(frozen=True, slots=True)
class Speech:
    """A corpus and the log-mel features of its training, then its validation utterances."""

    corpus: Corpus
    features: Features

    @property
    def metric(self) -> str:
        """`val_wer`, or `val_cer` where the references hold hardly any spaces and WER means nothing."""
        applies = word_error_rate_applies(u.text for u in self.corpus.val)
        return "val_wer" if applies else "val_cer"


_speech: dict[str, Speech] = {}


def load_speech(config: Config, found: Survey | None = None) -> Speech:
    """The speech of a configuration with a built-in `data.target`, read once a process; `found` spares the reading."""
    sections = config.model_dump(include={"data", "text", "features"}, exclude={"data": _BATCH_KEYS})
    key = json.dumps(sections, sort_keys=True)
    if key not in _speech:
        found = found or survey(config, decode=False)
        assert found is not None, "a class of the user's brings its own data"
        # A recording that has gone since would make validation another ruler.
        found.check()
        corpus = found.corpus
        features = build_or_open(
            (*corpus.train, *corpus.val),
            key=corpus.machine_key,
            sample_rate=config.features.sample_rate,
            num_mel_bins=config.features.num_mel_bins,
            max_bytes=round(config.features.max_cache_gb * 1e9),
        )
        while len(_speech) >= _KEPT_SPEECH:
            del _speech[next(iter(_speech))]
        _speech[key] = Speech(corpus, features)
    return _speech[key]


class _Split(Dataset[Example]):
    """Utterances with their features and tokens."""

    def __init__(self, utterances: Sequence[Utterance], vocabulary: Vocabulary, features: Features, start: int) -> None:
        self.utterances = utterances
        self.tokens = [vocabulary.encode(utterance.text) for utterance in utterances]
        self.features = features
        self.start = start

    @property
    def lengths(self) -> list[int]:
        """Feature frames of each utterance."""
        return [self.features.length(self.start + i) for i in range(len(self))]

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, index: int) -> Example:
        utterance = self.utterances[index]
        tokens = torch.tensor(self.tokens[index], dtype=torch.int64)
        return Example(self.features[self.start + index], tokens, utterance.text, utterance.id)


class SpeechDataModule(pl.LightningDataModule):
    """Batches of a built-in corpus.

    Args:
        speech: corpus and features.
        batch_size: utterances a batch.
        bucketing: whether a batch holds utterances of similar length.
        seed: of the order of training batches, together with the epoch.
        max_frames_in_batch: frames a batch, padding included.
        speed: how much slower training may make an utterance, of which `max_frames_in_batch` has to know.
    """

    def __init__(
        self,
        speech: Speech,
        *,
        batch_size: int,
        bucketing: bool,
        seed: int,
        max_frames_in_batch: int | None = None,
        speed: float = 0.0,
    ) -> None:
        super().__init__()
        self.vocab = list(speech.corpus.vocabulary.symbols)
        self.blank_id = speech.corpus.vocabulary.blank_id
        self.metric = speech.metric
        self.val_fingerprint = speech.corpus.val_fingerprint
        self.fingerprint = speech.corpus.fingerprint
        self.batch_size, self.bucketing, self.seed = batch_size, bucketing, seed
        self.max_frames_in_batch = max_frames_in_batch
        self.speed = speed
        corpus, vocabulary = speech.corpus, speech.corpus.vocabulary
        self._train = _Split(corpus.train, vocabulary, speech.features, 0)
        self.num_train = len(corpus.train)
        self._val = _Split(corpus.val, vocabulary, speech.features, len(corpus.train))

    def train_dataloader(self) -> DataLoader[Any]:
        """Each a `Batch` of training; their order is a function of (seed, epoch)."""
        return self._loader(self._train, self._sampler(shuffle=True))

    def val_dataloader(self) -> DataLoader[Any]:
        """Each a `Batch` of validation, the same every epoch."""
        return self._loader(self._val, self._sampler(shuffle=False))

    def infeasible_training(self, subsampling: int) -> list[str]:
        """Ids of training utterances whose transcript is too long for the output frames at this subsampling."""
        split = self._train
        return [
            utterance.id
            for utterance, tokens, length in zip(split.utterances, split.tokens, split.lengths, strict=True)
            if min_frames(tokens) > output_frames(length, subsampling)
        ]

    def longest_batch(self) -> Batch:
        """As many utterances, and as long, as the largest batch of an epoch may have."""
        return collate([self._train[i] for i in self._sampler(shuffle=True).largest()])

    def utterances_a_step(self, accumulate_grad_batches: int) -> float:
        """The mean number of utterances in an optimiser step, over an epoch: its end cuts a batch and a step short."""
        return self.num_train / math.ceil(len(self._sampler(shuffle=True)) / accumulate_grad_batches)

    def seconds_of_audio(self) -> tuple[float, float]:
        """Seconds of speech in training and in validation."""
        train, val = (sum(split.lengths) / FRAMES_PER_SECOND for split in (self._train, self._val))
        return train, val

    def padding_share(self) -> float:
        """The share of the training frames that is padding, in the epoch that the trainer is in, or else the first."""
        return padding_share(self._train.lengths, list(self._sampler(shuffle=True)))

    def _sampler(self, *, shuffle: bool) -> BucketBatchSampler:
        lengths = (self._train if shuffle else self._val).lengths
        if shuffle and self.speed and self.max_frames_in_batch:
            lengths = [math.ceil(length / (1 - self.speed)) for length in lengths]
        return BucketBatchSampler(
            lengths,
            self.batch_size,
            max_frames=self.max_frames_in_batch,
            seed=self.seed,
            shuffle=shuffle,
            bucketing=self.bucketing,
            epoch=lambda: self.trainer.current_epoch if self.trainer else 0,
        )

    def _loader(self, split: _Split, sampler: BucketBatchSampler) -> DataLoader[Any]:
        # Features are in memory or mapped: a worker process would only copy them. Those made anew cost about as much as
        # the steps of a small model; but a worker would draw the order of an epoch too early (`BucketBatchSampler`).
        return DataLoader(split, batch_sampler=sampler, collate_fn=collate, num_workers=0)


def load_data(config: Config, found: Survey | None = None) -> pl.LightningDataModule:
    """The LightningDataModule of a configuration: ours over a built-in corpus, or the user's own.

    Args:
        config: the checked configuration.
        found: the survey of its corpus, where the caller has made it already.

    Raises:
        ConfigError: the user's class cannot be imported or built.
        DataError: a recording cannot be read.
    """
    data: Any = config.data
    if isinstance(data, CustomTarget):
        return construct(import_target(data.target, pl.LightningDataModule, "data"), "data", data.parameters)
    speech = load_speech(config, found)
    batches = data.model_dump(include=_BATCH_KEYS)
    speed = 0.0 if isinstance(config.model, CustomTarget) else config.augment.speed
    return SpeechDataModule(speech, seed=config.seed, speed=speed, **batches)


def load_noise(config: Config) -> NoiseRecordings | None:
    """The noise that `augment` asks for; None where it asks for none."""
    if not config.augment.noise_p:
        return None
    features = config.features
    max_bytes = round(features.max_cache_gb * 1e9)
    return _open_noise(config.augment.noise_dir, features.sample_rate, features.num_mel_bins, max_bytes)


@functools.lru_cache(_KEPT_SPEECH)
def _open_noise(noise_dir: str | None, sample_rate: int, num_mel_bins: int, max_bytes: int) -> NoiseRecordings:
    """Looked at once a process, as speech is."""
    folder = Path(noise_dir) if noise_dir else None
    pieces, key = noises(folder, sample_rate, decode=False)
    features = build_or_open(pieces, key=key, sample_rate=sample_rate, num_mel_bins=num_mel_bins, max_bytes=max_bytes)
    recordings = [list(group) for _, group in groupby(range(len(pieces)), key=lambda i: pieces[i].id)]
    return NoiseRecordings(features, recordings, folder_fingerprint(folder) if folder else None)
