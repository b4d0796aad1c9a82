"""Recordings: header, samples, and reasons for unusable files.

Does not resample. Only regular files are opened, so reads never block. A recording is as long as it can be decoded,
whatever its header says.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from tune_asr.speech.audio import first_rules
from tune_asr.speech.audio.flac import MAGIC
from tune_asr.speech.audio.info import AudioError, AudioInfo
from tune_asr.speech.audio.levels import Levels, mixed
from tune_asr.speech.audio.opening import Recording, open_recording

__all__ = ["AudioError", "AudioInfo", "FileAudio", "levels_of", "missing_channel", "probe", "read", "verify"]

_BLOCK = 1 << 18  # samples decoded at once by `verify`, so that hours of speech do not fill the memory


def probe(path: Path, rules: int = 2) -> AudioInfo:
    """Read a recording's header, and whatever gives its length.

    Args:
        path: recording.
        rules: `text.rules` of the configuration.

    Raises:
        AudioError: `path` is missing, no regular file, empty, not audio, without samples, or truncated; or its
            container cannot show truncation.
    """
    return first_rules.probe(path) if rules == 1 else open_recording(path).info


def read(
    path: Path, start: int = 0, num_frames: int | None = None, channel: int | None = None, rules: int = 2
) -> tuple[npt.NDArray[np.float32], int]:
    """Decode a recording or a part.

    Args:
        path: recording.
        start: first sample.
        num_frames: number of samples; None for all that follow.
        channel: number of the channel, from 0; None for the mean of all, or the loudest under opposite phase.
        rules: `text.rules` of the configuration.

    Returns:
        Samples in [-1, 1], shape (num_frames,), and the sample rate in Hz.

    Raises:
        AudioError: as in `probe`, or decoding fails or ends early, or a sample is NaN or infinite, or the channel is
            missing.
    """
    if rules == 1:
        return first_rules.read(path, start, num_frames)
    recording = open_recording(path)
    info = recording.info
    if channel is not None and (missing := missing_channel(info, channel)):
        raise AudioError(missing)
    wanted = info.num_frames - start if num_frames is None else num_frames
    blocks = list(_blocks(recording, start, wanted, max(1, wanted)))
    samples = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
    return mixed(samples) if channel is None else samples[:, channel].copy(), info.sample_rate


def missing_channel(info: AudioInfo, channel: int) -> str:
    """Return why a recording lacks a channel, or ""."""
    if channel < info.channels:
        return ""
    has = "one channel, number 0" if info.channels == 1 else f"{info.channels} channels, 0 to {info.channels - 1}"
    return f"has {has}, but its row asks for channel {channel}"


def verify(path: Path, rules: int = 2) -> AudioInfo:
    """Decode a recording block by block, and return its header.

    `read` will succeed after that, and the recording is audible.

    Raises:
        AudioError: as in `read`, or it is silent, clipped, or not scaled to ±1.
    """
    if rules == 1:
        return first_rules.verify(path)
    recording = open_recording(path)
    [levels] = levels_of(path, recording, [FileAudio(path)])
    state, detail, hint = levels.mistake(is_float=recording.info.is_float)
    if state:
        raise AudioError(f"is {state}: {detail}", hint)
    return recording.info


def levels_of(path: Path, recording: Recording, parts: Sequence[FileAudio]) -> list[Levels]:
    """Decode a recording block by block; measure its parts.

    Args:
        path: recording.
        recording: the same, opened.
        parts: parts of it, with channels that it has.

    Raises:
        AudioError: as in `read`.
    """
    info = recording.info
    levels = [Levels(part.channel) for part in parts]
    ends = [info.num_frames if part.num_frames is None else part.start + part.num_frames for part in parts]
    # A recording of hours has thousands of parts, so a block is compared with those that it can hold alone.
    waiting, open_parts, place = sorted(range(len(parts)), key=lambda i: -parts[i].start), list[int](), 0
    for samples in _blocks(recording, 0, info.num_frames, _BLOCK):
        while waiting and parts[waiting[-1]].start < place + len(samples):
            open_parts.append(waiting.pop())
        open_parts = [i for i in open_parts if ends[i] > place]
        for i in open_parts:
            levels[i].add(samples[max(0, parts[i].start - place) : ends[i] - place])
        place += len(samples)
    _check_end(path, info)
    return levels


def _blocks(recording: Recording, start: int, num_frames: int, size: int) -> Iterator[npt.NDArray[np.float32]]:
    """Yield finite samples from `start`, shape (<= size, channels) each."""
    try:
        for samples in recording.blocks(start, num_frames, size):
            if not np.isfinite(samples).all():
                raise AudioError("holds NaN or infinite samples")
            yield samples
    except (soundfile.LibsndfileError, MemoryError) as error:
        raise AudioError("is truncated or damaged: it cannot be decoded to its end") from error
    except OSError as error:
        raise AudioError(f"cannot be read ({error.strerror})") from error


def _check_end(path: Path, info: AudioInfo) -> None:
    """Refuse a FLAC file if another one follows.

    Only its content shows where it ends.
    """
    with path.open("rb") as file:
        if file.read(4) != MAGIC[:4]:
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if content.find(MAGIC, 4) >= 0:
                what = f"another FLAC file begins after its {info.num_frames / info.sample_rate:.4g} s"
                raise AudioError(f"holds two recordings: {what}", "Split them, or join their samples by sox.")


@dataclass(frozen=True, slots=True)
class FileAudio:
    """Recording in a file, or a part of it."""

    path: Path
    start: int = 0
    """First sample."""
    num_frames: int | None = None
    """Number of samples; None for all that follow."""
    channel: int | None = None
    """Number of the channel, from 0; None for the mean of all."""
    rules: int = 2
    """`text.rules` of the configuration."""

    def samples(self) -> tuple[npt.NDArray[np.float32], int]:
        """Decode the file or part.

        Raises:
            AudioError: it cannot be decoded.
        """
        return read(self.path, self.start, self.num_frames, self.channel, self.rules)
