"""Utterances for training and validation, whatever their source."""

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
    """Source of an utterance's samples, small enough to be pickled."""

    def samples(self) -> tuple[npt.NDArray[np.float32], int]:
        """Return (num_samples,) samples in [-1, 1] and their rate.

        They are the same at every call; the rate is in Hz.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """One recording with its reference."""

    id: str
    """Name, unique within its split."""
    text: str
    """Reference, normalised."""
    seconds: float
    audio: AudioSource
    """Recording, or a part of one."""


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Utterances of both splits, their vocabulary and fingerprints."""

    train: tuple[Utterance, ...]
    val: tuple[Utterance, ...]
    vocabulary: Vocabulary
    """Symbols of the training references."""
    fingerprint: str
    """Hexadecimal hash, equal on machines with the same data in the same layout.

    It covers the texts, the names of files in the manifest, and samples of their content.
    """
    val_fingerprint: str
    """The same of validation alone, whatever is searched of training and features."""
    machine_key: str
    """Hexadecimal key for caches on this machine.

    It covers the audio and not the texts: the recordings in their order, paths and times of their files, and samples of
    their content.
    """


def fingerprint(facts: Iterable[object]) -> str:
    """Return the hexadecimal SHA-256 of facts, equal everywhere."""
    digest = hashlib.sha256()
    for fact in facts:
        digest.update(json.dumps(fact).encode() + b"\n")
    return digest.hexdigest()
