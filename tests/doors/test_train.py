"""Door `train`: its files, its output, and resumes."""

import os
import re
import signal
from pathlib import Path

import pytest
import torch

CHECKPOINTS = "artifacts/checkpoints"


def names(train):
    return sorted(path.name for path in (train.root / CHECKPOINTS).glob("*.ckpt"))


def same_weights(a, b):
    return a["state_dict"].keys() == b["state_dict"].keys() and all(
        torch.equal(value, b["state_dict"][name]) for name, value in a["state_dict"].items()
    )


def test_last_line_describes_best_epoch(train):
    ended = train.prepare("checkpoint.save_top_k=9")
    assert list(ended.best) == ["epoch", "val_wer", "val_cer", "val_loss", "checkpoint"]
    assert names(train) == ["ctc-epoch=00.ckpt", "ctc-epoch=01.ckpt", "ctc-epoch=02.ckpt"]
    assert ended.best["checkpoint"] == f"{CHECKPOINTS}/ctc-epoch={ended.best['epoch'] - 1:02d}.ckpt"
    callbacks = train.checkpoint(f"{CHECKPOINTS}/ctc-epoch=02.ckpt")["callbacks"]
    history = callbacks["tune_asr.epochs"]["history"]
    best = min(history, key=lambda epoch: (epoch["val_wer"], epoch["val_cer"], epoch["val_loss"], epoch["epoch"]))
    assert ended.best == {
        **{name: best[name] for name in ("epoch", "val_wer", "val_cer", "val_loss")},
        "checkpoint": ended.best["checkpoint"],
    }


def test_best_checkpoint_reproduces_wer(train):
    from tune_asr.config.load import load_config
    from tune_asr.training.data import load_data
    from tune_asr.training.module import SimpleCTCModule

    best = train.prepare("checkpoint.save_top_k=9").best
    module = SimpleCTCModule.load_from_checkpoint(best["checkpoint"]).eval()
    with torch.no_grad():
        for i, batch in enumerate(load_data(load_config(train.root / "config.yaml")).module.val_dataloader()):
            module.validation_step(batch, i)
    assert (module.counts().wer, module.counts().cer) == (best["val_wer"], best["val_cer"])


def test_tensorboard_has_every_epoch(train):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    best = train("logging.tensorboard=true").best
    accumulator = EventAccumulator(str(train.root / "artifacts/logs/tensorboard/version_0"))
    accumulator.Reload()
    values = [event.value for event in accumulator.Scalars("val_wer")]
    assert len(values) == 3
    assert min(values) == pytest.approx(best["val_wer"])
    shares = {"val_blank_share", "val_empty_share"}
    assert {"val_cer", "val_loss", "train_loss", "lr-AdamW/weights", *shares} <= set(accumulator.Tags()["scalars"])


def test_fast_dev_run_writes_nothing(train):
    ended = train("--fast-dev-run", "logging.tensorboard=true")
    assert list(ended.best) == ["epoch", "val_wer", "val_cer", "val_loss", "checkpoint"]
    assert (ended.best["epoch"], ended.best["checkpoint"]) == (1, None)
    assert [path.name for path in train.root.iterdir()] == ["config.yaml"]


def test_missing_noise_folder_is_refused(train):
    ended = train("augment.noise_dir=absent", "augment.noise_p=0.5", "--dry-run", expect=3)
    assert f"augment.noise_dir: {train.root}/absent is not a folder" in ended.err


def test_unused_noise_folder_may_be_missing(train):
    assert train("augment.noise_dir=absent", "augment.noise_p=0", "trainer.max_epochs=1").best["epoch"] == 1


def test_missing_initial_weights_are_refused(train):
    ended = train("model.init_from=absent.ckpt", "--dry-run", expect=2)
    assert f"model.init_from: {train.root}/absent.ckpt: no such file\n    Give a checkpoint" in ended.err


def test_too_long_name_is_no_file(train):
    name = "n" * 300
    assert f"{name}: no such file" in train(f"model.init_from={name}", "--dry-run", expect=2).err
    ended = train(f"augment.noise_dir={name}", "augment.noise_p=0.5", "--dry-run", expect=3)
    assert f"{name} is not a folder" in ended.err


@pytest.mark.parametrize("cut", ["--fast-dev-run", "trainer.limit_train_batches=1"])
def test_short_epoch_has_no_speed(train, cut):
    assert "speed " not in train("trainer.max_epochs=1", cut).err


def test_resume_ignores_initial_weights(train):
    train("trainer.max_epochs=1", "checkpoint.dirpath=donor")
    donor = train.root / "donor" / "ctc-epoch=00.ckpt"
    start = ("model.init_from=donor/ctc-epoch=00.ckpt", "trainer.max_epochs=2")
    train(*start, "early_stopping.stop_epoch=1")
    donor.unlink()
    assert train(*start, "--resume-from-checkpoint", "artifacts/checkpoints/ctc-epoch=00.ckpt").best["epoch"] in (1, 2)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("text.ckpt", "not a checkpoint, or a damaged one"),
        ("folder", "not a bundle: it has no model.safetensors and no config.json"),
        ("alone.safetensors", "not a bundle: it has no config.json"),
    ],
)
def test_invalid_initial_weights_precede_survey(train, name, wrong):
    (train.root / "folder").mkdir()
    for file in ("text.ckpt", "alone.safetensors"):
        (train.root / file).write_text("no checkpoint")
    ended = train(f"model.init_from={name}", expect=2)
    assert ended.err.startswith(
        f"error: model.init_from: {train.root}/{name}: {wrong}\n    Give a checkpoint of train or"
    )


def test_dry_run_reads_initial_weights(train):
    train.prepare("trainer.max_epochs=1")
    content = (train.root / "artifacts/checkpoints/ctc-epoch=00.ckpt").read_bytes()
    (train.root / "other.ckpt").write_bytes(content.replace(b"torch", b"tor+h"))
    ended = train("model.init_from=other.ckpt", "--dry-run", expect=2)
    assert f"error: model.init_from: {train.root}/other.ckpt: not a checkpoint, or damaged" in ended.err


def test_dry_run_shows_base_files(train):
    (train.root / "low.yaml").write_text((train.root / "config.yaml").read_text())
    (train.root / "config.yaml").write_text("base: low.yaml\ndata: {num_train: 8, num_val: 4}")
    out = train("--dry-run").out.splitlines()
    assert out[0] == "configuration: config.yaml -> low.yaml"
    assert out[2].split() == ["utterances", "8", "4"]


def test_dry_run_prints_data_report(train):
    ended = train("--dry-run")
    assert re.search(r"^utterances +56 +12$", ended.out, re.MULTILINE)
    assert "epoch" not in ended.out
    assert [path.name for path in train.root.iterdir()] == ["config.yaml"]


def test_resume_equals_uninterrupted_training(train):
    whole = train.prepare("checkpoint.save_top_k=9")
    expected = train.checkpoint(f"{CHECKPOINTS}/ctc-epoch=02.ckpt")
    resumed = train("--resume-from-checkpoint", f"{CHECKPOINTS}/ctc-epoch=00.ckpt", "checkpoint.save_top_k=9")
    assert resumed.out.splitlines()[-1] == whole.out.splitlines()[-1]
    assert "epoch   1/3" not in resumed.err
    assert same_weights(train.checkpoint(f"{CHECKPOINTS}/ctc-epoch=02.ckpt"), expected)


def test_resume_after_end_changes_nothing(train):
    whole = train.prepare("checkpoint.save_top_k=9")
    before = {path: (train.root / path).read_bytes() for path in train.files}
    flags = ("--resume-from-checkpoint", f"{CHECKPOINTS}/ctc-epoch=02.ckpt", "checkpoint.save_top_k=9")
    assert train(*flags).best == whole.best
    assert {path: (train.root / path).read_bytes() for path in train.files} == before


def test_foreign_checkpoint_is_not_named(train):
    train("checkpoint.dirpath=one")
    train("checkpoint.dirpath=other", "seed=5")
    ended = train("--resume-from-checkpoint", "one/ctc-epoch=02.ckpt", "checkpoint.dirpath=other")
    assert ended.best["checkpoint"] is None


def test_earlier_checkpoints_are_set_aside(train):
    train.prepare("trainer.max_epochs=2")
    earlier = train.checkpoint(f"{CHECKPOINTS}/ctc-epoch=01.ckpt")
    train("trainer.max_epochs=1", "seed=3")
    assert names(train) == ["ctc-epoch=00.ckpt"]
    (aside,) = train.root.glob(f"{CHECKPOINTS}/previous-*/ctc-epoch=01.ckpt")
    assert same_weights(torch.load(aside, weights_only=True), earlier)


def test_refused_training_sets_nothing_aside(train):
    train.prepare("trainer.max_epochs=1")
    train("trainer.max_epochs=1", "trainer.gradient_clip_algorithm=x", expect=2)
    assert names(train) == ["ctc-epoch=00.ckpt"]


def test_folders_of_configuration(train):
    best = train("checkpoint.dirpath=kept", "logging.save_dir=curves", "logging.tensorboard=true").best
    assert best["checkpoint"].startswith("kept/ctc-epoch=")
    assert (train.root / "curves/tensorboard/version_0").is_dir()
    assert not (train.root / "artifacts").exists()


def test_folders_below_home(train, monkeypatch):
    monkeypatch.setenv("HOME", str(train.root / "home"))
    best = train("checkpoint.dirpath=~/kept", "logging.save_dir=~/curves", "logging.tensorboard=true").best
    assert best["checkpoint"].startswith(str(train.root / "home/kept"))
    assert (train.root / "home/curves/tensorboard/version_0").is_dir()
    assert not list(train.root.glob("~*"))


def test_precisions_of_cpu(train):
    losses = [train(f"precision.precision={name}").best["val_loss"] for name in ("32-true", "bf16-mixed")]
    assert losses[0] != losses[1] == pytest.approx(losses[0], rel=0.5)


def test_diverged_first_epoch_is_exit_4(train):
    ended = train("optimizer.lr=1e6", "trainer.gradient_clip_val=null", expect=4)
    assert "the training diverged: the training loss is" in ended.err
    assert "\n    Lower optimizer.lr, or warm up longer.\n" in ended.err
    assert train.files == set()


def test_wandb_leaves_last_line(train, monkeypatch):
    import wandb

    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "false")
    try:
        ended = train("logging.use_wandb=true", "trainer.max_epochs=1", "logging.project=p", "logging.run_name=r")
        assert ended.best["epoch"] == 1
        assert wandb.run is None
    finally:
        wandb.teardown()
    assert list(train.root.glob("artifacts/logs/wandb/offline-run-*/*.wandb"))


def test_wandb_without_login_is_refused(train, monkeypatch):
    import wandb

    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(train.root))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(train.root))
    with Path(os.devnull).open() as empty:
        monkeypatch.setattr("sys.stdin", empty)
        try:
            ended = train("logging.use_wandb=true", expect=2)
        finally:
            wandb.teardown()
    assert "logging.use_wandb: W&B cannot be started" in ended.err
    assert "WANDB_MODE=offline" in ended.err


def test_nohup_keeps_ignoring_sighup(train):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    train("trainer.max_epochs=1")
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_killed_training_resumes_exactly(workspace, train):
    """Kill a process at a random moment; resume in this one."""
    horizon = "trainer.max_epochs=200"
    process = workspace.popen("train", "--config", "config.yaml", "--set", horizon)
    workspace.wait_for(process, lambda: names(train))
    err = workspace.kill(process, signal.SIGTERM)[1]
    assert process.returncode == 143
    assert "Traceback" not in err
    assert {path.name for path in (train.root / CHECKPOINTS).iterdir()} == {".lock", *names(train)}
    for name in names(train):
        assert name == f"ctc-epoch={train.checkpoint(f'{CHECKPOINTS}/{name}')['epoch']:02d}.ckpt"
    newest, last = names(train)[-1], train.checkpoint(f"{CHECKPOINTS}/{names(train)[-1]}")["epoch"] + 3
    stop = f"early_stopping.stop_epoch={last}"
    resumed = train("--resume-from-checkpoint", f"{CHECKPOINTS}/{newest}", horizon, stop)
    weights = train.checkpoint(f"{CHECKPOINTS}/ctc-epoch={last - 1:02d}.ckpt")
    assert train(horizon, stop).out.splitlines()[-1] == resumed.out.splitlines()[-1]
    assert same_weights(train.checkpoint(f"{CHECKPOINTS}/ctc-epoch={last - 1:02d}.ckpt"), weights)
