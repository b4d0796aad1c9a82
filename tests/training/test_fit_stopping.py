"""Early ends of a training, and the results of its epochs."""

import pytest

from tune_asr.training.data import SpeechDataModule, training_data
from tune_asr.training.epochs import Diverged
from tune_asr.training.fit import fit
from tune_asr.training.shared_speech import load_speech

STILL = 1e-12  # a learning rate at which nothing moves: no epoch but the first improves


def results(config, **arguments):
    seen = []
    fit(config, lambda result, last, _: seen.append((result, last)), **arguments)
    return seen


def epochs(config, **arguments):
    """Train; return the epochs and which were reported as last."""
    return [(result.epoch, last) for result, last in results(config, **arguments)]


@pytest.mark.parametrize(
    ("stopping", "horizon", "last"),
    [
        ({"patience": 2}, 6, 3),
        ({"patience": 3}, 6, 4),
        ({"patience": 9}, 3, 3),
        ({"patience": 1, "enabled": False}, 3, 3),
        ({"patience": 9, "stop_epoch": 2}, 6, 2),
        ({"enabled": False, "stop_epoch": 2}, 6, 2),
    ],
)
def test_patience_ends_a_training(quick, stopping, horizon, last):
    config = quick(optimizer__lr=STILL, early_stopping=stopping, trainer__max_epochs=horizon)
    assert epochs(config) == [(epoch, epoch == last) for epoch in range(1, last + 1)]


def test_min_delta_ignores_small_improvements(quick):
    stopping = {"patience": 2, "stop_epoch": 4}
    improving = quick(early_stopping=stopping, trainer__max_epochs=4)
    assert len(epochs(improving)) == 4
    assert len(epochs(quick(early_stopping={**stopping, "min_delta": 5.0}, trainer__max_epochs=4))) == 3


def test_patience_waits_for_grace_period(quick):
    config = quick(optimizer__lr=STILL, early_stopping={"patience": 1}, trainer__max_epochs=6)
    assert len(epochs(config)) == 2
    assert len(epochs(config, grace_period=4)) == 4


def test_history_grows_by_reported_epoch(quick):
    for number, (result, _) in enumerate(results(quick(trainer__max_epochs=3)), start=1):
        assert [epoch.epoch for epoch in result.history] == list(range(1, number + 1))
        assert result.history[-1].scores == result.scores


def test_training_loss_ignores_accumulation(quick):
    """It is the mean of the batches, however many make a step."""

    def first_loss(**trainer):
        config = quick(optimizer__lr=STILL, trainer={"max_epochs": 1, **trainer})
        return results(config)[0][0].train_loss

    assert first_loss(accumulate_grad_batches=3) == pytest.approx(first_loss(), rel=1e-6)


class Poisoned(SpeechDataModule):
    """Features with an infinite sum in the third epoch."""

    def __init__(self, config, stage):
        super().__init__(load_speech(config), batch_size=8, bucketing=True, seed=17)
        self.stage = stage

    def on_before_batch_transfer(self, batch, dataloader_idx):
        if self.trainer.current_epoch == 2 and getattr(self.trainer, self.stage):
            batch.features.fill_(3e38)
        return batch


@pytest.mark.parametrize(
    ("stage", "cause"),
    [("training", "the training loss is nan in epoch 3, batch 1"), ("validating", "val_loss is nan in epoch 3")],
)
def test_infinite_loss_keeps_earlier_history(quick, stage, cause):
    """The training ends with the epochs before."""
    config, seen = quick(), []
    with pytest.raises(Diverged, match=cause) as raised:
        fit(config, lambda result, *_: seen.append(result.history[-1]), data=training_data(Poisoned(config, stage)))
    assert raised.value.history == seen
    assert len(seen) == 2
