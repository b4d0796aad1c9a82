"""Noise to add to speech: recordings or coloured noise."""

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

from tune_asr.errors import DataError, Problem
from tune_asr.speech.audio import recordings as audio
from tune_asr.speech.audio.frames import can_resample, min_samples
from tune_asr.speech.audio.recordings import FileAudio
from tune_asr.speech.corpus import Utterance, fingerprint
from tune_asr.speech.progress import watched
from tune_asr.storage.files import content_sample

ENDINGS = frozenset({".wav", ".flac", ".ogg", ".mp3"})
EXPONENTS = (0.0, 1.0, 2.0)
"""Exponents of the frequency by which power falls: white, pink and brown noise."""
SECONDS = 20
MAX_PIECE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class ColouredNoise:
    """Gaussian noise of power 1/f**exponent, equal at every call."""

    exponent: float
    sample_rate: int

    def samples(self) -> tuple[npt.NDArray[np.float32], int]:
        """Return `SECONDS` of noise with a standard deviation of 0.1."""
        num_samples = SECONDS * self.sample_rate
        white = np.random.Generator(np.random.PCG64(round(10 * self.exponent))).standard_normal(num_samples)
        frequencies = np.fft.rfftfreq(num_samples, 1 / self.sample_rate)
        # Flat below 20 Hz: no filter covers these frequencies, and 1 / f is unbounded there.
        spectrum = np.fft.rfft(white) * np.maximum(frequencies, 20.0) ** (-self.exponent / 2)
        noise = np.fft.irfft(spectrum, num_samples)
        return (0.1 * noise / noise.std()).astype(np.float32), self.sample_rate


def noises(
    folder: Path | None, sample_rate: int, *, decode: bool = True, rules: int = 2
) -> tuple[tuple[Utterance, ...], str]:
    """Return recordings of a folder tree, or coloured noise.

    Args:
        folder: folder with WAV, FLAC, OGG or MP3, or None for coloured noise. Other files are ignored.
        sample_rate: rate of the features, in Hz.
        decode: decode the recordings, which alone shows that they are intact.
        rules: `text.rules` of the configuration.

    Returns:
        Recordings without text, and a key for them and their content on this machine. Those above `MAX_PIECE_SECONDS`
        are cut into equal pieces, so that a few seconds of noise never cost the reading of an hour. Pieces of one
        recording are neighbours and have its id.

    Raises:
        DataError: the folder is missing, has no recordings, or one that cannot be used.
    """
    if folder is None:
        generated = tuple(
            Utterance(id=f"noise {e:g}", text="", seconds=SECONDS, audio=ColouredNoise(e, sample_rate))
            for e in EXPONENTS
        )
        return generated, f"coloured noise {EXPONENTS} {SECONDS}"
    paths = recordings_in(folder)
    with ThreadPoolExecutor() as pool:  # threads, as in `inspection`
        found = pool.map(partial(_pieces, sample_rate=sample_rate, decode=decode, rules=rules), paths)
        pieces = tuple(chain.from_iterable(watched(found, len(paths), "noise recordings checked")))
    of_rules = (rules,) if rules > 1 else ()  # the samples of a file depend on them
    return pieces, fingerprint((MAX_PIECE_SECONDS, *of_rules, *((str(path), *_content(path)) for path in paths)))


def recordings_in(folder: Path) -> list[Path]:
    """Return the sorted recordings of a folder tree, unopened.

    Raises:
        DataError: the folder is missing or has no recordings.
    """
    if not os.path.isdir(folder):  # noqa: PTH112  Path.is_dir raises if a name is too long
        raise _error(f"{folder} is not a folder", "Give one with recordings of noise, or null.")
    with _readable(folder):
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS and path.is_file())
    if not paths:
        kinds = ", ".join(sorted(ENDINGS))
        raise _error(f"{folder} holds no recording ({kinds})", "Add some, or give null.")
    return paths


def folder_fingerprint(folder: Path) -> str:
    """Hash a folder's recordings, equally on all machines.

    It covers names and samples of the content.

    Raises:
        DataError: the folder is missing, has no recordings, or one that cannot be read.
    """
    paths = recordings_in(folder)
    return fingerprint((path.relative_to(folder).as_posix(), _content(path)[0]) for path in paths)


def _content(path: Path) -> tuple[str, int]:
    """Return a recording's digest and time of modification."""
    with _readable(path):
        return content_sample(path), path.stat().st_mtime_ns


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Raise DataError for an unreadable file or folder."""
    try:
        yield
    except OSError as error:
        what = f"{error.filename or path} cannot be read ({error.strerror})"
        raise _error(what, "Make it readable, or remove it from the folder.") from None


def _error(what: str, hint: str) -> DataError:
    return DataError(Problem("augment.noise_dir", what, hint))


def _pieces(path: Path, sample_rate: int, decode: bool, rules: int) -> list[Utterance]:
    try:
        info = (audio.verify if decode else audio.probe)(path, rules)
    except audio.AudioError as error:
        raise _error(f"{path} {error}", error.hint or "Remove it from the folder.") from None
    if info.num_frames < min_samples(info.sample_rate):
        raise _error(f"{path} is shorter than 25 ms", "Remove it from the folder.")
    if not can_resample(info.sample_rate, sample_rate):
        what = f"{path} has {info.sample_rate:,} Hz, which cannot be resampled to {sample_rate:,} Hz in little memory"
        raise _error(what, "Convert it, or remove it from the folder.")
    count = math.ceil(info.num_frames / (MAX_PIECE_SECONDS * info.sample_rate))
    bounds = [i * info.num_frames // count for i in range(count + 1)]
    parts = [FileAudio(path, a, b - a, rules=rules) for a, b in pairwise(bounds)]
    seconds = [(b - a) / info.sample_rate for a, b in pairwise(bounds)]
    return [
        Utterance(id=str(path), text="", seconds=length, audio=part)
        for part, length in zip(parts, seconds, strict=True)
    ]
