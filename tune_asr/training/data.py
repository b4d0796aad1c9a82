"""Data of a training: a LightningDataModule and its facts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import lightning.pytorch as pl
import torch
from torch.utils.data import DataLoader

from tune_asr.config.sections import Config
from tune_asr.errors import ConfigError
from tune_asr.scoring.metric import Metric, custom_metric
from tune_asr.speech.audio.frames import FRAMES_PER_SECOND, output_frames
from tune_asr.speech.corpus import Corpus
from tune_asr.speech.survey.survey import Survey
from tune_asr.training.batching import Batch, BucketBatchSampler, collate, padding_share
from tune_asr.training.device_corpus import SHARE, DeviceSplit, Indices, free_bytes, num_bytes
from tune_asr.training.shared_speech import BATCH_KEYS, Speech, Split, load_speech
from tune_asr.training.targets import construct, custom, import_target


class SpeechDataModule(pl.LightningDataModule):
    """Batches of a built-in corpus.

    Args:
        speech: corpus and features.
        batch_size: utterances per batch.
        bucketing: whether a batch holds utterances of similar length.
        seed: seed of the order of training batches, together with the epoch.
        max_frames_in_batch: most frames in a batch, padding included.
        speed: largest share by which training slows an utterance down, which adds frames to a batch.
        free_bytes: free memory of a device, for features that stay there if they fit; None: they stay on the host.
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
        free_bytes: Callable[[torch.device], int] | None = None,
    ) -> None:
        super().__init__()
        self.vocab = list(speech.corpus.vocabulary.symbols)
        self.blank_id = speech.corpus.vocabulary.blank_id
        self.metric = speech.metric
        self.corpus = speech.corpus
        self.val_fingerprint = speech.corpus.val_fingerprint
        self.fingerprint = speech.corpus.fingerprint
        self.batch_size, self.bucketing, self.seed = batch_size, bucketing, seed
        self.max_frames_in_batch = max_frames_in_batch
        self.speed = speed
        self._free_bytes = free_bytes
        self._kept: dict[tuple[Split, torch.device], DeviceSplit | None] = {}
        self._train, self._val = speech.train, speech.val
        self.num_train = len(speech.train)

    def train_dataloader(self) -> DataLoader[Any]:
        """Load training batches; (seed, epoch) decides their order."""
        return self._loader(self._train, self._sampler(shuffle=True))

    def val_dataloader(self) -> DataLoader[Any]:
        """Load validation batches, the same in every epoch."""
        return self._loader(self._val, self._sampler(shuffle=False))

    def teardown(self, stage: str) -> None:
        """Free the memory of a device.

        Else the next training of the process would find it taken until a collection of garbage.
        """
        for kept in filter(None, self._kept.values()):
            kept.release()
        self._kept.clear()

    def on_exception(self, exception: BaseException) -> None:
        """Free the memory of a device."""
        self.teardown("fit")

    def infeasible_training(self, subsampling: int) -> list[str]:
        """Return the ids of training utterances with too few frames."""
        split = self._train
        return [
            utterance.id
            for utterance, needed, length in zip(split.utterances, split.min_frames, split.lengths, strict=True)
            if needed > output_frames(length, subsampling)
        ]

    def longest_batch(self) -> Batch:
        """Return a training batch of the largest possible size."""
        return collate([self._train[i] for i in self._sampler(shuffle=True).largest()])

    def utterances_a_step(self, accumulate_grad_batches: int) -> float:
        """Return the mean number of utterances in an optimiser step.

        The last batch and the last step of an epoch have fewer.
        """
        return self.num_train / math.ceil(len(self._sampler(shuffle=True)) / accumulate_grad_batches)

    def seconds_of_audio(self) -> tuple[float, float]:
        """Return the seconds of speech in training and in validation."""
        train, val = (sum(split.lengths) / FRAMES_PER_SECOND for split in (self._train, self._val))
        return train, val

    def padding_share(self) -> float:
        """Return the share of padding in an epoch's training frames.

        It is the epoch of the trainer, or the first without one.
        """
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

    def _loader(self, split: Split, sampler: BucketBatchSampler) -> DataLoader[Any]:
        # Features are in memory or mapped: a worker process would only copy them. Features computed anew cost about as
        # much as the steps of a small model, but a worker would draw the order of an epoch too early.
        device = self.trainer.strategy.root_device if self.trainer else torch.device("cpu")
        if kept := self._on_device(split, device):
            return DataLoader(Indices(len(split)), batch_sampler=sampler, collate_fn=kept.batch, num_workers=0)
        pin = device.type == "cuda"
        return DataLoader(split, batch_sampler=sampler, collate_fn=collate, num_workers=0, pin_memory=pin)

    def _on_device(self, split: Split, device: torch.device) -> DeviceSplit | None:
        """Return a split with features on the device.

        None if they stay on the host.
        """
        if self._free_bytes is None:
            return None
        if (split, device) not in self._kept:
            fits = num_bytes(split) <= SHARE * self._free_bytes(device)
            self._kept[split, device] = DeviceSplit(split, device, self.blank_id) if fits else None
        return self._kept[split, device]


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Training and validation data, built in or custom."""

    module: pl.LightningDataModule
    """Batches of both splits."""
    vocab: tuple[str, ...]
    """Symbols by id."""
    blank_id: int = 0
    """Id of the blank in `vocab`."""
    metric: Metric = "val_wer"
    """Metric of the best epoch: `val_wer` or `val_cer`."""
    fingerprint: str | None = None
    """Hash of training and validation data; None if a custom class has none."""
    val_fingerprint: str | None = None
    """Hash of the validation data."""
    corpus: Corpus | None = None
    """Utterances of both splits; None for a custom class."""

    @property
    def built_in(self) -> SpeechDataModule | None:
        """`module` if it is built in, else None."""
        return self.module if isinstance(self.module, SpeechDataModule) else None


def training_data(module: pl.LightningDataModule) -> TrainingData:
    """Describe a LightningDataModule.

    Raises:
        ConfigError: a custom class has no `vocab`, or its `blank_id` is not an id of it.
    """
    vocab, blank_id = getattr(module, "vocab", None), getattr(module, "blank_id", 0)
    if vocab is None:
        raise ConfigError(
            f"data.target: {type(module).__qualname__} has no attribute `vocab`",
            hint="Give the LightningDataModule the list of symbols as `vocab`, and the id of the blank as `blank_id` "
            "unless it is 0.",
        )
    if not 0 <= blank_id < len(vocab):
        raise ConfigError(f"data.target: `blank_id` is {blank_id}, but `vocab` has the ids 0..{len(vocab) - 1}")
    speech = module if isinstance(module, SpeechDataModule) else None
    return TrainingData(
        module,
        tuple(vocab),
        blank_id,
        metric=speech.metric if speech else "val_wer",
        fingerprint=getattr(module, "fingerprint", None),
        val_fingerprint=getattr(module, "val_fingerprint", None),
        corpus=speech.corpus if speech else None,
    )


def load_data(config: Config, found: Survey | None = None) -> TrainingData:
    """Load the data of a configuration.

    Args:
        config: checked configuration.
        found: survey of its corpus, if the caller has made it already.

    Raises:
        ConfigError: a custom class cannot be imported or built, or has no vocabulary.
        DataError: a recording cannot be read.
    """
    if section := custom(config.data):
        target = import_target(section.target, pl.LightningDataModule, "data")
        data = training_data(construct(target, "data", section.parameters))
        return data if data.built_in else replace(data, metric=custom_metric(config.text.score))
    speech = load_speech(config, found)
    batches = config.data.model_dump(include=BATCH_KEYS)
    speed = 0.0 if config.subsampling is None else config.augment.speed
    room = free_bytes if config.trainer.corpus_on_device == "auto" else None
    return training_data(SpeechDataModule(speech, seed=config.seed, speed=speed, free_bytes=room, **batches))
