"""Recordings: what a header says, the samples, and the reason where a file cannot be used.

Nothing is resampled here, and nothing blocks: what is no ordinary file is never opened.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from tune_asr.speech.files import reason_unusable
from tune_asr.speech.truncation import is_truncated

_NO_FRAME_COUNT = 2**63 - 1  # libsndfile's word for a FLAC header whose writer did not know the length

# `is_truncated` knows these containers, and these samples cannot be wrong: nothing is left to find by decoding.
_CHECKED_CONTAINERS = frozenset({"WAV", "WAVEX", "AIFF"})
_INTEGER_SAMPLES = frozenset({"PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "ULAW", "ALAW"})


class AudioError(Exception):
    """A recording cannot be used; its only argument is the reason, a phrase that follows the file's name."""


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What the header of a recording says.

    Attributes:
        sample_rate: in Hz.
        channels: number of channels.
        num_frames: samples in each channel.
    """

    sample_rate: int
    channels: int
    num_frames: int


def probe(path: Path) -> AudioInfo:
    """Read the header of a recording.

    Raises:
        AudioError: `path` is missing, no ordinary file, empty, not audio, or without samples; or the container
            declares more than the file holds.
    """
    return _probe(path)[0]


def read(path: Path) -> tuple[npt.NDArray[np.float32], int]:
    """Decode a recording and down-mix it to one channel, the mean of all.

    Returns:
        Samples in [-1, 1], shape (num_frames,), and the sample rate in Hz.

    Raises:
        AudioError: as `probe` does, and where decoding fails or ends early, or a sample is NaN or infinite.
    """
    info, _ = _probe(path)
    return _decode(path, info).mean(axis=1), info.sample_rate


def verify(path: Path) -> AudioInfo:
    """Make sure that `read` will succeed, as cheaply as the format allows, and return what the header says.

    All but WAV and AIFF files of integer samples are decoded.

    Raises:
        AudioError: as `read` does.
    """
    info, needs_decoding = _probe(path)
    if needs_decoding:
        _decode(path, info)
    return info


def _probe(path: Path) -> tuple[AudioInfo, bool]:
    """Return what the header says, and whether only decoding can tell if the samples are good."""
    if reason := reason_unusable(path):
        raise AudioError(reason)
    try:
        if is_truncated(path):
            raise AudioError("is truncated: the file ends before the samples that its header declares")
        header = soundfile.info(path)
    except OSError as error:
        raise AudioError(f"cannot be read ({error.strerror})") from error
    except soundfile.LibsndfileError as error:
        raise AudioError(f"cannot be read as audio ({error.error_string.rstrip('.')})") from error
    if header.frames == _NO_FRAME_COUNT:
        raise AudioError("does not say how long it is: its header was never completed; encode it again")
    if header.frames == 0:
        raise AudioError("holds no samples")
    needs_decoding = header.format not in _CHECKED_CONTAINERS or header.subtype not in _INTEGER_SAMPLES
    return AudioInfo(header.samplerate, header.channels, header.frames), needs_decoding


def _decode(path: Path, info: AudioInfo) -> npt.NDArray[np.float32]:
    """Return all samples, shape (num_frames, channels)."""
    try:
        # In one go: soundfile's `blocks` does not notice that an MP3 ends early.
        samples: npt.NDArray[np.float32]
        samples, _ = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, MemoryError) as error:
        raise AudioError("is truncated or damaged: it cannot be decoded to its end") from error
    if len(samples) < info.num_frames:
        raise AudioError(f"is truncated: {len(samples):,} of {info.num_frames:,} samples are left")
    if not np.isfinite(samples).all():
        raise AudioError("holds NaN or infinite samples")
    return samples
