"""Losses of an epoch's steps, read at once or together at the end."""

import math

import pytest
import torch

from tune_asr.errors import DataError
from tune_asr.training.batching import Example, collate
from tune_asr.training.epochs import Diverged
from tune_asr.training.step_losses import StepLosses


class Device(torch.Tensor):
    """Tensor that pretends to be on a GPU."""

    @property
    def device(self):
        return torch.device("cuda")


class Loop:
    """Trainer, as far as losses need it."""

    accumulate_grad_batches = 2


def add(losses, value, kind, *, feature=1.0):
    """Add a step of one utterance, whose loss Lightning has halved."""
    batch = collate([Example(torch.full((3, 2), feature), torch.tensor([1]), "a", "u1")])
    loss = torch.tensor(value / 2).as_subclass(kind)
    losses.add(Loop(), {"loss": loss}, batch, f"batch {len(losses) + 1}")


@pytest.mark.parametrize("kind", [torch.Tensor, Device])
def test_mean_of_whole_losses(kind):
    losses = StepLosses()
    add(losses, 1.0, kind)
    add(losses, 2.0, kind)
    losses.add(Loop(), {}, None, "a step that a module left out")
    losses.read(Loop())
    assert len(losses) == 2
    assert losses.mean() == 1.5


@pytest.mark.parametrize("kind", [torch.Tensor, Device])
@pytest.mark.parametrize(
    ("feature", "error", "message"),
    [(1.0, Diverged, "the training loss is nan in batch 2"), (math.inf, DataError, "not finite, in batch 2: u1")],
)
def test_first_infinite_loss_is_named(kind, feature, error, message):
    """Features that are not finite are the fault of the data."""
    losses = StepLosses()
    add(losses, 1.0, kind)
    with pytest.raises(error, match=message):
        add(losses, math.nan, kind, feature=feature)
        add(losses, math.nan, kind)
        losses.read(Loop())


def test_device_losses_wait_for_reading():
    losses = StepLosses()
    add(losses, math.nan, Device)
    assert len(losses) == 1
