import pytest
import torch

from tune_asr.speech.frames import output_frames
from tune_asr.training.encoders import ConvCTC, normalise

SUBSAMPLINGS = (1, 2, 4, 8)
NUM_BINS, NUM_SYMBOLS = 10, 7


def encoder(subsampling=4, **settings):
    torch.manual_seed(0)
    settings = {"dim": 16, "num_layers": 2, "kernel_size": 5, "dropout": 0.1} | settings
    return ConvCTC(NUM_BINS, NUM_SYMBOLS, subsampling=subsampling, **settings).eval()


@pytest.mark.parametrize("subsampling", SUBSAMPLINGS)
@pytest.mark.parametrize("junk", [0.0, -23.03, float("inf"), float("nan")])
@torch.no_grad()
def test_padding_never_changes_an_utterances_output(subsampling, junk):
    model = encoder(subsampling)
    lengths = torch.tensor([41, 64, 1, 63, 17, 8])
    x = torch.randn(len(lengths), 64, NUM_BINS)
    x[torch.arange(64) >= lengths[:, None]] = junk
    log_probs, log_probs_len = model(x, lengths)
    for i, length in enumerate(lengths):
        alone, alone_len = model(x[i : i + 1, :length], lengths[i : i + 1])
        assert alone_len == log_probs_len[i] == alone.shape[1]
        torch.testing.assert_close(log_probs[i, : alone.shape[1]], alone[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("subsampling", SUBSAMPLINGS)
@torch.no_grad()
def test_output_lengths_are_exact_for_every_length(subsampling):
    model = encoder(subsampling, dim=4, num_layers=1)
    for length in range(1, 201):
        log_probs, log_probs_len = model(torch.randn(1, length, NUM_BINS), torch.tensor([length]))
        assert log_probs.shape == (1, ConvCTC.output_lengths(length, subsampling), NUM_SYMBOLS)
        assert log_probs_len.tolist() == [log_probs.shape[1]] == [output_frames(length, subsampling)]
    lengths = torch.arange(1, 201)
    assert ConvCTC.output_lengths(lengths, subsampling).tolist() == [
        output_frames(n, subsampling) for n in lengths.tolist()
    ]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, None])
def test_log_probabilities_are_float32_and_normalised_under_every_precision(dtype):
    model = encoder()
    with torch.autocast("cpu", dtype, enabled=dtype is not None):
        log_probs, _ = model(torch.randn(2, 40, NUM_BINS), torch.tensor([40, 23]))
    assert log_probs.dtype == torch.float32
    # bfloat16 would miss this by 1e-3
    torch.testing.assert_close(log_probs.exp().sum(-1), torch.ones(2, 10), atol=1e-5, rtol=0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_a_model_of_another_type_takes_and_gives_float32(dtype):
    log_probs, _ = encoder().to(dtype)(torch.randn(2, 40, NUM_BINS), torch.tensor([40, 23]))
    assert log_probs.dtype == torch.float32


def test_each_mel_bin_has_mean_0_and_variance_1_over_the_utterance_alone():
    lengths = torch.tensor([50, 20])
    x = normalise(torch.randn(2, 50, NUM_BINS) * 3 - 12, lengths)
    for row, length in zip(x, lengths, strict=True):
        torch.testing.assert_close(row[:length].mean(0), torch.zeros(NUM_BINS), atol=1e-5, rtol=0)
        torch.testing.assert_close(row[:length].var(0, correction=0), torch.ones(NUM_BINS), atol=1e-4, rtol=0)
        assert not row[length:].any()


@torch.no_grad()
def test_loudness_and_a_constant_channel_do_not_matter():
    model, x, lengths = encoder(), torch.randn(1, 40, NUM_BINS), torch.tensor([40])
    coloured = x + torch.randn(NUM_BINS)
    torch.testing.assert_close(model(coloured, lengths)[0], model(x, lengths)[0], atol=1e-4, rtol=0)


def test_digital_silence_gives_finite_gradients():
    model = encoder().train()
    log_probs, _ = model(torch.full((1, 40, NUM_BINS), -15.94), torch.tensor([40]))
    log_probs.sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


def test_the_blank_has_no_bias_at_the_start():
    assert not encoder().output.bias.any()


@torch.no_grad()
def test_lengths_and_batches_stay_free_in_an_exported_program():
    dynamic = torch.export.Dim.DYNAMIC
    model = encoder(num_layers=1)
    x, lengths = torch.randn(2, 50, NUM_BINS), torch.tensor([50, 31])
    program = torch.export.export(model, (x, lengths), dynamic_shapes=({0: dynamic, 1: dynamic}, {0: dynamic}))
    for shape, lengths in [((1, 23), [23]), ((3, 77), [77, 60, 5])]:
        x, lengths = torch.randn(*shape, NUM_BINS), torch.tensor(lengths)
        torch.testing.assert_close(program.module()(x, lengths), model(x, lengths), atol=1e-5, rtol=0)
