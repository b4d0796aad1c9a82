"""CUDA graphs and a corpus on a card: `pytest -m gpu`, on a machine that has one."""

import pytest
import torch

from tests.training import test_gpu
from tests.training.test_gpu import STEPS, config, every_encoder, trained
from tests.training.test_graphs import batches, encoder_of, losses
from tune_asr.training.callbacks.capture import Capture, on_cuda
from tune_asr.training.data import load_data
from tune_asr.training.device_corpus import DeviceSplit
from tune_asr.training.graphs.backend import CudaGraphs
from tune_asr.training.graphs.cache import Graphs

pytestmark = test_gpu.pytestmark


def on_card(frames=(96,)):
    """Batches with features on the card, and lengths on the host as in a training."""
    for features, lengths in batches(frames):
        yield features.cuda(), lengths


def device():
    return torch.device("cuda", torch.cuda.current_device())


def card_losses(encoder, graphs, data, **keys):
    """As `losses`, with the lengths where the eager encoder takes them."""

    class Moved(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = encoder

        def forward(self, features, lengths):
            return self.encoder(features, lengths.to(features.device))

    return losses(Moved(), graphs, data, **keys)


@every_encoder
@pytest.mark.parametrize("accumulate", [1, 3])
def test_captured_losses_equal_eager_ones(name, accumulate):
    """Dropout draws the same numbers."""
    eager = card_losses(encoder_of(name).cuda(), None, on_card(), accumulate=accumulate)
    encoder = encoder_of(name).cuda()
    graphs = Graphs(encoder, CudaGraphs(device()))
    assert card_losses(encoder, graphs, on_card(), accumulate=accumulate) == pytest.approx(eager, rel=1e-4)
    assert graphs.refusal is None and len(graphs) == 1


@every_encoder
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_captured_mixed_precision_equals_eager(name, dtype):
    eager = card_losses(encoder_of(name).cuda(), None, on_card(), dtype=dtype)
    encoder = encoder_of(name).cuda()
    graphs = Graphs(encoder, CudaGraphs(device()))
    assert card_losses(encoder, graphs, on_card(), dtype=dtype) == pytest.approx(eager, rel=2e-2)
    assert graphs.refusal is None and [shape.autocast for shape in graphs.shapes] == [dtype]


def test_each_shape_is_captured_once():
    encoder = encoder_of("bigru_ctc").cuda()
    graphs = Graphs(encoder, CudaGraphs(device()))
    frames = (50, 64, 50)
    given = card_losses(encoder, graphs, on_card(frames))
    assert given == pytest.approx(card_losses(encoder_of("bigru_ctc").cuda(), None, on_card(frames)), rel=1e-4)
    assert [shape.num_frames for shape in graphs.shapes] == [50, 64]


def test_replay_never_synchronises():
    encoder = encoder_of("conv_ctc").cuda()
    graphs = Graphs(encoder, CudaGraphs(device()))
    data = list(on_card())
    for features, lengths in data[:3]:
        log_probs = graphs.log_probs(features, lengths)
    torch.cuda.set_sync_debug_mode("error")
    try:
        log_probs = graphs.log_probs(*data[3])
        log_probs.sum().backward()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert all(parameter.grad is not None for parameter in encoder.parameters())


def test_full_card_goes_eager():
    """The card's memory is held by another tensor while a shape is captured."""
    encoder = encoder_of("conv_ctc").cuda()
    graphs = Graphs(encoder, CudaGraphs(device()))
    features, lengths = torch.randn(4, 4096, 12).cuda(), torch.tensor([4096, 4000, 100, 9])
    assert graphs.log_probs(features, lengths) is None
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(1e-3 * torch.cuda.memory_reserved() / torch.cuda.mem_get_info()[1])
    try:
        with pytest.warns(UserWarning, match="memory is too small for another graph"):
            assert graphs.log_probs(features, lengths) is None
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert graphs.refusal and not len(graphs)
    assert encoder(features, lengths.cuda())[0].isfinite().all()


@every_encoder
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed"])
def test_training_with_graphs_equals_eager_one(name, precision):
    keys = {"precision__precision": precision, "trainer__max_epochs": 2, "trainer__accumulate_grad_batches": 2}
    eager, _ = trained(config(name, "gpu", **keys))
    captured, results = trained(config(name, "gpu", trainer__cuda_graphs="auto", **keys))
    assert len(captured) == 2 * STEPS and len(results) == 2
    assert captured == pytest.approx(eager, rel=1e-2 if precision == "32-true" else 5e-2)


def test_cards_have_a_recorder():
    assert isinstance(on_cuda(device()), CudaGraphs)
    assert Capture()._backend is on_cuda


def test_corpus_on_card_trains_alike():
    eager, on_host = trained(config("conv_ctc", "gpu"))
    kept, on_device = trained(config("conv_ctc", "gpu", trainer__corpus_on_device="auto"))
    assert kept == pytest.approx(eager, rel=1e-3)
    assert on_device[0].scores.val_loss == pytest.approx(on_host[0].scores.val_loss, rel=1e-2)


def test_gathered_batch_equals_collated_one():
    split = load_data(config("conv_ctc", "gpu")).speech._train
    batch = DeviceSplit(split, device()).batch([2, 0, 1])
    assert batch.features.is_cuda and not batch.on_cpu().tokens.is_cuda
    for row, index in enumerate((2, 0, 1)):
        length = split.lengths[index]
        assert torch.equal(batch.features[row, :length].cpu(), split[index].features)
        assert not batch.features[row, length:].any()
