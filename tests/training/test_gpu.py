"""Training on a GPU: `pytest -m gpu`, on a machine that has one."""

import math

import numpy as np
import pytest
import torch

from tune_asr.config.load import from_values
from tune_asr.training.encoders import ENCODERS
from tune_asr.training.encoders.encoder import TimeConv
from tune_asr.training.epochs import Diverged
from tune_asr.training.features.log_mel import log_mels
from tune_asr.training.features.sources import device_of
from tune_asr.training.fit import fit
from tune_asr.training.module import SimpleCTCModule

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]
every_encoder = pytest.mark.parametrize("name", ENCODERS)
STEPS = 10


def config(name, accelerator, **keys):
    values = {
        "data": {"num_train": 8 * STEPS, "num_val": 16, "max_words": 2, "alphabet": "abcdef", "num_words": 30},
        "model": {"target": name, "dim": 24, "num_layers": 2, "dropout": 0.0},
        "augment": {"speed": 0.1, "gain_db": 3.0},
        "trainer": {"max_epochs": 1, "accelerator": accelerator},
    }
    values["data"]["batch_size"] = 8
    for key, value in keys.items():
        section, _, part = key.partition("__")
        values.setdefault(section, {})[part] = value
    return from_values(values, "gpu")


def trained(settings):
    """Losses of the steps, and the results of the epochs."""
    from lightning.pytorch.callbacks import LambdaCallback

    losses, results = [], []
    noted = LambdaCallback(on_train_batch_end=lambda _t, _m, outputs, *_: losses.append(float(outputs["loss"])))
    fit(settings, lambda result, *_: results.append(result), callbacks=[noted])
    return losses, results


@every_encoder
def test_ten_losses_equal_cpu(name):
    cpu, on_cpu = trained(config(name, "cpu"))
    gpu, on_gpu = trained(config(name, "gpu"))
    assert len(cpu) == len(gpu) == STEPS
    assert gpu[0] == pytest.approx(cpu[0], rel=1e-5)
    assert gpu == pytest.approx(cpu, rel=1e-3)
    assert on_gpu[0].train_loss == pytest.approx(math.fsum(gpu) / STEPS)
    assert on_gpu[0].scores.val_loss == pytest.approx(on_cpu[0].scores.val_loss, rel=1e-2)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_features_equal_cpu(rate):
    """To float32 rounding, also while products of float32 are rounded to TF32; the files of both are kept apart."""
    random = np.random.default_rng(0)
    recordings = [(random.standard_normal(length).astype(np.float32), rate) for length in (900, 9001, 30000)]
    torch.set_float32_matmul_precision("high")
    try:
        made = log_mels(recordings, sample_rate=8000, num_mel_bins=40, device=device_of("gpu"))
    finally:
        torch.set_float32_matmul_precision("highest")
    for found, expected in zip(made, log_mels(recordings, sample_rate=8000, num_mel_bins=40), strict=True):
        torch.testing.assert_close(found.cpu(), expected, atol=1e-3, rtol=1e-4)


@every_encoder
def test_same_weights_decode_alike(name):
    """WER and CER are integers over integers: rounding must not move a best path of clear scores."""
    settings = config(name, "cpu")
    module = SimpleCTCModule(
        ["<blk>", "a", "b", "c"],
        settings.scheduler.model_dump(),
        model=settings.model.model_dump(),
        optimizer=settings.optimizer.model_dump(),
        augment=settings.augment.model_dump(),
        num_mel_bins=40,
    ).eval()
    features, lengths = torch.randn(4, 90, 40), torch.tensor([90, 71, 33, 4])
    with torch.no_grad():
        expected, expected_lengths = module(features, lengths)
        given, given_lengths = module.cuda()(features.cuda(), lengths.cuda())
    assert given_lengths.tolist() == expected_lengths.tolist()
    torch.testing.assert_close(given.cpu(), expected, atol=1e-3, rtol=1e-3)


@every_encoder
@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
def test_mixed_precision_learns(name, precision):
    losses, results = trained(config(name, "gpu", precision__precision=precision, trainer__max_epochs=3))
    assert all(map(math.isfinite, losses))
    assert results[-1].train_loss < results[0].train_loss


@every_encoder
def test_forward_and_backward_never_synchronise(name):
    """But for the CTC loss: torch copies its lengths to the device while the host waits."""
    settings = config(name, "gpu")
    encoder = ENCODERS[name](40, 8, dim=24, num_layers=2).cuda()
    optimizer = torch.optim.AdamW(encoder.parameters(), fused=True)
    lengths = torch.tensor([90, 71, 33, 4])
    module = SimpleCTCModule(
        list("<abcdefg"),
        settings.scheduler.model_dump(),
        model=settings.model.model_dump(),
        optimizer=settings.optimizer.model_dump(),
        augment={**settings.augment.model_dump(), "n_time_masks": 2, "time_mask_rate": 1.0},
        num_mel_bins=40,
    )
    features = torch.randn(4, 90, 40).cuda()
    for mode in ("default", "error"):
        torch.cuda.set_sync_debug_mode(mode)
        try:
            given, changed = module.perturb(features, lengths)
            given = module.augment(given, changed)
            log_probs, _ = encoder(given, changed.to("cuda", non_blocking=True))
            log_probs.sum().backward()
            torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
            optimizer.step()
        finally:
            torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize(("kernel", "stride", "groups"), [(3, 2, 1), (3, 1, 1), (15, 1, 24)])
def test_convolution_equals_cpu(kernel, stride, groups):
    conv = TimeConv(24, 24, kernel, stride, groups)
    x = torch.randn(3, 51, 24)
    expected = conv(x)
    expected.square().sum().backward()
    gradient = conv.conv.weight.grad.clone()
    conv.zero_grad()
    given = conv.cuda()(x.cuda())
    given.square().sum().backward()
    torch.testing.assert_close(given.cpu(), expected, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(conv.conv.weight.grad.cpu(), gradient, atol=1e-2, rtol=1e-3)


def test_divergence_names_its_batch():
    with pytest.raises(Diverged, match=r"the training loss is .* in epoch \d+, batch \d+"):
        trained(config("conv_ctc", "gpu", optimizer__lr=1e12, trainer__max_epochs=3, trainer__gradient_clip_val=None))
