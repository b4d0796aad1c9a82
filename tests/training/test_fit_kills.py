"""Trainings killed in a step, in a write, and before a report.

Resumed, they equal the uninterrupted training.
"""

import itertools
import json
import os
import signal

import lightning.pytorch as pl
import pytest
import torch
from torch.utils.data import DataLoader

from tune_asr.record.checkpoints import CHECKPOINT, epoch_folder, newest_intact, write_checkpoint
from tune_asr.training.batching import collate
from tune_asr.training.checkpoints import RAW_WEIGHTS
from tune_asr.training.data import load_data, training_data
from tune_asr.training.fit import fit

EPOCHS = 4
# In this order, so that each resume is followed by the next kill.
KILLS = [("step", 2), ("write", 2), ("report", 3)]
PARTS = ("state_dict", "optimizer_states", "lr_schedulers", "callbacks", "epoch", "global_step")
SCHEDULES = ("constant", "cosine", "plateau", "one_cycle", "noam", "tri_stage")
AUGMENTATIONS = {
    "plain": {"n_freq_masks": 0, "n_time_masks": 0},
    "augmented": {"n_freq_masks": 1, "n_time_masks": 1, "speed": 0.1, "gain_db": 3.0, "noise_p": 0.5},
}
ALL = list(itertools.product(SCHEDULES, AUGMENTATIONS, ("raw", "ema"), (0, 2)))
# Each value of the others, and the three schedules that keep most; the rest is for `pytest -m slow`.
QUICK = [("cosine", "plain", "raw", 0), ("plateau", "augmented", "ema", 2), ("tri_stage", "augmented", "raw", 2)]


class Loaders(pl.LightningDataModule):
    """Batches in the order of the manifest, loaded by so many processes."""

    def __init__(self, config, num_workers):
        super().__init__()
        data = load_data(config).module
        self.vocab, self.num_workers = data.vocab, num_workers
        self.train, self.val = data.train_dataloader().dataset, data.val_dataloader().dataset

    def train_dataloader(self):
        # By a fork, as in a process that no forkserver has started.
        how = "fork" if self.num_workers else None
        return DataLoader(
            self.train, batch_size=8, num_workers=self.num_workers, multiprocessing_context=how, collate_fn=collate
        )

    def val_dataloader(self):
        return DataLoader(self.val, batch_size=8, collate_fn=collate)


class DiesInStep(pl.Callback):
    def __init__(self, epoch):
        self.epoch = epoch

    def on_before_optimizer_step(self, trainer, pl_module, optimizer):
        if (trainer.current_epoch + 1, trainer.global_step % 7) == (self.epoch, 3):
            os.kill(os.getpid(), signal.SIGKILL)


def train(config, num_workers, root, kill):
    """Resume like a trial, from the newest reported checkpoint.

    It runs in a process of its own.
    """
    moment, when = kill
    reports = root / "reports.jsonl"
    reported = len(reports.read_text().splitlines()) if reports.exists() else 0
    _, folder, _ = newest_intact(root, reported)

    def sink(result, _last, save):
        def write(path):
            save(path)
            if kill == ("write", result.epoch):
                os.truncate(path, path.stat().st_size // 2)
                os.kill(os.getpid(), signal.SIGKILL)

        write_checkpoint(epoch_folder(root, result.epoch), {CHECKPOINT: write})
        if kill == ("report", result.epoch):
            os.kill(os.getpid(), signal.SIGKILL)
        with reports.open("a") as file:
            print(
                json.dumps([result.history[-1].entry, result.train_loss, result.lr, result.outcome.blank_share]),
                file=file,
            )

    fit(
        config,
        sink,
        data=training_data(Loaders(config, num_workers)),
        resume_from=folder / CHECKPOINT if folder else None,
        callbacks=[DiesInStep(when)] if moment == "step" else [],
    )


@pytest.fixture
def run(in_processes):
    """Runs `train` in a process; returns its exit code."""
    return lambda *arguments: in_processes(train, arguments)[0]


@pytest.fixture
def config(quick):
    def make(schedule, augmentation, weights):
        return quick(
            scheduler={"name": schedule, "patience": 0},
            augment=AUGMENTATIONS[augmentation],
            checkpoint={"weights": weights},
            optimizer={"lr": 0.03, "ema_decay": 0.9},
            trainer={"max_epochs": EPOCHS},
            early_stopping={"enabled": False},
            model={"dim": 24, "num_layers": 2, "kernel_size": 5, "dropout": 0.2},
        )

    return make


def last(root):
    return torch.load(epoch_folder(root, EPOCHS) / CHECKPOINT, weights_only=True)


@pytest.mark.parametrize(
    ("schedule", "augmentation", "weights", "num_workers"),
    [*QUICK, *(pytest.param(*case, marks=pytest.mark.slow) for case in ALL if case not in QUICK)],
)
def test_kills_change_no_bit(tmp_path, config, run, same, schedule, augmentation, weights, num_workers):
    """A killed and resumed training equals the uninterrupted one."""
    settings = config(schedule, augmentation, weights)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for root in (whole, killed):
        root.mkdir()
    assert run(settings, num_workers, whole, ("", 0)) == 0
    for kill in KILLS:
        assert run(settings, num_workers, killed, kill) == -signal.SIGKILL
    assert run(settings, num_workers, killed, ("", 0)) == 0
    assert (killed / "reports.jsonl").read_text() == (whole / "reports.jsonl").read_text()
    ours, theirs = last(killed), last(whole)
    assert ours.keys() == theirs.keys()
    for part in (*PARTS, *(ours.keys() & {RAW_WEIGHTS, "averaging_state"})):
        assert same(ours[part], theirs[part]), part


def test_lost_optimiser_changes_weights(tmp_path, config, run, same):
    """Negative control: the comparison above depends on the restored state."""
    settings = config("cosine", "plain", "raw")
    assert run(settings, 0, tmp_path, ("report", 3)) == -signal.SIGKILL
    whole, epoch = tmp_path / "whole", epoch_folder(tmp_path, 2)
    whole.mkdir()
    assert run(settings, 0, whole, ("", 0)) == 0
    content = torch.load(epoch / CHECKPOINT, weights_only=True)
    for state in content["optimizer_states"][0]["state"].values():
        state["exp_avg"].zero_()
    write_checkpoint(epoch, {CHECKPOINT: lambda path: torch.save(content, path)})
    assert run(settings, 0, tmp_path, ("", 0)) == 0
    assert not same(last(tmp_path)["state_dict"], last(whole)["state_dict"])
