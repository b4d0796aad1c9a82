"""Checkpoints: those that `train` keeps, and those that resume."""

import errno
import fcntl
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tune_asr.errors import ConfigError, StorageError
from tune_asr.scoring.scores import Scores
from tune_asr.train.checkpoint_folder import CheckpointFolder
from tune_asr.training.data import load_data
from tune_asr.training.epochs import Epoch, EpochResult
from tune_asr.training.fit import fit
from tune_asr.training.prepare import build_module
from tune_asr.training.resuming import check_resumable

FEW = settings(max_examples=30, deadline=None)  # each writes and syncs files
RATES = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=12)


def result(rates):
    """Make the last epoch of a training with these error rates."""
    history = [Epoch(number, Scores(rate, 1 - rate, 1.0, rate)) for number, rate in enumerate(rates, start=1)]
    return EpochResult(
        epoch=len(rates),
        scores=history[-1].scores,
        train_loss=1.0,
        outcome=None,
        train_seconds=1.0,
        val_seconds=1.0,
        seconds=1.0,
        history=tuple(history),
    )


def train(folder, rates, *, after=0, what="", metric="val_wer", save_top_k=1, resumed_from=None):
    """Save the epochs after `after`; each file names its training and epoch."""
    checkpoints = CheckpointFolder(folder, metric=metric, save_top_k=save_top_k, resumed_from=resumed_from)
    for epoch in range(after + 1, len(rates) + 1):

        def save(path, epoch=epoch):
            assert path.suffix != ".ckpt"
            path.write_text(f"{what}{epoch}")

        checkpoints.save(result(rates[:epoch]), save)
    return checkpoints


def kept(folder):
    """Epochs (from 1) whose checkpoints are in the folder, and nothing else is."""
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("previous-"))
    epochs = [int(name.removeprefix("ctc-epoch=").removesuffix(".ckpt")) + 1 for name in names]
    assert names == [f"ctc-epoch={epoch - 1:02d}.ckpt" for epoch in epochs]
    return set(epochs)


def worth_keeping(rates, save_top_k):
    order = sorted(range(1, len(rates) + 1), key=lambda epoch: (rates[epoch - 1], -rates[epoch - 1], epoch))
    return {*order[:save_top_k], len(rates)}


@FEW
@given(RATES, st.integers(1, 3))
def test_newest_and_best_are_kept(rates, save_top_k):
    with tempfile.TemporaryDirectory() as root:
        train(Path(root), rates, save_top_k=save_top_k)
        assert kept(Path(root)) == worth_keeping(rates, save_top_k)


@FEW
@given(RATES, st.integers(1, 3), st.data())
def test_resume_keeps_the_same_checkpoints(rates, save_top_k, data):
    """A resumed training keeps those that an uninterrupted one keeps."""
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        reached = data.draw(st.integers(1, len(rates)))
        resumed_from = train(folder, rates[:reached], save_top_k=save_top_k).path(reached)
        train(folder, rates, after=reached, save_top_k=save_top_k, resumed_from=resumed_from)
        assert kept(folder) == worth_keeping(rates, save_top_k)
        assert not list(folder.glob("previous-*"))


def test_repeated_epochs_are_set_aside(tmp_path):
    """Epochs that a resume trains again are moved, not overwritten."""
    first = train(tmp_path, [0.1, 0.2, 0.3, 0.4], what="first ", save_top_k=3)
    train(tmp_path, [0.1, 0.5], after=1, what="again ", resumed_from=first.path(1))
    assert {path.name: path.read_text() for path in tmp_path.glob("*.ckpt")} == {
        "ctc-epoch=00.ckpt": "first 1",
        "ctc-epoch=01.ckpt": "again 2",
    }
    assert sorted(path.read_text() for path in tmp_path.glob("previous-*/*")) == ["first 2", "first 3", "first 4"]


def test_metric_decides_the_best(tmp_path):
    train(tmp_path, [1.0, 0.5, 0.0, 0.5], metric="val_cer")
    assert kept(tmp_path) == {1, 4}


def test_epochs_beyond_a_hundred(tmp_path):
    assert CheckpointFolder(tmp_path, metric="val_wer", save_top_k=1, resumed_from=None).path(101).name == (
        "ctc-epoch=100.ckpt"
    )


def test_earlier_training_is_set_aside(tmp_path):
    """Its checkpoints are moved when the first of the new training is saved."""
    train(tmp_path, [0.5, 1.0], what="earlier ")
    CheckpointFolder(tmp_path, metric="val_wer", save_top_k=1, resumed_from=None)
    assert kept(tmp_path) == {1, 2}, "a training that never comes to its first epoch moves nothing"
    train(tmp_path, [0.5], what="later ")
    assert kept(tmp_path) == {1}
    assert (tmp_path / "ctc-epoch=00.ckpt").read_text() == "later 1"
    aside = {path.name: path.read_text() for path in tmp_path.glob("previous-*/*")}
    assert aside == {"ctc-epoch=00.ckpt": "earlier 1", "ctc-epoch=01.ckpt": "earlier 2"}


def test_resume_from_elsewhere_sets_aside(tmp_path):
    """Checkpoints in the folder are then of another training."""
    elsewhere = train(tmp_path / "elsewhere", [0.5, 1.0]).path(2)
    train(tmp_path / "here", [0.1, 0.1, 0.1], what="other ")
    train(tmp_path / "here", [0.5, 1.0, 0.7], after=2, resumed_from=elsewhere)
    assert kept(tmp_path / "here") == {3}
    assert sorted(path.read_text() for path in tmp_path.glob("here/previous-*/*")) == ["other 1", "other 3"]


def test_full_disk_leaves_whole_checkpoints(tmp_path):
    def save(path):
        path.write_text("half of i")
        raise OSError(errno.ENOSPC, "No space left on device")

    checkpoints = train(tmp_path, [0.5])
    with pytest.raises(
        StorageError, match=r"ctc-epoch=01.ckpt: cannot be written: the disk is full\n.*checkpoint.dirpath"
    ):
        checkpoints.save(result([0.5, 0.4]), save)
    assert kept(tmp_path) == {1}


def test_checkpoint_is_on_disk_before_older_goes(tmp_path, monkeypatch):
    """A power cut must not lose both names.

    Without an fsync the rename may be lost, and `thin` has removed the old file.
    """
    checkpoints = train(tmp_path, [0.5])
    synced, fsync = [], os.fsync

    def note(descriptor):
        fsync(descriptor)
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        synced.append((path.name if path == tmp_path else "file", sorted(p.name for p in tmp_path.glob("*.ckpt"))))

    monkeypatch.setattr(os, "fsync", note)
    checkpoints.save(result([0.5, 0.4]), lambda path: path.write_text("2"))
    old, new = "ctc-epoch=00.ckpt", "ctc-epoch=01.ckpt"
    assert synced == [("file", [old]), (tmp_path.name, [old, new])]
    assert kept(tmp_path) == {2}


def test_interrupted_save_leaves_whole_checkpoints(tmp_path):
    def save(path):
        path.write_text("half of i")
        raise SystemExit(143)

    checkpoints = train(tmp_path, [0.5])
    with pytest.raises(SystemExit):
        checkpoints.save(result([0.5, 0.4]), save)
    assert kept(tmp_path) == {1}


def test_checkpoint_avoids_the_temporary_folder(quick, tmp_path, monkeypatch):
    """It is written in the folder where it is kept, and nowhere else."""
    config = quick(trainer__max_epochs=1)
    data = load_data(config)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    (folder / "ctc-epoch=07.123.tmp").write_bytes(b"left by a kill")
    keeper = CheckpointFolder(folder, metric="val_wer", save_top_k=1, resumed_from=None)
    fit(config, lambda result, _, save: keeper.save(result, save), data=data)
    assert kept(folder) == {1}


def test_unusable_folder_is_refused_early(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StorageError, match=r"cannot be written: .*\n.*with checkpoint.dirpath"):
            CheckpointFolder(path, metric="val_wer", save_top_k=1, resumed_from=None)


OWNER = Path(__file__).parents[1] / "programs" / "checkpoint_owner.py"


def test_folder_has_one_owner(tmp_path):
    """A second training is refused; a killed one does not hold the folder."""
    (tmp_path / "ctc-epoch=00.123.tmp").write_text("half of i")
    folder = train(tmp_path, [])
    with subprocess.Popen([sys.executable, OWNER, str(tmp_path)], stdout=subprocess.PIPE) as owner:
        assert owner.stdout
        owner.stdout.readline()
        with pytest.raises(StorageError, match=rf"process {owner.pid} on .*\n.*--set checkpoint.dirpath={tmp_path}-2$"):
            folder.lock()
        owner.kill()
        owner.wait()
    with folder.lock(), pytest.raises(StorageError, match=f"another training .* process {os.getpid()} on"):
        train(tmp_path, []).lock()
    with folder.lock():
        assert (tmp_path / "ctc-epoch=00.123.tmp").exists()


def test_file_system_without_locks(tmp_path, monkeypatch):
    """It stops no training."""

    def flock(file, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    with train(tmp_path, []).lock(), train(tmp_path, []).lock():
        pass


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, quick):
    path = tmp_path_factory.mktemp("trained") / "ctc.ckpt"
    fit(quick(trainer__max_epochs=1), lambda result, last, save: save(path))
    return path


@pytest.fixture
def check(quick):
    def check(path, max_epochs=4, **keys):
        config = quick(**keys)
        check_resumable(path, build_module(config, load_data(config)), max_epochs, config.checkpoint.weights)

    return check


def test_own_configuration_resumes(check, checkpoint):
    check(checkpoint)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"model__dim": 16},
            "another configuration: model.dim is 24 there and 16 here\n +Resume with the configuration",
        ),
        ({"optimizer__lr": 0.02}, "optimizer.lr is 0.03 there and 0.02 here"),
        (
            {"model__num_layers": 3, "features__num_mel_bins": 20, "optimizer__weight_decay": 0.5},
            "features.num_mel_bins is 40 there and 20 here, model.num_layers is 2 there and 3 here, "
            "optimizer.weight_decay is 0.01 there and 0.5 here\n",
        ),
        ({"data__alphabet": "abcdeg"}, r"the vocabulary of data and text differs \('f' only there and 'g' only here\)"),
        ({"text__unit": "bpe", "text__vocab_size": 40}, r"data and text differs \(32 word pieces only here\)"),
        ({"checkpoint__weights": "ema"}, "checkpoint.weights is 'raw' there and 'ema' here"),
        ({"max_epochs": 0}, "saved after epoch 1, but trainer.max_epochs is 0\n +Raise"),
    ],
)
def test_other_configuration_is_refused(check, checkpoint, keys, message):
    with pytest.raises(ConfigError, match=message):
        check(checkpoint, **keys)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda own: own["vocab"].reverse(), r"vocabulary of data and text differs \(in its order\)"),
        (lambda own: own.update(blank_id=1), "blank_id is 1 there and 0 here"),
    ],
)
def test_other_symbols_are_refused(check, checkpoint, tmp_path, change, message):
    """All shapes agree, but the symbols differ."""
    content = torch.load(checkpoint, weights_only=True)
    change(content["hyper_parameters"])
    torch.save(content, tmp_path / "other.ckpt")
    with pytest.raises(ConfigError, match=message):
        check(tmp_path / "other.ckpt")


def test_weights_differ_without_settings(checkpoint, tmp_path):
    """A module without saved settings is compared by its weights."""
    content = torch.load(checkpoint, weights_only=True)
    del content["hyper_parameters"]
    content["state_dict"] = {"layer": torch.zeros(2)}
    torch.save(content, tmp_path / "other.ckpt")
    module = pl.LightningModule()
    module.layer = torch.nn.Parameter(torch.zeros(3))
    with pytest.raises(ConfigError, match=r"layer is \(2,\) there and \(3,\) here"):
        check_resumable(tmp_path / "other.ckpt", module, 4)


@pytest.mark.parametrize("keys", [{"model__dropout": 0.3}, {"scheduler__name": "constant"}, {"augment": {"p": 0.2}}])
def test_free_keys_may_change(check, checkpoint, keys):
    """A checkpoint does not decide these keys."""
    check(checkpoint, **keys)


def test_unused_keys_may_change(check, checkpoint):
    check(checkpoint, optimizer__ema_decay=0.5, optimizer__lr_reference_batch=8)


def test_scaled_rate_is_named_so(check, checkpoint):
    """No file contains the rate: it follows lr_reference_batch."""
    with pytest.raises(ConfigError, match=r"optimizer.lr, scaled by optimizer.lr_reference_batch, is 0.03 there and"):
        check(checkpoint, optimizer__lr_reference_batch=2)


def test_other_optimiser_groups_are_refused(check, checkpoint, tmp_path):
    content = torch.load(checkpoint, weights_only=True)
    groups = content["optimizer_states"][0]["param_groups"]
    groups[:] = [{**groups[0], "params": [i for group in groups for i in group["params"]]}]
    torch.save(content, tmp_path / "old.ckpt")
    with pytest.raises(
        ConfigError, match=r"old.ckpt: its optimiser has its weights in 1 groups, and this version .* 4"
    ):
        check(tmp_path / "old.ckpt")


def test_checkpoint_without_settings_is_refused(check, checkpoint, tmp_path):
    """It is compared by its weights."""
    content = torch.load(checkpoint, weights_only=True) | {"hyper_parameters": None}
    torch.save(content, tmp_path / "bare.ckpt")
    with pytest.raises(ConfigError, match="another configuration"):
        check(tmp_path / "bare.ckpt")


def test_missing_checkpoint_is_refused(check, tmp_path):
    with pytest.raises(ConfigError, match=r"nothing.ckpt: no such checkpoint"):
        check(tmp_path / "nothing.ckpt")


def damage(path, how):
    content = path.read_bytes()
    if how == "truncated":
        content = content[:-100]
    elif how == "cut in half":
        content = content[: len(content) // 2]
    elif how == "emptied":
        content = b""
    elif how == "zeroed":
        content = bytes(len(content))
    elif how == "text":
        content = b"not a checkpoint at all\n"
    elif how == "a bit":
        with zipfile.ZipFile(path) as archive:
            largest = max(archive.infolist(), key=lambda member: member.file_size)
        flipped = bytearray(content)
        flipped[largest.header_offset + largest.file_size // 2 + 100] ^= 1
        content = bytes(flipped)
    path.write_bytes(content)


@pytest.mark.parametrize("how", ["truncated", "cut in half", "emptied", "zeroed", "text", "a bit"])
def test_damaged_checkpoint_is_refused(check, checkpoint, tmp_path, how):
    copy = tmp_path / "damaged.ckpt"
    copy.write_bytes(checkpoint.read_bytes())
    damage(copy, how)
    reason = r" \(.*\)" if how == "a bit" else ""
    refused = rf"damaged.ckpt: not a checkpoint, or damaged{reason}\n +Use an earlier checkpoint\."
    with pytest.raises(StorageError, match=refused):
        check(copy)


@pytest.mark.parametrize("content", [[1], {"state_dict": {}}, {"weights": torch.zeros(2)}])
def test_foreign_file_is_refused(check, tmp_path, content):
    """It is readable, but no Lightning checkpoint."""
    torch.save(content, tmp_path / "other.ckpt")
    with pytest.raises(StorageError, match=r"other.ckpt: not a Lightning checkpoint that can be resumed"):
        check(tmp_path / "other.ckpt")


class Malicious:
    def __reduce__(self):
        return print, ("it ran",)


def test_checkpoint_runs_no_code(check, tmp_path, capsys):
    torch.save({"state_dict": Malicious()}, tmp_path / "evil.ckpt")
    with pytest.raises(StorageError, match="holds more than tensors and plain values, and nothing else is ever"):
        check(tmp_path / "evil.ckpt")
    assert capsys.readouterr().out == ""
