"""Features of a corpus, shared by trainings of a machine.

They are computed once, and mapped into memory from a file.

    <temporary folder>/tune_asr-<uid>/features/
        <digest>/          frames.f32: (sum of T, C) float32, row after row; locked (shared) by who has it open
                           offsets.npy: (N + 1,) int64, the first row of each utterance, and the end
        <digest>.partial/  a store that is being built, or was when its process was killed
        <digest>.lock      locked by who builds, opens or evicts the store

A store is complete or it is not there: it is written beside its place and renamed. flock dies with its process, so no
kill leaves a lock behind. Shapes: N utterances, T frames each, C mel bins.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import stat
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tune_asr.errors import StorageError
from tune_asr.speech.corpus import Utterance
from tune_asr.storage.atomic import new_folder
from tune_asr.storage.temporary import lasting_folder
from tune_asr.training.features.fbank import CPU
from tune_asr.training.features.sources import Features, Frames, LiveFeatures
from tune_asr.wording import first_line

FRAMES, OFFSETS = "frames.f32", "offsets.npy"
KEPT = 4
"""Corpora, or their features, that a process keeps: a search may vary what they are made of."""
MAX_IN_MEMORY = 2**30  # bytes, if no file can hold them
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
        """Return the store itself: nothing writes to it.

        A copy of a module must not copy a mapped file.
        """
        return self

    def __getitem__(self, index: int) -> Tensor:
        """Copy one utterance's features, (T, C)."""
        return torch.from_numpy(self._frames[self._offsets[index] : self._offsets[index + 1]].copy())

    def length(self, index: int) -> int:
        """Frames of one utterance (T)."""
        return int(self._offsets[index + 1] - self._offsets[index])


def build_or_open(
    utterances: Sequence[Utterance],
    *,
    key: str,
    sample_rate: int,
    num_mel_bins: int,
    max_bytes: int,
    root: Path | None = None,
    device: torch.device = CPU,
) -> Features:
    """Open the features of `utterances`, computed first if need be.

    Features larger than `max_bytes` are not kept, but computed at every access.

    Args:
        utterances: in the order of the store.
        key: names the recordings, their order and their content; equal keys share a store.
        sample_rate: Hz; other rates are resampled to it.
        num_mel_bins: C.
        max_bytes: limit of all stores together.
        root: private folder of the stores; `<temporary folder>/tune_asr-<uid>` if not given. If it cannot be
            written, features of up to 1 GiB stay in memory, others are not kept, and a warning says so.
        device: device that computes them.

    Raises:
        DataError: a recording cannot be read (any more); it names the utterance.
        StorageError: the folder belongs to another user.
    """
    live = LiveFeatures(utterances, sample_rate, num_mel_bins, device)
    if live.num_bytes > max_bytes:
        return live
    settings = json.dumps([FORMAT, key, sample_rate, num_mel_bins, *([] if device == CPU else [device.type])])
    digest = hashlib.blake2b(settings.encode(), digest_size=16).hexdigest()
    try:
        store = _private_folder(root) / digest
        return _build_or_map(store, live, max_bytes)
    except OSError as error:
        keeps = live.num_bytes <= MAX_IN_MEMORY
        instead = "keeps its own in memory" if keeps else "computes them anew in every epoch"
        warnings.warn(f"features cannot be shared, so each process {instead}: {first_line(error)}", stacklevel=2)
    if not keeps:
        return live
    frames = list(live.all())
    return FeatureStore(np.concatenate(frames), np.cumsum([0, *map(len, frames)]))


def _build_or_map(store: Path, live: LiveFeatures, max_bytes: int) -> FeatureStore:
    with store.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        offsets = _read_offsets(store, live.num_mel_bins)
        if offsets is None:
            for remains in (store.with_suffix(".partial"), store):
                shutil.rmtree(remains, ignore_errors=True)
            _make_room(store.parent, live.num_bytes, max_bytes)
            offsets = _build(store, live.all())
        os.utime(store)  # the oldest are evicted first
        with (store / FRAMES).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            # The mapping duplicates the descriptor, and the lock lasts until the last duplicate is closed.
            frames = np.memmap(file, np.float32, mode="r", shape=(int(offsets[-1]), live.num_mel_bins))
        return FeatureStore(frames, offsets)


def _build(store: Path, features: Iterator[Frames]) -> npt.NDArray[np.int64]:
    """Write a store, rename it into place, return its offsets."""
    lengths = [0]
    with new_folder(store, temporary=store.with_suffix(".partial")) as partial:
        with (partial / FRAMES).open("wb") as file:
            for frames in features:
                file.write(frames.tobytes())
                lengths.append(len(frames))
        offsets = np.cumsum(lengths)
        np.save(partial / OFFSETS, offsets)
    return offsets


def _read_offsets(store: Path, num_mel_bins: int) -> npt.NDArray[np.int64] | None:
    """Read a store's offsets; None if missing or damaged."""
    try:
        offsets: npt.NDArray[np.int64] = np.load(store / OFFSETS)
        rows = (store / FRAMES).stat().st_size / (num_mel_bins * np.dtype(np.float32).itemsize)
        whole = offsets.dtype == np.int64 and offsets[0] == 0 and offsets[-1] == rows and np.all(np.diff(offsets) >= 0)
    except (OSError, ValueError, EOFError, IndexError):
        whole = False
    if whole:
        return offsets
    if store.exists():
        warnings.warn(f"the features in {store} are damaged, and are computed again", stacklevel=2)
    return None


def _make_room(folder: Path, num_bytes: int, max_bytes: int) -> None:
    """Remove the least recently opened free stores until `num_bytes` fit.

    They fit if all stores take at most `max_bytes` and the disk has room. Stores in use may take more, and so may two
    that are built at once, until the next is built.

    Raises:
        OSError: the disk has too little room. Nothing is removed if removing all stores would not be enough.
    """
    stores = []
    for path in folder.iterdir():
        with suppress(FileNotFoundError, NotADirectoryError):  # evicted by another process, or a lock
            stores.append((path.stat().st_mtime, path, sum(file.stat().st_size for file in path.iterdir())))
    taken, free = sum(size for _, _, size in stores), shutil.disk_usage(folder).free
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
    if free + taken < num_bytes:
        raise full
    left = min(max_bytes - taken, free)
    for _, path, size in sorted(stores):
        if left >= num_bytes:
            break
        with (
            suppress(BlockingIOError, FileNotFoundError),
            path.with_suffix(".lock").open("w") as lock,
            (path / FRAMES).open("rb") as frames,
        ):
            for file in (lock, frames):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path)
            left += size
    if shutil.disk_usage(folder).free < num_bytes:  # then hours of computing would fill the disk, and end here as well
        raise full


def _private_folder(root: Path | None) -> Path:
    """Make `root`/features, in a folder closed to other users."""
    root = root or lasting_folder() / f"tune_asr-{os.getuid()}"
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = root.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise StorageError(
            f"{root}: features are kept there, so it must be a folder of user {os.getuid()}, but it belongs to user "
            f"{status.st_uid} or is a link",
            hint="Remove it, or set TMPDIR to a folder of your own.",
        )
    root.chmod(0o700)
    folder = root / "features"
    folder.mkdir(exist_ok=True)
    return folder
