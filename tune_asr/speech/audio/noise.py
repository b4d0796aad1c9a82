"""Noise to lay under speech: recordings from a folder, or made up."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain, pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tune_asr.errors import DataError
from tune_asr.speech.audio import recordings as audio
from tune_asr.speech.audio.frames import can_resample, min_samples
from tune_asr.speech.audio.recordings import FileAudio
from tune_asr.speech.corpus import Utterance, fingerprint
from tune_asr.speech.progress import watched
from tune_asr.storage.files import content_sample

SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".mp3"})
# Power falls with the frequency raised to it: white, pink and brown noise.
EXPONENTS = (0.0, 1.0, 2.0)
SECONDS = 20
MAX_PIECE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class ColouredNoise:
    """Gaussian noise whose power falls as 1 / f ** exponent; the same at every call."""

    exponent: float
    sample_rate: int

    def samples(self) -> tuple[npt.NDArray[np.float32], int]:
        """`SECONDS` of it, with a standard deviation of 0.1."""
        num_samples = SECONDS * self.sample_rate
        white = np.random.Generator(np.random.PCG64(round(10 * self.exponent))).standard_normal(num_samples)
        frequencies = np.fft.rfftfreq(num_samples, 1 / self.sample_rate)
        # flat below 20 Hz, where no filter listens and 1 / f has no end
        spectrum = np.fft.rfft(white) * np.maximum(frequencies, 20.0) ** (-self.exponent / 2)
        noise = np.fft.irfft(spectrum, num_samples)
        return (0.1 * noise / noise.std()).astype(np.float32), self.sample_rate


def noises(folder: Path | None, sample_rate: int, *, decode: bool = True) -> tuple[tuple[Utterance, ...], str]:
    """The recordings of a folder and of those inside it, or made-up noise where no folder is given.

    Args:
        folder: holds WAV, FLAC, OGG or MP3; files of other kinds are left alone.
        sample_rate: of the features, in Hz.
        decode: whether recordings are decoded, which alone tells that they are whole.

    Returns:
        The recordings, without text, those above `MAX_PIECE_SECONDS` in equal pieces: a few seconds of noise must not
        cost the reading of an hour. Pieces of one recording follow each other and have its id. And a key that names
        the recordings and their content on this machine.

    Raises:
        DataError: no folder, no recording in it, or one that cannot be used.
    """
    if folder is None:
        generated = tuple(
            Utterance(id=f"noise {e:g}", text="", seconds=SECONDS, audio=ColouredNoise(e, sample_rate))
            for e in EXPONENTS
        )
        return generated, f"coloured noise {EXPONENTS} {SECONDS}"
    paths = recordings_in(folder)
    with ThreadPoolExecutor() as pool:  # see `inspection`
        found = pool.map(partial(_pieces, sample_rate=sample_rate, decode=decode), paths)
        pieces = tuple(chain.from_iterable(watched(found, len(paths), "noise recordings checked")))
    return pieces, fingerprint((MAX_PIECE_SECONDS, *((str(path), *_content(path)) for path in paths)))


def recordings_in(folder: Path) -> list[Path]:
    """The recordings of a folder and of those inside it, by name, not yet opened. Raises `DataError` for none."""
    if not os.path.isdir(folder):  # noqa: PTH112  Path.is_dir raises where a name is too long
        raise DataError(f"augment.noise_dir: {folder} is no folder: give one that holds recordings of noise, or null")
    with _readable(folder):
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not paths:
        kinds = ", ".join(sorted(SUFFIXES))
        raise DataError(f"augment.noise_dir: {folder} holds no recording ({kinds}): add some, or give null")
    return paths


def folder_fingerprint(folder: Path) -> str:
    """Names and samples of the content of a folder's recordings: equal on all machines that hold the same.

    Raises:
        DataError: no folder, no recording in it, or one that cannot be read.
    """
    paths = recordings_in(folder)
    return fingerprint((path.relative_to(folder).as_posix(), _content(path)[0]) for path in paths)


def _content(path: Path) -> tuple[str, int]:
    """A sample of a recording's content, and when it was last written."""
    with _readable(path):
        return content_sample(path), path.stat().st_mtime_ns


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Tell what cannot be read, `path` or something in it."""
    try:
        yield
    except OSError as error:
        what = f"{error.filename or path} cannot be read ({error.strerror})"
        raise DataError(f"augment.noise_dir: {what}: make it readable, or take it out of the folder") from None


def _pieces(path: Path, sample_rate: int, decode: bool) -> list[Utterance]:
    try:
        info = audio.verify(path) if decode else audio.probe(path)
    except audio.AudioError as error:
        raise DataError(f"augment.noise_dir: {path} {error}: take it out of the folder") from None
    if info.num_frames < min_samples(info.sample_rate):
        raise DataError(f"augment.noise_dir: {path} is shorter than 25 ms: take it out of the folder")
    if not can_resample(info.sample_rate, sample_rate):
        raise DataError(
            f"augment.noise_dir: {path} has {info.sample_rate:,} Hz, which cannot be resampled to {sample_rate:,} Hz "
            "in memory of a sane size: convert it, or take it out of the folder"
        )
    count = math.ceil(info.num_frames / (MAX_PIECE_SECONDS * info.sample_rate))
    bounds = [i * info.num_frames // count for i in range(count + 1)]
    return [
        Utterance(id=str(path), text="", seconds=(b - a) / info.sample_rate, audio=FileAudio(path, a, b - a))
        for a, b in pairwise(bounds)
    ]
