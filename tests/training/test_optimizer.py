"""Weight decay, scaled rates and the moving average."""

import lightning.pytorch as pl
import pytest
import torch

from tune_asr.config.load import from_values
from tune_asr.errors import ConfigError
from tune_asr.training.callbacks.ema import WarmingAverage
from tune_asr.training.checkpoints import RAW_WEIGHTS
from tune_asr.training.data import load_data
from tune_asr.training.encoders import ENCODERS
from tune_asr.training.fit import fit
from tune_asr.training.module import SimpleCTCModule
from tune_asr.training.optimizer import adamw, peak_rate
from tune_asr.training.prepare import build_module

NORMS = (torch.nn.LayerNorm, torch.nn.GroupNorm, torch.nn.BatchNorm1d)
SECTION = {"lr": 1e-3, "weight_decay": 0.1, "betas": (0.9, 0.98)}


@pytest.mark.parametrize("name", ENCODERS)
def test_biases_and_norms_do_not_decay(name):
    """All other weights do."""
    encoder = ENCODERS[name](8, 5, dim=8, num_layers=1)
    before = {name: parameter.detach().clone() for name, parameter in encoder.named_parameters()}
    optimizer = adamw(encoder, SECTION, fused=False)
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(before)
    for parameter in encoder.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for key, parameter in encoder.named_parameters():
        module, _, kind = key.rpartition(".")
        owner = encoder.get_submodule(module)
        decays = kind.startswith(("weight", "in_proj_weight")) and not isinstance(owner, NORMS)
        assert torch.allclose(parameter, before[key] * (1 - 1e-4) if decays else before[key], rtol=1e-6), key
    assert any(parameter.ndim > 1 for parameter in encoder.parameters())


def test_missing_keys_have_defaults():
    (group,) = adamw(torch.nn.Linear(2, 2, bias=False), {"lr": 0.5}, fused=False).param_groups
    assert (group["lr"], group["weight_decay"], group["betas"]) == (0.5, 0.01, (0.9, 0.98))


@pytest.mark.parametrize(
    ("batch_size", "accumulated", "reference", "expected"),
    [(16, 1, None, 0.02), (16, 1, 16, 0.02), (64, 1, 16, 0.04), (4, 1, 16, 0.01), (8, 2, 16, 0.02), (8, 8, 16, 0.04)],
)
def test_rate_follows_root_of_batch(batch_size, accumulated, reference, expected):
    values = {
        "data": {"batch_size": batch_size},
        "optimizer": {"lr": 0.02, "lr_reference_batch": reference},
        "trainer": {"accumulate_grad_batches": accumulated},
    }
    assert peak_rate(from_values(values, "quick")) == pytest.approx(expected)


def test_custom_data_scale_the_rate():
    """They are refused without a batch_size."""
    values = {"data": {"target": "mine.Data", "batch_size": 64}, "optimizer": {"lr": 0.02, "lr_reference_batch": 16}}
    assert peak_rate(from_values(values, "quick")) == pytest.approx(0.04)
    del values["data"]["batch_size"]
    with pytest.raises(
        ConfigError, match=r"lr_reference_batch is 16, but data.target mine.Data is given no data.batch"
    ):
        peak_rate(from_values(values, "quick"))


def test_bounded_batches_scale_the_rate(quick):
    """The rate follows the real batches under a bound on frames."""
    config = quick(data__max_frames_in_batch=300, optimizer={"lr": 0.02, "lr_reference_batch": 8})
    data = load_data(config)
    utterances = 56 / len(data.module.train_dataloader())
    assert utterances < 6
    rate = build_module(config, data).hparams["optimizer"]["lr"]
    assert rate == pytest.approx(0.02 * (utterances / 8) ** 0.5)


@pytest.mark.parametrize(
    ("keys", "utterances"),
    [
        ({}, 8),
        ({"trainer__accumulate_grad_batches": 7}, 56),
        ({"data__batch_size": 100}, 56),
        ({"trainer__accumulate_grad_batches": 100}, 56),
        ({"trainer__accumulate_grad_batches": 3}, 56 / 3),  # steps of 3, 3 and 1 batches
        ({"data__batch_size": 15}, 14),  # 15, 15, 15 and 11
    ],
)
def test_short_steps_scale_the_rate(quick, keys, utterances):
    """The rate follows the utterances that steps have, not those they may have."""
    config = quick(optimizer={"lr": 0.02, "lr_reference_batch": 8}, **keys)
    rate = build_module(config, load_data(config)).hparams["optimizer"]["lr"]
    assert rate == pytest.approx(0.02 * (utterances / 8) ** 0.5)


def averaged_by(decay, weights):
    """Average a weight that starts at zero over these values."""
    module = torch.nn.BatchNorm1d(1)
    average = torch.optim.swa_utils.AveragedModel(module, use_buffers=True, **WarmingAverage(decay)._kwargs)
    for weight in weights:
        module.weight.data.fill_(weight)
        module.num_batches_tracked += 1
        average.update_parameters(module)
    assert average.module.num_batches_tracked == len(weights)
    return float(average.module.weight.detach())


def test_average_warms_up():
    """It forgets the start, and keeps its decay in the end."""
    assert averaged_by(0.9, [1.0]) == 1.0
    assert averaged_by(0.9, [1.0, 0.0]) == pytest.approx(2 / 11)
    assert averaged_by(0.9, [1.0, 0.0, 0.0]) == pytest.approx(2 / 11 * 3 / 12)
    late = [1.0] * 100
    assert averaged_by(0.9, [*late, 0.0]) == pytest.approx(0.9)
    assert averaged_by(0.9, [*late, 0.0, 0.0]) == pytest.approx(0.81)


def test_average_is_validated_and_saved(tmp_path, quick):
    results, path = [], tmp_path / "ctc.ckpt"

    def sink(result, _last, save):
        results.append(result)
        save(path)

    config = quick(checkpoint__weights="ema", optimizer__ema_decay=0.8, trainer__max_epochs=3)
    fit(config, sink)
    assert {result.weights for result in results} == {"ema"}
    content = torch.load(path, weights_only=True)
    loaded = SimpleCTCModule.load_from_checkpoint(path)
    for name, value in loaded.state_dict().items():
        assert torch.equal(value, content["state_dict"][name])
    assert any(not torch.equal(content[RAW_WEIGHTS][name], value) for name, value in content["state_dict"].items())

    from tune_asr.training.data import load_data

    loaded.eval()
    with torch.no_grad():
        for i, batch in enumerate(load_data(config).module.val_dataloader()):
            loaded.validation_step(batch, i)
    assert loaded.outcome().counts == results[-1].counts


def test_average_is_on_the_device(quick):
    """Lightning's own average would be on the CPU."""
    config = quick()
    trainer = pl.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    trainer.strategy._root_device = torch.device("meta")
    average = WarmingAverage(0.9)
    average.setup(trainer, build_module(config, load_data(config)), "fit")
    assert {parameter.device.type for parameter in average._average_model.parameters()} == {"meta"}
