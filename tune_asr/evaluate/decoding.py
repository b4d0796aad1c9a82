"""Utterances -> texts, in batches of similar length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tune_asr.evaluate.model import Batching, Model
from tune_asr.scoring.transcript import Transcript
from tune_asr.speech.audio.frames import num_feature_frames, num_samples_at
from tune_asr.speech.corpus import Utterance
from tune_asr.speech.progress import watched
from tune_asr.speech.samples import samples_of

MOST_FRAMES = 400_000
"""Most feature frames of a batch, padding included: an hour of speech. Larger batches of training are cut."""


def transcribe(model: Model, utterances: Sequence[Utterance]) -> list[Transcript]:
    """Decode utterances; returns transcripts in their order.

    Raises:
        DataError: a recording cannot be read.
    """
    texts: dict[int, str] = {}
    for index, text in watched(_decoded(model, utterances), len(utterances), "utterances decoded"):
        texts[index] = text
    return [Transcript(utterance.id, utterance.text, texts[i]) for i, utterance in enumerate(utterances)]


def transcribe_one(model: Model, utterance: Utterance) -> str:
    """Decode one recording.

    Raises:
        DataError: it cannot be read.
    """
    return model.recogniser.texts([samples_of(utterance)])[0]


def _decoded(model: Model, utterances: Sequence[Utterance]) -> Iterator[tuple[int, str]]:
    rate = model.config.features.sample_rate
    lengths = [num_feature_frames(num_samples_at(utterance.seconds, rate), rate) for utterance in utterances]
    for batch in batches(lengths, model.batching):
        texts = model.recogniser.texts([samples_of(utterances[i]) for i in batch])
        yield from zip(batch, texts, strict=True)


def batches(lengths: Sequence[int], batching: Batching) -> list[list[int]]:
    """Return batches of indices by length, as in validation.

    The bits of a score depend on the padding: other batches could break a tie between two symbols differently.

    Args:
        lengths: feature frames of each utterance.
        batching: limits of a batch.
    """
    most = min(batching.max_frames or MOST_FRAMES, MOST_FRAMES)
    found: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        batch = found[-1] if found else []
        if not batch or len(batch) == batching.batch_size or lengths[index] * (len(batch) + 1) > most:
            found.append([index])
        else:
            batch.append(index)
    return found
