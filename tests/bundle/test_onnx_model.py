"""Whatever obeys the encoder contract exports: convolutions, recurrence, attention."""

import onnx
import pytest
import torch
from torch import nn

from tune_asr.bundle.agreement import Disagreement
from tune_asr.bundle.onnx_model import export_onnx, open_session
from tune_asr.bundle.validation import Recogniser, check_fresh_lengths, validate
from tune_asr.training.batching import Example, collate
from tune_asr.training.encoders import ConvCTC, normalise
from tune_asr.training.encoders.encoder import frame_mask

BINS, VOCAB = 16, ["<blk>", "a", "b", " "]


class Recurrent(nn.Module):
    """Bidirectional, so that padding matters where lengths are not heeded."""

    def __init__(self, heeds_lengths=True):
        super().__init__()
        self.heeds_lengths = heeds_lengths
        self.gru = nn.GRU(BINS, 8, batch_first=True, bidirectional=True)
        self.output = nn.Linear(16, len(VOCAB))

    def forward(self, x, x_lens):
        if not self.heeds_lengths:
            return self.output(self.gru(x)[0]).log_softmax(-1), x_lens
        x = normalise(x, x_lens)
        packed = nn.utils.rnn.pack_padded_sequence(x, x_lens, batch_first=True, enforce_sorted=False)
        y, _ = nn.utils.rnn.pad_packed_sequence(self.gru(packed)[0], batch_first=True, total_length=x.shape[1])
        return self.output(y).log_softmax(-1), x_lens


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.projections = nn.Linear(BINS, 3 * 8)
        self.output = nn.Linear(8, len(VOCAB))

    def forward(self, x, x_lens):
        x = normalise(x, x_lens)[:, ::2]
        lengths = (x_lens + 1) // 2
        q, k, v = self.projections(x).chunk(3, dim=-1)
        mask = frame_mask(lengths, x.shape[1]).transpose(1, 2)
        y = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.output(y).log_softmax(-1), lengths


ENCODERS = {
    "conv_ctc": lambda: ConvCTC(BINS, len(VOCAB), dim=8, num_layers=1, kernel_size=3, subsampling=2),
    "recurrent": Recurrent,
    "attention": Attention,
}


def exported(encoder, path):
    torch.manual_seed(0)
    encoder = encoder.eval()
    export_onnx(encoder, path, num_mel_bins=BINS, metadata={"vocab_size": "4"})
    return Recogniser(encoder, open_session(path), VOCAB, 0)


@pytest.fixture(scope="module", params=ENCODERS)
def path(request, tmp_path_factory):
    return tmp_path_factory.mktemp(request.param) / "model.onnx"


@pytest.fixture(scope="module")
def recogniser(path):
    return exported(ENCODERS[path.parent.name.rstrip("0123456789")](), path)


def test_an_encoder_is_the_same_in_onnxruntime_at_any_length(recogniser):
    assert check_fresh_lengths(recogniser, BINS) < 1e-4
    lengths = (5, 30, 31, 90)
    examples = [Example(torch.randn(n, BINS), torch.tensor([1]), "a b", f"u{n}") for n in lengths]
    found = validate(recogniser, [collate(examples[:3]), collate(examples[3:])])
    assert [utterance.id for utterance in found.utterances] == ["u5", "u30", "u31", "u90"]
    assert all(agreement.num_same == len(lengths) for agreement in found.agreements)
    assert found.frames == set(lengths)


def test_the_file_has_what_sherpa_onnx_asks_for_and_nothing_of_this_machine(recogniser, path):
    model = onnx.load(str(path))
    assert [value.name for value in model.graph.input] == ["x", "x_lens"]
    assert [value.name for value in model.graph.output] == ["log_probs", "log_probs_len"]
    assert model.graph.output[0].type.tensor_type.shape.dim[2].dim_value == len(VOCAB)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert metadata["model_type"] == "zipformer2_ctc"
    assert metadata["vocab_size"] == "4"
    assert b"encoders/" not in path.read_bytes()
    assert b"site-packages" not in path.read_bytes()


def test_an_encoder_that_padding_changes_is_refused(tmp_path):
    recogniser = exported(Recurrent(heeds_lengths=False), tmp_path / "model.onnx")
    with pytest.raises(Disagreement, match="log-probabilities of PyTorch and onnxruntime differ"):
        check_fresh_lengths(recogniser, BINS)
