"""Longest batch, tried before training."""

import lightning.pytorch as pl
import pytest
import torch

from tune_asr.errors import SettingError
from tune_asr.training.augment.perturb import change_speed
from tune_asr.training.callbacks.probe import probe
from tune_asr.training.data import load_data
from tune_asr.training.fit import fit
from tune_asr.training.prepare import build_module


@pytest.fixture
def parts(quick):
    config = quick(augment={"speed": 0.2})
    data = load_data(config)
    return build_module(config, data), data


def test_longest_batch_is_the_largest(parts):
    _, data = parts
    longest = data.built_in.longest_batch()
    sizes = [batch.features.shape[:2] for batch in data.module.train_dataloader()]
    assert len(longest) == 8
    assert longest.features.shape[1] == max(frames for _, frames in sizes)


@pytest.mark.parametrize("bucketing", [True, False])
@pytest.mark.parametrize("bound", [250, 500])
def test_probed_batch_is_largest_under_bound(quick, bound, bucketing):
    """No batch of any epoch is larger, and it is within the bound."""
    data = load_data(quick(data__max_frames_in_batch=bound, data__bucketing=bucketing))
    probed, frames = data.built_in.longest_batch(), data.built_in._train.lengths
    sampler = data.built_in._sampler(shuffle=True)
    sizes = [len(batch) * max(frames[i] for i in batch) for epoch in range(9) for batch in sampler.batches(epoch)]
    assert 0.9 * max(sizes) <= len(probed) * probed.features.shape[1] <= bound
    assert len(probed) > 1


@pytest.mark.parametrize("speed", [0.1, 0.5])
def test_slowest_speed_stays_within_bound(quick, speed):
    data = load_data(quick(data__max_frames_in_batch=500, augment={"speed": speed}))
    for batch in data.module.train_dataloader():
        slowest = torch.full((len(batch),), 1 - speed)
        features, _ = change_speed(batch.features, batch.feature_lengths, slowest, 8000)
        assert features.shape[0] * features.shape[1] <= 500


def test_probe_leaves_nothing(parts):
    module, data = parts
    before = {name: value.clone() for name, value in module.state_dict().items()}
    probe(module, data.built_in.longest_batch())
    assert all(parameter.grad is None for parameter in module.parameters())
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_probe_reports_too_little_memory(parts):
    """The message has the size of the batch and a hint."""
    module, data = parts

    class Small(torch.nn.Module):
        """Encoder on a device that holds 100 frames an utterance."""

        def forward(self, x, x_lens):
            if x.shape[1] > 100:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB. More advice.")
            return x, x_lens

    module.encoder = Small()
    with pytest.raises(
        SettingError,
        match=r"longest batch, 8 utterances of up to \d+ s, does not fit in memory \(CUDA out of memory\)\n"
        r" +Lower data.batch_size, data.max_frames_in_batch or",
    ):
        probe(module, data.built_in.longest_batch())


@pytest.mark.parametrize("step", ["training_step", "validation_step"])
def test_training_reports_too_little_memory(quick, step):
    """Its advice is the same, and the sentence is raised once."""

    class Full(pl.Callback):
        def on_train_batch_start(self, *_):
            self.fail("training_step")

        def on_validation_batch_start(self, *_):
            self.fail("validation_step")

        def fail(self, where):
            if where == step:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB. More advice.")

    with pytest.raises(
        SettingError, match=r"^a batch does not fit in memory \(.*of memory\)\n +Lower data.batch_size, [^\n]*$"
    ):
        fit(quick(trainer__max_epochs=1), lambda *_: None, callbacks=[Full()])
