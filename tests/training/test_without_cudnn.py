"""Convolutions of a GPU, run on the CPU: equal to the modules but for rounding, gradients included."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tune_asr.training.encoders.conformer import BATCH_NORM, DEPTHWISE, ChannelNorm
from tune_asr.training.encoders.encoder import TimeConv, frame_mask
from tune_asr.training.encoders.without_cudnn import conformer_convolution, time_conv
from tune_asr.training.features.fbank import import_torchaudio

CHANNELS = 6


def gradients(out, inputs):
    """Of a sum whose terms weigh differently."""
    weights = torch.linspace(-1, 1, out.numel()).reshape(out.shape)
    return torch.autograd.grad((out * weights).sum(), inputs)


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 4),
    frames=st.integers(1, 40),
    kernel=st.sampled_from([1, 3, 5, 11]),
    stride=st.sampled_from([1, 2]),
    is_depthwise=st.booleans(),
)
def test_time_conv_equals_module(count, frames, kernel, stride, is_depthwise):
    torch.manual_seed(frames)
    stride = 1 if is_depthwise else stride
    module = TimeConv(CHANNELS, CHANNELS, kernel, stride, CHANNELS if is_depthwise else 1)
    x = torch.randn(count, frames, CHANNELS, requires_grad=True)
    inputs = [x, *module.parameters()]
    expected, conv = module(x), module.conv
    given = time_conv(x, conv.weight.squeeze(2), conv.bias, stride, conv.groups)
    torch.testing.assert_close(given, expected, atol=1e-5, rtol=1e-5)
    for got, wanted in zip(gradients(given, inputs), gradients(expected, inputs), strict=True):
        torch.testing.assert_close(got, wanted, atol=1e-4, rtol=1e-4)


def test_conformer_convolution_equals_module():
    torch.manual_seed(0)
    module = import_torchaudio().models.Conformer(CHANNELS, 2, 8, 1, 5).conformer_layers[0].conv_module
    module.sequential[BATCH_NORM] = ChannelNorm(CHANNELS)
    mask = frame_mask(torch.tensor([9, 4, 1]), 9)
    x = torch.randn(9, 3, CHANNELS, requires_grad=True)
    inputs = [x, *module.sequential.parameters()]
    y = module.sequential[:DEPTHWISE](x.permute(1, 2, 0)) * mask.transpose(1, 2)
    expected = module.sequential[DEPTHWISE:](y).permute(2, 0, 1)
    given = conformer_convolution(module, x, mask)
    torch.testing.assert_close(given, expected, atol=1e-5, rtol=1e-5)
    for got, wanted in zip(gradients(given, inputs), gradients(expected, inputs), strict=True):
        torch.testing.assert_close(got, wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("groups", [1, CHANNELS])
def test_time_conv_follows_autocast(groups):
    module = TimeConv(CHANNELS, CHANNELS, 3, 1, groups)
    x = torch.randn(2, 9, CHANNELS, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        given = time_conv(x, module.conv.weight.squeeze(2), module.conv.bias, 1, groups)
        expected = module(x)
    assert given.dtype == expected.dtype == torch.bfloat16
    torch.testing.assert_close(given, expected, atol=0.05, rtol=0.05)
    given.sum().backward()
    assert x.grad.dtype == module.conv.weight.grad.dtype == torch.float32
