"""CUDA graphs and a corpus on a card: `pytest -m gpu`, on a machine that has one."""

import pytest
import torch

from tests.training import test_gpu
from tests.training.test_gpu import STEPS, config, every_encoder, trained
from tests.training.test_graphs import batches, encoder_of, losses
from tune_asr.training.callbacks.capture import Capture, on_cuda
from tune_asr.training.data import load_data
from tune_asr.training.device_corpus import DeviceSplit, free_bytes
from tune_asr.training.graphs.backend import CudaGraphs
from tune_asr.training.graphs.cache import Graphs
from tune_asr.training.memory import limit_memory

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


class Roomy(CudaGraphs):
    """Recorder that never looks at memory first."""

    def has_room(self):
        return True


def assert_process_is_well(encoder, features, lengths):
    """Dropout draws, the cache is emptied, and other graphs are captured: nothing is left of a failed capture."""
    assert not torch.cuda.is_current_stream_capturing()
    assert torch.cuda.current_stream() == torch.cuda.default_stream()
    encoder(features, lengths.cuda())[0].sum().backward()
    torch.cuda.empty_cache()
    graphs = Graphs(encoder, Roomy(device()))
    graphs.log_probs(features, lengths)
    graphs.log_probs(features, lengths).sum().backward()
    assert graphs.refusal is None and len(graphs) == 1
    assert all(parameter.grad.isfinite().all() for parameter in encoder.parameters())


def test_illegal_capture_goes_eager():
    """A network that waits for the card cannot be captured: CUDA ends the capture with an error of its own."""
    encoder = encoder_of("conv_ctc").cuda()
    waits = encoder.norm.register_forward_hook(lambda _m, _i, out: out * float(out.sum() * 0 + 1))
    graphs = Graphs(encoder, CudaGraphs(device()))
    features, lengths = next(on_card())
    assert graphs.log_probs(features, lengths) is None
    with pytest.warns(UserWarning, match="steps run without graphs: .*captur"):
        assert graphs.log_probs(features, lengths) is None
    assert graphs.refusal and not len(graphs)
    waits.remove()
    assert_process_is_well(encoder, features, lengths)


def test_full_card_goes_eager():
    """The card's memory is held by another tensor while a shape is captured."""
    encoder = encoder_of("conv_ctc").cuda()
    graphs = Graphs(encoder, Roomy(device()))
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
    assert_process_is_well(encoder, features, lengths)


def test_limit_of_a_packed_trial_counts():
    """Memory that is free on the card, but not for this process, holds no graphs and no corpus."""
    recorder = CudaGraphs(device())
    torch.cuda.empty_cache()
    held = torch.zeros(2**26, device="cuda")
    torch.cuda.reset_peak_memory_stats()
    assert recorder.has_room() and free_bytes(device()) > 2**30
    limit_memory(torch.cuda.memory_reserved() + 2**20)
    try:
        assert not recorder.has_room()
        assert free_bytes(device()) < 2**28
    finally:
        limit_memory(None)
    assert held.is_cuda


@pytest.mark.filterwarnings("error:.*AccumulateGrad:UserWarning")
def test_eager_steps_stay_on_their_stream():
    """Shapes that come once follow a captured one, and find nothing of its stream."""
    encoder = encoder_of("conv_ctc", dropout=0.0).cuda()
    graphs = Graphs(encoder, CudaGraphs(device()), most=1)
    frames = (96, 96, 200)
    given = card_losses(encoder, graphs, on_card(frames))
    expected = card_losses(encoder_of("conv_ctc", dropout=0.0).cuda(), None, on_card(frames))
    assert given == pytest.approx(expected, rel=1e-4)
    assert graphs.refusal is None and len(graphs) == 1


@every_encoder
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed"])
@pytest.mark.filterwarnings("error:trainer.cuda_graphs:UserWarning")
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
    split = load_data(config("conv_ctc", "gpu")).built_in._train
    batch = DeviceSplit(split, device()).batch([2, 0, 1])
    assert batch.features.is_cuda and not batch.on_cpu().tokens.is_cuda
    for row, index in enumerate((2, 0, 1)):
        length = split.lengths[index]
        assert torch.equal(batch.features[row, :length].cpu(), split[index].features)
        assert not batch.features[row, length:].any()
