"""A corpus: utterances to train on and to validate on, wherever their speech comes from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tune_asr.speech.text.vocabulary import Vocabulary


class AudioSource(Protocol):
    """Where the samples of an utterance come from. Small enough to be sent between processes."""

    def samples(self) -> tuple[npt.NDArray[np.float32], int]:
        """Return samples in [-1, 1], shape (num_samples,), and their rate in Hz: the same at every call."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """One recording and what was said in it.

    Attributes:
        id: unique within its split.
        text: the reference, normalised.
        seconds: how long it is.
        audio: the recording, or the part of one.
    """

    id: str
    text: str
    seconds: float
    audio: AudioSource


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """The data of a search: every trial of it trains and is measured on the same.

    Attributes:
        train: what is learned from.
        val: the ruler.
        vocabulary: the characters of the training references.
        fingerprint: hexadecimal; equal on two machines that hold the same data in the same layout. It covers what was
            said, and for files their names in the manifest and samples of their content.
        val_fingerprint: hexadecimal; the same of the ruler alone, whatever is searched of training and features.
        machine_key: hexadecimal; the key of a cache on this machine. It covers what is heard and not what was said: the
            recordings in their order, where their files lie, samples of their content and when they were last written.
    """

    train: tuple[Utterance, ...]
    val: tuple[Utterance, ...]
    vocabulary: Vocabulary
    fingerprint: str
    val_fingerprint: str
    machine_key: str


def fingerprint(facts: Iterable[object]) -> str:
    """Return the SHA-256 of facts that JSON can write, in hexadecimal: the same on every machine."""
    digest = hashlib.sha256()
    for fact in facts:
        digest.update(json.dumps(fact).encode() + b"\n")
    return digest.hexdigest()
