"""Recorded training steps, with a recorder for the CPU in the place of CUDA graphs.

It replays a function by calling it on the buffers of the recording; everything but the launches is what a GPU runs.
"""

import gc
import weakref
from contextlib import contextmanager

import pytest
import torch
from lightning.pytorch.callbacks import LambdaCallback

from tune_asr.training.callbacks.capture import Capture, on_cuda
from tune_asr.training.encoders import ENCODERS
from tune_asr.training.fit import fit
from tune_asr.training.graphs.cache import FIRST_EAGER, Graphs
from tune_asr.training.graphs.captured import WARM_UPS, Captured, Gradients, Shape
from tune_asr.training.graphs.shapes import ignores_padding

every_encoder = pytest.mark.parametrize("name", ENCODERS)
STEPS = 10
FRAMES = 96
V = 5
TOKENS = torch.tensor([[1, 2], [3, 4], [2, 2], [1, 3]])


class Called:
    """Recorder that replays by calling; notes what it is asked for, in order."""

    def __init__(self, room=()):
        self.log = []
        self.room = list(room)

    def has_room(self):
        return self.room.pop() if self.room else True

    @contextmanager
    def aside(self):
        self.log.append("warm up")
        yield

    def record(self, function):
        name = function.__name__.strip("_")
        self.log.append(f"record {name}")

        def replay():
            self.log.append(name)
            function()

        return replay


class Refusing(Called):
    """Recorder that refuses, from its n-th recording on."""

    def __init__(self, error, after=0):
        super().__init__()
        self.error, self.left = error, after

    def record(self, function):
        self.left -= 1
        if self.left < 0:
            raise self.error
        return super().record(function)


def encoder_of(name, dropout=0.1):
    torch.manual_seed(0)
    return ENCODERS[name](12, V, dim=16, num_layers=2, dropout=dropout).train()


def batches(frames=(FRAMES,)):
    """Ten batches of features, lengths and targets; the frames repeat."""
    torch.manual_seed(1)
    for step in range(STEPS):
        longest = frames[step % len(frames)]
        yield torch.randn(4, longest, 12), torch.tensor([longest, longest - 7, longest // 2, 9])


def losses(encoder, graphs, data, accumulate=1, dtype=None):
    """Losses of AdamW over clipped gradients, seeded and under autocast as a training is."""
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=0.01, fused=True)
    found = []
    for step, (features, lengths) in enumerate(data):
        torch.manual_seed(100 + step)
        with torch.autocast(features.device.type, dtype, enabled=dtype is not None):
            scored = None if graphs is None else graphs.log_probs(features, lengths)
            log_probs = encoder(features, lengths)[0] if scored is None else scored
        loss = torch.nn.functional.ctc_loss(
            log_probs.transpose(0, 1), TOKENS, (lengths + 3) // 4, torch.tensor([2, 2, 2, 1])
        )
        if step % accumulate == 0:
            optimizer.zero_grad()
        (loss / accumulate).backward()
        if (step + 1) % accumulate == 0:
            torch.nn.utils.clip_grad_norm_(encoder.parameters(), 0.5)
            optimizer.step()
        found.append(float(loss.detach()))
    return found


@every_encoder
@pytest.mark.parametrize("accumulate", [1, 3])
def test_ten_losses_are_equal(name, accumulate):
    """To the last bit, dropout included."""
    eager, recorded = encoder_of(name), encoder_of(name)
    graphs = Graphs(recorded, Called())
    expected = losses(eager, None, batches(), accumulate)
    assert losses(recorded, graphs, batches(), accumulate) == expected
    assert len(set(expected)) == STEPS and len(graphs) == 1
    for one, other in zip(eager.parameters(), recorded.parameters(), strict=True):
        assert torch.equal(one, other)


@every_encoder
def test_bfloat16_losses_are_equal(name):
    """Casts of weights are made anew in each replay."""
    expected = losses(encoder_of(name), None, batches(), dtype=torch.bfloat16)
    recorded = encoder_of(name)
    graphs = Graphs(recorded, Called())
    given = losses(recorded, graphs, batches(), dtype=torch.bfloat16)
    if name == "bigru_ctc":  # on a CPU each frame casts the weights, and a cache would add their gradients in bfloat16
        assert given == pytest.approx(expected, rel=1e-2)
    else:
        assert given == expected
    assert [shape.autocast for shape in graphs.shapes] == [torch.bfloat16]


def test_shapes_are_recorded_once():
    encoder, recorder = encoder_of("bigru_ctc"), Called()
    graphs = Graphs(encoder, recorder)
    expected = losses(encoder_of("bigru_ctc"), None, batches((50, 64, 50)))
    assert losses(encoder, graphs, batches((50, 64, 50))) == expected
    assert [shape.num_frames for shape in graphs.shapes] == [50, 64]
    assert [recorder.log.count(word) for word in ("warm up", "record forward", "record backward")] == [2, 2, 2]
    eager = FIRST_EAGER * len(graphs)
    assert recorder.log.count("forward") == recorder.log.count("backward") == STEPS - eager
    assert recorder.log[:5] == ["warm up", "record forward", "record backward", "forward", "backward"]


def test_frames_are_rounded_without_dropout_of_values():
    """Losses are then equal but for rounding; with it, padding would draw too."""
    frames = (50, 53, 61, 64)
    encoder = encoder_of("conv_ctc")
    graphs = Graphs(encoder, Called())
    given = losses(encoder, graphs, batches(frames))
    assert given == pytest.approx(losses(encoder_of("conv_ctc"), None, batches(frames)), rel=1e-4)
    assert [shape.num_frames for shape in graphs.shapes] == [64]
    assert {name: ignores_padding(encoder_of(name)) for name in ENCODERS} == {
        "conv_ctc": True,
        "bigru_ctc": False,
        "conformer_ctc": False,
    }
    assert all(ignores_padding(encoder_of(name, dropout=0.0)) for name in ENCODERS)


@every_encoder
def test_padding_of_earlier_batches_is_gone(name):
    """A shorter batch follows a longer one in the same buffers."""
    frames = (64, 64, 49, 64, 50)
    recorded = encoder_of(name, dropout=0.0)
    given = losses(recorded, Graphs(recorded, Called()), batches(frames))
    assert given == pytest.approx(losses(encoder_of(name, dropout=0.0), None, batches(frames)), rel=1e-4)


def test_shapes_are_bounded():
    encoder = encoder_of("bigru_ctc")
    graphs = Graphs(encoder, Called(), most=1)
    losses(encoder, graphs, batches((50, 64)))
    assert [shape.num_frames for shape in graphs.shapes] == [50]


@pytest.mark.parametrize("after", [0, 1, 2])
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RuntimeError("operation not permitted when stream is capturing\nmore"), "not permitted when stream is capt"),
        (torch.OutOfMemoryError("CUDA out of memory."), "memory is too small for another graph"),
    ],
)
def test_refused_recordings_go_eager(error, words, after):
    frames = (50, 64)
    encoder = encoder_of("bigru_ctc")
    graphs = Graphs(encoder, Refusing(error, after))
    with pytest.warns(UserWarning, match=f"trainer.cuda_graphs: from here on, steps run without graphs: .*{words}"):
        given = losses(encoder, graphs, batches(frames))
    assert given == losses(encoder_of("bigru_ctc"), None, batches(frames))
    assert graphs.refusal and "\n" not in graphs.refusal and not len(graphs)


def test_refused_recording_leaves_nothing():
    """The error of a recording holds its tensors, and must not wait for a collection of garbage."""
    left = []

    class Failing(Called):
        def record(self, function):
            held = torch.zeros(3)
            left.append(weakref.ref(held))
            raise torch.OutOfMemoryError("CUDA out of memory.")

    encoder = encoder_of("conv_ctc")
    graphs = Graphs(encoder, Failing())
    gc.disable()
    try:
        with pytest.warns(UserWarning, match="memory is too small"):
            losses(encoder, graphs, batches())
        assert left and left[0]() is None
    finally:
        gc.enable()


def test_recordings_keep_no_autograd_graph():
    """It would bind the gradients of later steps to the stream of the recordings."""
    encoder = encoder_of("conv_ctc")
    captured = Captured(encoder, Shape(4, FRAMES, 12, None), Gradients(encoder.parameters()), Called())
    assert not captured._log_probs.requires_grad


def test_small_memory_goes_eager():
    """A batch of another shape needs memory beside that of the graphs."""
    frames = (50, 64)
    encoder = encoder_of("bigru_ctc")
    graphs = Graphs(encoder, Called(room=[False, True]))
    with pytest.warns(UserWarning, match="memory does not hold the largest batch twice"):
        given = losses(encoder, graphs, batches(frames))
    assert given == losses(encoder_of("bigru_ctc"), None, batches(frames))
    assert graphs.refusal and not len(graphs)


def test_warm_up_leaves_draws_and_gradients():
    encoder = encoder_of("conv_ctc")
    features, lengths = next(batches())
    graphs = Graphs(encoder, Called())
    for parameter in encoder.parameters():
        parameter.grad = torch.ones_like(parameter)
    for _ in range(1 + FIRST_EAGER):
        torch.manual_seed(5)
        scored = graphs.log_probs(features, lengths)
    assert WARM_UPS > 1
    torch.manual_seed(5)
    assert torch.equal(scored, encoder(features, lengths)[0])
    assert all(torch.equal(parameter.grad, torch.ones_like(parameter)) for parameter in encoder.parameters())


def trained(config, recorder):
    """Losses of the steps and scores of the epochs, and the graphs at the end of the last epoch."""
    found, results, graphs = [], [], []
    noted = LambdaCallback(
        on_train_batch_end=lambda _t, _m, outputs, *_: found.append(float(outputs["loss"])),
        on_train_epoch_end=lambda _t, module: graphs.append(module.graphs),
    )
    callbacks = [noted] if recorder is None else [Capture(lambda _device: recorder), noted]
    fit(config, lambda result, *_: results.append(result), callbacks=callbacks)
    return found, [(r.scores, r.train_loss) for r in results], graphs[-1]


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("conv_ctc", {}),
        ("bigru_ctc", {"trainer__accumulate_grad_batches": 2}),
        ("conformer_ctc", {"precision__precision": "bf16-mixed"}),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_training_equals_eager_one(quick, name, keys):
    config = quick(
        model={"target": name, "dim": 16, "num_layers": 2},
        augment={"gain_db": 3.0},
        data__bucketing=False,
        trainer__max_epochs=2,
        checkpoint={"weights": "ema"},
        **keys,
    )
    expected, scores, none = trained(config, None)
    recorder = Called()
    given, given_scores, graphs = trained(config, recorder)
    assert none is None and len(graphs) and recorder.log.count("backward") > 0
    if name == "conv_ctc":  # its frames are rounded
        assert given == pytest.approx(expected, rel=1e-3)
    else:
        assert given == expected and given_scores == scores


def test_cpu_has_no_recorder():
    assert on_cuda(torch.device("cpu")) is None
