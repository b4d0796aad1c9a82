"""Recordings as release 0.1.0 read them: rules 1 of `text.rules`.

Folders and models of that release keep its lengths, its mixing and its bad rows, right or wrong. Nothing here changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from tune_asr.speech.audio.info import AudioError, AudioInfo
from tune_asr.speech.audio.truncation import is_truncated
from tune_asr.storage.files import reason_unusable

# Containers whose truncated files can be recognised; libsndfile reads more.
_CONTAINERS = ("WAV", "WAVEX", "AIFF", "CAF", "FLAC", "OGG", "MP3")
_NO_FRAME_COUNT = 2**63 - 1  # libsndfile's value for a FLAC header without a length

_BLOCK = 1 << 18  # samples decoded at once by `verify`, so that hours of speech do not fill the memory
_FULL_SCALE = 0.999
_CLIPPED_SHARE = 0.1  # share of the samples; loudly mastered music stays far below it


def probe(path: Path) -> AudioInfo:
    """Read the header of a recording.

    Raises:
        AudioError: `path` is missing, no regular file, empty, not audio, without samples, or truncated; or its
            container cannot show truncation.
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
    except TypeError as error:  # soundfile goes by the ending .raw
        raise AudioError("cannot be read as audio (its name ends in .raw)") from error
    if header.format not in _CONTAINERS:
        raise AudioError(f"is a {header.format} file: make it WAV, FLAC, OGG or MP3")
    if header.frames == _NO_FRAME_COUNT:
        raise AudioError("has no length in its header, which was never completed; encode it again")
    if header.frames == 0:
        raise AudioError("holds no samples")
    return AudioInfo(header.samplerate, header.channels, header.frames)


def read(path: Path, start: int = 0, num_frames: int | None = None) -> tuple[npt.NDArray[np.float32], int]:
    """Decode a recording or a part; its channels are averaged.

    Raises:
        AudioError: as in `probe`, or decoding fails or ends early, or a sample is NaN or infinite.
    """
    info = probe(path)
    wanted = info.num_frames - start if num_frames is None else num_frames
    samples = np.concatenate(list(_blocks(path, start, wanted, wanted)))
    return samples.mean(axis=1), info.sample_rate


def verify(path: Path) -> AudioInfo:
    """Decode a recording block by block, and return its header.

    `read` will succeed after that, and the recording is audible.

    Raises:
        AudioError: as in `read`, or all samples are equal, or a tenth of them is clipped.
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
    """Yield samples from `start`, shape (<= size, channels) each."""
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
