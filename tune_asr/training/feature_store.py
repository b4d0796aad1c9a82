"""Features of a corpus, computed once on a machine and shared by all trainings there through a memory-mapped file.

    <temporary folder>/tune_asr-<uid>/features/
        <digest>/          frames.f32: (sum of T, C) float32, row after row; locked (shared) by who has it open
                           offsets.npy: (N + 1,) int64, the first row of each utterance, and the end
        <digest>.partial/  a store that is being built, or was when its process was killed
        <digest>.lock      locked by who builds, opens or evicts the store

A store is complete or it is not there: it is written beside its place and renamed. flock dies with its process, so no
kill leaves a lock behind. Shapes: N utterances, T frames each, C mel bins.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import stat
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tune_asr.errors import DataError, StorageError
from tune_asr.speech.audio import AudioError
from tune_asr.speech.corpus import Utterance
from tune_asr.training.features import log_mel

Frames = npt.NDArray[np.float32]

FRAMES, OFFSETS = "frames.f32", "offsets.npy"
MAX_BYTES = 4 * 2**30  # of all stores together
FORMAT = 1  # raise it when `log_mel` or the layout changes: older stores are then left alone until evicted


class FeatureStore:
    """(T, C) float32 features by utterance index.

    Args:
        frames: (sum of T, C) float32, in memory or mapped.
        offsets: (N + 1,) int64, the first row of each utterance, and the end.
    """

    def __init__(self, frames: Frames, offsets: npt.NDArray[np.int64]) -> None:
        self._frames = frames
        self._offsets = offsets

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __deepcopy__(self, memo: object) -> FeatureStore:
        """Itself: nothing writes to it, and a copy of a module that holds it must not copy a mapped file."""
        return self

    def __getitem__(self, index: int) -> Tensor:
        """A copy of one utterance's features, (T, C)."""
        return torch.from_numpy(self._frames[self._offsets[index] : self._offsets[index + 1]].copy())

    def length(self, index: int) -> int:
        """Frames of one utterance (T)."""
        return int(self._offsets[index + 1] - self._offsets[index])


def build_or_open(
    utterances: Sequence[Utterance], *, key: str, sample_rate: int, num_mel_bins: int, root: Path | None = None
) -> FeatureStore:
    """The features of `utterances`: opened where this machine has them already, computed once where not.

    Args:
        utterances: in the order of the store.
        key: names the recordings, their order and their content; equal keys share a store.
        sample_rate: Hz; other rates are resampled to it.
        num_mel_bins: C.
        root: private folder of the stores; `<temporary folder>/tune_asr-<uid>` if not given. Where it cannot be
            written, features stay in memory, and a warning says so.

    Raises:
        DataError: a recording cannot be read (any more); it names the utterance.
        StorageError: the folder belongs to somebody else.
    """
    settings = json.dumps([FORMAT, key, sample_rate, num_mel_bins])
    digest = hashlib.blake2b(settings.encode(), digest_size=16).hexdigest()
    try:
        store = _private_folder(root) / digest
        return _build_or_map(store, lambda: _compute(utterances, sample_rate, num_mel_bins), num_mel_bins)
    except OSError as error:
        warnings.warn(f"features cannot be shared, so each process keeps its own in memory: {error}", stacklevel=2)
    frames = list(_compute(utterances, sample_rate, num_mel_bins))
    return FeatureStore(np.concatenate(frames), np.cumsum([0, *map(len, frames)]))


def _build_or_map(store: Path, compute: Callable[[], Iterator[Frames]], num_mel_bins: int) -> FeatureStore:
    with store.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_complete(store):
            _build(store, compute())
            with suppress(FileNotFoundError):  # another process evicts at the same time
                _evict(store.parent)
        os.utime(store)  # the oldest are evicted first
        with (store / FRAMES).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            offsets = np.load(store / OFFSETS)
            # The mapping duplicates the descriptor, and the lock lasts until the last duplicate is closed.
            frames = np.memmap(file, np.float32, mode="r", shape=(int(offsets[-1]), num_mel_bins))
        return FeatureStore(frames, offsets)


def _build(store: Path, features: Iterator[Frames]) -> None:
    """Write a store beside its place, one utterance at a time, and rename it."""
    partial = store.with_suffix(".partial")
    for remains in (partial, store):
        shutil.rmtree(remains, ignore_errors=True)
    partial.mkdir()
    lengths = [0]
    try:
        with (partial / FRAMES).open("wb") as file:
            for frames in features:
                file.write(frames.tobytes())
                lengths.append(len(frames))
            file.flush()
            os.fsync(file.fileno())
        np.save(partial / OFFSETS, np.cumsum(lengths))
        partial.rename(store)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _is_complete(store: Path) -> bool:
    """Not so where a cleaner of temporary folders has taken a file out of it."""
    return (store / FRAMES).exists() and (store / OFFSETS).exists()


def _evict(folder: Path) -> None:
    """Remove the stores that were opened longest ago until all fit in `MAX_BYTES`, but for those that are held."""
    directories = sorted((path for path in folder.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    sizes = [sum(file.stat().st_size for file in directory.iterdir()) for directory in directories]
    excess = sum(sizes) - MAX_BYTES
    for directory, size in zip(directories, sizes, strict=True):
        if excess <= 0:
            return
        with (
            suppress(BlockingIOError, FileNotFoundError),
            directory.with_suffix(".lock").open("w") as lock,
            (directory / FRAMES).open("rb") as frames,
        ):
            for file in (lock, frames):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(directory)
            excess -= size


def _compute(utterances: Sequence[Utterance], sample_rate: int, num_mel_bins: int) -> Iterator[Frames]:
    for utterance in utterances:
        try:
            samples, sample_rate_in = utterance.audio.samples()
        except (AudioError, OSError) as error:
            raise DataError(f"utterance {utterance.id}: its recording {error}") from error
        yield log_mel(samples, sample_rate_in, sample_rate=sample_rate, num_mel_bins=num_mel_bins).numpy()


def _private_folder(root: Path | None) -> Path:
    """`root`/features, where `root` is ours alone: nobody else can put anything there for us to read."""
    root = root or Path(tempfile.gettempdir()) / f"tune_asr-{os.getuid()}"
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = root.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise StorageError(
            f"{root}: features are kept there, so it must be a folder of user {os.getuid()}, but it belongs to user "
            f"{status.st_uid} or is a link: remove it, or set TMPDIR to a folder of your own"
        )
    root.chmod(0o700)
    folder = root / "features"
    folder.mkdir(exist_ok=True)
    return folder
