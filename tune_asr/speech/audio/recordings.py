"""Recordings: what a header says, the samples, and the reason where a file cannot be used.

Nothing is resampled here, and nothing blocks: what is no ordinary file is never opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from tune_asr.speech.audio.truncation import is_truncated
from tune_asr.storage.files import reason_unusable

# Those of which a cut file can be told from a whole one; libsndfile reads more.
_CONTAINERS = ("WAV", "WAVEX", "AIFF", "CAF", "FLAC", "OGG", "MP3")
_NO_FRAME_COUNT = 2**63 - 1  # libsndfile's word for a FLAC header whose writer did not know the length

_BLOCK = 1 << 18  # samples decoded at a time by `verify`: a recording of many hours must not fill the memory
_FULL_SCALE = 0.999
_CLIPPED_SHARE = 0.1  # of the samples; music that was mastered loud stays far below it


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
            declares more than the file holds, or is of a kind that does not tell.
    """
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
    if header.format not in _CONTAINERS:
        raise AudioError(f"is a {header.format} file: make it WAV, FLAC, OGG or MP3")
    if header.frames == _NO_FRAME_COUNT:
        raise AudioError("does not say how long it is: its header was never completed; encode it again")
    if header.frames == 0:
        raise AudioError("holds no samples")
    return AudioInfo(header.samplerate, header.channels, header.frames)


def read(path: Path, start: int = 0, num_frames: int | None = None) -> tuple[npt.NDArray[np.float32], int]:
    """Decode a recording, or a part of it and no more, and down-mix it to one channel, the mean of all.

    Args:
        path: the recording.
        start: the first sample wanted.
        num_frames: how many; None for all the rest.

    Returns:
        Samples in [-1, 1], shape (num_frames,), and the sample rate in Hz.

    Raises:
        AudioError: as `probe` does, and where decoding fails or ends early, or a sample is NaN or infinite.
    """
    info = probe(path)
    wanted = info.num_frames - start if num_frames is None else num_frames
    samples = np.concatenate(list(_blocks(path, start, wanted, wanted)))
    return samples.mean(axis=1), info.sample_rate


def verify(path: Path) -> AudioInfo:
    """Make sure that `read` will succeed and that there is something to hear, and return what the header says.

    Decodes the recording block by block.

    Raises:
        AudioError: as `read` does, and where all samples are the same, or a tenth of them is clipped.
    """
    info = probe(path)
    lowest, highest, num_clipped = np.inf, -np.inf, 0
    for samples in _blocks(path, 0, info.num_frames, _BLOCK):
        lowest, highest = min(lowest, samples.min()), max(highest, samples.max())
        if max(-lowest, highest) >= _FULL_SCALE:
            num_clipped += int(np.count_nonzero(np.abs(samples) >= _FULL_SCALE))
    if lowest == highest:
        raise AudioError(f"is silent: every sample is {lowest:g}")
    if (share := num_clipped / (info.num_frames * info.channels)) > _CLIPPED_SHARE:
        raise AudioError(f"is clipped: {share:.0%} of its samples stand at full scale")
    return info


def _blocks(path: Path, start: int, num_frames: int, size: int) -> Iterator[npt.NDArray[np.float32]]:
    """Yield the samples from `start` on, shape (size or fewer, channels) at a time."""
    left = num_frames
    try:
        with soundfile.SoundFile(path) as file:
            if start:
                file.seek(start)
            while left:
                samples: npt.NDArray[np.float32] = file.read(min(size, left), dtype="float32", always_2d=True)
                if not len(samples):
                    raise AudioError(f"is truncated: {num_frames - left:,} of {num_frames:,} samples are left")
                if not np.isfinite(samples).all():
                    raise AudioError("holds NaN or infinite samples")
                left -= len(samples)
                yield samples
    except (soundfile.LibsndfileError, MemoryError) as error:
        raise AudioError("is truncated or damaged: it cannot be decoded to its end") from error


@dataclass(frozen=True, slots=True)
class FileAudio:
    """A recording in a file, at the rate that the file has, or a part of it.

    Attributes:
        path: the file.
        start: the first sample.
        num_frames: how many samples; None for all that follow.
    """

    path: Path
    start: int = 0
    num_frames: int | None = None

    def samples(self) -> tuple[npt.NDArray[np.float32], int]:
        """Decode the file, or the part. Raises `AudioError` where that fails."""
        return read(self.path, self.start, self.num_frames)
