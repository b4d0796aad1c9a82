"""Export of custom encoders; test_build.py has the built-in ones."""

import pytest
import torch
from torch import nn

from tune_asr.export.agreement import Disagreement
from tune_asr.export.onnx_model import export_onnx
from tune_asr.export.parity import ExportedModel, check_fresh_lengths, validate
from tune_asr.inference.session import open_session
from tune_asr.training.batching import Example, collate
from tune_asr.training.encoders import normalise

BINS, VOCAB = 16, ["<blk>", "a", "b", " "]


class Recurrent(nn.Module):
    """Bidirectional encoder: padding matters unless it heeds lengths."""

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


def exported(encoder, path):
    torch.manual_seed(0)
    encoder = encoder.eval()
    export_onnx(encoder, path, num_mel_bins=BINS, metadata={"vocab_size": "4"})
    return ExportedModel(encoder, open_session(path), VOCAB, 0)


def test_custom_recurrent_encoder_exports_at_any_length(tmp_path):
    recogniser = exported(Recurrent(), tmp_path / "model.onnx")
    assert check_fresh_lengths(recogniser, BINS) < 1e-4
    lengths = (5, 30, 31, 90)
    examples = [Example(torch.randn(n, BINS), torch.tensor([1]), "a b", f"u{n}") for n in lengths]
    found = validate(recogniser, [collate(examples[:3]), collate(examples[3:])])
    assert [transcript.id for transcript in found.transcripts] == ["u5", "u30", "u31", "u90"]
    assert all(agreement.num_same == len(lengths) for agreement in found.agreements)
    assert found.frames == set(lengths)


def test_encoder_changed_by_padding_is_refused(tmp_path):
    recogniser = exported(Recurrent(heeds_lengths=False), tmp_path / "model.onnx")
    with pytest.raises(Disagreement, match="log-probabilities of PyTorch and onnxruntime differ"):
        check_fresh_lengths(recogniser, BINS)
