"""Recogniser of a bundle: recordings -> texts.

Shapes: N recordings, T frames, C mel bins, T' output frames, V symbols.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnxruntime

from tune_asr.inference.filter_bank import fbank
from tune_asr.inference.resampling import resample
from tune_asr.inference.session import INPUTS, OUTPUTS
from tune_asr.speech.text.vocabulary import spelled

Floats = npt.NDArray[np.float32]
Recording = tuple[Floats, int]
"""Samples in [-1, 1] and their rate in Hz."""


@dataclass(frozen=True, slots=True)
class BundleRecogniser:
    """ONNX model with its features and symbols."""

    session: onnxruntime.InferenceSession
    vocabulary: Sequence[str]
    """Symbols by id."""
    blank_id: int
    sample_rate: int
    """Rate of the features, Hz."""
    num_mel_bins: int
    """C."""

    def texts(self, recordings: Sequence[Recording]) -> list[str]:
        """Transcribe recordings in one batch."""
        features = [
            fbank(resample(samples, rate, self.sample_rate), self.sample_rate, self.num_mel_bins)
            for samples, rate in recordings
        ]
        lengths = np.array([len(frames) for frames in features], np.int64)
        inputs = dict(zip(INPUTS, (padded(features), lengths), strict=True))
        log_probs, output_lengths = self.session.run(OUTPUTS, inputs)
        return [spelled(self.vocabulary, ids) for ids in greedy(log_probs, output_lengths, self.blank_id)]


def padded(features: Sequence[Floats]) -> Floats:
    """Pad features with zeros.

    (T, C) each -> (N, T, C).
    """
    longest = max(len(frames) for frames in features)
    batch = np.zeros((len(features), longest, features[0].shape[1]), np.float32)
    for row, frames in zip(batch, features, strict=True):
        row[: len(frames)] = frames
    return batch


def greedy(log_probs: Floats, lengths: npt.NDArray[np.int64], blank_id: int) -> list[list[int]]:
    """Decode best paths.

    (N, T', V), (N,) -> N lists of symbol ids.
    """
    paths = log_probs.argmax(-1)
    is_new = np.ones(paths.shape, bool)
    is_new[:, 1:] = paths[:, 1:] != paths[:, :-1]
    inside = np.arange(paths.shape[1]) < lengths[:, None]
    return [path[kept].tolist() for path, kept in zip(paths, is_new & inside & (paths != blank_id), strict=True)]
