"""Steps that never wait for a device, seen on the CPU: no operator that reads a tensor's value is called."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tune_asr.config.sections import Config
from tune_asr.training.batching import Example, collate
from tune_asr.training.callbacks.ema import WarmingAverage
from tune_asr.training.encoders import ENCODERS
from tune_asr.training.features.noise import NoiseRecordings
from tune_asr.training.module import SimpleCTCModule
from tune_asr.training.step_losses import StepLosses

WAITING = {"_local_scalar_dense", "nonzero", "is_nonzero", "item", "equal"}
AUGMENT = {"speed": 0.1, "gain_db": 6.0, "noise_p": 0.5, "n_time_masks": 2, "time_mask_rate": 1.0}
VOCAB = ["<blk>", "a", "b", "c"]


class Noted(TorchDispatchMode):
    """Notes the operators that wait for the value of a tensor."""

    def __init__(self):
        super().__init__()
        self.waiting = set()

    def __torch_dispatch__(self, operator, types, arguments=(), keywords=None):
        name = operator.overloadpacket.__name__
        if name in WAITING:
            self.waiting.add(name)
        return operator(*arguments, **keywords or {})


class Loop:
    """Of a Trainer, as much as a step asks for."""

    log_every_n_steps = 0
    datamodule = None
    current_epoch = 0
    accumulate_grad_batches = 1


class Features(list):
    def length(self, index):
        return len(self[index])


def module_and_batch(name):
    torch.manual_seed(0)
    config = Config(model={"target": name, "dim": 16, "num_layers": 2}, augment=AUGMENT, features={"num_mel_bins": 12})
    module = SimpleCTCModule(
        VOCAB,
        config.scheduler.model_dump(),
        model=config.model.model_dump(),
        optimizer=config.optimizer.model_dump(),
        augment=config.augment.model_dump(),
        num_mel_bins=12,
    )
    module.perturb.noises = NoiseRecordings(Features([torch.randn(50, 12)]), [[0]])
    module._trainer = module._fabric = None
    module.trainer = Loop()
    lengths = [(80, 5), (64, 4), (4, 3)]  # the last is infeasible
    examples = [Example(torch.randn(t, 12), torch.randint(1, 4, (u,)), "ab", "id") for t, u in lengths]
    return module, collate(examples)


@pytest.mark.parametrize("name", ENCODERS)
def test_training_step_never_waits(name):
    module, batch = module_and_batch(name)
    optimizer = torch.optim.AdamW(module.parameters(), fused=True)
    with Noted() as noted:
        module.training_step(batch, 0).backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimizer.step()
    assert noted.waiting == set()


@pytest.mark.parametrize("name", ENCODERS)
def test_values_are_read_on_host_alone(name):
    """`meta` is a device without values: a copy to the host raises, and so does `tolist`, which calls no operator.

    Its CTC loss is the only part of a step that torch does not have there.
    """
    module, batch = module_and_batch(name)
    batch = batch.to("meta")
    module.to("meta")._check(batch)
    features, lengths = module.augmented(batch)
    log_probs, output_lengths = module._scores(features, lengths)
    log_probs.sum().backward()
    assert features.device == log_probs.device == torch.device("meta")
    assert lengths.device == output_lengths.device == torch.device("cpu")
    losses = StepLosses()
    losses.add(module.trainer, {"loss": log_probs.sum()}, batch, "a step")
    assert len(losses) == 1
    with pytest.raises(NotImplementedError):
        features.tolist()


@pytest.mark.parametrize("name", ENCODERS)
def test_validation_step_never_waits(name):
    module, batch = module_and_batch(name)
    module.eval()
    with Noted() as noted, torch.no_grad():
        module.validation_step(batch, 0)
    assert noted.waiting == set()
    assert len(module.outcome().utterances) == len(batch)


def test_moving_average_never_waits():
    """It reads the number of updates once."""
    module, _ = module_and_batch("conv_ctc")
    average = WarmingAverage(0.9)
    average._average_model = torch.optim.swa_utils.AveragedModel(module, use_buffers=True, **average._kwargs)
    expected = torch.optim.swa_utils.AveragedModel(module, use_buffers=True, **average._kwargs)
    for step in range(1, 5):
        module.trainer.global_step = step
        with torch.no_grad():
            module.encoder.output.weight += 1.0
        with Noted() as noted:
            average.on_train_batch_end(module.trainer, module, None, None, step)
        assert noted.waiting == ({"_local_scalar_dense"} if step == 1 else set())
        expected.update_parameters(module)
    assert all(
        torch.equal(one, other)
        for one, other in zip(average._average_model.state_dict().values(), expected.state_dict().values(), strict=True)
    )


def test_reading_a_value_is_noted():
    with Noted() as noted:
        float(torch.ones(1))
        torch.ones(2).nonzero()
    assert noted.waiting == {"_local_scalar_dense", "nonzero"}
