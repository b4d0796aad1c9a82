"""Average of the best checkpoints at the end of `train`."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tune_asr.train.checkpoint_average import mean_weights

CHECKPOINTS = "artifacts/checkpoints"
AVERAGE = f"{CHECKPOINTS}/ctc-average.ckpt"
# Two utterances a batch and a rate that never falls: the weights jump about, and their mean is better than each.
JUMPS = (
    *("data.batch_size=2", "data.noise=0.5", "optimizer.lr=0.01", "scheduler.name=constant"),
    *("trainer.max_epochs=8", "checkpoint.average_top_k=4"),
)
FLOATS = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=5)


@given(FLOATS, st.integers(1, 9))
def test_mean_of_equal_weights(values, number):
    state = {"weight": torch.tensor(values), "count": torch.tensor(7)}
    mean = mean_weights([state] * number)
    assert mean.keys() == state.keys()
    assert all(torch.equal(mean[name], value) and mean[name].dtype == value.dtype for name, value in state.items())


def test_mean_weights_by_name():
    states = [
        {"a": torch.tensor([0.0, 1.0]), "n": torch.tensor(3)},
        {"a": torch.tensor([1.0, 4.0]), "n": torch.tensor(5)},
    ]
    mean = mean_weights(states)
    assert mean["a"].tolist() == [0.5, 2.5]
    assert mean["n"] == 3


@pytest.fixture
def averaged(train):
    """Train with all checkpoints kept, and the average too."""
    ended = train.prepare(*JUMPS, "checkpoint.save_top_k=99")
    assert "averaged_epochs" in ended.best, ended.err
    return ended


def test_average_is_mean_of_checkpoints(train, averaged):
    from tune_asr.training.module import SimpleCTCModule

    best, content = averaged.best, train.checkpoint(AVERAGE)
    assert best["checkpoint"] == AVERAGE
    assert content["averaged"]["epochs"] == best["averaged_epochs"]
    assert best["epoch"] == max(best["averaged_epochs"])
    states = [
        train.checkpoint(f"{CHECKPOINTS}/ctc-epoch={epoch - 1:02d}.ckpt")["state_dict"]
        for epoch in best["averaged_epochs"]
    ]
    for name, value in content["state_dict"].items():
        assert torch.allclose(value, sum(state[name] for state in states) / len(states), atol=1e-6)
    SimpleCTCModule.load_from_checkpoint(train.root / AVERAGE)
    (entry,) = content["callbacks"]["tune_asr.epochs"]["history"]
    assert {name: best[name] for name in ("epoch", "val_wer", "val_cer", "val_loss")}.items() <= entry.items()
    against = content["averaged"]["best"]
    ours, theirs = ([epoch[name] for name in ("val_wer", "val_cer", "val_loss")] for epoch in (best, against))
    assert ours < theirs
    assert f"while epoch {against['epoch']} has {against['val_wer']:.2%}: kept" in averaged.err
    # It is a model like any other, but no training can go on from it.
    assert train(f"model.init_from={AVERAGE}", "trainer.max_epochs=1", "checkpoint.dirpath=on").best["epoch"] == 1
    assert "can be resumed" in train("--resume-from-checkpoint", AVERAGE, *JUMPS, expect=5).refusal


def test_average_leaves_requested_checkpoints(train):
    ended = train(*JUMPS)
    names = {path.name for path in (train.root / CHECKPOINTS).glob("*.ckpt")}
    best_epoch = train.checkpoint(AVERAGE)["averaged"]["best"]["epoch"]
    assert names == {"ctc-average.ckpt", "ctc-epoch=07.ckpt", f"ctc-epoch={best_epoch - 1:02d}.ckpt"}
    assert (train.root / CHECKPOINTS / "ctc-average.alignments.txt").exists()
    again = train(*JUMPS, "--resume-from-checkpoint", f"{CHECKPOINTS}/ctc-epoch=07.ckpt")
    assert again.out == ended.out
    # The next training moves it aside with the rest.
    assert "averaged_epochs" not in train("trainer.max_epochs=1").best
    assert {path.name for path in (train.root / CHECKPOINTS).glob("*.ckpt")} == {"ctc-epoch=00.ckpt"}


def test_worse_average_is_not_kept(train):
    ended = train("checkpoint.average_top_k=3", "optimizer.lr=0.04")  # it learns, so that the last is far the best
    assert list(ended.best) == ["epoch", "val_wer", "val_cer", "val_loss", "checkpoint"]
    assert "not kept, since it is not better" in ended.err
    assert not (train.root / AVERAGE).exists()
    assert train("checkpoint.average_top_k=0", "optimizer.lr=0.04").out == ended.out


def test_resume_makes_missing_average(train, averaged):
    (train.root / AVERAGE).unlink()
    again = train(*JUMPS, "--resume-from-checkpoint", f"{CHECKPOINTS}/ctc-epoch=07.ckpt")
    assert again.out == averaged.out


@pytest.mark.parametrize("damaged", ["another", "the best"])
def test_damaged_checkpoint_costs_average_only(train, averaged, damaged):
    best = train.checkpoint(AVERAGE)["averaged"]["best"]
    (train.root / AVERAGE).unlink()
    others = set(averaged.best["averaged_epochs"]) - {best["epoch"], 8}
    epoch = best["epoch"] if damaged == "the best" else min(others)
    path = f"{CHECKPOINTS}/ctc-epoch={epoch - 1:02d}.ckpt"
    (train.root / path).write_bytes(b"")
    ended = train(*JUMPS, "checkpoint.save_top_k=99", "--resume-from-checkpoint", f"{CHECKPOINTS}/ctc-epoch=07.ckpt")
    assert {name: ended.best[name] for name in ("epoch", "val_wer", "val_loss")}.items() <= best.items()
    assert "averaged_epochs" not in ended.best
    assert f"average     not made: {path}: not a checkpoint, or damaged" in ended.err
    assert (f"warning     {path}: not a checkpoint, or damaged" in ended.err) == (damaged == "the best")


def test_foreign_checkpoints_remain(train):
    train(*JUMPS, "checkpoint.dirpath=elsewhere")
    train.prepare("checkpoint.save_top_k=9")
    before = {path.name for path in (train.root / CHECKPOINTS).iterdir()}
    train(*JUMPS, "--resume-from-checkpoint", "elsewhere/ctc-epoch=07.ckpt")
    assert {path.name for path in (train.root / CHECKPOINTS).iterdir()} == before
