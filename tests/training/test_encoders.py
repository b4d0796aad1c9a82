"""What every encoder promises: no padding leaks, lengths are exact, and it can leave for another runtime."""

import io
import math
from pathlib import Path

import pytest
import torch

from tune_asr.config.schema import target_of
from tune_asr.config.sections import BUILT_IN
from tune_asr.speech.audio.frames import output_frames
from tune_asr.training.encoders import ENCODERS, normalise

ROOT = Path(__file__).parents[2]
SUBSAMPLINGS = (1, 2, 4, 8)
NUM_BINS, NUM_SYMBOLS = 10, 7
OWN_KEYS = {"conv_ctc": {"kernel_size": 5}, "conformer_ctc": {"kernel_size": 5, "ffn_dim": 24}}
"""Keys that make an encoder small, beyond `dim` and `num_layers`."""

every_encoder = pytest.mark.parametrize("name", ENCODERS)


def encoder(name="conv_ctc", subsampling=4, **settings):
    torch.manual_seed(0)
    settings = {"dim": 16, "num_layers": 2, "dropout": 0.1} | OWN_KEYS.get(name, {}) | settings
    return ENCODERS[name](NUM_BINS, NUM_SYMBOLS, subsampling=subsampling, **settings).eval()


def test_every_encoder_has_its_section():
    """In config/model_sections.py, and its name in the documentation."""
    assert list(ENCODERS) == [target_of(section) for section in BUILT_IN["model"]]
    for document in (ROOT / "configs" / "train.yaml", ROOT / "configs" / "README.md"):
        assert [name for name in ENCODERS if name not in document.read_text()] == [], f"not named in {document}"


@every_encoder
@pytest.mark.parametrize(
    "subsampling, junk",
    [(1, math.nan), (2, -23.03), (4, 0.0), (4, -23.03), (4, math.inf), (4, math.nan), (8, math.nan)],
)
@torch.no_grad()
def test_padding_never_changes_output(name, subsampling, junk):
    model = encoder(name, subsampling)
    lengths = torch.tensor([41, 64, 1, 63, 17, 8])
    x = torch.randn(len(lengths), 64, NUM_BINS)
    x[torch.arange(64) >= lengths[:, None]] = junk
    log_probs, log_probs_len = model(x, lengths)
    for i, length in enumerate(lengths):
        alone, alone_len = model(x[i : i + 1, :length], lengths[i : i + 1])
        assert alone_len == log_probs_len[i] == alone.shape[1]
        torch.testing.assert_close(log_probs[i, : alone.shape[1]], alone[0], atol=1e-5, rtol=0)


@every_encoder
@torch.no_grad()
def test_padding_never_changes_training_output(name):
    model = encoder(name, dropout=0.0).train()
    lengths = torch.tensor([41, 64, 17])
    x = torch.randn(3, 64, NUM_BINS)
    log_probs, log_probs_len = model(x, lengths)
    alone, _ = model(x[2:, :17], lengths[2:])
    torch.testing.assert_close(log_probs[2, : log_probs_len[2]], alone[0], atol=1e-5, rtol=0)


@every_encoder
@torch.no_grad()
def test_output_frames_see_whole_utterance(name):
    """Both ways: what is said later matters as much as what was said before."""
    model = encoder(name, subsampling=1)
    lengths = torch.tensor([6])
    x = torch.randn(1, 6, NUM_BINS)
    for moved in (0, 5):
        other = x.clone()
        other[0, moved] += 1
        differs = (model(other, lengths)[0] - model(x, lengths)[0]).abs().amax(-1)[0] > 1e-6
        assert differs.all()


@every_encoder
@pytest.mark.parametrize("subsampling", SUBSAMPLINGS)
@torch.no_grad()
def test_output_lengths_are_exact(name, subsampling):
    model = encoder(name, subsampling, dim=4, num_layers=1)
    for length in range(1, 70):
        log_probs, log_probs_len = model(torch.randn(1, length, NUM_BINS), torch.tensor([length]))
        assert log_probs.shape == (1, output_frames(length, subsampling), NUM_SYMBOLS)
        assert log_probs_len.tolist() == [log_probs.shape[1]] == [output_frames(length, subsampling)]
    lengths = torch.arange(1, 70)
    assert output_frames(lengths, subsampling).tolist() == [output_frames(n, subsampling) for n in lengths.tolist()]


@every_encoder
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, None])
def test_log_probabilities_are_normalised_float32(name, dtype):
    """Under every precision."""
    model = encoder(name)
    with torch.autocast("cpu", dtype, enabled=dtype is not None):
        log_probs, _ = model(torch.randn(2, 40, NUM_BINS), torch.tensor([40, 23]))
    assert log_probs.dtype == torch.float32
    # bfloat16 would miss this by 1e-3
    torch.testing.assert_close(log_probs.exp().sum(-1), torch.ones(2, 10), atol=1e-5, rtol=0)


@every_encoder
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_low_precision_model_returns_float32(name, dtype):
    log_probs, _ = encoder(name).to(dtype)(torch.randn(2, 40, NUM_BINS), torch.tensor([40, 23]))
    assert log_probs.dtype == torch.float32


def test_normalise_uses_own_frames_only():
    """Each mel bin gets mean 0 and variance 1."""
    lengths = torch.tensor([50, 20])
    x = normalise(torch.randn(2, 50, NUM_BINS) * 3 - 12, lengths)
    for row, length in zip(x, lengths, strict=True):
        torch.testing.assert_close(row[:length].mean(0), torch.zeros(NUM_BINS), atol=1e-5, rtol=0)
        torch.testing.assert_close(row[:length].var(0, correction=0), torch.ones(NUM_BINS), atol=1e-4, rtol=0)
        assert not row[length:].any()


@every_encoder
@torch.no_grad()
def test_loudness_and_channel_do_not_matter(name):
    model, x, lengths = encoder(name), torch.randn(1, 40, NUM_BINS), torch.tensor([40])
    coloured = x + torch.randn(NUM_BINS)
    torch.testing.assert_close(model(coloured, lengths)[0], model(x, lengths)[0], atol=1e-4, rtol=0)


@every_encoder
def test_silence_gives_finite_gradients(name):
    model = encoder(name).train()
    log_probs, _ = model(torch.full((1, 40, NUM_BINS), -15.94), torch.tensor([40]))
    log_probs.sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


@every_encoder
def test_output_bias_starts_at_zero(name):
    assert not encoder(name).output.bias.any()


UNSEEN = [((1, 23), [23]), ((3, 77), [77, 60, 5]), ((2, 50), [50, 50])]


@pytest.mark.parametrize("name", [name for name in ENCODERS if name != "bigru_ctc"])
@torch.no_grad()
def test_exported_program_keeps_free_lengths(name):
    dynamic = torch.export.Dim.DYNAMIC
    model = encoder(name, num_layers=1)
    x, lengths = torch.randn(2, 50, NUM_BINS), torch.tensor([50, 31])
    program = torch.export.export(model, (x, lengths), dynamic_shapes=({0: dynamic, 1: dynamic}, {0: dynamic}))
    for shape, lengths in UNSEEN:
        x, lengths = torch.randn(*shape, NUM_BINS), torch.tensor(lengths)
        torch.testing.assert_close(program.module()(x, lengths), model(x, lengths), atol=1e-5, rtol=0)


@pytest.mark.filterwarnings("ignore")
@torch.no_grad()
def test_bigru_exports_to_onnx():
    """torch.export fixes the frames of a GRU; the tracing exporter does not."""
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    model, file = encoder("bigru_ctc"), io.BytesIO()
    names = {"input_names": ["x", "x_lens"], "output_names": ["log_probs", "log_probs_len"]}
    free = {"x": {0: "N", 1: "T"}, "x_lens": {0: "N"}}
    example = (torch.randn(2, 50, NUM_BINS), torch.tensor([50, 31]))
    torch.onnx.export(model, example, file, dynamo=False, dynamic_axes=free, **names)
    session = onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    for shape, lengths in UNSEEN:
        x, lengths = torch.randn(*shape, NUM_BINS), torch.tensor(lengths)
        log_probs, log_probs_len = session.run(None, {"x": x.numpy(), "x_lens": lengths.numpy()})
        expected, expected_len = model(x, lengths)
        assert log_probs_len.tolist() == expected_len.tolist()
        torch.testing.assert_close(torch.from_numpy(log_probs), expected, atol=1e-5, rtol=0)
