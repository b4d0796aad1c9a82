import os
import resource
import shutil
import signal
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch

from tune_asr.errors import DataError, StorageError
from tune_asr.speech.audio.recordings import AudioError, FileAudio
from tune_asr.speech.corpus import Utterance
from tune_asr.training.features import store as feature_store
from tune_asr.training.features.log_mel import log_mel
from tune_asr.training.features.sources import LiveFeatures
from tune_asr.training.features.store import build_or_open

LOG_MEL = {"sample_rate": 8000, "num_mel_bins": 10}
SETTINGS = {**LOG_MEL, "max_bytes": 10**9}


@dataclass(frozen=True)
class Noise:
    """Samples that leave a line in a file whenever they are read."""

    seed: int
    log: Path

    def samples(self):
        with self.log.open("a") as file:
            file.write(f"{self.seed}\n")
        num_samples = 400 + 1000 * self.seed
        return np.random.default_rng(self.seed).uniform(-1, 1, num_samples).astype(np.float32), 8000


@dataclass(frozen=True)
class Deadly:
    """Samples on which the process is killed."""

    def samples(self):
        os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Missing:
    """Samples of a file that has gone."""

    def samples(self):
        raise AudioError("holds no samples")


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


OTHER_DEVICE = {"device": torch.device("cpu", 0)}


@pytest.fixture
def root(tmp_path):
    return tmp_path / "root"


def utterances(log, count=4):
    return [Utterance(id=f"u{i}", text="a", seconds=(400 + 1000 * i) / 8000, audio=Noise(i, log)) for i in range(count)]


def assert_holds(store, speech):
    assert len(store) == len(speech)
    for i, utterance in enumerate(speech):
        assert torch.equal(store[i], log_mel(*utterance.audio.samples(), **LOG_MEL))
        assert store.length(i) == len(store[i])


def stores(root):
    return {path.name for path in (root / "features").iterdir() if path.is_dir()}


def test_store_computes_features_once(root, log):
    speech = utterances(log)
    first = build_or_open(speech, key="k", root=root, **SETTINGS)
    second = build_or_open(speech, key="k", root=root, **SETTINGS)
    assert sorted(log.read_text().split()) == ["0", "1", "2", "3"]
    assert_holds(first, speech)
    assert_holds(second, speech)


def test_changed_copy_leaves_store_alone(root, log):
    store = build_or_open(utterances(log), key="k", root=root, **SETTINGS)
    store[1].zero_()
    assert store[1].any()


def test_too_large_features_are_computed_live(root, log):
    speech = utterances(log)
    kept = build_or_open(speech, key="k", root=root, **SETTINGS)
    needed = sum(kept.length(i) for i in range(4)) * 10 * 4
    live = build_or_open(speech, key="k", root=root, **LOG_MEL, max_bytes=needed - 1)
    assert isinstance(live, LiveFeatures) and live.num_bytes == needed
    assert_holds(live, speech)
    assert all(torch.equal(live[i], kept[i]) for i in range(4))
    live[1].zero_()
    assert live[1].any()
    exact = build_or_open(speech, key="k", root=root, **LOG_MEL, max_bytes=needed)
    assert not isinstance(exact, LiveFeatures)


def test_uncached_features_come_with_warning(tmp_path, log, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(feature_store, "MAX_IN_MEMORY", 0)
    with pytest.warns(UserWarning, match="each process computes them anew in every epoch"):
        live = build_or_open(utterances(log), key="k", root=tmp_path / "file" / "root", **SETTINGS)
    assert_holds(live, utterances(log))


def test_features_are_computed_few_ahead(log):
    speech = utterances(log, 60)
    made = LiveFeatures(speech, **LOG_MEL)._computed(num_threads=2)
    first = next(made)
    assert np.array_equal(first, log_mel(*speech[0].audio.samples(), **LOG_MEL).numpy())
    made.close()
    assert len(log.read_text().split()) < 20


@pytest.mark.parametrize("other", [{"key": "l"}, {"sample_rate": 16000}, {"num_mel_bins": 12}, OTHER_DEVICE])
def test_other_settings_make_other_store(root, log, other):
    build_or_open(utterances(log), key="k", root=root, **SETTINGS)
    build_or_open(utterances(log), **({"key": "k", "root": root} | SETTINGS | other))
    assert len(stores(root)) == 2


def build(speech, root):
    build_or_open(speech, key="k", root=root, **SETTINGS)


def test_concurrent_processes_build_store_once(root, log, in_processes):
    speech = utterances(log)
    assert in_processes(build, *[(speech, root)] * 3) == [0, 0, 0]
    assert sorted(log.read_text().split()) == ["0", "1", "2", "3"]
    assert_holds(build_or_open(speech, key="k", root=root, **SETTINGS), speech)


def test_killed_build_leaves_nothing_broken(root, log, in_processes):
    speech = utterances(log)
    deadly = [*speech[:2], Utterance(id="deadly", text="a", seconds=1.0, audio=Deadly())]
    assert in_processes(build, (deadly, root)) == [-signal.SIGKILL]
    assert [name.endswith(".partial") for name in stores(root)] == [True]
    assert_holds(build_or_open(speech, key="k", root=root, **SETTINGS), speech)
    assert [name.endswith(".partial") for name in stores(root)] == [False]


def cut(path):
    path.write_bytes(path.read_bytes()[:-4])


def other_offsets(path):
    np.save(path, np.load(path)[::-1])


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("frames.f32", Path.unlink),
        ("frames.f32", cut),
        ("frames.f32", lambda path: path.write_bytes(b"")),
        ("frames.f32", lambda path: path.write_bytes(path.read_bytes() + bytes(40))),
        ("offsets.npy", Path.unlink),
        ("offsets.npy", cut),
        ("offsets.npy", lambda path: path.write_bytes(b"")),
        ("offsets.npy", lambda path: path.write_bytes(b"not an array")),
        ("offsets.npy", lambda path: np.save(path, np.zeros(0, np.int64))),
        ("offsets.npy", lambda path: np.save(path, np.int64(3))),
        ("offsets.npy", other_offsets),
    ],
)
def test_damaged_store_is_rebuilt(root, log, name, damage):
    """With a warning of one line."""
    speech = utterances(log)
    build_or_open(speech, key="k", root=root, **SETTINGS)
    (path,) = root.glob(f"features/*/{name}")
    # In place of the file, for nobody may write into what others have mapped.
    copy = path.with_name("copy.npy")
    copy.write_bytes(path.read_bytes())
    copy.replace(path)
    damage(path)
    with pytest.warns(UserWarning, match=r"the features in \S+ are damaged, and are computed again") as said:
        assert_holds(build_or_open(speech, key="k", root=root, **SETTINGS), speech)
    assert len(said) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_holds(build_or_open(speech, key="k", root=root, **SETTINGS), speech)


def test_mapped_features_outlive_their_files(root, log):
    speech = utterances(log)
    held = build_or_open(speech, key="k", root=root, **SETTINGS)
    for path in root.glob("features/*/frames.f32"):
        path.unlink()
    with pytest.warns(UserWarning, match="computed again"):
        build_or_open(speech, key="k", root=root, **SETTINGS)
    assert_holds(held, speech)


def test_store_is_synced_before_rename(root, log, monkeypatch):
    synced, fsync = [], os.fsync

    def note(descriptor):
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    build_or_open(utterances(log), key="k", root=root, **SETTINGS)
    (name,) = stores(root)
    assert sorted(synced[:-1]) == [f"{name}.partial", "frames.f32", "offsets.npy"]
    assert synced[-1] == "features"


def test_oldest_free_store_is_evicted(root, log):
    """A store in use never is."""
    speech = utterances(log)
    held = build_or_open(speech, key="held", root=root, **SETTINGS)
    (held_name,) = stores(root)
    names = {}
    for key in ("again", "old", "again"):
        time.sleep(0.01)
        before = stores(root)
        build_or_open(speech, key=key, root=root, **SETTINGS)  # closed at once
        names |= dict.fromkeys(stores(root) - before, key)
    again, old = names
    one = sum(path.stat().st_size for path in (root / "features" / old).iterdir())
    build_or_open(speech, key="newest", root=root, **LOG_MEL, max_bytes=3 * one)
    assert old not in stores(root)
    assert {held_name, again} < stores(root)

    build_or_open(speech, key="last", root=root, **LOG_MEL, max_bytes=one)
    assert held_name in stores(root) and len(stores(root)) == 2
    assert_holds(held, speech)


@dataclass(frozen=True)
class Witness:
    """Samples that note, whenever they are read, which stores there are and how many threads torch has."""

    root: Path
    seen: list

    def samples(self):
        self.seen.append((stores(self.root), torch.get_num_threads()))
        return np.linspace(-1, 1, 8000, dtype=np.float32), 8000


def test_eviction_precedes_writing(root, log):
    build_or_open(utterances(log), key="old", root=root, **SETTINGS)
    (old,) = stores(root)
    seen = []
    speech = [Utterance(id="u", text="a", seconds=1.0, audio=Witness(root, seen))]
    num_bytes = LiveFeatures(speech, **LOG_MEL).num_bytes
    build_or_open(speech, key="new", root=root, **LOG_MEL, max_bytes=num_bytes)
    assert [len(there) for there, _ in seen] == [1] and old not in seen[0][0]


@pytest.fixture
def small_disk(root, monkeypatch):
    """Lets the disk of the stores seem to have room for so many bytes in all."""

    def make(num_bytes):
        def usage(_folder):
            return SimpleNamespace(free=num_bytes - sum(f.stat().st_size for f in root.rglob("*") if f.is_file()))

        monkeypatch.setattr(shutil, "disk_usage", usage)

    return make


def test_full_disk_evicts_as_needed(root, log, small_disk):
    """No more stores than needed."""
    speech = utterances(log)
    build_or_open(speech, key="oldest", root=root, **SETTINGS)
    (oldest,) = stores(root)
    time.sleep(0.01)
    build_or_open(speech, key="older", root=root, **SETTINGS)
    small_disk(5 * LiveFeatures(speech, **LOG_MEL).num_bytes // 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        build_or_open(speech, key="new", root=root, **SETTINGS)
    assert oldest not in stores(root) and len(stores(root)) == 2


def test_hopeless_store_evicts_nothing(root, log, small_disk):
    """And is not begun."""
    speech = utterances(log)
    build_or_open(speech[:2], key="small", root=root, **SETTINGS)
    kept = stores(root)
    log.unlink()
    # Too small though all of it were free.
    small_disk(LiveFeatures(speech, **LOG_MEL).num_bytes - 1)
    with pytest.warns(UserWarning, match="keeps its own in memory: .*No space left on device"):
        store = build_or_open(speech, key="k", root=root, **SETTINGS)
    assert sorted(log.read_text().split()) == ["0", "1", "2", "3"] and stores(root) == kept
    assert_holds(store, speech)


def test_feature_threads_use_one_torch_thread(root):
    seen = []
    speech = [Utterance(id=f"u{i}", text="a", seconds=1.0, audio=Witness(root, seen)) for i in range(3)]
    (root / "features").mkdir(parents=True)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        list(LiveFeatures(speech, **LOG_MEL)._computed(num_threads=2))
        assert {threads for _, threads in seen} == {1} and torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_unreadable_recording_is_named(root, log):
    """And no store stays."""
    speech = [*utterances(log), Utterance(id="clips/9.wav", text="a", seconds=1.0, audio=Missing())]
    with pytest.raises(DataError, match=r"utterance clips/9\.wav: its recording holds no samples"):
        build_or_open(speech, key="k", root=root, **SETTINGS)
    assert stores(root) == set()
    assert_holds(build_or_open(speech[:-1], key="k", root=root, **SETTINGS), speech[:-1])


@pytest.mark.parametrize("seconds", [0.004, 0.5, 1.5])
@pytest.mark.parametrize("max_bytes", [0, 10**9])
def test_changed_recording_is_named(root, tmp_path, seconds, max_bytes):
    soundfile.write(tmp_path / "a.wav", np.linspace(-1, 1, round(seconds * 8000)), 8000)
    speech = [Utterance(id="a", text="a", seconds=1.0, audio=FileAudio(tmp_path / "a.wav"))]
    with pytest.raises(DataError, match=rf"utterance a: .* lasts {seconds} s, and lasted 1 s when .*\n    Restore"):
        build_or_open(speech, key="k", root=root, **LOG_MEL, max_bytes=max_bytes)[0]


def test_missing_folder_keeps_features_in_memory(tmp_path, log):
    """With a warning."""
    (tmp_path / "file").touch()
    speech = utterances(log)
    with pytest.warns(UserWarning, match="features cannot be shared, so each process keeps its own in memory"):
        store = build_or_open(speech, key="k", root=tmp_path / "file" / "root", **SETTINGS)
    assert_holds(store, speech)


def test_disk_full_midway_leaves_nothing(root, log):
    speech = utterances(log)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        with pytest.warns(UserWarning, match="File too large"):
            store = build_or_open(speech, key="k", root=root, **SETTINGS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert stores(root) == set()
    assert_holds(store, speech)


def test_the_folder_is_private(root, log):
    build_or_open(utterances(log), key="k", root=root, **SETTINGS)
    assert root.stat().st_mode & 0o777 == 0o700


def test_link_to_foreign_folder_is_refused(tmp_path, root, log):
    (tmp_path / "theirs").mkdir()
    root.symlink_to(tmp_path / "theirs")
    with pytest.raises(StorageError, match=r"is a link\n    Remove it, or set TMPDIR to a folder of your own"):
        build_or_open(utterances(log), key="k", root=root, **SETTINGS)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_foreign_folder_is_refused(root, log):
    root.mkdir()
    os.chown(root, 12345, 12345)
    with pytest.raises(StorageError, match=r"must be a folder of user 0, but it belongs to user 12345"):
        build_or_open(utterances(log), key="k", root=root, **SETTINGS)
