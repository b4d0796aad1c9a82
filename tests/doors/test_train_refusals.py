"""Refusals of `train`: message, exit code, nothing left behind."""

import os
import re
from pathlib import Path

import pytest
import torch

from tune_asr.train.checkpoint_folder import CheckpointFolder

CHECKPOINT = "artifacts/checkpoints/ctc-epoch=00.ckpt"


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("trainer.accelerator=nonsense", "is 'nonsense', but must be 'auto', 'cpu', 'cuda'"),
        ("trainer.accelerator=5", "--set trainer.accelerator=5: is 5, but must be 'auto', 'cpu'"),
        ("trainer.gradient_clip_algorithm=x", "is 'x', but must be 'norm' or 'value'"),
        ("trainer.log_every_n_steps=often", "is 'often', but must be a whole number"),
        ("trainer.inference_mode=5", "is 5, but must be true or false"),
        ("trainer.deterministic=maybe", "is 'maybe', but must be true or false or 'warn'"),
        ("trainer.limit_train_batches=1.5", "is 1.5, but must be a whole number of batches, or a share of them"),
        ("trainer.limit_train_batches=0", "is 0, but must be a whole number of batches, or a share of them"),
        ("trainer.profiler=none", "is 'none', but must be 'simple', 'advanced', 'pytorch' or 'xla'"),
        ("precision.precision=16-mixed", "a CPU cannot train in float16"),
        ("optimizer.learning_rate=1", "unknown key"),
    ],
)
def test_invalid_values_are_refused(train, assignment, message):
    ended = train(assignment, "trainer.accelerator=cpu" if "precision" in assignment else "seed=17", expect=2)
    assert message in ended.refusal
    assert ended.refusal.count("\n") <= 2
    assert train.files == set()


def test_wrong_types_are_collected(train):
    ended = train("trainer.accelerator=5", "trainer.benchmark=sometimes", expect=2)
    assert "trainer.accelerator=5: is 5" in ended.err
    assert "trainer.benchmark=sometimes: is 'sometimes'" in ended.err


@pytest.mark.parametrize("assignment", ["trainer.enable_model_summary=false", "trainer.benchmark=false"])
def test_trainer_arguments_are_passed_on(train, assignment):
    assert train(assignment, "trainer.max_epochs=1").best["epoch"] == 1


def test_missing_checkpoint(train):
    ended = train("--resume-from-checkpoint", "nothing.ckpt", expect=2)
    assert ended.err == "error: nothing.ckpt: no such checkpoint\n    Name a file that a training has saved.\n"
    assert ended.out == ""


def test_folder_is_no_checkpoint(train):
    ended = train("--resume-from-checkpoint", ".", expect=2)
    assert ended.err == "error: .: this is a folder\n    Name a checkpoint in it.\n"


def test_weights_alone_cannot_resume(train):
    torch.save({"state_dict": {}}, train.root / "weights.ckpt")
    ended = train("--resume-from-checkpoint", "weights.ckpt", expect=5)
    assert ended.err.startswith("error: weights.ckpt: not a Lightning checkpoint that can be resumed")
    assert "model.init_from" in ended.err
    assert not (train.root / "artifacts").exists()


def test_locked_folder_is_refused(train):
    train.prepare("trainer.max_epochs=1")
    saved = (train.root / CHECKPOINT).read_bytes()
    folder = Path("artifacts/checkpoints")
    with CheckpointFolder(folder, metric="val_wer", save_top_k=1, resumed_from=None).lock():
        refusal = train("trainer.max_epochs=1", expect=5).refusal
        assert f"{folder}: another training keeps its checkpoints here: process {os.getpid()} on " in refusal
        assert "--set checkpoint.dirpath=artifacts/checkpoints-2" in refusal
        train("trainer.max_epochs=1", "checkpoint.dirpath=artifacts/checkpoints-2")
        train("--fast-dev-run")
    assert (train.root / CHECKPOINT).read_bytes() == saved
    train("trainer.max_epochs=1")


def test_fast_dev_run_resumes_nothing(train):
    assert "not allowed with argument" in train("--fast-dev-run", "--resume-from-checkpoint", "x", expect=2).err


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda content: content[:-200], 5),
        (lambda content: b"", 5),
        (lambda content: b"\x80\x02garbage" * 50, 5),
    ],
)
def test_damaged_checkpoint_is_left_alone(train, damage, code):
    train.prepare("trainer.max_epochs=1")
    path = train.root / CHECKPOINT
    path.write_bytes(damage(path.read_bytes()))
    content = path.read_bytes()
    ended = train("--resume-from-checkpoint", CHECKPOINT, expect=code)
    assert f"error: {CHECKPOINT}: not a checkpoint, or damaged" in ended.err
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("model.dim=32", "Resume with the configuration of the checkpoint"),
        ("data.alphabet=abcdefg", "Resume with the configuration"),
        ("optimizer.lr=0.01", "optimizer.lr is 0.03 there and 0.01 here"),
    ],
)
def test_checkpoint_of_other_configuration(train, assignment, message):
    train.prepare("trainer.max_epochs=1")
    assert message in train("--resume-from-checkpoint", CHECKPOINT, assignment, expect=2).err


def test_checkpoint_beyond_horizon(train):
    train.prepare("trainer.max_epochs=2")
    path = "artifacts/checkpoints/ctc-epoch=01.ckpt"
    ended = train("--resume-from-checkpoint", path, "trainer.max_epochs=1", expect=2)
    assert "saved after epoch 2, but trainer.max_epochs is 1" in ended.err


@pytest.mark.parametrize(
    ("assignment", "hint"),
    [("checkpoint.dirpath=file/below", "checkpoint.dirpath"), ("logging.save_dir=file", "logging.save_dir")],
)
def test_unwritable_folder_precedes_training(train, assignment, hint):
    (train.root / "file").write_text("")
    ended = train(assignment, "logging.tensorboard=true", expect=5)
    assert re.search(rf"Not a directory\n    .*another (with )?{hint}\.", ended.err)
    assert "epoch   1/3" not in ended.err
